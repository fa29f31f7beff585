/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The station's folder. A license file is 64 hex digits, a line end, and the JSON they sum up. */
#include "rig/station/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "rig/station/control.h"

#define FILE_MAX_BYTES 4096
#define NAME_BYTES     ((2 * (SHA256_HEX_SIZE - 1)) + 2) /* two digests, a dot, NUL */
#define SUM_BYTES      SHA256_HEX_SIZE                   /* digits and a line end */
#define TEMP_PREFIX    ".new-"

struct station_memory {
    int work; /* holds the lock */
    int licenses;
    int images;
};

/* ---- folders ---- */

static int open_folder(int at, const char *path)
{
    if (mkdirat(at, path, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Files that a killed station had not finished. */
static void remove_unfinished(const struct station_memory *memory)
{
    int fd = openat(memory->licenses, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, TEMP_PREFIX, sizeof TEMP_PREFIX - 1) == 0)
            (void)unlinkat(memory->licenses, entry->d_name, 0);
    }
    (void)closedir(folder);
}

enum error station_memory_open(const char *work, struct station_memory **ret_memory,
                               struct fault *fault)
{
    struct station_memory *memory = malloc(sizeof *memory);
    if (memory == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is no memory.", 0);
    *memory = (struct station_memory){.work = -1, .licenses = -1, .images = -1};
    memory->work = open_folder(AT_FDCWD, work);
    if (memory->work >= 0 && flock(memory->work, LOCK_EX | LOCK_NB) != 0) {
        station_memory_free(memory);
        return fault_set(fault, ERR_CONFLICT, "work-in-use", "Another station works there.", 0);
    }
    if (memory->work >= 0) {
        memory->licenses = open_folder(memory->work, "licenses");
        memory->images = open_folder(memory->work, "images");
    }
    if (memory->licenses < 0 || memory->images < 0 || fsync(memory->work) != 0) {
        int native = errno;
        station_memory_free(memory);
        return fault_set(fault, ERR_CONFIG, "work-folder", "The folder cannot be used.", native);
    }
    remove_unfinished(memory);
    *ret_memory = memory;
    return ERR_OK;
}

void station_memory_free(struct station_memory *memory)
{
    if (memory == NULL)
        return;
    const int fds[] = {memory->images, memory->licenses, memory->work};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    free(memory);
}

int station_memory_images(const struct station_memory *memory)
{
    return memory->images;
}

static void name_of(const uint8_t *certificate, const struct sha256 *image, char out[NAME_BYTES])
{
    struct sha256 sum = sha256_of(bytes_of(certificate, STATION_CERTIFICATE_BYTES));
    hex_encode(bytes_of(sum.bytes, sizeof sum.bytes), out);
    out[SHA256_HEX_SIZE - 1] = '.';
    hex_encode(bytes_of(image->bytes, sizeof image->bytes), out + SHA256_HEX_SIZE);
}

/* ---- writing ---- */

static char *format_json(const struct station_kept *kept)
{
    char image[IMAGE_REFERENCE_SIZE];
    char *certificate = NULL;
    char *license = NULL;
    char *text = NULL;
    image_reference_format(&kept->image, image);
    if (base64_encode(bytes_of(kept->certificate, sizeof kept->certificate), &certificate) ==
            ERR_OK &&
        base64_encode(bytes_of(kept->license, sizeof kept->license), &license) == ERR_OK) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "product", kept->product, "image",
                                 image, "install_id", kept->install_id, "certificate", certificate,
                                 "license", license);
        text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        json_decref(json);
    }
    free(certificate);
    free(license);
    return text;
}

/* The whole content of a license file; the length, or 0. */
static size_t format_file(const struct station_kept *kept, char out[FILE_MAX_BYTES])
{
    char digits[SHA256_HEX_SIZE];
    char *json = format_json(kept);
    if (json == NULL)
        return 0;
    struct sha256 sum = sha256_of(bytes_of(json, strlen(json)));
    hex_encode(bytes_of(sum.bytes, sizeof sum.bytes), digits);
    int n = snprintf(out, FILE_MAX_BYTES, "%s\n%s", digits, json);
    free(json);
    return n > 0 && n < FILE_MAX_BYTES ? (size_t)n : 0;
}

static bool write_temp(int folder, const char *temp, const char *content, size_t length)
{
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool is_written = write(fd, content, length) == (ssize_t)length && fsync(fd) == 0;
    return close(fd) == 0 && is_written;
}

