/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The session key inside the HSM, the content by its digest, then the row. Owns no state. */
#include "vault/take_in.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/crash_point.h"
#include "license/license.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"

#define COPY_BYTES ((size_t)64 * 1024)
/* A product whose key is rotated more often while one image comes in is somebody's mistake. */
#define ROTATIONS_FOLLOWED 3

/* ---- the product ---- */

/* The key, the IV and the tag have the sizes that the product's licenses carry. */
static enum error check_content(struct admin_task *task, const struct take_in *in)
{
    const struct license_profile *profile = license_profile_find(in->product.profile);
    const struct license_content *content =
        profile != NULL && strcmp(in->product.profile, in->profile) == 0
            ? license_content_find(profile, in->image.content)
            : NULL;
    if (content != NULL && in->key.key.length == content->key_bytes + 8 &&
        in->image.iv_length == content->iv_bytes && in->image.tag_length == content->tag_bytes)
        return ERR_OK;
    return admin_refuse_field(task, "other-profile",
                              "The product has another license profile here than where the session "
                              "key comes from, or the profile has no such form of content: provctl "
                              "product show tells the profile.");
}

/* Who administers a site can make a local product of any name: it is not the maker's. */
static enum error check_authorities(struct admin_task *task, const struct take_in *in)
{
    struct governance_view view;
    if (in->authorities.length == 0)
        return ERR_OK;
    governance_show(task->vault->governance, in->product.id, &view);
    const bool is_governed = in->product.is_governed && view.threshold > 0;
    for (size_t at = 0; is_governed && at < in->authorities.length; at += SHA256_SIZE) {
        if (memcmp(view.first_authorities.bytes, in->authorities.data + at, SHA256_SIZE) == 0)
            return ERR_OK;
    }
    return fault_set(&task->fault, ERR_FORBIDDEN, "other-authorities",
                     "The image is one of a product that its maker governs, and the product "
                     "of this name is local, or is governed by others: his first policy makes the "
                     "right one (provctl grant apply).",
                     0);
}

static enum error find_product(struct admin_task *task, struct take_in *in)
{
    struct vault *vault = task->vault;
    struct ledger_product *product = &in->product;
    enum error e = ledger_product_get(vault->ledger, in->name, product, &task->fault);
    if (e == ERR_OK)
        e = governance_permits(vault->governance, product->id, product->name, &task->fault);
    if (e == ERR_OK)
        e = check_authorities(task, in);
    return e == ERR_OK ? check_content(task, in) : e;
}

/* ---- the session key ---- */

static enum error take_key_in(struct admin_task *task, struct take_in *in)
{
    struct hsm_wrapped_key session_key;
    memcpy(in->key.firmware_key.bytes, in->product.firmware_key, sizeof in->key.firmware_key.bytes);
    enum error e = hsm_import_key(task->vault->hsm, &in->key, &session_key, &task->fault);
    if (e != ERR_OK)
        return e;
    memcpy(in->image.session_key, session_key.bytes, session_key.length);
    in->image.session_key_length = session_key.length;
    in->image.generation = in->product.generation;
    return ERR_OK;
}

/* ---- the encrypted content ---- */

static bool is_stored(struct admin_task *task, const struct take_in *in)
{
    struct fault ignored;
    uint64_t size = 0;
    int fd = -1;
    if (image_store_open_image(task->vault->images, &in->image.digest, &fd, &size, &ignored) !=
        ERR_OK)
        return false;
    (void)close(fd);
    return size == (uint64_t)in->image.size;
}

