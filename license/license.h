/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bytes that a device receives: one profile, one file.
 *
 * A profile never sees a key. First license_agreement says how the session key must be wrapped for
 * this device; the HSM does that; then license_encode turns the ephemeral key and the wrapped key
 * into the profile's bytes. The caller passes values between the two. Threads: pure functions.
 */
#ifndef LICENSE_LICENSE_H
#define LICENSE_LICENSE_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define LICENSE_MAX_BYTES       4096
#define LICENSE_SHARED_INFO_MAX 256
#define LICENSE_PROFILE_MAX     16 /* bytes of a profile's name, with NUL */

enum license_curve { LICENSE_P256 = 1 };
enum license_kdf { LICENSE_X963_SHA256 = 1 };

/* Everything a license is about; all views are borrowed for the call. */
struct license_subject {
    const char *product;
    struct sha256 image; /* digest of the encrypted image */
    struct sha256 device_spki;
    const char *device_serial;       /* "" when the device has none */
    struct bytes device_issuer;      /* DER Name */
    struct bytes certificate_serial; /* DER INTEGER content octets */
    struct bytes content_iv;         /* of the image's AES-256-GCM encryption, 12 bytes */
    struct bytes content_tag;        /* 16 bytes */
};

/* How the session key must be wrapped: ephemeral-static ECDH, KDF, AES key wrap. */
struct license_agreement {
    enum license_curve curve;
    enum license_kdf kdf;
    uint8_t shared_info[LICENSE_SHARED_INFO_MAX];
    size_t shared_info_length;
    unsigned kek_bytes;
};

/* What came back from the HSM; views are borrowed. */
struct license_wrapped {
    struct bytes ephemeral_point; /* uncompressed */
    struct bytes wrapped_key;
};

struct license {
    uint8_t bytes[LICENSE_MAX_BYTES];
    size_t length;
};

struct license_profile;

/* The profile with that name ("cms"), or NULL. Static; never freed. */
const struct license_profile *license_profile_find(const char *name);
const char *license_profile_name(const struct license_profile *profile);
/* Bytes of the content encryption key that images of this profile use: 16 or 32. */
unsigned license_session_key_bytes(const struct license_profile *profile);

/* ERR_UNSUPPORTED when the profile cannot serve this subject; ERR_INTERNAL for lack of memory. */
enum error license_agreement(const struct license_profile *profile,
                             const struct license_subject *subject,
                             struct license_agreement *ret_agreement) MUST_USE;

/* ERR_TOO_LARGE when the result would exceed LICENSE_MAX_BYTES; ERR_INTERNAL. */
enum error license_encode(const struct license_profile *profile,
                          const struct license_subject *subject,
                          const struct license_wrapped *wrapped,
                          struct license *ret_license) MUST_USE;

#endif
