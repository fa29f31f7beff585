/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: the keys that live in the token, made by the service's own templates and read
 * back by its own audit. Each is destroyed by the probe that made it.
 */
#include "hsm/trial_probe.h"

#include <stdio.h>
#include <string.h>

#define RANDOM_BYTES    32
#define KEY_BYTES_SMALL 16
#define BLOCK_BYTES     16
#define WEAK_ADVICE                                                                           \
    "The module ignores a part of what was asked for; the service would destroy the key and " \
    "answer key-weak. Look for a policy of the device that changes it."

/* ---- random numbers, session keys ---- */

void trial_random(struct trial *trial)
{
    struct fault fault = {0};
    uint8_t first[RANDOM_BYTES] = {0};
    uint8_t second[RANDOM_BYTES] = {0};
    if (!trial_begin(trial))
        return;
    if (p11_random(&trial->p11, first, sizeof first, &fault) != ERR_OK ||
        p11_random(&trial->p11, second, sizeof second, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (memcmp(first, second, sizeof first) == 0)
        trial_say(trial, TRIAL_NO, "not-random", "Such numbers would make every image readable.",
                  "the same numbers twice");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "C_GenerateRandom");
    trial_close(trial);
}

void trial_session_keys(struct trial *trial)
{
    struct fault fault = {0};
    CK_OBJECT_HANDLE small = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE large = CK_INVALID_HANDLE;
    if (!trial_begin(trial))
        return;
    if (p11_make_session_key(&trial->p11, KEY_BYTES_SMALL, &small, &fault) != ERR_OK ||
        p11_make_session_key(&trial->p11, P11_FK_BYTES, &large, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "CKM_AES_KEY_GEN, 16 and 32 bytes");
    p11_destroy(&trial->p11, &small);
    p11_destroy(&trial->p11, &large);
    trial_close(trial);
}

/* ---- what a key says of itself ---- */

struct findings {
    const struct trial *trial;
    char weak[TRIAL_TEXT_MAX / 2]; /* "CKA_X is true"; the first ones */
    unsigned count;
};

static const char *word_of(const struct p11_finding *finding)
{
    if (!finding->is_known)
        return "unknown";
    return finding->is_wanted == finding->is_kept ? "true" : "false";
}

static void note(void *context, const struct p11_finding *finding)
{
    struct findings *findings = context;
    const size_t length = strlen(findings->weak);
    trial_say_detail(findings->trial, finding->attribute, "%s", word_of(finding));
    if (finding->is_kept)
        return;
    (void)snprintf(findings->weak + length, sizeof findings->weak - length, "%s%s is %s",
                   findings->count > 0 ? ", " : "", finding->attribute, word_of(finding));
    findings->count++;
}

static enum error audit(struct trial *trial, CK_OBJECT_HANDLE key, enum p11_key_use use,
                        struct findings *findings, struct fault *fault)
{
    enum error e = p11_learn_local(&trial->p11, fault);
    findings->trial = trial;
    return e == ERR_OK ? p11_audit_each(&trial->p11, key, use, note, findings, fault) : e;
}

/* ---- the firmware key ---- */

static void say_firmware_key(const struct trial *trial, const struct findings *findings,
                             unsigned template)
{
    static const char *const missing[P11_FIRMWARE_TEMPLATES] = {
        "", "CKA_ALLOWED_MECHANISMS, CKA_UNWRAP_TEMPLATE",
        "CKA_ALLOWED_MECHANISMS, CKA_UNWRAP_TEMPLATE, CKA_MODIFIABLE"};
    if (findings->count > 0)
        trial_say(trial, TRIAL_NO, "key-weak", WEAK_ADVICE, "%s", findings->weak);
    else if (template > 0)
        trial_say(trial, TRIAL_LIMITED, "template-plainer",
                  "provisiond keeps these policies by itself; whoever has the PIN is not bound by "
                  "them.",
                  "refused, and done without: %s", missing[template]);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "the whole template, and reads back so");
}

void trial_firmware_key(struct trial *trial)
{
    struct fault fault = {0};
    struct findings findings = {.count = 0};
    struct p11_new_key asked = trial_new_key(trial, false);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    unsigned template = 0;
    if (!trial_begin(trial))
        return;
    enum error e = p11_make_firmware_key(&trial->p11, &asked, &key, &template, &fault);
    if (e == ERR_OK)
        e = audit(trial, key, P11_FIRMWARE_USE, &findings, &fault);
    p11_destroy(&trial->p11, &key);
    if (e == ERR_OK)
        say_firmware_key(trial, &findings, template);
    else
        trial_say_fault(trial, &fault);
    trial_close(trial);
}

/* ---- what the token enforces ---- */

static bool gives_value(struct p11 *p11, CK_OBJECT_HANDLE key)
{
    uint8_t value[P11_FK_BYTES];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof value};
    return p11_read(p11, key, &attribute) == CKR_OK && attribute.ulValueLen > 0;
}

