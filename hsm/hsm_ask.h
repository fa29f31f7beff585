/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How the calls of hsm_client.h ask. Internal to hsm/. Threads: safe from any thread. */
#ifndef HSM_HSM_ASK_H
#define HSM_HSM_ASK_H

#include <stdint.h>

#include "hsm/hsm_client.h"
#include "hsm.pb-c.h"

void hsm_free_reply(Provisiond__HsmReply **reply);

#define HSM_REPLY_AUTO __attribute__((cleanup(hsm_free_reply))) Provisiond__HsmReply

/* The descriptors that go with a request. */
struct hsm_files {
    int fds[2];
    unsigned count;
};

/*
 * Asks and takes the answer apart; a result of the wrong kind is no answer. files: NULL is none.
 * The caller frees *ret_reply.
 */
enum error hsm_ask(struct hsm_client *client, const Provisiond__HsmRequest *request,
                   const struct hsm_files *files, int64_t timeout_ms,
                   Provisiond__HsmReply **ret_reply, struct fault *fault) MUST_USE;

/* ERR_INTERNAL: an answer with a field out of its limits. */
enum error hsm_fail_answer(struct fault *fault);
/* ERR_BAD_REQUEST: an argument out of its limits; nothing was sent. */
enum error hsm_fail_argument(struct fault *fault);

bool hsm_wrap_is_within_limits(const struct hsm_wrap *wrap);

/*
 * Waits for a place among the questions of many wraps. The result is how many wraps the question
 * may hold, as many as the HSM does in a moment as far as is known; 0: there was no place until the
 * deadline. hsm_leave_wraps gives the place back, and says how fast the HSM was.
 */
size_t hsm_enter_wraps(struct hsm_client *client, deadline_ms deadline) MUST_USE;
void hsm_leave_wraps(struct hsm_client *client, size_t count, int64_t took_us);

#endif
