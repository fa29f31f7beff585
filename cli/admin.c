/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The admin socket: found, asked, its refusals turned into failures. Owns no state. */
#include "cli/admin.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

#define ASK_TIMEOUT_MS     30000
#define INIT_TIMEOUT_MS    120000 /* key generation in a slow HSM */
#define ENCRYPT_TIMEOUT_MS (4 * 3600 * 1000)

/* The result of operation N of AdminRequest is field N + 1 of AdminReply. */
static_assert((int)PROVISIOND__ADMIN_REPLY__RESULT_STATUS ==
                      (int)PROVISIOND__ADMIN_REQUEST__OP_STATUS + 1 &&
                  (int)PROVISIOND__ADMIN_REPLY__RESULT_USAGE ==
                      (int)PROVISIOND__ADMIN_REQUEST__OP_USAGE + 1,
              "results are numbered like operations");

void admin_reply_free(Provisiond__AdminReply **reply)
{
    vault_admin_reply_free(*reply);
    *reply = NULL;
}

enum error admin_find_socket(const struct arguments *arguments, char out[], size_t size,
                             struct failure *failure)
{
    struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    const char *path = arguments_get(arguments, OPTION_SOCKET);
    if (path == NULL) {
        if (config_load(arguments_get_or(arguments, OPTION_CONFIG, CONFIG_DEFAULT_PATH), CONFIG_CLI,
                        &config, problem) != ERR_OK)
            return failure_set_plain(failure, ERR_CONFIG, "%s", problem);
        path = config.vault.admin_socket;
    }
    if (snprintf(out, size, "%s", path) >= (int)size)
        return failure_set_usage(failure, "The path of the admin socket is too long");
    return ERR_OK;
}

/* The vault's own words for "not reachable", made exact where the file system knows more. */
static enum error fail_unreachable(const char *path, const struct fault *fault,
                                   struct failure *failure)
{
    if (access(path, F_OK) != 0)
        return failure_set(failure, fault->code,
                           "The admin socket %s is not there: %s. Is provision-vault running?",
                           path, strerror(errno));
    if (access(path, R_OK | W_OK) != 0)
        return failure_set_plain(failure, ERR_FORBIDDEN,
                                 "You may not use the admin socket %s. Be root or a member of its "
                                 "group",
                                 path);
    return failure_set(failure, fault->code,
                       "The vault closed or does not answer its admin socket %s. Is "
                       "provision-vault running, and may you administer it?",
                       path);
}

/*
 * Units that are added twice are granted twice: when it is not known whether they were added, the
 * exit code must not invite a script to repeat.
 */
static enum error fail_unsure(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault did not answer, and it is not known whether the units were "
                             "added. Compare with provctl product list before you repeat");
}

static enum error fail(const char *path, const Provisiond__AdminRequest *request,
                       const struct fault *fault, struct failure *failure)
{
    if (request->op_case == PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD &&
        error_is_retryable(fault->code) && access(path, R_OK | W_OK) == 0)
        return fail_unsure(failure);
    if (request->op_case == PROVISIOND__ADMIN_REQUEST__OP_STATION_ENABLE &&
        strcmp(fault->reason, "station-unknown") == 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "There is no station of this name. See provctl station list");
    if (strcmp(fault->reason, "vault-unreachable") == 0)
        return fail_unreachable(path, fault, failure);
    return failure_from_fault(failure, fault);
}

static int timeout_of(const Provisiond__AdminRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__ADMIN_REQUEST__OP_INIT:
    case PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE:
        return INIT_TIMEOUT_MS;
    case PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT:
        return ENCRYPT_TIMEOUT_MS;
    default:
        return ASK_TIMEOUT_MS;
    }
}

enum error admin_ask(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                     int file, Provisiond__AdminReply **ret_reply, struct failure *failure)
{
    char path[CONFIG_PATH_MAX];
    struct fault fault = {0};
    struct vault_client *client = NULL;
    Provisiond__AdminReply *reply = NULL;
    enum error e = admin_find_socket(arguments, path, sizeof path, failure);
    if (e != ERR_OK)
        return e;
    if (vault_client_new(path, &client) != ERR_OK)
        return failure_set_memory(failure);
    e = vault_admin_call(client, request, file, deadline_in(timeout_of(request)), &reply, &fault);
    vault_client_free(client);
    if (e != ERR_OK)
        return fail(path, request, &fault, failure);
    if ((int)reply->result_case != (int)request->op_case + 1) {
        vault_admin_reply_free(reply);
        return failure_set_plain(
            failure, ERR_INTERNAL,
            "The vault's answer cannot be understood. Are the versions equal?");
    }
    *ret_reply = reply;
    return ERR_OK;
}

enum error admin_read_digest(ProtobufCBinaryData data, struct sha256 *ret_digest,
                             struct failure *failure)
{
    if (data.len != SHA256_SIZE)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds a digest of a wrong length");
    memcpy(ret_digest->bytes, data.data, SHA256_SIZE);
    return ERR_OK;
}
