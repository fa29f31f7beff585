/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the store's files about installs share: which rows a span of time is. */
#ifndef LEDGER_SQLITE_INSTALL_H
#define LEDGER_SQLITE_INSTALL_H

#include "ledger/sqlite_store.h"

/* Rows of the table of installs, both included; none when last is below first. */
struct store_range {
    int64_t first;
    int64_t last;
};

/* Installs licensed at or after since and before until; 0: from the first, to the last. */
enum error store_install_range(struct db *db, int64_t since_unix_ms, int64_t until_unix_ms,
                               struct store_range *ret_range, struct fault *fault) MUST_USE;

#endif
