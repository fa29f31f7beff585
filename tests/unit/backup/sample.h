/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backups in memory, made and opened by the room itself, in a folder of a test's own. Whatever
 * cannot be made fails the test. Threads: one.
 */
#ifndef TESTS_UNIT_BACKUP_SAMPLE_H
#define TESTS_UNIT_BACKUP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

#include "backup/unpack.h"
#include "support/pki.h"
#include "support/temp_dir.h"

#define SAMPLE_CONFIG      "[vault]\nledger = /nowhere\n"
#define SAMPLE_MADE_UNIXMS INT64_C(1700000000000)

/* Bytes that the test owns. */
struct blob {
    uint8_t *data;
    size_t length;
};

#define BLOB_AUTO __attribute__((cleanup(blob_clear))) struct blob

struct sample {
    struct temp_dir dir;
    char target[TEMP_PATH_MAX]; /* what backups are opened into; nothing else is in dir */
    struct pki *recipient;
    struct pki *stranger;
};

void sample_make(struct sample *sample, enum pki_key_type type);
void sample_end(struct sample *sample);

/* That many bytes, which seed alone decides. */
struct blob blob_of(unsigned seed, size_t length);
struct blob blob_copy(const struct blob *blob);
void blob_add(struct blob *blob, struct bytes more);
void blob_clear(struct blob *blob);
struct bytes blob_bytes(const struct blob *blob);

/* "images/<SHA-256>" of an image's bytes. */
void sample_image_name(struct bytes image, char out[BACKUP_NAME_MAX]);
/* A backup of a ledger of that many bytes, one image and a configuration; seed decides the bytes.
 */
struct blob sample_backup(const struct pki *recipient, unsigned seed, size_t ledger_length);
/* Whatever bytes in parts, in the place of a tar file. */
struct blob sample_seal(const struct pki *recipient, struct bytes inner);

/*
 * Opens it into an empty target. Fails the test when anything came to be beside the target, when
 * the target holds anything but files of a backup, or when a failure has an answer or no reason.
 */
enum error sample_open_as(struct sample *sample, const struct pki *owner, struct bytes backup,
                          struct unpacked *ret_unpacked, struct fault *fault);
enum error sample_open(struct sample *sample, struct bytes backup, struct fault *fault);
/* As sample_open, refused with that reason and with words that stand in the detail. */
void sample_refuse(struct sample *sample, struct bytes backup, const char *reason,
                   const char *words);
/* Whether the target holds what sample_backup packed, to the byte. */
bool sample_is_whole(const struct sample *sample, unsigned seed, size_t ledger_length);

#endif
