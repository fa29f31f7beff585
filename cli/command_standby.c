/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl standby and hsm transport-key: which HSMs there are, and who this one is. Owns no state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/standby_key.h"
#include "cli/table.h"
#include "core/clock.h"

#define NUMBER_TEXT 24

static enum error ask_list(const struct arguments *arguments, Provisiond__AdminReply **ret_reply,
                           struct failure *failure)
{
    Provisiond__StandbyListRequest list = PROVISIOND__STANDBY_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_LIST;
    request.standby_list = &list;
    return admin_ask(arguments, &request, -1, ret_reply, failure);
}

static void format_digest(const struct sha256 *digest, char hex[SHA256_HEX_SIZE])
{
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
}

static json_t *hex_json(const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    format_digest(digest, hex);
    return json_string(hex);
}

/* ---- hsm transport-key ---- */

static enum error read_own(const Provisiond__StandbyListReply *list, struct standby_key *key,
                           struct failure *failure)
{
    const ProtobufCBinaryData *spki = &list->transport_spki;
    if (list->hsm_identity.len == 0)
        return failure_set_plain(failure, ERR_NOT_INITIALISED,
                                 "The ledger is not bound to an HSM yet: provctl hsm init");
    if (spki->len == 0 || spki->len > sizeof key->der)
        return failure_set_plain(failure, ERR_HSM_UNAVAILABLE,
                                 "The HSM is away, or has no transport key: see provctl status");
    memcpy(key->der, spki->data, spki->len);
    key->length = spki->len;
    key->digest = sha256_of(bytes_of(key->der, key->length));
    key->has_identity = true;
    return admin_read_digest(list->hsm_identity, &key->identity, failure);
}

enum error command_hsm_transport_key(const struct arguments *arguments, struct failure *failure)
{
    ADMIN_REPLY_AUTO reply = NULL;
    struct standby_key key = {.has_identity = false};
    enum error e = ask_list(arguments, &reply, failure);
    if (e == ERR_OK)
        e = read_own(reply->standby_list, &key, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o}", "hsm_identity", hex_json(&key.identity),
                                     "transport_key", hex_json(&key.digest)),
                           failure);
    return standby_key_print(&key, stdout, failure);
}

/* ---- standby add, standby remove ---- */

static enum error read_identity(const struct arguments *arguments, struct standby_key *key,
                                struct failure *failure)
{
    const char *text = arguments_get(arguments, OPTION_IDENTITY);
    struct sha256 identity;
    if (text == NULL && !key->has_identity)
        return failure_set_usage(failure, "The file does not say the HSM's identity: give "
                                          "--identity");
    if (text == NULL)
        return ERR_OK;
    if (!hex_decode(text, identity.bytes, SHA256_SIZE))
        return failure_set_usage(failure, "--identity wants 64 lower-case hex digits");
    if (key->has_identity && !sha256_equal(&identity, &key->identity))
        return failure_set_usage(failure, "--identity is another than the file says");
    key->identity = identity;
    return ERR_OK;
}

/* The digests again, for the people who compare them. */
static enum error print_added(const char *name, const struct standby_key *key, bool is_json,
                              struct failure *failure)
{
    char identity[SHA256_HEX_SIZE];
    char digest[SHA256_HEX_SIZE];
    if (is_json)
        return output_json(json_pack("{s:o, s:o, s:o}", "standby", output_text(name),
                                     "hsm_identity", hex_json(&key->identity), "transport_key",
                                     hex_json(&key->digest)),
                           failure);
    format_digest(&key->identity, identity);
    format_digest(&key->digest, digest);
    (void)printf("Standby:        %s\nHSM identity:   %s\nTransport key:  %s\n", name, identity,
                 digest);
    (void)fputs("Session keys may be wrapped for it now. Let its people read both numbers to you, "
                "from their own screen; if one differs: provctl standby remove.\n",
                stderr);
    return ERR_OK;
}

enum error command_standby_add(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__StandbyAddRequest add = PROVISIOND__STANDBY_ADD_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct standby_key key;
    enum error e = standby_key_read(arguments_get(arguments, OPTION_STANDBY_KEY), &key, failure);
    if (e == ERR_OK)
        e = read_identity(arguments, &key, failure);
    if (e != ERR_OK)
        return e;
    add.name = (char *)arguments->operands[0];
    add.hsm_identity = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = key.identity.bytes};
    add.transport_spki = (ProtobufCBinaryData){.len = key.length, .data = key.der};
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_ADD;
    request.standby_add = &add;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    return e == ERR_OK ? print_added(add.name, &key, arguments_has(arguments, OPTION_JSON), failure)
                       : e;
}

