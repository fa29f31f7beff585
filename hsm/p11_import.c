/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking a session key in that was wrapped for this HSM's transport key. Token mode: ECDH, KDF,
 * unwrap and the wrap by the firmware key in the token. Host mode: the token gives the agreement's
 * Z, the KDF is libcrypto's, and the KEK enters the token as a session object that unwraps this one
 * key. Either way the session key is never outside the token in clear. Owns no state.
 */
#include "hsm/p11.h"

#define P256_Z_BYTES 32

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

/* What C_DeriveKey makes of the agreement. */
struct derivation {
    unsigned long kdf;
    CK_ATTRIBUTE *template;
    CK_ULONG count;
};

static CK_RV derive(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                    const struct p11_agreement *agreement, const struct derivation *derivation,
                    CK_OBJECT_HANDLE *ret_key)
{
    bool has_info = derivation->kdf != CKD_NULL && agreement->shared_info.length > 0;
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = derivation->kdf,
        .shared_data = has_info ? (unsigned char *)(uintptr_t)agreement->shared_info.data : NULL,
        .shared_data_len = has_info ? agreement->shared_info.length : 0,
        .public_data = (unsigned char *)(uintptr_t)agreement->peer_point.data,
        .public_data_len = agreement->peer_point.length};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    return p11->call->C_DeriveKey(p11->session, &mechanism, private_key, derivation->template,
                                  derivation->count, ret_key);
}

/* ---- the KEK: it wraps, too, so that p11_unwrap_under can tell wrong data from a lost token ----
 */

static CK_RV derive_kek(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                        const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_kek)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG size = agreement->kdf_bytes;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_VALUE_LEN, &size, sizeof size},
                               NO(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               YES(CKA_SENSITIVE),
                               NO(CKA_EXTRACTABLE),
                               YES(CKA_WRAP),
                               YES(CKA_UNWRAP)};
    const struct derivation derivation = {CKD_SHA256_KDF, template, COUNT(template)};
    return derive(p11, private_key, agreement, &derivation, ret_kek);
}

/* The raw agreement, as a session object whose value can be read once. */
static CK_RV derive_z(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                      const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_z)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = P256_Z_BYTES;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_VALUE_LEN, &size, sizeof size},
                               NO(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               NO(CKA_SENSITIVE),
                               YES(CKA_EXTRACTABLE)};
    const struct derivation derivation = {CKD_NULL, template, COUNT(template)};
    return derive(p11, private_key, agreement, &derivation, ret_z);
}

static enum error read_z(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                         const struct p11_agreement *agreement, struct secret *z,
                         struct fault *fault)
{
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_ATTRIBUTE value = {CKA_VALUE, z->bytes, z->length};
    CK_RV rv = derive_z(p11, private_key, agreement, &handle);
    if (rv == CKR_OK)
        rv = p11_read(p11, handle, &value);
    p11_destroy(p11, &handle);
    if (rv == CKR_OK && value.ulValueLen != z->length)
        rv = CKR_FUNCTION_FAILED;
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

static CK_RV create_kek(struct p11 *p11, const struct secret *kek, CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               NO(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               YES(CKA_SENSITIVE),
                               NO(CKA_EXTRACTABLE),
                               YES(CKA_WRAP),
                               YES(CKA_UNWRAP),
                               NO(CKA_ENCRYPT),
                               NO(CKA_DECRYPT),
                               {CKA_VALUE, kek->bytes, kek->length}};
    return p11->call->C_CreateObject(p11->session, template, COUNT(template), ret_key);
}

static enum error kek_by_host(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                              const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_kek,
                              struct fault *fault)
{
    SECRET_AUTO z = {0};
    SECRET_AUTO kek = {0};
    if (secret_new(P256_Z_BYTES, &z) != ERR_OK)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory for secrets.", 0);
    enum error e = read_z(p11, private_key, agreement, &z, fault);
    if (e == ERR_OK)
        e = p11_host_kdf(&z, agreement, &kek, fault);
    if (e != ERR_OK)
        return e;
    CK_RV rv = create_kek(p11, &kek, ret_kek);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

static enum error make_kek(struct p11 *p11, const struct p11_agreement *agreement,
                           CK_OBJECT_HANDLE *ret_kek, struct fault *fault)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    enum error e = p11_get_transport_key(p11, &private_key, fault);
    if (e != ERR_OK)
        return e;
    if (p11->mode == HSM_HOST_MODE)
        return kek_by_host(p11, private_key, agreement, ret_kek, fault);
    CK_RV rv = derive_kek(p11, private_key, agreement, ret_kek);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

/* ---- the session key ---- */

static enum error refuse_import(long native, struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, "import-refused",
                     "The session key does not open: it was altered, or wrapped for another HSM or "
                     "another use.",
                     native);
}

/* From under the KEK to under the firmware key. */
static enum error rewrap(struct p11 *p11, CK_OBJECT_HANDLE kek, const struct hsm_import *import,
                         struct hsm_wrapped_key *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE firmware_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct hsm_wrapped_key wrapped = {0};
    const struct bytes given = bytes_of(import->key.bytes, import->key.length);
    enum error e = p11_get_firmware_key(p11, &import->firmware_key, &firmware_key, fault);
    if (e != ERR_OK)
        return e;
    e = p11_unwrap_under(p11, kek, given, &key, fault);
    if (e == ERR_BAD_REQUEST)
        return refuse_import(fault->native, fault);
    if (e == ERR_OK)
        e = p11_aes_wrap(p11, firmware_key, key, &wrapped, fault);
    p11_destroy(p11, &key);
    if (e == ERR_OK && wrapped.length != given.length)
        return refuse_import(0, fault);
    if (e == ERR_OK)
        *ret_key = wrapped;
    return e;
}

enum error p11_import(struct p11 *p11, const struct hsm_import *import,
                      struct hsm_wrapped_key *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    const struct p11_agreement agreement = {.curve = HSM_P256,
                                            .kdf = HSM_X963_SHA256,
                                            .peer_point = import->ephemeral_point,
                                            .shared_info = import->shared_info,
                                            .kdf_bytes = import->kek_bytes};
    enum error e = p11_check_point(HSM_P256, import->ephemeral_point, fault);
    if (e == ERR_OK)
        e = make_kek(p11, &agreement, &kek, fault);
    if (e == ERR_OK)
        e = rewrap(p11, kek, import, ret_key, fault);
    p11_destroy(p11, &kek);
    return e;
}
