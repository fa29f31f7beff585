/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packs questions, unpacks answers, and checks that an answer is one. The connection's life and the
 * deadlines belong to core/rpc_client.
 */
#include "vault/vault_client.h"

#include <stdlib.h>

#include "core/fault_message.h"
#include "core/rpc_client.h"

struct vault_client {
    struct rpc_client *link;
};

/* One station question under way. */
struct station_question {
    vault_station_done done;
    void *context;
};

enum error vault_client_new(const char *socket_path, struct vault_client **ret_client)
{
    const struct rpc_client_options options = {.path = socket_path,
                                               .reply_max = VAULT_REPLY_MAX_BYTES,
                                               .unavailable = ERR_VAULT_UNAVAILABLE,
                                               .accepts_fds = true};
    struct vault_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ERR_INTERNAL;
    enum error e = rpc_client_new(&options, &client->link);
    if (e != ERR_OK) {
        free(client);
        return e;
    }
    *ret_client = client;
    return ERR_OK;
}

void vault_client_free(struct vault_client *client)
{
    if (client == NULL)
        return;
    rpc_client_free(client->link);
    free(client);
}

static enum error fault_of_link(enum error code, struct fault *fault)
{
    switch (code) {
    case ERR_TIMEOUT:
        return fault_set(fault, code, "vault-timeout",
                         "The vault did not answer in time; the outcome is not known.", 0);
    case ERR_BUSY:
        return fault_set(fault, code, "link-full", "Too many requests are under way.", 0);
    default:
        return fault_set(fault, ERR_VAULT_UNAVAILABLE, "vault-unreachable",
                         "The vault cannot be reached.", 0);
    }
}

static enum error fault_of_garbage(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "vault-answer",
                     "The vault's answer cannot be understood; are the versions equal?", 0);
}

static int take_first_file(struct frame *answer)
{
    if (answer->fd_count == 0)
        return -1;
    int file = answer->fds[0];
    answer->fds[0] = answer->fds[--answer->fd_count];
    return file;
}

static void station_done(void *context, enum error code, struct frame *answer)
{
    struct station_question *question = context;
    struct fault fault = {0};
    Provisiond__StationReply *reply = NULL;
    if (code != ERR_OK) {
        (void)fault_of_link(code, &fault);
    } else {
        reply = provisiond__station_reply__unpack(NULL, answer->length, answer->payload);
        if (reply == NULL)
            (void)fault_of_garbage(&fault);
        else
            (void)fault_from_message(reply->fault, &fault);
    }
    int file = answer != NULL ? take_first_file(answer) : -1;
    question->done(question->context, &fault, reply, file);
    if (reply != NULL)
        provisiond__station_reply__free_unpacked(reply, NULL);
    free(question);
}

static void refuse_question(vault_station_done done, void *context, enum error code)
{
    struct fault fault;
    (void)fault_of_link(code, &fault);
    done(context, &fault, NULL, -1);
}

void vault_station_send(struct vault_client *client, const Provisiond__StationRequest *request,
                        deadline_ms deadline, vault_station_done done, void *context)
{
    size_t length = provisiond__station_request__get_packed_size(request);
    struct station_question *question = malloc(sizeof *question);
    uint8_t *payload = malloc(length + 1);
    if (question == NULL || payload == NULL || length == 0) {
        free(question);
        free(payload);
        refuse_question(done, context, ERR_BUSY);
        return;
    }
    *question = (struct station_question){.done = done, .context = context};
    provisiond__station_request__pack(request, payload);
    rpc_client_send(client->link, bytes_of(payload, length), NULL, 0, deadline, station_done,
                    question);
    free(payload);
}

static enum error ask_admin(struct vault_client *client, const Provisiond__AdminRequest *request,
                            int file, deadline_ms deadline, struct frame *ret_answer)
{
    size_t length = provisiond__admin_request__get_packed_size(request);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL || length == 0) {
        free(payload);
        return ERR_BUSY;
    }
    provisiond__admin_request__pack(request, payload);
    enum error e = rpc_client_call(client->link, bytes_of(payload, length), &file, file >= 0,
                                   deadline, ret_answer);
    free(payload);
    return e;
}

enum error vault_admin_call(struct vault_client *client, const Provisiond__AdminRequest *request,
                            int file, deadline_ms deadline, Provisiond__AdminReply **ret_reply,
                            int *ret_file, struct fault *fault)
{
    struct frame answer;
    enum error e = ask_admin(client, request, file, deadline, &answer);
    if (e != ERR_OK)
        return fault_of_link(e, fault);
    Provisiond__AdminReply *reply =
        provisiond__admin_reply__unpack(NULL, answer.length, answer.payload);
    e = reply != NULL ? fault_from_message(reply->fault, fault) : fault_of_garbage(fault);
    if (e == ERR_OK && ret_file != NULL)
        *ret_file = take_first_file(&answer);
    frame_clear(&answer);
    if (e != ERR_OK) {
        vault_admin_reply_free(reply);
        return e;
    }
    *ret_reply = reply;
    return ERR_OK;
}

void vault_admin_reply_free(Provisiond__AdminReply *reply)
{
    if (reply != NULL)
        provisiond__admin_reply__free_unpacked(reply, NULL);
}
