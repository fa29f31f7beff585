/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers: the headers that each one carries, JSON bodies and problems.
 *
 * Each function queues exactly one response for the request and notes its status; MHD_NO (memory is
 * out) makes libmicrohttpd close the connection. Threads: the request's event loop.
 */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include <jansson.h>
#include <microhttpd.h>

#include "api/request.h"

/* Takes response over (NULL: memory is out), adds the common headers, queues it. */
enum MHD_Result answer_response(struct request *request, unsigned status,
                                struct MHD_Response *response);

#define ANSWER_FOR_EVER "private, max-age=31536000, immutable" /* Cache-Control: never changes */

/* The bytes of request->kept. */
enum MHD_Result answer_kept(struct request *request, const char *media_type,
                            const char *cache_control);

/* Takes json over; NULL, as jansson answers when memory is out, becomes a closed connection. */
enum MHD_Result answer_json(struct request *request, unsigned status, json_t *json);

/* The problem of request->fault. */
enum MHD_Result answer_problem(struct request *request);
/* Its document alone, the caller's. NULL: memory is out. */
json_t *answer_problem_json(const struct request *request);

#endif
