/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A disk in a model: what of each file would still be there if the power failed now.
 *
 * What was written is durable once the file was synced, a name once its folder was (POSIX promises
 * no more). Until then each change may be there or not after a cut, in any order, a write also in
 * part, by sectors; bytes that nobody wrote keep their value (SQLite calls that powersafe
 * overwrite). One folder. Threads: the caller's lock.
 */
#ifndef TESTS_LEDGER_POWER_DISK_H
#define TESTS_LEDGER_POWER_DISK_H

#include <stddef.h>
#include <stdint.h>

struct disk_file;

/* The file of that name, made in the model when it is new there; its present bytes are durable, its
 * name is not. Valid until disk_crash or disk_forget. */
struct disk_file *disk_open(const char *path);
void disk_write(struct disk_file *file, const void *data, size_t length, size_t offset);
void disk_truncate(struct disk_file *file, size_t size);
void disk_remove(const char *path);

void disk_sync(struct disk_file *file);
void disk_sync_folder(void);

/* Puts into each real file what is left of it, and goes on from there. */
void disk_crash(unsigned *seed);
/* All files, for another folder. */
void disk_forget(void);

#endif
