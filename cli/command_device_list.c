/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl device allow, disallow and lists: devices without certificates. Owns no state. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

#define SIGNATURE_MAX 1024 /* bytes; what the vault takes */
#define NUMBER_TEXT   24

static enum error read_digest(ProtobufCBinaryData data, char hex[SHA256_HEX_SIZE],
                              struct failure *failure)
{
    struct sha256 digest;
    enum error e = admin_read_digest(data, &digest, failure);
    if (e == ERR_OK)
        hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    return e;
}

/* ---- device allow ---- */

static enum error print_allowed(const struct arguments *arguments,
                                const Provisiond__DeviceAllowReply *reply, struct failure *failure)
{
    char list[SHA256_HEX_SIZE];
    char signer[SHA256_HEX_SIZE];
    enum error e = read_digest(reply->list, list, failure);
    if (e == ERR_OK)
        e = read_digest(reply->signer, signer, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:s, s:s, s:I, s:I, s:I}", "product",
                                     output_text(arguments->operands[0]), "list", list, "signer",
                                     signer, "devices", (json_int_t)reply->devices, "added",
                                     (json_int_t)reply->added, "renewed",
                                     (json_int_t)reply->renewed),
                           failure);
    (void)printf("%" PRId64 " device%s, %" PRId64 " of them new.\nList:    %s\nSigner:  %s\n",
                 reply->devices, reply->devices == 1 ? "" : "s", reply->added, list, signer);
    return ERR_OK;
}

static enum error open_list(const char *path, int *ret_file, struct failure *failure)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block the open */
    if (file < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "Cannot read %s: %s", path,
                                 strerror(errno));
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(file);
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s is not a file", path);
    }
    *ret_file = file;
    return ERR_OK;
}

static enum error allow(const struct arguments *arguments, int file, struct bytes signature,
                        struct failure *failure)
{
    Provisiond__DeviceAllowRequest allow = PROVISIOND__DEVICE_ALLOW_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    allow.product = (char *)arguments->operands[0];
    allow.signature =
        (ProtobufCBinaryData){.len = signature.length, .data = (uint8_t *)signature.data};
    allow.key_id = (char *)arguments_get_or(arguments, OPTION_KEY_ID, "");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_DEVICE_ALLOW;
    request.device_allow = &allow;
    enum error e = admin_ask(arguments, &request, file, &reply, failure);
    return e == ERR_OK ? print_allowed(arguments, reply->device_allow, failure) : e;
}

enum error command_device_allow(const struct arguments *arguments, struct failure *failure)
{
    const char *path = arguments_get(arguments, OPTION_LIST_SIGNATURE);
    uint8_t *signature = NULL;
    size_t length = 0;
    int file = -1;
    enum error e = ERR_OK;
    if (path != NULL)
        e = file_input_read_bytes(path, SIGNATURE_MAX, &signature, &length, failure);
    if (e == ERR_OK)
        e = open_list(arguments->operands[1], &file, failure);
    if (e == ERR_OK)
        e = allow(arguments, file, bytes_of(signature, length), failure);
    if (file >= 0)
        (void)close(file);
    free(signature);
    return e;
}

/* ---- device disallow ---- */

enum error command_device_disallow(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__DeviceDisallowRequest disallow = PROVISIOND__DEVICE_DISALLOW_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct sha256 key;
    size_t length = 0;
    if (!text_parse_hex(arguments->operands[1], key.bytes, SHA256_SIZE, &length) ||
        length != SHA256_SIZE)
        return failure_set_usage(failure, "KEY is 64 hex digits: the SHA-256 of the key's "
                                          "SubjectPublicKeyInfo, as the journal names a device");
    disallow.product = (char *)arguments->operands[0];
    disallow.key = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = key.bytes};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_DEVICE_DISALLOW;
    request.device_disallow = &disallow;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:s}", "product", output_text(disallow.product), "key",
                                     arguments->operands[1]),
                           failure);
    (void)printf("%s: this key gets no license any more.\n", disallow.product);
    return ERR_OK;
}

/* ---- device lists ---- */

static enum error add_list(struct table *table, json_t *rows,
                           const Provisiond__DeviceListEntry *entry, struct failure *failure)
{
    char list[SHA256_HEX_SIZE];
    char signer[SHA256_HEX_SIZE];
    char devices[NUMBER_TEXT];
    char added[TIMESTAMP_SIZE];
    enum error e = read_digest(entry->list, list, failure);
    if (e == ERR_OK)
        e = read_digest(entry->signer, signer, failure);
    if (e != ERR_OK)
        return e;
    timestamp_format(entry->added_unix_ms, added);
    (void)snprintf(devices, sizeof devices, "%" PRId64, entry->devices);
    table_add_row(table, (const char *const[]){added, devices, list, signer});
    (void)json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:s}", "added", added, "devices",
                                                (json_int_t)entry->devices, "list", list, "signer",
                                                signer));
    return ERR_OK;
}

static enum error print_lists(const struct arguments *arguments,
                              const Provisiond__DeviceListsReply *reply, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"ADDED", false}, {"DEVICES", true}, {"LIST", false}, {"SIGNER", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    json_t *rows = json_array();
    enum error e = ERR_OK;
    for (size_t i = 0; i < reply->n_lists && e == ERR_OK; i++)
        e = add_list(table, rows, reply->lists[i], failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o}", "lists", rows), failure);
    json_decref(rows);
    if (e != ERR_OK)
        return e;
    output_note_empty(reply->n_lists, "lists of devices");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_device_lists(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__DeviceListsRequest lists = PROVISIOND__DEVICE_LISTS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    lists.product = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_DEVICE_LISTS;
    request.device_lists = &lists;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? print_lists(arguments, reply->device_lists, failure) : e;
}
