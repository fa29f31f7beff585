/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who a device is: the check of a device certificate against a product's trust anchors.
 *
 * A struct device_anchors is made once per product and immutable: safe to share between threads.
 * device_check takes the PEM chain as a station sent it, hostile bytes included, and either fills a
 * struct device with everything the recipe and the license profiles need, or says exactly which
 * check failed. Implements the path validation of RFC 5280 §6 through libcrypto, with the rules of
 * IEEE 802.1AR device identities that a license needs.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define DEVICE_CHAIN_MAX_BYTES   ((size_t)32 * 1024) /* PEM text */
#define DEVICE_CHAIN_MAX_CERTS   8
#define DEVICE_ANCHORS_MAX       16
#define DEVICE_ANCHORS_MAX_BYTES ((size_t)64 * 1024) /* PEM text */
#define DEVICE_SERIAL_MAX_BYTES  64
#define DEVICE_POINT_MAX_BYTES   133
#define DEVICE_ISSUER_MAX_BYTES  2048 /* DER Name */
#define DEVICE_CERT_SERIAL_MAX   24   /* INTEGER content octets; RFC 5280 allows 20 */
#define DEVICE_RECEIPT_MAX_BYTES 144  /* a signature, DER */
#define DEVICE_SPKI_MAX_BYTES    256  /* SubjectPublicKeyInfo of a key that signs receipts, DER */
#define DEVICE_KEY_MAX_BYTES     600 /* SubjectPublicKeyInfo of any device, DER: RSA of 4096 bits */
#define DEVICE_CRLS_MAX          16
#define DEVICE_CRLS_MAX_BYTES    ((size_t)1024 * 1024) /* PEM text */
#define DEVICE_CRL_HOURS_MAX     8760                  /* a year */
#define DEVICE_RSA_BITS_MIN      2048
#define DEVICE_RSA_BITS_MAX      4096

struct device_anchors;

enum device_key_type {
    DEVICE_KEY_P256 = 1,
    DEVICE_KEY_P384 = 2,
    DEVICE_KEY_X25519 = 3,
    DEVICE_KEY_RSA = 4,
};
#define DEVICE_KEY_BIT(type) (1U << (type))

/* When a certificate must have been valid. */
enum device_validity {
    DEVICE_STRICT = 0, /* each one of the path now */
    /* The device's own now; those above it when it was issued (its notBefore): a CA may have
     * expired since. */
    DEVICE_CHAIN_VALID_AT_ISSUE = 1,
};

/* What a product asks of its devices beside the anchors; all zero is the default. */
struct device_policy {
    unsigned keys; /* DEVICE_KEY_BIT of each type that is served; 0: P-256 alone */
    enum device_validity validity;
    /*
     * Also certificates that allow a signature and no key agreement or encipherment, as many
     * IDevIDs do. The key is then used for what its certificate does not name.
     */
    bool accepts_sign_only;
    /*
     * Revocation: for each certificate of the path but the anchor there must be a CRL that is not
     * older than so many hours and says that it is not revoked. 0: nobody asks.
     */
    unsigned crl_hours_max;
};

/* A genuine device. A value: owns nothing. */
struct device {
    struct sha256 spki; /* SHA-256 of the DER SubjectPublicKeyInfo */
    char serial[DEVICE_SERIAL_MAX_BYTES +
                1]; /* 2.5.4.5, else hwSerialNum as lower-case hex, else "" */
    enum device_key_type key_type;
    uint8_t point[DEVICE_POINT_MAX_BYTES]; /* uncompressed, on the curve; X25519: its 32 bytes */
    size_t point_length;                   /* 0 with RSA */
    uint8_t key[DEVICE_KEY_MAX_BYTES];     /* SubjectPublicKeyInfo, DER */
    size_t key_length;
    bool can_sign; /* its certificate allows it to sign (RFC 5280 §4.2.1.3, digitalSignature) */
    /* For RecipientInfo issuerAndSerialNumber (RFC 5652 §10.2.4). */
    uint8_t issuer[DEVICE_ISSUER_MAX_BYTES]; /* DER Name */
    size_t issuer_length;
    uint8_t certificate_serial[DEVICE_CERT_SERIAL_MAX]; /* DER INTEGER content octets */
    size_t certificate_serial_length;
};

/*
 * Parses the trust anchors of a product: PEM, 1 to DEVICE_ANCHORS_MAX CA certificates (roots or
 * pinned intermediates) in at most DEVICE_ANCHORS_MAX_BYTES. ERR_BAD_REQUEST with the reason
 * "not-a-certificate", "certificate-malformed", "not-a-ca" or "too-many-anchors". Two anchors of
 * the same name need key identifiers to be told apart. policy is copied; NULL is the default. Free
 * with device_anchors_free.
 */
enum error device_anchors_new(struct bytes pem, const struct device_policy *policy,
                              struct device_anchors **ret_anchors, struct fault *fault) MUST_USE;
