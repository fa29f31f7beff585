/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reader, over jansson. Owns no state. */
#include "audit/receipt.h"

#include <string.h>

#include <jansson.h>

static bool read_text(const json_t *object, const char *name, char *out, size_t size,
                      size_t *ret_length)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (text == NULL || length == 0 || length >= size)
        return false;
    memcpy(out, text, length);
    *ret_length = length;
    return true;
}

static bool read_number(const json_t *object, const char *name, int64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    *ret_number = json_integer_value(value);
    return json_is_integer(value) && *ret_number >= 0 && *ret_number <= TREE_SIZE_MAX;
}

static bool read_hash(const json_t *value, struct sha256 *ret_hash)
{
    size_t length = 0;
    const char *text = json_string_value(value);
    return text != NULL && base64_decode(text, ret_hash->bytes, SHA256_SIZE, &length) == ERR_OK &&
           length == SHA256_SIZE;
}

static bool read_proof(const json_t *array, struct tree_proof *proof)
{
    proof->count = json_array_size(array);
    if (!json_is_array(array) || proof->count > TREE_PROOF_MAX)
        return false;
    for (size_t i = 0; i < proof->count; i++) {
        if (!read_hash(json_array_get(array, i), &proof->hashes[i]))
            return false;
    }
    return true;
}

bool receipt_read(struct bytes json, struct receipt *ret_receipt)
{
    size_t length = 0;
    memset(ret_receipt, 0, sizeof *ret_receipt);
    json_t *object = json_loadb((const char *)json.data, json.length, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = json_is_object(object) &&
                   read_text(object, "leaf", ret_receipt->leaf, sizeof ret_receipt->leaf,
                             &ret_receipt->leaf_length) &&
                   read_number(object, "index", &ret_receipt->index) &&
                   read_number(object, "tree_size", &ret_receipt->size) &&
                   read_proof(json_object_get(object, "proof"), &ret_receipt->proof) &&
                   read_text(object, "checkpoint", ret_receipt->checkpoint,
                             sizeof ret_receipt->checkpoint, &length) &&
                   strlen(ret_receipt->checkpoint) == length;
    json_decref(object);
    return is_read;
}
