/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypted parts (backup/backup.h) back into bytes, each part only after its tag was checked.
 * Order of calls: unseal_new, unseal_next until it gives none, unseal_free. Threads: belongs to one
 * thread.
 */
#ifndef BACKUP_UNSEAL_H
#define BACKUP_UNSEAL_H

#include "backup/backup.h"

struct unseal;

#define UNSEAL_AUTO __attribute__((cleanup(unseal_free))) struct unseal *

/*
 * certificate and key are PEM; the key is not encrypted. in is borrowed. BACKUP_WRONG_KEY when they
 * are not a pair.
 */
enum error unseal_new(struct bytes certificate, struct bytes key, int in,
                      struct unseal **ret_unseal, struct fault *fault) MUST_USE;
/*
 * The next part, valid until the next call; length 0 behind the last. BACKUP_WRONG_KEY: it is for
 * another certificate; BACKUP_DAMAGED.
 */
enum error unseal_next(struct unseal *unseal, struct bytes *ret_part, struct fault *fault) MUST_USE;
/* For UNSEAL_AUTO. */
void unseal_free(struct unseal **unseal);

#endif
