/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packs questions to provision-hsm, unpacks its answers, and checks every field of them. The
 * connection's life and the deadlines belong to core/rpc_client.
 */
#include "hsm/hsm_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault_message.h"
#include "core/rpc_client.h"
#include "hsm/hsm_ask.h"
#include "hsm/hsm_message.h"

#define REPLY_MAX_BYTES ((size_t)64 * 1024)
#define KEY_WRAP_BYTES  8 /* by which a wrapped session key is longer than the key */
/* So that one wrap never waits long behind those of batches: */
#define WRAPS_US            100000 /* what one question of many wraps may take */
#define WRAPS_UNDER_WAY_MAX 2      /* such questions */

struct hsm_client {
    struct rpc_client *link;
    /* Questions of many wraps; lock guards what follows. */
    pthread_mutex_t lock;
    pthread_cond_t is_changed;
    unsigned under_way;
    size_t wraps_at_once;
};

void hsm_free_reply(Provisiond__HsmReply **reply)
{
    if (*reply != NULL)
        provisiond__hsm_reply__free_unpacked(*reply, NULL);
}

enum error hsm_client_new(const char *socket_path, struct hsm_client **ret_client)
{
    const struct rpc_client_options options = {.path = socket_path,
                                               .reply_max = REPLY_MAX_BYTES,
                                               .unavailable = ERR_HSM_UNAVAILABLE,
                                               .accepts_fds = false};
    struct hsm_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ERR_INTERNAL;
    client->wraps_at_once = 1;
    (void)pthread_mutex_init(&client->lock, NULL);
    (void)pthread_cond_init(&client->is_changed, NULL);
    enum error e = rpc_client_new(&options, &client->link);
    if (e != ERR_OK) {
        free(client);
        return e;
    }
    *ret_client = client;
    return ERR_OK;
}

void hsm_client_free(struct hsm_client *client)
{
    if (client == NULL)
        return;
    rpc_client_free(client->link);
    (void)pthread_cond_destroy(&client->is_changed);
    (void)pthread_mutex_destroy(&client->lock);
    free(client);
}

/* ---- questions of many wraps ---- */

size_t hsm_enter_wraps(struct hsm_client *client, deadline_ms deadline)
{
    struct timespec until = deadline_timespec(deadline);
    int problem = 0;
    size_t at_once = 0;
    (void)pthread_mutex_lock(&client->lock);
    while (client->under_way == WRAPS_UNDER_WAY_MAX && problem == 0)
        problem =
            pthread_cond_clockwait(&client->is_changed, &client->lock, CLOCK_MONOTONIC, &until);
    if (client->under_way < WRAPS_UNDER_WAY_MAX && deadline_left_ms(deadline) > 0) {
        client->under_way++;
        at_once = client->wraps_at_once;
    }
    (void)pthread_mutex_unlock(&client->lock);
    return at_once;
}

void hsm_leave_wraps(struct hsm_client *client, size_t count, int64_t took_us)
{
    int64_t fit = (int64_t)count * WRAPS_US / (took_us + 1);
    if (fit > HSM_WRAPS_MAX)
        fit = HSM_WRAPS_MAX;
    (void)pthread_mutex_lock(&client->lock);
    client->under_way--;
    client->wraps_at_once = fit > 1 ? (size_t)fit : 1;
    (void)pthread_cond_signal(&client->is_changed);
    (void)pthread_mutex_unlock(&client->lock);
}

/* ---- asking ---- */

static enum error fail_link(enum error code, struct fault *fault)
{
    switch (code) {
    case ERR_TIMEOUT:
        return fault_set(fault, code, "hsm-timeout", "provision-hsm did not answer in time.", 0);
    case ERR_BUSY:
        return fault_set(fault, code, "link-full", "Too many requests are under way.", 0);
    default:
        return fault_set(fault, ERR_HSM_UNAVAILABLE, "hsm-unreachable",
                         "provision-hsm cannot be reached.", 0);
    }
}

enum error hsm_fail_answer(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "hsm-answer",
                     "provision-hsm's answer cannot be understood: its version may differ.", 0);
}

enum error hsm_fail_argument(struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "argument", "A request to the HSM is out of limits.",
                     0);
}

static enum error send_request(struct hsm_client *client, const Provisiond__HsmRequest *request,
                               const struct hsm_files *files, int64_t timeout_ms,
                               struct frame *ret_answer)
{
    size_t length = provisiond__hsm_request__get_packed_size(request);
    uint8_t *payload = malloc(length);
    if (payload == NULL)
        return ERR_BUSY;
    provisiond__hsm_request__pack(request, payload);
    enum error e = rpc_client_call(client->link, bytes_of(payload, length), files->fds,
                                   files->count, deadline_in(timeout_ms), ret_answer);
    free(payload);
    return e;
}

