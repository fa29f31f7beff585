/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* core/rpc_server with scripted replies. */
#include "vault.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#define REQUEST_MAX_BYTES ((size_t)128 * 1024)

/* What the vault writes into a file that it was given. */
static void write_content(const struct vault_double *vault, int file)
{
    const size_t length = strlen(vault->content);
    ck_assert_int_eq((int)write(file, vault->content, length), (int)length);
}

static void keep_request(struct vault_double *vault, struct rpc_call *call)
{
    struct bytes request = rpc_call_request(call);
    unsigned count = 0;
    const int *files = rpc_call_fds(call, &count);
    if (vault->request != NULL)
        provisiond__admin_request__free_unpacked(vault->request, NULL);
    vault->request = provisiond__admin_request__unpack(NULL, request.length, request.data);
    vault->request_count++;
    if (count > 0) {
        ssize_t n = read(files[0], vault->file, sizeof vault->file);
        vault->file_length = n > 0 ? (size_t)n : 0;
        if (vault->content != NULL)
            write_content(vault, files[0]);
    }
}

static void say(struct rpc_call *call, const Provisiond__AdminReply *reply)
{
    size_t length = provisiond__admin_reply__get_packed_size(reply);
    uint8_t *payload = malloc(length + 1);
    provisiond__admin_reply__pack(reply, payload);
    rpc_reply(call, bytes_of(payload, length), NULL, 0);
    free(payload);
}

static void handle(void *context, struct rpc_call *call)
{
    struct vault_double *vault = context;
    static const uint8_t garbage[] = {0xff, 0xff, 0xff, 0xff};
    keep_request(vault, call);
    const unsigned op = vault->request != NULL ? vault->request->op_case : 0;
    ck_assert_uint_lt(op, VAULT_OPS_MAX);
    if (vault->before != NULL)
        vault->before(vault);
    const Provisiond__AdminReply *reply =
        vault->replies[op] != NULL ? vault->replies[op] : vault->reply;
    if (vault->is_waiting)
        (void)sem_wait(&vault->may_answer);
    if (vault->is_hanging_up)
        rpc_hang_up(call);
    else if (reply == NULL)
        rpc_reply(call, bytes_of(garbage, sizeof garbage), NULL, 0);
    else
        say(call, reply);
}

void vault_start(struct vault_double *vault, const struct temp_dir *dir)
{
    temp_dir_path(dir, "admin.sock", vault->socket);
    const struct rpc_server_options options = {.path = vault->socket,
                                               .mode = 0600,
                                               .request_max = REQUEST_MAX_BYTES,
                                               .accepts_fds = true,
                                               .handle = handle,
                                               .context = vault};
    struct fault fault = {0};
    ck_assert_int_eq(sem_init(&vault->may_answer, 0, 0), 0);
    ck_assert_int_eq(rpc_server_new(&options, &vault->server, &fault), ERR_OK);
}

void vault_stop(struct vault_double *vault)
{
    rpc_server_free(vault->server);
    if (vault->request != NULL)
        provisiond__admin_request__free_unpacked(vault->request, NULL);
    (void)sem_destroy(&vault->may_answer);
}
