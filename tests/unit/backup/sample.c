/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Small backups and their way back. */
#include "sample.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/pack.h"

#define IMAGE_BYTES  2500
#define WALK_HANDLES 8
#define PATH_BYTES   512

/* ---- bytes ---- */

struct blob blob_of(unsigned seed, size_t length)
{
    struct blob blob = {.data = malloc(length + 1), .length = length};
    uint32_t state = seed * 2654435761U + 1;
    ck_assert_ptr_nonnull(blob.data);
    for (size_t i = 0; i < length; i++) {
        state = state * 1664525U + 1013904223U;
        blob.data[i] = (uint8_t)(state >> 24);
    }
    return blob;
}

struct blob blob_copy(const struct blob *blob)
{
    struct blob copy = {.data = NULL};
    blob_add(&copy, blob_bytes(blob));
    return copy;
}

void blob_add(struct blob *blob, struct bytes more)
{
    blob->data = realloc(blob->data, blob->length + more.length + 1);
    ck_assert_ptr_nonnull(blob->data);
    if (more.length > 0)
        memcpy(blob->data + blob->length, more.data, more.length);
    blob->length += more.length;
}

void blob_clear(struct blob *blob)
{
    free(blob->data);
    *blob = (struct blob){.data = NULL};
}

struct bytes blob_bytes(const struct blob *blob)
{
    return bytes_of(blob->data, blob->length);
}

static struct blob blob_read(int fd)
{
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    struct blob blob = {.data = malloc((size_t)info.st_size + 1), .length = (size_t)info.st_size};
    ck_assert_ptr_nonnull(blob.data);
    ck_assert_int_eq(pread(fd, blob.data, blob.length, 0), info.st_size);
    return blob;
}

static int file_of(struct bytes bytes)
{
    int fd = memfd_create("backup", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes.data, bytes.length, 0), (ssize_t)bytes.length);
    return fd;
}

static struct bytes text(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* ---- life ---- */

void sample_make(struct sample *sample, enum pki_key_type type)
{
    *sample = (struct sample){.target = ""};
    temp_dir_make(&sample->dir);
    temp_dir_path(&sample->dir, "target", sample->target);
    sample->recipient = pki_new(NULL, &(struct pki_options){.name = "recipient", .key = type});
    sample->stranger = pki_new(NULL, &(struct pki_options){.name = "stranger", .key = type});
}

void sample_end(struct sample *sample)
{
    pki_free(sample->recipient);
    pki_free(sample->stranger);
    temp_dir_remove(&sample->dir);
}

/* ---- making ---- */

void sample_image_name(struct bytes image, char out[BACKUP_NAME_MAX])
{
    const struct sha256 digest = sha256_of(image);
    (void)strcpy(out, BACKUP_IMAGES "/");
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), out + strlen(out));
}

static void pack_ledger(struct pack *pack, unsigned seed, size_t length)
{
    BLOB_AUTO ledger = blob_of(seed, length);
    int file = file_of(blob_bytes(&ledger));
    ck_assert_int_eq(pack_file(pack, BACKUP_LEDGER, file, (int64_t)length, NULL, NULL), ERR_OK);
    ck_assert_int_eq(close(file), 0);
}

struct blob sample_backup(const struct pki *recipient, unsigned seed, size_t ledger_length)
{
    SEAL_AUTO seal = NULL;
    PACK_AUTO pack = NULL;
    BLOB_AUTO image = blob_of(seed + 1, IMAGE_BYTES);
    char name[BACKUP_NAME_MAX];
    int out = memfd_create("backup", MFD_CLOEXEC);
    ck_assert_int_eq(seal_new(text(pki_certificate(recipient)), out, &seal, NULL), ERR_OK);
    ck_assert_int_eq(pack_new(seal, &pack, NULL), ERR_OK);
    pack_ledger(pack, seed, ledger_length);
    sample_image_name(blob_bytes(&image), name);
    ck_assert_int_eq(pack_bytes(pack, name, blob_bytes(&image), NULL), ERR_OK);
    ck_assert_int_eq(pack_bytes(pack, BACKUP_CONFIG, text(SAMPLE_CONFIG), NULL), ERR_OK);
    ck_assert_int_eq(pack_finish(pack, SAMPLE_MADE_UNIXMS, NULL), ERR_OK);
    struct blob backup = blob_read(out);
    ck_assert_int_eq(close(out), 0);
    return backup;
}

