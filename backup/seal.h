/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes of any length into encrypted parts (backup/backup.h). At most two parts are in memory.
 * Order of calls: seal_new, seal_write, seal_finish, seal_free. Threads: belongs to one thread.
 */
#ifndef BACKUP_SEAL_H
#define BACKUP_SEAL_H

#include "backup/backup.h"

struct seal;

#define SEAL_AUTO __attribute__((cleanup(seal_free))) struct seal *

/*
 * For the owner of a certificate (PEM, RSA of 2048 bits or more, or EC). out is borrowed. A key of
 * another kind or a text that is none: BACKUP_WRONG_KEY.
 */
enum error seal_new(struct bytes certificate, int out, struct seal **ret_seal,
                    struct fault *fault) MUST_USE;
enum error seal_write(struct seal *seal, struct bytes data, struct fault *fault) MUST_USE;
/* Writes what is left and the end. */
enum error seal_finish(struct seal *seal, struct fault *fault) MUST_USE;
unsigned seal_parts(const struct seal *seal);
/* Of all that was written to out; once, after seal_finish. */
void seal_digest(struct seal *seal, struct sha256 *ret_digest);
/* For SEAL_AUTO. */
void seal_free(struct seal **seal);

#endif
