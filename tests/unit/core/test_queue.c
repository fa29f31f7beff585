/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The bounded queue, alone and between threads. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include <check.h>

#include "core/queue.h"

#define CAPACITY  4
#define WAIT_MS   20000
#define SHORT_MS  5
#define PRODUCERS 4
#define CONSUMERS 4
#define PER_ONE   5000
#define FEW       200
#define PAUSE_MS  2

static struct queue *queue;
static int items[CAPACITY + 1];

static void set_up(void)
{
    ck_assert_int_eq(queue_new(CAPACITY, &queue), ERR_OK);
}

static void tear_down(void)
{
    queue_free(queue);
}

START_TEST(items_leave_in_the_order_they_came)
{
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++)
            ck_assert(queue_push(queue, &items[i]));
        ck_assert_uint_eq(queue_length(queue), 3);
        for (size_t i = 0; i < 3; i++)
            ck_assert_ptr_eq(queue_try_pop(queue), &items[i]);
        ck_assert_ptr_null(queue_try_pop(queue));
    }
}
END_TEST

static bool is_not_third(const void *item)
{
    return item != &items[2];
}

START_TEST(some_items_leave_by_share_and_only_while_they_are_wanted)
{
    void *some[CAPACITY];
    for (size_t i = 0; i < CAPACITY; i++)
        ck_assert(queue_push(queue, &items[i]));
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 5, some, CAPACITY), 0);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 4, some, CAPACITY), 1);
    ck_assert_ptr_eq(some[0], &items[0]);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 1, some, CAPACITY), 1);
    ck_assert_ptr_eq(some[0], &items[1]);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 1, some, CAPACITY), 0);
    ck_assert_ptr_eq(queue_try_pop(queue), &items[2]);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 1, some, 0), 0);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 1, some, CAPACITY), 1);
    ck_assert_uint_eq(queue_try_pop_some(queue, is_not_third, 1, some, CAPACITY), 0);
}
END_TEST

START_TEST(full_queue_refuses_and_takes_again)
{
    for (size_t i = 0; i < CAPACITY; i++)
        ck_assert(queue_push(queue, &items[i]));
    ck_assert(!queue_push(queue, &items[CAPACITY]));
    ck_assert_ptr_eq(queue_try_pop(queue), &items[0]);
    ck_assert(queue_push(queue, &items[CAPACITY]));
}
END_TEST

START_TEST(first_item_goes_before_all_that_wait)
{
    for (size_t round = 0; round < CAPACITY; round++) { /* wherever the ring begins */
        ck_assert(queue_push(queue, &items[1]));
        ck_assert(queue_push_first(queue, &items[0]));
        ck_assert_uint_eq(queue_length(queue), 2);
        ck_assert_ptr_eq(queue_try_pop(queue), &items[0]);
        ck_assert_ptr_eq(queue_try_pop(queue), &items[1]);
    }
    for (size_t i = 0; i < CAPACITY; i++)
        ck_assert(queue_push_first(queue, &items[i]));
    ck_assert(!queue_push_first(queue, &items[CAPACITY]));
    queue_close(queue);
    ck_assert_ptr_eq(queue_try_pop(queue), &items[CAPACITY - 1]);
    ck_assert(!queue_push_first(queue, &items[0]));
}
END_TEST

START_TEST(empty_queue_waits_until_the_deadline_only)
{
    deadline_ms deadline = deadline_in(SHORT_MS);
    ck_assert_ptr_null(queue_pop(queue, deadline));
    ck_assert_int_eq(deadline_left_ms(deadline), 0);
}
END_TEST

START_TEST(closed_queue_refuses_and_drains)
{
    ck_assert(queue_push(queue, &items[0]));
    ck_assert(!queue_is_closed(queue));
    queue_close(queue);
    ck_assert(queue_is_closed(queue));
    ck_assert(!queue_push(queue, &items[1]));
    ck_assert_ptr_eq(queue_pop(queue, deadline_in(WAIT_MS)), &items[0]);
    ck_assert_ptr_null(queue_pop(queue, deadline_in(WAIT_MS)));
}
END_TEST

static void *pop_one(void *nothing)
{
    (void)nothing;
    return queue_pop(queue, deadline_in(WAIT_MS));
}

