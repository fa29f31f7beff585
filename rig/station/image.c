/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Images on disk and in memory. Owns the list of loaded images and its lock. */
#include "rig/station/image.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "rig/station/control.h"

#define IMAGES_MAX  8
#define AREA_SIZE   4 /* offset of the u32 size in an area's header */
#define AREA_MAX    65536
#define HEADER_TAG  12
#define PART_SUFFIX ".part"

struct station_images {
    const struct station_memory *memory;
    int64_t wait_ms;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t loaded;
    bool is_loading; /* somebody reads or downloads: the files of the images are theirs */
    size_t count;
    struct station_image list[IMAGES_MAX]; /* an entry below count never changes */
};

enum error station_images_new(const struct station_memory *memory, int64_t wait_ms,
                              struct station_images **ret_images)
{
    struct station_images *images = calloc(1, sizeof *images);
    if (images == NULL)
        return ERR_INTERNAL;
    images->memory = memory;
    images->wait_ms = wait_ms;
    (void)pthread_mutex_init(&images->lock, NULL);
    (void)pthread_cond_init(&images->loaded, NULL);
    *ret_images = images;
    return ERR_OK;
}

void station_images_free(struct station_images *images)
{
    if (images == NULL)
        return;
    for (size_t i = 0; i < images->count; i++)
        free((void *)(uintptr_t)images->list[i].content.data);
    (void)pthread_cond_destroy(&images->loaded);
    (void)pthread_mutex_destroy(&images->lock);
    free(images);
}

/* ---- layout ---- */

static bool next_area(struct bytes content, size_t *offset, struct station_area *ret_area)
{
    size_t left = content.length - *offset;
    if (left < CHIP_AREA_HEADER_BYTES)
        return false;
    const uint8_t *header = content.data + *offset;
    /* type, version, u16 index, then the size */
    size_t size = chip_get_u32(header + AREA_SIZE);
    if (size > AREA_MAX || size > left - CHIP_AREA_HEADER_BYTES)
        return false;
    *ret_area = (struct station_area){
        .header = bytes_of(header, CHIP_AREA_HEADER_BYTES),
        .content = bytes_of(header + CHIP_AREA_HEADER_BYTES, size),
    };
    *offset += CHIP_AREA_HEADER_BYTES + size;
    return true;
}

bool station_image_is_whole(struct bytes content)
{
    static const char magic[] = "SFIMAGIC";
    struct station_area area;
    size_t offset = CHIP_HEADER_BYTES;
    if (content.length <= CHIP_HEADER_BYTES || memcmp(content.data, magic, sizeof magic - 1) != 0)
        return false;
    while (next_area(content, &offset, &area))
        continue;
    return offset == content.length;
}

bool station_image_next(const struct station_image *image, size_t *offset,
                        struct station_area *ret_area)
{
    if (*offset == 0)
        *offset = CHIP_HEADER_BYTES;
    return next_area(image->content, offset, ret_area);
}

/* ---- files ---- */

/* The whole file, which the caller frees; NULL when it cannot be read or is empty or too large. */
static uint8_t *read_all(int fd, size_t *ret_length)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 1 ||
        info.st_size > STATION_IMAGE_MAX_BYTES)
        return NULL;
    size_t length = (size_t)info.st_size;
    uint8_t *data = malloc(length);
    for (size_t at = 0; data != NULL && at < length;) {
        ssize_t n = pread(fd, data + at, length - at, (off_t)at);
        if (n <= 0) {
            free(data);
            return NULL;
        }
        at += (size_t)n;
    }
    *ret_length = length;
    return data;
}

/* The content of fd when it has that digest, else no bytes. */
static struct bytes read_verified(int fd, const struct sha256 *digest)
{
    size_t length = 0;
    uint8_t *data = read_all(fd, &length);
    if (data == NULL)
        return bytes_of(NULL, 0);
    struct sha256 sum = sha256_of(bytes_of(data, length));
    if (sha256_equal(&sum, digest))
        return bytes_of(data, length);
    free(data);
    return bytes_of(NULL, 0);
}

static struct bytes read_kept(int folder, const char *name, const struct sha256 *digest)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return bytes_of(NULL, 0);
    struct bytes content = read_verified(fd, digest);
    (void)close(fd);
    return content;
}

/* Gets the rest. A part of something else cannot be completed: then once more from the start. */
static enum error complete_part(struct station_rest *rest, const struct sha256 *digest, int fd,
                                struct bytes *ret_content, struct fault *fault)
{
    for (int round = 0; round < 2; round++) {
        enum error e = station_rest_download(rest, digest, fd, fault);
        if (e != ERR_OK)
            return e;
        *ret_content = read_verified(fd, digest);
        if (ret_content->data != NULL)
            return ERR_OK;
        if (ftruncate(fd, 0) != 0)
            break;
    }
    return fault_set(fault, ERR_BAD_REQUEST, "image-digest",
                     "The service sent content of another digest.", 0);
}

