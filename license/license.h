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
#define LICENSE_CONTENT_MAX     16 /* bytes of the name of a form of content, with NUL */
#define LICENSE_CONTENT_AAD_MAX 32
#define LICENSE_CONTENT_IV_MAX  16

#define LICENSE_PREFIX_MAX      16
#define LICENSE_AAD_MAX         32
#define LICENSE_ST_INFO_MAX     64 /* bytes of the st-sfi profile's shared info */

/* The key of the device. */
enum license_key {
    LICENSE_P256 = 1,
    LICENSE_P384 = 2,
    LICENSE_X25519 = 3,
    LICENSE_RSA = 4,
};

/* From the secret Z that was agreed upon to key material. */
enum license_kdf {
    LICENSE_X963_SHA256 = 1, /* ANSI X9.63, SEC 1 §3.6.1 */
    LICENSE_X963_SHA384 = 2,
    LICENSE_HKDF_SHA256 = 3, /* RFC 5869, no salt */
    LICENSE_HKDF_SHA512 = 4,
    LICENSE_CONCAT_SHA256 = 5, /* NIST SP 800-56A §5.8.1: one step, as RFC 7518 §4.6.2 has it */
};

/*
 * How the session key is wrapped, under what the KDF gives or for an RSA key. The ECIES ones and
 * LICENSE_RSA_OAEP_SHA256 are for tokens that cannot do them as a wrap: the session key passes
 * through the HSM worker's memory (hsm/hsm.proto, HsmSealScheme).
 */
enum license_wrap {
    LICENSE_AES_KEY_WRAP = 1, /* RFC 3394, inside the token */
    LICENSE_ECIES_AES128_GCM = 2,
    /* K is a key of kek_bytes and a MAC key of mac_bytes; AES-CTR (counter 0), HMAC of the
     * ciphertext. */
    LICENSE_ECIES_CTR_HMAC = 3,
    LICENSE_RSA_OAEP = 4, /* inside the token, with the best hash that it knows (RFC 8017 §7.1) */
    LICENSE_RSA_OAEP_SHA256 = 5, /* and no other hash */
    LICENSE_RSA_PKCS1 = 6,       /* RSAES-PKCS1-v1_5 inside the token (RFC 8017 §7.2) */
};

/* The hash of RSAES-OAEP and of its mask generation. */
enum license_hash { LICENSE_SHA1 = 1, LICENSE_SHA256 = 2 };

/* What the device shows to prove its origin. */
enum license_device { LICENSE_X509_DEVICE = 1, LICENSE_ST_DEVICE = 2 };

enum license_cipher { LICENSE_AES_GCM = 1, LICENSE_AES_CBC = 2, LICENSE_AES_CTR = 3 };

/* One way in which a profile's images are encrypted. */
struct license_content {
    char name[LICENSE_CONTENT_MAX]; /* "aes-256-gcm" */
    enum license_cipher cipher;
    unsigned key_bytes; /* of the session key */
    unsigned iv_bytes; /* 0: the counter begins at 0, and nothing else is encrypted under the key */
    unsigned tag_bytes; /* 0: nobody notices a changed image but the firmware's own signature */
    uint8_t aad[LICENSE_CONTENT_AAD_MAX]; /* the same for each image */
    size_t aad_length;
};

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
    enum license_key device_key;
    struct sha256 device_spki;
    const char *device_serial;             /* "" when the device has none */
    struct bytes device_issuer;            /* DER Name */
    struct bytes certificate_serial;       /* DER INTEGER content octets */
    const struct license_content *content; /* one of the profile's */
    struct bytes content_iv;               /* as many bytes as content says */
    struct bytes content_tag;
    const struct license_st_settings *st; /* with the profile st-sfi; NULL otherwise */
    bool uses_kw256;                      /* with the profile suit: A256KW instead of A128KW */
    bool uses_sha512; /* with the profile mcuboot and X25519: HKDF and HMAC with SHA-512 */
};

/*
 * How the session key must be wrapped: ephemeral-static ECDH, KDF, and then as wrap says; or for an
 * RSA key, with no KDF.
 */
struct license_agreement {
    enum license_key key;
    enum license_kdf kdf;
    enum license_wrap wrap;
    uint8_t shared_info[LICENSE_SHARED_INFO_MAX];
    size_t shared_info_length;
    unsigned kek_bytes; /* LICENSE_AES_KEY_WRAP, LICENSE_ECIES_CTR_HMAC: 16 or 32 */
    unsigned mac_bytes; /* LICENSE_ECIES_CTR_HMAC: 32 with HMAC-SHA256, 64 with HMAC-SHA512 */
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
    struct bytes ephemeral_point; /* uncompressed, or the 32 bytes of X25519; none with RSA */
    struct bytes wrapped_key;     /* or the sealed one: ciphertext and tag */
    enum license_hash oaep_hash;  /* LICENSE_RSA_OAEP: what the token took */
};

struct license {
    uint8_t bytes[LICENSE_MAX_BYTES];
    size_t length;
};

struct license_profile;

/* The profile with that name ("cms", "st-sfi"), or NULL. Static; never freed. */
const struct license_profile *license_profile_find(const char *name);
const char *license_profile_name(const struct license_profile *profile);
/* The profile's form of content of that name, or NULL; "" is its default. Static; never freed. */
const struct license_content *license_content_find(const struct license_profile *profile,
                                                   const char *name);
/* True when the profile serves devices with this kind of key. */
bool license_serves(const struct license_profile *profile, enum license_key key);
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
