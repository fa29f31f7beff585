/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The audit of key attributes. What the token reads back counts, never what a template asked for:
 * tokens accept attributes and ignore them. The rules are constant tables.
 */
#include "hsm/p11.h"

#include <string.h>

struct rule {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    CK_BBOOL wanted;
    bool must_be_known; /* else a token that has no such attribute passes */
};

#define RULE(type, wanted, must)  \
    {                             \
        type, #type, wanted, must \
    }

static const struct rule FIRMWARE_RULES[] = {
    RULE(CKA_SENSITIVE, CK_TRUE, true),
    RULE(CKA_EXTRACTABLE, CK_FALSE, true),
    RULE(CKA_NEVER_EXTRACTABLE, CK_TRUE, false),
    RULE(CKA_ALWAYS_SENSITIVE, CK_TRUE, false),
    RULE(CKA_ENCRYPT, CK_FALSE, false),
    RULE(CKA_DECRYPT, CK_FALSE, false),
    RULE(CKA_SIGN, CK_FALSE, false),
    RULE(CKA_VERIFY, CK_FALSE, false),
    RULE(CKA_DERIVE, CK_FALSE, false),
    RULE(CKA_WRAP, CK_TRUE, false),
    RULE(CKA_UNWRAP, CK_TRUE, false),
    RULE(CKA_LOCAL, CK_TRUE, false),
    RULE(CKA_PRIVATE, CK_TRUE, false),
};

static const struct rule CHECKPOINT_RULES[] = {
    RULE(CKA_SENSITIVE, CK_TRUE, true),
    RULE(CKA_EXTRACTABLE, CK_FALSE, true),
    RULE(CKA_NEVER_EXTRACTABLE, CK_TRUE, false),
    RULE(CKA_ALWAYS_SENSITIVE, CK_TRUE, false),
    RULE(CKA_SIGN, CK_TRUE, false),
    RULE(CKA_DECRYPT, CK_FALSE, false),
    RULE(CKA_UNWRAP, CK_FALSE, false),
    RULE(CKA_DERIVE, CK_FALSE, false),
    RULE(CKA_LOCAL, CK_TRUE, false),
    RULE(CKA_PRIVATE, CK_TRUE, false),
};

static const struct rule TRANSPORT_RULES[] = {
    RULE(CKA_SENSITIVE, CK_TRUE, true),
    RULE(CKA_EXTRACTABLE, CK_FALSE, true),
    RULE(CKA_NEVER_EXTRACTABLE, CK_TRUE, false),
    RULE(CKA_ALWAYS_SENSITIVE, CK_TRUE, false),
    RULE(CKA_DERIVE, CK_TRUE, false),
    RULE(CKA_DECRYPT, CK_FALSE, false),
    RULE(CKA_UNWRAP, CK_FALSE, false),
    RULE(CKA_SIGN, CK_FALSE, false),
    RULE(CKA_LOCAL, CK_TRUE, false),
    RULE(CKA_PRIVATE, CK_TRUE, false),
};

struct rules {
    const struct rule *first;
    size_t count;
};

#define RULES(table)                              \
    {                                             \
        table, sizeof(table) / sizeof((table)[0]) \
    }

static const struct rules RULES_OF_USE[] = {
    [P11_FIRMWARE_USE] = RULES(FIRMWARE_RULES),
    [P11_CHECKPOINT_USE] = RULES(CHECKPOINT_RULES),
    [P11_TRANSPORT_USE] = RULES(TRANSPORT_RULES),
};

/*
 * NSS says CKA_LOCAL = false of keys that it has just generated. There the rule would refuse every
 * key; CKA_NEVER_EXTRACTABLE, which no token gives to an imported key, says the same.
 */
enum error p11_learn_local(struct p11 *p11, struct fault *fault)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_BBOOL is_local = CK_FALSE;
    CK_ATTRIBUTE local = {CKA_LOCAL, &is_local, sizeof is_local};
    enum error e = p11_make_session_key(p11, P11_FK_BYTES, &key, fault);
    if (e != ERR_OK)
        return e;
    CK_RV rv = p11_read(p11, key, &local);
    p11->keeps_local = rv == CKR_OK && is_local != CK_FALSE;
    p11_destroy(p11, &key);
    return ERR_OK;
}

static CK_RV check_rule(struct p11 *p11, CK_OBJECT_HANDLE key, const struct rule *rule,
                        struct p11_finding *ret_finding)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {rule->type, &value, sizeof value};
    struct p11_finding finding = {
        .attribute = rule->name, .is_wanted = rule->wanted != CK_FALSE, .is_kept = true};
    CK_RV rv = rule->type == CKA_LOCAL && !p11->keeps_local ? CKR_ATTRIBUTE_TYPE_INVALID
                                                            : p11_read(p11, key, &attribute);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID) {
        finding.is_kept = !rule->must_be_known;
        rv = CKR_OK;
    } else if (rv == CKR_OK) {
        finding.is_known = true;
        finding.is_kept = attribute.ulValueLen == sizeof value &&
                          (value != CK_FALSE) == (rule->wanted != CK_FALSE);
    }
    *ret_finding = finding;
    return rv;
}

