/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An agreement whose every part is in the token: ephemeral key, ECDH, and the KDF, which is a part
 * of the ECDH (X9.63) or a second derivation (HKDF). What comes of it wraps and does nothing else.
 * Owns no state.
 */
#include "hsm/p11.h"

/* PKCS#11 3.0, which p11-kit's header of today does not know. */
#define CKM_HKDF_DERIVE    0x402aUL
#define CKF_HKDF_SALT_NULL 0x1UL

struct hkdf_parameters {
    CK_BBOOL extract;
    CK_BBOOL expand;
    CK_MECHANISM_TYPE prf_hash;
    CK_ULONG salt_type;
    unsigned char *salt;
    CK_ULONG salt_len;
    CK_OBJECT_HANDLE salt_key;
    unsigned char *info;
    CK_ULONG info_len;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

#define YES(type)              \
    {                          \
        type, &yes, sizeof yes \
    }
#define NO(type)             \
    {                        \
        type, &no, sizeof no \
    }

/* How a token is asked for a KDF. */
static const struct {
    CK_ULONG kdf;               /* of the ECDH; CKD_NULL: none */
    CK_MECHANISM_TYPE prf_hash; /* of an HKDF after it; 0: none */
} WAYS[] = {
    [HSM_X963_SHA256] = {CKD_SHA256_KDF, 0},    [HSM_X963_SHA384] = {CKD_SHA384_KDF, 0},
    [HSM_HKDF_SHA256] = {CKD_NULL, CKM_SHA256}, [HSM_HKDF_SHA512] = {CKD_NULL, CKM_SHA512},
    [HSM_CONCAT_SHA256] = {CKD_NULL, 0},
};

static uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static uint8_t p384_oid[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

struct ephemeral {
    CK_OBJECT_HANDLE public_key;
    CK_OBJECT_HANDLE private_key;
};

bool p11_can_ask_for_kdf(enum hsm_kdf kdf)
{
    return WAYS[kdf].kdf != CKD_NULL || WAYS[kdf].prf_hash != 0;
}

/* ---- the ephemeral key ---- */

static CK_RV make_ephemeral(struct p11 *p11, enum hsm_curve curve, struct ephemeral *ephemeral)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE parameters = {CKA_EC_PARAMS, p256_oid, sizeof p256_oid};
    if (curve == HSM_P384)
        parameters = (CK_ATTRIBUTE){CKA_EC_PARAMS, p384_oid, sizeof p384_oid};
    CK_ATTRIBUTE public_template[] = {NO(CKA_TOKEN), NO(CKA_PRIVATE), parameters};
    CK_ATTRIBUTE private_template[] = {NO(CKA_TOKEN), YES(CKA_PRIVATE), YES(CKA_SENSITIVE),
                                       NO(CKA_EXTRACTABLE), YES(CKA_DERIVE)};
    return p11->call->C_GenerateKeyPair(
        p11->session, &mechanism, public_template, COUNT(public_template), private_template,
        COUNT(private_template), &ephemeral->public_key, &ephemeral->private_key);
}

static CK_RV read_point(struct p11 *p11, CK_OBJECT_HANDLE key, enum hsm_curve curve, uint8_t *out)
{
    uint8_t value[HSM_POINT_MAX_BYTES + 4];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    CK_RV rv = p11_read(p11, key, &attribute);
    if (rv == CKR_OK && !p11_decode_point(curve, bytes_of(value, attribute.ulValueLen), out))
        return CKR_FUNCTION_FAILED;
    return rv;
}

/* ---- derivations ---- */

/* A sensitive session key of that size that may be used in one way: CKA_WRAP or CKA_DERIVE. */
static CK_RV derive(struct p11 *p11, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
                    CK_ATTRIBUTE_TYPE use, CK_ULONG size, CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = use == CKA_WRAP ? CKK_AES : CKK_GENERIC_SECRET;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_VALUE_LEN, &size, sizeof size},
                               NO(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               YES(CKA_SENSITIVE),
                               NO(CKA_EXTRACTABLE),
                               YES(use)};
    return p11->call->C_DeriveKey(p11->session, mechanism, base, template, COUNT(template),
                                  ret_key);
}

static CK_RV agree(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                   const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_key)
{
    const CK_ULONG kdf = WAYS[agreement->kdf].kdf;
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = kdf,
        .shared_data = (unsigned char *)(uintptr_t)agreement->shared_info.data,
        .shared_data_len = agreement->shared_info.length,
        .public_data = (unsigned char *)(uintptr_t)agreement->peer_point.data,
        .public_data_len = agreement->peer_point.length};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    if (kdf != CKD_NULL)
        return derive(p11, &mechanism, private_key, CKA_WRAP, agreement->kdf_bytes, ret_key);
    parameters.shared_data = NULL;
    parameters.shared_data_len = 0;
    return derive(p11, &mechanism, private_key, CKA_DERIVE, p11_z_bytes(agreement->curve), ret_key);
}

static CK_RV expand(struct p11 *p11, CK_OBJECT_HANDLE z, const struct p11_agreement *agreement,
                    CK_OBJECT_HANDLE *ret_kek)
{
    struct hkdf_parameters parameters = {
        .extract = CK_TRUE,
        .expand = CK_TRUE,
        .prf_hash = WAYS[agreement->kdf].prf_hash,
        .salt_type = CKF_HKDF_SALT_NULL,
        .info = (unsigned char *)(uintptr_t)agreement->shared_info.data,
        .info_len = agreement->shared_info.length};
    CK_MECHANISM mechanism = {CKM_HKDF_DERIVE, &parameters, sizeof parameters};
    return derive(p11, &mechanism, z, CKA_WRAP, agreement->kdf_bytes, ret_kek);
}

static CK_RV derive_kek(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                        const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_kek)
{
    CK_OBJECT_HANDLE z = CK_INVALID_HANDLE;
    if (WAYS[agreement->kdf].prf_hash == 0)
        return agree(p11, private_key, agreement, ret_kek);
    CK_RV rv = agree(p11, private_key, agreement, &z);
    if (rv == CKR_OK)
        rv = expand(p11, z, agreement, ret_kek);
    p11_destroy(p11, &z);
    return rv;
}

CK_RV p11_token_agree(struct p11 *p11, const struct p11_agreement *agreement,
                      CK_OBJECT_HANDLE *ret_kek, uint8_t ret_ephemeral[HSM_POINT_MAX_BYTES])
{
    struct ephemeral ephemeral = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    CK_RV rv = make_ephemeral(p11, agreement->curve, &ephemeral);
    if (rv == CKR_OK)
        rv = read_point(p11, ephemeral.public_key, agreement->curve, ret_ephemeral);
    if (rv == CKR_OK)
        rv = derive_kek(p11, ephemeral.private_key, agreement, ret_kek);
    p11_destroy(p11, &ephemeral.private_key);
    p11_destroy(p11, &ephemeral.public_key);
    return rv;
}
