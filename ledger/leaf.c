/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The one encoder of journal leaves, over jansson. Owns no state. */
#include "ledger/leaf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "ledger/journal.h"

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
    char text[2 * LEAF_HEX_MAX + 1];
    assert(bytes.length <= LEAF_HEX_MAX);
    hex_encode(bytes, text);
    leaf_put_text(leaf, key, text);
}

void leaf_put_image(struct leaf *leaf, const char *key, const struct sha256 *digest)
{
    char text[IMAGE_REFERENCE_SIZE];
    image_reference_format(digest, text);
    leaf_put_text(leaf, key, text);
}

void leaf_put_uuid(struct leaf *leaf, const char *key, const struct uuid *id)
{
    char text[UUID_TEXT];
    uuid_format(id, "", text, sizeof text);
    leaf_put_text(leaf, key, text);
}

void leaf_put_device(struct leaf *leaf, const struct ledger_device *device)
{
    leaf_put_hex(leaf, "device", bytes_of(device->spki.bytes, SHA256_SIZE));
    leaf_put_optional(leaf, "serial", device->serial);
}

void leaf_put_base64(struct leaf *leaf, const char *key, struct bytes bytes)
{
    char *text = NULL;
    if (base64_encode(bytes, &text) != ERR_OK) {
        drop(leaf);
        return;
    }
    leaf_put_text(leaf, key, text);
    free(text);
}

void leaf_put_product(struct leaf *leaf, const struct ledger_product_new *product)
{
    const struct sha256 anchors = sha256_of(product->anchors);
    leaf_put_text(leaf, "product", product->name);
    leaf_put_text(leaf, "profile", product->profile);
    leaf_put_text(leaf, "policy",
                  product->policy == LEDGER_PER_LICENSE ? "per-license" : "per-device");
    leaf_put_hex(leaf, "anchors", bytes_of(anchors.bytes, SHA256_SIZE));
    leaf_put_flag(leaf, "session_key_exposure", product->allows_key_exposure);
    leaf_put_optional(leaf, "options", product->options);
    leaf_put_number(leaf, "attempts_max", product->attempts_max);
}

void leaf_put_listed(struct leaf *leaf, const struct sha256 *state)
{
    const struct sha256 none = {{0}};
    if (!sha256_equal(state, &none))
        leaf_put_hex(leaf, "listed", bytes_of(state->bytes, SHA256_SIZE));
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
    if (leaf->context->memory.is_retired) {
        drop(leaf);
        return ledger_retired_fault(fault);
    }
    size_t length = json_dumpb(leaf->object, entry, sizeof entry,
                               JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    drop(leaf);
    if (length == 0 || length > sizeof entry)
        return fault_set(fault, ERR_INTERNAL, "leaf", "A journal leaf cannot be encoded.", 0);
    enum error e = journal_append(leaf->context, bytes_of(entry, length), &index, fault);
    if (e != ERR_OK)
        return e;
    leaf->context->memory.newest_unix_ms = leaf->context->now_unix_ms;
    if (ret_index != NULL)
        *ret_index = index;
    return ERR_OK;
}

/* ---- reading ---- */

static json_t *load(struct bytes entry)
{
    return json_loadb((const char *)entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
}

/* Exactly the form that timestamp_format writes. */
static bool read_time(const char *text, int64_t *ret_unix_ms)
{
    char again[TIMESTAMP_SIZE];
    int64_t unix_ms = 0;
    if (!timestamp_parse(text, &unix_ms))
        return false;
    timestamp_format(unix_ms, again);
    if (strcmp(again, text) != 0)
        return false;
    *ret_unix_ms = unix_ms;
    return true;
}

bool leaf_time(struct bytes entry, int64_t *ret_unix_ms)
{
    json_t *object = load(entry);
    const char *text = json_string_value(json_object_get(object, "time"));
    bool is_read = text != NULL && read_time(text, ret_unix_ms);
    json_decref(object);
    return is_read;
}

static bool is_of_type(struct bytes entry, const char *wanted)
{
    json_t *object = load(entry);
    const char *type = json_string_value(json_object_get(object, "type"));
    bool is_wanted = type != NULL && strcmp(type, wanted) == 0;
    json_decref(object);
    return is_wanted;
}

bool leaf_is_stop(struct bytes entry)
{
    return is_of_type(entry, "stop");
}

bool leaf_is_retired(struct bytes entry)
{
    return is_of_type(entry, "retired");
}
