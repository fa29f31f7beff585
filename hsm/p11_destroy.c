/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of an HSM's keys: what can make a license goes, what proves what was made stays. Owns no
 * state.
 */
#include "hsm/p11.h"

#include <string.h>

#include "core/crash_point.h"

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))
#define KEYS_AT_ONCE_MAX 64

static CK_BBOOL yes = CK_TRUE; /* PKCS#11 wants non-const pointers; nobody writes to these */

static bool is_firmware_key(struct p11 *p11, CK_OBJECT_HANDLE key)
{
    char label[HSM_LABEL_MAX_BYTES + sizeof HSM_FIRMWARE_KEY_PREFIX];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    size_t prefix = strlen(HSM_FIRMWARE_KEY_PREFIX);
    return p11_read(p11, key, &attribute) == CKR_OK && attribute.ulValueLen >= prefix &&
           memcmp(label, HSM_FIRMWARE_KEY_PREFIX, prefix) == 0;
}

static enum error destroy(struct p11 *p11, CK_OBJECT_HANDLE object, unsigned *destroyed,
                          struct fault *fault)
{
    CK_RV rv = p11->call->C_DestroyObject(p11->session, object);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    crash_point("hsm-worker.key-destroyed");
    ++*destroyed;
    return ERR_OK;
}

/* One look; *ret_is_all: the token showed no more keys than fit into it. */
static enum error destroy_some(struct p11 *p11, unsigned *destroyed, bool *ret_is_all,
                               struct fault *fault)
{
    static CK_OBJECT_HANDLE handles[P11_KEYS_MAX]; /* one worker, one thread */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    struct p11_found found = {.handles = handles, .max = P11_KEYS_MAX};
    const unsigned before = *destroyed;
    enum error e = p11_find(p11, template, COUNT(template), &found, fault);
    for (size_t i = 0; i < found.count && e == ERR_OK; i++) {
        if (is_firmware_key(p11, handles[i]))
            e = destroy(p11, handles[i], destroyed, fault);
    }
    *ret_is_all = found.count < P11_KEYS_MAX;
    if (e == ERR_OK && !*ret_is_all && *destroyed == before)
        e = fault_set(fault, ERR_TOO_LARGE, "token-keys",
                      "The token holds so many keys of others that not all could be looked at: "
                      "destroy the firmware keys with the token's own tool.",
                      0);
    return e;
}

/* Keys of others in the same token are passed over, and stay. */
static enum error destroy_firmware_keys(struct p11 *p11, unsigned *destroyed, struct fault *fault)
{
    bool is_all = false;
    enum error e = ERR_OK;
    while (e == ERR_OK && !is_all)
        e = destroy_some(p11, destroyed, &is_all, fault);
    return e;
}

static enum error destroy_pair(struct p11 *p11, struct p11_pair *pair, unsigned *destroyed,
                               struct fault *fault)
{
    static const CK_OBJECT_CLASS CLASSES[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_OBJECT_HANDLE handles[KEYS_AT_ONCE_MAX];
    enum error e = ERR_OK;
    for (size_t c = 0; c < COUNT(CLASSES) && e == ERR_OK; c++) {
        CK_OBJECT_CLASS class = CLASSES[c];
        CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                                   {CKA_TOKEN, &yes, sizeof yes},
                                   {CKA_ID, pair->id, sizeof pair->id}};
        struct p11_found found = {.handles = handles, .max = KEYS_AT_ONCE_MAX};
        e = p11_find(p11, template, COUNT(template), &found, fault);
        for (size_t i = 0; i < found.count && e == ERR_OK; i++)
            e = destroy(p11, handles[i], destroyed, fault);
    }
    return e;
}

enum error p11_destroy_keys(struct p11 *p11, unsigned *ret_destroyed, struct fault *fault)
{
    struct p11_pair transport = p11_transport_pair();
    bool is_retired = false;
    unsigned destroyed = 0;
    enum error e = p11_is_retired(p11, &is_retired, fault);
    if (e == ERR_OK && !is_retired)
        e = fault_set(fault, ERR_FORBIDDEN, "hsm-not-retired",
                      "The HSM's journal has not ended: `provctl hsm retire` comes first.", 0);
    if (e == ERR_OK)
        e = destroy_firmware_keys(p11, &destroyed, fault);
    if (e == ERR_OK)
        e = destroy_pair(p11, &transport, &destroyed, fault);
    p11_forget(p11); /* no handle of what is gone stays */
    if (destroyed > 0)
        p11_make_durable();
    if (e == ERR_OK)
        *ret_destroyed = destroyed;
    return e;
}
