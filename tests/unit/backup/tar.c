/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* ustar, block by block. */
#include "tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/manifest.h"

/* Where the fields of a header are. */
enum {
    AT_NAME = 0,
    NAME_BYTES = 100,
    AT_MODE = 100,
    AT_OWNER = 108,
    AT_GROUP = 116,
    AT_SIZE = 124,
    SIZE_BYTES = 12,
    AT_TIME = 136,
    AT_SUM = 148,
    SUM_BYTES = 8,
    AT_KIND = 156,
    AT_LINK = 157,
    AT_MAGIC = 257,
    AT_VERSION = 263,
    VERSION_BYTES = 2
};

static void put_sum(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + AT_SUM, ' ', SUM_BYTES);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += header[i];
    (void)snprintf((char *)header + AT_SUM, SUM_BYTES, "%06o", sum);
}

static void put_header(uint8_t header[TAR_BLOCK], const struct tar_entry *entry)
{
    uint64_t size = entry->said_size > 0 ? entry->said_size : entry->data.length;
    memset(header, 0, TAR_BLOCK);
    (void)snprintf((char *)header + AT_NAME, NAME_BYTES, "%s", entry->name);
    (void)strcpy((char *)header + AT_MODE, "0000600");
    (void)strcpy((char *)header + AT_OWNER, "0000000");
    (void)strcpy((char *)header + AT_GROUP, "0000000");
    (void)snprintf((char *)header + AT_SIZE, SIZE_BYTES, "%011" PRIo64, size);
    (void)strcpy((char *)header + AT_TIME, "14000000000");
    header[AT_KIND] = (uint8_t)(entry->kind != 0 ? entry->kind : TAR_FILE);
    if (entry->link != NULL)
        (void)snprintf((char *)header + AT_LINK, NAME_BYTES, "%s", entry->link);
    (void)strcpy((char *)header + AT_MAGIC, "ustar");
    memset(header + AT_VERSION, '0', VERSION_BYTES);
    put_sum(header);
}

static void pad(struct blob *tar)
{
    static const uint8_t zeros[TAR_BLOCK];
    if (tar->length % TAR_BLOCK != 0)
        blob_add(tar, bytes_of(zeros, TAR_BLOCK - tar->length % TAR_BLOCK));
}

void tar_add(struct blob *tar, const struct tar_entry *entry)
{
    uint8_t header[TAR_BLOCK];
    put_header(header, entry);
    blob_add(tar, bytes_of(header, sizeof header));
    blob_add(tar, entry->data);
    pad(tar);
}

void tar_end(struct blob *tar)
{
    static const uint8_t zeros[2 * TAR_BLOCK];
    blob_add(tar, bytes_of(zeros, sizeof zeros));
}

void tar_add_manifest(struct blob *tar, const struct tar_entry *entries, size_t count)
{
    MANIFEST_AUTO manifest = {.files = NULL};
    char *json = NULL;
    for (size_t i = 0; i < count; i++) {
        struct manifest_file file = {.size = (int64_t)entries[i].data.length,
                                     .digest = sha256_of(entries[i].data)};
        (void)snprintf(file.name, sizeof file.name, "%s", entries[i].name);
        ck_assert_int_eq(manifest_add(&manifest, &file, NULL), ERR_OK);
    }
    ck_assert_int_eq(manifest_write(&manifest, SAMPLE_MADE_UNIXMS, &json, NULL), ERR_OK);
    tar_add(tar,
            &(struct tar_entry){.name = BACKUP_MANIFEST, .data = bytes_of(json, strlen(json))});
    free(json);
}

/* ---- reading, of files that this program wrote ---- */

static size_t size_at(const struct blob *tar, size_t at)
{
    return strtoul((const char *)tar->data + at + AT_SIZE, NULL, 8);
}

/* The bytes of the member at that place, its padding included; 0 at the end. */
static size_t member_length(const struct blob *tar, size_t at)
{
    if (at + TAR_BLOCK > tar->length || tar->data[at] == 0)
        return 0;
    return TAR_BLOCK + (size_at(tar, at) + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

struct bytes tar_member(const struct blob *tar, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += member_length(tar, at);
    ck_assert_uint_gt(member_length(tar, at), 0);
    return bytes_of(tar->data + at, member_length(tar, at));
}

struct bytes tar_content(const struct blob *tar, size_t n)
{
    const struct bytes member = tar_member(tar, n);
    return bytes_of(member.data + TAR_BLOCK, size_at(tar, (size_t)(member.data - tar->data)));
}

size_t tar_count(const struct blob *tar)
{
    size_t count = 0;
    for (size_t at = 0; member_length(tar, at) > 0; at += member_length(tar, at))
        count++;
    return count;
}
