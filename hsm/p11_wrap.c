/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Wrapping a session key for one peer. Token mode: ephemeral key, ECDH, KDF and wrap in the token.
 * Host mode: ephemeral key, ECDH and KDF in libcrypto; the KEK enters the token as a session object
 * for the one C_WrapKey. Either way the session key leaves the token wrapped only.
 */
#include "hsm/p11.h"

#include <string.h>

#include "core/crash_point.h"

#define DRY_KEY_BYTES 32

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

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

static uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

/* ---- host mode ---- */

enum error p11_import_kek(struct p11 *p11, const struct secret *kek, CK_OBJECT_HANDLE *ret_key,
                          struct fault *fault)
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
                               NO(CKA_UNWRAP),
                               NO(CKA_ENCRYPT),
                               NO(CKA_DECRYPT),
                               {CKA_VALUE, kek->bytes, kek->length}};
    CK_RV rv = p11->call->C_CreateObject(p11->session, template, COUNT(template), ret_key);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

static enum error wrap_under(struct p11 *p11, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE session_key,
                             struct hsm_peer_key *ret_key, struct fault *fault)
{
    struct hsm_wrapped_key wrapped;
    enum error e = p11_aes_wrap(p11, kek, session_key, &wrapped, fault);
    if (e != ERR_OK)
        return e;
    memcpy(ret_key->bytes, wrapped.bytes, wrapped.length);
    ret_key->length = wrapped.length;
    return ERR_OK;
}

static enum error wrap_in_host_mode(struct p11 *p11, CK_OBJECT_HANDLE session_key,
                                    const struct p11_agreement *agreement,
                                    struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    SECRET_AUTO kek = {0};
    CK_OBJECT_HANDLE kek_handle = CK_INVALID_HANDLE;
    enum error e = p11_host_agree(agreement, &kek, ret_wrapped->ephemeral_point, fault);
    if (e == ERR_OK)
        e = p11_import_kek(p11, &kek, &kek_handle, fault);
    secret_clear(&kek);
    if (e == ERR_OK)
        e = wrap_under(p11, kek_handle, session_key, &ret_wrapped->key, fault);
    p11_destroy(p11, &kek_handle);
    return e;
}

/* ---- token mode ---- */

struct ephemeral {
    CK_OBJECT_HANDLE public_key;
    CK_OBJECT_HANDLE private_key;
};

static CK_RV make_ephemeral(struct p11 *p11, struct ephemeral *ephemeral)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        NO(CKA_TOKEN), NO(CKA_PRIVATE), {CKA_EC_PARAMS, p256_oid, sizeof p256_oid}};
    CK_ATTRIBUTE private_template[] = {NO(CKA_TOKEN), YES(CKA_PRIVATE), YES(CKA_SENSITIVE),
                                       NO(CKA_EXTRACTABLE), YES(CKA_DERIVE)};
    return p11->call->C_GenerateKeyPair(
        p11->session, &mechanism, public_template, COUNT(public_template), private_template,
        COUNT(private_template), &ephemeral->public_key, &ephemeral->private_key);
}

static CK_RV derive_kek(struct p11 *p11, CK_OBJECT_HANDLE private_key,
                        const struct p11_agreement *agreement, CK_OBJECT_HANDLE *ret_kek)
{
    CK_ECDH1_DERIVE_PARAMS parameters = {
        .kdf = CKD_SHA256_KDF,
        .shared_data = (unsigned char *)(uintptr_t)agreement->shared_info.data,
        .shared_data_len = agreement->shared_info.length,
        .public_data = (unsigned char *)(uintptr_t)agreement->peer_point.data,
        .public_data_len = agreement->peer_point.length};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
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
                               YES(CKA_WRAP)};
    return p11->call->C_DeriveKey(p11->session, &mechanism, private_key, template, COUNT(template),
                                  ret_kek);
}

static CK_RV read_point(struct p11 *p11, CK_OBJECT_HANDLE key, uint8_t out[P11_POINT_BYTES])
{
    uint8_t value[HSM_POINT_MAX_BYTES + 4];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    CK_RV rv = p11_read(p11, key, &attribute);
    if (rv == CKR_OK && !p11_decode_point(bytes_of(value, attribute.ulValueLen), out))
        return CKR_FUNCTION_FAILED;
    return rv;
}

