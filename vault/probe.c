/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question on the vault's own station socket, over a connection of its own, and a look at the
 * ledger's writer, whom that question, which only reads, does not meet.
 */
#include <stdbool.h>
#include <string.h>

#include "core/rpc_client.h"
#include "vault.pb-c.h"
#include "vault/state.h"
#include "vault/vault.h"
#include "vault/vault_client.h"
#include "vault/work_pool.h"

#define QUESTION_MAX_BYTES 64

static size_t pack_question(uint8_t out[QUESTION_MAX_BYTES], deadline_ms deadline)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_READY;
    message.ready = &ready;
    message.timeout_ms = (uint32_t)deadline_left_ms(deadline) + 1;
    return provisiond__station_request__get_packed_size(&message) <= QUESTION_MAX_BYTES
               ? provisiond__station_request__pack(&message, out)
               : 0;
}

/* Whether a thread of the pool has taken a call since the last look. */
static bool has_moved(struct vault *vault)
{
    struct work_pool_view view;
    uint64_t taken = 0;
    work_pool_show(vault->station_pool, &view);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        taken += view.waits.counts[i];
    bool is_more = taken != vault->probed_taken;
    vault->probed_taken = taken;
    return is_more;
}

/* A full queue is answered by the socket's reader, whatever has become of the threads behind it. */
static bool is_refusal_at_the_door(const struct frame *answer)
{
    Provisiond__StationReply *reply =
        provisiond__station_reply__unpack(NULL, answer->length, answer->payload);
    bool is_refusal = reply == NULL || (reply->fault != NULL && reply->fault->reason != NULL &&
                                        (strcmp(reply->fault->reason, "queue-full") == 0 ||
                                         strcmp(reply->fault->reason, "caller-queue-full") == 0));
    if (reply != NULL)
        provisiond__station_reply__free_unpacked(reply, NULL);
    return is_refusal;
}

static enum error ask(const struct vault *vault, deadline_ms deadline, bool *ret_is_refused)
{
    const struct rpc_client_options options = {.path = vault->config->vault.socket,
                                               .reply_max = VAULT_REPLY_MAX_BYTES,
                                               .unavailable = ERR_VAULT_UNAVAILABLE};
    uint8_t question[QUESTION_MAX_BYTES];
    struct rpc_client *client = NULL;
    struct frame answer;
    size_t length = pack_question(question, deadline);
    enum error e = rpc_client_new(&options, &client);
    if (e != ERR_OK)
        return e;
    e = rpc_client_call(client, bytes_of(question, length), NULL, 0, deadline, &answer);
    if (e == ERR_OK) {
        *ret_is_refused = is_refusal_at_the_door(&answer);
        frame_clear(&answer);
    }
    rpc_client_free(client);
    return e;
}

enum error vault_writer_check(struct vault *vault, struct fault *fault)
{
    return ledger_writer_check(vault->ledger, fault);
}

enum error vault_probe(struct vault *vault, deadline_ms deadline, struct fault *fault)
{
    bool is_refused = false;
    enum error e = ask(vault, deadline, &is_refused);
    bool is_moving = has_moved(vault);
    if (e == ERR_OK && is_refused && !is_moving)
        return fault_set(fault, ERR_TIMEOUT, "queue-stands",
                         "The queue of station requests is full, and none was taken from it since "
                         "the last look.",
                         0);
    if (e != ERR_OK)
        return fault_set(fault, e, "no-answer",
                         "The vault's own station socket gave no answer in time.", 0);
    return vault_writer_check(vault, fault);
}
