/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The model's files: durable bytes and, in order, the changes since. */
#include "power_disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#define NAMES_MAX 8 /* database, log, rollback journal; some to spare */
#define SECTOR    512

struct content {
    uint8_t *data;
    size_t size;
    size_t room;
};

struct unsynced {
    struct unsynced *next;
    bool is_truncation; /* to offset */
    size_t offset;
    size_t length;
    uint8_t data[];
};

struct disk_file {
    struct disk_file *next;
    struct content durable;
    struct unsynced *first;
    struct unsynced *last;
};

/* What the folder says, and what it would say after a cut; NULL: no such name. */
struct name {
    char path[PATH_MAX];
    struct disk_file *now;
    struct disk_file *durable;
};

/* What the disk did with changes that nobody had synced. */
enum fate { NONE_ARRIVED, FIRST_ONES_ARRIVED, ANY_ARRIVED, ALL_ARRIVED, FATES };

static struct name names[NAMES_MAX];
static size_t name_count;
static struct disk_file *files;

/* ---- contents ---- */

static void content_resize(struct content *content, size_t size)
{
    if (size > content->room) {
        content->room = 2 * size;
        content->data = realloc(content->data, content->room);
        ck_assert_ptr_nonnull(content->data);
    }
    if (size > content->size)
        memset(content->data + content->size, 0, size - content->size);
    content->size = size;
}

static void content_write(struct content *content, const uint8_t *data, size_t length,
                          size_t offset)
{
    if (offset + length > content->size)
        content_resize(content, offset + length);
    memcpy(content->data + offset, data, length);
}

static void content_load(struct content *content, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ck_assert_int_eq(fstat(fd, &status), 0);
    content_resize(content, (size_t)status.st_size);
    ck_assert_int_eq(pread(fd, content->data, content->size, 0), (ssize_t)content->size);
    (void)close(fd);
}

static void content_save(const struct content *content, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content->data, content->size), (ssize_t)content->size);
    (void)close(fd);
}

/* ---- files ---- */

static struct disk_file *new_file(const char *path)
{
    struct disk_file *file = calloc(1, sizeof *file);
    ck_assert_ptr_nonnull(file);
    content_load(&file->durable, path);
    file->next = files;
    files = file;
    return file;
}

static struct name *find_name(const char *path)
{
    for (size_t i = 0; i < name_count; i++) {
        if (strcmp(names[i].path, path) == 0)
            return &names[i];
    }
    ck_assert_uint_lt(name_count, NAMES_MAX);
    struct name *name = &names[name_count++];
    *name = (struct name){0};
    (void)snprintf(name->path, sizeof name->path, "%s", path);
    return name;
}

struct disk_file *disk_open(const char *path)
{
    struct name *name = find_name(path);
    if (name->now == NULL)
        name->now = new_file(path);
    return name->now;
}

void disk_remove(const char *path)
{
    find_name(path)->now = NULL;
}

static struct unsynced *add_change(struct disk_file *file, size_t length)
{
    struct unsynced *change = calloc(1, sizeof *change + length);
    ck_assert_ptr_nonnull(change);
    if (file->last != NULL)
        file->last->next = change;
    else
        file->first = change;
    file->last = change;
    return change;
}

void disk_write(struct disk_file *file, const void *data, size_t length, size_t offset)
{
    struct unsynced *change = add_change(file, length);
    change->offset = offset;
    change->length = length;
    memcpy(change->data, data, length);
}

void disk_truncate(struct disk_file *file, size_t size)
{
    struct unsynced *change = add_change(file, 0);
    change->is_truncation = true;
    change->offset = size;
}

/* ---- syncing ---- */

static void apply(struct content *content, const struct unsynced *change)
{
    if (change->is_truncation)
        content_resize(content, change->offset);
    else
        content_write(content, change->data, change->length, change->offset);
}

static void drop_changes(struct disk_file *file)
{
    while (file->first != NULL) {
        struct unsynced *change = file->first;
        file->first = change->next;
        free(change);
    }
    file->last = NULL;
}

void disk_sync(struct disk_file *file)
{
    for (const struct unsynced *change = file->first; change != NULL; change = change->next)
        apply(&file->durable, change);
    drop_changes(file);
}

void disk_sync_folder(void)
{
    for (size_t i = 0; i < name_count; i++)
        names[i].durable = names[i].now;
}

/* ---- the cut ---- */

static bool toss(unsigned *seed)
{
    return rand_r(seed) % 2 == 0;
}

/* Each sector of a write for itself. */
static void tear(struct content *content, const struct unsynced *change, unsigned *seed)
{
    size_t done = 0;
    while (done < change->length) {
        size_t piece = SECTOR - (change->offset + done) % SECTOR;
        if (piece > change->length - done)
            piece = change->length - done;
        if (toss(seed))
            content_write(content, change->data + done, piece, change->offset + done);
        done += piece;
    }
}

static void suffer(struct content *content, const struct unsynced *change, enum fate fate,
                   unsigned *seed)
{
    int throw = fate == ANY_ARRIVED ? rand_r(seed) % 3 : 0;
    if (throw == 2 && !change->is_truncation)
        tear(content, change, seed);
    else if (throw == 0)
        apply(content, change);
}

static size_t count_changes(const struct disk_file *file)
{
    size_t count = 0;
    for (const struct unsynced *change = file->first; change != NULL; change = change->next)
        count++;
    return count;
}

static void lose_changes(struct disk_file *file, enum fate fate, unsigned *seed)
{
    size_t count = count_changes(file);
    if (fate == NONE_ARRIVED)
        count = 0;
    if (fate == FIRST_ONES_ARRIVED)
        count = (size_t)rand_r(seed) % (count + 1);
    for (const struct unsynced *change = file->first; count > 0; count--, change = change->next)
        suffer(&file->durable, change, fate, seed);
    drop_changes(file);
}

static void settle_name(struct name *name, enum fate fate, unsigned *seed)
{
    bool is_new_kept = fate == ALL_ARRIVED || (fate != NONE_ARRIVED && toss(seed));
    if (is_new_kept)
        name->durable = name->now;
    name->now = name->durable;
    if (name->durable != NULL)
        content_save(&name->durable->durable, name->path);
    else
        (void)unlink(name->path);
}

void disk_crash(unsigned *seed)
{
    enum fate fate = (enum fate)(rand_r(seed) % FATES);
    for (struct disk_file *file = files; file != NULL; file = file->next)
        lose_changes(file, fate, seed);
    for (size_t i = 0; i < name_count; i++)
        settle_name(&names[i], fate, seed);
}

void disk_forget(void)
{
    while (files != NULL) {
        struct disk_file *file = files;
        files = file->next;
        drop_changes(file);
        free(file->durable.data);
        free(file);
    }
    name_count = 0;
}
