/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The formats, and what is special about MCUboot's. Owns no state. */
#include "pack/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "image/mcuboot.h"
#include "image/st_sfi.h"

#define COPY_BYTES 65536

/* One image and how it is encrypted. */
struct work {
    const struct pack_making *making;
    struct packed packed;
};

struct pack_format {
    const char *name;
    const char *wanted;
    bool has_records;
    bool appends_tag;
    bool is_mcuboot;
    enum error (*check)(int fd, uint64_t size, struct fault *fault);
};

/* Accepts every file: what a plain ciphertext holds is the device's matter. */
static enum error accept(int fd, uint64_t size, struct fault *fault)
{
    (void)fd;
    (void)size;
    (void)fault;
    return ERR_OK;
}

static enum error check_st_sfi(int fd, uint64_t size, struct fault *fault)
{
    struct st_sfi_summary summary;
    return st_sfi_check(fd, size, &summary, fault);
}

static enum error check_mcuboot(int fd, uint64_t size, struct fault *fault)
{
    struct mcuboot_image image;
    return mcuboot_read(fd, size, &image, fault);
}

static const struct pack_format FORMATS[] = {
    {.name = "cms",
     .wanted = "The product's license profile is cms: give --format cms.",
     .check = accept},
    {.name = "suit",
     .wanted = "The product's license profile is suit: give --format suit.",
     .appends_tag = true,
     .check = accept},
    {.name = "mcuboot",
     .wanted = "The product's license profile is mcuboot: give --format mcuboot.",
     .is_mcuboot = true,
     .check = check_mcuboot},
    {.name = "jwe",
     .wanted = "The product's license profile is jwe: give --format jwe.",
     .check = accept},
    {.name = "esp-rsa",
     .wanted = "The product's license profile is esp-rsa: give --format esp-rsa.",
     .check = accept},
    {.name = "st-sfi",
     .wanted = "The product's license profile is st-sfi: give --format st-sfi.",
     .has_records = true,
     .check = check_st_sfi},
};

const struct pack_format *pack_format_find(const char *profile)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (strcmp(FORMATS[i].name, profile) == 0)
            return &FORMATS[i];
    }
    return NULL;
}

const char *pack_format_wanted(const struct pack_format *format)
{
    return format->wanted;
}

enum error pack_format_check(const struct pack_format *format, int fd, uint64_t size,
                             struct fault *fault)
{
    return format->check(fd, size, fault);
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- encryption ---- */

/* length: of the clear file's bytes from its present offset. */
static enum error encrypt(struct work *work, uint64_t length, struct fault *fault)
{
    const struct pack_making *making = work->making;
    const struct license_content *content = work->packed.content;
    struct pack_result *result = &work->packed.result;
    const struct pack_message message = {
        .content = content,
        .has_records = making->format->has_records,
        .appends_tag = making->format->appends_tag && content->tag_bytes > 0,
        .length = making->format->is_mcuboot ? length : 0,
        .clear_fd = making->clear_fd,
        .cipher_fd = making->cipher_fd,
    };
    enum error e = making->encrypt(making->context, &message, result, fault);
    if (e != ERR_OK)
        return e;
    if (result->length != length)
        return refuse(fault, "firmware", "The firmware file changed while it was read.");
    if (result->iv_length != content->iv_bytes || result->tag_length != content->tag_bytes)
        return fault_set(fault, ERR_INTERNAL, "hsm-answer",
                         "The IV or tag is of another length than the image's.", 0);
    return ERR_OK;
}

/* ---- MCUboot: header and TLVs stay clear ---- */

static enum error disk_fault(struct fault *fault)
{
    return fault_set(fault, ERR_LEDGER_UNAVAILABLE, "image-unwritable",
                     "The encrypted image cannot be written.", errno);
}

static enum error write_at(int fd, const uint8_t *bytes, size_t length, uint64_t at,
                           struct fault *fault)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, bytes, length, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return disk_fault(fault);
        bytes += written;
        length -= (size_t)written;
        at += (uint64_t)written;
    }
    return ERR_OK;
}

