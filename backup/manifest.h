/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is in a backup: each file with its size and SHA-256, as a JSON text and as a table; which
 * images are not, although the ledger names them; and the note (journal/backup_note.h).
 * Order of calls: manifest_add for each file, manifest_miss for each image, manifest_write; or
 * manifest_add for each file that was found, manifest_compare; manifest_clear. Threads: a manifest
 * belongs to one thread.
 */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "backup/backup.h"
#include "journal/checkpoint.h"

#define MANIFEST_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct manifest_file {
    char name[BACKUP_NAME_MAX];
    int64_t size;
    struct sha256 digest;
};

struct manifest {
    struct manifest_file *files; /* owned */
    size_t count;
    size_t room;
    struct sha256 *missing; /* owned, ascending */
    size_t missing_count;
    char note[CHECKPOINT_NOTE_MAX]; /* "": not signed */
};

#define MANIFEST_AUTO __attribute__((cleanup(manifest_clear))) struct manifest

enum error manifest_add(struct manifest *manifest, const struct manifest_file *file,
                        struct fault *fault) MUST_USE;
/* In ascending order. */
enum error manifest_miss(struct manifest *manifest, const struct sha256 *image,
                         struct fault *fault) MUST_USE;
bool manifest_is_missing(const struct manifest *manifest, const uint8_t image[SHA256_SIZE]);
/* NULL unless the file is in it. */
const struct manifest_file *manifest_find(const struct manifest *manifest, const char *name);
/* The text, which is the caller's to free. */
enum error manifest_write(const struct manifest *manifest, int64_t made_unix_ms, char **ret_text,
                          struct fault *fault) MUST_USE;
/*
 * Whether the text names exactly these files, in this order, and when they were packed. Takes the
 * missing images and the note from it. BACKUP_DAMAGED; ERR_UNSUPPORTED ("backup-newer"): of a
 * format that this program does not know.
 */
enum error manifest_compare(struct manifest *manifest, struct bytes text, int64_t *ret_made_unix_ms,
                            struct fault *fault) MUST_USE;
void manifest_clear(struct manifest *manifest);

#endif
