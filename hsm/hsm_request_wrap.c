/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validation of wraps, seals and imports. What belongs to another scheme than the one that is asked
 * for is refused, so that a mistake of the asking side is no silent default. Owns no state.
 */
#include "hsm/hsm_request_parts.h"

#include "hsm/hsm_client.h"
#include "hsm/hsm_message.h"

#define SEAL_PARTS_BYTES  32 /* of the KDF's output: where key and IV are */
#define SEAL_KEY_BYTES    16
#define SEAL_IV_MIN_BYTES 12
#define SEAL_IV_MAX_BYTES 16
#define MAC_SHA256_BYTES  32
#define MAC_SHA512_BYTES  64
#define SPKI_MIN_BYTES    256 /* the smallest modulus */

/* ---- parts ---- */

/* What wraps, seals and imports say about their agreement. */
struct agreement {
    Provisiond__HsmCurve curve;
    ProtobufCBinaryData peer_point;
    Provisiond__HsmKdf kdf;
    ProtobufCBinaryData shared_info;
};

static enum error check_agreement(const struct agreement *agreement, struct fault *fault)
{
    if (hsm_point_bytes((enum hsm_curve)agreement->curve) == 0)
        return hsm_request_refuse("curve", "The curve is not known.", fault);
    if (agreement->kdf < PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256 ||
        agreement->kdf > PROVISIOND__HSM_KDF__HSM_KDF_CONCAT_SHA256)
        return hsm_request_refuse("kdf", "The key derivation function is not known.", fault);
    if (agreement->shared_info.len > HSM_SHARED_INFO_MAX)
        return hsm_request_refuse("shared-info", "Shared info has at most 256 bytes.", fault);
    if (!hsm_is_point((enum hsm_curve)agreement->curve, agreement->peer_point.data,
                      agreement->peer_point.len))
        return hsm_request_refuse(
            "peer-point",
            "A point has 65 bytes on P-256 and 97 on P-384, uncompressed, and "
            "32 on X25519.",
            fault);
    return ERR_OK;
}

static enum error check_no_agreement(const struct agreement *agreement, struct fault *fault)
{
    if (agreement->curve != PROVISIOND__HSM_CURVE__HSM_CURVE_UNKNOWN ||
        agreement->peer_point.len > 0 || agreement->kdf != PROVISIOND__HSM_KDF__HSM_KDF_UNKNOWN ||
        agreement->shared_info.len > 0)
        return hsm_request_refuse("agreement", "For an RSA key there is no agreement.", fault);
    return ERR_OK;
}

static enum error check_kek_bytes(uint32_t kek_bytes, struct fault *fault)
{
    if (kek_bytes != 16 && kek_bytes != 32)
        return hsm_request_refuse("kek-bytes", "A KEK has 16 or 32 bytes.", fault);
    return ERR_OK;
}

static enum error check_spki(ProtobufCBinaryData spki, struct fault *fault)
{
    if (spki.len < SPKI_MIN_BYTES || spki.len > HSM_PEER_SPKI_MAX)
        return hsm_request_refuse("peer-spki",
                                  "An RSA key's SubjectPublicKeyInfo has 256 to 600 bytes.", fault);
    return ERR_OK;
}

static enum error check_no_spki(ProtobufCBinaryData spki, struct fault *fault)
{
    if (spki.len > 0)
        return hsm_request_refuse("peer-spki", "With an agreement there is no RSA key.", fault);
    return ERR_OK;
}

static enum error check_keys(ProtobufCBinaryData firmware_key_id, ProtobufCBinaryData wrapped,
                             struct fault *fault)
{
    enum error e = hsm_request_check_key_id(firmware_key_id, fault);
    return e == ERR_OK ? hsm_request_check_wrapped_key(wrapped, fault) : e;
}

/* ---- wraps ---- */

