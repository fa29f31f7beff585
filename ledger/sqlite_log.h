/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether the log beside a ledger ("<ledger>-wal") is the ledger's own, before SQLite reads it:
 * SQLite itself would throw one away whose database is missing, and mix one of another ledger in.
 * Both happen when a ledger is put back and the hand, or the power, fails between two files.
 * Threads: before the store is open, under its lock.
 */
#ifndef LEDGER_SQLITE_LOG_H
#define LEDGER_SQLITE_LOG_H

#include <stdbool.h>

#include "core/error.h"

/*
 * ERR_CONFIG: "log-without-ledger"; "log-of-another", beside a copy that ledger_copy made. Of a
 * ledger that was put back from elsewhere nothing is known: its log must be moved along.
 */
enum error log_check(const char *path, struct fault *fault) MUST_USE;
/* Makes a closed database without a log one beside which no log may be. False: errno. */
bool log_forbid(const char *path);

#endif
