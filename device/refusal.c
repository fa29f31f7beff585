/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The words of each refusal. Owns no state. */
#include "device/refusal.h"

#include <assert.h>
#include <stddef.h>

static const struct {
    const char *reason;
    const char *detail;
} REFUSALS[REFUSAL_COUNT] = {
    [REFUSAL_CERTIFICATE_MALFORMED] = {"certificate-malformed",
                                       "A certificate of the device is cut off or is not DER."},
    [REFUSAL_TPM_EK] =
        {"tpm-ek",
         "This is the endorsement certificate of a TPM, whose key cannot open a license."},
    [REFUSAL_KEY_TYPE] = {"key-type", "The device's key is not of a type that the product is for."},
    [REFUSAL_KEY_SIZE] = {"key-size", "The device's RSA key has not 2048 to 4096 bits."},
    [REFUSAL_KEY_EXPONENT] = {"key-exponent",
                              "The device's RSA key has a public exponent that is even, too small "
                              "or longer than 64 bits."},
    [REFUSAL_CURVE] = {"curve",
                       "The device's key is not a valid point of a curve that the product is for."},
    [REFUSAL_UNTRUSTED_ISSUER] =
        {"untrusted-issuer", "No path leads from the device to a trust anchor of the product."},
    [REFUSAL_SIGNATURE_INVALID] =
        {"signature-invalid",
         "A certificate names an issuer that is trusted, but that issuer did not sign it."},
    [REFUSAL_WEAK_SIGNATURE] =
        {"weak-signature", "A certificate is signed with less than 112 bits of security (SHA-1, "
                           "MD5 or a small key)."},
    [REFUSAL_CHAIN_INVALID] = {"chain-invalid", "The certificate path breaks a rule of RFC 5280."},
    [REFUSAL_NOT_YET_VALID] = {"not-yet-valid",
                               "A certificate is not valid yet by this server's clock."},
    [REFUSAL_EXPIRED] = {"expired", "A certificate has expired by this server's clock."},
    [REFUSAL_REVOKED] = {"revoked", "A revocation list names a certificate of the device's path."},
    [REFUSAL_CRL_MISSING] =
        {"crl-missing", "The product asks for revocation lists, and there is none of one of the "
                        "issuers on the device's path. Call the operator."},
    [REFUSAL_CRL_STALE] =
        {"crl-stale", "A revocation list on the device's path is older than the product allows. "
                      "Call the operator."},
    [REFUSAL_KEY_USAGE] =
        {"key-usage", "The certificate does not allow its key to agree on keys (keyAgreement; RSA: "
                      "keyEncipherment), or belongs to a CA."},
    [REFUSAL_IDENTITY_MALFORMED] = {"identity-malformed",
                                    "The device's serial number is too long, given twice or not "
                                    "printable, or its issuer's name is too long."},
    [REFUSAL_ST_LENGTH] =
        {"st-length", "The chip's certificate does not have 136 bytes: it was cut off, or it is "
                      "another file (PEM or "
                      "base64 text?). If this happens with every chip, look at the file first."},
    [REFUSAL_ST_PRODUCT_ID] = {"st-product-id",
                               "The chip's certificate does not begin with a product ID."},
    [REFUSAL_ST_POINT] = {"st-point", "The chip's public key is not a point of P-256."},
    [REFUSAL_ST_FAMILY] = {"st-family",
                           "The chip's ID is not the one of the product. Check first whether the "
                           "product or alias that was asked for is the right one."},
    [REFUSAL_ST_SECURITY_COUNTER] =
        {"st-security-counter",
         "The chip is of the product's family and has another security counter."},
    [REFUSAL_ST_SIGNATURE] = {"st-signature",
                              "No trust anchor of the product signed the chip's certificate."},
    [REFUSAL_KEY_MALFORMED] = {"key-malformed",
                               "The device's public key is cut off, is not a DER "
                               "SubjectPublicKeyInfo, or is no key: its RSA modulus is even."},
    [REFUSAL_NOT_LISTED] =
        {"device-not-listed",
         "The device's key is on no list of this product: is its list missing here, or is it "
         "another product's device? Call the operator (provctl device allow)."},
    [REFUSAL_LIST_SIGNER] = {"list-signer",
                             "The list that the device is on was signed by a key that the product "
                             "trusts no longer. Call the operator."},
};

enum error refusal_set(struct fault *fault, enum refusal refusal, long native)
{
    assert(refusal >= REFUSAL_NONE && refusal < REFUSAL_COUNT);
    if (refusal == REFUSAL_NONE)
        return ERR_OK;
    return fault_set(fault, ERR_DEVICE_NOT_GENUINE, REFUSALS[refusal].reason,
                     REFUSALS[refusal].detail, native);
}
