/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: how session keys are wrapped, and the licenses that come of it, opened as a
 * device would open them. Session objects alone.
 */
#include "hsm/trial_probe.h"

#include <string.h>

#include "hsm/trial_image.h"

#define SMALL_IMAGE_BYTES 1000
#define SEAL_KEK_BYTES    16
#define SEAL_MAC_BYTES    32
#define SEAL_POINT                                                     \
    {                                                                  \
        .key_offset = 0, .iv_offset = 16, .iv_bytes = HSM_GCM_IV_BYTES \
    }

static const uint8_t INFO[] = "provisiond-check";

/* ---- AES key wrap ---- */

/* The same key again is wrapped to the same bytes; a changed byte is refused. */
static enum error try_wrapping(struct trial *trial, bool *ret_is_same, bool *ret_is_checked,
                               struct fault *fault)
{
    struct p11 *p11 = &trial->p11;
    struct hsm_key_id id;
    struct hsm_wrapped_key wrapped;
    struct hsm_wrapped_key again;
    struct fault ignored = {0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = trial_make_firmware_key(trial, &id, fault);
    if (e == ERR_OK)
        e = p11_generate_session_key(p11, &id, HSM_SESSION_KEY_MAX, &wrapped, fault);
    if (e == ERR_OK)
        e = p11_get_session_key(p11, &id, bytes_of(wrapped.bytes, wrapped.length), &key, fault);
    if (e == ERR_OK)
        e = p11_aes_wrap(p11, p11->firmware_keys[0].handle, key, &again, fault);
    if (e != ERR_OK)
        return e;
    *ret_is_same =
        wrapped.length == again.length && memcmp(wrapped.bytes, again.bytes, wrapped.length) == 0;
    again.bytes[0] ^= 1;
    *ret_is_checked = p11_get_session_key(p11, &id, bytes_of(again.bytes, again.length), &key,
                                          &ignored) != ERR_OK;
    return ERR_OK;
}

void trial_key_wrap(struct trial *trial)
{
    struct fault fault = {0};
    bool is_same = false;
    bool is_checked = false;
    if (!trial_begin(trial))
        return;
    if (try_wrapping(trial, &is_same, &is_checked, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (!is_same || !is_checked)
        trial_say(trial, TRIAL_NO, "wrap-not-standard",
                  "The mechanism of that name does something else than RFC 3394: ask the vendor.",
                  "%s", is_same ? "a changed wrapped key was taken" : "what comes back is another");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "CKM_AES_KEY_WRAP, there and back");
    trial_close(trial);
}

/* ---- the two modes ---- */

static void try_mode(struct trial *trial, enum hsm_mode mode)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    if (p11_try_mode(&trial->p11, mode, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "made, and opened as a device would");
    trial_close(trial);
}

void trial_host_mode(struct trial *trial)
{
    try_mode(trial, HSM_HOST_MODE);
}

void trial_token_mode(struct trial *trial)
{
    try_mode(trial, HSM_TOKEN_MODE);
}

/* ---- the agreements of other profiles ---- */

static void try_agreement(struct trial *trial, enum hsm_curve curve, enum hsm_kdf kdf)
{
    struct fault fault = {0};
    enum hsm_mode mode = HSM_HOST_MODE;
    if (!trial_begin(trial))
        return;
    if (p11_try_agreement(&trial->p11, curve, kdf, &mode, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "in %s mode, opened as a device would",
                  mode == HSM_TOKEN_MODE ? "token" : "host");
    trial_close(trial);
}

void trial_p384(struct trial *trial)
{
    try_agreement(trial, HSM_P384, HSM_X963_SHA384);
}

void trial_hkdf(struct trial *trial)
{
    try_agreement(trial, HSM_P256, HSM_HKDF_SHA256);
}

void trial_concat(struct trial *trial)
{
    try_agreement(trial, HSM_P256, HSM_CONCAT_SHA256);
}

/* ---- seals ---- */

/* All but keys and peer. */
static enum error try_seal(struct trial *trial, struct hsm_seal seal, struct fault *fault)
{
    struct p11_device device = {.key = NULL};
    struct hsm_sealed sealed;
    enum error e = trial_make_firmware_key(trial, &seal.firmware_key, fault);
    if (e == ERR_OK)
        e = p11_generate_session_key(&trial->p11, &seal.firmware_key, HSM_SESSION_KEY_MAX / 2,
                                     &seal.session_key, fault);
    if (e == ERR_OK)
        e = p11_device_new(seal.curve, &device, fault);
    seal.peer_point = bytes_of(device.point, device.point_length);
    if (e == ERR_OK)
        e = p11_seal(&trial->p11, &seal, &sealed, fault);
    p11_device_free(&device);
    return e;
}

static void say_seal(struct trial *trial, const struct hsm_seal *seal)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    if (try_seal(trial, *seal, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "session key taken out and sealed");
    trial_close(trial);
}

void trial_seal(struct trial *trial)
{
    static const struct hsm_seal seal = {.scheme = HSM_ECIES_AES128_GCM,
                                         .curve = HSM_P256,
                                         .kdf = HSM_X963_SHA256,
                                         .layout = SEAL_POINT,
                                         .aad = {INFO, sizeof INFO}};
    say_seal(trial, &seal);
}

void trial_x25519(struct trial *trial)
{
    static const struct hsm_seal seal = {.scheme = HSM_ECIES_CTR_HMAC,
                                         .curve = HSM_X25519,
                                         .kdf = HSM_HKDF_SHA256,
                                         .shared_info = {INFO, sizeof INFO},
                                         .kek_bytes = SEAL_KEK_BYTES,
                                         .mac_bytes = SEAL_MAC_BYTES};
    say_seal(trial, &seal);
}

/* ---- RSA ---- */

/* Of OAEP one hash is enough, and the better one is tried first. */
static enum error try_oaep(struct trial *trial, const char **ret_hash, struct fault *fault)
{
    *ret_hash = "SHA-256";
    if (p11_rsa_try(&trial->p11, P11_OAEP_SHA256, fault) == ERR_OK)
        return ERR_OK;
    *ret_hash = "SHA-1";
    return p11_rsa_try(&trial->p11, P11_OAEP_SHA1, fault);
}

void trial_rsa(struct trial *trial)
{
    struct fault fault = {0};
    const char *hash = "";
    if (!trial_begin(trial))
        return;
    if (try_oaep(trial, &hash, &fault) != ERR_OK ||
        p11_rsa_try(&trial->p11, P11_PKCS1, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "OAEP with %s, and PKCS#1 v1.5, opened", hash);
    trial_close(trial);
}

/* ---- all of it ---- */

void trial_license(struct trial *trial)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    if (trial_image_opens(trial, &TRIAL_GCM, SMALL_IMAGE_BYTES, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "image encrypted, licensed, opened, compared");
    trial_close(trial);
}
