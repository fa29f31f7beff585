/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store owns a descriptor of its folder and names everything relative to it. A draft is a
 * nameless file that is linked under its digest, or, where the file system has none, a named one
 * that is renamed. A nameless one cannot replace a file: it is linked under a draft's name first.
 * Nothing here is locked: the kernel's link and rename are the only shared state.
 */
#include "image/image_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/crash_point.h"
#include "image/draft.h"

#define FILE_MODE       0600
#define FOLDER_MODE     0700
#define READ_BYTES      ((size_t)64 * 1024)
#define DRAFT_RANDOM    16
#define DRAFT_NAME_SIZE (sizeof IMAGE_DRAFT_PREFIX + (size_t)2 * DRAFT_RANDOM)
#define PROC_PATH_SIZE  40 /* "/proc/self/fd/" and a number */

struct image_store {
    int folder;
};

struct image_draft {
    struct image_store *store; /* borrowed */
    int fd;
    char name[DRAFT_NAME_SIZE]; /* "" for a nameless draft */
};

static enum error unavailable(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "image-store", detail, errno);
}

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}

/* ---- the folder ---- */

/* A folder that was just made is only as durable as its entry in the folder above. */
static bool folder_is_there(const char *folder, int *ret_fd)
{
    bool is_new = mkdir(folder, FOLDER_MODE) == 0;
    if (!is_new && errno != EEXIST)
        return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    int above = is_new ? openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_durable = !is_new || (above >= 0 && fsync(above) == 0);
    if (above >= 0)
        (void)close(above);
    if (is_durable)
        *ret_fd = fd;
    else
        (void)close(fd);
    return is_durable;
}

/* Named drafts of a program that is gone. */
static bool remove_stale_drafts(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    bool is_clean = true;
    if (entries == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strncmp(entry->d_name, IMAGE_DRAFT_PREFIX, sizeof IMAGE_DRAFT_PREFIX - 1) == 0)
            is_clean = unlinkat(folder, entry->d_name, 0) == 0 && is_clean;
    }
    (void)closedir(entries);
    return is_clean;
}

enum error image_store_open(const char *folder, struct image_store **ret_store, struct fault *fault)
{
    struct image_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return out_of_memory(fault);
    if (!folder_is_there(folder, &store->folder)) {
        enum error e =
            unavailable(fault, "The folder of the images cannot be made or opened: give [vault] "
                               "images to the user of provision-vault, and make room on its disk.");
        free(store);
        return e;
    }
    if (!remove_stale_drafts(store->folder)) {
        enum error e =
            unavailable(fault, "Unfinished images cannot be removed from the folder: give what is "
                               "in [vault] images to the user of provision-vault.");
        image_store_close(store);
        return e;
    }
    *ret_store = store;
    return ERR_OK;
}

void image_store_close(struct image_store *store)
{
    if (store == NULL)
        return;
    (void)close(store->folder);
    free(store);
}

/* ---- drafts ---- */

enum error image_draft_new_nameless(struct image_store *store, struct image_draft **ret_draft,
                                    struct fault *fault)
{
    struct image_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL)
        return out_of_memory(fault);
    draft->store = store;
    draft->fd = openat(store->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (draft->fd < 0) {
        /* A kernel or file system without O_TMPFILE takes it for opening a folder to write. */
        bool is_unsupported = errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT;
        free(draft);
        if (is_unsupported)
            return fault_set(fault, ERR_UNSUPPORTED, "no-nameless-files",
                             "This file system has no nameless files.", errno);
        return unavailable(fault, "A file for a new image cannot be made.");
    }
    *ret_draft = draft;
    return ERR_OK;
}

static void name_draft(char out[DRAFT_NAME_SIZE])
{
    uint8_t random[DRAFT_RANDOM];
    random_fill(random, sizeof random);
    memcpy(out, IMAGE_DRAFT_PREFIX, sizeof IMAGE_DRAFT_PREFIX);
    hex_encode(bytes_of(random, sizeof random), out + sizeof IMAGE_DRAFT_PREFIX - 1);
}

enum error image_draft_new_named(struct image_store *store, struct image_draft **ret_draft,
                                 struct fault *fault)
{
    struct image_draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL)
        return out_of_memory(fault);
    name_draft(draft->name);
    draft->store = store;
    draft->fd =
        openat(store->folder, draft->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (draft->fd < 0) {
        enum error e = unavailable(fault, "A file for a new image cannot be made.");
        free(draft);
        return e;
    }
    *ret_draft = draft;
    return ERR_OK;
}

enum error image_draft_new(struct image_store *store, struct image_draft **ret_draft,
                           struct fault *fault)
{
    enum error e = image_draft_new_nameless(store, ret_draft, fault);
    return e == ERR_UNSUPPORTED ? image_draft_new_named(store, ret_draft, fault) : e;
}

static enum error nearly_full(struct fault *fault)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "disk-nearly-full",
                     "The image would leave less room on the disk of [vault] images than "
                     "vault.disk_reserve_mb keeps free: make room there.",
                     0);
}

static enum error check_room(const struct image_draft *draft, uint64_t size, int64_t keep,
                             struct fault *fault)
{
    struct statvfs disk;
    if (fstatvfs(draft->fd, &disk) != 0)
        return unavailable(fault, "The room on the disk of the images is not known.");
    int64_t left = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    return left - (int64_t)size < keep ? nearly_full(fault) : ERR_OK;
}

