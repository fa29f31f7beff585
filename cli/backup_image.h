/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One image into a backup. An image whose stored file is bad does not cost the rest: the backup
 * says that it lacks it, and so does the command. Threads: owned by one thread.
 */
#ifndef CLI_BACKUP_IMAGE_H
#define CLI_BACKUP_IMAGE_H

#include <stddef.h>

#include "backup/pack.h"
#include "cli/admin.h"

/* Images that the ledger names and the store does not have as they should be. */
struct backup_lacks {
    struct backup_lack {
        struct sha256 image;
        int64_t size;
        const char *why; /* a literal */
    } * rows;            /* owned */
    size_t count;
};

/* Asks the vault for it, checks it, packs it; or adds it to *lacks. */
enum error backup_image_pack(const struct arguments *arguments, struct pack *pack,
                             const Provisiond__ImageFile *image, struct backup_lacks *lacks,
                             struct failure *failure) MUST_USE;
void backup_lacks_clear(struct backup_lacks *lacks);

/* A fault of the backup's own code about a file that has a name here. */
enum error backup_fail(struct failure *failure, const char *path, const struct fault *fault);

#endif
