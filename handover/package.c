/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The head of a package, there and back, and what its key is bound to. Owns no state. */
#include "handover/package.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "handover/member.h"

#define MEMBERS  13
#define TEXT_MAX 1024
#define LINES    3

static_assert(sizeof PACKAGE_MAGIC + HANDOVER_LINE_MAX + 1 + SHA256_HEX_SIZE <= PACKAGE_HEAD_MAX,
              "a head with the longest line fits");

/* ---- what the key is bound to ---- */

/*
 * One value a line. None of them has a line end in it but the label, which is the last one: no two
 * packages make the same text.
 */
static size_t make_text(const struct package *package, char text[TEXT_MAX])
{
    char transport[SHA256_HEX_SIZE];
    char image[SHA256_HEX_SIZE];
    char authorities[SHA256_HEX_SIZE];
    char iv[2 * HANDOVER_IV_MAX + 1];
    char tag[2 * HANDOVER_TAG_BYTES + 1];
    hex_encode(bytes_of(package->transport_key.bytes, SHA256_SIZE), transport);
    hex_encode(bytes_of(package->image.bytes, SHA256_SIZE), image);
    hex_encode(bytes_of(package->authorities, package->authorities_length), authorities);
    hex_encode(bytes_of(package->iv, package->iv_length), iv);
    hex_encode(bytes_of(package->tag, package->tag_length), tag);
    return (size_t)snprintf(
        text, TEXT_MAX, "%s\n%s\n%s\n%s\n%s\n%s\n%" PRId64 "\n%" PRId64 "\n%s\n%s\n%s\n", transport,
        package->product, package->profile, package->content, authorities, image, package->size,
        package->made_unix_ms, iv, tag, package->label);
}

void package_info(const struct package *package, uint8_t out[PACKAGE_INFO_BYTES])
{
    char text[TEXT_MAX];
    const size_t length = make_text(package, text);
    const struct sha256 digest = sha256_of(bytes_of(text, length));
    memcpy(out, PACKAGE_MAGIC, sizeof PACKAGE_MAGIC);
    memcpy(out + sizeof PACKAGE_MAGIC, digest.bytes, SHA256_SIZE);
}

/* ---- the line ---- */

static char *make_line(const struct package *package)
{
    json_t *object = json_object();
    member_set_digest(object, "transport_key", &package->transport_key);
    (void)json_object_set_new(object, "product", json_string(package->product));
    (void)json_object_set_new(object, "profile", json_string(package->profile));
    (void)json_object_set_new(object, "content", json_string(package->content));
    member_set_hex(object, "authorities",
                   bytes_of(package->authorities, package->authorities_length));
    member_set_digest(object, "image", &package->image);
    (void)json_object_set_new(object, "size", json_integer(package->size));
    (void)json_object_set_new(object, "made_unix_ms", json_integer(package->made_unix_ms));
    (void)json_object_set_new(object, "label", json_string(package->label));
    member_set_hex(object, "iv", bytes_of(package->iv, package->iv_length));
    member_set_hex(object, "tag", bytes_of(package->tag, package->tag_length));
    member_set_hex(object, "point", bytes_of(package->point, sizeof package->point));
    member_set_hex(object, "key", bytes_of(package->key, package->key_length));
    return member_dump(object, MEMBERS);
}

static bool get_names(const json_t *object, struct package *package)
{
    return member_get_text(object, "product", package->product, sizeof package->product) &&
           member_get_text(object, "profile", package->profile, sizeof package->profile) &&
           member_get_text(object, "content", package->content, sizeof package->content) &&
           member_get_text(object, "label", package->label, sizeof package->label) &&
           name_is_valid(package->product, HANDOVER_NAME_MAX) &&
           name_is_valid(package->profile, HANDOVER_PROFILE_MAX) &&
           name_is_valid(package->content, HANDOVER_CONTENT_MAX);
}

static bool get_cipher(const json_t *object, struct package *package)
{
    return member_get_hex(object, "iv", package->iv, sizeof package->iv, &package->iv_length) &&
           member_get_hex(object, "tag", package->tag, sizeof package->tag, &package->tag_length) &&
           (package->tag_length == 0 || package->tag_length == sizeof package->tag) &&
           member_get_exact(object, "point", package->point, sizeof package->point) &&
           member_get_hex(object, "key", package->key, sizeof package->key, &package->key_length) &&
           (package->key_length == 16 + 8 || package->key_length == 32 + 8);
}