/* A part of the clear image to the same place of the encrypted one. */
static enum error copy_part(const struct pack_making *making, uint64_t from, uint64_t until,
                            struct fault *fault)
{
    uint8_t bytes[COPY_BYTES];
    while (from < until) {
        size_t wanted = until - from < sizeof bytes ? (size_t)(until - from) : sizeof bytes;
        ssize_t got = pread(making->clear_fd, bytes, wanted, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return refuse(fault, "firmware", "The firmware file changed while it was read.");
        enum error e = write_at(making->cipher_fd, bytes, (size_t)got, from, fault);
        if (e != ERR_OK)
            return e;
        from += (uint64_t)got;
    }
    return ERR_OK;
}

/* Without the TLVs that imgtool made for some device. */
static enum error write_area(const struct pack_making *making, const struct mcuboot_image *parts,
                             struct fault *fault)
{
    size_t length = 0;
    uint8_t *area = malloc(MCUBOOT_AREA_MAX_BYTES);
    if (area == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = mcuboot_area(making->clear_fd, parts, MCUBOOT_ENC_EC256, bytes_of(NULL, 0), area,
                                &length, fault);
    if (e == ERR_OK)
        e = write_at(making->cipher_fd, area, length, parts->area_offset, fault);
    free(area);
    return e;
}

static enum error encrypt_payload(struct work *work, const struct mcuboot_image *parts,
                                  struct fault *fault)
{
    const struct pack_making *making = work->making;
    if (lseek(making->clear_fd, (off_t)parts->payload_offset, SEEK_SET) < 0 ||
        lseek(making->cipher_fd, (off_t)parts->payload_offset, SEEK_SET) < 0)
        return disk_fault(fault);
    return encrypt(work, parts->payload_bytes, fault);
}

/* The header says the length of the key, and is under the signature. */
static enum error find_mcuboot_content(struct work *work, const struct mcuboot_image *parts,
                                       struct fault *fault)
{
    const char *name = parts->key_bytes == 16 ? "aes-128-ctr" : "aes-256-ctr";
    if (work->making->content[0] != '\0' && strcmp(work->making->content, name) != 0)
        return refuse(fault, "content",
                      "The image was signed for a session key of another length: sign it with the "
                      "--encrypt-keylen that --content names, or leave --content out.");
    work->packed.content = license_content_find(work->making->profile, name);
    return work->packed.content != NULL
               ? ERR_OK
               : fault_set(fault, ERR_INTERNAL, "content", "The profile lacks its content.", 0);
}

static enum error make_mcuboot(struct work *work, struct fault *fault)
{
    const struct pack_making *making = work->making;
    struct mcuboot_image parts;
    if (lseek(making->clear_fd, 0, SEEK_CUR) != 0)
        return refuse(fault, "firmware", "The image must be given from its beginning.");
    enum error e = mcuboot_read(making->clear_fd, making->clear_length, &parts, fault);
    if (e == ERR_OK && parts.payload_bytes == 0)
        e = refuse(fault, "firmware", "The image has no payload.");
    if (e == ERR_OK)
        e = find_mcuboot_content(work, &parts, fault);
    if (e == ERR_OK)
        e = copy_part(making, 0, parts.payload_offset, fault);
    if (e == ERR_OK)
        e = encrypt_payload(work, &parts, fault);
    if (e == ERR_OK)
        e = copy_part(making, (uint64_t)parts.payload_offset + parts.payload_bytes,
                      parts.area_offset, fault);
    return e == ERR_OK ? write_area(making, &parts, fault) : e;
}

/* ---- all of them ---- */

static enum error make_plain(struct work *work, struct fault *fault)
{
    work->packed.content = license_content_find(work->making->profile, work->making->content);
    if (work->packed.content == NULL)
        return refuse(fault, "content",
                      "The product's license profile has no such form of content: "
                      "docs/profiles/README.md names those of each.");
    return encrypt(work, work->making->clear_length, fault);
}

enum error pack_image(const struct pack_making *making, struct packed *ret_packed,
                      struct fault *fault)
{
    struct work work = {.making = making};
    enum error e =
        making->format->is_mcuboot ? make_mcuboot(&work, fault) : make_plain(&work, fault);
    if (e == ERR_OK)
        *ret_packed = work.packed;
    return e;
}
