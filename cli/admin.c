/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The admin socket: found, asked, its refusals turned into failures. Owns no state. */
#include "cli/admin.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

#define ASK_TIMEOUT_MS  30000
#define INIT_TIMEOUT_MS 120000            /* key generation in a slow HSM */
#define FILE_TIMEOUT_MS (4 * 3600 * 1000) /* an image to encrypt, a journal to export */

/* The result of operation N of AdminRequest is field N + 1 of AdminReply. */
static_assert((int)PROVISIOND__ADMIN_REPLY__RESULT_STATUS ==
                      (int)PROVISIOND__ADMIN_REQUEST__OP_STATUS + 1 &&
                  (int)PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_FILE ==
                      (int)PROVISIOND__ADMIN_REQUEST__OP_IMAGE_FILE + 1,
              "results are numbered like operations");

void admin_reply_free(Provisiond__AdminReply **reply)
{
    vault_admin_reply_free(*reply);
    *reply = NULL;
}

/* What somebody can do who has no admin socket before him. */
static const char *elsewhere(const struct arguments *arguments)
{
    return arguments_form_takes(arguments->form, OPTION_URL)
               ? "Run it on the server, or give --url to ask provisiond"
               : "This command runs on the server only, where provision-vault is";
}

enum error admin_find_socket(const struct arguments *arguments, char out[], size_t size,
                             struct failure *failure)
{
    struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    const char *path = arguments_get(arguments, OPTION_SOCKET);
    const char *file = arguments_get_or(arguments, OPTION_CONFIG, CONFIG_DEFAULT_PATH);
    if (path == NULL) {
        if (access(file, R_OK) != 0)
            return failure_set_plain(failure, ERR_CONFIG,
                                     "The configuration %s, which names the admin socket, cannot "
                                     "be read: %s. %s; or give --socket or --config",
                                     file, strerror(errno), elsewhere(arguments));
        if (config_load(file, CONFIG_CLI, &config, problem) != ERR_OK)
            return failure_set_plain(failure, ERR_CONFIG, "%s", problem);
        path = config.vault.admin_socket;
    }
    if (path[0] == '\0')
        return failure_set_usage(failure, "--socket wants the path of the admin socket");
    if (snprintf(out, size, "%s", path) >= (int)size)
        return failure_set_usage(failure, "The path of the admin socket is too long");
    return ERR_OK;
}

/* The group of the nearest thing on the path that may be looked at; "" when it has no name. */
static void name_group(const char *path, char out[], size_t size)
{
    struct stat info = {0};
    char copy[CONFIG_PATH_MAX];
    const char *at = copy;
    out[0] = '\0';
    (void)snprintf(copy, sizeof copy, "%s", path);
    while (stat(at, &info) != 0 && strcmp(at, ".") != 0 && strcmp(at, "/") != 0)
        at = dirname(copy);
    const struct group *group = getgrgid(info.st_gid);
    if (group != NULL && info.st_gid != 0)
        (void)snprintf(out, size, "%s", group->gr_name);
}

/* No repeat helps, so this does not exit with "try again". */
static enum error fail_not_allowed(const char *path, struct failure *failure)
{
    char group[64];
    name_group(path, group, sizeof group);
    (void)failure_set_plain(failure, ERR_FORBIDDEN,
                            "You may not use the admin socket %s. Be root, or join %s%s", path,
                            group[0] != '\0' ? "group " : "its group", group);
    failure->exit = EXIT_CODE_OTHER;
    return ERR_FORBIDDEN;
}

static enum error fail_other_socket(const char *path, struct failure *failure)
{
    return failure_set_plain(failure, ERR_CONFIG,
                             "%s is not the admin socket: it does not know what was asked. Give "
                             "the path that [vault] admin_socket names",
                             path);
}

