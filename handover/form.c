/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The lines of the file of session keys, as JSON, and their hash. Owns no state. */
#include "handover/form.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "handover/member.h"

#define HEADER_MEMBERS 7
#define IMAGE_MEMBERS  10

/* ---- writing ---- */

char *form_of_header(const struct handover_header *header)
{
    json_t *object = json_object();
    member_set_digest(object, "hsm", &header->hsm);
    member_set_digest(object, "standby", &header->standby);
    member_set_digest(object, "transport_key", &header->transport_key);
    (void)json_object_set_new(object, "product", json_string(header->product));
    (void)json_object_set_new(object, "profile", json_string(header->profile));
    (void)json_object_set_new(object, "images", json_integer(header->images));
    (void)json_object_set_new(object, "made_unix_ms", json_integer(header->made_unix_ms));
    if (header->authorities_length == 0)
        return member_dump(object, HEADER_MEMBERS);
    member_set_hex(object, "authorities",
                   bytes_of(header->authorities, header->authorities_length));
    return member_dump(object, HEADER_MEMBERS + 1);
}

char *form_of_image(const struct handover_image *image)
{
    const bool is_other = image->content[0] != '\0'; /* than the profile's default */
    json_t *object = json_object();
    member_set_digest(object, "image", &image->digest);
    (void)json_object_set_new(object, "size", json_integer(image->size));
    (void)json_object_set_new(object, "created_unix_ms", json_integer(image->created_unix_ms));
    (void)json_object_set_new(object, "enabled", json_boolean(image->is_enabled));
    (void)json_object_set_new(object, "label", json_string(image->label));
    (void)json_object_set_new(object, "alias", json_string(image->alias));
    member_set_hex(object, "iv", bytes_of(image->iv, image->iv_length));
    member_set_hex(object, "tag", bytes_of(image->tag, image->tag_length));
    member_set_hex(object, "point", bytes_of(image->point, sizeof image->point));
    member_set_hex(object, "key", bytes_of(image->key, image->key_length));
    if (!is_other)
        return member_dump(object, IMAGE_MEMBERS);
    (void)json_object_set_new(object, "content", json_string(image->content));
    return member_dump(object, IMAGE_MEMBERS + 1);
}

/* ---- reading ---- */

/* Left out when the product is a local one. */
static bool get_authorities(const json_t *object, struct handover_header *header)
{
    return json_object_get(object, "authorities") == NULL ||
           (member_get_hex(object, "authorities", header->authorities, sizeof header->authorities,
                           &header->authorities_length) &&
            header->authorities_length % SHA256_SIZE == 0);
}

bool form_read_header(const char *line, struct handover_header *ret_header)
{
    struct handover_header header = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    bool is_read =
        member_get_exact(object, "hsm", header.hsm.bytes, SHA256_SIZE) &&
        member_get_exact(object, "standby", header.standby.bytes, SHA256_SIZE) &&
        member_get_exact(object, "transport_key", header.transport_key.bytes, SHA256_SIZE) &&
        member_get_text(object, "product", header.product, sizeof header.product) &&
        member_get_text(object, "profile", header.profile, sizeof header.profile) &&
        member_get_number(object, "images", &header.images) &&
        member_get_number(object, "made_unix_ms", &header.made_unix_ms) &&
        get_authorities(object, &header) && name_is_valid(header.product, HANDOVER_NAME_MAX) &&
        name_is_valid(header.profile, HANDOVER_PROFILE_MAX);
    json_decref(object);
    if (!is_read || !member_is_same(line, form_of_header(&header)))
        return false;
    *ret_header = header;
    return true;
}

/* Left out when it is the profile's default. */
static bool get_content(const json_t *object, struct handover_image *image)
{
    return json_object_get(object, "content") == NULL ||
           (member_get_text(object, "content", image->content, sizeof image->content) &&
            name_is_valid(image->content, HANDOVER_CONTENT_MAX));
}

bool form_read_image(const char *line, struct handover_image *ret_image)
{
    struct handover_image image = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = member_get_exact(object, "image", image.digest.bytes, SHA256_SIZE) &&
                   member_get_number(object, "size", &image.size) &&
                   member_get_number(object, "created_unix_ms", &image.created_unix_ms) &&
                   member_get_text(object, "label", image.label, sizeof image.label) &&
                   member_get_text(object, "alias", image.alias, sizeof image.alias) &&
                   member_get_hex(object, "iv", image.iv, sizeof image.iv, &image.iv_length) &&
                   member_get_hex(object, "tag", image.tag, sizeof image.tag, &image.tag_length) &&
                   (image.tag_length == 0 || image.tag_length == sizeof image.tag) &&
                   get_content(object, &image) &&
                   member_get_exact(object, "point", image.point, sizeof image.point) &&
                   member_get_hex(object, "key", image.key, sizeof image.key, &image.key_length) &&
                   (image.key_length == 16 + 8 || image.key_length == 32 + 8) &&
                   (image.alias[0] == '\0' || name_is_valid(image.alias, HANDOVER_NAME_MAX));
    image.is_enabled = json_is_true(json_object_get(object, "enabled"));
    json_decref(object);
    if (!is_read || !member_is_same(line, form_of_image(&image)))
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
