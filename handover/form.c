/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lines as JSON. Reading is strict by making the line again: whatever is not the one form of what
 * was read (white space, another order, an escape too much, a member twice) is refused.
 */
#include "handover/form.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#define HEX_MAX (2 * HANDOVER_POINT_BYTES + 1)

/* ---- writing ---- */

static void set_hex(json_t *object, const char *name, struct bytes bytes)
{
    char hex[HEX_MAX];
    hex_encode(bytes, hex);
    (void)json_object_set_new(object, name, json_string(hex));
}

static void set_digest(json_t *object, const char *name, const struct sha256 *digest)
{
    set_hex(object, name, bytes_of(digest->bytes, SHA256_SIZE));
}

/* Takes object over. A value that could not be set is missing: too few members are no form. */
static char *dump(json_t *object, size_t members)
{
    char *text = json_object_size(object) == members
                     ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII)
                     : NULL;
    json_decref(object);
    return text;
}

char *form_of_header(const struct handover_header *header)
{
    json_t *object = json_object();
    set_digest(object, "hsm", &header->hsm);
    set_digest(object, "standby", &header->standby);
    set_digest(object, "transport_key", &header->transport_key);
    (void)json_object_set_new(object, "product", json_string(header->product));
    (void)json_object_set_new(object, "profile", json_string(header->profile));
    (void)json_object_set_new(object, "images", json_integer(header->images));
    (void)json_object_set_new(object, "made_unix_ms", json_integer(header->made_unix_ms));
    return dump(object, 7);
}

char *form_of_image(const struct handover_image *image)
{
    json_t *object = json_object();
    set_digest(object, "image", &image->digest);
    (void)json_object_set_new(object, "size", json_integer(image->size));
    (void)json_object_set_new(object, "created_unix_ms", json_integer(image->created_unix_ms));
    (void)json_object_set_new(object, "enabled", json_boolean(image->is_enabled));
    (void)json_object_set_new(object, "label", json_string(image->label));
    (void)json_object_set_new(object, "alias", json_string(image->alias));
    set_hex(object, "iv", bytes_of(image->iv, image->iv_length));
    set_hex(object, "tag", bytes_of(image->tag, sizeof image->tag));
    set_hex(object, "point", bytes_of(image->point, sizeof image->point));
    set_hex(object, "key", bytes_of(image->key, image->key_length));
    return dump(object, 10);
}

/* ---- reading ---- */

static bool get_text(const json_t *object, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length >= size)
        return false;
    memcpy(out, json_string_value(value), length + 1);
    return strlen(out) == length; /* no NUL inside */
}

static bool get_number(const json_t *object, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(object, name);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

/* At most max bytes. */
static bool get_hex(const json_t *object, const char *name, uint8_t *out, size_t max,
                    size_t *ret_length)
{
    const json_t *value = json_object_get(object, name);
    size_t digits = json_string_length(value);
    *ret_length = digits / 2;
    return json_is_string(value) && digits % 2 == 0 && *ret_length <= max &&
           hex_decode(json_string_value(value), out, *ret_length);
}

static bool get_exact(const json_t *object, const char *name, uint8_t *out, size_t size)
{
    size_t length = 0;
    return get_hex(object, name, out, size, &length) && length == size;
}

/* Takes made over. */
static bool is_same(const char *line, char *made)
{
    bool same = made != NULL && strcmp(line, made) == 0;
    free(made);
    return same;
}

bool form_read_header(const char *line, struct handover_header *ret_header)
{
    struct handover_header header = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = get_exact(object, "hsm", header.hsm.bytes, SHA256_SIZE) &&
                   get_exact(object, "standby", header.standby.bytes, SHA256_SIZE) &&
                   get_exact(object, "transport_key", header.transport_key.bytes, SHA256_SIZE) &&
                   get_text(object, "product", header.product, sizeof header.product) &&
                   get_text(object, "profile", header.profile, sizeof header.profile) &&
                   get_number(object, "images", &header.images) &&
                   get_number(object, "made_unix_ms", &header.made_unix_ms) &&
                   name_is_valid(header.product, HANDOVER_NAME_MAX) &&
                   name_is_valid(header.profile, HANDOVER_PROFILE_MAX);
    json_decref(object);
    if (!is_read || !is_same(line, form_of_header(&header)))
        return false;
    *ret_header = header;
    return true;
}

bool form_read_image(const char *line, struct handover_image *ret_image)
{
    struct handover_image image = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = get_exact(object, "image", image.digest.bytes, SHA256_SIZE) &&
                   get_number(object, "size", &image.size) &&
                   get_number(object, "created_unix_ms", &image.created_unix_ms) &&
                   get_text(object, "label", image.label, sizeof image.label) &&
                   get_text(object, "alias", image.alias, sizeof image.alias) &&
                   get_hex(object, "iv", image.iv, sizeof image.iv, &image.iv_length) &&
                   get_exact(object, "tag", image.tag, sizeof image.tag) &&
                   get_exact(object, "point", image.point, sizeof image.point) &&
                   get_hex(object, "key", image.key, sizeof image.key, &image.key_length) &&
                   (image.key_length == 16 + 8 || image.key_length == 32 + 8) &&
                   (image.alias[0] == '\0' || name_is_valid(image.alias, HANDOVER_NAME_MAX));
    image.is_enabled = json_is_true(json_object_get(object, "enabled"));
    json_decref(object);
    if (!is_read || !is_same(line, form_of_image(&image)))
        return false;
    *ret_image = image;
    return true;
}

/* ---- the hash of lines ---- */

bool form_hash_line(struct handover_file *file, const char *line)
{
    if (file->hash == NULL) {
        file->hash = EVP_MD_CTX_new();
        if (file->hash == NULL || EVP_DigestInit_ex(file->hash, EVP_sha256(), NULL) != 1)
            return false;
    }
    return EVP_DigestUpdate(file->hash, line, strlen(line)) == 1 &&
           EVP_DigestUpdate(file->hash, "\n", 1) == 1;
}

bool form_hash_so_far(const struct handover_file *file, struct sha256 *ret_digest)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool is_done = copy != NULL && EVP_MD_CTX_copy_ex(copy, file->hash) == 1 &&
                   EVP_DigestFinal_ex(copy, ret_digest->bytes, NULL) == 1;
    EVP_MD_CTX_free(copy);
    return is_done;
}

void handover_file_clear(struct handover_file *file)
{
    EVP_MD_CTX_free(file->hash);
    file->hash = NULL;
}
