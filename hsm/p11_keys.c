/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The keys that live in the token: firmware keys, the checkpoint key, the transport key. Each is
 * audited before it is used; a handle that was audited is cached.
 */
#include "hsm/p11.h"

#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static CK_BBOOL yes = CK_TRUE; /* PKCS#11 wants non-const pointers; nobody writes to these */
static CK_BBOOL no = CK_FALSE;

#define YES(type)              \
    {                          \
        type, &yes, sizeof yes \
    }
#define NO(type)             \
    {                        \
        type, &no, sizeof no \
    }

/* OBJECT IDENTIFIER prime256v1 */
static uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static const struct p11_pair transport_pair = {"provisiond-trnsp", HSM_TRANSPORT_LABEL,
                                               P11_TRANSPORT_USE, CKA_DERIVE, CKA_SIGN};

/*
 * SoftHSM never fsyncs its object files, and only it knows which they are. sync(2) waits for all
 * that waits for a disk: under a millisecond on an idle machine, some hundred beside an upload.
 */
void p11_make_durable(void)
{
    sync();
}

static enum error find_by_id(struct p11 *p11, CK_OBJECT_CLASS class, const uint8_t *id,
                             CK_OBJECT_HANDLE found[2], size_t *ret_count, struct fault *fault)
{
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               YES(CKA_TOKEN),
                               {CKA_ID, (void *)(uintptr_t)id, HSM_KEY_ID_BYTES}};
    struct p11_found all = {.handles = found, .max = 2};
    enum error e = p11_find(p11, template, COUNT(template), &all, fault);
    *ret_count = all.count;
    return e;
}

enum error p11_find_secret_keys(struct p11 *p11, const struct hsm_key_id *id,
                                struct p11_found *found, struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               YES(CKA_TOKEN),
                               {CKA_ID, (void *)(uintptr_t)id->bytes, HSM_KEY_ID_BYTES}};
    return p11_find(p11, template, COUNT(template), found, fault);
}

/* ---- firmware keys ---- */

/*
 * Three templates, from strict to plain. The last attributes are policy that some tokens do not
 * know; what a plainer key lacks in the token is kept by this program alone.
 */
enum error p11_make_firmware_key(struct p11 *p11, const struct p11_new_key *asked,
                                 CK_OBJECT_HANDLE *ret_key, unsigned *ret_template,
                                 struct fault *fault)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_MECHANISM_TYPE wrap_only[] = {CKM_AES_KEY_WRAP};
    CK_ATTRIBUTE unwrapped[] = {YES(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), NO(CKA_TOKEN)};
    CK_ULONG size = P11_FK_BYTES;
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, asked->is_session ? &no : &yes, sizeof yes},
        YES(CKA_PRIVATE),
        YES(CKA_SENSITIVE),
        NO(CKA_EXTRACTABLE),
        YES(CKA_WRAP),
        YES(CKA_UNWRAP),
        NO(CKA_ENCRYPT),
        NO(CKA_DECRYPT),
        NO(CKA_SIGN),
        NO(CKA_VERIFY),
        NO(CKA_DERIVE),
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_ID, (void *)(uintptr_t)asked->id.bytes, sizeof asked->id.bytes},
        {CKA_LABEL, (void *)(uintptr_t)asked->label, strlen(asked->label)},
        NO(CKA_MODIFIABLE),
        {CKA_ALLOWED_MECHANISMS, wrap_only, sizeof wrap_only},
        {CKA_UNWRAP_TEMPLATE, unwrapped, sizeof unwrapped},
    };
    static const CK_ULONG counts[P11_FIRMWARE_TEMPLATES] = {COUNT(template), COUNT(template) - 2,
                                                            COUNT(template) - 3};
    CK_RV rv = CKR_ATTRIBUTE_TYPE_INVALID;
    for (unsigned i = 0; i < COUNT(counts) && p11_is_attribute_refusal(rv); i++) {
        rv = p11->call->C_GenerateKey(p11->session, &mechanism, template, counts[i], ret_key);
        *ret_template = i;
    }
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

static enum error refuse_weak(struct p11 *p11, CK_OBJECT_HANDLE key, const char *weak,
                              struct fault *fault)
{
    p11_note_weak(p11, key, weak);
    return fault_set(fault, ERR_HSM_KEY_WEAK, "key-weak",
                     "A key's attributes are weaker than the policy.", 0);
}

/* *ret_key stays CK_INVALID_HANDLE when there is none. */
static enum error find_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                    CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE found[2];
    const char *weak = NULL;
    struct p11_found all = {.handles = found, .max = COUNT(found)};
    enum error e = p11_find_secret_keys(p11, id, &all, fault);
    if (e != ERR_OK || all.count == 0)
        return e;
    e = p11_audit_key(p11, found[0], P11_FIRMWARE_USE, &weak, fault);
    if (e == ERR_OK && weak == NULL && all.count > 1)
        weak = "CKA_ID"; /* two keys under one id: nobody can say which one is meant */
    if (e == ERR_OK && weak != NULL)
        return refuse_weak(p11, found[0], weak, fault);
    if (e == ERR_OK)
        *ret_key = found[0];
    return e;
}

