/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the checkpoint key says of a backup: a signed note like a checkpoint's, of another form, so
 * that neither can be taken for the other. No checkpoint's origin has a space in it, and the second
 * line of a checkpoint is a number.
 *
 *     provisiond-backup/1 <origin>\n        of the journal
 *     <when, RFC 3339 with milliseconds>\n
 *     <SHA-256 of the ledger's copy>\n      standard base64, as the next
 *     <SHA-256 of the configuration>\n
 *     \n
 *     — <origin> <base64(key id ‖ signature)>\n
 *
 * The images are not in it: the ledger names each by its digest. Threads: pure functions.
 */
#ifndef JOURNAL_BACKUP_NOTE_H
#define JOURNAL_BACKUP_NOTE_H

#include "journal/checkpoint.h"

/* Of an origin: the body is no longer than a checkpoint's, and checkpoint_origin makes no longer
 * one. */
#define BACKUP_NOTE_ORIGIN_MAX 92

struct backup_note {
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    int64_t made_unix_ms;
    struct sha256 ledger;
    struct sha256 config;
};

/* The body's bytes, with NUL; returns their number without it. */
size_t backup_note_body(const struct backup_note *backup, char out[CHECKPOINT_BODY_MAX]);
/* As checkpoint_note. */
enum error backup_note_write(const struct backup_note *backup, struct bytes spki,
                             struct bytes signature, char out[CHECKPOINT_NOTE_MAX],
                             struct fault *fault) MUST_USE;
/*
 * Reads a note and checks the signature of that key. ERR_BAD_REQUEST: "backup-note-malformed",
 * "backup-other-key", "backup-forged", "key-malformed".
 */
enum error backup_note_open(struct bytes note, struct bytes spki, struct backup_note *ret_backup,
                            struct fault *fault) MUST_USE;

#endif
