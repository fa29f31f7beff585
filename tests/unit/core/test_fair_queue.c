/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The queue that is shared fairly: turns, bounds, and threads. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <check.h>

#include "core/fair_queue.h"
#include "support/run.h"

#define ITEMS         64
#define PER_KEY       24
#define BYTES         1000
#define TAKEN         5
#define TAKEN_PER_KEY 2
#define WAIT_MS       20000
#define SHORT_MS      5
#define KEYS          5
#define PRODUCERS     4
#define CONSUMERS     4
#define PER_ONE       20000
#define STEPS         200000
#define FEW           200
#define PAUSE_MS      2

static struct fair_queue *queue;

static void set_up(void)
{
    const struct fair_queue_options options = {.items_max = ITEMS,
                                               .items_per_key = PER_KEY,
                                               .bytes_max = BYTES,
                                               .taken_max = TAKEN,
                                               .taken_per_key = TAKEN_PER_KEY};
    ck_assert_int_eq(fair_queue_new(&options, &queue), ERR_OK);
}

static void tear_down(void)
{
    fair_queue_free(queue);
}

/* Differs in its last byte only, so that all keys share a bucket. */
static struct sha256 key_of(uint8_t caller)
{
    struct sha256 key = {0};
    key.bytes[SHA256_SIZE - 1] = caller;
    return key;
}

static enum fair_answer push(uint8_t caller, uintptr_t item, size_t bytes)
{
    const struct sha256 key = key_of(caller);
    return fair_queue_push(queue, &key, (void *)item, bytes);
}

/* The next item, on which somebody works now. */
static uintptr_t take(void)
{
    struct sha256 key;
    return (uintptr_t)fair_queue_pop(queue, deadline_in(0), &key);
}

static void finish(uint8_t caller)
{
    const struct sha256 key = key_of(caller);
    fair_queue_done(queue, &key);
}

/* The next item, and the work on it is done at once. */
static uintptr_t pop_until(deadline_ms deadline)
{
    struct sha256 key;
    void *item = fair_queue_pop(queue, deadline, &key);
    if (item != NULL)
        fair_queue_done(queue, &key);
    return (uintptr_t)item;
}

static uintptr_t pop(void)
{
    return pop_until(deadline_in(0));
}

START_TEST(items_of_one_key_leave_in_the_order_they_came)
{
    for (int round = 0; round < 3; round++) {
        for (uintptr_t i = 1; i <= PER_KEY; i++)
            ck_assert_int_eq(push(1, i, 0), FAIR_TAKEN);
        for (uintptr_t i = 1; i <= PER_KEY; i++)
            ck_assert_uint_eq(pop(), i);
        ck_assert_uint_eq(pop(), 0);
    }
}
END_TEST

START_TEST(keys_take_turns)
{
    static const uintptr_t expected[] = {11, 21, 31, 12, 22, 13, 14};
    for (uintptr_t i = 1; i <= 4; i++)
        ck_assert_int_eq(push(1, 10 + i, 0), FAIR_TAKEN);
    for (uintptr_t i = 1; i <= 2; i++)
        ck_assert_int_eq(push(2, 20 + i, 0), FAIR_TAKEN);
    ck_assert_int_eq(push(3, 31, 0), FAIR_TAKEN);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        ck_assert_uint_eq(pop(), expected[i]);
}
END_TEST

/* The flood refills its share after every pop; the other's item still leaves at its turn. */
START_TEST(one_who_floods_starves_nobody)
{
    for (uintptr_t round = 1; round <= 1000; round++) {
        unsigned popped = 0;
        while (push(1, 7, 0) == FAIR_TAKEN)
            ;
        ck_assert_int_eq(push(2, 1000 + round, 0), FAIR_TAKEN);
        while (pop() != 1000 + round) {
            popped++;
            ck_assert_int_eq(push(1, 7, 0), FAIR_TAKEN);
        }
        ck_assert_uint_le(popped, 1);
    }
}
END_TEST

START_TEST(one_key_fills_its_share_and_no_more)
{
    for (uintptr_t i = 1; i <= PER_KEY; i++)
        ck_assert_int_eq(push(1, i, 0), FAIR_TAKEN);
    ck_assert_int_eq(push(1, 99, 0), FAIR_KEY_FULL);
    ck_assert_int_eq(push(2, 99, 0), FAIR_TAKEN);
    ck_assert_uint_eq(pop(), 1);
    ck_assert_int_eq(push(1, 99, 0), FAIR_TAKEN);
    ck_assert_int_eq(push(1, 99, 0), FAIR_KEY_FULL);
}
END_TEST