enum error command_standby_remove(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__StandbyRemoveRequest remove = PROVISIOND__STANDBY_REMOVE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    remove.name = (char *)arguments->operands[0];
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_REMOVE;
    request.standby_remove = &remove;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o}", "standby", output_text(remove.name)), failure);
    (void)printf("%s: no more session keys are wrapped for it.\n", remove.name);
    return ERR_OK;
}

/* ---- standby list ---- */

static json_t *standby_json(const Provisiond__StandbyEntry *entry, struct failure *failure)
{
    struct sha256 identity;
    struct sha256 key;
    char added[TIMESTAMP_SIZE];
    if (admin_read_digest(entry->hsm_identity, &identity, failure) != ERR_OK ||
        admin_read_digest(entry->transport_key, &key, failure) != ERR_OK)
        return NULL;
    timestamp_format(entry->added_unix_ms, added);
    return json_pack("{s:o, s:o, s:o, s:s}", "standby", output_text(entry->name), "hsm_identity",
                     hex_json(&identity), "transport_key", hex_json(&key), "added", added);
}

static json_t *has_json(const Provisiond__StandbyHas *has)
{
    char exported[TIMESTAMP_SIZE] = "";
    if (has->exported_unix_ms > 0)
        timestamp_format(has->exported_unix_ms, exported);
    return json_pack("{s:o, s:o, s:I, s:I, s:s}", "standby", output_text(has->standby), "product",
                     output_text(has->product), "images", (json_int_t)has->images, "new",
                     (json_int_t)(has->images - has->exported), "exported", exported);
}

static enum error print_list_json(const Provisiond__StandbyListReply *list, struct failure *failure)
{
    json_t *standbys = json_array();
    json_t *has = json_array();
    for (size_t i = 0; i < list->n_standbys; i++)
        (void)json_array_append_new(standbys, standby_json(list->standbys[i], failure));
    for (size_t i = 0; i < list->n_has; i++)
        (void)json_array_append_new(has, has_json(list->has[i]));
    if (json_array_size(standbys) == list->n_standbys && json_array_size(has) == list->n_has)
        return output_json(json_pack("{s:o, s:o}", "standbys", standbys, "products", has), failure);
    json_decref(standbys);
    json_decref(has);
    return failure->code != ERR_OK ? failure->code : failure_set_memory(failure);
}

static enum error add_standby(struct table *table, const Provisiond__StandbyEntry *entry,
                              struct failure *failure)
{
    struct sha256 identity;
    struct sha256 key;
    char identity_hex[SHA256_HEX_SIZE];
    char key_hex[SHA256_HEX_SIZE];
    enum error e = admin_read_digest(entry->hsm_identity, &identity, failure);
    if (e == ERR_OK)
        e = admin_read_digest(entry->transport_key, &key, failure);
    if (e != ERR_OK)
        return e;
    format_digest(&identity, identity_hex);
    format_digest(&key, key_hex);
    table_add_row(table, (const char *const[]){entry->name, identity_hex, key_hex});
    return ERR_OK;
}

static void add_has(struct table *table, const Provisiond__StandbyHas *has)
{
    char images[NUMBER_TEXT];
    char lacking[NUMBER_TEXT];
    char exported[TIMESTAMP_SIZE] = "never";
    if (has->exported_unix_ms > 0)
        timestamp_format(has->exported_unix_ms, exported);
    (void)snprintf(images, sizeof images, "%" PRId64, has->images);
    (void)snprintf(lacking, sizeof lacking, "%" PRId64, has->images - has->exported);
    table_add_row(table,
                  (const char *const[]){has->standby, has->product, images, lacking, exported});
}

static enum error print_list(const Provisiond__StandbyListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {
        {"STANDBY", false}, {"HSM", false}, {"TRANSPORT KEY", false}};
    static const struct table_column has_columns[] = {{"STANDBY", false},
                                                      {"PRODUCT", false},
                                                      {"IMAGES", true},
                                                      {"NEW", true},
                                                      {"EXPORTED", false}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    TABLE_AUTO has = table_new(has_columns, sizeof has_columns / sizeof has_columns[0]);
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_standbys && e == ERR_OK; i++)
        e = add_standby(table, list->standbys[i], failure);
    for (size_t i = 0; i < list->n_has; i++)
        add_has(has, list->has[i]);
    output_note_empty(list->n_standbys, "standby HSMs");
    if (e == ERR_OK && table_print(table, stdout) != ERR_OK)
        e = failure_set_memory(failure);
    if (e != ERR_OK || list->n_has == 0)
        return e;
    (void)putchar('\n');
    return table_print(has, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_standby_list(const struct arguments *arguments, struct failure *failure)
{
    ADMIN_REPLY_AUTO reply = NULL;
    enum error e = ask_list(arguments, &reply, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_list_json(reply->standby_list, failure)
                                                 : print_list(reply->standby_list, failure);
}
