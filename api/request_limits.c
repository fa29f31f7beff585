/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The configured limits. Owns no state. */
#include "api/request_limits.h"

#include "api/api_limits.h"
#include "api/json_reader.h"

#define MS_PER_S 1000LL

size_t limits_body_max(const struct config_api *config, const struct route_body *body)
{
    if (body->max == API_BODY_MAX_BYTES)
        return config->body_max_bytes;
    if (body->max == API_BATCH_MAX_BYTES)
        return config->batch_max_bytes;
    return body->max;
}

enum error limits_check_body(const struct config_api *config, const struct route_body *body,
                             uint64_t length, struct fault *fault)
{
    size_t max = limits_body_max(config, body);
    if (length <= max)
        return ERR_OK;
    /* The kind's own sentence says the number of the largest limit. */
    return fault_set(fault, ERR_TOO_LARGE, "body-too-large",
                     max == body->max ? body->max_detail
                                      : "The body is larger than this server is set up to take.",
                     0);
}

enum error limits_check_depth(const struct config_api *config, struct bytes text,
                              struct fault *fault)
{
    /* The reader sees to the largest depth itself. */
    if (config->json_depth_max >= API_JSON_DEPTH_MAX ||
        !json_is_deeper(text, config->json_depth_max))
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "too-deep",
                     "The JSON is nested deeper than this server is set up to take.", 0);
}

int64_t limits_receive_ms(const struct config_api *config)
{
    return config->receive_timeout_s * MS_PER_S;
}

int64_t limits_pause_ms(const struct config_api *config)
{
    return (config->idle_timeout_s + (int64_t)config->receive_timeout_s) * MS_PER_S;
}