START_TEST(full_queue_refuses_everybody_and_takes_again)
{
    for (uint8_t i = 0; i < ITEMS; i++)
        ck_assert_int_eq(push(i, 1, 0), FAIR_TAKEN);
    ck_assert_int_eq(push(200, 1, 0), FAIR_FULL);
    ck_assert_int_eq(push(3, 1, 0), FAIR_FULL);
    ck_assert_uint_eq(fair_queue_length(queue), ITEMS);
    ck_assert_uint_eq(pop(), 1);
    ck_assert_int_eq(push(200, 1, 0), FAIR_TAKEN);
}
END_TEST

START_TEST(bytes_are_bounded_and_come_back)
{
    ck_assert_int_eq(push(1, 1, BYTES + 1), FAIR_FULL);
    ck_assert_int_eq(push(1, 1, SIZE_MAX), FAIR_FULL);
    ck_assert_int_eq(push(1, 1, BYTES - 10), FAIR_TAKEN);
    ck_assert_int_eq(push(2, 2, 11), FAIR_FULL);
    ck_assert_int_eq(push(2, 2, 10), FAIR_TAKEN);
    ck_assert_uint_eq(pop(), 1);
    ck_assert_int_eq(push(3, 3, BYTES - 10), FAIR_TAKEN);
}
END_TEST

START_TEST(empty_queue_waits_until_the_deadline_only)
{
    deadline_ms deadline = deadline_in(SHORT_MS);
    ck_assert_uint_eq(pop_until(deadline), 0);
    ck_assert_int_eq(deadline_left_ms(deadline), 0);
}
END_TEST

START_TEST(closed_queue_refuses_and_drains)
{
    ck_assert_int_eq(push(1, 1, 0), FAIR_TAKEN);
    ck_assert(!fair_queue_is_closed(queue));
    fair_queue_close(queue);
    ck_assert(fair_queue_is_closed(queue));
    ck_assert_int_eq(push(1, 2, 0), FAIR_FULL);
    ck_assert_uint_eq(pop_until(deadline_in(WAIT_MS)), 1);
    ck_assert_uint_eq(pop_until(deadline_in(WAIT_MS)), 0);
}
END_TEST

/* ---- who works on what was popped ---- */

START_TEST(key_whose_share_is_taken_waits_and_others_do_not)
{
    for (uintptr_t i = 1; i <= 4; i++)
        ck_assert_int_eq(push(1, 10 + i, 0), FAIR_TAKEN);
    ck_assert_uint_eq(take(), 11);
    ck_assert_uint_eq(take(), 12);
    ck_assert_uint_eq(take(), 0); /* two are at work for it */
    ck_assert_int_eq(push(2, 21, 0), FAIR_TAKEN);
    ck_assert_uint_eq(take(), 21);
    finish(1);
    ck_assert_uint_eq(take(), 13);
    ck_assert_uint_eq(take(), 0);
    finish(1);
    finish(1);
    ck_assert_uint_eq(take(), 14);
    finish(1);
    finish(2);
    ck_assert_uint_eq(fair_queue_length(queue), 0);
}
END_TEST

START_TEST(keys_with_nothing_waiting_keep_their_place_while_somebody_works_for_them)
{
    for (uint8_t i = 0; i < TAKEN; i++) {
        ck_assert_int_eq(push(i, 1, 0), FAIR_TAKEN);
        ck_assert_uint_eq(take(), 1);
    }
    for (uint8_t i = 0; i < ITEMS; i++) /* a lane for each of them all the same */
        ck_assert_int_eq(push((uint8_t)(100 + i), 2, 0), FAIR_TAKEN);
    for (uint8_t i = 0; i < TAKEN; i++)
        finish(i);
    for (uint8_t i = 0; i < ITEMS; i++)
        ck_assert_uint_eq(pop(), 2);
}
END_TEST

/* Waits for the second item, which waits for the first one to be done. */
static void *drain(void *argument)
{
    *(uintptr_t *)argument = pop_until(deadline_in(WAIT_MS));
    return NULL;
}

