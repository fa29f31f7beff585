/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a worker does with one request. Internal to hsm/. Threads: the worker has one. */
#ifndef HSM_WORKER_OPERATIONS_H
#define HSM_WORKER_OPERATIONS_H

#include "core/error.h"
#include "core/frame_stream.h"
#include "hsm/hsm_message.h"
#include "hsm/p11.h"
#include "worker.pb-c.h"

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
        Provisiond__HsmSignCheckpointReply sign_checkpoint;
        Provisiond__HsmRotateCheckpointKeyReply rotate_checkpoint_key;
        Provisiond__HsmAnchorReadReply anchor_read;
        Provisiond__HsmAnchorWriteReply anchor_write;
        Provisiond__HsmDestroyKeysReply destroy_keys;
        Provisiond__HsmAuthorityReadReply authority_read;
        Provisiond__HsmAuthorityWriteReply authority_write;
        Provisiond__HsmAuthorityListReply authority_list;
        Provisiond__HsmRewrapReply rewrap;
        Provisiond__HsmDestroyFirmwareKeyReply destroy_firmware_key;
        Provisiond__HsmKeyStatesReply key_states;
        Provisiond__HsmImportReply import_key;
    } result;
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_wrapped_key session_key;
    struct hsm_content content;
    struct hsm_wrapped wrapped;
    struct hsm_sealed sealed;
    struct hsm_signature signature;
    struct hsm_successor successor;
    struct hsm_anchor anchor;
    struct sha256 digest;
};

struct worker {
    int socket;
    struct frame_stream *link; /* over socket, after the start */
    int64_t kept_since_us;     /* when the first call began whose answer is not sent; 0: none */
    int token_lock;
    struct p11 p11;
    struct answer answer;
    struct hsm_authorities authorities; /* of the newest list, and where its names are */
    char *names[HSM_AUTHORITIES_MAX];
    struct hsm_key_state states[HSM_KEY_STATES_MAX]; /* likewise, of the newest question */
    Provisiond__HsmKeyState state_messages[HSM_KEY_STATES_MAX];
    Provisiond__HsmKeyState *state_list[HSM_KEY_STATES_MAX];
};

/*
 * Serves a request into worker->answer: reply.<operation> and what it points to, or fault. Once
 * more with fresh handles when a cached one was stale.
 */
enum error worker_operate(struct worker *worker, const Provisiond__HsmRequest *request,
                          const int *fds) MUST_USE;

#endif
