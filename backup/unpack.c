/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The inner tar file, read from the parts. Nothing in it is trusted but what this file allows: it
 * was encrypted by somebody who had a certificate, which anybody may have.
 */
#include "backup/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>

#include "backup/fault.h"
#include "core/crash_point.h"
#include "journal/backup_note.h"

#define BLOCK_BYTES ((size_t)64 * 1024)
#define FILE_MODE   0600
#define FOLDER_MODE 0700

struct unpack {
    struct unseal *unseal;
    struct archive *tar;
    struct fault seal_fault; /* the archive knows no more than that it could not read */
    bool is_at_end;          /* there is no part behind those that were read */
    int folder;
    int images; /* the folder of them */
    struct manifest manifest;
    char *text; /* of the manifest that came */
    size_t text_length;
    struct unpacked result;
};

/* ---- life ---- */

static la_ssize_t read_sealed(struct archive *tar, void *context, const void **ret_data)
{
    struct unpack *unpack = context;
    struct bytes part = bytes_of(NULL, 0);
    (void)tar;
    if (unseal_next(unpack->unseal, &part, &unpack->seal_fault) != ERR_OK)
        return -1;
    unpack->is_at_end = part.length == 0;
    *ret_data = part.data;
    return (la_ssize_t)part.length;
}

static enum error tar_fault(const struct unpack *unpack, struct fault *fault)
{
    if (unpack->seal_fault.code == ERR_OK)
        return backup_damaged(fault, "What the backup holds is cut off or is no tar file.");
    *fault = unpack->seal_fault;
    return fault->code;
}

static enum error begin(struct unpack *unpack, struct fault *fault)
{
    unpack->tar = archive_read_new();
    if (unpack->tar == NULL)
        return backup_no_memory(fault);
    if (archive_read_support_format_tar(unpack->tar) != ARCHIVE_OK ||
        archive_read_open(unpack->tar, unpack, NULL, read_sealed, NULL) != ARCHIVE_OK)
        return tar_fault(unpack, fault);
    if (mkdirat(unpack->folder, BACKUP_IMAGES, FOLDER_MODE) != 0)
        return backup_cannot_write(fault);
    unpack->images = openat(unpack->folder, BACKUP_IMAGES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return unpack->images >= 0 ? ERR_OK : backup_cannot_write(fault);
}

static void end(struct unpack *unpack)
{
    if (unpack->tar != NULL)
        (void)archive_read_free(unpack->tar);
    if (unpack->images >= 0)
        (void)close(unpack->images);
    manifest_clear(&unpack->manifest);
    free(unpack->text);
}

/* ---- one file ---- */

/* "images/<64 hex digits>": the digits, else NULL. */
static const char *image_of(const char *name, struct sha256 *ret_digest)
{
    static const char PREFIX[] = BACKUP_IMAGES "/";
    const char *hex = name + strlen(PREFIX);
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || strlen(hex) != SHA256_HEX_SIZE - 1 ||
        !hex_decode(hex, ret_digest->bytes, SHA256_SIZE))
        return NULL;
    return hex;
}

static bool write_block(int fd, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum error copy_content(struct unpack *unpack, int fd, EVP_MD_CTX *hash,
                               struct manifest_file *file, struct fault *fault)
{
    uint8_t block[BLOCK_BYTES];
    la_ssize_t n = 0;
    while ((n = archive_read_data(unpack->tar, block, sizeof block)) > 0) {
        if (!write_block(fd, block, (size_t)n))
            return backup_cannot_write(fault);
        (void)EVP_DigestUpdate(hash, block, (size_t)n);
        file->size += n;
    }
    if (n < 0)
        return tar_fault(unpack, fault);
    (void)EVP_DigestFinal_ex(hash, file->digest.bytes, NULL);
    return fsync(fd) == 0 ? ERR_OK : backup_cannot_write(fault);
}

static enum error cannot_create(struct fault *fault)
{
    if (errno == EEXIST)
        return backup_damaged(fault, "The backup holds a file twice.");
    return backup_cannot_write(fault);
}

static enum error write_file(struct unpack *unpack, int folder, const char *name,
                             struct manifest_file *file, struct fault *fault)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    enum error e = ERR_OK;
    if (fd < 0)
        e = cannot_create(fault);
    else if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
        e = backup_no_memory(fault);
    if (e == ERR_OK)
        e = copy_content(unpack, fd, hash, file, fault);
    if (fd >= 0)
        (void)close(fd);
    EVP_MD_CTX_free(hash);
    crash_point("restore.file-written");
    return e;
}

static enum error take_image(struct unpack *unpack, const char *name, const struct sha256 *digest,
                             struct manifest_file *file, struct fault *fault)
{
    enum error e = write_file(unpack, unpack->images, name, file, fault);
    if (e == ERR_OK && !sha256_equal(digest, &file->digest))
        e = backup_damaged(fault, "An image of the backup is not the one that its name says.");
    unpack->result.images++;
    return e;
}

static enum error take_file(struct unpack *unpack, const char *name, struct fault *fault)
{
    struct manifest_file file = {.size = 0};
    struct sha256 digest;
    const char *image = image_of(name, &digest);
    enum error e = ERR_OK;
    if (image != NULL)
        e = take_image(unpack, image, &digest, &file, fault);
    else if (strcmp(name, BACKUP_LEDGER) == 0 || strcmp(name, BACKUP_CONFIG) == 0)
        e = write_file(unpack, unpack->folder, name, &file, fault);
    else
        e = backup_damaged(fault, "The backup holds a file that belongs to no backup.");
    if (e != ERR_OK)
        return e;
    unpack->result.bytes += file.size;
    (void)strcpy(file.name, name);
    return manifest_add(&unpack->manifest, &file, fault);
}