static enum error check_agreed_wrap(const Provisiond__HsmWrapRequest *request,
                                    const struct agreement *agreement, struct fault *fault)
{
    enum error e = check_kek_bytes(request->kek_bytes, fault);
    if (e == ERR_OK)
        e = check_no_spki(request->peer_spki, fault);
    if (e == ERR_OK && request->curve == PROVISIOND__HSM_CURVE__HSM_CURVE_X25519)
        e = hsm_request_refuse("curve", "X25519 is for seals alone.", fault);
    return e == ERR_OK ? check_agreement(agreement, fault) : e;
}

static enum error check_rsa_wrap(const Provisiond__HsmWrapRequest *request,
                                 const struct agreement *agreement, struct fault *fault)
{
    if (request->kek_bytes != 0)
        return hsm_request_refuse("kek-bytes", "For an RSA key there is no KEK.", fault);
    enum error e = check_no_agreement(agreement, fault);
    return e == ERR_OK ? check_spki(request->peer_spki, fault) : e;
}

enum error hsm_request_check_one_wrap(const Provisiond__HsmWrapRequest *request,
                                      struct fault *fault)
{
    const struct agreement agreement = {request->curve, request->peer_point, request->kdf,
                                        request->shared_info};
    enum error e = ERR_OK;
    switch (request->key_wrap) {
    case PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES:
        e = check_agreed_wrap(request, &agreement, fault);
        break;
    case PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_RSA_OAEP:
    case PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_RSA_PKCS1:
        e = check_rsa_wrap(request, &agreement, fault);
        break;
    default:
        return hsm_request_refuse("key-wrap", "The key wrap is not known.", fault);
    }
    return e == ERR_OK ? check_keys(request->firmware_key_id, request->wrapped_session_key, fault)
                       : e;
}

/* The transport key is on P-256. */
enum error hsm_request_check_import(const Provisiond__HsmImportRequest *request,
                                    struct fault *fault)
{
    const struct agreement agreement = {request->curve, request->ephemeral_point, request->kdf,
                                        request->shared_info};
    if (request->key_wrap != PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES)
        return hsm_request_refuse("key-wrap", "The key wrap is not known.", fault);
    if (request->curve != PROVISIOND__HSM_CURVE__HSM_CURVE_P256)
        return hsm_request_refuse("curve", "The transport key is on P-256.", fault);
    if (request->kdf != PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256)
        return hsm_request_refuse("kdf", "Imports are agreed upon with X9.63 and SHA-256.", fault);
    enum error e = check_kek_bytes(request->kek_bytes, fault);
    if (e == ERR_OK)
        e = check_agreement(&agreement, fault);
    return e == ERR_OK ? check_keys(request->firmware_key_id, request->wrapped_key, fault) : e;
}

/* ---- seals ---- */

/* Key and IV are parts of the first half of the KDF's output that do not touch. */
static enum error check_layout(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    uint32_t key = request->kdf_key_offset;
    uint32_t iv = request->kdf_iv_offset;
    uint32_t iv_bytes = request->kdf_iv_bytes;
    if (key > SEAL_PARTS_BYTES - SEAL_KEY_BYTES)
        return hsm_request_refuse("kdf-key-offset", "The key's offset is at most 16.", fault);
    if (iv_bytes < SEAL_IV_MIN_BYTES || iv_bytes > SEAL_IV_MAX_BYTES)
        return hsm_request_refuse("kdf-iv-bytes", "The IV has 12 to 16 bytes.", fault);
    if (iv > SEAL_PARTS_BYTES - iv_bytes)
        return hsm_request_refuse("kdf-iv-offset", "The IV ends within the first 32 bytes.", fault);
    if (iv < key + SEAL_KEY_BYTES && key < iv + iv_bytes)
        return hsm_request_refuse("kdf-overlap", "Key and IV are apart.", fault);
    return ERR_OK;
}

