/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One image out of another HSM's file of session keys: the key comes in inside the HSM, which opens
 * it only when everything that was said of the image is as it was; then the encrypted content, by
 * its digest. Owns no state.
 */
#include "vault/admin_task.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/crash_point.h"
#include "handover/handover.h"
#include "license/license.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"

#define COPY_BYTES ((size_t)64 * 1024)
/* A product whose key is rotated more often while one image comes in is somebody's mistake. */
#define ROTATIONS_FOLLOWED 3

/* One import on its way. */
struct import {
    struct handover_header header;
    struct handover_image image;
    struct ledger_product product;
    struct hsm_wrapped_key session_key; /* under this HSM's firmware key */
};

/* ---- the request ---- */

static bool take_text(const char *text, char *out, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

static bool take_bytes(const ProtobufCBinaryData *field, uint8_t *out, size_t max,
                       size_t *ret_length)
{
    if (field->len > max)
        return false;
    if (field->len > 0)
        memcpy(out, field->data, field->len);
    *ret_length = field->len;
    return true;
}

static bool take_exact(const ProtobufCBinaryData *field, uint8_t *out, size_t size)
{
    size_t length = 0;
    return take_bytes(field, out, size, &length) && length == size;
}

static bool read_header(const Provisiond__StandbyImportRequest *asked,
                        struct handover_header *header)
{
    header->images = asked->images;
    header->made_unix_ms = asked->made_unix_ms;
    return admin_read_digest(&asked->hsm, &header->hsm) &&
           admin_read_digest(&asked->standby, &header->standby) &&
           admin_read_digest(&asked->transport_key, &header->transport_key) &&
           take_text(asked->product, header->product, sizeof header->product) &&
           take_text(asked->profile, header->profile, sizeof header->profile) &&
           name_is_valid(header->product, HANDOVER_NAME_MAX) &&
           name_is_valid(header->profile, HANDOVER_PROFILE_MAX);
}

/* A name has no line end: what a key is bound to is told apart by them. */
static bool read_image(const Provisiond__StandbyImportRequest *asked, struct handover_image *image)
{
    image->size = asked->size;
    image->created_unix_ms = asked->created_unix_ms;
    image->is_enabled = asked->enabled;
    image->iv_length = HSM_GCM_IV_BYTES;
    return admin_read_digest(&asked->image, &image->digest) && image->size > 0 &&
           take_text(asked->label, image->label, sizeof image->label) &&
           take_text(asked->alias, image->alias, sizeof image->alias) &&
           (image->alias[0] == '\0' || name_is_valid(image->alias, HANDOVER_NAME_MAX)) &&
           take_exact(&asked->iv, image->iv, HSM_GCM_IV_BYTES) &&
           take_exact(&asked->tag, image->tag, sizeof image->tag) &&
           take_exact(&asked->point, image->point, sizeof image->point) &&
           take_bytes(&asked->key, image->key, sizeof image->key, &image->key_length);
}

/* ---- is it for us ---- */

static enum error check_address(struct admin_task *task, const struct import *import)
{
    struct ledger_info info;
    struct hsm_status status;
    enum error e = ledger_info(task->vault->ledger, &info, &task->fault);
    if (e == ERR_OK)
        e = hsm_watch_get(task->vault->watch, &status, &task->fault);
    if (e != ERR_OK)
        return e;
    if (!info.is_initialised || !sha256_equal(&info.hsm_identity, &import->header.standby))
        return admin_refuse_field(task, "other-hsm",
                                  "The session keys were exported for another HSM than this one.");
    const struct sha256 own = sha256_of(bytes_of(status.transport.der, status.transport.length));
    if (!sha256_equal(&own, &import->header.transport_key))
        return admin_refuse_field(task, "other-transport-key",
                                  "The session keys were exported for another transport key than "
                                  "this HSM has.");
    return ERR_OK;
}

/* The key has the size that the product's licenses carry. */
static bool is_of_profile(const struct import *import)
{
    const struct license_profile *profile = license_profile_find(import->product.profile);
    return profile != NULL && strcmp(import->product.profile, import->header.profile) == 0 &&
           import->image.key_length == license_content_find(profile, "")->key_bytes + 8;
}

static enum error find_product(struct admin_task *task, struct import *import)
{
    struct vault *vault = task->vault;
    struct ledger_product *product = &import->product;
    enum error e = ledger_product_get(vault->ledger, import->header.product, product, &task->fault);
    if (e == ERR_OK)
        e = governance_permits(vault->governance, product->id, product->name, &task->fault);
    if (e == ERR_OK && !is_of_profile(import))
        e = admin_refuse_field(task, "other-profile",
                               "The product has another license profile here than where the "
                               "session keys come from.");
    return e;
}

static enum error take_key_in(struct admin_task *task, struct import *import)
{
    const struct handover_image *image = &import->image;
    uint8_t info[HANDOVER_INFO_BYTES];
    handover_info(&import->header, image, info);
    struct hsm_import wanted = {.curve = HSM_P256,
                                .ephemeral_point = bytes_of(image->point, sizeof image->point),
                                .kdf = HSM_X963_SHA256,
                                .shared_info = bytes_of(info, sizeof info),
                                .kek_bytes = HANDOVER_KEK_BYTES};
    memcpy(wanted.firmware_key.bytes, import->product.firmware_key,
           sizeof wanted.firmware_key.bytes);
    memcpy(wanted.key.bytes, image->key, image->key_length);
    wanted.key.length = image->key_length;
    return hsm_import_key(task->vault->hsm, &wanted, &import->session_key, &task->fault);
}

/* ---- the encrypted content ---- */

static bool is_stored(struct admin_task *task, const struct import *import)
{
    struct fault ignored;
    uint64_t size = 0;
    int fd = -1;
    if (image_store_open_image(task->vault->images, &import->image.digest, &fd, &size, &ignored) !=
        ERR_OK)
        return false;
    (void)close(fd);
    return size == (uint64_t)import->image.size;
}

static enum error check_file(struct admin_task *task, const struct import *import)
{
    struct stat info;
    if (task->file < 0)
        return admin_refuse_field(task, "image-missing",
                                  "The encrypted image is neither in the image store here nor in "
                                  "the folder that was named.");
    if (fstat(task->file, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size != import->image.size)
        return admin_refuse_field(task, "image-size",
                                  "The encrypted image's file is not of the size that it must be.");
    return ERR_OK;
}

static bool copy_block(int from, int to, off_t at, EVP_MD_CTX *hash, size_t *ret_length)
{
    static _Thread_local uint8_t block[COPY_BYTES];
    ssize_t n = pread(from, block, sizeof block, at);
    *ret_length = n > 0 ? (size_t)n : 0;
    return n >= 0 && (n == 0 || (pwrite(to, block, (size_t)n, at) == n &&
                                 EVP_DigestUpdate(hash, block, (size_t)n) == 1));
}

/* What is written is what is hashed, whatever happens to the file meanwhile. */
static bool copy_content(int from, int to, int64_t size, struct sha256 *ret_digest)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    size_t length = 1;
    bool is_done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    for (off_t at = 0; is_done && length > 0 && at <= size; at += (off_t)length)
        is_done = copy_block(from, to, at, hash, &length);
    is_done = is_done && EVP_DigestFinal_ex(hash, ret_digest->bytes, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return is_done;
}

static enum error fill_draft(struct admin_task *task, const struct import *import, int draft)
{
    struct sha256 digest;
    errno = 0;
    if (!copy_content(task->file, draft, import->image.size, &digest))
        return fault_set(&task->fault, ERR_LEDGER_UNAVAILABLE, "image-copy",
                         "The encrypted image cannot be copied: see the number; 28 is a full disk.",
                         errno);
    if (!sha256_equal(&digest, &import->image.digest))
        return admin_refuse_field(task, "image-differs",
                                  "The encrypted image's file has another content than its name "
                                  "says.");
    return admin_check_image(import->product.profile, draft, (uint64_t)import->image.size,
                             &task->fault);
}

static enum error store_content(struct admin_task *task, const struct import *import)
{
    struct image_draft *draft = NULL;
    struct sha256 digest;
    uint64_t size = 0;
    enum error e = check_file(task, import);
    if (e == ERR_OK)
        e = image_draft_new(task->vault->images, &draft, &task->fault);
    if (e == ERR_OK)
        e = image_draft_reserve(draft, (uint64_t)import->image.size, admin_reserve(task),
                                &task->fault);
    if (e == ERR_OK)
        e = fill_draft(task, import, image_draft_fd(draft));
    if (e == ERR_OK)
        e = image_draft_finish(&draft, &digest, &size, &task->fault);
    image_draft_free(draft);
    return e;
}

/* ---- the row ---- */

static enum error add_image(struct admin_task *task, const struct import *import, bool *ret_is_new)
{
    const struct handover_image *from = &import->image;
    struct ledger_image image = {.digest = from->digest,
                                 .size = from->size,
                                 .session_key_length = import->session_key.length,
                                 .generation = import->product.generation,
                                 .iv_length = from->iv_length,
                                 .tag_length = sizeof from->tag,
                                 .created_unix_ms = from->created_unix_ms,
                                 .is_enabled = from->is_enabled};
    strcpy(image.label, from->label);
    strcpy(image.alias, from->alias);
    memcpy(image.session_key, import->session_key.bytes, import->session_key.length);
    memcpy(image.iv, from->iv, from->iv_length);
    memcpy(image.tag, from->tag, sizeof image.tag);
    crash_point("vault.before-import");
    return ledger_image_import(task->vault->ledger, import->product.name, &image,
                               &import->header.hsm, task->by, ret_is_new, &task->fault);
}

/* The key comes in anew when the product's firmware key was rotated meanwhile. */
static enum error add_under_present_key(struct admin_task *task, struct import *import,
                                        bool *ret_is_new)
{
    for (int tries = 0;; tries++) {
        enum error e = add_image(task, import, ret_is_new);
        if (e != ERR_CONFLICT || strcmp(task->fault.reason, "firmware-key-changed") != 0 ||
            tries == ROTATIONS_FOLLOWED)
            return e;
        e = find_product(task, import);
        if (e == ERR_OK)
            e = take_key_in(task, import);
        if (e != ERR_OK)
            return e;
    }
}

static enum error import_image(struct admin_task *task)
{
    const Provisiond__StandbyImportRequest *asked = task->request->standby_import;
    Provisiond__StandbyImportReply *reply = &task->result.standby_import;
    struct import import = {0};
    bool is_new = false;
    if (!read_header(asked, &import.header) || !read_image(asked, &import.image))
        return admin_refuse_field(task, "keys-file-form",
                                  "A member of the image or of its file is out of its limits.");
    enum error e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = check_address(task, &import);
    if (e == ERR_OK)
        e = find_product(task, &import);
    if (e == ERR_OK)
        e = take_key_in(task, &import);
    if (e == ERR_OK && !is_stored(task, &import))
        e = store_content(task, &import);
    if (e == ERR_OK)
        e = add_under_present_key(task, &import, &is_new);
    if (e != ERR_OK)
        return e;
    provisiond__standby_import_reply__init(reply);
    reply->is_new = is_new;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STANDBY_IMPORT;
    task->reply.standby_import = reply;
    return ERR_OK;
}

enum error admin_standby_import(struct admin_task *task)
{
    return admin_long_work(task, import_image);
}
