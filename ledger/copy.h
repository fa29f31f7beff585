/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A copy of the ledger as of one moment, while it goes on: for backups.
 *
 * The copy is made beside the ledger under the name "<ledger>.copy" and loses that name before
 * ledger_copy returns: what a crash leaves behind is removed by the next ledger_open. Images are
 * made before the ledger names them and never change, so those that the copy names are there.
 * Order of calls: ledger_copy, ledger_copy_clear. Threads: safe from any; one copy at a time.
 */
#ifndef LEDGER_COPY_H
#define LEDGER_COPY_H

#include "ledger/ledger.h"

#define LEDGER_COPY_IMAGES_MAX ((size_t)50000)

struct ledger_copy_image {
    struct sha256 digest;
    int64_t size;
};

struct ledger_copy {
    int file;                         /* nameless, for reading, at its begin */
    int64_t size;                     /* bytes */
    int64_t journal_size;             /* leaves */
    struct ledger_copy_image *images; /* each digest once */
    size_t image_count;
};

/*
 * ERR_BUSY ("copy-under-way"), ERR_LEDGER_UNAVAILABLE ("disk-nearly-full": there is no room beside
 * the ledger for a second one and the reserve).
 */
enum error ledger_copy(struct ledger *ledger, struct ledger_copy *ret_copy,
                       struct fault *fault) MUST_USE;
/* For the end of the process: a copy that is under way, and each one after it, soon is
 * ERR_LEDGER_UNAVAILABLE ("copy-stopped"). Any thread. */
void ledger_copy_stop(struct ledger *ledger);
/* {.file = -1} is allowed. */
void ledger_copy_clear(struct ledger_copy *copy);

#endif
