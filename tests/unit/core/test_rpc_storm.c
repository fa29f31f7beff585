/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Many questions from many threads, with servers that come and go: each ends exactly once. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "link.h"

#define ASKERS       8
#define PER_ASKER    200
#define FLOOD        4000 /* below RPC_OPEN_MAX */
#define FLOOD_BYTES  ((size_t)4096)
#define STORM_ASKERS 4
#define STORM_EACH   400
#define RESTARTS     10

static struct link rpc;
/* Of one test; not on its stack, because the last callbacks come when it is torn down. */
static struct tally tally;

static void set_up(void)
{
    link_set_up(&rpc);
}

static void tear_down(void)
{
    link_tear_down(&rpc);
}

static void *ask_many(void *argument)
{
    char question[64];
    char answer[64];
    size_t *wrong = argument;
    for (int i = 0; i < PER_ASKER; i++) {
        (void)snprintf(question, sizeof question, "q %p %d", argument, i);
        if (link_ask(&rpc, question, answer) != ERR_OK || strcmp(question, answer) != 0)
            (*wrong)++;
    }
    return NULL;
}

START_TEST(every_thread_gets_its_own_answers)
{
    pthread_t threads[ASKERS];
    size_t wrong[ASKERS] = {0};
    link_serve(&rpc);
    for (size_t i = 0; i < ASKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_many, &wrong[i]), 0);
    for (size_t i = 0; i < ASKERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(wrong[i], 0);
    }
    ck_assert_uint_eq(rpc.handled, ASKERS * PER_ASKER);
}
END_TEST

/*
 * More bytes than both socket buffers hold, and a server that does not read while it writes: the
 * client must read answers while one of its threads waits to send.
 */
START_TEST(flood_of_questions_is_answered_without_a_jam)
{
    link_serve(&rpc);
    for (int i = 0; i < FLOOD; i++)
        tally_ask(&rpc, &tally, 'a', FLOOD_BYTES);
    tally_wait(&tally, FLOOD);
    ck_assert_uint_eq(tally.ok, FLOOD);
}
END_TEST

static void *storm(void *argument)
{
    for (int i = 0; i < STORM_EACH; i++)
        tally_ask(&rpc, argument, i % 50 == 0 ? LINK_HANG_UP : 'a', 100);
    return NULL;
}

START_TEST(every_question_ends_once_while_servers_come_and_go)
{
    pthread_t threads[STORM_ASKERS];
    link_serve(&rpc);
    for (size_t i = 0; i < STORM_ASKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, storm, &tally), 0);
    for (int i = 0; i < RESTARTS; i++) {
        (void)poll(NULL, 0, 3);
        link_stop_serving(&rpc);
        link_serve(&rpc);
    }
    for (size_t i = 0; i < STORM_ASKERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    tally_wait(&tally, STORM_ASKERS * STORM_EACH);
    (void)poll(NULL, 0, 50); /* a second callback would come now */
    ck_assert_uint_eq(tally.ended, STORM_ASKERS * STORM_EACH);
    ck_assert_uint_eq(tally.ok + tally.unavailable, STORM_ASKERS * STORM_EACH);
}
END_TEST

struct asking_again {
    struct tally tally;
    atomic_int rounds;
};

/* A callback that asks the next question, as a retry does. */
static void ask_again(void *context, enum error code, struct frame *answer)
{
    struct asking_again *again = context;
    if (code == ERR_OK && atomic_fetch_sub(&again->rounds, 1) > 0) {
        rpc_client_send(rpc.client, bytes_of("a", 1), NULL, 0, deadline_in(LINK_WAIT_MS), ask_again,
                        again);
        return;
    }
    tally_end(&again->tally, code, answer);
}

START_TEST(callback_may_ask_the_next_question)
{
    struct asking_again again = {.rounds = 100};
    link_serve(&rpc);
    rpc_client_send(rpc.client, bytes_of("a", 1), NULL, 0, deadline_in(LINK_WAIT_MS), ask_again,
                    &again);
    tally_wait(&again.tally, 1);
    ck_assert_uint_eq(rpc.handled, 101);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core rpc storm");
    TCase *all = tcase_create("storm");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 240);
    tcase_add_test(all, every_thread_gets_its_own_answers);
    tcase_add_test(all, flood_of_questions_is_answered_without_a_jam);
    tcase_add_test(all, every_question_ends_once_while_servers_come_and_go);
    tcase_add_test(all, callback_may_ask_the_next_question);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
