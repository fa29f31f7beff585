/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two halves of hsm_request.h: what they share. Internal to hsm_request.c and
 * hsm_request_wrap.c. Each is ERR_OK, or ERR_BAD_REQUEST with the reason. Threads: pure functions.
 */
#ifndef HSM_HSM_REQUEST_PARTS_H
#define HSM_HSM_REQUEST_PARTS_H

#include "core/error.h"
#include "hsm.pb-c.h"

/* reason and detail are literals. */
enum error hsm_request_refuse(const char *reason, const char *detail, struct fault *fault);
enum error hsm_request_check_key_id(ProtobufCBinaryData id, struct fault *fault) MUST_USE;
enum error hsm_request_check_wrapped_key(ProtobufCBinaryData key, struct fault *fault) MUST_USE;

/* ---- hsm_request_wrap.c: what is for one peer, or from one ---- */

/* Unknown fields of the message itself are not looked for. */
enum error hsm_request_check_one_wrap(const Provisiond__HsmWrapRequest *request,
                                      struct fault *fault) MUST_USE;
enum error hsm_request_check_import(const Provisiond__HsmImportRequest *request,
                                    struct fault *fault) MUST_USE;
enum error hsm_request_check_seal(const Provisiond__HsmSealRequest *request,
                                  struct fault *fault) MUST_USE;

#endif