/* Under a key that we know, which is how whoever has the PIN would try it. */
static bool wraps_out(struct p11 *p11, CK_OBJECT_HANDLE key)
{
    SECRET_AUTO kek = {0};
    CK_OBJECT_HANDLE kek_handle = CK_INVALID_HANDLE;
    struct hsm_wrapped_key wrapped;
    struct fault fault = {0};
    if (secret_new(P11_FK_BYTES, &kek) != ERR_OK)
        return false;
    random_fill(kek.bytes, kek.length);
    bool is_out = p11_import_kek(p11, &kek, &kek_handle, &fault) == ERR_OK &&
                  p11_aes_wrap(p11, kek_handle, key, &wrapped, &fault) == ERR_OK;
    p11_destroy(p11, &kek_handle);
    return is_out;
}

static bool encrypts(struct p11 *p11, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    uint8_t in[BLOCK_BYTES] = {0};
    uint8_t out[BLOCK_BYTES];
    CK_ULONG length = sizeof out;
    return p11->call->C_EncryptInit(p11->session, &mechanism, key) == CKR_OK &&
           p11->call->C_Encrypt(p11->session, in, sizeof in, out, &length) == CKR_OK;
}

static void say_enforcement(struct trial *trial, CK_OBJECT_HANDLE key)
{
    struct p11 *p11 = &trial->p11;
    const bool is_readable = gives_value(p11, key);
    const bool is_wrappable = wraps_out(p11, key);
    trial_say_detail(trial, "value_readable", "%s", is_readable ? "true" : "false");
    trial_say_detail(trial, "wrapped_out", "%s", is_wrappable ? "true" : "false");
    if (is_readable || is_wrappable)
        trial_say(
            trial, TRIAL_NO, "key-leaves",
            "The module accepts the attributes and does not enforce them: whoever has the "
            "PIN gets the firmware key. Fit for desks and tests; nothing that is worth money.",
            "%s",
            is_readable ? "the module gives its value"
                        : "may not be extracted, and yet is wrapped");
    else if (encrypts(p11, key))
        trial_say(trial, TRIAL_LIMITED, "key-encrypts",
                  "The key may wrap and unwrap alone, and the module does not enforce it.",
                  "stays inside, and encrypts against its attributes");
    else
        trial_say(trial, TRIAL_WORKS, "", "", "not read, not wrapped, encrypts nothing");
}

void trial_stays_inside(struct trial *trial)
{
    struct fault fault = {0};
    struct p11_new_key asked = trial_new_key(trial, true);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    unsigned template = 0;
    if (!trial_begin(trial))
        return;
    if (p11_make_firmware_key(&trial->p11, &asked, &key, &template, &fault) == ERR_OK)
        say_enforcement(trial, key);
    else
        trial_say_fault(trial, &fault);
    p11_destroy(&trial->p11, &key);
    trial_close(trial);
}

/* ---- key pairs ---- */

static enum error sign(struct trial *trial, const struct p11_key_pair *pair,
                       const struct hsm_spki *spki, struct fault *fault)
{
    static const char body[] = "provisiond-check\n1\n"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    struct hsm_signature signature;
    p11_use_checkpoint_key(&trial->p11, pair->private_key, spki);
    return p11_sign_checkpoint(&trial->p11, bytes_of(body, sizeof body - 1), NULL, &signature,
                               fault);
}

static void try_pair(struct trial *trial, enum p11_key_use use, const char *finding)
{
    struct fault fault = {0};
    struct findings findings = {.count = 0};
    struct p11_new_key asked = trial_new_key(trial, false);
    struct p11_key_pair pair = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    struct hsm_spki spki = {.length = 0};
    enum error e = p11_make_trial_pair(&trial->p11, use, &asked, &pair, &spki, &fault);
    if (e == ERR_OK)
        e = audit(trial, pair.private_key, use, &findings, &fault);
    if (e == ERR_OK && use == P11_CHECKPOINT_USE)
        e = sign(trial, &pair, &spki, &fault);
    p11_destroy(&trial->p11, &pair.private_key);
    p11_destroy(&trial->p11, &pair.public_key);
    if (e != ERR_OK)
        trial_say_fault(trial, &fault);
    else if (findings.count > 0)
        trial_say(trial, TRIAL_NO, "key-weak", WEAK_ADVICE, "%s", findings.weak);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "%s", finding);
}

void trial_checkpoint_key(struct trial *trial)
{
    if (!trial_begin(trial))
        return;
    try_pair(trial, P11_CHECKPOINT_USE, "signs (CKM_ECDSA), and reads back well");
    trial_close(trial);
}

void trial_transport_key(struct trial *trial)
{
    if (!trial_begin(trial))
        return;
    try_pair(trial, P11_TRANSPORT_USE, "derives only, and reads back well");
    trial_close(trial);
}