enum error station_memory_keep(const struct station_memory *memory, const struct station_kept *kept,
                               struct fault *fault)
{
    char content[FILE_MAX_BYTES];
    char name[NAME_BYTES];
    char temp[64];
    size_t length = format_file(kept, content);
    if (length == 0)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is no memory.", 0);
    name_of(kept->certificate, &kept->image, name);
    /* Two sockets may hold chips that show the same certificate. */
    (void)snprintf(temp, sizeof temp, TEMP_PREFIX "%d", (int)gettid());
    station_control_step();
    if (!write_temp(memory->licenses, temp, content, length) ||
        renameat(memory->licenses, temp, memory->licenses, name) != 0 ||
        fsync(memory->licenses) != 0)
        return fault_set(fault, ERR_CONFIG, "license-not-kept", "The license cannot be kept.",
                         errno);
    station_control_step();
    return ERR_OK;
}

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static bool decode_exactly(const char *text, uint8_t *out, size_t wanted)
{
    size_t length = 0;
    return base64_decode(text, out, wanted, &length) == ERR_OK && length == wanted;
}

static bool read_json(const json_t *json, struct station_kept *kept)
{
    struct uuid id;
    const char *product = text_of(json, "product");
    const char *install_id = text_of(json, "install_id");
    if (!name_is_valid(product, STATION_PRODUCT_SIZE - 1) || !uuid_parse(install_id, "ins-", &id) ||
        !image_reference_parse(text_of(json, "image"), &kept->image) ||
        !decode_exactly(text_of(json, "certificate"), kept->certificate,
                        sizeof kept->certificate) ||
        !decode_exactly(text_of(json, "license"), kept->license, sizeof kept->license))
        return false;
    (void)snprintf(kept->product, sizeof kept->product, "%s", product);
    (void)snprintf(kept->install_id, sizeof kept->install_id, "%s", install_id);
    return true;
}

/* True when the first line is the sum of the rest, and the rest is a license. */
static bool read_content(const char *content, size_t length, struct station_kept *kept)
{
    struct sha256 written;
    char digits[SHA256_HEX_SIZE];
    if (length <= SUM_BYTES || content[SUM_BYTES - 1] != '\n')
        return false;
    memcpy(digits, content, SUM_BYTES - 1);
    digits[SUM_BYTES - 1] = '\0';
    if (!hex_decode(digits, written.bytes, sizeof written.bytes))
        return false;
    struct sha256 sum = sha256_of(bytes_of(content + SUM_BYTES, length - SUM_BYTES));
    if (!sha256_equal(&sum, &written))
        return false;
    json_t *json =
        json_loadb(content + SUM_BYTES, length - SUM_BYTES, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = json_is_object(json) && read_json(json, kept);
    json_decref(json);
    return is_read;
}

static bool read_file(const struct station_memory *memory, const char *name,
                      struct station_kept *kept)
{
    char content[FILE_MAX_BYTES];
    int fd = openat(memory->licenses, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, content, sizeof content);
    (void)close(fd);
    return n > 0 && n < (ssize_t)sizeof content && read_content(content, (size_t)n, kept);
}

/* Whether a file is what its name says. */
static bool is_of(const struct station_kept *kept, const char *product, const uint8_t *certificate,
                  const char *name)
{
    char expected[NAME_BYTES];
    name_of(certificate, &kept->image, expected);
    return strcmp(kept->product, product) == 0 && strcmp(expected, name) == 0 &&
           memcmp(kept->certificate, certificate, sizeof kept->certificate) == 0;
}

bool station_memory_find(const struct station_memory *memory, const char *product,
                         const uint8_t certificate[STATION_CERTIFICATE_BYTES],
                         const struct sha256 *image, struct station_kept *ret_kept)
{
    char name[NAME_BYTES];
    struct station_kept kept;
    name_of(certificate, image, name);
    if (!read_file(memory, name, &kept) || !is_of(&kept, product, certificate, name))
        return false;
    *ret_kept = kept;
    return true;
}

size_t station_memory_list(const struct station_memory *memory, const char *product,
                           const uint8_t certificate[STATION_CERTIFICATE_BYTES],
                           struct station_kept *ret_list, size_t max)
{
    size_t count = 0;
    char prefix[NAME_BYTES];
    const struct dirent *entry = NULL;
    int fd = openat(memory->licenses, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL)
        return 0;
    name_of(certificate, &(struct sha256){.bytes = {0}}, prefix);
    while (count < max && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, prefix, SHA256_HEX_SIZE) == 0 &&
            read_file(memory, entry->d_name, &ret_list[count]) &&
            is_of(&ret_list[count], product, certificate, entry->d_name))
            count++;
    }
    (void)closedir(folder);
    return count;
}
