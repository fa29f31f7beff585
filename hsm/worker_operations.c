/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From requests, which the master has validated, to calls of the token and back: one function per
 * operation.
 */
#include "hsm/worker_operations.h"

#include <string.h>
#include <unistd.h>

#include "hsm/token_lock.h"

static struct hsm_key_id key_id_of(ProtobufCBinaryData data)
{
    struct hsm_key_id id;
    memcpy(id.bytes, data.data, sizeof id.bytes);
    return id;
}

static struct bytes bytes_of_message(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

/* ---- the operations: each fills the result in worker->answer ---- */

typedef enum error (*operation)(struct worker *worker, const Provisiond__HsmRequest *request,
                                const int *fds);

/* The master's question whether this worker is well. */
static enum error do_status(struct worker *worker, const Provisiond__HsmRequest *request,
                            const int *fds)
{
    struct answer *answer = &worker->answer;
    (void)request;
    (void)fds;
    provisiond__hsm_status_reply__init(&answer->result.status);
    answer->reply.status = &answer->result.status;
    return p11_check(&worker->p11, &answer->fault);
}

static enum error do_init(struct worker *worker, const Provisiond__HsmRequest *request,
                          const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmInitReply *result = &answer->result.init;
    (void)request;
    (void)fds;
    enum error e =
        p11_init_keys(&worker->p11, &answer->checkpoint, &answer->transport, &answer->fault);
    provisiond__hsm_init_reply__init(result);
    result->checkpoint_spki = hsm_binary(answer->checkpoint.der, answer->checkpoint.length);
    result->transport_spki = hsm_binary(answer->transport.der, answer->transport.length);
    answer->reply.init = result;
    return e;
}

static enum error do_generate_firmware_key(struct worker *worker,
                                           const Provisiond__HsmRequest *request, const int *fds)
{
    struct answer *answer = &worker->answer;
    struct hsm_key_id id = key_id_of(request->generate_firmware_key->key_id);
    (void)fds;
    provisiond__hsm_generate_firmware_key_reply__init(&answer->result.generate_firmware_key);
    answer->reply.generate_firmware_key = &answer->result.generate_firmware_key;
    return p11_generate_firmware_key(&worker->p11, &id, request->generate_firmware_key->label,
                                     &answer->fault);
}

static enum error do_generate_session_key(struct worker *worker,
                                          const Provisiond__HsmRequest *request, const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmGenerateSessionKeyReply *result = &answer->result.generate_session_key;
    struct hsm_key_id id = key_id_of(request->generate_session_key->firmware_key_id);
    (void)fds;
    enum error e =
        p11_generate_session_key(&worker->p11, &id, request->generate_session_key->key_bytes,
                                 &answer->session_key, &answer->fault);
    provisiond__hsm_generate_session_key_reply__init(result);
    result->wrapped_session_key = hsm_binary(answer->session_key.bytes, answer->session_key.length);
    answer->reply.generate_session_key = result;
    return e;
}

static enum error do_encrypt(struct worker *worker, const Provisiond__HsmRequest *request,
                             const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmEncryptReply *result = &answer->result.encrypt;
    const struct p11_encryption encryption = {
        .firmware_key = key_id_of(request->encrypt->firmware_key_id),
        .wrapped_session_key = bytes_of_message(request->encrypt->wrapped_session_key),
        .cipher = (enum hsm_cipher)request->encrypt->cipher,
        .aad = bytes_of_message(request->encrypt->aad),
        .iv_bytes = request->encrypt->iv_bytes,
        .length = request->encrypt->length,
        .appends_tag = request->encrypt->tag_appended,
        .clear_fd = fds[0],
        .cipher_fd = fds[1]};
    enum error e = p11_encrypt(&worker->p11, &encryption, &answer->content, &answer->fault);
    provisiond__hsm_encrypt_reply__init(result);
    result->iv = hsm_binary(answer->content.iv, answer->content.iv_length);
    result->tag = hsm_binary(answer->content.tag, answer->content.tag_length);
    result->length = answer->content.length;
    answer->reply.encrypt = result;
    return e;
}

static enum error do_wrap(struct worker *worker, const Provisiond__HsmRequest *request,
                          const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmWrapReply *result = &answer->result.wrap;
    const Provisiond__HsmWrapRequest *asked = request->wrap;
    struct hsm_wrap wrap = {.firmware_key = key_id_of(asked->firmware_key_id),
                            .key_wrap = (enum hsm_key_wrap)asked->key_wrap,
                            .curve = (enum hsm_curve)asked->curve,
                            .peer_point = bytes_of_message(asked->peer_point),
                            .kdf = (enum hsm_kdf)asked->kdf,
                            .shared_info = bytes_of_message(asked->shared_info),
                            .kek_bytes = asked->kek_bytes,
                            .peer_spki = bytes_of_message(asked->peer_spki)};
    (void)fds;
    if (!hsm_wrapped_key_from_message(asked->wrapped_session_key, &wrap.session_key))
        return fault_set(&answer->fault, ERR_BAD_REQUEST, "wrapped-key", "Not a wrapped key.", 0);
    enum error e = p11_wrap(&worker->p11, &wrap, &answer->wrapped, &answer->fault);
    hsm_wrapped_to_message(&answer->wrapped, result);
    answer->reply.wrap = result;
    return e;
}

static enum error do_import(struct worker *worker, const Provisiond__HsmRequest *request,
                            const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmImportReply *result = &answer->result.import_key;
    const Provisiond__HsmImportRequest *asked = request->import_key;
    struct hsm_import import = {.firmware_key = key_id_of(asked->firmware_key_id),
                                .curve = HSM_P256,
                                .ephemeral_point = bytes_of_message(asked->ephemeral_point),
                                .kdf = HSM_X963_SHA256,
                                .shared_info = bytes_of_message(asked->shared_info),
                                .kek_bytes = asked->kek_bytes};
    (void)fds;
    if (!hsm_wrapped_key_from_message(asked->wrapped_key, &import.key))
        return fault_set(&answer->fault, ERR_BAD_REQUEST, "wrapped-key", "Not a wrapped key.", 0);
    enum error e = p11_import(&worker->p11, &import, &answer->session_key, &answer->fault);
    provisiond__hsm_import_reply__init(result);
    result->wrapped_session_key = hsm_binary(answer->session_key.bytes, answer->session_key.length);
    result->mode = (Provisiond__HsmMode)worker->p11.mode;
    answer->reply.import_key = result;
    return e;
}

static enum error do_seal(struct worker *worker, const Provisiond__HsmRequest *request,
                          const int *fds)
{
    struct answer *answer = &worker->answer;
    struct hsm_sealed *sealed = &answer->sealed;
    Provisiond__HsmSealReply *result = &answer->result.seal;
    const Provisiond__HsmSealRequest *asked = request->seal;
    struct hsm_seal seal = {.firmware_key = key_id_of(asked->firmware_key_id),
                            .scheme = (enum hsm_seal_scheme)asked->scheme,
                            .curve = (enum hsm_curve)asked->curve,
                            .peer_point = bytes_of_message(asked->peer_point),
                            .kdf = (enum hsm_kdf)asked->kdf,
                            .shared_info = bytes_of_message(asked->shared_info),
                            .layout = {.key_offset = asked->kdf_key_offset,
                                       .iv_offset = asked->kdf_iv_offset,
                                       .iv_bytes = asked->kdf_iv_bytes},
                            .prefix = bytes_of_message(asked->prefix),
                            .aad = bytes_of_message(asked->aad),
                            .kek_bytes = asked->kek_bytes,
                            .mac_bytes = asked->mac_bytes,
                            .peer_spki = bytes_of_message(asked->peer_spki)};
    (void)fds;
    if (!hsm_wrapped_key_from_message(asked->wrapped_session_key, &seal.session_key))
        return fault_set(&answer->fault, ERR_BAD_REQUEST, "wrapped-key", "Not a wrapped key.", 0);
    enum error e = p11_seal(&worker->p11, &seal, sealed, &answer->fault);
    provisiond__hsm_seal_reply__init(result);
    result->ephemeral_point = hsm_binary(sealed->ephemeral_point, sealed->ephemeral_length);
    result->sealed = hsm_binary(sealed->bytes, sealed->length);
    answer->reply.seal = result;
    return e;
}

static enum error do_sign_checkpoint(struct worker *worker, const Provisiond__HsmRequest *request,
                                     const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmSignCheckpointReply *result = &answer->result.sign_checkpoint;
    (void)fds;
    const ProtobufCBinaryData *named = &request->sign_checkpoint->key;
    const struct bytes body = bytes_of_message(request->sign_checkpoint->body);
    struct sha256 key;
    if (named->len == SHA256_SIZE)
        memcpy(key.bytes, named->data, SHA256_SIZE);
    enum error e = p11_sign_checkpoint(&worker->p11, body, named->len == SHA256_SIZE ? &key : NULL,
                                       &answer->signature, &answer->fault);
    provisiond__hsm_sign_checkpoint_reply__init(result);
    result->signature = hsm_binary(answer->signature.der, answer->signature.length);
    answer->reply.sign_checkpoint = result;
    return e;
}

static enum error do_rotate_checkpoint_key(struct worker *worker,
                                           const Provisiond__HsmRequest *request, const int *fds)
{
    struct answer *answer = &worker->answer;
    struct hsm_successor *successor = &answer->successor;
    Provisiond__HsmRotateCheckpointKeyReply *result = &answer->result.rotate_checkpoint_key;
    (void)fds;
    memcpy(answer->digest.bytes, request->rotate_checkpoint_key->old_key.data, SHA256_SIZE);
    enum error e = p11_rotate_checkpoint_key(&worker->p11, &answer->digest,
                                             request->rotate_checkpoint_key->origin, successor,
                                             &answer->fault);
    provisiond__hsm_rotate_checkpoint_key_reply__init(result);
    result->generation = successor->generation;
    result->spki = hsm_binary(successor->spki.der, successor->spki.length);
    result->signature = hsm_binary(successor->signature.der, successor->signature.length);
    answer->reply.rotate_checkpoint_key = result;
    return e;
}

static enum error do_anchor_read(struct worker *worker, const Provisiond__HsmRequest *request,
                                 const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmAnchorReadReply *result = &answer->result.anchor_read;
    (void)request;
    (void)fds;
    enum error e = p11_read_anchor(&worker->p11, &answer->anchor, &answer->fault);
    provisiond__hsm_anchor_read_reply__init(result);
    result->note = hsm_binary(answer->anchor.note, answer->anchor.length);
    result->retired = answer->anchor.is_retired;
    answer->reply.anchor_read = result;
    return e;
}

static enum error do_anchor_write(struct worker *worker, const Provisiond__HsmRequest *request,
                                  const int *fds)
{
    struct answer *answer = &worker->answer;
    struct sha256 replaces;
    (void)fds;
    memcpy(replaces.bytes, request->anchor_write->replaces.data, SHA256_SIZE);
    provisiond__hsm_anchor_write_reply__init(&answer->result.anchor_write);
    answer->reply.anchor_write = &answer->result.anchor_write;
    const struct bytes note = bytes_of_message(request->anchor_write->note);
    if (request->anchor_write->retires)
        return p11_end_anchor(&worker->p11, note, &replaces, &answer->fault);
    return p11_write_anchor(&worker->p11, note, &replaces, request->anchor_write->replaces_larger,
                            &answer->fault);
}

static enum error do_destroy_keys(struct worker *worker, const Provisiond__HsmRequest *request,
                                  const int *fds)
{
    struct answer *answer = &worker->answer;
    unsigned destroyed = 0;
    (void)request;
    (void)fds;
    enum error e = p11_destroy_keys(&worker->p11, &destroyed, &answer->fault);
    provisiond__hsm_destroy_keys_reply__init(&answer->result.destroy_keys);
    answer->result.destroy_keys.destroyed = destroyed;
    answer->reply.destroy_keys = &answer->result.destroy_keys;
    return e;
}

static enum error do_authority_read(struct worker *worker, const Provisiond__HsmRequest *request,
                                    const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmAuthorityReadReply *result = &answer->result.authority_read;
    bool is_kept = false;
    (void)fds;
    enum error e = p11_read_authority(&worker->p11, request->authority_read->product, &is_kept,
                                      &answer->digest, &answer->fault);
    provisiond__hsm_authority_read_reply__init(result);
    result->digest = hsm_binary(answer->digest.bytes, is_kept ? SHA256_SIZE : 0);
    answer->reply.authority_read = result;
    return e;
}

static enum error do_authority_write(struct worker *worker, const Provisiond__HsmRequest *request,
                                     const int *fds)
{
    struct answer *answer = &worker->answer;
    (void)fds;
    memcpy(answer->digest.bytes, request->authority_write->digest.data, SHA256_SIZE);
    provisiond__hsm_authority_write_reply__init(&answer->result.authority_write);
    answer->reply.authority_write = &answer->result.authority_write;
    return p11_write_authority(&worker->p11, request->authority_write->product, &answer->digest,
                               &answer->fault);
}

static enum error do_authority_list(struct worker *worker, const Provisiond__HsmRequest *request,
                                    const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmAuthorityListReply *result = &answer->result.authority_list;
    (void)request;
    (void)fds;
    enum error e = p11_list_authorities(&worker->p11, &worker->authorities, &answer->fault);
    provisiond__hsm_authority_list_reply__init(result);
    for (size_t i = 0; i < worker->authorities.count; i++)
        worker->names[i] = worker->authorities.products[i];
    result->products = worker->names;
    result->n_products = worker->authorities.count;
    answer->reply.authority_list = result;
    return e;
}

static enum error do_rewrap(struct worker *worker, const Provisiond__HsmRequest *request,
                            const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmRewrapReply *result = &answer->result.rewrap;
    struct hsm_key_id from = key_id_of(request->rewrap->from_key_id);
    struct hsm_key_id to = key_id_of(request->rewrap->to_key_id);
    (void)fds;
    enum error e =
        p11_rewrap(&worker->p11, &from, bytes_of_message(request->rewrap->wrapped_session_key), &to,
                   &answer->session_key, &answer->fault);
    provisiond__hsm_rewrap_reply__init(result);
    result->wrapped_session_key = hsm_binary(answer->session_key.bytes, answer->session_key.length);
    answer->reply.rewrap = result;
    return e;
}

static enum error do_destroy_firmware_key(struct worker *worker,
                                          const Provisiond__HsmRequest *request, const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmDestroyFirmwareKeyReply *result = &answer->result.destroy_firmware_key;
    struct hsm_key_id id = key_id_of(request->destroy_firmware_key->key_id);
    bool was_there = false;
    (void)fds;
    enum error e = p11_destroy_firmware_key(&worker->p11, &id, request->destroy_firmware_key->label,
                                            &was_there, &answer->fault);
    provisiond__hsm_destroy_firmware_key_reply__init(result);
    result->was_there = was_there;
    answer->reply.destroy_firmware_key = result;
    return e;
}

static enum error do_key_states(struct worker *worker, const Provisiond__HsmRequest *request,
                                const int *fds)
{
    struct answer *answer = &worker->answer;
    Provisiond__HsmKeyStatesReply *result = &answer->result.key_states;
    const Provisiond__HsmKeyStatesRequest *asked = request->key_states;
    enum error e = ERR_OK;
    (void)fds;
    for (size_t i = 0; i < asked->n_key_ids && e == ERR_OK; i++) {
        struct hsm_key_id id = key_id_of(asked->key_ids[i]);
        Provisiond__HsmKeyState *message = &worker->state_messages[i];
        e = p11_key_state(&worker->p11, &id, &worker->states[i], &answer->fault);
        provisiond__hsm_key_state__init(message);
        message->exists = worker->states[i].exists;
        message->weak_attribute = worker->states[i].weak_attribute;
        worker->state_list[i] = message;
    }
    provisiond__hsm_key_states_reply__init(result);
    result->keys = worker->state_list;
    result->n_keys = asked->n_key_ids;
    answer->reply.key_states = result;
    return e;
}

static operation operation_of(const Provisiond__HsmRequest *request)
{
    switch (request->op_case) {
    case PROVISIOND__HSM_REQUEST__OP_STATUS:
        return do_status;
    case PROVISIOND__HSM_REQUEST__OP_INIT:
        return do_init;
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY:
        return do_generate_firmware_key;
    case PROVISIOND__HSM_REQUEST__OP_GENERATE_SESSION_KEY:
        return do_generate_session_key;
    case PROVISIOND__HSM_REQUEST__OP_ENCRYPT:
        return do_encrypt;
    case PROVISIOND__HSM_REQUEST__OP_WRAP:
        return do_wrap;
    case PROVISIOND__HSM_REQUEST__OP_IMPORT_KEY:
        return do_import;
    case PROVISIOND__HSM_REQUEST__OP_SEAL:
        return do_seal;
    case PROVISIOND__HSM_REQUEST__OP_SIGN_CHECKPOINT:
        return do_sign_checkpoint;
    case PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY:
        return do_rotate_checkpoint_key;
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_READ:
        return do_anchor_read;
    case PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE:
        return do_anchor_write;
    case PROVISIOND__HSM_REQUEST__OP_DESTROY_KEYS:
        return do_destroy_keys;
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_READ:
        return do_authority_read;
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE:
        return do_authority_write;
    case PROVISIOND__HSM_REQUEST__OP_AUTHORITY_LIST:
        return do_authority_list;
    case PROVISIOND__HSM_REQUEST__OP_REWRAP:
        return do_rewrap;
    case PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY:
        return do_destroy_firmware_key;
    case PROVISIOND__HSM_REQUEST__OP_KEY_STATES:
        return do_key_states;
    default:
        return NULL;
    }
}

/* ---- one request ---- */

/* The offset of a file that an encryption has moved cannot be asked for again. */
static bool can_repeat(const Provisiond__HsmRequest *request, const int *fds, off_t start)
{
    return request->op_case != PROVISIOND__HSM_REQUEST__OP_ENCRYPT ||
           lseek(fds[0], 0, SEEK_CUR) == start;
}

static bool writes_token(const Provisiond__HsmRequest *request)
{
    return request->op_case == PROVISIOND__HSM_REQUEST__OP_INIT ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_ROTATE_CHECKPOINT_KEY ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_DESTROY_KEYS ||
           request->op_case == PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE;
}

static enum error run_locked(struct worker *worker, operation run,
                             const Provisiond__HsmRequest *request, const int *fds)
{
    if (!writes_token(request))
        return run(worker, request, fds);
    enum error e = token_lock_take(worker->token_lock, &worker->answer.fault);
    if (e != ERR_OK)
        return e;
    e = run(worker, request, fds);
    token_lock_leave(worker->token_lock);
    return e;
}

enum error worker_operate(struct worker *worker, const Provisiond__HsmRequest *request,
                          const int *fds)
{
    struct p11 *p11 = &worker->p11;
    operation run = operation_of(request);
    if (run == NULL)
        return fault_set(&worker->answer.fault, ERR_BAD_REQUEST, "operation-unknown",
                         "The request names no known operation.", 0);
    off_t start =
        request->op_case == PROVISIOND__HSM_REQUEST__OP_ENCRYPT ? lseek(fds[0], 0, SEEK_CUR) : 0;
    enum error e = run_locked(worker, run, request, fds);
    if (e != ERR_OK && p11->is_stale && can_repeat(request, fds, start)) {
        p11_forget(p11);
        e = run_locked(worker, run, request, fds);
    }
    if (e != ERR_OK && p11->is_stale)
        p11->is_unfit = true; /* handles found a moment ago are dead: so is the session */
    return e;
}
