/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl hsm keys. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "core/clock.h"

#define KEYS_MAX    2000 /* the vault cuts there */
#define ID_MAX      64   /* bytes */
#define ID_HEX_SIZE (2 * ID_MAX + 1)

/* "retired since 2026-11-27T10:00:00.000Z" */
static const char *show_state(const json_t *key, char out[RECORD_CELL_MAX])
{
    const char *state = record_text(key, "state");
    const char *since = record_text(key, "since");
    (void)snprintf(out, RECORD_CELL_MAX, "%s%s%s", strcmp(state, "in-use") == 0 ? "in use" : state,
                   since[0] != '\0' ? " since " : "", since);
    return out;
}

static const struct record_field KEY_FIELDS[] = {
    {"ROLE", "role", RECORD_TEXT, false, NULL},
    {"PRODUCT", "product", RECORD_TEXT, true, NULL},
    {"GENERATION", "generation", RECORD_COUNT, true, NULL},
    {"ID", "id", RECORD_TEXT, false, NULL},
    {"STATE", "state", RECORD_TEXT, false, show_state},
    {"HSM", "in_hsm", RECORD_YES, false, NULL},
    {"WEAK", "weak_attribute", RECORD_TEXT, true, NULL},
    {"IMAGES", "images", RECORD_COUNT, true, NULL},
    {NULL, "since", RECORD_TEXT, true, NULL},
    {NULL, "leaf", RECORD_NUMBER, true, NULL},
};

static const struct reading_list LIST = {"keys", "keys", KEY_FIELDS,
                                         sizeof KEY_FIELDS / sizeof KEY_FIELDS[0], 0};

static void put_product(json_t *object, const Provisiond__KeyEntry *key)
{
    (void)json_object_set_new(object, "product", output_text(key->product));
    (void)json_object_set_new(object, "images", json_integer((json_int_t)key->images));
}

static void put_since(json_t *object, const Provisiond__KeyEntry *key)
{
    char since[TIMESTAMP_SIZE];
    timestamp_format(key->since_unix_ms, since);
    (void)json_object_set_new(object, "since", json_string(since));
}

static json_t *key_to_json(const Provisiond__KeyEntry *key)
{
    char id[ID_HEX_SIZE] = "";
    if (key->id.len <= ID_MAX)
        hex_encode(bytes_of(key->id.data, key->id.len), id);
    json_t *object = json_pack("{s:o, s:s, s:o, s:b}", "role", output_text(key->role), "id", id,
                               "state", output_text(key->state), "in_hsm", (int)key->in_token);
    if (object == NULL)
        return NULL;
    if (key->product[0] != '\0')
        put_product(object, key);
    if (key->generation != 0)
        (void)json_object_set_new(object, "generation", json_integer((json_int_t)key->generation));
    if (key->since_unix_ms != 0)
        put_since(object, key);
    if (key->leaf != 0) /* the first leaf is that of a start */
        (void)json_object_set_new(object, "leaf", json_integer((json_int_t)key->leaf));
    if (key->weak_attribute[0] != '\0')
        (void)json_object_set_new(object, "weak_attribute", output_text(key->weak_attribute));
    return object;
}

static enum error read_keys(const Provisiond__ProductKeysReply *list, json_t *keys,
                            struct failure *failure)
{
    for (size_t i = 0; i < list->n_keys; i++) {
        if (json_array_append_new(keys, key_to_json(list->keys[i])) != 0)
            return failure_set_memory(failure);
    }
    return record_check_list(keys, LIST.fields, LIST.count, failure);
}

enum error command_hsm_keys(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ProductKeysRequest list = PROVISIOND__PRODUCT_KEYS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)(uintptr_t)arguments_get_or(arguments, OPTION_OF_PRODUCT, "");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_KEYS;
    request.product_keys = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    json_t *keys = json_array();
    e = read_keys(reply->product_keys, keys, failure);
    if (e == ERR_OK)
        e = reading_show_list(arguments, keys, &LIST, failure);
    json_decref(keys);
    if (e == ERR_OK && reply->product_keys->n_keys >= KEYS_MAX)
        (void)fputs("Only the newest 2000 keys are shown; --product has those of one product.\n",
                    stderr);
    return e;
}
