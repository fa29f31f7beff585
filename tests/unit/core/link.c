/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See link.h. */
#include "link.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static bool is_allowed(void *context, const struct rpc_peer *peer)
{
    const struct link *link = context;
    (void)peer;
    return !link->allows_nobody;
}

static void handle(void *context, struct rpc_call *call)
{
    struct link *link = context;
    unsigned fd_count = 0;
    struct bytes request = rpc_call_request(call);
    const int *fds = rpc_call_fds(call, &fd_count);
    atomic_fetch_add(&link->handled, 1);
    if (request.data[0] == LINK_HANG_UP)
        rpc_hang_up(call);
    else if (request.data[0] != LINK_HOLD || !queue_push(link->held, call))
        rpc_reply(call, request, fds, fd_count);
}

void link_set_up(struct link *link)
{
    *link = (struct link){0};
    temp_dir_make(&link->folder);
    temp_dir_path(&link->folder, "sock", link->path);
    struct rpc_client_options options = {.path = link->path,
                                         .reply_max = LINK_PAYLOAD_MAX,
                                         .unavailable = ERR_VAULT_UNAVAILABLE,
                                         .accepts_fds = true};
    ck_assert_int_eq(queue_new(RPC_OPEN_MAX + 1, &link->held), ERR_OK);
    ck_assert_int_eq(rpc_client_new(&options, &link->client), ERR_OK);
}

void link_serve(struct link *link)
{
    struct fault fault = {0};
    struct rpc_server_options options = {.path = link->path,
                                         .mode = 0600,
                                         .request_max = LINK_PAYLOAD_MAX,
                                         .accepts_fds = link->accepts_fds,
                                         .is_allowed = is_allowed,
                                         .handle = handle,
                                         .context = link};
    enum error code = rpc_server_new(&options, &link->server, &fault);
    ck_assert_msg(code == ERR_OK, "%s %ld", fault.detail, fault.native);
}

void link_stop_serving(struct link *link)
{
    if (link->server == NULL)
        return;
    rpc_server_stop(link->server);
    for (struct rpc_call *call; (call = queue_try_pop(link->held)) != NULL;)
        link_answer(call, "late");
    rpc_server_free(link->server);
    link->server = NULL;
}

void link_tear_down(struct link *link)
{
    link_stop_serving(link);
    rpc_client_free(link->client);
    queue_free(link->held);
    temp_dir_remove(&link->folder);
}

struct rpc_call *link_take_held(struct link *link)
{
    struct rpc_call *call = queue_pop(link->held, deadline_in(LINK_WAIT_MS));
    ck_assert_ptr_nonnull(call);
    return call;
}

void link_answer(struct rpc_call *call, const char *text)
{
    rpc_reply(call, bytes_of(text, strlen(text)), NULL, 0);
}

enum error link_ask(struct link *link, const char *text, char ret_text[64])
{
    struct frame answer;
    enum error code = rpc_client_call(link->client, bytes_of(text, strlen(text)), NULL, 0,
                                      deadline_in(LINK_WAIT_MS), &answer);
    if (code != ERR_OK)
        return code;
    size_t length = answer.length < 63 ? answer.length : 63;
    memcpy(ret_text, answer.payload, length);
    ret_text[length] = '\0';
    frame_clear(&answer);
    return ERR_OK;
}

void tally_end(void *context, enum error code, struct frame *answer)
{
    struct tally *tally = context;
    ck_assert((answer != NULL) == (code == ERR_OK));
    if (code == ERR_OK)
        atomic_fetch_add(&tally->ok, 1);
    else if (code == ERR_VAULT_UNAVAILABLE)
        atomic_fetch_add(&tally->unavailable, 1);
    else
        atomic_fetch_add(&tally->other, 1);
    atomic_fetch_add(&tally->ended, 1);
}

void tally_wait(struct tally *tally, unsigned count)
{
    deadline_ms deadline = deadline_in(LINK_WAIT_MS);
    while (atomic_load(&tally->ended) < count && deadline_left_ms(deadline) > 0)
        (void)poll(NULL, 0, 1);
    ck_assert_uint_eq(atomic_load(&tally->ended), count);
}

void tally_ask(struct link *link, struct tally *tally, char first, size_t length)
{
    char payload[LINK_PAYLOAD_MAX] = {0};
    payload[0] = first;
    rpc_client_send(link->client, bytes_of(payload, length), NULL, 0, deadline_in(LINK_WAIT_MS),
                    tally_end, tally);
}
