/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The closed list of reasons why a device is not genuine, with their words and sentences.
 * Private to device/. Threads: pure functions.
 */
#ifndef DEVICE_REFUSAL_H
#define DEVICE_REFUSAL_H

#include "core/error.h"

enum refusal {
    REFUSAL_NONE, /* nothing to refuse */
    REFUSAL_CERTIFICATE_MALFORMED,
    REFUSAL_TPM_EK,
    REFUSAL_KEY_TYPE,
    REFUSAL_KEY_SIZE,
    REFUSAL_KEY_EXPONENT,
    REFUSAL_CURVE,
    REFUSAL_UNTRUSTED_ISSUER,
    REFUSAL_SIGNATURE_INVALID,
    REFUSAL_WEAK_SIGNATURE,
    REFUSAL_CHAIN_INVALID,
    REFUSAL_NOT_YET_VALID,
    REFUSAL_EXPIRED,
    REFUSAL_REVOKED,
    REFUSAL_CRL_MISSING,
    REFUSAL_CRL_STALE,
    REFUSAL_KEY_USAGE,
    REFUSAL_IDENTITY_MALFORMED,
    REFUSAL_ST_LENGTH,
    REFUSAL_ST_PRODUCT_ID,
    REFUSAL_ST_POINT,
    REFUSAL_ST_FAMILY,
    REFUSAL_ST_SECURITY_COUNTER,
    REFUSAL_ST_SIGNATURE,
    REFUSAL_KEY_MALFORMED,
    REFUSAL_NOT_LISTED,
    REFUSAL_LIST_SIGNER,
    REFUSAL_COUNT
};

/* The fault of a refusal: ERR_DEVICE_NOT_GENUINE; ERR_OK without a fault for REFUSAL_NONE. */
enum error refusal_set(struct fault *fault, enum refusal refusal, long native) MUST_USE;

#endif
