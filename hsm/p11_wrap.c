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
#include "hsm/hsm_message.h"

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

static enum error wrap_in_token_mode(struct p11 *p11, CK_OBJECT_HANDLE session_key,
                                     const struct p11_agreement *agreement,
                                     struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_RV rv = p11_token_agree(p11, agreement, &kek, ret_wrapped->ephemeral_point);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    enum error e = wrap_under(p11, kek, session_key, &ret_wrapped->key, fault);
    p11_destroy(p11, &kek);
    return e;
}

static enum error wrap_agreed(struct p11 *p11, enum hsm_mode mode, CK_OBJECT_HANDLE session_key,
                              const struct p11_agreement *agreement,
                              struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    *ret_wrapped =
        (struct hsm_wrapped){.mode = mode, .ephemeral_length = hsm_point_bytes(agreement->curve)};
    return mode == HSM_TOKEN_MODE
               ? wrap_in_token_mode(p11, session_key, agreement, ret_wrapped, fault)
               : wrap_in_host_mode(p11, session_key, agreement, ret_wrapped, fault);
}

/* ---- the choice ---- */

static enum error run_dry(struct p11 *p11, enum hsm_mode mode, CK_OBJECT_HANDLE key,
                          const struct p11_agreement *agreement, const struct p11_device *device,
                          struct fault *fault)
{
    struct hsm_wrapped wrapped;
    enum error e = wrap_agreed(p11, mode, key, agreement, &wrapped, fault);
    if (e == ERR_OK && !p11_device_opens(device, agreement, &wrapped))
        e = fault_set(
            fault, ERR_UNSUPPORTED, "wrap-not-standard",
            "The token wraps keys in a way that no device could open: its AES key wrap is "
            "not that of RFC 3394. docs/HSM.md says what a module must do.",
            0);
    return e;
}

/* A complete wrap of that kind, opened by a device of our own. */
static enum error try_agreement(struct p11 *p11, enum hsm_mode mode, enum hsm_curve curve,
                                enum hsm_kdf kdf, struct fault *fault)
{
    static const uint8_t shared_info[] = "provisiond probe";
    struct p11_device device = {.key = NULL};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_device_new(curve, &device, fault);
    const struct p11_agreement agreement = {
        .curve = curve,
        .kdf = kdf,
        .peer_point = bytes_of(device.point, device.point_length),
        .shared_info = bytes_of(shared_info, sizeof shared_info),
        .kdf_bytes = DRY_KEY_BYTES};
    if (e == ERR_OK)
        e = p11_make_session_key(p11, DRY_KEY_BYTES, &key, fault);
    if (e == ERR_OK)
        e = run_dry(p11, mode, key, &agreement, &device, fault);
    p11_destroy(p11, &key);
    p11_device_free(&device);
    p11_note_progress(p11);
    return e;
}

enum error p11_try_mode(struct p11 *p11, enum hsm_mode mode, struct fault *fault)
{
    p11->mode = mode;
    return try_agreement(p11, mode, HSM_P256, HSM_X963_SHA256, fault);
}

/* Token mode where it works, else host mode. */
static enum error find_mode(struct p11 *p11, enum hsm_curve curve, enum hsm_kdf kdf,
                            enum hsm_mode *ret_mode, struct fault *fault)
{
    *ret_mode = HSM_TOKEN_MODE;
    if (p11_can_ask_for_kdf(kdf) && try_agreement(p11, HSM_TOKEN_MODE, curve, kdf, fault) == ERR_OK)
        return ERR_OK;
    /* Whatever the refusal was, host mode's own dry run tells a lost token from a poor one. */
    p11->is_unfit = p11->is_stale = false;
    *ret_mode = HSM_HOST_MODE;
    return try_agreement(p11, HSM_HOST_MODE, curve, kdf, fault);
}

