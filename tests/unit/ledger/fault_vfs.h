/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A disk that fails on request, below SQLite: a VFS over the default one that counts writes, syncs,
 * truncates and reads, and lets the n-th of them fail. Becomes the default VFS of the test process;
 * the product cannot ask for it. Threads: the counters are atomic.
 */
#ifndef TESTS_LEDGER_FAULT_VFS_H
#define TESTS_LEDGER_FAULT_VFS_H

#include <stdbool.h>

enum fault_operation { FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_READ, FAULT_OPERATIONS };

/* Registers it as the default; once per process. */
void fault_vfs_register(void);
/* The n-th operation of that kind from now fails with that SQLite code, and is_lasting all after it
 * too; n = 0 ends the failing. */
void fault_vfs_arm(enum fault_operation operation, long n, int code, bool is_lasting);
/* Whether an armed fault has happened since. */
bool fault_vfs_is_spent(void);
/* Operations of that kind since the process began. */
long fault_vfs_count(enum fault_operation operation);

#endif
