/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The HSM as the one who encrypts an image, and what the ledger keeps of it. Owns no state. */
#include "vault/image_making.h"

#include <assert.h>
#include <string.h>

static_assert(HSM_WRAPPED_KEY_MAX <= LEDGER_WRAPPED_KEY_MAX, "a wrapped key fits the ledger");
static_assert(LICENSE_CONTENT_IV_MAX <= LEDGER_IV_MAX, "an IV fits the ledger");
static_assert(HSM_IV_MAX <= LICENSE_CONTENT_IV_MAX, "an HSM's IV fits an image");
static_assert(HSM_GCM_TAG_BYTES == PACK_TAG_BYTES, "an HSM's tag fits an image");
static_assert(PACK_TAG_BYTES == LEDGER_TAG_BYTES, "a tag fits the ledger");
static_assert(LICENSE_CONTENT_MAX == LEDGER_CONTENT_MAX + 1, "a form of content fits the ledger");

/* One image: its session key is made when it is needed. */
struct work {
    const struct image_making *making;
    struct hsm_wrapped_key session_key;
};

static enum hsm_cipher cipher_of(const struct pack_message *message)
{
    if (message->has_records)
        return HSM_AES_GCM_RECORDS;
    switch (message->content->cipher) {
    case LICENSE_AES_CBC:
        return HSM_AES_CBC;
    case LICENSE_AES_CTR:
        return HSM_AES_CTR;
    case LICENSE_AES_GCM:
    default:
        return HSM_AES_GCM;
    }
}

static void take_result(const struct hsm_content *content, struct pack_result *result)
{
    memcpy(result->iv, content->iv, content->iv_length);
    result->iv_length = content->iv_length;
    memcpy(result->tag, content->tag, content->tag_length);
    result->tag_length = content->tag_length;
    result->length = content->length;
}

static enum error encrypt(void *context, const struct pack_message *message,
                          struct pack_result *ret_result, struct fault *fault)
{
    struct work *work = context;
    struct hsm_content content;
    struct hsm_encryption encryption = {
        .firmware_key = work->making->firmware_key,
        .cipher = cipher_of(message),
        .aad = bytes_of(message->content->aad, message->content->aad_length),
        .iv_bytes = message->has_records ? 0 : message->content->iv_bytes,
        .appends_tag = message->appends_tag,
        .length = message->length,
        .clear_fd = message->clear_fd,
        .cipher_fd = message->cipher_fd,
    };
    enum error e =
        hsm_generate_session_key(work->making->hsm, &work->making->firmware_key,
                                 message->content->key_bytes, &encryption.session_key, fault);
    if (e == ERR_OK)
        e = hsm_encrypt(work->making->hsm, &encryption, &content, fault);
    if (e != ERR_OK)
        return e;
    work->session_key = encryption.session_key;
    take_result(&content, ret_result);
    return ERR_OK;
}

void image_set_content(struct ledger_image *image, const struct license_profile *profile,
                       const struct packed *packed)
{
    const struct pack_result *result = &packed->result;
    bool is_default = packed->content == license_content_find(profile, "");
    memcpy(image->iv, result->iv, result->iv_length);
    image->iv_length = result->iv_length;
    memcpy(image->tag, result->tag, result->tag_length);
    image->tag_length = result->tag_length;
    strcpy(image->content, is_default ? "" : packed->content->name);
}

enum error image_make(const struct image_making *making, struct pack_making *pack,
                      struct ledger_image *image, struct fault *fault)
{
    struct work work = {.making = making};
    struct packed packed;
    pack->encrypt = encrypt;
    pack->context = &work;
    enum error e = pack_image(pack, &packed, fault);
    if (e != ERR_OK)
        return e;
    memcpy(image->session_key, work.session_key.bytes, work.session_key.length);
    image->session_key_length = work.session_key.length;
    image_set_content(image, pack->profile, &packed);
    return ERR_OK;
}
