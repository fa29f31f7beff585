/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Tar files by hand, as an honest program would not write them. Threads: one. */
#ifndef TESTS_UNIT_BACKUP_TAR_H
#define TESTS_UNIT_BACKUP_TAR_H

#include "sample.h"

#define TAR_BLOCK 512U

/* The kinds of an entry, as tar writes them. */
enum tar_kind {
    TAR_FILE = '0',
    TAR_HARD_LINK = '1',
    TAR_LINK = '2',
    TAR_CHARACTER_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_FOLDER = '5',
    TAR_FIFO = '6',
    TAR_PAX = 'x'
};

struct tar_entry {
    const char *name;
    enum tar_kind kind; /* 0: TAR_FILE */
    const char *link;
    struct bytes data;
    uint64_t said_size; /* 0: data's */
};

/* Header, data and padding at the end of a tar file that grows. */
void tar_add(struct blob *tar, const struct tar_entry *entry);
/* The two empty blocks behind the last. */
void tar_end(struct blob *tar);

/* The manifest of those entries, truthful, as the last of them. */
void tar_add_manifest(struct blob *tar, const struct tar_entry *entries, size_t count);

/* The n-th member of a tar file, which counts from 0: with header and padding, and without. */
struct bytes tar_member(const struct blob *tar, size_t n);
struct bytes tar_content(const struct blob *tar, size_t n);
size_t tar_count(const struct blob *tar);

#endif