static enum error check_label(struct p11 *p11, CK_OBJECT_HANDLE key, const char *label,
                              struct fault *fault)
{
    char found[HSM_LABEL_MAX_BYTES + 1];
    CK_ATTRIBUTE attribute = {CKA_LABEL, found, sizeof found};
    if (p11_read(p11, key, &attribute) == CKR_OK && attribute.ulValueLen == strlen(label) &&
        memcmp(found, label, strlen(label)) == 0)
        return ERR_OK;
    return fault_set(fault, ERR_CONFLICT, "key-id-taken",
                     "A key with this id and another label exists already.", 0);
}

enum error p11_generate_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                     const char *label, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    unsigned template = 0;
    const char *weak = NULL;
    enum error e = find_firmware_key(p11, id, &key, fault);
    if (e != ERR_OK)
        return e;
    if (key != CK_INVALID_HANDLE)
        return check_label(p11, key, label, fault);
    e = p11_make_firmware_key(p11, &(struct p11_new_key){.id = *id, .label = label}, &key,
                              &template, fault);
    if (e != ERR_OK)
        return e;
    e = p11_audit_key(p11, key, P11_FIRMWARE_USE, &weak, fault);
    if (e == ERR_OK && weak != NULL) {
        /* The token ignored the template. Nothing was wrapped by this key yet. */
        e = refuse_weak(p11, key, weak, fault);
        p11_destroy(p11, &key);
    }
    p11_make_durable();
    return e;
}

static void remember_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                  CK_OBJECT_HANDLE key)
{
    /* More products than places: the oldest places are overwritten in turn. */
    size_t place = p11->firmware_key_count++ % P11_FIRMWARE_KEYS_MAX;
    p11->firmware_keys[place] = (struct p11_firmware_key){.id = *id, .handle = key};
}

enum error p11_get_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    for (size_t i = 0; i < p11->firmware_key_count && i < P11_FIRMWARE_KEYS_MAX; i++) {
        if (memcmp(&p11->firmware_keys[i].id, id, sizeof *id) == 0) {
            *ret_key = p11->firmware_keys[i].handle;
            return ERR_OK;
        }
    }
    enum error e = find_firmware_key(p11, id, &key, fault);
    if (e != ERR_OK)
        return e;
    if (key == CK_INVALID_HANDLE) {
        e = p11_check(p11, fault); /* an absent token has no keys either */
        return e != ERR_OK ? e
                           : fault_set(fault, ERR_HSM_KEY_MISSING, "firmware-key-missing",
                                       "The token holds no firmware key with this id: it was "
                                       "destroyed, or the token is another one. Restore a newer "
                                       "backup of the ledger, or the token that has the key.",
                                       0);
    }
    remember_firmware_key(p11, id, key);
    *ret_key = key;
    return ERR_OK;
}

/* ---- checkpoint and transport key ---- */

static enum error make_pair(struct p11 *p11, const struct p11_pair *pair,
                            const struct p11_new_key *asked, struct p11_key_pair *ret_pair,
                            struct fault *fault)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE token = {CKA_TOKEN, asked->is_session ? &no : &yes, sizeof yes};
    CK_ATTRIBUTE id = {CKA_ID, (void *)(uintptr_t)asked->id.bytes, sizeof asked->id.bytes};
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)(uintptr_t)asked->label, strlen(asked->label)};
    CK_ATTRIBUTE public_template[] = {
        token, NO(CKA_PRIVATE), {CKA_EC_PARAMS, p256_oid, sizeof p256_oid}, id, label};
    CK_ATTRIBUTE private_template[] = {token,
                                       YES(CKA_PRIVATE),
                                       YES(CKA_SENSITIVE),
                                       NO(CKA_EXTRACTABLE),
                                       YES(pair->allowed),
                                       NO(pair->forbidden),
                                       NO(CKA_DECRYPT),
                                       NO(CKA_UNWRAP),
                                       id,
                                       label};
    CK_RV rv = p11->call->C_GenerateKeyPair(
        p11->session, &mechanism, public_template, COUNT(public_template), private_template,
        COUNT(private_template), &ret_pair->public_key, &ret_pair->private_key);
    if (!asked->is_session)
        p11_make_durable();
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

/* Some tokens keep the point with the private key only: then that is where it is read. */
static enum error read_point(struct p11 *p11, CK_OBJECT_HANDLE key, struct hsm_spki *ret_spki,
                             struct fault *fault)
{
    uint8_t value[HSM_POINT_MAX_BYTES + 4];
    uint8_t point[P11_POINT_BYTES];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    CK_RV rv = p11_read(p11, key, &attribute);
    if (rv != CKR_OK || !p11_decode_point(HSM_P256, bytes_of(value, attribute.ulValueLen), point))
        return fault_set(fault, ERR_HSM_KEY_MISSING, "public-key-missing",
                         "The public part of a key pair cannot be read from the token.", (long)rv);
    return p11_spki_of_point(point, ret_spki, fault);
}

