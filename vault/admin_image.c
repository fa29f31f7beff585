/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images on site: from a descriptor with the firmware in clear to a stored, encrypted image. The
 * firmware passes through provision-hsm only; this file moves descriptors. Owns no state.
 */
#include "vault/admin_task.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/crash_point.h"
#include "license/license.h"
#include "vault/hsm_watch.h"
#include "vault/image_making.h"
#include "vault/product_make.h"

/* Fewer than the threads that serve administration, so that a station can always be disabled. */
#define ENCRYPTIONS_MAX 2
/* A product whose key is rotated more often while one image is stored is somebody's mistake. */
#define ROTATIONS_FOLLOWED 3

/* The clear firmware: a regular file with something left to read. */
static enum error check_clear_file(struct admin_task *task, uint64_t *ret_length)
{
    struct stat info;
    off_t at = task->file < 0 ? -1 : lseek(task->file, 0, SEEK_CUR);
    if (at < 0 || fstat(task->file, &info) != 0 || !S_ISREG(info.st_mode))
        return admin_refuse_field(task, "firmware", "The firmware must be a regular file.");
    if (info.st_size <= at)
        return admin_refuse_field(task, "firmware", "The firmware file is empty.");
    *ret_length = (uint64_t)(info.st_size - at);
    if (*ret_length > IMAGE_MAX_BYTES)
        return fault_set(&task->fault, ERR_TOO_LARGE, "firmware",
                         "A firmware image is at most 4 GiB.", 0);
    return ERR_OK;
}

static enum error find_product(struct admin_task *task, struct ledger_product *ret_product,
                               const struct license_profile **ret_profile,
                               const struct pack_format **ret_format)
{
    const Provisiond__ImageEncryptRequest *asked = task->request->image_encrypt;
    enum error e =
        ledger_product_get(task->vault->ledger, asked->product, ret_product, &task->fault);
    if (e != ERR_OK)
        return e;
    *ret_profile = license_profile_find(ret_product->profile);
    *ret_format = pack_format_find(ret_product->profile);
    if (*ret_profile == NULL || *ret_format == NULL)
        return fault_set(&task->fault, ERR_UNSUPPORTED, "profile",
                         "This build does not know the product's license profile.", 0);
    if (strcmp(asked->format, ret_product->profile) != 0)
        return admin_refuse_field(task, "format", pack_format_wanted(*ret_format));
    return ERR_OK;
}

/* The HSM gives the parts of an image; whether they make one, its own reader says. */
static enum error check_image(struct admin_task *task, const struct pack_format *format, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fault_set(&task->fault, ERR_LEDGER_UNAVAILABLE, "image-unreadable",
                         "The encrypted image cannot be read.", errno);
    return pack_format_check(format, fd, (uint64_t)info.st_size, &task->fault);
}

/* A fresh session key for this image alone, and the firmware encrypted under it in the draft. */
static enum error encrypt(struct admin_task *task, struct image_draft *draft,
                          struct ledger_image *image, uint64_t clear_length)
{
    struct ledger_product product;
    struct image_making making = {.hsm = task->vault->hsm};
    struct pack_making pack = {.content = task->request->image_encrypt->content,
                               .clear_fd = task->file,
                               .clear_length = clear_length,
                               .cipher_fd = image_draft_fd(draft)};
    enum error e = find_product(task, &product, &pack.profile, &pack.format);
    if (e != ERR_OK)
        return e;
    memcpy(making.firmware_key.bytes, product.firmware_key, sizeof product.firmware_key);
    e = image_make(&making, &pack, image, &task->fault);
    if (e == ERR_OK)
        e = check_image(task, pack.format, pack.cipher_fd);
    if (e != ERR_OK)
        return e;
    image->generation = product.generation;
    image->created_unix_ms = clock_unix_ms();
    image->is_enabled = true;
    strcpy(image->label, task->request->image_encrypt->label);
    return ERR_OK;
}

/* The product's key was rotated since: the session key goes over, as those of the other images. */
static enum error follow_key(struct admin_task *task, struct ledger_image *image)
{
    const char *name = task->request->image_encrypt->product;
    struct ledger_product product;
    struct hsm_wrapped_key key = {.length = image->session_key_length};
    enum error e = ledger_product_get(task->vault->ledger, name, &product, &task->fault);
    if (e != ERR_OK)
        return e;
    const struct hsm_key_id from = product_firmware_key_id(name, image->generation);
    const struct hsm_key_id to = product_firmware_key_id(name, product.generation);
    memcpy(key.bytes, image->session_key, key.length);
    e = hsm_rewrap(task->vault->hsm, &from, &key, &to, &key, &task->fault);
    if (e != ERR_OK)
        return e;
    memcpy(image->session_key, key.bytes, key.length);
    image->generation = product.generation;
    return ERR_OK;
}

