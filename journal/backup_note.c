/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The note of a backup: written in one form, read in that form alone. Owns no state. */
#include "journal/backup_note.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/clock.h"
#include "journal/note.h"

#define KIND        "provisiond-backup/1 "
#define BASE64_SIZE ((size_t)4 * ((SHA256_SIZE + 2) / 3) + 1)

static_assert(sizeof KIND + BACKUP_NOTE_ORIGIN_MAX + TIMESTAMP_SIZE + 2 * BASE64_SIZE + 1 <=
                  CHECKPOINT_BODY_MAX,
              "four lines and a NUL fit");

/* ---- writing ---- */

size_t backup_note_body(const struct backup_note *backup, char out[CHECKPOINT_BODY_MAX])
{
    char made[TIMESTAMP_SIZE];
    char ledger[BASE64_SIZE];
    char config[BASE64_SIZE];
    timestamp_format(backup->made_unix_ms, made);
    EVP_EncodeBlock((unsigned char *)ledger, backup->ledger.bytes, SHA256_SIZE);
    EVP_EncodeBlock((unsigned char *)config, backup->config.bytes, SHA256_SIZE);
    return (size_t)snprintf(out, CHECKPOINT_BODY_MAX, KIND "%.*s\n%s\n%s\n%s\n",
                            BACKUP_NOTE_ORIGIN_MAX, backup->origin, made, ledger, config);
}

enum error backup_note_write(const struct backup_note *backup, struct bytes spki,
                             struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                             struct fault *fault)
{
    char body[CHECKPOINT_BODY_MAX];
    size_t length = backup_note_body(backup, body);
    return note_write(bytes_of(body, length), backup->origin, spki, signature, out, fault);
}

/* ---- reading ---- */

static bool read_kind(struct bytes line, char out[CHECKPOINT_ORIGIN_MAX + 1])
{
    size_t head = strlen(KIND);
    return line.length > head && line.length - head <= BACKUP_NOTE_ORIGIN_MAX &&
           memcmp(line.data, KIND, head) == 0 &&
           note_read_name(bytes_of(line.data + head, line.length - head), out);
}

static bool read_time(struct bytes line, int64_t *ret_unix_ms)
{
    char text[TIMESTAMP_SIZE];
    if (line.length >= sizeof text || memchr(line.data, '\0', line.length) != NULL)
        return false;
    memcpy(text, line.data, line.length);
    text[line.length] = '\0';
    return timestamp_parse(text, ret_unix_ms);
}

static bool read_digest(struct bytes line, struct sha256 *ret_digest)
{
    size_t length = 0;
    return note_decode(line, ret_digest->bytes, SHA256_SIZE, &length) && length == SHA256_SIZE;
}

static bool read_lines(struct bytes *rest, struct backup_note *backup)
{
    struct bytes line;
    return note_next_line(rest, &line) && read_kind(line, backup->origin) &&
           note_next_line(rest, &line) && read_time(line, &backup->made_unix_ms) &&
           note_next_line(rest, &line) && read_digest(line, &backup->ledger) &&
           note_next_line(rest, &line) && read_digest(line, &backup->config);
}

/* One text alone is that of these values: what is signed is what was read. */
static bool read_note(struct bytes note, struct backup_note *backup, struct note_parts *ret_parts)
{
    char body[CHECKPOINT_BODY_MAX];
    struct bytes rest = note;
    struct bytes line;
    if (note.length >= CHECKPOINT_NOTE_MAX || !read_lines(&rest, backup))
        return false;
    ret_parts->body = bytes_of(note.data, note.length - rest.length);
    size_t length = backup_note_body(backup, body);
    if (!bytes_equal(ret_parts->body, bytes_of(body, length)) || !note_next_line(&rest, &line) ||
        line.length != 0)
        return false;
    ret_parts->lines = rest;
    return note_lines_are_signatures(rest);
}

static enum error judge(enum note_verdict verdict, struct fault *fault)
{
    switch (verdict) {
    case NOTE_SIGNED:
        return ERR_OK;
    case NOTE_FORGED:
        return fault_set(fault, ERR_BAD_REQUEST, "backup-forged",
                         "The backup's signature does not hold: it or the backup was altered.", 0);
    case NOTE_KEY_MALFORMED:
        return fault_set(fault, ERR_BAD_REQUEST, "key-malformed",
                         "The key is no P-256 public key in its usual form.", 0);
    case NOTE_OTHER_KEY:
    default:
        return fault_set(fault, ERR_BAD_REQUEST, "backup-other-key",
                         "The backup has no signature of this key: it is of another HSM.", 0);
    }
}

enum error backup_note_open(struct bytes note, struct bytes spki, struct backup_note *ret_backup,
                            struct fault *fault)
{
    struct backup_note backup = {.made_unix_ms = 0};
    struct note_parts parts;
    if (!read_note(note, &backup, &parts))
        return fault_set(fault, ERR_BAD_REQUEST, "backup-note-malformed",
                         "What should be the backup's signature is none.", 0);
    enum error e = judge(note_check(&parts, backup.origin, spki), fault);
    if (e == ERR_OK)
        *ret_backup = backup;
    return e;
}