enum error hsm_ask(struct hsm_client *client, const Provisiond__HsmRequest *request,
                   const struct hsm_files *files, int64_t timeout_ms,
                   Provisiond__HsmReply **ret_reply, struct fault *fault)
{
    static const struct hsm_files none = {{-1, -1}, 0};
    struct frame answer;
    struct fault ignored;
    struct fault *told = fault != NULL ? fault : &ignored;
    enum error e =
        send_request(client, request, files != NULL ? files : &none, timeout_ms, &answer);
    if (e != ERR_OK)
        return fail_link(e, told);
    Provisiond__HsmReply *reply =
        provisiond__hsm_reply__unpack(NULL, answer.length, answer.payload);
    frame_clear(&answer);
    if (reply == NULL)
        return hsm_fail_answer(told);
    e = fault_from_message(reply->fault, told);
    /* The results are numbered one above their questions. */
    if (e == ERR_OK && (unsigned)reply->result_case != (unsigned)request->op_case + 1)
        e = hsm_fail_answer(told);
    if (e != ERR_OK) {
        provisiond__hsm_reply__free_unpacked(reply, NULL);
        return e;
    }
    *ret_reply = reply;
    return ERR_OK;
}

/* ---- the questions ---- */

enum error hsm_status(struct hsm_client *client, struct hsm_status *ret_status, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmStatusRequest status = PROVISIOND__HSM_STATUS_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_STATUS;
    request.status = &status;
    enum error e = hsm_ask(client, &request, NULL, HSM_STATUS_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    return hsm_status_from_message(reply->status, ret_status) ? ERR_OK : hsm_fail_answer(fault);
}

enum error hsm_init(struct hsm_client *client, struct hsm_spki *ret_checkpoint,
                    struct hsm_spki *ret_transport, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmInitRequest init = PROVISIOND__HSM_INIT_REQUEST__INIT;
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    HSM_REPLY_AUTO *reply = NULL;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_INIT;
    request.init = &init;
    enum error e = hsm_ask(client, &request, NULL, HSM_KEYGEN_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (!hsm_spki_from_message(reply->init->checkpoint_spki, &checkpoint) ||
        !hsm_spki_from_message(reply->init->transport_spki, &transport) || checkpoint.length == 0 ||
        transport.length == 0)
        return hsm_fail_answer(fault);
    *ret_checkpoint = checkpoint;
    *ret_transport = transport;
    return ERR_OK;
}

enum error hsm_generate_firmware_key(struct hsm_client *client, const struct hsm_key_id *id,
                                     const char *label, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmGenerateFirmwareKeyRequest generate =
        PROVISIOND__HSM_GENERATE_FIRMWARE_KEY_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    generate.key_id = hsm_binary(id->bytes, sizeof id->bytes);
    generate.label = (char *)(uintptr_t)label;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY;
    request.generate_firmware_key = &generate;
    return hsm_ask(client, &request, NULL, HSM_KEYGEN_TIMEOUT_MS, &reply, fault);
}

enum error hsm_generate_session_key(struct hsm_client *client,
                                    const struct hsm_key_id *firmware_key, unsigned key_bytes,
                                    struct hsm_wrapped_key *ret_key, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmGenerateSessionKeyRequest generate =
        PROVISIOND__HSM_GENERATE_SESSION_KEY_REQUEST__INIT;
    struct hsm_wrapped_key key = {0};
    HSM_REPLY_AUTO *reply = NULL;
    generate.firmware_key_id = hsm_binary(firmware_key->bytes, sizeof firmware_key->bytes);
    generate.key_bytes = key_bytes;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_GENERATE_SESSION_KEY;
    request.generate_session_key = &generate;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (!hsm_wrapped_key_from_message(reply->generate_session_key->wrapped_session_key, &key) ||
        key.length != key_bytes + 8)
        return hsm_fail_answer(fault);
    *ret_key = key;
    return ERR_OK;
}

/* Of the IV in an answer: a GCM's and a CBC's may be left to the worker. */
static size_t iv_bytes_of(const struct hsm_encryption *encryption)
{
    if (encryption->iv_bytes != 0 || encryption->cipher == HSM_AES_CTR)
        return encryption->iv_bytes;
    return encryption->cipher == HSM_AES_CBC ? HSM_IV_MAX : HSM_GCM_IV_BYTES;
}

static enum error take_content(const Provisiond__HsmEncryptReply *reply,
                               const struct hsm_encryption *encryption,
                               struct hsm_content *ret_content, struct fault *fault)
{
    bool has_tag = encryption->cipher == HSM_AES_GCM || encryption->cipher == HSM_AES_GCM_RECORDS;
    struct hsm_content content = {
        .iv_length = reply->iv.len, .tag_length = reply->tag.len, .length = reply->length};
    if (reply->iv.len != iv_bytes_of(encryption) || reply->iv.len > sizeof content.iv ||
        reply->tag.len != (has_tag ? sizeof content.tag : 0) ||
        (encryption->length > 0 && reply->length != encryption->length))
        return hsm_fail_answer(fault);
    if (reply->iv.len > 0)
        memcpy(content.iv, reply->iv.data, reply->iv.len);
    if (reply->tag.len > 0)
        memcpy(content.tag, reply->tag.data, reply->tag.len);
    *ret_content = content;
    return ERR_OK;
}

enum error hsm_encrypt(struct hsm_client *client, const struct hsm_encryption *encryption,
                       struct hsm_content *ret_content, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmEncryptRequest message = PROVISIOND__HSM_ENCRYPT_REQUEST__INIT;
    const struct hsm_files files = {{encryption->clear_fd, encryption->cipher_fd}, 2};
    const struct hsm_key_id *firmware_key = &encryption->firmware_key;
    const struct hsm_wrapped_key *session_key = &encryption->session_key;
    HSM_REPLY_AUTO *reply = NULL;
    if (encryption->aad.length > HSM_AAD_MAX || session_key->length > HSM_WRAPPED_KEY_MAX ||
        encryption->clear_fd < 0 || encryption->cipher_fd < 0)
        return hsm_fail_argument(fault);
    message.firmware_key_id = hsm_binary(firmware_key->bytes, sizeof firmware_key->bytes);
    message.wrapped_session_key = hsm_binary(session_key->bytes, session_key->length);
    message.cipher = (Provisiond__HsmCipher)encryption->cipher;
    message.aad = hsm_binary(encryption->aad.data, encryption->aad.length);
    message.iv_bytes = encryption->iv_bytes;
    message.length = encryption->length;
    message.tag_appended = encryption->appends_tag;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ENCRYPT;
    request.encrypt = &message;
    enum error e = hsm_ask(client, &request, &files, HSM_ENCRYPT_TIMEOUT_MS, &reply, fault);
    return e == ERR_OK ? take_content(reply->encrypt, encryption, ret_content, fault) : e;
}

bool hsm_wrap_is_within_limits(const struct hsm_wrap *wrap)
{
    return wrap->session_key.length <= HSM_WRAPPED_KEY_MAX &&
           wrap->peer_point.length <= HSM_POINT_MAX_BYTES &&
           wrap->shared_info.length <= HSM_SHARED_INFO_MAX &&
           wrap->peer_spki.length <= HSM_PEER_SPKI_MAX;
}

enum error hsm_wrap_key(struct hsm_client *client, const struct hsm_wrap *wrap,
                        struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmWrapRequest message;
    struct hsm_wrapped wrapped;
    HSM_REPLY_AUTO *reply = NULL;
    if (!hsm_wrap_is_within_limits(wrap))
        return hsm_fail_argument(fault);
    hsm_wrap_to_message(wrap, &message);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP;
    request.wrap = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (!hsm_wrapped_from_message(reply->wrap, &wrapped) || !hsm_wrapped_answers(&wrapped, wrap))
        return hsm_fail_answer(fault);
    *ret_wrapped = wrapped;
    return ERR_OK;
}

enum error hsm_import_key(struct hsm_client *client, const struct hsm_import *import,
                          struct hsm_wrapped_key *ret_key, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmImportRequest message = PROVISIOND__HSM_IMPORT_REQUEST__INIT;
    struct hsm_wrapped_key key = {0};
    HSM_REPLY_AUTO *reply = NULL;
    if (import->key.length > HSM_WRAPPED_KEY_MAX ||
        import->ephemeral_point.length > HSM_POINT_MAX_BYTES ||
        import->shared_info.length > HSM_SHARED_INFO_MAX)
        return hsm_fail_argument(fault);
    message.firmware_key_id =
        hsm_binary(import->firmware_key.bytes, sizeof import->firmware_key.bytes);
    message.curve = (Provisiond__HsmCurve)import->curve;
    message.ephemeral_point =
        hsm_binary(import->ephemeral_point.data, import->ephemeral_point.length);
    message.kdf = (Provisiond__HsmKdf)import->kdf;
    message.shared_info = hsm_binary(import->shared_info.data, import->shared_info.length);
    message.kek_bytes = import->kek_bytes;
    message.key_wrap = PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES;
    message.wrapped_key = hsm_binary(import->key.bytes, import->key.length);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_IMPORT_KEY;
    request.import_key = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (!hsm_wrapped_key_from_message(reply->import_key->wrapped_session_key, &key) ||
        key.length != import->key.length)
        return hsm_fail_answer(fault);
    *ret_key = key;
    return ERR_OK;
}

static bool has_sealed_form(const Provisiond__HsmSealReply *reply, const struct hsm_seal *seal)
{
    size_t text_length = seal->prefix.length + seal->session_key.length - KEY_WRAP_BYTES;
    size_t tag_length =
        seal->scheme == HSM_ECIES_CTR_HMAC ? seal->mac_bytes : (size_t)HSM_GCM_TAG_BYTES;
    if (seal->scheme == HSM_SEAL_OAEP_SHA256)
        return reply->ephemeral_point.len == 0 && reply->sealed.len > text_length &&
               reply->sealed.len <= HSM_SEALED_MAX;
    return hsm_is_point(seal->curve, reply->ephemeral_point.data, reply->ephemeral_point.len) &&
           reply->sealed.len == text_length + tag_length && reply->sealed.len <= HSM_SEALED_MAX;
}

static enum error take_sealed(const Provisiond__HsmSealReply *reply, const struct hsm_seal *seal,
                              struct hsm_sealed *ret_sealed, struct fault *fault)
{
    struct hsm_sealed sealed = {.ephemeral_length = reply->ephemeral_point.len,
                                .length = reply->sealed.len};
    if (!has_sealed_form(reply, seal))
        return hsm_fail_answer(fault);
    if (reply->ephemeral_point.len > 0)
        memcpy(sealed.ephemeral_point, reply->ephemeral_point.data, reply->ephemeral_point.len);
    memcpy(sealed.bytes, reply->sealed.data, reply->sealed.len);
    *ret_sealed = sealed;
    return ERR_OK;
}

static bool is_within_limits(const struct hsm_seal *seal)
{
    return seal->session_key.length >= KEY_WRAP_BYTES &&
           seal->session_key.length <= HSM_WRAPPED_KEY_MAX &&
           seal->peer_point.length <= HSM_POINT_MAX_BYTES &&
           seal->shared_info.length <= HSM_SHARED_INFO_MAX &&
           seal->prefix.length <= HSM_SEAL_PREFIX_MAX && seal->aad.length <= HSM_SEAL_AAD_MAX &&
           seal->peer_spki.length <= HSM_PEER_SPKI_MAX;
}

enum error hsm_seal_key(struct hsm_client *client, const struct hsm_seal *seal,
                        struct hsm_sealed *ret_sealed, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmSealRequest message = PROVISIOND__HSM_SEAL_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    if (!is_within_limits(seal))
        return hsm_fail_argument(fault);
    message.firmware_key_id = hsm_binary(seal->firmware_key.bytes, sizeof seal->firmware_key.bytes);
    message.wrapped_session_key = hsm_binary(seal->session_key.bytes, seal->session_key.length);
    message.curve = (Provisiond__HsmCurve)seal->curve;
    message.peer_point = hsm_binary(seal->peer_point.data, seal->peer_point.length);
    message.kdf = (Provisiond__HsmKdf)seal->kdf;
    message.shared_info = hsm_binary(seal->shared_info.data, seal->shared_info.length);
    message.scheme = (Provisiond__HsmSealScheme)seal->scheme;
    message.kdf_key_offset = seal->layout.key_offset;
    message.kdf_iv_offset = seal->layout.iv_offset;
    message.kdf_iv_bytes = seal->layout.iv_bytes;
    message.prefix = hsm_binary(seal->prefix.data, seal->prefix.length);
    message.aad = hsm_binary(seal->aad.data, seal->aad.length);
    message.kek_bytes = seal->kek_bytes;
    message.mac_bytes = seal->mac_bytes;
    message.peer_spki = hsm_binary(seal->peer_spki.data, seal->peer_spki.length);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_SEAL;
    request.seal = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    return e == ERR_OK ? take_sealed(reply->seal, seal, ret_sealed, fault) : e;
}
