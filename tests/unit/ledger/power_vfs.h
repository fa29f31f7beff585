/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Power that fails below SQLite: a VFS over the default one that follows every write, truncate,
 * sync, new file and deletion in a model of the disk (power_disk.h), and cuts the power at the n-th
 * of them. From then on every operation fails, until the power is back and the files hold what was
 * durable, and of the rest what chance left.
 *
 * A folder counts as synced when SQLite opens it for that (the system call "openDirectory" of its
 * VFS). The shared memory is none of the disk's: it vanishes, or stays as it was. Becomes the
 * default VFS of the test process. Threads: all calls lock.
 */
#ifndef TESTS_LEDGER_POWER_VFS_H
#define TESTS_LEDGER_POWER_VFS_H

#include <stdbool.h>

/* Once per process. */
void power_vfs_register(void);
/* The power fails at the n-th change from now on; 0: it stays. */
void power_vfs_cut_at(long n);
void power_vfs_cut_now(void);
bool power_vfs_is_cut(void);
/* No file may be open. */
void power_vfs_restore(unsigned *seed);
/* Before another folder is used; no file may be open. */
void power_vfs_forget(void);

/* For a control: folders are not synced whatever SQLite says. */
void power_vfs_ignore_folders(bool is_ignoring);

#endif
