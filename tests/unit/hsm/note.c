/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Checkpoints for tests. */
#include "note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define ORIGIN "site/provisiond/0123456789abcdef"
#define DASH   "\xe2\x80\x94 "

static void append(struct note *note, const char *text)
{
    size_t length = strlen(text);
    ck_assert_uint_lt(note->length + length, sizeof note->text);
    memcpy(note->text + note->length, text, length + 1);
    note->length += length;
}

struct note note_body(int64_t size, uint8_t root)
{
    struct note note = {.length = 0};
    uint8_t digest[SHA256_SIZE];
    char number[32];
    char *base64 = NULL;
    memset(digest, root, sizeof digest);
    ck_assert_int_eq(base64_encode(bytes_of(digest, sizeof digest), &base64), ERR_OK);
    (void)snprintf(number, sizeof number, "%" PRId64 "\n", size);
    append(&note, ORIGIN "\n");
    append(&note, number);
    append(&note, base64);
    append(&note, "\n");
    free(base64);
    return note;
}

struct note note_make(int64_t size, uint8_t root)
{
    struct note note = note_body(size, root);
    append(&note, "\n" DASH ORIGIN " MDEyMzQ1Njc4OWFiY2RlZg==\n");
    return note;
}

struct note note_of_length(int64_t size, size_t length)
{
    struct note note = note_body(size, 1);
    append(&note, "\n" DASH ORIGIN " ");
    ck_assert_uint_lt(note.length, length);
    while (note.length < length - 1)
        append(&note, "A");
    append(&note, "\n");
    return note;
}

struct bytes note_bytes(const struct note *note)
{
    return bytes_of(note->text, note->length);
}

enum error note_put(struct hsm_client *client, const struct note *note, bool replaces_larger,
                    struct fault *fault)
{
    for (;;) {
        struct hsm_anchor anchor = {.length = 0};
        if (hsm_anchor_read(client, &anchor, fault) != ERR_OK)
            anchor.length = 0;
        const struct sha256 kept = sha256_of(bytes_of(anchor.note, anchor.length));
        enum error e = hsm_anchor_write(client, note_bytes(note), &kept, replaces_larger, fault);
        if (e != ERR_CONFLICT || strcmp(fault->reason, "anchor-taken") != 0)
            return e;
    }
}