/* The image is what the file holds from its present offset on. */
static enum error check_file(struct admin_task *task, const struct take_in *in, off_t *ret_from)
{
    struct stat info;
    off_t from = task->file < 0 ? 0 : lseek(task->file, 0, SEEK_CUR);
    if (task->file < 0)
        return admin_refuse_field(task, "image-missing",
                                  "The encrypted image is neither in the image store here nor in "
                                  "the folder that was named.");
    if (from < 0 || fstat(task->file, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size - from != in->image.size)
        return admin_refuse_field(task, "image-size",
                                  "The encrypted image's file is not of the size that it must be.");
    *ret_from = from;
    return ERR_OK;
}

/* One file, from an offset on, into another. */
struct copy {
    int from;
    off_t offset;
    int to;
    EVP_MD_CTX *hash;
};

static bool copy_block(const struct copy *copy, off_t at, size_t *ret_length)
{
    static _Thread_local uint8_t block[COPY_BYTES];
    ssize_t n = pread(copy->from, block, sizeof block, copy->offset + at);
    *ret_length = n > 0 ? (size_t)n : 0;
    return n >= 0 && (n == 0 || (pwrite(copy->to, block, (size_t)n, at) == n &&
                                 EVP_DigestUpdate(copy->hash, block, (size_t)n) == 1));
}

/* What is written is what is hashed, whatever happens to the file meanwhile. */
static bool copy_content(struct copy *copy, int64_t size, struct sha256 *ret_digest)
{
    size_t length = 1;
    copy->hash = EVP_MD_CTX_new();
    bool is_done = copy->hash != NULL && EVP_DigestInit_ex(copy->hash, EVP_sha256(), NULL) == 1;
    for (off_t at = 0; is_done && length > 0 && at <= size; at += (off_t)length)
        is_done = copy_block(copy, at, &length);
    is_done = is_done && EVP_DigestFinal_ex(copy->hash, ret_digest->bytes, NULL) == 1;
    EVP_MD_CTX_free(copy->hash);
    return is_done;
}

static enum error fill_draft(struct admin_task *task, const struct take_in *in, off_t from,
                             int draft)
{
    struct copy copy = {.from = task->file, .offset = from, .to = draft};
    struct sha256 digest;
    errno = 0;
    if (!copy_content(&copy, in->image.size, &digest))
        return fault_set(&task->fault, ERR_LEDGER_UNAVAILABLE, "image-copy",
                         "The encrypted image cannot be copied: see the number; 28 is a full disk.",
                         errno);
    if (!sha256_equal(&digest, &in->image.digest))
        return admin_refuse_field(task, "image-differs",
                                  "The encrypted image's file has another content than its name "
                                  "says.");
    return admin_check_image(in->product.profile, draft, (uint64_t)in->image.size, &task->fault);
}

static enum error store_content(struct admin_task *task, const struct take_in *in)
{
    struct image_draft *draft = NULL;
    struct sha256 digest;
    uint64_t size = 0;
    off_t from = 0;
    enum error e = check_file(task, in, &from);
    if (e == ERR_OK)
        e = image_draft_new(task->vault->images, &draft, &task->fault);
    if (e == ERR_OK)
        e = image_draft_reserve(draft, (uint64_t)in->image.size, admin_reserve(task), &task->fault);
    if (e == ERR_OK)
        e = fill_draft(task, in, from, image_draft_fd(draft));
    if (e == ERR_OK)
        e = image_draft_finish(&draft, &digest, &size, &task->fault);
    image_draft_free(draft);
    return e;
}

/* ---- the row ---- */

static enum error add_image(struct admin_task *task, const struct take_in *in, bool *ret_is_new)
{
    crash_point("vault.before-import");
    return ledger_image_import(task->vault->ledger, in->product.name, &in->image, in->hsm, task->by,
                               ret_is_new, &task->fault);
}

/* The key comes in anew when the product's firmware key was rotated meanwhile. */
static enum error add_under_present_key(struct admin_task *task, struct take_in *in,
                                        bool *ret_is_new)
{
    for (int tries = 0;; tries++) {
        enum error e = add_image(task, in, ret_is_new);
        if (e != ERR_CONFLICT || strcmp(task->fault.reason, "firmware-key-changed") != 0 ||
            tries == ROTATIONS_FOLLOWED)
            return e;
        e = find_product(task, in);
        if (e == ERR_OK)
            e = take_key_in(task, in);
        if (e != ERR_OK)
            return e;
    }
}

bool take_in_text(const char *text, char *out, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

bool take_in_bytes(const ProtobufCBinaryData *field, uint8_t *out, size_t max, size_t *ret_length)
{
    if (field->len > max)
        return false;
    if (field->len > 0)
        memcpy(out, field->data, field->len);
    *ret_length = field->len;
    return true;
}

bool take_in_exact(const ProtobufCBinaryData *field, uint8_t *out, size_t size)
{
    size_t length = 0;
    return take_in_bytes(field, out, size, &length) && length == size;
}

enum error take_in_check_key(struct admin_task *task, const struct sha256 *transport_key)
{
    struct hsm_status status;
    enum error e = hsm_watch_get(task->vault->watch, &status, &task->fault);
    if (e != ERR_OK)
        return e;
    const struct sha256 own = sha256_of(bytes_of(status.transport.der, status.transport.length));
    return sha256_equal(&own, transport_key)
               ? ERR_OK
               : admin_refuse_field(task, "other-transport-key",
                                    "The session key was wrapped for another transport key than "
                                    "this HSM has.");
}

enum error take_in_image(struct admin_task *task, struct take_in *in, bool *ret_is_new)
{
    enum error e = find_product(task, in);
    if (e == ERR_OK)
        e = take_key_in(task, in);
    if (e == ERR_OK && !is_stored(task, in))
        e = store_content(task, in);
    return e == ERR_OK ? add_under_present_key(task, in, ret_is_new) : e;
}