enum error p11_try_agreement(struct p11 *p11, enum hsm_curve curve, enum hsm_kdf kdf,
                             enum hsm_mode *ret_mode, struct fault *fault)
{
    if (p11->mode == HSM_TOKEN_MODE)
        return find_mode(p11, curve, kdf, ret_mode, fault);
    *ret_mode = HSM_HOST_MODE;
    return try_agreement(p11, HSM_HOST_MODE, curve, kdf, fault);
}

/* That of one agreement: a token that does X9.63 may not do HKDF. */
static enum error mode_of(struct p11 *p11, const struct p11_agreement *agreement,
                          enum hsm_mode *ret_mode, struct fault *fault)
{
    enum hsm_mode *known = &p11->kdf_modes[agreement->curve][agreement->kdf];
    const bool is_first = agreement->curve == HSM_P256 && agreement->kdf == HSM_X963_SHA256;
    enum hsm_mode found = *known;
    enum error e = ERR_OK;
    if (is_first || p11->mode == HSM_HOST_MODE) {
        *ret_mode = p11->mode;
        return ERR_OK;
    }
    if (*known == 0)
        e = find_mode(p11, agreement->curve, agreement->kdf, &found, fault);
    if (e != ERR_OK)
        return e;
    *ret_mode = *known = found;
    return ERR_OK;
}

/*
 * Those of the licenses that there are, so that no wrap has to find them out within its deadline.
 * What cannot be found out now is left to the first wrap: the worker serves what it can.
 */
static void find_other_modes(struct p11 *p11)
{
    static const struct p11_agreement OTHERS[] = {{.curve = HSM_P384, .kdf = HSM_X963_SHA384},
                                                  {.curve = HSM_P256, .kdf = HSM_HKDF_SHA256},
                                                  {.curve = HSM_P256, .kdf = HSM_CONCAT_SHA256}};
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        enum hsm_mode mode = 0;
        struct fault ignored;
        (void)!mode_of(p11, &OTHERS[i], &mode, &ignored);
        p11->is_unfit = p11->is_stale = false; /* a lost token is found lost by what follows */
    }
}

enum error p11_choose_mode(struct p11 *p11, struct fault *fault)
{
    enum error e = find_mode(p11, HSM_P256, HSM_X963_SHA256, &p11->mode, fault);
    if (e == ERR_OK)
        find_other_modes(p11);
    return e;
}

/* ---- one wrap ---- */

static enum error wrap_by_agreement(struct p11 *p11, const struct hsm_wrap *wrap,
                                    struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_mode mode = p11->mode;
    const struct p11_agreement agreement = {.curve = wrap->curve,
                                            .kdf = wrap->kdf,
                                            .peer_point = wrap->peer_point,
                                            .shared_info = wrap->shared_info,
                                            .kdf_bytes = wrap->kek_bytes};
    struct bytes stored = bytes_of(wrap->session_key.bytes, wrap->session_key.length);
    enum error e = mode_of(p11, &agreement, &mode, fault);
    /* Host mode checks the point when it agrees; the token must never see a bad one. */
    if (e == ERR_OK && mode == HSM_TOKEN_MODE)
        e = p11_check_point(wrap->curve, wrap->peer_point, fault);
    if (e == ERR_OK)
        e = p11_get_session_key(p11, &wrap->firmware_key, stored, &key, fault);
    return e == ERR_OK ? wrap_agreed(p11, mode, key, &agreement, ret_wrapped, fault) : e;
}

enum error p11_wrap(struct p11 *p11, const struct hsm_wrap *wrap, struct hsm_wrapped *ret_wrapped,
                    struct fault *fault)
{
    struct hsm_wrapped wrapped;
    crash_point("hsm-worker.before-wrap");
    enum error e = wrap->key_wrap == HSM_AES_KEY_WRAP
                       ? wrap_by_agreement(p11, wrap, &wrapped, fault)
                       : p11_rsa_wrap(p11, wrap, &wrapped, fault);
    crash_point("hsm-worker.after-wrap");
    if (e == ERR_OK)
        *ret_wrapped = wrapped;
    return e;
}
