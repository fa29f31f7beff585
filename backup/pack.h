/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files into a backup. Order of calls: pack_new, pack_file and pack_bytes any number of times,
 * pack_finish, pack_free. Threads: belongs to one thread.
 */
#ifndef BACKUP_PACK_H
#define BACKUP_PACK_H

#include "backup/seal.h"

struct pack;

#define PACK_AUTO __attribute__((cleanup(pack_free))) struct pack *

/* seal is borrowed and finished by pack_finish. */
enum error pack_new(struct seal *seal, struct pack **ret_pack, struct fault *fault) MUST_USE;
/*
 * size bytes from the begin of file; name has less than BACKUP_NAME_MAX bytes. ERR_CONFLICT
 * ("file-changed") when the file ends earlier. *ret_digest may be NULL.
 */
enum error pack_file(struct pack *pack, const char *name, int file, int64_t size,
                     struct sha256 *ret_digest, struct fault *fault) MUST_USE;
/* The digest of what pack_file would pack, with the same errors. */
enum error pack_digest(int file, int64_t size, struct sha256 *ret_digest,
                       struct fault *fault) MUST_USE;
enum error pack_bytes(struct pack *pack, const char *name, struct bytes data,
                      struct fault *fault) MUST_USE;
/* An image that the ledger names is not in it. */
enum error pack_without(struct pack *pack, const struct sha256 *image,
                        struct fault *fault) MUST_USE;
/* What the HSM signed of it; shorter than CHECKPOINT_NOTE_MAX. */
void pack_note(struct pack *pack, const char *note);
/* Writes the manifest and the end. */
enum error pack_finish(struct pack *pack, int64_t made_unix_ms, struct fault *fault) MUST_USE;
/* For PACK_AUTO. */
void pack_free(struct pack **pack);

#endif