static enum error keep_part(int folder, int fd, const char *part, const char *name,
                            struct fault *fault)
{
    station_control_step();
    if (fsync(fd) != 0 || renameat(folder, part, folder, name) != 0 || fsync(folder) != 0)
        return fault_set(fault, ERR_CONFIG, "image-not-kept", "The image cannot be kept.", errno);
    station_control_step();
    return ERR_OK;
}

static enum error fetch(const struct station_images *images, struct station_rest *rest,
                        const char *name, const struct sha256 *digest, struct bytes *ret_content,
                        struct fault *fault)
{
    char part[SHA256_HEX_SIZE + sizeof PART_SUFFIX];
    int folder = station_memory_images(images->memory);
    (void)snprintf(part, sizeof part, "%s" PART_SUFFIX, name);
    int fd = openat(folder, part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_set(fault, ERR_CONFIG, "image-not-kept", "The image cannot be kept.", errno);
    struct bytes content = {.data = NULL};
    enum error e = complete_part(rest, digest, fd, &content, fault);
    if (e == ERR_OK)
        e = keep_part(folder, fd, part, name, fault);
    (void)close(fd);
    if (e != ERR_OK) {
        free((void *)(uintptr_t)content.data);
        return e;
    }
    *ret_content = content;
    return ERR_OK;
}

/* ---- the list ---- */

static const struct station_image *find(const struct station_images *images,
                                        const struct sha256 *digest)
{
    for (size_t i = 0; i < images->count; i++) {
        if (sha256_equal(&images->list[i].digest, digest))
            return &images->list[i];
    }
    return NULL;
}

/* From disk or service, without the lock. */
static enum error load(const struct station_images *images, struct station_rest *rest,
                       const struct sha256 *digest, struct station_image *ret_image,
                       struct fault *fault)
{
    char name[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, sizeof digest->bytes), name);
    struct bytes content = read_kept(station_memory_images(images->memory), name, digest);
    if (content.data == NULL) {
        enum error e = fetch(images, rest, name, digest, &content, fault);
        if (e != ERR_OK)
            return e;
    }
    if (!station_image_is_whole(content)) {
        free((void *)(uintptr_t)content.data);
        return fault_set(fault, ERR_BAD_REQUEST, "image-layout", "The image is no SFI image.", 0);
    }
    *ret_image = (struct station_image){.digest = *digest, .content = content};
    memcpy(ret_image->tag, content.data + HEADER_TAG, sizeof ret_image->tag);
    return ERR_OK;
}

/*
 * Waits while another loads. ERR_OK: *ret_image is there, or it is NULL and the caller loads. Ends
 * with the lock held, as it began.
 */
static enum error wait_for_turn(struct station_images *images, const struct sha256 *digest,
                                const struct station_image **ret_image, struct fault *fault)
{
    const struct timespec until = deadline_timespec(deadline_in(images->wait_ms));
    const struct station_image *image = NULL;
    while ((image = find(images, digest)) == NULL && images->is_loading) {
        if (pthread_cond_clockwait(&images->loaded, &images->lock, CLOCK_MONOTONIC, &until) != 0)
            return fault_set(fault, ERR_BUSY, "image-wait", "The download takes too long.", 0);
    }
    if (image == NULL && images->count == IMAGES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "too-many-images", "Too many images are in use.", 0);
    *ret_image = image;
    return ERR_OK;
}

/* Loads, while the others wait. */
static enum error load_for_all(struct station_images *images, struct station_rest *rest,
                               const struct sha256 *digest, const struct station_image **ret_image,
                               struct fault *fault)
{
    struct station_image image = {.content = {.data = NULL}};
    enum error e = load(images, rest, digest, &image, fault);
    (void)pthread_mutex_lock(&images->lock);
    if (e == ERR_OK) {
        images->list[images->count] = image;
        *ret_image = &images->list[images->count++];
    }
    images->is_loading = false;
    (void)pthread_cond_broadcast(&images->loaded);
    (void)pthread_mutex_unlock(&images->lock);
    return e;
}

enum error station_images_get(struct station_images *images, struct station_rest *rest,
                              const struct sha256 *digest, const struct station_image **ret_image,
                              struct fault *fault)
{
    const struct station_image *image = NULL;
    (void)pthread_mutex_lock(&images->lock);
    enum error e = wait_for_turn(images, digest, &image, fault);
    bool is_mine = e == ERR_OK && image == NULL;
    if (is_mine)
        images->is_loading = true;
    (void)pthread_mutex_unlock(&images->lock);
    if (is_mine)
        e = load_for_all(images, rest, digest, &image, fault);
    if (e == ERR_OK)
        *ret_image = image;
    return e;
}
