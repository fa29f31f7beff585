/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The schema of the SQLite store: its version, its tables, its durability. Writer's connection. */
#ifndef LEDGER_SQLITE_SCHEMA_H
#define LEDGER_SQLITE_SCHEMA_H

#include "ledger/sqlite_db.h"

/* 5, 6: generations of firmware and checkpoint keys; 7: standby HSMs; 8: forms of content;
 * 9: revocation lists, and lists of devices without certificates */
#define SCHEMA_VERSION 9
#define APPLICATION_ID 1886807142 /* "pvdf": provisiond's factory ledger */

/*
 * Checks the file before anything is written to it (ERR_CONFIG: "schema-newer", "schema-older",
 * "not-a-ledger"), sets WAL and synchronous=FULL and reads both back (ERR_CONFIG: "durability"),
 * makes the tables in an empty file.
 */
enum error schema_start(struct db *db, struct fault *fault) MUST_USE;

/* The statements behind the tables: all triggers, the version, and the end of the transaction. */
const char *schema_triggers(void);

#endif