static enum error read_spki(struct p11 *p11, const struct p11_pair *pair,
                            CK_OBJECT_HANDLE private_key, struct hsm_spki *ret_spki,
                            struct fault *fault)
{
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    size_t count = 0;
    enum error e = find_by_id(p11, CKO_PUBLIC_KEY, pair->id, found, &count, fault);
    if (e != ERR_OK)
        return e;
    return read_point(p11, count > 0 ? found[0] : private_key, ret_spki, fault);
}

enum error p11_find_pair(struct p11 *p11, const struct p11_pair *pair, CK_OBJECT_HANDLE *ret_key,
                         struct hsm_spki *ret_spki, struct fault *fault)
{
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    const char *weak = NULL;
    *ret_key = CK_INVALID_HANDLE;
    ret_spki->length = 0;
    enum error e = find_by_id(p11, CKO_PRIVATE_KEY, pair->id, found, &count, fault);
    if (e != ERR_OK || count == 0)
        return e;
    e = p11_audit_key(p11, found[0], pair->use, &weak, fault);
    if (e != ERR_OK)
        return e;
    if (weak != NULL || count > 1)
        return refuse_weak(p11, found[0], weak != NULL ? weak : "CKA_ID", fault);
    e = read_spki(p11, pair, found[0], ret_spki, fault);
    if (e == ERR_OK)
        *ret_key = found[0];
    return e;
}

static enum error get_pair(struct p11 *p11, const struct p11_pair *pair, struct hsm_spki *ret_spki,
                           struct fault *fault)
{
    CK_OBJECT_HANDLE ignored = CK_INVALID_HANDLE;
    return p11_find_pair(p11, pair, &ignored, ret_spki, fault);
}

enum error p11_get_transport_key(struct p11 *p11, CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct hsm_spki ignored;
    enum error e = p11_find_pair(p11, &transport_pair, &key, &ignored, fault);
    if (e == ERR_OK && key == CK_INVALID_HANDLE)
        e = p11_check(p11, fault); /* an absent token has no keys either */
    if (e != ERR_OK)
        return e;
    if (key == CK_INVALID_HANDLE)
        return fault_set(fault, ERR_HSM_KEY_MISSING, "transport-key-missing",
                         "The token holds no transport key: `provctl hsm init` makes it.", 0);
    *ret_key = key;
    return ERR_OK;
}

enum error p11_ensure_pair(struct p11 *p11, const struct p11_pair *pair, struct hsm_spki *ret_spki,
                           struct fault *fault)
{
    enum error e = get_pair(p11, pair, ret_spki, fault);
    if (e != ERR_OK || ret_spki->length > 0)
        return e;
    struct p11_new_key asked = {.label = pair->label};
    struct p11_key_pair made;
    memcpy(asked.id.bytes, pair->id, sizeof asked.id.bytes);
    e = make_pair(p11, pair, &asked, &made, fault);
    return e == ERR_OK ? get_pair(p11, pair, ret_spki, fault) : e;
}

enum error p11_make_trial_pair(struct p11 *p11, enum p11_key_use use,
                               const struct p11_new_key *asked, struct p11_key_pair *ret_pair,
                               struct hsm_spki *ret_spki, struct fault *fault)
{
    const struct p11_pair pair =
        use == P11_CHECKPOINT_USE ? p11_checkpoint_pair(1) : transport_pair;
    struct p11_key_pair made = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    enum error e = make_pair(p11, &pair, asked, &made, fault);
    if (e == ERR_OK)
        *ret_pair = made;
    return e == ERR_OK ? read_point(p11, made.public_key, ret_spki, fault) : e;
}

struct p11_pair p11_transport_pair(void)
{
    return transport_pair;
}

enum error p11_init_keys(struct p11 *p11, struct hsm_spki *ret_checkpoint,
                         struct hsm_spki *ret_transport, struct fault *fault)
{
    struct p11_pair first = p11_checkpoint_pair(1);
    enum error e = p11_ensure_pair(p11, &first, ret_checkpoint, fault);
    return e == ERR_OK ? p11_ensure_pair(p11, &transport_pair, ret_transport, fault) : e;
}

/* A weak or unreadable pair is noted, not served, and no reason to refuse the whole token. */
static enum error get_pair_if_good(struct p11 *p11, const struct p11_pair *pair,
                                   struct hsm_spki *ret_spki, struct fault *fault)
{
    enum error e = get_pair(p11, pair, ret_spki, fault);
    return e == ERR_HSM_KEY_WEAK || e == ERR_HSM_KEY_MISSING ? ERR_OK : e;
}

enum error p11_get_spkis(struct p11 *p11, struct hsm_spki *ret_checkpoint,
                         struct hsm_spki *ret_transport, struct fault *fault)
{
    const struct p11_pair first = p11_checkpoint_pair(1);
    enum error e = get_pair_if_good(p11, &first, ret_checkpoint, fault);
    return e == ERR_OK ? get_pair_if_good(p11, &transport_pair, ret_transport, fault) : e;
}
