/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A full queue is an answer; what is queued at the end is still served. Over a real socket. */
#include "vault/work_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <check.h>

#include "core/rpc_client.h"
#include "core/rpc_server.h"
#include "support/run.h"
#include "support/temp_dir.h"

#define CALLS 40

static struct temp_dir dir;
static struct rpc_server *server;
static struct rpc_client *client;
static struct work_pool *pool;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* closed: serving waits */
static atomic_uint served;
static atomic_uint refused;
static atomic_uint done;
static atomic_uint taken;

static void serve(void *context, struct rpc_call *call)
{
    (void)context;
    (void)pthread_mutex_lock(&door);
    (void)pthread_mutex_unlock(&door);
    (void)atomic_fetch_add(&served, 1);
    rpc_reply(call, bytes_of("served", 6), NULL, 0);
}

static void refuse(struct rpc_call *call)
{
    (void)atomic_fetch_add(&refused, 1);
    rpc_reply(call, bytes_of("refused", 7), NULL, 0);
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
    ck_assert_int_eq(code, ERR_OK);
    ck_assert_ptr_nonnull(answer);
    (void)atomic_fetch_add(&done, 1);
}

static void set_up(void)
{
    static char path[TEMP_PATH_MAX];
    struct fault fault;
    const struct work_pool_options options = {
        .threads = 2, .queue_max = 5, .serve = serve, .refuse = refuse};
    temp_dir_make(&dir);
    temp_dir_path(&dir, "socket", path);
    ck_assert_int_eq(work_pool_new(&options, &pool), ERR_OK);
    const struct rpc_server_options listening = {
        .path = path, .mode = 0600, .request_max = 100, .handle = take};
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

static void ask(unsigned calls)
{
    for (unsigned i = 0; i < calls; i++)
        rpc_client_send(client, bytes_of("?", 1), NULL, 0, deadline_in(20000), note_done, NULL);
}

static void await(atomic_uint *count, unsigned wanted)
{
    deadline_ms deadline = deadline_in(10000);
    while (atomic_load(count) < wanted) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "calls without an answer");
        (void)sched_yield();
    }
}

START_TEST(every_call_is_served_or_refused_exactly_once)
{
    (void)pthread_mutex_lock(&door);
    ask(CALLS);
    /* Two are with threads, five wait, the others are told at once. */
    await(&done, CALLS - 7);
    (void)pthread_mutex_unlock(&door);
    await(&done, CALLS);
    unsigned answered = atomic_load(&served) + atomic_load(&refused);
    unsigned turned_away = atomic_load(&refused);
    ck_assert_uint_eq(answered, CALLS);
    ck_assert_uint_ge(turned_away, CALLS - 7);
}
END_TEST

START_TEST(what_waits_at_the_end_is_still_answered)
{
    (void)pthread_mutex_lock(&door);
    ask(7);
    await(&taken, 7);
    rpc_server_stop(server);
    (void)pthread_mutex_unlock(&door);
    work_pool_free(pool);
    pool = NULL;
    unsigned answered = atomic_load(&served) + atomic_load(&refused);
    ck_assert_uint_eq(answered, 7);
    await(&done, 7); /* and every answer has arrived */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_call_is_served_or_refused_exactly_once,
        what_waits_at_the_end_is_still_answered,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "work pool",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
