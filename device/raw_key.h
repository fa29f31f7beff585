/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device that shows its public key and no certificate. Whether it is one of the maker's is what a
 * signed list says (device/allow_list.h). Threads: pure functions.
 */
#ifndef DEVICE_RAW_KEY_H
#define DEVICE_RAW_KEY_H

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"

#define RAW_KEY_PEM_MAX_BYTES ((size_t)4 * 1024)

/*
 * Reads one PEM "PUBLIC KEY" (RFC 7468 §13) of a type that the policy names. Serial, issuer and
 * certificate serial stay empty.
 *
 * ERR_TOO_LARGE           more than RAW_KEY_PEM_MAX_BYTES, or a second key
 * ERR_BAD_REQUEST         "not-a-public-key": no such block, or text around it
 * ERR_DEVICE_NOT_GENUINE  "key-malformed", "key-type", "key-size", "curve"
 */
enum error raw_key_check(const struct device_policy *policy, struct bytes pem,
                         struct device *ret_device, struct fault *fault) MUST_USE;

/* The same for the DER of a SubjectPublicKeyInfo; ERR_DEVICE_NOT_GENUINE alone. */
enum error raw_key_check_der(const struct device_policy *policy, struct bytes der,
                             struct device *ret_device, struct fault *fault) MUST_USE;

/* The refusals "device-not-listed" and "list-signer". */
enum error raw_key_not_listed(struct fault *fault);
enum error raw_key_signer_dropped(struct fault *fault);

#endif
