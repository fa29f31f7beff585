/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One question on the master's own socket, over a connection of its own. */
#include "core/rpc_client.h"
#include "hsm/hsm_client.h"
#include "hsm/hsm_server.h"
#include "hsm.pb-c.h"

#define QUESTION_MAX_BYTES 64

static size_t pack_question(uint8_t out[QUESTION_MAX_BYTES])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmStatusRequest status = PROVISIOND__HSM_STATUS_REQUEST__INIT;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_STATUS;
    request.status = &status;
    return provisiond__hsm_request__get_packed_size(&request) <= QUESTION_MAX_BYTES
               ? provisiond__hsm_request__pack(&request, out)
               : 0;
}

enum error hsm_probe(const char *socket, deadline_ms deadline, struct fault *fault)
{
    const struct rpc_client_options options = {
        .path = socket, .reply_max = HSM_REQUEST_MAX_BYTES, .unavailable = ERR_HSM_UNAVAILABLE};
    uint8_t question[QUESTION_MAX_BYTES];
    struct rpc_client *client = NULL;
    struct frame answer;
    enum error e = rpc_client_new(&options, &client);
    if (e == ERR_OK)
        e = rpc_client_call(client, bytes_of(question, pack_question(question)), NULL, 0, deadline,
                            &answer);
    rpc_client_free(client);
    if (e != ERR_OK)
        return fault_set(fault, e, "no-answer",
                         "provision-hsm's own socket gave no answer in time.", 0);
    frame_clear(&answer);
    return ERR_OK;
}
