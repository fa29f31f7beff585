/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A strict reader of checkpoints, line by line. Owns no state. */
#include "hsm/hsm_checkpoint.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "hsm/hsm_client.h"

#define ORIGIN_MAX_BYTES 120
#define SIZE_DIGITS      13 /* 2^40 leaves */
#define ROOT_TEXT_BYTES  44 /* 32 bytes in base64 */
#define DELETE           0x7f

#define TIME_TEXT_BYTES  24 /* 2026-11-27T10:00:00.000Z */

static const char BACKUP_KIND[] = "provisiond-backup/1 ";
static const char DASH[] = "\xe2\x80\x94 "; /* U+2014 and a space begin a signature line */

/* Cuts the next line off; false when no newline ends it. */
static bool next_line(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;
    if (end == NULL)
        return false;
    *ret_line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->length - ret_line->length - 1);
    return true;
}

/* Printable ASCII without space and plus, which part a note's lines. */
static bool is_origin(struct bytes line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] <= ' ' || line.data[i] == '+' || line.data[i] >= DELETE)
            return false;
    }
    return line.length > 0 && line.length <= ORIGIN_MAX_BYTES;
}

static bool read_size(struct bytes line, int64_t *ret_size)
{
    int64_t size = 0;
    if (line.length == 0 || line.length > SIZE_DIGITS || (line.data[0] == '0' && line.length > 1))
        return false;
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        size = size * 10 + (line.data[i] - '0');
    }
    *ret_size = size;
    return true;
}

static bool read_root(struct bytes line, struct sha256 *ret_root)
{
    char text[ROOT_TEXT_BYTES + 1];
    struct sha256 root;
    size_t length = 0;
    if (line.length != ROOT_TEXT_BYTES || memchr(line.data, '\0', line.length) != NULL)
        return false;
    memcpy(text, line.data, ROOT_TEXT_BYTES);
    text[ROOT_TEXT_BYTES] = '\0';
    if (base64_decode(text, root.bytes, SHA256_SIZE, &length) != ERR_OK || length != SHA256_SIZE)
        return false;
    *ret_root = root;
    return true;
}

/* Cuts the three lines off. */
static bool read_body(struct bytes *rest, struct hsm_checkpoint *ret_checkpoint)
{
    struct bytes line;
    return next_line(rest, &line) && is_origin(line) && next_line(rest, &line) &&
           read_size(line, &ret_checkpoint->size) && next_line(rest, &line) &&
           read_root(line, &ret_checkpoint->root);
}

static bool is_signature(struct bytes line)
{
    size_t dash = strlen(DASH);
    if (line.length <= dash || memcmp(line.data, DASH, dash) != 0)
        return false;
    for (size_t i = dash; i < line.length; i++) {
        if (line.data[i] < ' ' || line.data[i] >= DELETE)
            return false;
    }
    return true;
}

bool hsm_checkpoint_is_body(struct bytes text)
{
    struct hsm_checkpoint checkpoint;
    struct bytes rest = text;
    return text.length <= HSM_CHECKPOINT_BODY_MAX && read_body(&rest, &checkpoint) &&
           rest.length == 0;
}

static bool is_backup_kind(struct bytes line)
{
    size_t head = strlen(BACKUP_KIND);
    return line.length > head && memcmp(line.data, BACKUP_KIND, head) == 0 &&
           is_origin(bytes_of(line.data + head, line.length - head));
}

/* Digits and the four kinds of marks between them, each at its place. */
static bool is_time(struct bytes line)
{
    static const uint8_t FORM[] = "0000-00-00T00:00:00.000Z";
    if (line.length != TIME_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < TIME_TEXT_BYTES; i++) {
        bool is_digit = line.data[i] >= '0' && line.data[i] <= '9';
        if (FORM[i] == '0' ? !is_digit : line.data[i] != FORM[i])
            return false;
    }
    return true;
}

bool hsm_checkpoint_is_backup(struct bytes text)
{
    struct sha256 digest;
    struct bytes rest = text;
    struct bytes line;
    return text.length <= HSM_CHECKPOINT_BODY_MAX && next_line(&rest, &line) &&
           is_backup_kind(line) && next_line(&rest, &line) && is_time(line) &&
           next_line(&rest, &line) && read_root(line, &digest) && next_line(&rest, &line) &&
           read_root(line, &digest) && rest.length == 0;
}

bool hsm_checkpoint_is_origin(const char *text)
{
    size_t length = strnlen(text, HSM_ORIGIN_MAX + 1);
    return length <= HSM_ORIGIN_MAX && is_origin(bytes_of(text, length));
}

size_t hsm_checkpoint_statement(const struct hsm_key_statement *statement,
                                char out[HSM_CHECKPOINT_BODY_MAX + 1])
{
    unsigned char old_key[ROOT_TEXT_BYTES + 1];
    unsigned char new_key[ROOT_TEXT_BYTES + 1];
    EVP_EncodeBlock(old_key, statement->old_key.bytes, SHA256_SIZE);
    EVP_EncodeBlock(new_key, statement->new_key.bytes, SHA256_SIZE);
    return (size_t)snprintf(out, HSM_CHECKPOINT_BODY_MAX + 1, "provisiond-key/1 %.*s\n%u\n%s\n%s\n",
                            HSM_ORIGIN_MAX, statement->origin, statement->generation,
                            (const char *)old_key, (const char *)new_key);
}

bool hsm_checkpoint_read_note(struct bytes text, struct hsm_checkpoint *ret_checkpoint)
{
    struct hsm_checkpoint checkpoint;
    struct bytes rest = text;
    struct bytes line;
    if (text.length > HSM_ANCHOR_MAX || !read_body(&rest, &checkpoint) ||
        !next_line(&rest, &line) || line.length > 0 || rest.length == 0)
        return false;
    while (next_line(&rest, &line)) {
        if (!is_signature(line))
            return false;
    }
    if (rest.length > 0)
        return false;
    *ret_checkpoint = checkpoint;
    return true;
}
