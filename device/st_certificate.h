/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who an ST chip is: the check of its 136-byte certificate (docs/profiles/st-sfi.md) against a
 * product's anchor keys.
 *
 * A struct st_anchors is made once per product and immutable: safe to share between threads.
 * st_certificate_check takes the bytes as a station read them from a chip, hostile ones included,
 * and fills a struct device or says which check failed first.
 */
#ifndef DEVICE_ST_CERTIFICATE_H
#define DEVICE_ST_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"

#define ST_CERTIFICATE_BYTES     136
#define ST_CERTIFICATE_MAX_BYTES 1024 /* that are looked at: a longer one is no such file */
#define ST_PRODUCT_ID_BYTES      8

/* What a product expects of its chips. */
struct st_expectation {
    char product_id[ST_PRODUCT_ID_BYTES + 1]; /* its chip ID and security counter count */
    bool signs_key_only;                      /* the signature covers bytes 8 to 71, not 0 to 71 */
};

struct st_anchors;

/* True when text is exactly a product ID: upper-case hex, the sixth digit 0. */
bool st_product_id_is_valid(const char *text);

/*
 * Parses the anchor keys of a product: PEM, 1 to DEVICE_ANCHORS_MAX P-256 public keys ("PUBLIC
 * KEY", RFC 7468 §13) in at most DEVICE_ANCHORS_MAX_BYTES, white space and comments between them.
 * ERR_BAD_REQUEST with the reason "not-a-public-key", "anchor-curve" or "too-many-anchors".
 * expectation->product_id must be valid; it is copied. Free with st_anchors_free.
 */
enum error st_anchors_new(struct bytes pem, const struct st_expectation *expectation,
                          struct st_anchors **ret_anchors, struct fault *fault) MUST_USE;
/* NULL is allowed. */
void st_anchors_free(struct st_anchors *anchors);

/*
 * Checks a chip's certificate. ERR_DEVICE_NOT_GENUINE with the first of these reasons that applies:
 * "st-length", "st-product-id", "st-point", "st-family", "st-security-counter", "st-signature".
 *
 * The certificate holds no serial number. Where the product ID is signed, the device's serial is
 * that ID, "-" and the first 32 hex digits of its SPKI's SHA-256: the same key under another
 * product ID has another serial, which the ledger refuses. With signs_key_only it is those 32
 * digits alone: an ID that is not proven names nobody, and the same key under another one is the
 * same device. Issuer and certificate serial stay empty.
 */
enum error st_certificate_check(const struct st_anchors *anchors, struct bytes certificate,
                                struct device *ret_device, struct fault *fault) MUST_USE;

#endif