struct blob sample_seal(const struct pki *recipient, struct bytes inner)
{
    SEAL_AUTO seal = NULL;
    int out = memfd_create("backup", MFD_CLOEXEC);
    ck_assert_int_eq(seal_new(text(pki_certificate(recipient)), out, &seal, NULL), ERR_OK);
    ck_assert_int_eq(seal_write(seal, inner, NULL), ERR_OK);
    ck_assert_int_eq(seal_finish(seal, NULL), ERR_OK);
    struct blob backup = blob_read(out);
    ck_assert_int_eq(close(out), 0);
    return backup;
}

/* ---- opening ---- */

static const char *walked; /* the sample's folder, for the walk */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static bool is_image(const char *name)
{
    uint8_t digest[SHA256_SIZE];
    return strncmp(name, BACKUP_IMAGES "/", strlen(BACKUP_IMAGES "/")) == 0 &&
           hex_decode(name + strlen(BACKUP_IMAGES "/"), digest, SHA256_SIZE);
}

/* Folders are two, all else is a file with the name of one of a backup. */
static int claim_tidy(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    static const char TARGET[] = "/target/";
    const char *inside = path + strlen(walked);
    const char *name = inside + strlen(TARGET);
    (void)where;
    if (kind == FTW_D)
        ck_assert_msg(*inside == '\0' || strcmp(inside, "/target") == 0 ||
                          strcmp(inside, "/target/" BACKUP_IMAGES) == 0,
                      "a folder %s", path);
    else
        ck_assert_msg(strncmp(inside, TARGET, strlen(TARGET)) == 0 && S_ISREG(info->st_mode) &&
                          (strcmp(name, BACKUP_LEDGER) == 0 || strcmp(name, BACKUP_CONFIG) == 0 ||
                           is_image(name)),
                      "%s came to be", path);
    return 0;
}

static void empty_target(const struct sample *sample)
{
    (void)nftw(sample->target, remove_one, WALK_HANDLES, FTW_DEPTH | FTW_PHYS);
    ck_assert_int_eq(mkdir(sample->target, 0700), 0);
}

enum error sample_open_as(struct sample *sample, const struct pki *owner, struct bytes backup,
                          struct unpacked *ret_unpacked, struct fault *fault)
{
    UNSEAL_AUTO unseal = NULL;
    *fault = (struct fault){.code = ERR_OK};
    empty_target(sample);
    int in = file_of(backup);
    int folder = open(sample->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder, 0);
    enum error e =
        unseal_new(text(pki_certificate(owner)), text(pki_key(owner)), in, &unseal, fault);
    if (e == ERR_OK)
        e = unpack_all(unseal, folder, ret_unpacked, fault);
    ck_assert_int_eq(fault->code, e);
    ck_assert(e == ERR_OK || (fault->reason != NULL && fault->detail != NULL));
    ck_assert_int_eq(close(folder), 0);
    ck_assert_int_eq(close(in), 0);
    walked = sample->dir.path;
    ck_assert_int_eq(nftw(sample->dir.path, claim_tidy, WALK_HANDLES, FTW_PHYS), 0);
    return e;
}

enum error sample_open(struct sample *sample, struct bytes backup, struct fault *fault)
{
    struct unpacked unpacked = {.made_unix_ms = -1};
    enum error e = sample_open_as(sample, sample->recipient, backup, &unpacked, fault);
    ck_assert_int_eq(unpacked.made_unix_ms, e == ERR_OK ? SAMPLE_MADE_UNIXMS : -1);
    unpacked_clear(&unpacked);
    return e;
}

void sample_refuse(struct sample *sample, struct bytes backup, const char *reason,
                   const char *words)
{
    struct fault fault;
    ck_assert_msg(sample_open(sample, backup, &fault) != ERR_OK, "taken, instead of \"%s\"", words);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_msg(strstr(fault.detail, words) != NULL, "\"%s\" instead of \"%s\"", fault.detail,
                  words);
}

/* ---- comparing ---- */

static bool has_file(const struct sample *sample, const char *name, struct bytes content)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", sample->target, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    BLOB_AUTO found = blob_read(fd);
    (void)close(fd);
    return bytes_equal(blob_bytes(&found), content);
}

bool sample_is_whole(const struct sample *sample, unsigned seed, size_t ledger_length)
{
    BLOB_AUTO ledger = blob_of(seed, ledger_length);
    BLOB_AUTO image = blob_of(seed + 1, IMAGE_BYTES);
    char name[BACKUP_NAME_MAX];
    sample_image_name(blob_bytes(&image), name);
    return has_file(sample, BACKUP_LEDGER, blob_bytes(&ledger)) &&
           has_file(sample, name, blob_bytes(&image)) &&
           has_file(sample, BACKUP_CONFIG, text(SAMPLE_CONFIG));
}
