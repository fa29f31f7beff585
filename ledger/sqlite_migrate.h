/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An older ledger becomes one of this version, on a copy; the old file stays as "<ledger>.v<N>".
 *
 * The copy is "<ledger>.migrating" until it is whole: one transaction changes it, then it is
 * checked, made durable and renamed into place. Whenever the program dies the ledger is the old one
 * or the new one, and the next start goes on. Threads: before the store is open, under its lock.
 */
#ifndef LEDGER_SQLITE_MIGRATE_H
#define LEDGER_SQLITE_MIGRATE_H

#include "ledger/sqlite_db.h"

/*
 * Nothing is done when there is nothing to do, which includes what schema_start refuses.
 * ERR_CONFIG: "migration-failed" (the ledger is as it was), "schema-kept" (a file has the name that
 * the old one would be kept under). ERR_LEDGER_UNAVAILABLE: a full disk and such.
 */
enum error migrate_ledger(const char *path, struct fault *fault) MUST_USE;

#endif
