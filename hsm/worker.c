/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker's loop: hello, login, then one request at a time. It trusts its master, which has
 * validated every request, and writes no log: what it learns it tells the master.
 */
#include "hsm/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/fault_message.h"
#include "core/frame.h"
#include "hsm/hsm_message.h"
#include "hsm/p11.h"
#include "worker.pb-c.h"

#define MASTER_TIMEOUT_MS 10000 /* the master reads at once, or it is gone */
#define START_LIMIT_S     20    /* SIGALRM ends a start that hangs; the master gives up earlier */

/* One answer in the making: the messages and the bytes that they point to. */
struct answer {
    Provisiond__WorkerAnswer message;
    Provisiond__HsmReply reply;
    Provisiond__FaultMessage fault_message;
    Provisiond__HsmWeakKey weak_message;
    struct fault fault;
    union {
        Provisiond__HsmStatusReply status;
        Provisiond__HsmInitReply init;
        Provisiond__HsmGenerateFirmwareKeyReply generate_firmware_key;
        Provisiond__HsmGenerateSessionKeyReply generate_session_key;
        Provisiond__HsmEncryptReply encrypt;
        Provisiond__HsmWrapReply wrap;
        Provisiond__HsmSealReply seal;
    } result;
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_wrapped_key session_key;
    struct hsm_content content;
    struct hsm_wrapped wrapped;
    struct hsm_sealed sealed;
};

struct worker {
    int socket;
    struct p11 p11;
    struct answer answer;
};

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
        .clear_fd = fds[0],
        .cipher_fd = fds[1]};
    enum error e = p11_encrypt(&worker->p11, &encryption, &answer->content, &answer->fault);
    provisiond__hsm_encrypt_reply__init(result);
    result->iv = hsm_binary(answer->content.iv, sizeof answer->content.iv);
    result->tag = hsm_binary(answer->content.tag, sizeof answer->content.tag);
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
                            .curve = HSM_P256,
                            .peer_point = bytes_of_message(asked->peer_point),
                            .kdf = HSM_X963_SHA256,
                            .shared_info = bytes_of_message(asked->shared_info),
                            .kek_bytes = asked->kek_bytes};
    (void)fds;
    if (!hsm_wrapped_key_from_message(asked->wrapped_session_key, &wrap.session_key))
        return fault_set(&answer->fault, ERR_BAD_REQUEST, "wrapped-key", "Not a wrapped key.", 0);
    enum error e = p11_wrap(&worker->p11, &wrap, &answer->wrapped, &answer->fault);
    provisiond__hsm_wrap_reply__init(result);
    result->ephemeral_point =
        hsm_binary(answer->wrapped.ephemeral_point, answer->wrapped.ephemeral_length);
    result->wrapped_key = hsm_binary(answer->wrapped.key.bytes, answer->wrapped.key.length);
    result->mode = (Provisiond__HsmMode)answer->wrapped.mode;
    answer->reply.wrap = result;
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
                            .curve = HSM_P256,
                            .peer_point = bytes_of_message(asked->peer_point),
                            .kdf = HSM_X963_SHA256,
                            .shared_info = bytes_of_message(asked->shared_info),
                            .layout = {.key_offset = asked->kdf_key_offset,
                                       .iv_offset = asked->kdf_iv_offset,
                                       .iv_bytes = asked->kdf_iv_bytes},
                            .prefix = bytes_of_message(asked->prefix),
                            .aad = bytes_of_message(asked->aad)};
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
    case PROVISIOND__HSM_REQUEST__OP_SEAL:
        return do_seal;
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

static enum error serve(struct worker *worker, const Provisiond__HsmRequest *request,
                        const int *fds)
{
    struct p11 *p11 = &worker->p11;
    operation run = operation_of(request);
    if (run == NULL)
        return fault_set(&worker->answer.fault, ERR_BAD_REQUEST, "operation-unknown",
                         "The request names no known operation.", 0);
    off_t start =
        request->op_case == PROVISIOND__HSM_REQUEST__OP_ENCRYPT ? lseek(fds[0], 0, SEEK_CUR) : 0;
    enum error e = run(worker, request, fds);
    if (e != ERR_OK && p11->is_stale && can_repeat(request, fds, start)) {
        p11_forget(p11);
        e = run(worker, request, fds);
    }
    if (e != ERR_OK && p11->is_stale)
        p11->is_unfit = true; /* handles found a moment ago are dead: so is the session */
    return e;
}

