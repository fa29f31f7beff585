/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Checkpoint notes: written in one form, read in that form alone. Owns no state. */
#include "journal/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "journal/note.h"
#include "journal/tree.h"

#define ORIGIN_HEX     16
#define SIZE_DIGITS    13 /* 2^40 has 13 */
#define BASE64_SIZE(n) (4 * (((n) + 2) / 3) + 1)

static_assert(CHECKPOINT_ORIGIN_MAX + SIZE_DIGITS + BASE64_SIZE(SHA256_SIZE) + 3 <=
                  CHECKPOINT_BODY_MAX,
              "three lines and a NUL fit");
/* ---- writing ---- */

void checkpoint_origin(const char *site, const struct sha256 *hsm_identity,
                       char out[CHECKPOINT_ORIGIN_MAX + 1])
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(hsm_identity->bytes, SHA256_SIZE), hex);
    (void)snprintf(out, CHECKPOINT_ORIGIN_MAX + 1, "%.64s/provisiond/%.*s", site, ORIGIN_HEX, hex);
}

size_t checkpoint_body(const struct checkpoint *checkpoint, char out[CHECKPOINT_BODY_MAX])
{
    char root[BASE64_SIZE(SHA256_SIZE)];
    EVP_EncodeBlock((unsigned char *)root, checkpoint->root.bytes, SHA256_SIZE);
    int length = snprintf(out, CHECKPOINT_BODY_MAX, "%.*s\n%" PRId64 "\n%s\n",
                          CHECKPOINT_ORIGIN_MAX, checkpoint->origin, checkpoint->size, root);
    return (size_t)length;
}

enum error checkpoint_note(const struct checkpoint *checkpoint, struct bytes spki,
                           struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                           struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    size_t length = checkpoint_body(checkpoint, body);
    return note_write(bytes_of(body, length), checkpoint->origin, spki, signature, out, fault);
}

/* ---- reading ---- */

static enum error malformed(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "checkpoint-malformed",
                     "This is no checkpoint, or not a whole one: fetch it again.", 0);
}

/* Decimal digits without a leading zero. */
static bool read_size(struct bytes line, int64_t *ret_size)
{
    int64_t size = 0;
    if (line.length == 0 || line.length > SIZE_DIGITS || (line.length > 1 && line.data[0] == '0'))
        return false;
    for (size_t i = 0; i < line.length; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        size = size * 10 + (line.data[i] - '0');
    }
    *ret_size = size;
    return size <= TREE_SIZE_MAX;
}

/* Reads the body and the empty line; *ret_rest is the signature lines, *ret_body what is signed. */
static bool read_body(struct bytes note, struct checkpoint *checkpoint, struct bytes *ret_body,
                      struct bytes *ret_rest)
{
    struct bytes rest = note;
    struct bytes line;
    size_t length = 0;
    if (!note_next_line(&rest, &line) || !note_read_name(line, checkpoint->origin) ||
        !note_next_line(&rest, &line) || !read_size(line, &checkpoint->size) ||
        !note_next_line(&rest, &line) ||
        !note_decode(line, checkpoint->root.bytes, SHA256_SIZE, &length) || length != SHA256_SIZE)
        return false;
    *ret_body = bytes_of(note.data, note.length - rest.length);
    if (!note_next_line(&rest, &line) || line.length != 0)
        return false;
    *ret_rest = rest;
    return true;
}

static enum error read_note(struct bytes note, struct checkpoint *ret_checkpoint,
                            struct note_parts *ret_parts, struct fault *fault)
{
    struct checkpoint checkpoint = {.size = 0};
    if (note.length >= CHECKPOINT_NOTE_MAX ||
        !read_body(note, &checkpoint, &ret_parts->body, &ret_parts->lines) ||
        !note_lines_are_signatures(ret_parts->lines))
        return malformed(fault);
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}

enum error checkpoint_read(struct bytes note, struct checkpoint *ret_checkpoint,
                           struct fault *fault)
{
    struct note_parts parts;
    return read_note(note, ret_checkpoint, &parts, fault);
}

static enum error judge(enum note_verdict verdict, struct fault *fault)
{
    switch (verdict) {
    case NOTE_SIGNED:
        return ERR_OK;
    case NOTE_FORGED:
        return fault_set(fault, ERR_BAD_REQUEST, "checkpoint-forged",
                         "The checkpoint was not signed as it is: it or its signature was altered.",
                         0);
    case NOTE_KEY_MALFORMED:
        return fault_set(fault, ERR_BAD_REQUEST, "key-malformed",
                         "The key is no P-256 public key in its usual form.", 0);
    case NOTE_OTHER_KEY:
    default:
        return fault_set(fault, ERR_BAD_REQUEST, "checkpoint-other-key",
                         "The checkpoint has no signature of this key: use the key of the HSM "
                         "that made it.",
                         0);
    }
}

enum error checkpoint_open(struct bytes note, struct bytes spki, struct checkpoint *ret_checkpoint,
                           struct fault *fault)
{
    struct checkpoint checkpoint;
    struct note_parts parts;
    enum error e = read_note(note, &checkpoint, &parts, fault);
    if (e == ERR_OK)
        e = judge(note_check(&parts, checkpoint.origin, spki), fault);
    if (e == ERR_OK)
        *ret_checkpoint = checkpoint;
    return e;
}