START_TEST(closed_queue_drains_what_a_share_held_back)
{
    pthread_t thread;
    uintptr_t item = 0;
    for (uintptr_t i = 1; i <= TAKEN_PER_KEY + 1; i++)
        ck_assert_int_eq(push(1, i, 0), FAIR_TAKEN);
    for (uintptr_t i = 1; i <= TAKEN_PER_KEY; i++)
        ck_assert_uint_eq(take(), i);
    fair_queue_close(queue);
    ck_assert_int_eq(pthread_create(&thread, NULL, drain, &item), 0);
    finish(1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(item, TAKEN_PER_KEY + 1);
    ck_assert_uint_eq(pop_until(deadline_in(WAIT_MS)), 0);
}
END_TEST

/* ---- against a simple model ---- */

struct model {
    uintptr_t items[KEYS][PER_KEY];
    size_t lengths[KEYS];
    size_t ring[KEYS];
    size_t ring_length;
};

static void model_push(struct model *model, size_t key, uintptr_t item)
{
    if (model->lengths[key] == 0)
        model->ring[model->ring_length++] = key;
    model->items[key][model->lengths[key]++] = item;
}

static uintptr_t model_pop(struct model *model)
{
    if (model->ring_length == 0)
        return 0;
    size_t key = model->ring[0];
    uintptr_t item = model->items[key][0];
    model->ring_length--;
    for (size_t i = 0; i < model->ring_length; i++)
        model->ring[i] = model->ring[i + 1];
    model->lengths[key]--;
    for (size_t i = 0; i < model->lengths[key]; i++)
        model->items[key][i] = model->items[key][i + 1];
    if (model->lengths[key] > 0)
        model->ring[model->ring_length++] = key;
    return item;
}

START_TEST(any_order_of_pushes_and_pops_is_as_the_model_says)
{
    static struct model model;
    srandom(20261127);
    for (uintptr_t step = 1; step <= STEPS; step++) {
        size_t key = (size_t)random() % KEYS;
        size_t total = 0;
        for (size_t i = 0; i < KEYS; i++)
            total += model.lengths[i];
        if (random() % 100 < 48) {
            ck_assert_uint_eq(pop(), model_pop(&model));
            continue;
        }
        enum fair_answer answer = push((uint8_t)key, step, 1);
        ck_assert_int_eq(answer, model.lengths[key] == PER_KEY ? FAIR_KEY_FULL
                                 : total == ITEMS              ? FAIR_FULL
                                                               : FAIR_TAKEN);
        if (answer == FAIR_TAKEN)
            model_push(&model, key, step);
    }
}
END_TEST

/* ---- threads ---- */

static atomic_uintptr_t popped_sum;
static atomic_uint popped_count;

static void *produce(void *argument)
{
    uint8_t caller = (uint8_t)(uintptr_t)argument;
    for (uintptr_t i = 1; i <= PER_ONE; i++) {
        while (push(caller, i, 1) != FAIR_TAKEN)
            (void)sched_yield();
    }
    return NULL;
}

static void *consume(void *argument)
{
    for (uintptr_t item; (item = pop_until(deadline_in(WAIT_MS))) != 0;) {
        atomic_fetch_add(&popped_sum, item);
        atomic_fetch_add(&popped_count, 1);
    }
    return argument;
}

START_TEST(every_item_is_popped_exactly_once)
{
    pthread_t producers[PRODUCERS];
    pthread_t consumers[CONSUMERS];
    uintptr_t one = (uintptr_t)PER_ONE * (PER_ONE + 1) / 2;
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_create(&consumers[i], NULL, consume, NULL), 0);
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_create(&producers[i], NULL, produce, (void *)i), 0);
    for (size_t i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_join(producers[i], NULL), 0);
    fair_queue_close(queue);
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_join(consumers[i], NULL), 0);
    ck_assert_uint_eq(popped_count, (unsigned)(PRODUCERS * PER_ONE));
    ck_assert_uint_eq(popped_sum, PRODUCERS * one);
}
END_TEST

/* ---- who is called ---- */

static atomic_uint served[CONSUMERS];
static atomic_uint served_count;

static void *serve(void *argument)
{
    while (pop_until(deadline_in(WAIT_MS)) != 0) {
        atomic_fetch_add((atomic_uint *)argument, 1);
        atomic_fetch_add(&served_count, 1);
    }
    return NULL;
}

/* Whoever served goes to sleep last, and so is the first to be called. */
START_TEST(few_items_are_the_work_of_few_threads)
{
    pthread_t threads[CONSUMERS];
    unsigned most = 0;
    for (size_t i = 0; i < CONSUMERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &served[i]), 0);
    for (unsigned i = 1; i <= FEW; i++) {
        (void)poll(NULL, 0, PAUSE_MS);
        ck_assert_int_eq(push(1, i, 0), FAIR_TAKEN);
        while (served_count < i)
            (void)sched_yield();
    }
    fair_queue_close(queue);
    for (size_t i = 0; i < CONSUMERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        most = served[i] > most ? served[i] : most;
    }
    ck_assert_uint_gt(most, FEW / 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        items_of_one_key_leave_in_the_order_they_came,
        keys_take_turns,
        one_who_floods_starves_nobody,
        one_key_fills_its_share_and_no_more,
        full_queue_refuses_everybody_and_takes_again,
        bytes_are_bounded_and_come_back,
        empty_queue_waits_until_the_deadline_only,
        closed_queue_refuses_and_drains,
        key_whose_share_is_taken_waits_and_others_do_not,
        keys_with_nothing_waiting_keep_their_place_while_somebody_works_for_them,
        closed_queue_drains_what_a_share_held_back,
        any_order_of_pushes_and_pops_is_as_the_model_says,
        every_item_is_popped_exactly_once,
        few_items_are_the_work_of_few_threads,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "fair queue",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