static void prepare_answer(struct answer *answer, enum error result)
{
    if (result != ERR_OK) {
        provisiond__hsm_reply__init(&answer->reply); /* a fault comes without a result */
        fault_to_message(&answer->fault, &answer->fault_message);
        answer->reply.fault = &answer->fault_message;
    }
    answer->message.reply = &answer->reply;
}

static bool send_answer(struct worker *worker, uint64_t id)
{
    const Provisiond__WorkerAnswer *message = &worker->answer.message;
    size_t length = provisiond__worker_answer__get_packed_size(message);
    uint8_t *payload = malloc(length);
    if (payload == NULL)
        return false;
    provisiond__worker_answer__pack(message, payload);
    enum error e = frame_send(worker->socket, id, bytes_of(payload, length), NULL, 0,
                              deadline_in(MASTER_TIMEOUT_MS));
    free(payload);
    return e == ERR_OK;
}

static bool answer_request(struct worker *worker, const struct frame *frame)
{
    struct answer *answer = &worker->answer;
    size_t known = worker->p11.weak_key_count;
    Provisiond__HsmRequest *request =
        provisiond__hsm_request__unpack(NULL, frame->length, frame->payload);
    if (request == NULL)
        return false;
    *answer = (struct answer){0};
    provisiond__worker_answer__init(&answer->message);
    provisiond__hsm_reply__init(&answer->reply);
    answer->reply.result_case = (Provisiond__HsmReply__ResultCase)((unsigned)request->op_case + 1);
    prepare_answer(answer, serve(worker, request, frame->fds));
    provisiond__hsm_request__free_unpacked(request, NULL);
    answer->message.is_unfit = worker->p11.is_unfit;
    if (worker->p11.weak_key_count > known) {
        hsm_weak_key_to_message(&worker->p11.weak_keys[known], &answer->weak_message);
        answer->message.weak_key = &answer->weak_message;
    }
    return send_answer(worker, frame->id);
}

/* ---- start ---- */

static enum error receive_pin(int socket, struct secret *ret_pin)
{
    struct frame frame;
    enum error e = frame_receive(socket, SECRET_MAX_BYTES, false, -1, MASTER_TIMEOUT_MS, &frame);
    if (e != ERR_OK)
        return e;
    e = secret_new(frame.length, ret_pin);
    if (e == ERR_OK)
        memcpy(ret_pin->bytes, frame.payload, frame.length);
    OPENSSL_cleanse(frame.payload, frame.length);
    frame_clear(&frame);
    return e;
}

/*
 * From here on the kernel kills the worker when its master dies, even inside a module that hangs.
 * Not before: SoftHSM rewrites its token in C_Login, and a worker killed there leaves a token of no
 * bytes. Until then START_LIMIT_S ends a worker that hangs without a master. A master that died
 * before this line is noticed at the next read or write.
 */
static enum error tie_to_master(struct fault *fault)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return fault_set(fault, ERR_INTERNAL, "worker-hardening",
                         "A worker cannot be tied to its master.", errno);
    return ERR_OK;
}

static bool send_step(struct worker *worker, const Provisiond__WorkerReady *ready)
{
    size_t length = provisiond__worker_ready__get_packed_size(ready);
    uint8_t *payload = malloc(length + 1);
    if (payload == NULL)
        return false;
    provisiond__worker_ready__pack(ready, payload);
    enum error e = frame_send(worker->socket, 0, bytes_of(payload, length), NULL, 0,
                              deadline_in(MASTER_TIMEOUT_MS));
    free(payload);
    return e == ERR_OK;
}