/*
 * Adds revocation lists, before the anchors are shared: PEM, at most DEVICE_CRLS_MAX in
 * DEVICE_CRLS_MAX_BYTES. ERR_BAD_REQUEST: "not-a-crl", "crl-malformed", "too-many-crls".
 */
enum error device_anchors_add_crls(struct device_anchors *anchors, struct bytes pem,
                                   struct fault *fault) MUST_USE;

/* Revocation lists that somebody brings for a product. All text is PEM. */
struct device_crls_offer {
    struct bytes anchors; /* of the product */
    struct bytes issuers; /* certificates of CAs below them that sign lists; may be empty */
    struct bytes crls;
    struct bytes kept;      /* those that the product has; may be empty */
    bool accepts_older;     /* also a step back from those */
    unsigned crl_hours_max; /* 0: any age */
    int64_t at_unix_ms;
};

/* What good lists are. */
struct device_crls {
    unsigned lists;
    int64_t issued_unix_ms;  /* thisUpdate of the oldest one */
    int64_t expires_unix_ms; /* the first nextUpdate; 0: none of them says one */
};

/*
 * Whether these lists may take the place of those that are kept. ERR_BAD_REQUEST: "not-a-crl",
 * "crl-malformed", "too-many-crls", "certificate-malformed" (of issuers), "crl-scope" (a part of a
 * list), "weak-signature", "crl-signer" (signed by nobody that the product trusts), "crl-stale",
 * "crl-twice" (two of one issuer). ERR_CONFLICT, unless older ones are accepted: "crl-older" (by
 * thisUpdate or number), "crl-dropped" (none of an issuer of which one is kept).
 */
enum error device_crls_check(const struct device_crls_offer *offer, struct device_crls *ret_crls,
                             struct fault *fault) MUST_USE;

/* NULL is allowed. */
void device_anchors_free(struct device_anchors *anchors);

/*
 * Checks a device's PEM chain, the device's own certificate first, intermediates after it in any
 * order. at_unix_ms is the time of the check.
 *
 * ERR_TOO_LARGE        more than DEVICE_CHAIN_MAX_BYTES or DEVICE_CHAIN_MAX_CERTS
 * ERR_BAD_REQUEST      "not-a-certificate": no PEM certificate at all, or text around it that is
 *                      neither white space nor a comment that openssl writes
 * ERR_DEVICE_NOT_GENUINE, with the reason one of the following, and the first that applies: first
 * what can never become right for this device, then whether it is ours at all, and only for our own
 * devices what an operator can mend. fault.native is the X509_V_ERR number for those of the path.
 *   "certificate-malformed"  begins as PEM certificate and is cut off or not DER
 *   "tpm-ek"                 the endorsement key of a TPM, which cannot open a license
 *   "key-type"               not a key of a type that the policy names
 *   "key-size"               an RSA key below DEVICE_RSA_BITS_MIN or above DEVICE_RSA_BITS_MAX bits
 *   "key-malformed"          an RSA key whose modulus is even
 *   "key-exponent"           an RSA key whose public exponent is even, 1, or longer than 64 bits
 *   "curve"                  an EC key that is not on a curve of the policy, or a point of X25519
 *                            with which nothing can be agreed upon
 *   "untrusted-issuer"       no path to an anchor of the product
 *   "chain-invalid"          any other rule of RFC 5280 §6 (path length, critical extension, …)
 *   "weak-signature"         a signature below 112 bits of security (SHA-1, MD5, small RSA)
 *   "signature-invalid"      names an anchor (or an issuer below one), and that one's signature
 *                            does not verify: a forgery
 *   "not-yet-valid", "expired"
 *   "revoked"                a revocation list names a certificate of the path
 *   "crl-missing"            there is no revocation list of one of the issuers
 *   "crl-stale"              the one that there is has expired, or is older than the policy allows
 *   "key-usage"              the key usage extension lacks keyAgreement (RSA: keyEncipherment), or
 * it is a CA certificate "identity-malformed"     a serial that is longer than
 * DEVICE_SERIAL_MAX_BYTES, not printable ASCII, empty or given twice; an issuer or certificate
 * serial longer than struct device holds
 */
enum error device_check(const struct device_anchors *anchors, struct bytes pem, int64_t at_unix_ms,
                        struct device *ret_device, struct fault *fault) MUST_USE;

struct device_spki {
    uint8_t der[DEVICE_SPKI_MAX_BYTES];
    size_t length;
};

/*
 * Checks a device's receipt: its signature (ECDSA with SHA-256, DER) over message by the key whose
 * uncompressed point this is, and gives the key's SubjectPublicKeyInfo. ERR_BAD_REQUEST:
 * "receipt-invalid"; "receipt-key" when the point is none of P-256.
 */
enum error device_receipt_check(struct bytes point, struct bytes message, struct bytes signature,
                                struct device_spki *ret_spki, struct fault *fault) MUST_USE;

#endif
