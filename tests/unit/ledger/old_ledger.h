/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ledgers of older versions for tests: the tables as that version made them (schema_<N>.sql, which
 * is never changed), filled with the rows of a closed ledger of today. Threads: one.
 */
#ifndef TESTS_LEDGER_OLD_LEDGER_H
#define TESTS_LEDGER_OLD_LEDGER_H

/* Replaces the closed ledger at path by one of that version (3 or 4); the ledger of today becomes
 * modern. */
void old_ledger_make(int version, const char *path, const char *modern);

#endif
