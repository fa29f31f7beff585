/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The formats, and what is special about MCUboot's. Owns no state. */
#include "vault/image_format.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "image/mcuboot.h"
#include "image/st_sfi.h"

#define COPY_BYTES 65536

static_assert(HSM_WRAPPED_KEY_MAX <= LEDGER_WRAPPED_KEY_MAX, "a wrapped key fits the ledger");
static_assert(HSM_IV_MAX <= LEDGER_IV_MAX, "an IV fits the ledger");
static_assert(HSM_GCM_TAG_BYTES == LEDGER_TAG_BYTES, "a tag fits the ledger");
static_assert(LICENSE_CONTENT_MAX == LEDGER_CONTENT_MAX + 1, "a form of content fits the ledger");

/* One image and how it is encrypted. */
struct work {
    const struct image_making *making;
    const struct license_content *content;
    struct hsm_encryption encryption;
    struct hsm_content result;
};

struct image_format {
    const char *name;
    const char *wanted;
    bool has_records; /* the HSM encrypts a sequence of messages */
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

static const struct image_format FORMATS[] = {
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

const struct image_format *image_format_find(const char *profile)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (strcmp(FORMATS[i].name, profile) == 0)
            return &FORMATS[i];
    }
    return NULL;
}

const char *image_format_wanted(const struct image_format *format)
{
    return format->wanted;
}

enum error image_format_check(const struct image_format *format, int fd, uint64_t size,
                              struct fault *fault)
{
    return format->check(fd, size, fault);
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- encryption ---- */

static enum hsm_cipher cipher_of(const struct work *work)
{
    if (work->making->format->has_records)
        return HSM_AES_GCM_RECORDS;
    switch (work->content->cipher) {
    case LICENSE_AES_CBC:
        return HSM_AES_CBC;
    case LICENSE_AES_CTR:
        return HSM_AES_CTR;
    case LICENSE_AES_GCM:
    default:
        return HSM_AES_GCM;
    }
}

/* length: of the clear file's bytes from its present offset. */
static enum error encrypt(struct work *work, uint64_t length, struct fault *fault)
{
    const struct image_making *making = work->making;
    const struct license_content *content = work->content;
    work->encryption = (struct hsm_encryption){
        .firmware_key = making->firmware_key,
        .cipher = cipher_of(work),
        .aad = bytes_of(content->aad, content->aad_length),
        .iv_bytes = making->format->has_records ? 0 : content->iv_bytes,
        .appends_tag = making->format->appends_tag && content->tag_bytes > 0,
        .length = making->format->is_mcuboot ? length : 0,
        .clear_fd = making->clear_fd,
        .cipher_fd = making->cipher_fd,
    };
    enum error e = hsm_generate_session_key(making->hsm, &making->firmware_key, content->key_bytes,
                                            &work->encryption.session_key, fault);
    if (e == ERR_OK)
        e = hsm_encrypt(making->hsm, &work->encryption, &work->result, fault);
    if (e != ERR_OK)
        return e;
    if (work->result.length != length)
        return refuse(fault, "firmware", "The firmware file changed while it was read.");
    if (work->result.iv_length != content->iv_bytes ||
        work->result.tag_length != content->tag_bytes)
        return fault_set(fault, ERR_INTERNAL, "hsm-answer",
                         "The HSM's IV or tag is of another length than the image's.", 0);
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
static enum error copy_part(const struct image_making *making, uint64_t from, uint64_t until,
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
static enum error write_area(const struct image_making *making, const struct mcuboot_image *parts,
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
    const struct image_making *making = work->making;
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
    work->content = license_content_find(work->making->profile, name);
    return work->content != NULL
               ? ERR_OK
               : fault_set(fault, ERR_INTERNAL, "content", "The profile lacks its content.", 0);
}

static enum error make_mcuboot(struct work *work, struct fault *fault)
{
    const struct image_making *making = work->making;
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
    work->content = license_content_find(work->making->profile, work->making->content);
    if (work->content == NULL)
        return refuse(fault, "content",
                      "The product's license profile has no such form of content: "
                      "docs/profiles/README.md names those of each.");
    return encrypt(work, work->making->clear_length, fault);
}

static void fill(const struct work *work, struct ledger_image *image)
{
    const struct hsm_wrapped_key *key = &work->encryption.session_key;
    const struct hsm_content *result = &work->result;
    bool is_default = work->content == license_content_find(work->making->profile, "");
    memcpy(image->session_key, key->bytes, key->length);
    image->session_key_length = key->length;
    memcpy(image->iv, result->iv, result->iv_length);
    image->iv_length = result->iv_length;
    memcpy(image->tag, result->tag, result->tag_length);
    image->tag_length = result->tag_length;
    strcpy(image->content, is_default ? "" : work->content->name);
}

enum error image_format_make(const struct image_making *making, struct ledger_image *image,
                             struct fault *fault)
{
    struct work work = {.making = making};
    enum error e =
        making->format->is_mcuboot ? make_mcuboot(&work, fault) : make_plain(&work, fault);
    if (e == ERR_OK)
        fill(&work, image);
    return e;
}