static bool get_authorities(const json_t *object, struct package *package)
{
    return member_get_hex(object, "authorities", package->authorities, SHA256_SIZE,
                          &package->authorities_length) &&
           (package->authorities_length == 0 || package->authorities_length == SHA256_SIZE);
}

static bool read_line(const char *line, struct package *ret_package)
{
    struct package package = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const bool is_read =
        member_get_exact(object, "transport_key", package.transport_key.bytes, SHA256_SIZE) &&
        member_get_exact(object, "image", package.image.bytes, SHA256_SIZE) &&
        member_get_number(object, "size", &package.size) && package.size > 0 &&
        member_get_number(object, "made_unix_ms", &package.made_unix_ms) &&
        get_names(object, &package) && get_authorities(object, &package) &&
        get_cipher(object, &package);
    json_decref(object);
    if (!is_read || !member_is_same(line, make_line(&package)))
        return false;
    *ret_package = package;
    return true;
}

/* ---- the head ---- */

static bool is_utf8(const char *text)
{
    json_t *value = json_string(text);
    const bool is_read = value != NULL;
    json_decref(value);
    return is_read;
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

enum error package_write_head(const struct package *package, char out[PACKAGE_HEAD_MAX],
                              size_t *ret_length, struct fault *fault)
{
    char hex[SHA256_HEX_SIZE];
    if (!is_utf8(package->label))
        return refuse(fault, "label", "The label is not UTF-8.");
    char *line = make_line(package);
    const bool is_fit = line != NULL && strlen(line) <= HANDOVER_LINE_MAX;
    int length = is_fit ? snprintf(out, PACKAGE_HEAD_MAX, PACKAGE_MAGIC "\n%s\n", line) : 0;
    free(line);
    if (!is_fit)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for a package's head.", 0);
    const struct sha256 digest = sha256_of(bytes_of(out, (size_t)length));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    length += snprintf(out + length, PACKAGE_HEAD_MAX - (size_t)length, "%s\n", hex);
    *ret_length = (size_t)length;
    return ERR_OK;
}

static enum error refuse_form(struct fault *fault)
{
    return refuse(fault, "package-form",
                  "This is no package of a sealed image, or somebody changed it: provctl image "
                  "seal writes them.");
}

/* Three lines into texts, and where each ends. False when there are fewer, or one has a NUL. */
static bool split(const char *bytes, size_t length, char text[PACKAGE_HEAD_MAX + 1],
                  size_t ret_ends[LINES])
{
    size_t at = 0;
    memcpy(text, bytes, length);
    text[length] = '\0';
    for (size_t i = 0; i < LINES; i++) {
        char *end = memchr(text + at, '\n', length - at);
        if (end == NULL)
            return false;
        *end = '\0';
        ret_ends[i] = (size_t)(end - text);
        if (strlen(text + at) != ret_ends[i] - at)
            return false;
        at = ret_ends[i] + 1;
    }
    return true;
}

enum error package_read_head(const char *bytes, size_t length, struct package *ret_package,
                             size_t *ret_length, struct fault *fault)
{
    char text[PACKAGE_HEAD_MAX + 1];
    char hex[SHA256_HEX_SIZE];
    size_t ends[LINES];
    const size_t magic = sizeof PACKAGE_MAGIC - 1;
    if (memcmp(bytes, PACKAGE_MAGIC "\n", length < magic + 1 ? length : magic + 1) != 0)
        return refuse_form(fault);
    if (!split(bytes, length, text, ends))
        return length == PACKAGE_HEAD_MAX
                   ? refuse_form(fault)
                   : refuse(fault, "package-cut", "The package is cut off: copy it again.");
    const struct sha256 digest = sha256_of(bytes_of(bytes, ends[1] + 1));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    if (strcmp(text + ends[1] + 1, hex) != 0)
        return refuse(fault, "package-damaged",
                      "The package is not as it was written: copy it again.");
    if (!read_line(text + ends[0] + 1, ret_package))
        return refuse_form(fault);
    *ret_length = ends[2] + 1;
    return ERR_OK;
}
