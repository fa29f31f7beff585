/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Validation of requests, one function per operation. Owns no state. */
#include "hsm/hsm_request.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "hsm/hsm_checkpoint.h"
#include "hsm/hsm_client.h"
#include "hsm/hsm_request_parts.h"

#define BLOCK_BYTES 16 /* of AES: the IV of CBC and CTR */

enum error hsm_request_refuse(const char *reason, const char *detail, struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error refuse_unknown_fields(struct fault *fault)
{
    return hsm_request_refuse("field-unknown",
                              "The request has unknown fields: the versions may differ.", fault);
}

enum error hsm_request_check_key_id(ProtobufCBinaryData id, struct fault *fault)
{
    if (id.len != HSM_KEY_ID_BYTES)
        return hsm_request_refuse("key-id", "A key id has 16 bytes.", fault);
    return ERR_OK;
}

enum error hsm_request_check_wrapped_key(ProtobufCBinaryData key, struct fault *fault)
{
    if (key.len != 16 + 8 && key.len != 32 + 8)
        return hsm_request_refuse("wrapped-key", "A wrapped session key has 24 or 40 bytes.",
                                  fault);
    return ERR_OK;
}

static enum error check_label(const char *label, struct fault *fault)
{
    size_t length = strlen(label);
    bool is_printable = true;
    for (size_t i = 0; i < length; i++)
        is_printable = is_printable && label[i] >= ' ' && label[i] <= '~';
    if (length == 0 || length > HSM_LABEL_MAX_BYTES || !is_printable)
        return hsm_request_refuse("label", "A key label has 1 to 64 printable ASCII bytes.", fault);
    return ERR_OK;
}

static enum error
check_generate_firmware_key(const Provisiond__HsmGenerateFirmwareKeyRequest *request,
                            struct fault *fault)
{
    enum error e = hsm_request_check_key_id(request->key_id, fault);
    return e == ERR_OK ? check_label(request->label, fault) : e;
}

static enum error
check_generate_session_key(const Provisiond__HsmGenerateSessionKeyRequest *request,
                           struct fault *fault)
{
    if (request->key_bytes != 16 && request->key_bytes != 32)
        return hsm_request_refuse("key-bytes", "A session key has 16 or 32 bytes.", fault);
    return hsm_request_check_key_id(request->firmware_key_id, fault);
}

static enum error check_files(const int *fds, struct fault *fault)
{
    struct stat files[2];
    int modes[2];
    for (int i = 0; i < 2; i++) {
        modes[i] = fcntl(fds[i], F_GETFL);
        if (modes[i] < 0 || (modes[i] & O_PATH) != 0 || fstat(fds[i], &files[i]) != 0 ||
            !S_ISREG(files[i].st_mode))
            return hsm_request_refuse("not-a-file", "The two descriptors must be regular files.",
                                      fault);
    }
    if ((modes[0] & O_ACCMODE) == O_WRONLY)
        return hsm_request_refuse("clear-unreadable",
                                  "The file to encrypt is not open for reading.", fault);
    if ((modes[1] & O_ACCMODE) == O_RDONLY)
        return hsm_request_refuse("cipher-unwritable",
                                  "The encrypted file is not open for writing.", fault);
    if (files[0].st_dev == files[1].st_dev && files[0].st_ino == files[1].st_ino)
        return hsm_request_refuse("same-file", "A file cannot be encrypted into itself.", fault);
    return ERR_OK;
}

static enum error check_iv_bytes(const Provisiond__HsmEncryptRequest *request, struct fault *fault)
{
    const uint32_t bytes = request->iv_bytes;
    bool is_good = bytes == 0;
    if (request->cipher == PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM)
        is_good = is_good || bytes == HSM_GCM_IV_BYTES || bytes == BLOCK_BYTES;
    else if (request->cipher != PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM_RECORDS)
        is_good = is_good || bytes == BLOCK_BYTES;
    if (!is_good)
        return hsm_request_refuse("iv-bytes", "The cipher takes no IV of that size.", fault);
    return ERR_OK;
}

static enum error check_cipher(const Provisiond__HsmEncryptRequest *request, struct fault *fault)
{
    const bool is_gcm = request->cipher == PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM;
    const bool is_records = request->cipher == PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM_RECORDS;
    if (request->cipher < PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM ||
        request->cipher > PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_CTR)
        return hsm_request_refuse("cipher", "The cipher is not known.", fault);
    if (request->aad.len > HSM_AAD_MAX)
        return hsm_request_refuse("aad", "Additional data has at most 1024 bytes.", fault);
    if (is_records && (request->aad.len > 0 || request->length > 0))
        return hsm_request_refuse("aad", "Each record brings its own additional data and length.",
                                  fault);
    if (!is_gcm && (request->aad.len > 0 || request->tag_appended))
        return hsm_request_refuse("aad", "The cipher has no additional data and no tag.", fault);
    if (request->length > INT64_MAX)
        return hsm_request_refuse("length", "No file is that long.", fault);
    return check_iv_bytes(request, fault);
}

static enum error check_encrypt(const Provisiond__HsmEncryptRequest *request, const int *fds,
                                struct fault *fault)
{
    enum error e = check_cipher(request, fault);
    if (e == ERR_OK)
        e = hsm_request_check_key_id(request->firmware_key_id, fault);
    if (e == ERR_OK)
        e = hsm_request_check_wrapped_key(request->wrapped_session_key, fault);
    return e == ERR_OK ? check_files(fds, fault) : e;
}

enum error hsm_request_check_wrap(const Provisiond__HsmWrapRequest *wrap, struct fault *fault)
{
    return wrap->base.n_unknown_fields > 0 ? refuse_unknown_fields(fault)
                                           : hsm_request_check_one_wrap(wrap, fault);
}

static enum error check_wrap_batch(const Provisiond__HsmWrapBatchRequest *request,
                                   struct fault *fault)
{
    if (request->n_wraps == 0 || request->n_wraps > HSM_WRAPS_MAX)
        return hsm_request_refuse("wraps", "A batch has 1 to 32 wraps.", fault);
    return ERR_OK;
}

/* ---- the journal's head, and what the token remembers ---- */

static enum error check_sign_checkpoint(const Provisiond__HsmSignCheckpointRequest *request,
                                        struct fault *fault)
{
    const struct bytes body = bytes_of(request->body.data, request->body.len);
    if (!hsm_checkpoint_is_body(body) && !hsm_checkpoint_is_backup(body))
        return hsm_request_refuse(
            "checkpoint-form",
            "The checkpoint key signs a journal's head or a backup's digests alone.", fault);
    if (request->key.len != 0 && request->key.len != SHA256_SIZE)
        return hsm_request_refuse("digest", "A digest has 32 bytes.", fault);
    return ERR_OK;
}

static enum error
check_rotate_checkpoint_key(const Provisiond__HsmRotateCheckpointKeyRequest *request,
                            struct fault *fault)
{
    if (request->old_key.len != SHA256_SIZE)
        return hsm_request_refuse("digest", "A digest has 32 bytes.", fault);
    if (!hsm_checkpoint_is_origin(request->origin))
        return hsm_request_refuse(
            "origin", "An origin has 1 to 92 printable bytes, no space and no plus.", fault);
    return ERR_OK;
}

static enum error check_product(const char *product, struct fault *fault)
{
    if (!name_is_valid(product, HSM_PRODUCT_MAX))
        return hsm_request_refuse(
            "product", "A product's name has 1 to 64 letters, digits, dots, dashes.", fault);
    return ERR_OK;
}

static enum error check_anchor_write(const Provisiond__HsmAnchorWriteRequest *request,
                                     struct fault *fault)
{
    struct hsm_checkpoint ignored;
    if (!hsm_checkpoint_read_note(bytes_of(request->note.data, request->note.len), &ignored))
        return hsm_request_refuse("anchor-form",
                                  "An anchor is a checkpoint note of at most 4095 bytes.", fault);
    if (request->replaces.len != SHA256_SIZE)
        return hsm_request_refuse("digest", "A digest has 32 bytes.", fault);
    if (request->retires && request->replaces_larger)
        return hsm_request_refuse("anchor-form", "The last anchor goes over no larger one.", fault);
    return ERR_OK;
}

static enum error check_authority_write(const Provisiond__HsmAuthorityWriteRequest *request,
                                        struct fault *fault)
{
    if (request->digest.len != SHA256_SIZE)
        return hsm_request_refuse("digest", "A digest has 32 bytes.", fault);
    return check_product(request->product, fault);
}

/* ---- a firmware key's life ---- */

static enum error check_rewrap(const Provisiond__HsmRewrapRequest *request, struct fault *fault)
{
    enum error e = hsm_request_check_key_id(request->from_key_id, fault);
    if (e == ERR_OK)
        e = hsm_request_check_key_id(request->to_key_id, fault);
    if (e == ERR_OK)
        e = hsm_request_check_wrapped_key(request->wrapped_session_key, fault);
    if (e == ERR_OK &&
        memcmp(request->from_key_id.data, request->to_key_id.data, HSM_KEY_ID_BYTES) == 0)
        e = hsm_request_refuse("same-key", "A session key is wrapped again under another key only.",
                               fault);
    return e;
}

static enum error check_destroy(const Provisiond__HsmDestroyFirmwareKeyRequest *request,
                                struct fault *fault)
{
    enum error e = hsm_request_check_key_id(request->key_id, fault);
    return e == ERR_OK ? check_label(request->label, fault) : e;
}

static enum error check_key_states(const Provisiond__HsmKeyStatesRequest *request,
                                   struct fault *fault)
{
    enum error e = ERR_OK;
    if (request->n_key_ids == 0 || request->n_key_ids > HSM_KEY_STATES_MAX)
        return hsm_request_refuse("key-ids", "The states of 1 to 64 keys can be asked for at once.",
                                  fault);
    for (size_t i = 0; i < request->n_key_ids && e == ERR_OK; i++)
        e = hsm_request_check_key_id(request->key_ids[i], fault);
    return e;
}

/* The oneof's message, whatever it is. */
static const ProtobufCMessage *operation_of(const Provisiond__HsmRequest *request)
{
    return (const ProtobufCMessage *)(const void *)request->status;
}

static enum error check_frame(const Provisiond__HsmRequest *request, unsigned fd_count,
                              struct fault *fault)
{
    unsigned wanted = request->op_case == PROVISIOND__HSM_REQUEST__OP_ENCRYPT ? 2 : 0;
    if (request->op_case == PROVISIOND__HSM_REQUEST__OP__NOT_SET)
        return hsm_request_refuse("operation-unknown", "The request names no known operation.",
                                  fault);
    if (request->base.n_unknown_fields > 0 || operation_of(request)->n_unknown_fields > 0)
        return refuse_unknown_fields(fault);
    if (fd_count != wanted)
        return hsm_request_refuse("descriptors",
                                  "An encryption comes with two files, all else with none.", fault);
    return ERR_OK;
}

enum error hsm_request_check(const Provisiond__HsmRequest *request, const int *fds,
                             unsigned fd_count, struct fault *fault)
{
    enum error e = check_frame(request, fd_count, fault);
    if (e != ERR_OK)
        return e;
    switch (request->op_case) {
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY:
        return check_generate_firmware_key(request->generate_firmware_key, fault);
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_SESSION_KEY:
        return check_generate_session_key(request->generate_session_key, fault);
    case PROVISIOND__HSM_REQUEST__OP_ENCRYPT:
        return check_encrypt(request->encrypt, fds, fault);
    case PROVISIOND__HSM_REQUEST__OP_WRAP:
        return hsm_request_check_one_wrap(request->wrap, fault);
    case PROVISIOND__HSM_REQUEST__OP_WRAP_BATCH:
        return check_wrap_batch(request->wrap_batch, fault);
    case PROVISIOND__HSM_REQUEST__OP_IMPORT_KEY:
        return hsm_request_check_import(request->import_key, fault);
    case PROVISIOND__HSM_REQUEST__OP_SEAL:
        return hsm_request_check_seal(request->seal, fault);
    case PROVISIOND__HSM_REQUEST__OP_SIGN_CHECKPOINT:
        return check_sign_checkpoint(request->sign_checkpoint, fault);
    case PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY:
        return check_rotate_checkpoint_key(request->rotate_checkpoint_key, fault);
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE:
        return check_anchor_write(request->anchor_write, fault);
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_READ:
        return check_product(request->authority_read->product, fault);
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE:
        return check_authority_write(request->authority_write, fault);
    case PROVISIOND__HSM_REQUEST__OP_REWRAP:
        return check_rewrap(request->rewrap, fault);
    case PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY:
        return check_destroy(request->destroy_firmware_key, fault);
    case PROVISIOND__HSM_REQUEST__OP_KEY_STATES:
        return check_key_states(request->key_states, fault);
    default:
        return ERR_OK; /* the others have no fields */
    }
}