static enum error add_image(struct admin_task *task, struct ledger_image *image)
{
    const char *name = task->request->image_encrypt->product;
    for (int tries = 0;; tries++) {
        enum error e = ledger_image_add(task->vault->ledger, name, image, task->by, &task->fault);
        if (e != ERR_CONFLICT || strcmp(task->fault.reason, "firmware-key-changed") != 0 ||
            tries == ROTATIONS_FOLLOWED)
            return e;
        e = follow_key(task, image);
        if (e != ERR_OK)
            return e;
    }
}

static enum error store(struct admin_task *task, struct image_draft **draft,
                        struct ledger_image *image)
{
    uint64_t size = 0;
    enum error e = image_draft_finish(draft, &image->digest, &size, &task->fault);
    if (e != ERR_OK)
        return e;
    image->size = (int64_t)size;
    crash_point("vault.before-image");
    return add_image(task, image);
}

static void put_image(struct admin_task *task, const struct ledger_image *image)
{
    Provisiond__ImageEncryptReply *reply = &task->result.image_encrypt;
    provisiond__image_encrypt_reply__init(reply);
    task->values.digest = image->digest;
    reply->image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = task->values.digest.bytes};
    reply->size = (uint64_t)image->size;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ENCRYPT;
    task->reply.image_encrypt = reply;
}

int64_t admin_reserve(const struct admin_task *task)
{
    struct ledger_room room;
    ledger_room(task->vault->ledger, &room);
    return room.reserve_bytes;
}

enum error admin_check_image(const char *profile, int fd, uint64_t size, struct fault *fault)
{
    const struct pack_format *format = pack_format_find(profile);
    if (format == NULL)
        return fault_set(fault, ERR_UNSUPPORTED, "profile",
                         "This build does not know the product's license profile.", 0);
    return pack_format_check(format, fd, size, fault);
}

static enum error encrypt_image(struct admin_task *task)
{
    struct image_draft *draft = NULL;
    struct ledger_image image = {0};
    uint64_t clear_length = 0;
    if (strlen(task->request->image_encrypt->label) > LEDGER_NAME_MAX)
        return admin_refuse_field(task, "label", "A label is at most 64 bytes.");
    enum error e = check_clear_file(task, &clear_length);
    if (e == ERR_OK)
        e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = image_draft_new(task->vault->images, &draft, &task->fault);
    if (e == ERR_OK)
        e = image_draft_reserve(draft, clear_length, admin_reserve(task), &task->fault);
    if (e == ERR_OK)
        e = encrypt(task, draft, &image, clear_length);
    if (e == ERR_OK)
        e = store(task, &draft, &image);
    image_draft_free(draft);
    if (e == ERR_OK)
        put_image(task, &image);
    return e;
}

enum error admin_long_work(struct admin_task *task, enum error (*work)(struct admin_task *task))
{
    struct vault *vault = task->vault;
    enum error e = ERR_OK;
    if (atomic_fetch_add(&vault->encryptions, 1) < ENCRYPTIONS_MAX)
        e = work(task);
    else
        e = fault_set(
            &task->fault, ERR_BUSY, "encryptions",
            "Two images are being encrypted or handed over already; try again when one is "
            "done.",
            0);
    (void)atomic_fetch_sub(&vault->encryptions, 1);
    return e;
}

enum error admin_image_encrypt(struct admin_task *task)
{
    return admin_long_work(task, encrypt_image);
}

static enum error read_digest(struct admin_task *task, const ProtobufCBinaryData *field,
                              struct sha256 *ret_digest)
{
    if (field->len != SHA256_SIZE)
        return admin_refuse_field(task, "image", "An image is named by its SHA-256.");
    memcpy(ret_digest->bytes, field->data, SHA256_SIZE);
    return ERR_OK;
}

enum error admin_image_enable(struct admin_task *task)
{
    const Provisiond__ImageEnableRequest *asked = task->request->image_enable;
    struct sha256 digest;
    enum error e = read_digest(task, &asked->image, &digest);
    if (e == ERR_OK)
        e = ledger_image_enable(task->vault->ledger, asked->product, &digest, asked->enabled,
                                task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__image_enable_reply__init(&task->result.image_enable);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ENABLE;
    task->reply.image_enable = &task->result.image_enable;
    return ERR_OK;
}

static void put_named(struct admin_task *task)
{
    Provisiond__ImageAliasReply *reply = &task->result.image_alias;
    struct ledger_named *named = &task->values.named;
    provisiond__image_alias_reply__init(reply);
    if (named->is_moved)
        reply->moved_from =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = named->moved_from.bytes};
    reply->was_called = named->was_called;
    reply->enabled = named->is_enabled;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ALIAS;
    task->reply.image_alias = reply;
}

enum error admin_image_alias(struct admin_task *task)
{
    const Provisiond__ImageAliasRequest *asked = task->request->image_alias;
    struct ledger_naming naming = {.product = asked->product, .alias = asked->alias};
    enum error e = read_digest(task, &asked->image, &naming.digest);
    if (e == ERR_OK)
        e = ledger_image_alias(task->vault->ledger, &naming, task->by, &task->values.named,
                               &task->fault);
    if (e == ERR_OK)
        put_named(task);
    return e;
}
