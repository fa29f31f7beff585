/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A full queue is an answer, callers take turns, and what is queued at the end is still served.
 * Over a real socket; a call's first byte is its caller.
 */
#include "vault/work_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/rpc_client.h"
#include "core/rpc_server.h"
#include "support/run.h"
#include "support/temp_dir.h"

#define CALLS     40
#define THREADS   2
#define QUEUE     8
#define PER_KEY   5
#define SERVED    "served"
#define ORDER_MAX 100

static struct temp_dir dir;
static struct rpc_server *server;
static struct rpc_client *client;
static struct work_pool *pool;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* closed: serving waits */
static char order[ORDER_MAX];                            /* of callers that were served */
static atomic_uint served;
static atomic_uint refused_caller;
static atomic_uint refused_all;
static atomic_uint done;
static atomic_uint lost;
static atomic_uint taken;

static void *read_call(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes)
{
    struct bytes request = rpc_call_request(call);
    if (request.length == 0 || request.data[0] == 'x')
        return NULL; /* no message */
    char *message = malloc(2);
    ck_assert_ptr_nonnull(message);
    message[0] = (char)request.data[0];
    message[1] = '\0';
    ret_key->bytes[0] = request.data[0];
    *ret_bytes = 2;
    return message;
}

static void serve(void *context, struct rpc_call *call, void *message, int64_t wait_us)
{
    (void)context;
    ck_assert_int_ge(wait_us, 0);
    (void)pthread_mutex_lock(&door);
    order[atomic_fetch_add(&served, 1)] = *(char *)message;
    (void)pthread_mutex_unlock(&door);
    rpc_reply(call, bytes_of(SERVED, strlen(SERVED)), NULL, 0);
    free(message);
}

static void refuse(void *context, struct rpc_call *call, void *message, const struct fault *why)
{
    (void)context;
    ck_assert_int_eq(why->code, ERR_BUSY);
    bool is_of_caller = strcmp(why->reason, "caller-queue-full") == 0;
    (void)atomic_fetch_add(is_of_caller ? &refused_caller : &refused_all, 1);
    rpc_reply(call, bytes_of("refused", 7), NULL, 0);
    free(message);
}

static void take(void *context, struct rpc_call *call)
{
    (void)context;
    work_pool_submit(pool, call);
    (void)atomic_fetch_add(&taken, 1);
}

static void note_done(void *context, enum error code, struct frame *answer)
{
    (void)context;
    (void)answer;
    (void)atomic_fetch_add(code == ERR_OK ? &done : &lost, 1);
}

static void set_up(void)
{
    static char path[TEMP_PATH_MAX];
    struct fault fault;
    const struct work_pool_options options = {.threads = THREADS,
                                              .queue = {.items_max = QUEUE,
                                                        .items_per_key = PER_KEY,
                                                        .bytes_max = 1000,
                                                        .taken_max = THREADS,
                                                        .taken_per_key = THREADS},
                                              .read = read_call,
                                              .serve = serve,
                                              .refuse = refuse};
    temp_dir_make(&dir);
    temp_dir_path(&dir, "socket", path);
    ck_assert_int_eq(work_pool_new(&options, &pool), ERR_OK);
    const struct rpc_server_options listening = {
        .path = path, .mode = 0600, .request_max = 2000, .handle = take};
    ck_assert_int_eq(rpc_server_new(&listening, &server, &fault), ERR_OK);
    const struct rpc_client_options asking = {
        .path = path, .reply_max = 100, .unavailable = ERR_VAULT_UNAVAILABLE};
    ck_assert_int_eq(rpc_client_new(&asking, &client), ERR_OK);
}

static void tear_down(void)
{
    rpc_server_stop(server);
    work_pool_free(pool);
    rpc_server_free(server);
    rpc_client_free(client);
    temp_dir_remove(&dir);
}

static void ask_long(const char *caller, size_t length, unsigned calls)
{
    char request[2000] = {caller[0]};
    for (unsigned i = 0; i < calls; i++)
        rpc_client_send(client, bytes_of(request, length), NULL, 0, deadline_in(20000), note_done,
                        NULL);
}

static void ask(const char *caller, unsigned calls)
{
    ask_long(caller, 1, calls);
}

static void await(atomic_uint *count, unsigned wanted)
{
    deadline_ms deadline = deadline_in(10000);
    while (atomic_load(count) < wanted) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "calls without an answer");
        (void)sched_yield();
    }
}

