/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The part of hsm_client.h that firmware keys need after they were made. Owns no state. */
#include <string.h>

#include "hsm/hsm_ask.h"
#include "hsm/hsm_client.h"
#include "hsm/hsm_message.h"

enum error hsm_rewrap(struct hsm_client *client, const struct hsm_key_id *from,
                      const struct hsm_wrapped_key *key, const struct hsm_key_id *to,
                      struct hsm_wrapped_key *ret_key, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmRewrapRequest message = PROVISIOND__HSM_REWRAP_REQUEST__INIT;
    struct hsm_wrapped_key wrapped = {0};
    HSM_REPLY_AUTO *reply = NULL;
    if (key->length > HSM_WRAPPED_KEY_MAX)
        return hsm_fail_argument(fault);
    message.from_key_id = hsm_binary(from->bytes, sizeof from->bytes);
    message.wrapped_session_key = hsm_binary(key->bytes, key->length);
    message.to_key_id = hsm_binary(to->bytes, sizeof to->bytes);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_REWRAP;
    request.rewrap = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (!hsm_wrapped_key_from_message(reply->rewrap->wrapped_session_key, &wrapped) ||
        wrapped.length != key->length)
        return hsm_fail_answer(fault);
    *ret_key = wrapped;
    return ERR_OK;
}

enum error hsm_destroy_firmware_key(struct hsm_client *client, const struct hsm_key_id *id,
                                    const char *label, bool *ret_was_there, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmDestroyFirmwareKeyRequest message =
        PROVISIOND__HSM_DESTROY_FIRMWARE_KEY_REQUEST__INIT;
    HSM_REPLY_AUTO *reply = NULL;
    message.key_id = hsm_binary(id->bytes, sizeof id->bytes);
    message.label = (char *)(uintptr_t)label;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY;
    request.destroy_firmware_key = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_KEYGEN_TIMEOUT_MS, &reply, fault);
    if (e == ERR_OK)
        *ret_was_there = reply->destroy_firmware_key->was_there != 0;
    return e;
}

/* ---- states ---- */

static bool take_state(const Provisiond__HsmKeyState *message, struct hsm_key_state *ret_state)
{
    if (strlen(message->weak_attribute) >= sizeof ret_state->weak_attribute)
        return false;
    ret_state->exists = message->exists != 0;
    strcpy(ret_state->weak_attribute, message->weak_attribute);
    return true;
}

enum error hsm_key_states(struct hsm_client *client, const struct hsm_key_id *ids, size_t count,
                          struct hsm_key_state *ret_states, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmKeyStatesRequest message = PROVISIOND__HSM_KEY_STATES_REQUEST__INIT;
    ProtobufCBinaryData asked[HSM_KEY_STATES_MAX];
    HSM_REPLY_AUTO *reply = NULL;
    if (count == 0 || count > HSM_KEY_STATES_MAX)
        return hsm_fail_argument(fault);
    for (size_t i = 0; i < count; i++)
        asked[i] = hsm_binary(ids[i].bytes, sizeof ids[i].bytes);
    message.key_ids = asked;
    message.n_key_ids = count;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_KEY_STATES;
    request.key_states = &message;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    if (e != ERR_OK)
        return e;
    if (reply->key_states->n_keys != count)
        return hsm_fail_answer(fault);
    for (size_t i = 0; i < count; i++) {
        if (!take_state(reply->key_states->keys[i], &ret_states[i]))
            return hsm_fail_answer(fault);
    }
    return ERR_OK;
}
