/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading a `checkpoint-key-rotated` leaf for who has no other reader of leaves. Owns no state. */
#include <string.h>

#include <jansson.h>

#include "journal/key_chain.h"

#define TYPE_MARK "\"type\":\"checkpoint-key-rotated\""

static bool read_base64(const json_t *leaf, const char *name, uint8_t *out, size_t max,
                        size_t *ret_length)
{
    const char *text = json_string_value(json_object_get(leaf, name));
    return text != NULL && base64_decode(text, out, max, ret_length) == ERR_OK;
}

static bool read_digest(const json_t *leaf, const char *name, struct sha256 *ret_digest)
{
    const char *text = json_string_value(json_object_get(leaf, name));
    return text != NULL && strlen(text) == SHA256_HEX_SIZE - 1 &&
           hex_decode(text, ret_digest->bytes, SHA256_SIZE);
}

static bool read_leaf(const json_t *leaf, struct key_rotation *rotation)
{
    const json_t *generation = json_object_get(leaf, "generation");
    rotation->generation = json_integer_value(generation);
    return json_is_integer(generation) && read_digest(leaf, "old", &rotation->old_key) &&
           read_base64(leaf, "new", rotation->new_key, sizeof rotation->new_key,
                       &rotation->new_key_length) &&
           read_base64(leaf, "signature", rotation->signature, sizeof rotation->signature,
                       &rotation->signature_length);
}

enum key_leaf key_rotation_read(struct bytes entry, int64_t index,
                                struct key_rotation *ret_rotation)
{
    struct key_rotation rotation = {.index = index};
    if (entry.length == 0 ||
        memmem(entry.data, entry.length, TYPE_MARK, sizeof TYPE_MARK - 1) == NULL)
        return KEY_LEAF_OTHER;
    json_t *leaf = json_loadb((const char *)entry.data, entry.length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(leaf, "type"));
    bool is_one = type != NULL && strcmp(type, "checkpoint-key-rotated") == 0;
    bool is_read = is_one && read_leaf(leaf, &rotation);
    json_decref(leaf);
    if (!is_one)
        return KEY_LEAF_OTHER;
    if (!is_read)
        return KEY_LEAF_MALFORMED;
    *ret_rotation = rotation;
    return KEY_LEAF_READ;
}
