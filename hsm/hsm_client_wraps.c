/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Many wraps in few questions. Owns no state. */
#include <stdlib.h>

#include "core/fault_message.h"
#include "hsm/hsm_ask.h"
#include "hsm/hsm_message.h"

/* Wraps that are asked for together, and where their results go. */
struct question {
    const struct hsm_wrap *wraps;
    struct hsm_wrap_result *results;
    size_t count; /* at most HSM_WRAPS_MAX */
};

static void fail_all(struct hsm_wrap_result *results, size_t count, const struct fault *fault)
{
    for (size_t i = 0; i < count; i++)
        results[i].fault = *fault;
}

static void take_outcome(const Provisiond__HsmWrapOutcome *outcome, const struct hsm_wrap *wrap,
                         struct hsm_wrap_result *ret_result)
{
    ret_result->fault = (struct fault){0};
    if (fault_from_message(outcome->fault, &ret_result->fault) != ERR_OK)
        return;
    if (outcome->wrap == NULL || !hsm_wrapped_from_message(outcome->wrap, &ret_result->wrapped) ||
        !hsm_wrapped_answers(&ret_result->wrapped, wrap))
        (void)hsm_fail_answer(&ret_result->fault);
}

static enum error take_outcomes(const struct question *question,
                                const Provisiond__HsmWrapBatchReply *reply, struct fault *fault)
{
    if (reply->n_outcomes != question->count)
        return hsm_fail_answer(fault);
    for (size_t i = 0; i < question->count; i++)
        take_outcome(reply->outcomes[i], &question->wraps[i], &question->results[i]);
    return ERR_OK;
}

/* messages has room for the question's wraps. */
static enum error ask(struct hsm_client *client, const struct question *question,
                      Provisiond__HsmWrapRequest *messages, struct fault *fault)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmWrapBatchRequest batch = PROVISIOND__HSM_WRAP_BATCH_REQUEST__INIT;
    Provisiond__HsmWrapRequest *links[HSM_WRAPS_MAX];
    HSM_REPLY_AUTO *reply = NULL;
    for (size_t i = 0; i < question->count; i++) {
        if (!hsm_wrap_is_within_limits(&question->wraps[i]))
            return hsm_fail_argument(fault);
        hsm_wrap_to_message(&question->wraps[i], &messages[i]);
        links[i] = &messages[i];
    }
    batch.n_wraps = question->count;
    batch.wraps = links;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP_BATCH;
    request.wrap_batch = &batch;
    enum error e = hsm_ask(client, &request, NULL, HSM_CALL_TIMEOUT_MS, &reply, fault);
    return e == ERR_OK ? take_outcomes(question, reply->wrap_batch, fault) : e;
}

static enum error ask_with_room(struct hsm_client *client, const struct question *question,
                                struct fault *fault)
{
    Provisiond__HsmWrapRequest *messages = calloc(question->count, sizeof *messages);
    if (messages == NULL)
        return fault_set(fault, ERR_BUSY, "memory", "Out of memory.", 0);
    enum error e = ask(client, question, messages, fault);
    free(messages);
    return e;
}

void hsm_wrap_keys(struct hsm_client *client, const struct hsm_wrap *wraps, size_t count,
                   deadline_ms deadline, struct hsm_wrap_result *ret_results)
{
    static const struct fault late = {.code = ERR_BUSY,
                                      .reason = HSM_WRAPS_LATE,
                                      .detail =
                                          "The wraps before this one took too long: ask again."};
    struct fault fault = {0};
    size_t done = 0;
    size_t at_once = 0;
    enum error e = ERR_OK;
    while (done < count && e == ERR_OK && (at_once = hsm_enter_wraps(client, deadline)) > 0) {
        const struct question question = {.wraps = wraps + done,
                                          .results = ret_results + done,
                                          .count = count - done < at_once ? count - done : at_once};
        int64_t began_us = clock_monotonic_us();
        e = ask_with_room(client, &question, &fault);
        hsm_leave_wraps(client, question.count, clock_monotonic_us() - began_us);
        done += e == ERR_OK ? question.count : 0;
    }
    fail_all(ret_results + done, count - done, e == ERR_OK ? &late : &fault);
}