/* A firmware key is an AES key of 32 bytes; *ret_weak is set when it is anything else. */
static CK_RV check_size(struct p11 *p11, CK_OBJECT_HANDLE key, const char **ret_weak)
{
    CK_KEY_TYPE type = 0;
    CK_ULONG size = 0;
    CK_ATTRIBUTE key_type = {CKA_KEY_TYPE, &type, sizeof type};
    CK_ATTRIBUTE value_length = {CKA_VALUE_LEN, &size, sizeof size};
    CK_RV rv = p11_read(p11, key, &key_type);
    if (rv == CKR_OK && type != CKK_AES)
        *ret_weak = "CKA_KEY_TYPE";
    if (rv == CKR_OK)
        rv = p11_read(p11, key, &value_length);
    if (rv == CKR_OK && size != P11_FK_BYTES && *ret_weak == NULL)
        *ret_weak = "CKA_VALUE_LEN";
    return rv;
}

enum error p11_audit_key(struct p11 *p11, CK_OBJECT_HANDLE key, enum p11_key_use use,
                         const char **ret_weak, struct fault *fault)
{
    const struct rules *rules = &RULES_OF_USE[use];
    const char *weak = NULL;
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < rules->count && weak == NULL && rv == CKR_OK; i++) {
        struct p11_finding finding;
        rv = check_rule(p11, key, &rules->first[i], &finding);
        if (rv == CKR_OK && !finding.is_kept)
            weak = finding.attribute;
    }
    if (rv == CKR_OK && weak == NULL && use == P11_FIRMWARE_USE)
        rv = check_size(p11, key, &weak);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    *ret_weak = weak;
    return ERR_OK;
}

enum error p11_audit_each(struct p11 *p11, CK_OBJECT_HANDLE key, enum p11_key_use use,
                          p11_on_finding on_finding, void *context, struct fault *fault)
{
    const struct rules *rules = &RULES_OF_USE[use];
    const char *weak = NULL;
    for (size_t i = 0; i < rules->count; i++) {
        struct p11_finding finding;
        CK_RV rv = check_rule(p11, key, &rules->first[i], &finding);
        if (rv != CKR_OK)
            return p11_fail(p11, rv, fault);
        on_finding(context, &finding);
    }
    CK_RV rv = use == P11_FIRMWARE_USE ? check_size(p11, key, &weak) : CKR_OK;
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    if (weak != NULL)
        on_finding(context, &(struct p11_finding){.attribute = weak, .is_known = true});
    return ERR_OK;
}

static void read_weak_label(struct p11 *p11, CK_OBJECT_HANDLE key,
                            char out[HSM_LABEL_MAX_BYTES + 1])
{
    char label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    CK_ULONG length = p11_read(p11, key, &attribute) == CKR_OK ? attribute.ulValueLen : 0;
    if (length > HSM_LABEL_MAX_BYTES)
        length = HSM_LABEL_MAX_BYTES;
    for (CK_ULONG i = 0; i < length; i++) /* it travels as a protobuf string: keep it printable */
        out[i] = (char)(label[i] >= ' ' && label[i] <= '~' ? label[i] : '?');
    out[length] = '\0';
}

void p11_note_weak(struct p11 *p11, CK_OBJECT_HANDLE key, const char *attribute)
{
    struct hsm_weak_key weak = {0};
    uint8_t id[256];
    CK_ATTRIBUTE id_read = {CKA_ID, id, sizeof id};
    CK_ULONG length = p11_read(p11, key, &id_read) == CKR_OK ? id_read.ulValueLen : 0;
    memcpy(weak.id.bytes, id, length < sizeof weak.id.bytes ? length : sizeof weak.id.bytes);
    read_weak_label(p11, key, weak.label);
    strncpy(weak.attribute, attribute, sizeof weak.attribute - 1);
    for (size_t i = 0; i < p11->weak_key_count; i++) {
        if (memcmp(&p11->weak_keys[i].id, &weak.id, sizeof weak.id) == 0 &&
            strcmp(p11->weak_keys[i].label, weak.label) == 0)
            return;
    }
    if (p11->weak_key_count < HSM_WEAK_KEYS_MAX)
        p11->weak_keys[p11->weak_key_count++] = weak;
}

static bool has_our_label(struct p11 *p11, CK_OBJECT_HANDLE key)
{
    char label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    size_t prefix = strlen(HSM_FIRMWARE_KEY_PREFIX);
    return p11_read(p11, key, &attribute) == CKR_OK && attribute.ulValueLen >= prefix &&
           memcmp(label, HSM_FIRMWARE_KEY_PREFIX, prefix) == 0;
}

static enum error audit_firmware_key(struct p11 *p11, CK_OBJECT_HANDLE key, struct fault *fault)
{
    const char *weak = NULL;
    if (!has_our_label(p11, key))
        return ERR_OK;
    enum error e = p11_audit_key(p11, key, P11_FIRMWARE_USE, &weak, fault);
    if (e == ERR_OK && weak != NULL)
        p11_note_weak(p11, key, weak);
    return e;
}

enum error p11_audit_all(struct p11 *p11, struct fault *fault)
{
    static CK_OBJECT_HANDLE found[P11_KEYS_MAX]; /* one worker, one thread */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    struct p11_found all = {.handles = found, .max = P11_KEYS_MAX};
    enum error e = p11_learn_local(p11, fault);
    if (e == ERR_OK)
        e = p11_find(p11, template, 2, &all, fault);
    for (size_t i = 0; i < all.count && e == ERR_OK; i++) {
        e = audit_firmware_key(p11, found[i], fault);
        p11_note_progress(p11);
    }
    return e;
}
