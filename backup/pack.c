/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The inner tar file, written into the seal. Owns the manifest while it grows. */
#include "backup/pack.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>

#include "backup/fault.h"
#include "backup/manifest.h"

#define READ_BYTES ((size_t)64 * 1024)
#define FILE_MODE  0600

struct pack {
    struct seal *seal; /* borrowed */
    struct archive *tar;
    struct manifest manifest;
    struct fault seal_fault; /* the archive knows no more than that it could not write */
};

/* ---- life ---- */

static la_ssize_t write_sealed(struct archive *tar, void *context, const void *data, size_t length)
{
    struct pack *pack = context;
    (void)tar;
    if (seal_write(pack->seal, bytes_of(data, length), &pack->seal_fault) != ERR_OK)
        return -1;
    return (la_ssize_t)length;
}

static enum error tar_fault(const struct pack *pack, struct fault *fault)
{
    if (pack->seal_fault.code == ERR_OK)
        return backup_no_memory(fault);
    *fault = pack->seal_fault;
    return fault->code;
}

enum error pack_new(struct seal *seal, struct pack **ret_pack, struct fault *fault)
{
    PACK_AUTO pack = calloc(1, sizeof *pack);
    if (pack == NULL || (pack->tar = archive_write_new()) == NULL)
        return backup_no_memory(fault);
    pack->seal = seal;
    if (archive_write_set_format_pax_restricted(pack->tar) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(pack->tar, 1) != ARCHIVE_OK ||
        archive_write_open(pack->tar, pack, NULL, write_sealed, NULL) != ARCHIVE_OK)
        return tar_fault(pack, fault);
    *ret_pack = pack;
    pack = NULL;
    return ERR_OK;
}

void pack_free(struct pack **pack)
{
    if (*pack == NULL)
        return;
    if ((*pack)->tar != NULL) {
        (void)archive_write_fail((*pack)->tar);
        (void)archive_write_free((*pack)->tar);
    }
    manifest_clear(&(*pack)->manifest);
    free(*pack);
    *pack = NULL;
}

/* ---- one file ---- */

static enum error put_header(struct pack *pack, const char *name, int64_t size, struct fault *fault)
{
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL)
        return backup_no_memory(fault);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, FILE_MODE);
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, time(NULL), 0);
    int rc = archive_write_header(pack->tar, entry);
    archive_entry_free(entry);
    return rc == ARCHIVE_OK ? ERR_OK : tar_fault(pack, fault);
}

static enum error put_data(struct pack *pack, struct bytes data, struct fault *fault)
{
    if (archive_write_data(pack->tar, data.data, data.length) == (la_ssize_t)data.length)
        return ERR_OK;
    return tar_fault(pack, fault);
}

/* *ret_n is never 0: the file is as long as was said. */
static enum error read_block(int file, uint8_t *block, int64_t at, int64_t left, size_t *ret_n,
                             struct fault *fault)
{
    size_t wanted = left < (int64_t)READ_BYTES ? (size_t)left : READ_BYTES;
    ssize_t n = pread(file, block, wanted, at);
    if (n < 0)
        return backup_cannot_read(fault);
    if (n == 0)
        return fault_set(fault, ERR_CONFLICT, "file-changed",
                         "A file became shorter while it was packed.", 0);
    *ret_n = (size_t)n;
    return ERR_OK;
}

/* pack is NULL when there is nothing to put. */
static enum error put_content(struct pack *pack, int file, int64_t size, EVP_MD_CTX *hash,
                              struct fault *fault)
{
    uint8_t block[READ_BYTES];
    size_t n = 0;
    for (int64_t at = 0; at < size; at += (int64_t)n) {
        enum error e = read_block(file, block, at, size - at, &n, fault);
        if (e == ERR_OK && pack != NULL)
            e = put_data(pack, bytes_of(block, n), fault);
        if (e != ERR_OK)
            return e;
        (void)EVP_DigestUpdate(hash, block, n);
    }
    return ERR_OK;
}

static enum error note_file(struct pack *pack, const char *name, int64_t size,
                            const struct sha256 *digest, struct fault *fault)
{
    struct manifest_file file = {.size = size, .digest = *digest};
    (void)snprintf(file.name, sizeof file.name, "%s", name);
    return manifest_add(&pack->manifest, &file, fault);
}

static enum error put_hashed(struct pack *pack, int file, int64_t size, struct sha256 *ret_digest,
                             struct fault *fault)
{
    struct sha256 digest;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(hash);
        return backup_no_memory(fault);
    }
    enum error e = put_content(pack, file, size, hash, fault);
    (void)EVP_DigestFinal_ex(hash, digest.bytes, NULL);
    EVP_MD_CTX_free(hash);
    if (e == ERR_OK)
        *ret_digest = digest;
    return e;
}

enum error pack_digest(int file, int64_t size, struct sha256 *ret_digest, struct fault *fault)
{
    return put_hashed(NULL, file, size, ret_digest, fault);
}

enum error pack_file(struct pack *pack, const char *name, int file, int64_t size,
                     struct sha256 *ret_digest, struct fault *fault)
{
    struct sha256 digest;
    assert(strlen(name) < BACKUP_NAME_MAX);
    enum error e = put_header(pack, name, size, fault);
    if (e == ERR_OK)
        e = put_hashed(pack, file, size, &digest, fault);
    if (e == ERR_OK)
        e = note_file(pack, name, size, &digest, fault);
    if (e == ERR_OK && ret_digest != NULL)
        *ret_digest = digest;
    return e;
}

enum error pack_bytes(struct pack *pack, const char *name, struct bytes data, struct fault *fault)
{
    const struct sha256 digest = sha256_of(data);
    enum error e = put_header(pack, name, (int64_t)data.length, fault);
    if (e == ERR_OK)
        e = put_data(pack, data, fault);
    return e == ERR_OK ? note_file(pack, name, (int64_t)data.length, &digest, fault) : e;
}

/* ---- what is said of it ---- */

enum error pack_without(struct pack *pack, const struct sha256 *image, struct fault *fault)
{
    return manifest_miss(&pack->manifest, image, fault);
}

void pack_note(struct pack *pack, const char *note)
{
    assert(strlen(note) < sizeof pack->manifest.note);
    (void)strcpy(pack->manifest.note, note);
}

/* ---- the end ---- */

enum error pack_finish(struct pack *pack, int64_t made_unix_ms, struct fault *fault)
{
    char *text = NULL;
    enum error e = manifest_write(&pack->manifest, made_unix_ms, &text, fault);
    if (e != ERR_OK)
        return e;
    const struct bytes manifest = bytes_of(text, strlen(text));
    e = put_header(pack, BACKUP_MANIFEST, (int64_t)manifest.length, fault);
    if (e == ERR_OK)
        e = put_data(pack, manifest, fault);
    free(text);
    if (e == ERR_OK && archive_write_close(pack->tar) != ARCHIVE_OK)
        e = tar_fault(pack, fault);
    return e == ERR_OK ? seal_finish(pack->seal, fault) : e;
}
