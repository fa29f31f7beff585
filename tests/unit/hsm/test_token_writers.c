/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workers that write the token at the same time as others start, make keys and write: each of them
 * sees what the others made.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>

#include "hsm_rig.h"
#include "note.h"

#define ASKERS     4
#define ASKED_EACH 20
#define KEYS_MAX   64
#define IN_BETWEEN 400 /* ms; that module writes for a second */

static struct hsm_rig rig;

static void set_up(void)
{
    hsm_rig_make(&rig);
    rig.module = MODULE_WRITES_SLOWLY;
    rig.workers = 2;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

static void *write_anchor(void *argument)
{
    struct fault fault = {0};
    struct note note = note_make(1, 1);
    (void)argument;
    enum error e = note_put(rig.client, &note, false, &fault);
    ck_assert_msg(e == ERR_OK, "%s %lx", fault.reason, fault.native);
    return NULL;
}

static void *use_key(void *argument)
{
    const struct hsm_key_id *id = argument;
    struct fault fault = {0};
    struct hsm_wrapped_key wrapped;
    for (int i = 0; i < ASKED_EACH; i++) {
        enum error e = hsm_generate_session_key(rig.client, id, 32, &wrapped, &fault);
        ck_assert_msg(e == ERR_OK, "%s %lx", fault.reason, fault.native);
    }
    return NULL;
}

static struct hsm_key_id make_key(uint8_t n)
{
    struct fault fault = {0};
    struct hsm_key_id id = {{n}};
    enum error e = hsm_generate_firmware_key(rig.client, &id, "key", &fault);
    ck_assert_msg(e == ERR_OK, "%s %lx", fault.reason, fault.native);
    return id;
}

/* Each worker is busy now and then while the others are asked. */
static void use_key_with_every_worker(struct hsm_key_id id)
{
    pthread_t askers[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        ck_assert_int_eq(pthread_create(&askers[i], NULL, use_key, &id), 0);
    for (int i = 0; i < ASKERS; i++)
        ck_assert_int_eq(pthread_join(askers[i], NULL), 0);
}

START_TEST(a_key_that_was_made_while_another_worker_wrote_is_seen_by_that_worker)
{
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_anchor, NULL), 0);
    hsm_rig_pause(IN_BETWEEN);
    struct hsm_key_id id = make_key(1);
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    use_key_with_every_worker(id);
}
END_TEST

START_TEST(keys_that_were_made_while_another_worker_started_are_seen_by_that_worker)
{
    pid_t workers[RIG_WORKERS_MAX];
    struct hsm_key_id ids[KEYS_MAX];
    unsigned count = 0;
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), rig.workers);
    ck_assert_int_eq(kill(workers[0], SIGKILL), 0);
    while (hsm_rig_count_events(&rig, "hsm-worker-ready") == rig.workers) {
        ids[count % KEYS_MAX] = make_key((uint8_t)(count + 1));
        count++;
        hsm_rig_pause(IN_BETWEEN / 2);
    }
    ck_assert_uint_gt(count, 0);
    for (unsigned i = 0; i < count && i < KEYS_MAX; i++)
        use_key_with_every_worker(ids[i]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("token writers");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_key_that_was_made_while_another_worker_wrote_is_seen_by_that_worker);
    tcase_add_test(tests, keys_that_were_made_while_another_worker_started_are_seen_by_that_worker);
    return hsm_rig_run_tests(tests);
}