/* The vault's own words for "not reachable", made exact where the file system knows more. */
static enum error fail_unreachable(const struct arguments *arguments, const char *path,
                                   const struct fault *fault, struct failure *failure)
{
    struct stat info;
    int native = stat(path, &info) != 0 ? errno : 0;
    if (native == EACCES || (native == 0 && S_ISSOCK(info.st_mode) && access(path, R_OK | W_OK)))
        return fail_not_allowed(path, failure);
    if (native == 0 && !S_ISSOCK(info.st_mode))
        return failure_set_plain(failure, ERR_CONFIG, "%s is not a socket", path);
    if (native != 0)
        return failure_set(failure, fault->code,
                           "The admin socket %s is not there: %s. Is provision-vault running? %s",
                           path, strerror(native), elsewhere(arguments));
    return failure_set(failure, fault->code,
                       "The vault closed or does not answer its admin socket %s. Is "
                       "provision-vault running, and may you administer it?",
                       path);
}

static bool is_usable_socket(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISSOCK(info.st_mode) && access(path, R_OK | W_OK) == 0;
}

/*
 * Units that are added twice are granted twice: when it is not known whether they were added, the
 * exit code must not invite a script to repeat.
 */
static enum error fail_unsure(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault did not answer, and it is not known whether the units were "
                             "added. Compare with provctl product show before you repeat");
}

/* Another program's answer, or another version's. */
static enum error fail_garbage(const char *path, struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault's answer cannot be understood. Is %s the admin socket, "
                             "and are the versions equal?",
                             path);
}

/* What is asked for belongs to the maker of the product; says which document does it. */
static enum error fail_governed(const Provisiond__AdminRequest *request, struct failure *failure)
{
    const char *kind = "policy";
    if (request->op_case == PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_OVERRIDE)
        return failure_set_plain(failure, ERR_FORBIDDEN,
                                 "A governed product's authorities have not signed an override of "
                                 "these two heads. Ask them for a document of the kind override "
                                 "and apply it first: provctl grant apply FILE");
    if (request->op_case == PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD)
        kind = request->quota_add->scrap ? "scrap" : "install";
    if (request->op_case == PROVISIOND__ADMIN_REQUEST__OP_DEVICE_REBIND)
        kind = "rebind";
    return failure_set_plain(failure, ERR_FORBIDDEN,
                             "The product is governed: documents signed by its authorities decide, "
                             "not this site's administrator. Ask them for a document of the kind "
                             "%s and apply it: provctl grant apply FILE",
                             kind);
}

/* Exit code 1: who asked may ask, but named somebody who is not there. */
static enum error fail_unknown(const struct arguments *arguments,
                               const Provisiond__AdminRequest *request, struct failure *failure)
{
    const bool is_budget = request->op_case == PROVISIOND__ADMIN_REQUEST__OP_BUDGET_SET;
    const char *words = is_budget ? "station" : arguments->command;
    int length = (int)strcspn(words, " ");
    return failure_set_plain(
        failure, ERR_PRINCIPAL_UNKNOWN, "There is no %.*s%s of this name. See provctl %.*s list",
        length, words, strncmp(words, "metrics ", 8) == 0 ? " caller" : "", length, words);
}

static bool is_principal_unknown(const struct fault *fault)
{
    return fault->code == ERR_PRINCIPAL_UNKNOWN || strcmp(fault->reason, "station-unknown") == 0 ||
           strcmp(fault->reason, "principal-unknown") == 0;
}

/* The disk and the ledger's file are looked at before anything is added. */
static bool may_have_added(const Provisiond__AdminRequest *request, const struct fault *fault)
{
    return request->op_case == PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD &&
           error_is_retryable(fault->code) && strcmp(fault->reason, "disk-nearly-full") != 0 &&
           strcmp(fault->reason, "ledger-changed") != 0;
}

/* One entry of a list is at fault, and the fault says which. */
static bool names_entry(const Provisiond__AdminRequest *request, const struct fault *fault)
{
    return request->op_case == PROVISIOND__ADMIN_REQUEST__OP_DEVICE_ALLOW && fault->native > 0 &&
           (fault->code == ERR_BAD_REQUEST || fault->code == ERR_CONFLICT) &&
           strcmp(fault->reason, "list-unreadable") != 0;
}

static enum error fail_entry(const struct fault *fault, struct failure *failure)
{
    (void)failure_set_plain(failure, fault->code,
                            "Device %ld of the list: %s Nothing of the list was taken",
                            fault->native, fault->detail);
    (void)snprintf(failure->check, sizeof failure->check, "%s", fault->reason);
    return failure->code;
}

