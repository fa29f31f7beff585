/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The master's check of a request: every size, enum and descriptor, before a worker sees it.
 * Internal to hsm/. Threads: pure functions.
 */
#ifndef HSM_HSM_REQUEST_H
#define HSM_HSM_REQUEST_H

#include "core/error.h"
#include "hsm.pb-c.h"

/*
 * ERR_BAD_REQUEST with the reason for what is wrong. fds are what came with the request. Of a batch
 * only how many there are: each wrap is refused by itself.
 */
enum error hsm_request_check(const Provisiond__HsmRequest *request, const int *fds,
                             unsigned fd_count, struct fault *fault) MUST_USE;

/* The same for one wrap of a batch. */
enum error hsm_request_check_wrap(const Provisiond__HsmWrapRequest *wrap,
                                  struct fault *fault) MUST_USE;

#endif
