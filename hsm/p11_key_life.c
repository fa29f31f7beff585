/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A firmware key's end, and what the token says of keys that are asked about. Owns no state. */
#include "hsm/p11.h"

#include <string.h>

#define FOUND_MAX 8 /* keys under one id; there should be one */

static enum error refuse(struct fault *fault)
{
    return fault_set(fault, ERR_CONFLICT, "not-a-firmware-key",
                     "The key of this id is no firmware key, or that of another product: nothing "
                     "was destroyed.",
                     0);
}

/* AES, and exactly this label. */
static bool is_meant(struct p11 *p11, CK_OBJECT_HANDLE key, const char *label)
{
    char found[HSM_LABEL_MAX_BYTES + 1];
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE key_type = {CKA_KEY_TYPE, &type, sizeof type};
    CK_ATTRIBUTE attribute = {CKA_LABEL, found, sizeof found};
    return p11_read(p11, key, &key_type) == CKR_OK && type == CKK_AES &&
           p11_read(p11, key, &attribute) == CKR_OK && attribute.ulValueLen == strlen(label) &&
           memcmp(found, label, strlen(label)) == 0;
}

static enum error check_meant(struct p11 *p11, const struct p11_found *found, const char *label,
                              struct fault *fault)
{
    const size_t prefix = strlen(HSM_FIRMWARE_KEY_PREFIX);
    if (strncmp(label, HSM_FIRMWARE_KEY_PREFIX, prefix) != 0)
        return refuse(fault);
    for (size_t i = 0; i < found->count; i++) {
        if (!is_meant(p11, found->handles[i], label))
            return refuse(fault);
    }
    return ERR_OK;
}

enum error p11_destroy_firmware_key(struct p11 *p11, const struct hsm_key_id *id, const char *label,
                                    bool *ret_was_there, struct fault *fault)
{
    CK_OBJECT_HANDLE handles[FOUND_MAX];
    struct p11_found found = {.handles = handles, .max = FOUND_MAX};
    enum error e = p11_find_secret_keys(p11, id, &found, fault);
    if (e == ERR_OK && found.count == 0)
        e = p11_check(p11, fault); /* an absent token has no keys either */
    if (e == ERR_OK)
        e = check_meant(p11, &found, label, fault);
    if (e != ERR_OK)
        return e;
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < found.count && rv == CKR_OK; i++)
        rv = p11->call->C_DestroyObject(p11->session, handles[i]);
    p11_forget(p11);
    p11_make_durable(); /* whoever destroyed it may have ended before this */
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    *ret_was_there = found.count > 0;
    return ERR_OK;
}

enum error p11_key_state(struct p11 *p11, const struct hsm_key_id *id,
                         struct hsm_key_state *ret_state, struct fault *fault)
{
    CK_OBJECT_HANDLE handles[2];
    struct p11_found found = {.handles = handles, .max = 2};
    const char *weak = NULL;
    enum error e = p11_find_secret_keys(p11, id, &found, fault);
    if (e == ERR_OK && found.count > 0)
        e = p11_audit_key(p11, handles[0], P11_FIRMWARE_USE, &weak, fault);
    if (e != ERR_OK)
        return e;
    if (weak == NULL && found.count > 1)
        weak = "CKA_ID"; /* as for its use: nobody can say which one is meant */
    *ret_state = (struct hsm_key_state){.exists = found.count > 0};
    if (weak != NULL)
        strncpy(ret_state->weak_attribute, weak, sizeof ret_state->weak_attribute - 1);
    return ERR_OK;
}