/* A master that does not hear this must not lose count of the PIN: then it is not spent. */
static void note_login(void *context, bool is_done)
{
    Provisiond__WorkerReady ready = PROVISIOND__WORKER_READY__INIT;
    ready.step = is_done ? PROVISIOND__WORKER_STEP__WORKER_LOGGED_IN
                         : PROVISIOND__WORKER_STEP__WORKER_LOGGING_IN;
    if (!send_step(context, &ready))
        _exit(EXIT_FAILURE);
}

static enum error open_token(struct worker *worker, const Provisiond__WorkerHello *hello,
                             struct fault *fault)
{
    SECRET_AUTO pin = {0};
    const struct p11_options options = {.module = hello->module,
                                        .token = hello->token,
                                        .arguments = hello->arguments,
                                        .note_login = note_login,
                                        .context = worker};
    if (hello->has_pin && receive_pin(worker->socket, &pin) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "worker-hello", "The master sent no PIN.", 0);
    enum error e = p11_open(&worker->p11, &options, &pin, fault);
    return e == ERR_OK ? tie_to_master(fault) : e;
}

static void copy_status(const struct p11 *p11, struct hsm_status *status)
{
    memcpy(status->token_label, p11->label, sizeof status->token_label);
    memcpy(status->token_serial, p11->serial, sizeof status->token_serial);
    memcpy(status->token_model, p11->model, sizeof status->token_model);
    memcpy(status->weak_keys, p11->weak_keys, sizeof status->weak_keys);
    status->weak_key_count = p11->weak_key_count;
    status->mode = p11->mode;
}

static bool send_ready(struct worker *worker, const struct hsm_status *status,
                       const struct fault *fault)
{
    Provisiond__WorkerReady ready = PROVISIOND__WORKER_READY__INIT;
    Provisiond__FaultMessage fault_message;
    struct hsm_status_message status_message;
    hsm_status_to_message(status, &status_message);
    fault_to_message(fault, &fault_message);
    ready.fault = &fault_message;
    ready.status = &status_message.message;
    return send_step(worker, &ready);
}

static bool start(struct worker *worker, const Provisiond__WorkerHello *hello)
{
    struct p11 *p11 = &worker->p11;
    struct hsm_status status = {0};
    struct fault fault = {0};
    enum error e = open_token(worker, hello, &fault);
    if (e == ERR_OK)
        e = p11_audit_all(p11, &fault);
    if (e == ERR_OK)
        e = p11_get_spkis(p11, &status.checkpoint, &status.transport, &fault);
    if (e == ERR_OK)
        e = p11_choose_mode(p11, &fault);
    if (e == ERR_OK)
        fault = (struct fault){0};
    copy_status(p11, &status);
    return send_ready(worker, &status, &fault) && e == ERR_OK;
}

static bool greet(struct worker *worker)
{
    struct frame frame;
    if (frame_receive(worker->socket, HSM_REQUEST_MAX_BYTES, false, -1, MASTER_TIMEOUT_MS,
                      &frame) != ERR_OK)
        return false;
    Provisiond__WorkerHello *hello =
        provisiond__worker_hello__unpack(NULL, frame.length, frame.payload);
    frame_clear(&frame);
    if (hello == NULL)
        return false;
    bool is_ready = start(worker, hello);
    provisiond__worker_hello__free_unpacked(hello, NULL);
    return is_ready;
}

static void serve_until_the_master_is_gone(struct worker *worker)
{
    struct frame frame;
    bool is_well = true;
    while (is_well && frame_receive(worker->socket, HSM_REQUEST_MAX_BYTES, true, -1,
                                    MASTER_TIMEOUT_MS, &frame) == ERR_OK) {
        is_well = answer_request(worker, &frame);
        frame_clear(&frame);
    }
}

int worker_main(int socket)
{
    static struct worker worker; /* large, and there is only one */
    worker.socket = socket;
    /* No child of the module may keep the socketpair open. */
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) != 0)
        return EXIT_FAILURE;
    (void)alarm(START_LIMIT_S);
    bool is_ready = greet(&worker);
    (void)alarm(0);
    if (is_ready)
        serve_until_the_master_is_gone(&worker);
    p11_close(&worker.p11);
    return is_ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
