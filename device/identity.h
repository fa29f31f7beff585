/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What one certificate says about its device: the key, its use, the serial numbers.
 * Private to device/. Threads: pure functions.
 */
#ifndef DEVICE_IDENTITY_H
#define DEVICE_IDENTITY_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "device/device.h"
#include "device/refusal.h"

/*
 * Is this a key that a license can be made for? Looks at the device's certificate alone, before
 * anything is known about its path.
 */
enum refusal identity_check_key(X509 *certificate, const struct device_policy *policy) MUST_USE;

/* The same for a key that comes without a certificate. */
enum refusal identity_check_public_key(X509_PUBKEY *spki,
                                       const struct device_policy *policy) MUST_USE;

/* May the key do what a license needs, and is it a device's? */
enum refusal identity_check_usage(X509 *certificate, const struct device_policy *policy) MUST_USE;

/* True for an EC key that names the curve P-256; whether its point is on it is another question. */
bool identity_is_on_p256(X509_PUBKEY *spki);

/* Fills *ret_device from a certificate that passed the other checks. */
enum refusal identity_read(X509 *certificate, struct device *ret_device) MUST_USE;
/* The same without serial numbers and issuer, of a key that passed identity_check_public_key. */
enum refusal identity_read_public_key(X509_PUBKEY *spki, struct device *ret_device) MUST_USE;

#endif
