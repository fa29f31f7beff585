/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The one encoder of journal leaves, over jansson. Owns no state. */
#include "ledger/leaf.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

#define LEAF_VERSION 1
#define UUID_TEXT    37

static_assert(LEAF_MAX_BYTES <= 65535, "a leaf is an entry of a tile (C2SP tlog-tiles)");

static void drop(struct leaf *leaf)
{
    json_decref(leaf->object);
    leaf->object = NULL;
}

static void put(struct leaf *leaf, const char *key, json_t *value)
{
    /* json_object_set_new takes value in every case, NULL and a NULL object are its errors. */
    if (json_object_set_new(leaf->object, key, value) != 0)
        drop(leaf);
}

struct leaf leaf_new(struct change_context *context, const char *type)
{
    char time[TIMESTAMP_SIZE];
    struct leaf leaf = {.context = context, .object = json_object()};
    timestamp_format(context->now_unix_ms, time);
    leaf_put_number(&leaf, "v", LEAF_VERSION);
    leaf_put_text(&leaf, "type", type);
    leaf_put_text(&leaf, "time", time);
    return leaf;
}

void leaf_put_text(struct leaf *leaf, const char *key, const char *text)
{
    put(leaf, key, json_string(text));
}

void leaf_put_optional(struct leaf *leaf, const char *key, const char *text)
{
    if (text[0] != '\0')
        leaf_put_text(leaf, key, text);
}

void leaf_put_number(struct leaf *leaf, const char *key, int64_t number)
{
    put(leaf, key, json_integer(number));
}

void leaf_put_flag(struct leaf *leaf, const char *key, bool is_true)
{
    put(leaf, key, json_boolean(is_true));
}

void leaf_put_hex(struct leaf *leaf, const char *key, struct bytes bytes)
{
    char text[SHA256_HEX_SIZE];
    assert(bytes.length <= SHA256_SIZE);
    hex_encode(bytes, text);
    leaf_put_text(leaf, key, text);
}

void leaf_put_image(struct leaf *leaf, const char *key, const struct sha256 *digest)
{
    char text[IMAGE_REFERENCE_SIZE];
    image_reference_format(digest, text);
    leaf_put_text(leaf, key, text);
}

void leaf_put_install(struct leaf *leaf, const struct uuid *install)
{
    char text[UUID_TEXT];
    uuid_format(install, "", text, sizeof text);
    leaf_put_text(leaf, "install", text);
}

void leaf_put_device(struct leaf *leaf, const struct ledger_device *device)
{
    leaf_put_hex(leaf, "device", bytes_of(device->spki.bytes, SHA256_SIZE));
    leaf_put_optional(leaf, "serial", device->serial);
}

void leaf_put_context(struct leaf *leaf, const struct ledger_context *context)
{
    leaf_put_optional(leaf, "lot", context->lot);
    leaf_put_optional(leaf, "line", context->line);
    leaf_put_optional(leaf, "work_order", context->work_order);
    leaf_put_optional(leaf, "operator", context->operator_name);
    leaf_put_optional(leaf, "socket", context->socket);
}

enum error leaf_append(struct leaf *leaf, int64_t *ret_index, struct fault *fault)
{
    char entry[LEAF_MAX_BYTES];
    int64_t index = 0;
    if (leaf->object == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    size_t length = json_dumpb(leaf->object, entry, sizeof entry,
                               JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    drop(leaf);
    if (length == 0 || length > sizeof entry)
        return fault_set(fault, ERR_INTERNAL, "leaf", "A journal leaf cannot be encoded.", 0);
    enum error e = leaf->context->ops->journal_append(leaf->context->store, bytes_of(entry, length),
                                                      &index, fault);
    if (e == ERR_OK && ret_index != NULL)
        *ret_index = index;
    return e;
}

bool leaf_is_stop(struct bytes entry)
{
    json_t *object =
        json_loadb((const char *)entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(object, "type"));
    bool is_stop = type != NULL && strcmp(type, "stop") == 0;
    json_decref(object);
    return is_stop;
}
