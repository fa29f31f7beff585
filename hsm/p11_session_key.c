/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session keys: made in the token, wrapped by a firmware key, unwrapped once per worker and kept as
 * session objects in a bounded cache. Their bytes are never seen here.
 */
#include "hsm/p11.h"

#include <string.h>

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

enum error p11_aes_wrap(struct p11 *p11, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key,
                        struct hsm_wrapped_key *ret_wrapped, struct fault *fault)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    struct hsm_wrapped_key wrapped = {0};
    CK_ULONG length = sizeof wrapped.bytes;
    CK_RV rv = p11->call->C_WrapKey(p11->session, &mechanism, kek, key, wrapped.bytes, &length);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    wrapped.length = length;
    *ret_wrapped = wrapped;
    return ERR_OK;
}

enum error p11_make_session_key(struct p11 *p11, unsigned key_bytes, CK_OBJECT_HANDLE *ret_key,
                                struct fault *fault)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG size = key_bytes;
    CK_ATTRIBUTE template[] = {NO(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               YES(CKA_SENSITIVE),
                               YES(CKA_EXTRACTABLE), /* or it could not be wrapped */
                               NO(CKA_ENCRYPT),
                               NO(CKA_DECRYPT),
                               NO(CKA_WRAP),
                               NO(CKA_UNWRAP),
                               {CKA_VALUE_LEN, &size, sizeof size}};
    CK_RV rv =
        p11->call->C_GenerateKey(p11->session, &mechanism, template, COUNT(template), ret_key);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

enum error p11_generate_session_key(struct p11 *p11, const struct hsm_key_id *firmware_key,
                                    unsigned key_bytes, struct hsm_wrapped_key *ret_key,
                                    struct fault *fault)
{
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_get_firmware_key(p11, firmware_key, &kek, fault);
    if (e == ERR_OK)
        e = p11_make_session_key(p11, key_bytes, &key, fault);
    if (e == ERR_OK)
        e = p11_aes_wrap(p11, kek, key, ret_key, fault);
    p11_destroy(p11, &key);
    return e;
}

static CK_RV unwrap(struct p11 *p11, CK_OBJECT_HANDLE kek, struct bytes wrapped, bool can_encrypt,
                    CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL encrypt = can_encrypt;
    /* No CKA_VALUE_LEN: SoftHSM refuses it here. The first four repeat CKA_UNWRAP_TEMPLATE. */
    CK_ATTRIBUTE template[] = {NO(CKA_TOKEN),
                               YES(CKA_SENSITIVE),
                               YES(CKA_EXTRACTABLE),
                               YES(CKA_PRIVATE),
                               {CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_ENCRYPT, &encrypt, sizeof encrypt},
                               NO(CKA_DECRYPT),
                               NO(CKA_WRAP),
                               NO(CKA_UNWRAP)};
    return p11->call->C_UnwrapKey(p11->session, &mechanism, kek,
                                  (unsigned char *)(uintptr_t)wrapped.data, wrapped.length,
                                  template, COUNT(template), ret_key);
}

/* True when the firmware key wraps and unwraps a key of our own making. */
static bool can_round_trip(struct p11 *p11, CK_OBJECT_HANDLE kek)
{
    struct hsm_wrapped_key wrapped;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE opened = CK_INVALID_HANDLE;
    bool is_good =
        p11_make_session_key(p11, 16, &made, NULL) == ERR_OK &&
        p11_aes_wrap(p11, kek, made, &wrapped, NULL) == ERR_OK &&
        unwrap(p11, kek, bytes_of(wrapped.bytes, wrapped.length), false, &opened) == CKR_OK;
    p11_destroy(p11, &made);
    p11_destroy(p11, &opened);
    return is_good;
}

/* What unwrap is asked for once more. */
struct unwrap {
    CK_OBJECT_HANDLE kek;
    struct bytes wrapped;
    bool can_encrypt;
};

/*
 * A corrupted wrapped key makes SoftHSM answer CKR_GENERAL_ERROR, as a dying token would. When the
 * firmware key works on other data and again refuses these, the data is what is wrong.
 */
static enum error retry_unwrap(struct p11 *p11, const struct unwrap *asked, CK_RV rv,
                               CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    enum error e = p11_fail(p11, rv, fault);
    if (p11->is_stale || !can_round_trip(p11, asked->kek))
        return e;
    p11->is_unfit = false;
    rv = unwrap(p11, asked->kek, asked->wrapped, asked->can_encrypt, ret_key);
    if (rv == CKR_OK)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "wrapped-key-refused",
                     "The wrapped session key does not open under this firmware key.", (long)rv);
}

