/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The JSON bodies that stations send, as fixed structs.
 *
 * Each is cleared first, so that an absent text is "". Reading copies: the input may go
 * afterwards. Threads: pure functions.
 */
#ifndef API_BODY_H
#define API_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/json_reader.h"
#include "api/api_limits.h"
#include "core/bytes.h"
#include "core/error.h"

#define API_NAME_SIZE   (API_NAME_MAX_BYTES + 1)
#define API_DETAIL_SIZE (API_DETAIL_MAX_BYTES + 1)

struct license_context {
    char lot[API_NAME_SIZE];
    char line[API_NAME_SIZE];
    char work_order[API_NAME_SIZE];
    char operator_name[API_NAME_SIZE];
    char socket[API_NAME_SIZE];
};

/* POST /v1/licenses */
struct license_body {
    char product[API_NAME_SIZE];
    char image[IMAGE_REFERENCE_SIZE];
    bool is_latest; /* "latest", or no image named: digest is not set */
    struct sha256 digest;
    char certificate_chain[API_CHAIN_MAX_BYTES + 1]; /* "": the device shows another thing */
    uint8_t st_certificate[API_ST_CERT_MAX_BYTES];
    size_t st_certificate_length;                  /* 0: likewise */
    char public_key[API_DEVICE_KEY_MAX_BYTES + 1]; /* "": likewise */
    struct license_context context;
};

enum outcome { OUTCOME_OF_SUCCESS = 1, OUTCOME_OF_FAILURE, OUTCOME_OF_SCRAP };

/* POST /v1/installs/{install_id}/outcome */
struct outcome_body {
    char result[16];
    enum outcome outcome; /* what result says */
    char code[API_NAME_SIZE];
    char detail[API_DETAIL_SIZE];
    uint8_t device_receipt[API_SIGNATURE_MAX_BYTES];
    size_t device_receipt_length; /* 0: none came */
};

enum error license_body_read(struct bytes text, struct license_body *ret_body,
                             struct json_path *ret_path, struct fault *fault) MUST_USE;

/* POST /v1/licenses/batch: 1 to API_BATCH_MAX license bodies, one after the other. */
struct license_batch {
    /* body is a struct license_body, good for the call. */
    enum error (*take)(void *context, const void *body, struct fault *fault);
    void *context;
};
/* A failure of any of them is one of the whole; some may have been taken before. */
enum error license_batch_read(struct bytes text, const struct license_batch *batch,
                              struct json_path *ret_path, struct fault *fault) MUST_USE;

enum error outcome_body_read(struct bytes text, struct outcome_body *ret_body,
                             struct json_path *ret_path, struct fault *fault) MUST_USE;

#endif