static enum error check_no_layout(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    if (request->kdf_key_offset != 0 || request->kdf_iv_offset != 0 || request->kdf_iv_bytes != 0 ||
        request->prefix.len > 0 || request->aad.len > 0)
        return hsm_request_refuse(
            "seal-layout", "Layout, prefix and additional data are for AES-GCM alone.", fault);
    return ERR_OK;
}

static enum error check_no_mac(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    if (request->kek_bytes != 0 || request->mac_bytes != 0)
        return hsm_request_refuse("mac-bytes", "Only AES-CTR with HMAC has these two sizes.",
                                  fault);
    return ERR_OK;
}

static enum error check_gcm_seal(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    if (request->curve != PROVISIOND__HSM_CURVE__HSM_CURVE_P256)
        return hsm_request_refuse("curve", "The scheme is for P-256.", fault);
    if (request->kdf != PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256)
        return hsm_request_refuse("kdf", "The scheme is for X9.63 with SHA-256.", fault);
    if (request->prefix.len > HSM_SEAL_PREFIX_MAX)
        return hsm_request_refuse("prefix", "A seal's prefix has at most 32 bytes.", fault);
    if (request->aad.len > HSM_SEAL_AAD_MAX)
        return hsm_request_refuse("aad", "A seal's additional data has at most 256 bytes.", fault);
    enum error e = check_no_mac(request, fault);
    return e == ERR_OK ? check_layout(request, fault) : e;
}

static enum error check_hmac_seal(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    if (request->curve == PROVISIOND__HSM_CURVE__HSM_CURVE_P384)
        return hsm_request_refuse("curve", "The scheme is for P-256 and X25519.", fault);
    if (request->kdf != PROVISIOND__HSM_KDF__HSM_KDF_HKDF_SHA256 &&
        request->kdf != PROVISIOND__HSM_KDF__HSM_KDF_HKDF_SHA512)
        return hsm_request_refuse("kdf", "The scheme is for HKDF.", fault);
    if (request->mac_bytes != MAC_SHA256_BYTES && request->mac_bytes != MAC_SHA512_BYTES)
        return hsm_request_refuse("mac-bytes", "A MAC key has 32 or 64 bytes.", fault);
    enum error e = check_kek_bytes(request->kek_bytes, fault);
    return e == ERR_OK ? check_no_layout(request, fault) : e;
}

static enum error check_rsa_seal(const Provisiond__HsmSealRequest *request,
                                 const struct agreement *agreement, struct fault *fault)
{
    enum error e = check_no_agreement(agreement, fault);
    if (e == ERR_OK)
        e = check_no_layout(request, fault);
    if (e == ERR_OK)
        e = check_no_mac(request, fault);
    return e == ERR_OK ? check_spki(request->peer_spki, fault) : e;
}

static enum error check_ecies_seal(const Provisiond__HsmSealRequest *request,
                                   const struct agreement *agreement, struct fault *fault)
{
    enum error e = request->scheme == PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_ECIES_AES128_GCM
                       ? check_gcm_seal(request, fault)
                       : check_hmac_seal(request, fault);
    if (e == ERR_OK)
        e = check_no_spki(request->peer_spki, fault);
    return e == ERR_OK ? check_agreement(agreement, fault) : e;
}

enum error hsm_request_check_seal(const Provisiond__HsmSealRequest *request, struct fault *fault)
{
    const struct agreement agreement = {request->curve, request->peer_point, request->kdf,
                                        request->shared_info};
    enum error e = ERR_OK;
    switch (request->scheme) {
    case PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_ECIES_AES128_GCM:
    case PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_ECIES_CTR_HMAC:
        e = check_ecies_seal(request, &agreement, fault);
        break;
    case PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_RSA_OAEP_SHA256:
        e = check_rsa_seal(request, &agreement, fault);
        break;
    default:
        return hsm_request_refuse("seal-scheme", "The seal's scheme is not known.", fault);
    }
    return e == ERR_OK ? check_keys(request->firmware_key_id, request->wrapped_session_key, fault)
                       : e;
}