static enum error unwrap_patiently(struct p11 *p11, const struct unwrap *asked,
                                   CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_RV rv = unwrap(p11, asked->kek, asked->wrapped, asked->can_encrypt, ret_key);
    return rv == CKR_OK ? ERR_OK : retry_unwrap(p11, asked, rv, ret_key, fault);
}

static enum error unwrap_session_key(struct p11 *p11, const struct hsm_key_id *firmware_key,
                                     struct bytes wrapped, bool can_encrypt,
                                     CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum error e = p11_get_firmware_key(p11, firmware_key, &kek, fault);
    if (e != ERR_OK)
        return e;
    const struct unwrap asked = {.kek = kek, .wrapped = wrapped, .can_encrypt = can_encrypt};
    return unwrap_patiently(p11, &asked, ret_key, fault);
}

enum error p11_unwrap_under(struct p11 *p11, CK_OBJECT_HANDLE kek, struct bytes wrapped,
                            CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    const struct unwrap asked = {.kek = kek, .wrapped = wrapped, .can_encrypt = false};
    return unwrap_patiently(p11, &asked, ret_key, fault);
}

enum error p11_unwrap_for_encryption(struct p11 *p11, const struct hsm_key_id *firmware_key,
                                     struct bytes wrapped, CK_OBJECT_HANDLE *ret_key,
                                     struct fault *fault)
{
    return unwrap_session_key(p11, firmware_key, wrapped, true, ret_key, fault);
}

enum error p11_rewrap(struct p11 *p11, const struct hsm_key_id *from, struct bytes wrapped,
                      const struct hsm_key_id *to, struct hsm_wrapped_key *ret_key,
                      struct fault *fault)
{
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum error e = p11_get_firmware_key(p11, to, &kek, fault);
    if (e == ERR_OK)
        e = unwrap_session_key(p11, from, wrapped, false, &key, fault);
    if (e == ERR_OK)
        e = p11_aes_wrap(p11, kek, key, ret_key, fault);
    p11_destroy(p11, &key);
    return e;
}

/* ---- the cache ---- */

static struct sha256 name_of(const struct hsm_key_id *firmware_key, struct bytes wrapped)
{
    uint8_t both[HSM_KEY_ID_BYTES + HSM_WRAPPED_KEY_MAX];
    memcpy(both, firmware_key->bytes, HSM_KEY_ID_BYTES);
    memcpy(both + HSM_KEY_ID_BYTES, wrapped.data, wrapped.length);
    return sha256_of(bytes_of(both, HSM_KEY_ID_BYTES + wrapped.length));
}

/* A free place; the key that was not used for longest makes room when there is none. */
static struct p11_session_key *make_room(struct p11 *p11)
{
    if (p11->session_key_count < P11_SESSION_KEYS_MAX)
        return &p11->session_keys[p11->session_key_count++];
    struct p11_session_key *oldest = &p11->session_keys[0];
    for (size_t i = 1; i < P11_SESSION_KEYS_MAX; i++) {
        if (p11->session_keys[i].used < oldest->used)
            oldest = &p11->session_keys[i];
    }
    p11_destroy(p11, &oldest->handle);
    return oldest;
}

enum error p11_get_session_key(struct p11 *p11, const struct hsm_key_id *firmware_key,
                               struct bytes wrapped, CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    struct sha256 name = name_of(firmware_key, wrapped);
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    for (size_t i = 0; i < p11->session_key_count; i++) {
        if (sha256_equal(&p11->session_keys[i].name, &name)) {
            p11->session_keys[i].used = ++p11->clock;
            *ret_key = p11->session_keys[i].handle;
            return ERR_OK;
        }
    }
    enum error e = unwrap_session_key(p11, firmware_key, wrapped, false, &key, fault);
    if (e != ERR_OK)
        return e;
    *make_room(p11) = (struct p11_session_key){.name = name, .handle = key, .used = ++p11->clock};
    *ret_key = key;
    return ERR_OK;
}

void p11_forget(struct p11 *p11)
{
    for (size_t i = 0; i < p11->session_key_count; i++)
        p11_destroy(p11, &p11->session_keys[i].handle);
    p11->session_key_count = 0;
    p11->firmware_key_count = 0;
    p11->checkpoint_key_count = 0;
    p11->is_stale = false;
}
