/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What may wait for the writer: so many bytes, and nothing whose asker has given up. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "ledger/handle.h"
#include "world.h"

#define BIG     ((size_t)1024 * 1024)
#define THREADS 40
#define FIT     ((LEDGER_QUEUE_BYTES - BIG) / BIG) /* changes with a head and so many bytes */

static struct world world;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* closed: the writer waits */
static atomic_uint writing;
static atomic_uint taken;
static atomic_uint refused;

static void setup(void)
{
    world_make(&world, 1000);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static enum error apply_waiting(struct change_context *context, void *body, struct fault *fault)
{
    (void)context;
    (void)body;
    (void)fault;
    (void)atomic_fetch_add(&writing, 1);
    (void)pthread_mutex_lock(&door);
    (void)pthread_mutex_unlock(&door);
    return ERR_OK;
}

static enum error run(size_t size, struct fault *fault)
{
    CHANGE_AUTO *change = ledger_change(apply_waiting, size, fault);
    ck_assert_ptr_nonnull(change);
    return commit_run(world.ledger->committer, change, fault);
}

static void *run_big(void *argument)
{
    struct fault fault = {0};
    enum error e = run(BIG, &fault);
    (void)argument;
    if (e == ERR_OK) {
        (void)atomic_fetch_add(&taken, 1);
    } else {
        ck_assert_int_eq(e, ERR_BUSY);
        ck_assert_str_eq(fault.reason, "ledger-queue-full");
        (void)atomic_fetch_add(&refused, 1);
    }
    return NULL;
}

static void await(atomic_uint *count, unsigned wanted)
{
    deadline_ms deadline = deadline_in(10000);
    while (atomic_load(count) < wanted) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "nothing happens");
        (void)sched_yield();
    }
}

START_TEST(queue_holds_so_many_bytes_and_takes_more_when_they_are_written)
{
    pthread_t threads[THREADS];
    struct fault fault = {0};
    (void)pthread_mutex_lock(&door);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_big, NULL), 0);
    await(&writing, 1);
    await(&refused, THREADS - FIT);
    ck_assert_int_eq(run(BIG, &fault), ERR_BUSY);
    struct change *post = ledger_change(apply_waiting, 1, &fault);
    ck_assert(!commit_post(world.ledger->committer, post));
    change_put(post);
    (void)pthread_mutex_unlock(&door);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&taken), FIT);
    ck_assert_uint_eq(atomic_load(&refused), THREADS - FIT);
    ck_assert_int_eq(run(BIG, &fault), ERR_OK);
    ck_assert_int_eq(run(LEDGER_QUEUE_BYTES, &fault), ERR_BUSY);
    ck_assert_int_eq(run(LEDGER_QUEUE_BYTES - BIG, &fault), ERR_OK);
}
END_TEST

/* ---- deadlines ---- */

static enum error issue(int64_t n, deadline_ms deadline, struct ledger_issued *ret_issued)
{
    const struct ledger_issue asked = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .device = world_device(n),
                                       .license = bytes_of("license", 7),
                                       .deadline = deadline};
    return ledger_issue(world.ledger, &asked, ret_issued, &world.fault);
}

/* The writer is held up while the license waits behind it; the door opens after the deadline. */
struct late {
    deadline_ms deadline;
    enum error code;
    struct fault fault;
};

static void *hold_writer(void *argument)
{
    struct fault fault;
    (void)argument;
    ck_assert_int_eq(run(1, &fault), ERR_OK);
    return NULL;
}

static void *ask_late(void *argument)
{
    struct late *late = argument;
    struct ledger_issued issued;
    late->code = issue(2, late->deadline, &issued);
    late->fault = world.fault;
    return NULL;
}

START_TEST(what_its_asker_waits_for_no_more_is_neither_issued_nor_charged)
{
    pthread_t writer;
    pthread_t asker;
    struct ledger_issued issued;
    ck_assert_int_eq(issue(1, deadline_in(60000), &issued), ERR_OK);
    (void)pthread_mutex_lock(&door);
    ck_assert_int_eq(pthread_create(&writer, NULL, hold_writer, NULL), 0);
    await(&writing, 1);
    struct late late = {.deadline = deadline_in(100)};
    ck_assert_int_eq(pthread_create(&asker, NULL, ask_late, &late), 0);
    while (deadline_left_ms(late.deadline) > 0)
        (void)sched_yield();
    (void)pthread_mutex_unlock(&door);
    (void)pthread_join(writer, NULL);
    (void)pthread_join(asker, NULL);
    ck_assert_int_eq(late.code, ERR_BUSY);
    ck_assert_str_eq(late.fault.reason, "late");
    ck_assert_int_eq(issue(1, late.deadline, &issued), ERR_BUSY); /* no attempt either */
    ck_assert_int_eq(world_usage(&world).charged, 1);
    ck_assert_int_eq(issue(2, 0, &issued), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = tcase_create("queue");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, queue_holds_so_many_bytes_and_takes_more_when_they_are_written);
    tcase_add_test(tcase, what_its_asker_waits_for_no_more_is_neither_issued_nor_charged);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