/* Closes the door and lets both threads run into it, so that whatever comes next waits. */
static void occupy(void)
{
    struct work_pool_view view;
    deadline_ms deadline = deadline_in(10000);
    (void)pthread_mutex_lock(&door);
    ask("o", THREADS);
    await(&taken, THREADS);
    do {
        ck_assert_int_gt(deadline_left_ms(deadline), 0);
        work_pool_show(pool, &view);
    } while (view.waiting > 0);
}

static void open_door(void)
{
    (void)pthread_mutex_unlock(&door);
}

START_TEST(every_call_is_served_or_refused_exactly_once)
{
    (void)pthread_mutex_lock(&door);
    ask("a", CALLS);
    /* Two are with threads, five wait, the others are told at once. */
    await(&done, CALLS - THREADS - PER_KEY);
    open_door();
    await(&done, CALLS);
    unsigned refused = atomic_load(&refused_caller);
    ck_assert_uint_eq(served + refused, CALLS);
    ck_assert_uint_ge(refused, CALLS - THREADS - PER_KEY);
    ck_assert_uint_eq(refused_all, 0);
}
END_TEST

START_TEST(callers_take_turns)
{
    occupy();
    ask("a", PER_KEY);
    await(&taken, THREADS + PER_KEY);
    ask("b", 1);
    await(&taken, THREADS + PER_KEY + 1);
    open_door();
    await(&done, THREADS + PER_KEY + 1);
    order[served] = '\0';
    const char *b = strchr(order, 'b');
    ck_assert_ptr_nonnull(b);
    /* In the order in which they came, b would be the last, or beside the last. A thread that has
     * taken it may be held up on a busy machine, while the other goes on. */
    ck_assert_msg(b - order < THREADS + PER_KEY - 1, "%s", order);
}
END_TEST

START_TEST(who_has_used_up_his_share_is_told_and_others_are_not)
{
    occupy();
    ask("a", PER_KEY + 2);
    await(&refused_caller, 2);
    ask("b", 1);
    await(&taken, THREADS + PER_KEY + 3);
    ck_assert_uint_eq(refused_all, 0);
    ask("c", QUEUE);
    await(&taken, THREADS + PER_KEY + 3 + QUEUE);
    ck_assert_uint_eq(refused_all, PER_KEY + 1); /* two places were left for c */
    open_door();
    await(&done, THREADS + PER_KEY + 3 + QUEUE);
    ck_assert_uint_eq(served, THREADS + QUEUE);
}
END_TEST

START_TEST(large_requests_are_bounded_in_bytes)
{
    occupy();
    ask_long("a", 900, 1);
    await(&taken, THREADS + 1);
    ask_long("b", 900, 1);
    await(&taken, THREADS + 2);
    ck_assert_uint_eq(refused_all, 1);
    open_door();
    await(&done, THREADS + 2);
    ck_assert_uint_eq(served, THREADS + 1);
}
END_TEST

START_TEST(waits_and_refusals_are_counted)
{
    struct work_pool_view view;
    uint64_t waits = 0;
    occupy();
    ask("a", PER_KEY + 3);
    await(&refused_caller, 3);
    work_pool_show(pool, &view);
    ck_assert_uint_eq(view.waiting, PER_KEY);
    ck_assert_uint_eq(view.waiting_max, QUEUE);
    ck_assert_uint_eq(view.refused, 3);
    open_door();
    await(&done, THREADS + PER_KEY + 3);
    work_pool_show(pool, &view);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        waits += view.waits.counts[i];
    ck_assert_uint_eq(waits, THREADS + PER_KEY);
    ck_assert_uint_eq(view.waiting, 0);
}
END_TEST

START_TEST(bytes_that_are_no_message_end_the_connection)
{
    ask("x", 1);
    await(&lost, 1);
    ask("a", 1);
    await(&done, 1);
    ck_assert_uint_eq(served, 1);
}
END_TEST

START_TEST(what_waits_at_the_end_is_still_answered)
{
    occupy();
    ask("a", PER_KEY);
    await(&taken, THREADS + PER_KEY);
    rpc_server_stop(server);
    open_door();
    work_pool_free(pool);
    pool = NULL;
    ck_assert_uint_eq(served, THREADS + PER_KEY);
    await(&done, THREADS + PER_KEY); /* and every answer has arrived */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_call_is_served_or_refused_exactly_once,
        callers_take_turns,
        who_has_used_up_his_share_is_told_and_others_are_not,
        large_requests_are_bounded_in_bytes,
        waits_and_refusals_are_counted,
        bytes_that_are_no_message_end_the_connection,
        what_waits_at_the_end_is_still_answered,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "work pool",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