/* ---- the manifest ---- */

static enum error take_manifest(struct unpack *unpack, int64_t size, struct fault *fault)
{
    if (size <= 0 || size > (int64_t)MANIFEST_MAX_BYTES)
        return backup_damaged(fault, "The manifest of the backup is too large.");
    unpack->text = malloc((size_t)size);
    if (unpack->text == NULL)
        return backup_no_memory(fault);
    unpack->text_length = (size_t)size;
    if (archive_read_data(unpack->tar, unpack->text, (size_t)size) != size)
        return tar_fault(unpack, fault);
    return ERR_OK;
}

/* ---- all of them ---- */

/* A file with holes is as large on the disk as it says, however little came. */
static bool is_plain_file(struct archive_entry *entry)
{
    return archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == NULL &&
           archive_entry_sparse_count(entry) == 0;
}

static enum error take_entry(struct unpack *unpack, struct archive_entry *entry,
                             struct fault *fault)
{
    const char *name = archive_entry_pathname(entry);
    if (name == NULL || strlen(name) >= BACKUP_NAME_MAX || unpack->text != NULL ||
        !is_plain_file(entry))
        return backup_damaged(fault, "The backup holds what belongs to no backup.");
    if (strcmp(name, BACKUP_CONFIG) == 0 && archive_entry_size(entry) > (int64_t)BACKUP_CONFIG_MAX)
        return backup_damaged(fault, "The configuration in the backup is too large.");
    if (strcmp(name, BACKUP_MANIFEST) == 0)
        return take_manifest(unpack, archive_entry_size(entry), fault);
    return take_file(unpack, name, fault);
}

static enum error take_entries(struct unpack *unpack, struct fault *fault)
{
    struct archive_entry *entry = NULL;
    enum error e = ERR_OK;
    int rc = ARCHIVE_OK;
    while (e == ERR_OK && (rc = archive_read_next_header(unpack->tar, &entry)) == ARCHIVE_OK)
        e = take_entry(unpack, entry, fault);
    if (e == ERR_OK && rc != ARCHIVE_EOF)
        e = tar_fault(unpack, fault);
    return e;
}

/* The end of the tar file is the end of the last part. */
static enum error check_end(struct unpack *unpack, struct fault *fault)
{
    struct bytes part = bytes_of(NULL, 0);
    enum error e = ERR_OK;
    if (unpack->text == NULL)
        return backup_damaged(fault, "The backup is cut off: its end is missing.");
    if (!unpack->is_at_end)
        e = unseal_next(unpack->unseal, &part, fault);
    if (e == ERR_OK && part.length > 0)
        e = backup_damaged(fault, "The backup goes on behind its end.");
    return e;
}

static enum error check_whole(struct unpack *unpack, struct fault *fault)
{
    enum error e = check_end(unpack, fault);
    if (e == ERR_OK)
        e = manifest_compare(&unpack->manifest, bytes_of(unpack->text, unpack->text_length),
                             &unpack->result.made_unix_ms, fault);
    if (e == ERR_OK && (fsync(unpack->images) != 0 || fsync(unpack->folder) != 0))
        e = backup_cannot_write(fault);
    return e;
}

enum error unpack_all(struct unseal *unseal, int folder, struct unpacked *ret_unpacked,
                      struct fault *fault)
{
    struct unpack unpack = {.unseal = unseal, .folder = folder, .images = -1};
    enum error e = begin(&unpack, fault);
    if (e == ERR_OK)
        e = take_entries(&unpack, fault);
    if (e == ERR_OK)
        e = check_whole(&unpack, fault);
    if (e == ERR_OK) {
        *ret_unpacked = unpack.result;
        ret_unpacked->manifest = unpack.manifest;
        unpack.manifest = (struct manifest){.files = NULL};
    }
    end(&unpack);
    return e;
}

/* ---- what the HSM signed of them ---- */

static bool is_of(const struct unpacked *unpacked, const char *name, const struct sha256 *digest)
{
    const struct manifest_file *file = manifest_find(&unpacked->manifest, name);
    return file != NULL && sha256_equal(&file->digest, digest);
}

enum error unpacked_check_note(const struct unpacked *unpacked, struct bytes checkpoint_key,
                               struct fault *fault)
{
    const char *note = unpacked->manifest.note;
    struct backup_note signed_of;
    if (note[0] == '\0')
        return fault_set(fault, ERR_BAD_REQUEST, BACKUP_UNSIGNED,
                         "The HSM did not sign this backup, so nothing shows that the vault made "
                         "it. Without --checkpoint-key it is opened all the same: compare its "
                         "SHA-256 first with what backup printed.",
                         0);
    enum error e =
        backup_note_open(bytes_of(note, strlen(note)), checkpoint_key, &signed_of, fault);
    if (e != ERR_OK || (is_of(unpacked, BACKUP_LEDGER, &signed_of.ledger) &&
                        is_of(unpacked, BACKUP_CONFIG, &signed_of.config) &&
                        unpacked->made_unix_ms == signed_of.made_unix_ms))
        return e;
    return fault_set(fault, ERR_BAD_REQUEST, "backup-forged",
                     "The HSM signed another ledger, configuration or time than those of this "
                     "backup: somebody has changed it.",
                     0);
}

void unpacked_clear(struct unpacked *unpacked)
{
    manifest_clear(&unpacked->manifest);
}