START_TEST(waiting_thread_wakes_for_an_item)
{
    pthread_t waiter;
    void *got = NULL;
    ck_assert_int_eq(pthread_create(&waiter, NULL, pop_one, NULL), 0);
    ck_assert(queue_push(queue, &items[2]));
    ck_assert_int_eq(pthread_join(waiter, &got), 0);
    ck_assert_ptr_eq(got, &items[2]);
}
END_TEST

START_TEST(closing_wakes_all_waiting_threads)
{
    pthread_t waiters[3];
    void *got = &items[0];
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&waiters[i], NULL, pop_one, NULL), 0);
    queue_close(queue);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(waiters[i], &got), 0);
        ck_assert_ptr_null(got);
    }
}
END_TEST

static atomic_uintptr_t popped_sum;

static void *produce(void *argument)
{
    for (uintptr_t i = 1; i <= PER_ONE; i++) {
        while (!queue_push(queue, (void *)i))
            ;
    }
    return argument;
}

static void *consume(void *argument)
{
    for (void *item; (item = queue_pop(queue, deadline_in(WAIT_MS))) != NULL;)
        atomic_fetch_add(&popped_sum, (uintptr_t)item);
    return argument;
}

START_TEST(every_item_is_popped_exactly_once)
{
    pthread_t producers[PRODUCERS];
    pthread_t consumers[CONSUMERS];
    atomic_store(&popped_sum, 0);
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_create(&consumers[i], NULL, consume, NULL), 0);
    for (size_t i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, NULL), 0);
    for (size_t i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_join(producers[i], NULL), 0);
    queue_close(queue);
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_join(consumers[i], NULL), 0);
    ck_assert_uint_eq(popped_sum, (uintptr_t)PRODUCERS * PER_ONE * (PER_ONE + 1) / 2);
}
END_TEST

/* ---- whom an item calls ---- */

static void set_up_workers(void)
{
    ck_assert_int_eq(queue_new_for(CAPACITY, CONSUMERS, &queue), ERR_OK);
}

static atomic_uint served[CONSUMERS];
static atomic_uint served_count;

static void *serve(void *argument)
{
    while (queue_pop(queue, deadline_in(WAIT_MS)) != NULL) {
        atomic_fetch_add((atomic_uint *)argument, 1);
        atomic_fetch_add(&served_count, 1);
    }
    return NULL;
}

/* Whoever served goes to sleep last, and so is the first to be called. */
START_TEST(few_items_are_the_work_of_few_workers)
{
    pthread_t threads[CONSUMERS];
    unsigned most = 0;
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &served[i]), 0);
    for (unsigned i = 1; i <= FEW; i++) {
        (void)poll(NULL, 0, PAUSE_MS);
        ck_assert(queue_push(queue, &items[0]));
        while (served_count < i)
            (void)sched_yield();
    }
    queue_close(queue);
    for (size_t i = 0; i < CONSUMERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        most = served[i] > most ? served[i] : most;
    }
    ck_assert_uint_gt(most, FEW / 2);
}
END_TEST

START_TEST(no_queue_can_be_freed)
{
    queue_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core queue");
    TCase *all = tcase_create("queue");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, items_leave_in_the_order_they_came);
    tcase_add_test(all, some_items_leave_by_share_and_only_while_they_are_wanted);
    tcase_add_test(all, full_queue_refuses_and_takes_again);
    tcase_add_test(all, first_item_goes_before_all_that_wait);
    tcase_add_test(all, empty_queue_waits_until_the_deadline_only);
    tcase_add_test(all, closed_queue_refuses_and_drains);
    tcase_add_test(all, waiting_thread_wakes_for_an_item);
    tcase_add_test(all, closing_wakes_all_waiting_threads);
    tcase_add_test(all, every_item_is_popped_exactly_once);
    tcase_add_test(all, no_queue_can_be_freed);
    suite_add_tcase(suite, all);
    TCase *workers = tcase_create("workers");
    tcase_add_checked_fixture(workers, set_up_workers, tear_down);
    tcase_set_timeout(workers, 60);
    tcase_add_test(workers, empty_queue_waits_until_the_deadline_only);
    tcase_add_test(workers, closed_queue_refuses_and_drains);
    tcase_add_test(workers, waiting_thread_wakes_for_an_item);
    tcase_add_test(workers, closing_wakes_all_waiting_threads);
    tcase_add_test(workers, every_item_is_popped_exactly_once);
    tcase_add_test(workers, few_items_are_the_work_of_few_workers);
    suite_add_tcase(suite, workers);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