/* A refusal that no right of the caller's would change: its detail says what to do. */
static bool is_refusal_of_documents(const struct fault *fault)
{
    return strcmp(fault->reason, "standby-not-signed") == 0 ||
           strcmp(fault->reason, "other-authorities") == 0;
}

static enum error fail(const struct arguments *arguments, const char *path,
                       const Provisiond__AdminRequest *request, const struct fault *fault,
                       struct failure *failure)
{
    if (may_have_added(request, fault) && is_usable_socket(path))
        return fail_unsure(failure);
    if (strcmp(fault->reason, "product-governed") == 0) {
        (void)fail_governed(request, failure);
        (void)snprintf(failure->check, sizeof failure->check, "%s", fault->reason);
        return failure->code;
    }
    if (is_refusal_of_documents(fault)) {
        (void)failure_set_plain(failure, fault->code, "%s", fault->detail);
        (void)snprintf(failure->check, sizeof failure->check, "%s", fault->reason);
        return failure->code;
    }
    if (names_entry(request, fault))
        return fail_entry(fault, failure);
    if (is_principal_unknown(fault))
        return fail_unknown(arguments, request, failure);
    if (strcmp(fault->reason, "vault-unreachable") == 0)
        return fail_unreachable(arguments, path, fault, failure);
    if (fault->code == ERR_BAD_REQUEST &&
        (strcmp(fault->reason, "op") == 0 || strcmp(fault->reason, "caller_spki") == 0))
        return fail_other_socket(path, failure);
    if (strcmp(fault->reason, "vault-answer") == 0)
        return fail_garbage(path, failure);
    return failure_from_fault(failure, fault);
}

static int timeout_of(const Provisiond__AdminRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__ADMIN_REQUEST__OP_INIT:
    case PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE:
    case PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_ROTATE:
    case PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEY_DESTROY:
        return INIT_TIMEOUT_MS;
    case PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT:
    case PROVISIOND__ADMIN_REQUEST__OP_IMAGE_IMPORT:
    case PROVISIOND__ADMIN_REQUEST__OP_DEVICE_ALLOW:
    case PROVISIOND__ADMIN_REQUEST__OP_JOURNAL_EXPORT:
    case PROVISIOND__ADMIN_REQUEST__OP_LEDGER_COPY:
    case PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT:
    case PROVISIOND__ADMIN_REQUEST__OP_STANDBY_IMPORT:
        return FILE_TIMEOUT_MS;
    default:
        return ASK_TIMEOUT_MS;
    }
}

/* What goes along and what comes along. */
struct admin_files {
    int sent;     /* -1: none */
    int received; /* -1: none came, or nobody wants it */
    bool is_wanted;
};

static enum error ask(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                      struct admin_files *files, Provisiond__AdminReply **ret_reply,
                      struct failure *failure)
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
    e = vault_admin_call(client, request, files->sent, deadline_in(timeout_of(request)), &reply,
                         files->is_wanted ? &files->received : NULL, &fault);
    vault_client_free(client);
    if (e != ERR_OK)
        return fail(arguments, path, request, &fault, failure);
    if ((int)reply->result_case != (int)request->op_case + 1) {
        vault_admin_reply_free(reply);
        return fail_garbage(path, failure);
    }
    *ret_reply = reply;
    return ERR_OK;
}

enum error admin_ask(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                     int file, Provisiond__AdminReply **ret_reply, struct failure *failure)
{
    struct admin_files files = {.sent = file, .received = -1};
    return ask(arguments, request, &files, ret_reply, failure);
}

static enum error fail_without_file(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The vault's answer came without the file that belongs to it. Are the "
                             "versions equal?");
}

enum error admin_fetch(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                       Provisiond__AdminReply **ret_reply, int *ret_file, struct failure *failure)
{
    struct admin_files files = {.sent = -1, .received = -1, .is_wanted = true};
    enum error e = ask(arguments, request, &files, ret_reply, failure);
    if (e == ERR_OK && files.received < 0) {
        admin_reply_free(ret_reply);
        e = fail_without_file(failure);
    }
    if (e == ERR_OK)
        *ret_file = files.received;
    else if (files.received >= 0)
        (void)close(files.received);
    return e;
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