/* Looked at again when it is taken: two at a time must not count on the same room. */
enum error image_draft_reserve(struct image_draft *draft, uint64_t size, int64_t keep,
                               struct fault *fault)
{
    enum error e = check_room(draft, size, keep, fault);
    if (e != ERR_OK)
        return e;
    if (fallocate(draft->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) == 0)
        return check_room(draft, 0, keep, fault);
    if (errno == EOPNOTSUPP) /* this file system cannot */
        return ERR_OK;
    return errno == ENOSPC ? nearly_full(fault)
                           : unavailable(fault, "No room can be taken for the image.");
}

int image_draft_fd(const struct image_draft *draft)
{
    return draft->fd;
}

/* Reads from the beginning, wherever the writer left the descriptor. */
static bool digest_content(int fd, EVP_MD_CTX *hash, uint64_t *ret_size)
{
    uint8_t block[READ_BYTES];
    uint64_t size = 0;
    for (;;) {
        ssize_t n = pread(fd, block, sizeof block, (off_t)size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        if (EVP_DigestUpdate(hash, block, (size_t)n) != 1)
            return false;
        size += (uint64_t)n;
    }
    *ret_size = size;
    return true;
}

static enum error digest_file(int fd, struct sha256 *ret_digest, uint64_t *ret_size,
                              struct fault *fault)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(hash);
        return out_of_memory(fault);
    }
    enum error e = ERR_OK;
    if (!digest_content(fd, hash, ret_size) ||
        EVP_DigestFinal_ex(hash, ret_digest->bytes, NULL) != 1)
        e = unavailable(fault, "A new image cannot be read back.");
    EVP_MD_CTX_free(hash);
    return e;
}

static enum error check_size(int fd, struct fault *fault)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return unavailable(fault, "A new image cannot be examined.");
    if (info.st_size == 0)
        return fault_set(fault, ERR_BAD_REQUEST, "image-empty", "The image is empty.", 0);
    if ((uint64_t)info.st_size > IMAGE_MAX_BYTES)
        return fault_set(fault, ERR_TOO_LARGE, "image-too-large", "The image is larger than 4 GiB.",
                         0);
    return ERR_OK;
}

/* Whether what is there under that name has the content that the name says. */
static bool is_whole(int folder, const char *name, const struct sha256 *digest)
{
    struct sha256 found;
    struct fault fault;
    uint64_t size = 0;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool is_whole =
        fd >= 0 && digest_file(fd, &found, &size, &fault) == ERR_OK && sha256_equal(&found, digest);
    if (fd >= 0)
        (void)close(fd);
    return is_whole;
}

static bool link_draft(const struct image_draft *draft, const char *name)
{
    char self[PROC_PATH_SIZE];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", draft->fd);
    return linkat(AT_FDCWD, self, draft->store->folder, name, AT_SYMLINK_FOLLOW) == 0;
}

/* A file that is damaged is replaced at once; who has it open keeps the old one. */
static bool replace(struct image_draft *draft, const char *name)
{
    int folder = draft->store->folder;
    if (draft->name[0] == '\0') {
        char temporary[DRAFT_NAME_SIZE];
        name_draft(temporary);
        if (!link_draft(draft, temporary))
            return false;
        memcpy(draft->name, temporary, sizeof temporary);
    }
    crash_point("image.before-replace");
    return renameat(folder, draft->name, folder, name) == 0;
}

static bool make_visible(struct image_draft *draft, const char *name, const struct sha256 *digest)
{
    bool is_nameless = draft->name[0] == '\0';
    if (is_nameless && link_draft(draft, name))
        return true;
    if (is_nameless && errno != EEXIST)
        return false;
    return (is_nameless && is_whole(draft->store->folder, name, digest)) || replace(draft, name);
}

enum error image_draft_finish(struct image_draft **draft, struct sha256 *ret_digest,
                              uint64_t *ret_size, struct fault *fault)
{
    struct sha256 digest;
    uint64_t size = 0;
    char name[SHA256_HEX_SIZE];
    int folder = (*draft)->store->folder;
    enum error e = check_size((*draft)->fd, fault);
    if (e != ERR_OK)
        return e;
    if (fsync((*draft)->fd) != 0)
        return unavailable(fault, "A new image cannot be made durable.");
    e = digest_file((*draft)->fd, &digest, &size, fault);
    if (e != ERR_OK)
        return e;
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    crash_point("image.before-link");
    if (!make_visible(*draft, name, &digest))
        return unavailable(fault, "A new image cannot be given its name.");
    (*draft)->name[0] = '\0'; /* a renamed draft has no name of its own any more */
    /* Also for a file that was there: whoever linked it may have died before this. */
    if (fsync(folder) != 0)
        return unavailable(fault, "The folder of the images cannot be made durable.");
    image_draft_free(*draft);
    *draft = NULL;
    *ret_digest = digest;
    *ret_size = size;
    return ERR_OK;
}

void image_draft_free(struct image_draft *draft)
{
    if (draft == NULL)
        return;
    if (draft->name[0] != '\0')
        (void)unlinkat(draft->store->folder, draft->name, 0);
    (void)close(draft->fd);
    free(draft);
}

/* ---- stored images ---- */

enum error image_store_open_image(const struct image_store *store, const struct sha256 *digest,
                                  int *ret_fd, uint64_t *ret_size, struct fault *fault)
{
    char name[SHA256_HEX_SIZE];
    struct stat info;
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), name);
    int fd = openat(store->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return fault_set(
            fault, ERR_IMAGE_UNKNOWN, "image-not-stored",
            "The file of this image is missing in the folder of [vault] images: put it back "
            "from a backup.",
            0);
    if (fd < 0)
        return unavailable(fault, "A stored image cannot be opened.");
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd);
        return unavailable(fault, "A stored image is not a file.");
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)info.st_size;
    return ERR_OK;
}
