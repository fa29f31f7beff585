/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The path from a device to a trust anchor: RFC 5280 §6 by libcrypto, its answers in our words.
 * Private to device/. Threads: a store is immutable once it is made, and shared.
 */
#ifndef DEVICE_PATH_H
#define DEVICE_PATH_H

#include <stdint.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "core/error.h"
#include "device/device.h"
#include "device/refusal.h"

/* A store that trusts exactly these certificates; NULL for lack of memory. */
X509_STORE *path_store_new(STACK_OF(X509) * anchors) MUST_USE;

/* Borrowed for the call. */
struct path_rules {
    X509_STORE *store; /* with the revocation lists */
    STACK_OF(X509_CRL) * crls;
    const struct device_policy *policy;
    int64_t at_unix_ms;
};

/*
 * The first certificate of chain is the device's, the rest may help. ERR_OK with *ret_refusal
 * (REFUSAL_NONE: there is a valid path) and *ret_native, the X509_V_ERR number; ERR_INTERNAL for
 * lack of memory.
 */
enum error path_check(const struct path_rules *rules, STACK_OF(X509) * chain,
                      enum refusal *ret_refusal, long *ret_native) MUST_USE;

#endif