static enum error wrap_in_token_mode(struct p11 *p11, CK_OBJECT_HANDLE session_key,
                                     const struct p11_agreement *agreement,
                                     struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    struct ephemeral ephemeral = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum error e = ERR_OK;
    CK_RV rv = make_ephemeral(p11, &ephemeral);
    if (rv == CKR_OK)
        rv = read_point(p11, ephemeral.public_key, ret_wrapped->ephemeral_point);
    if (rv == CKR_OK)
        rv = derive_kek(p11, ephemeral.private_key, agreement, &kek);
    if (rv != CKR_OK)
        e = p11_fail(p11, rv, fault);
    else
        e = wrap_under(p11, kek, session_key, &ret_wrapped->key, fault);
    p11_destroy(p11, &kek);
    p11_destroy(p11, &ephemeral.private_key);
    p11_destroy(p11, &ephemeral.public_key);
    return e;
}

/* ---- the choice ---- */

struct dry_run {
    struct p11_device device;
    struct p11_agreement agreement;
    CK_OBJECT_HANDLE key;
};

static enum error run_dry(struct p11 *p11, enum hsm_mode mode, const struct dry_run *run,
                          struct fault *fault)
{
    struct hsm_wrapped wrapped = {.ephemeral_length = P11_POINT_BYTES, .mode = mode};
    p11->mode = mode;
    enum error e = mode == HSM_TOKEN_MODE
                       ? wrap_in_token_mode(p11, run->key, &run->agreement, &wrapped, fault)
                       : wrap_in_host_mode(p11, run->key, &run->agreement, &wrapped, fault);
    if (e == ERR_OK && !p11_device_opens(&run->device, &run->agreement, &wrapped))
        e = fault_set(
            fault, ERR_UNSUPPORTED, "wrap-not-standard",
            "The token wraps keys in a way that no device could open: its AES key wrap is "
            "not that of RFC 3394. docs/HSM.md says what a module must do.",
            0);
    return e;
}

enum error p11_try_mode(struct p11 *p11, enum hsm_mode mode, struct fault *fault)
{
    static const uint8_t shared_info[] = "provisiond probe";
    struct dry_run run = {.key = CK_INVALID_HANDLE};
    enum error e = p11_device_new(&run.device, fault);
    run.agreement =
        (struct p11_agreement){.peer_point = bytes_of(run.device.point, P11_POINT_BYTES),
                               .shared_info = bytes_of(shared_info, sizeof shared_info),
                               .kdf_bytes = DRY_KEY_BYTES};
    if (e == ERR_OK)
        e = p11_make_session_key(p11, DRY_KEY_BYTES, &run.key, fault);
    if (e == ERR_OK)
        e = run_dry(p11, mode, &run, fault);
    p11_destroy(p11, &run.key);
    p11_device_free(&run.device);
    return e;
}

enum error p11_choose_mode(struct p11 *p11, struct fault *fault)
{
    if (p11_try_mode(p11, HSM_TOKEN_MODE, fault) == ERR_OK)
        return ERR_OK;
    /* Whatever the refusal was, host mode's own dry run tells a lost token from a poor one. */
    p11->is_unfit = p11->is_stale = false;
    return p11_try_mode(p11, HSM_HOST_MODE, fault);
}

enum error p11_wrap(struct p11 *p11, const struct hsm_wrap *wrap, struct hsm_wrapped *ret_wrapped,
                    struct fault *fault)
{
    if (wrap->key_wrap != HSM_AES_KEY_WRAP || wrap->curve != HSM_P256 ||
        wrap->kdf != HSM_X963_SHA256)
        return fault_set(fault, ERR_UNSUPPORTED, "not-in-this-build",
                         "This build does not know the wrap yet.", 0);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    const struct p11_agreement agreement = {.peer_point = wrap->peer_point,
                                            .shared_info = wrap->shared_info,
                                            .kdf_bytes = wrap->kek_bytes};
    struct hsm_wrapped wrapped = {.ephemeral_length = P11_POINT_BYTES, .mode = p11->mode};
    struct bytes stored = bytes_of(wrap->session_key.bytes, wrap->session_key.length);
    /* Host mode checks the point when it agrees; the token must never see a bad one. */
    enum error e = p11->mode == HSM_TOKEN_MODE ? p11_check_point(wrap->peer_point, fault) : ERR_OK;
    if (e == ERR_OK)
        e = p11_get_session_key(p11, &wrap->firmware_key, stored, &key, fault);
    if (e != ERR_OK)
        return e;
    crash_point("hsm-worker.before-wrap");
    e = p11->mode == HSM_TOKEN_MODE ? wrap_in_token_mode(p11, key, &agreement, &wrapped, fault)
                                    : wrap_in_host_mode(p11, key, &agreement, &wrapped, fault);
    crash_point("hsm-worker.after-wrap");
    if (e == ERR_OK)
        *ret_wrapped = wrapped;
    return e;
}
