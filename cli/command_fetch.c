/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl image fetch: an encrypted image, downloaded into FILE.part, proven by its digest, then
 * renamed. What FILE.part holds is trusted for nothing before the digest of all of it was right.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/station.h"

#define READ_BYTES 65536

struct fetch {
    struct sha256 digest;
    const char *target;
    char part[PATH_MAX];
    int fd; /* of the part; -1 */
};

static bool hash_file(int fd, EVP_MD_CTX *hash)
{
    unsigned char block[READ_BYTES];
    ssize_t n = 0;
    if (lseek(fd, 0, SEEK_SET) != 0)
        return false;
    while ((n = read(fd, block, sizeof block)) > 0) {
        if (EVP_DigestUpdate(hash, block, (size_t)n) != 1)
            return false;
    }
    return n == 0;
}

/* True when the whole file has that digest. */
static bool file_has_digest(int fd, const struct sha256 *digest)
{
    struct sha256 found;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_hashed = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                     hash_file(fd, hash) && EVP_DigestFinal_ex(hash, found.bytes, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return is_hashed && sha256_equal(&found, digest);
}

static bool target_is_there(const struct fetch *fetch)
{
    int fd = open(fetch->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_there = fd >= 0 && file_has_digest(fd, &fetch->digest);
    if (fd >= 0)
        (void)close(fd);
    return is_there;
}

/* The lock keeps two downloads out of one file; it goes with the process. */
static enum error open_part(struct fetch *fetch, struct failure *failure)
{
    struct stat info;
    int n = snprintf(fetch->part, sizeof fetch->part, "%s.part", fetch->target);
    if (n >= (int)sizeof fetch->part || strcmp(fetch->target, "-") == 0)
        return failure_set_usage(failure, "--out wants the name of a file");
    if (lstat(fetch->target, &info) == 0 && !S_ISREG(info.st_mode))
        return failure_set_plain(failure, ERR_CONFIG, "%s is not a plain file", fetch->target);
    if (lstat(fetch->target, &info) == 0)
        return failure_set_plain(failure, ERR_CONFLICT,
                                 "%s is there already with other content. Remove it, or give "
                                 "another --out",
                                 fetch->target);
    fetch->fd = open(fetch->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fetch->fd < 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be written: %s", fetch->part,
                                 strerror(errno));
    if (flock(fetch->fd, LOCK_EX | LOCK_NB) != 0)
        return failure_set_plain(failure, ERR_CONFLICT,
                                 "Another download into %s is under way. Wait for it", fetch->part);
    return ERR_OK;
}

/* Gets the rest. A part of something else cannot be completed: then once more from the start. */
static enum error download(struct rest *rest, const struct fetch *fetch, struct failure *failure)
{
    char path[128];
    char reference[IMAGE_REFERENCE_SIZE];
    image_reference_format(&fetch->digest, reference);
    (void)snprintf(path, sizeof path, "/v1/images/%s/content", reference);
    bool is_resumed = lseek(fetch->fd, 0, SEEK_END) > 0;
    enum error e = rest_download(rest, path, fetch->fd, failure);
    if (e != ERR_OK || file_has_digest(fetch->fd, &fetch->digest))
        return e;
    if (is_resumed && ftruncate(fetch->fd, 0) == 0) {
        e = rest_download(rest, path, fetch->fd, failure);
        if (e != ERR_OK || file_has_digest(fetch->fd, &fetch->digest))
            return e;
    }
    (void)!ftruncate(fetch->fd, 0);
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server sent content of another digest; it was thrown away");
}

static enum error finish(const struct fetch *fetch, struct failure *failure)
{
    if (fsync(fetch->fd) != 0)
        return failure_set_plain(failure, ERR_CONFIG, "%s cannot be written: %s", fetch->part,
                                 strerror(errno));
    return file_output_rename(fetch->part, fetch->target, failure);
}

static enum error fetch_image(const struct arguments *arguments, struct fetch *fetch,
                              struct failure *failure)
{
    REST_AUTO rest = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    if (e == ERR_OK)
        e = open_part(fetch, failure);
    if (e == ERR_OK)
        e = download(rest, fetch, failure);
    if (e == ERR_OK)
        e = finish(fetch, failure);
    return e;
}

/* A part without a byte is of no use to the next run. */
static void close_part(struct fetch *fetch)
{
    struct stat info;
    if (fetch->fd < 0)
        return;
    if (fstat(fetch->fd, &info) == 0 && info.st_size == 0)
        (void)unlink(fetch->part);
    (void)close(fetch->fd);
}

enum error command_image_fetch(const struct arguments *arguments, struct failure *failure)
{
    struct fetch fetch = {.target = arguments_get(arguments, OPTION_OUT), .fd = -1};
    if (!answer_parse_digest(arguments->operands[0], &fetch.digest))
        return failure_set_usage(failure, "%s is no digest; it looks like sha256: and 64 digits",
                                 arguments->operands[0]);
    enum error e = station_check_output(arguments, NULL, failure);
    if (e == ERR_OK && !target_is_there(&fetch)) {
        e = fetch_image(arguments, &fetch, failure);
        close_part(&fetch);
    }
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:o}", "image", output_digest(&fetch.digest), "file",
                                     output_text(fetch.target)),
                           failure);
    (void)printf("%s\n", fetch.target);
    return ERR_OK;
}
