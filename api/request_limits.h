/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What of the limits the configuration decides.
 *
 * A kind of body whose largest size is API_BODY_MAX_BYTES or API_BATCH_MAX_BYTES has its limit in
 * the configuration; the others are fixed. Threads: pure functions.
 */
#ifndef API_REQUEST_LIMITS_H
#define API_REQUEST_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "api/route.h"
#include "config/config.h"
#include "core/bytes.h"
#include "core/error.h"

/* Bytes that a body of that kind may have. */
size_t limits_body_max(const struct config_api *config, const struct route_body *body);
/* ERR_TOO_LARGE when length is more. */
enum error limits_check_body(const struct config_api *config, const struct route_body *body,
                             uint64_t length, struct fault *fault) MUST_USE;
/* ERR_BAD_REQUEST when the JSON text is nested deeper than the configuration allows. */
enum error limits_check_depth(const struct config_api *config, struct bytes text,
                              struct fault *fault) MUST_USE;

/* From a connection's begin to its first request's headers, and from headers to the last byte. */
int64_t limits_receive_ms(const struct config_api *config);
/* From an answer to the headers of the connection's next request. */
int64_t limits_pause_ms(const struct config_api *config);

#endif
