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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define LICENSE_MAX_BYTES       4096
#define LICENSE_SHARED_INFO_MAX 256
#define LICENSE_PROFILE_MAX     16 /* bytes of a profile's name, with NUL */

#define LICENSE_PREFIX_MAX      16
#define LICENSE_AAD_MAX         32
#define LICENSE_ST_INFO_MAX     64 /* bytes of the st-sfi profile's shared info */

enum license_curve { LICENSE_P256 = 1 };
enum license_kdf { LICENSE_X963_SHA256 = 1 };

/*
 * How the session key is wrapped under what the KDF gives: AES key wrap (RFC 3394) inside the
 * token; or ECIES with AES-128-GCM (hsm/hsm.proto, HsmSealScheme), for which the session key passes
 * through the HSM worker's memory.
 */
enum license_wrap { LICENSE_AES_KEY_WRAP = 1, LICENSE_ECIES_AES128_GCM = 2 };

/* What the device shows to prove its origin. */
enum license_device { LICENSE_X509_DEVICE = 1, LICENSE_ST_DEVICE = 2 };

/* Settings of an st-sfi product (docs/profiles/st-sfi.md); license_st_reference has the defaults.
 */
struct license_st_settings {
    uint8_t type[4];
    uint32_t minimum_boot_version;
    uint8_t shared_info[LICENSE_ST_INFO_MAX];
    size_t shared_info_length; /* 1 to LICENSE_ST_INFO_MAX */
    unsigned kdf_key_offset;   /* bytes; parts of K[0..31] that do not overlap */
    unsigned kdf_iv_offset;
    unsigned kdf_iv_bytes; /* 12 to 16 */
};

/* Everything a license is about; all views are borrowed for the call. */
struct license_subject {
    const char *product;
    struct sha256 image; /* digest of the encrypted image */
    struct sha256 device_spki;
    const char *device_serial;            /* "" when the device has none */
    struct bytes device_issuer;           /* DER Name */
    struct bytes certificate_serial;      /* DER INTEGER content octets */
    struct bytes content_iv;              /* of the image's AES-GCM encryption, 12 bytes */
    struct bytes content_tag;             /* 16 bytes */
    const struct license_st_settings *st; /* with the profile st-sfi; NULL otherwise */
};

/* How the session key must be wrapped: ephemeral-static ECDH, KDF, and then as wrap says. */
struct license_agreement {
    enum license_curve curve;
    enum license_kdf kdf;
    enum license_wrap wrap;
    uint8_t shared_info[LICENSE_SHARED_INFO_MAX];
    size_t shared_info_length;
    unsigned kek_bytes; /* LICENSE_AES_KEY_WRAP */
    /* LICENSE_ECIES_AES128_GCM: */
    unsigned kdf_key_offset;
    unsigned kdf_iv_offset;
    unsigned kdf_iv_bytes;
    uint8_t prefix[LICENSE_PREFIX_MAX]; /* encrypted before the session key */
    size_t prefix_length;
    uint8_t aad[LICENSE_AAD_MAX]; /* before the ephemeral key and K[32..63] */
    size_t aad_length;
};

/* What came back from the HSM; views are borrowed. */
struct license_wrapped {
    struct bytes ephemeral_point; /* uncompressed */
    struct bytes wrapped_key;     /* or the sealed one: ciphertext and tag */
};

struct license {
    uint8_t bytes[LICENSE_MAX_BYTES];
    size_t length;
};

struct license_profile;

/* The profile with that name ("cms", "st-sfi"), or NULL. Static; never freed. */
const struct license_profile *license_profile_find(const char *name);
const char *license_profile_name(const struct license_profile *profile);
/* Bytes of the content encryption key that images of this profile use: 16 or 32. */
unsigned license_session_key_bytes(const struct license_profile *profile);
enum license_device license_device_form(const struct license_profile *profile);
/* True when the session key leaves the token for a moment: the product must allow it. */
bool license_exposes_session_key(const struct license_profile *profile);
/* The reference values of the st-sfi profile. */
struct license_st_settings license_st_reference(void);
/* True when shared_info_length and the three kdf_ members are within their limits. */
bool license_st_settings_are_valid(const struct license_st_settings *settings);

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
