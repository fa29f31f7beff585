/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of fields and types, and the reader over them. Owns no state. */
#include "audit/leaf.h"

#include <assert.h>
#include <string.h>

#include "audit/canonical.h"
#include "audit/leaf_form.h"

#define BIT(name) LEAF_FIELD(FIELD_##name)
static_assert(LEAF_SIZE_MAX <= UINT16_MAX, "a value's place fits");

/* ---- fields ---- */

static const struct {
    const char *name;
    enum leaf_form form;
} FIELDS[FIELD_COUNT] = {
    [FIELD_ALLOWANCE] = {"allowance", LEAF_FORM_COUNT},
    [FIELD_ALLOWED] = {"allowed", LEAF_FORM_FLAG},
    [FIELD_ANCHOR_ROOT] = {"anchor_root", LEAF_FORM_DIGEST},
    [FIELD_ANCHOR_SIZE] = {"anchor_size", LEAF_FORM_COUNT},
    [FIELD_ANCHORS] = {"anchors", LEAF_FORM_DIGEST},
    [FIELD_ATTEMPT] = {"attempt", LEAF_FORM_COUNT},
    [FIELD_ATTEMPTS_MAX] = {"attempts_max", LEAF_FORM_COUNT},
    [FIELD_AUTHORITIES] = {"authorities", LEAF_FORM_DIGEST},
    [FIELD_BY] = {"by", LEAF_FORM_TEXT},
    [FIELD_CHARGED] = {"charged", LEAF_FORM_FLAG},
    [FIELD_CLEAN] = {"clean", LEAF_FORM_FLAG},
    [FIELD_DEVICE] = {"device", LEAF_FORM_DIGEST},
    [FIELD_DOCUMENT] = {"document", LEAF_FORM_DIGEST},
    [FIELD_DOCUMENTS] = {"documents", LEAF_FORM_COUNT},
    [FIELD_ENABLED] = {"enabled", LEAF_FORM_FLAG},
    [FIELD_FIRMWARE_KEY] = {"firmware_key", LEAF_FORM_KEY_ID},
    [FIELD_GENERATION] = {"generation", LEAF_FORM_COUNT},
    [FIELD_GOVERNED] = {"governed", LEAF_FORM_FLAG},
    [FIELD_GRANT] = {"grant", LEAF_FORM_UUID},
    [FIELD_HEAD_ROOT] = {"head_root", LEAF_FORM_DIGEST},
    [FIELD_HEAD_SIZE] = {"head_size", LEAF_FORM_COUNT},
    [FIELD_HSM] = {"hsm", LEAF_FORM_DIGEST},
    [FIELD_IMAGE] = {"image", LEAF_FORM_IMAGE},
    [FIELD_IMAGES] = {"images", LEAF_FORM_COUNT},
    [FIELD_INSTALL] = {"install", LEAF_FORM_UUID},
    [FIELD_KEY] = {"key", LEAF_FORM_TEXT},
    [FIELD_KIND] = {"kind", LEAF_FORM_TEXT},
    [FIELD_LICENSE] = {"license", LEAF_FORM_DIGEST},
    [FIELD_LINE] = {"line", LEAF_FORM_TEXT},
    [FIELD_LINES] = {"lines", LEAF_FORM_LIST},
    [FIELD_LOT] = {"lot", LEAF_FORM_TEXT},
    [FIELD_NEW] = {"new", LEAF_FORM_TEXT},
    [FIELD_NEW_KEY] = {"new_key", LEAF_FORM_DIGEST},
    [FIELD_NO_BACKUP_BEFORE] = {"no_backup_before", LEAF_FORM_TIME},
    [FIELD_NONCE] = {"nonce", LEAF_FORM_TEXT},
    [FIELD_OLD] = {"old", LEAF_FORM_DIGEST},
    [FIELD_OLD_KEY] = {"old_key", LEAF_FORM_DIGEST},
    [FIELD_OPTIONS] = {"options", LEAF_FORM_TEXT},
    [FIELD_POLICY] = {"policy", LEAF_FORM_POLICY},
    [FIELD_PRINCIPAL] = {"principal", LEAF_FORM_NAME},
    [FIELD_PRODUCT] = {"product", LEAF_FORM_NAME},
    [FIELD_PRODUCTS] = {"products", LEAF_FORM_LIST},
    [FIELD_PROFILE] = {"profile", LEAF_FORM_TEXT},
    [FIELD_QUOTA] = {"quota", LEAF_FORM_COUNT},
    [FIELD_RECEIPT] = {"receipt", LEAF_FORM_TEXT},
    [FIELD_RESULT] = {"result", LEAF_FORM_RESULT},
    [FIELD_ROLE] = {"role", LEAF_FORM_ROLE},
    [FIELD_SCRAP_DRAWN] = {"scrap_drawn", LEAF_FORM_FLAG},
    [FIELD_SEQUENCE] = {"sequence", LEAF_FORM_COUNT},
    [FIELD_SERIAL] = {"serial", LEAF_FORM_TEXT},
    [FIELD_SESSION_KEY_EXPOSURE] = {"session_key_exposure", LEAF_FORM_FLAG},
    [FIELD_SIGNATURE] = {"signature", LEAF_FORM_TEXT},
    [FIELD_SIGNERS] = {"signers", LEAF_FORM_TEXT},
    [FIELD_SITE] = {"site", LEAF_FORM_NAME},
    [FIELD_SPKI] = {"spki", LEAF_FORM_DIGEST},
    [FIELD_STANDBY] = {"standby", LEAF_FORM_DIGEST},
    [FIELD_STATION] = {"station", LEAF_FORM_TEXT},
    [FIELD_SUCCESSOR] = {"successor", LEAF_FORM_DIGEST},
    [FIELD_TAKEN] = {"taken", LEAF_FORM_COUNT},
    [FIELD_TIME] = {"time", LEAF_FORM_TIME},
    [FIELD_TYPE] = {"type", LEAF_FORM_TEXT},
    [FIELD_UNIT] = {"unit", LEAF_FORM_UUID},
    [FIELD_UNITS] = {"units", LEAF_FORM_NUMBER},
    [FIELD_V] = {"v", LEAF_FORM_NUMBER},
};

const char *leaf_field_name(enum leaf_field field)
{
    return FIELDS[field].name;
}

/* ---- types ---- */

enum leaf_field leaf_fields_first(leaf_fields fields)
{
    const uint64_t low = (uint64_t)fields;
    const int first =
        low != 0 ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(fields >> 64));
    return (enum leaf_field)first;
}

#define LICENSE_FIELDS \
    (BIT(PRODUCT) | BIT(DEVICE) | BIT(IMAGE) | BIT(INSTALL) | BIT(LICENSE) | BIT(STATION))
#define HEAD_FIELDS (BIT(ANCHOR_SIZE) | BIT(ANCHOR_ROOT) | BIT(HEAD_SIZE) | BIT(HEAD_ROOT))
#define SETTINGS_FIELDS \
    (BIT(PROFILE) | BIT(POLICY) | BIT(ANCHORS) | BIT(SESSION_KEY_EXPOSURE) | BIT(ATTEMPTS_MAX))

/* In the order of their names. What a grant needs beside depends on its kind. */
static const struct {
    const char *name;
    leaf_fields required;
    leaf_fields optional;
} TYPES[LEAF_TYPES] = {
    [LEAF_UNKNOWN] = {"", 0, 0},
    [LEAF_ACCOUNT] = {"account", BIT(PRODUCT) | BIT(DOCUMENTS) | BIT(CHARGED) | BIT(SCRAP_DRAWN),
                      0},
    [LEAF_BUDGET_SET] = {"budget-set", BIT(PRODUCT), 0},
    [LEAF_CHALLENGE] = {"challenge", BIT(NONCE), 0},
    [LEAF_CHECKPOINT_KEY_ROTATED] = {"checkpoint-key-rotated",
                                     BIT(GENERATION) | BIT(OLD) | BIT(NEW) | BIT(SIGNATURE), 0},
    [LEAF_DEVICE_REBOUND] = {"device-rebound",
                             BIT(PRODUCT) | BIT(SERIAL) | BIT(OLD_KEY) | BIT(NEW_KEY), 0},
    [LEAF_FIRMWARE_KEY_DESTROYED] = {"firmware-key-destroyed",
                                     BIT(PRODUCT) | BIT(GENERATION) | BIT(KEY) |
                                         BIT(NO_BACKUP_BEFORE),
                                     0},
    [LEAF_FIRMWARE_KEY_ROTATED] = {"firmware-key-rotated",
                                   BIT(PRODUCT) | BIT(GENERATION) | BIT(OLD_KEY) | BIT(NEW_KEY) |
                                       BIT(IMAGES),
                                   0},
    [LEAF_GRANT] = {"grant",
                    BIT(PRODUCT) | BIT(KIND) | BIT(GRANT) | BIT(DOCUMENT) | BIT(SIGNERS) |
                        BIT(QUOTA),
                    BIT(UNITS) | BIT(TAKEN) | BIT(LOT) | BIT(SEQUENCE) | BIT(AUTHORITIES) |
                        SETTINGS_FIELDS | BIT(OPTIONS) | HEAD_FIELDS | BIT(SERIAL) | BIT(OLD_KEY) |
                        BIT(NEW_KEY) | BIT(STANDBY) | BIT(SPKI) | BIT(ALLOWED)},
    [LEAF_IDENTITY_REFUSED] = {"identity-refused", BIT(PRODUCT), BIT(DEVICE) | BIT(SERIAL)},
    [LEAF_IMAGE_ADDED] = {"image-added", BIT(PRODUCT) | BIT(IMAGE) | BIT(ENABLED), 0},
    [LEAF_IMAGE_ALIAS] = {"image-alias", BIT(PRODUCT) | BIT(IMAGE), 0},
    [LEAF_IMAGE_DISABLED] = {"image-disabled", BIT(PRODUCT) | BIT(IMAGE), 0},
    [LEAF_IMAGE_ENABLED] = {"image-enabled", BIT(PRODUCT) | BIT(IMAGE), 0},
    [LEAF_INITIALISED] = {"initialised", BIT(SITE) | BIT(HSM), 0},
    [LEAF_INSTALL_OUTCOME] = {"install-outcome",
                              BIT(INSTALL) | BIT(RESULT) | BIT(ATTEMPT) | BIT(STATION),
                              BIT(SCRAP_DRAWN) | BIT(RECEIPT) | BIT(KEY)},
    [LEAF_LICENSE_ISSUED] = {"license-issued", LICENSE_FIELDS | BIT(CHARGED),
                             BIT(SERIAL) | BIT(UNIT) | BIT(LINE) | BIT(LOT)},
    [LEAF_LICENSE_REISSUED] = {"license-reissued", LICENSE_FIELDS | BIT(ATTEMPT),
                               BIT(SERIAL) | BIT(LINE) | BIT(LOT)},
    [LEAF_OVERRIDE] = {"override", HEAD_FIELDS, BIT(BY)},
    [LEAF_PRINCIPAL_ADDED] = {"principal-added", BIT(PRINCIPAL) | BIT(ROLE) | BIT(SPKI),
                              BIT(PRODUCTS) | BIT(LINES)},
    [LEAF_PRINCIPAL_DISABLED] = {"principal-disabled", BIT(PRINCIPAL), 0},
    [LEAF_PRINCIPAL_ENABLED] = {"principal-enabled", BIT(PRINCIPAL), 0},
    [LEAF_PRINCIPAL_KEY_ADDED] = {"principal-key-added", BIT(PRINCIPAL) | BIT(SPKI), 0},
    [LEAF_PRINCIPAL_KEY_REMOVED] = {"principal-key-removed", BIT(PRINCIPAL) | BIT(SPKI), 0},
    [LEAF_PRINCIPAL_NARROWED] = {"principal-narrowed", BIT(PRINCIPAL), BIT(PRODUCTS) | BIT(LINES)},
    [LEAF_PRODUCT_CREATED] = {"product-created",
                              BIT(PRODUCT) | BIT(QUOTA) | BIT(GOVERNED) | SETTINGS_FIELDS,
                              BIT(AUTHORITIES) | BIT(OPTIONS) | BIT(FIRMWARE_KEY)},
    [LEAF_QUOTA_ADDED] = {"quota-added", BIT(PRODUCT) | BIT(UNITS) | BIT(QUOTA), 0},
    [LEAF_RETIRED] = {"retired", 0, BIT(SUCCESSOR)},
    [LEAF_SCRAP_ALLOWANCE_ADDED] = {"scrap-allowance-added",
                                    BIT(PRODUCT) | BIT(UNITS) | BIT(ALLOWANCE), 0},
    [LEAF_SESSION_KEYS_EXPORTED] = {"session-keys-exported",
                                    BIT(PRODUCT) | BIT(STANDBY) | BIT(SPKI), 0},
    [LEAF_SESSION_KEYS_IMPORTED] = {"session-keys-imported", BIT(PRODUCT) | BIT(IMAGE) | BIT(HSM),
                                    0},
    [LEAF_STANDBY_ADDED] = {"standby-added", BIT(STANDBY) | BIT(SPKI), 0},
    [LEAF_STANDBY_REMOVED] = {"standby-removed", BIT(STANDBY) | BIT(SPKI), 0},
    [LEAF_START] = {"start", BIT(CLEAN), 0},
    [LEAF_STOP] = {"stop", 0, 0},
};

const char *leaf_type_name(enum leaf_type type)
{
    return TYPES[type].name;
}

static bool is_text(struct bytes raw, const char *text)
{
    return bytes_equal(raw, bytes_of(text, strlen(text)));
}

static enum leaf_type find_type(struct bytes name)
{
    for (int type = LEAF_UNKNOWN + 1; type < LEAF_TYPES; type++) {
        if (is_text(name, TYPES[type].name))
            return (enum leaf_type)type;
    }
    return LEAF_UNKNOWN;
}

/* ---- reading ---- */

/* Both the leaf's fields and the table are sorted, so that each is walked through once. */
struct walk {
    struct leaf *leaf;
    int next; /* the first field of the table that may still come */
    enum canonical_kind kinds[FIELD_COUNT];
};

static int compare(struct bytes key, const char *name)
{
    size_t length = strlen(name);
    int order = memcmp(key.data, name, key.length < length ? key.length : length);
    return order != 0 ? order : (key.length > length) - (key.length < length);
}

static void note_field(void *context, const struct canonical_field *field)
{
    struct walk *walk = context;
    struct leaf *leaf = walk->leaf;
    while (walk->next < FIELD_COUNT && compare(field->key, FIELDS[walk->next].name) > 0)
        walk->next++;
    if (walk->next == FIELD_COUNT || compare(field->key, FIELDS[walk->next].name) != 0)
        return;
    leaf->has |= LEAF_FIELD(walk->next);
    leaf->values[walk->next] =
        (struct leaf_value){.at = (uint16_t)(field->value.data - leaf->entry.data),
                            .length = (uint16_t)field->value.length};
    walk->kinds[walk->next++] = field->kind;
}

static enum leaf_flaw field_flaw(struct leaf *leaf, enum leaf_field field, enum leaf_flaw flaw)
{
    leaf->flaw_field = field;
    return flaw;
}

/* "account" has numbers of units where every other leaf says whether one was; the keys of a
 * rotation and of an end are in the HSM, not a device's. */
static enum leaf_form form_of(enum leaf_type type, enum leaf_field field)
{
    bool is_count = type == LEAF_ACCOUNT && (field == FIELD_CHARGED || field == FIELD_SCRAP_DRAWN);
    bool is_key_id =
        (type == LEAF_FIRMWARE_KEY_ROTATED && (field == FIELD_OLD_KEY || field == FIELD_NEW_KEY)) ||
        (type == LEAF_FIRMWARE_KEY_DESTROYED && field == FIELD_KEY);
    if (is_key_id)
        return LEAF_FORM_KEY_ID;
    return is_count ? LEAF_FORM_COUNT : FIELDS[field].form;
}

/* Those of the fields that are there have their form. */
static enum leaf_flaw check_forms(const struct walk *walk, leaf_fields fields)
{
    struct leaf *leaf = walk->leaf;
    for (leaf_fields rest = leaf->has & fields; rest != 0; rest &= rest - 1) {
        enum leaf_field field = leaf_fields_first(rest);
        if (!leaf_form_fits(form_of(leaf->type, field), walk->kinds[field], leaf_text(leaf, field)))
            return field_flaw(leaf, field, LEAF_FIELD_WRONG);
    }
    return LEAF_SOUND;
}

static enum leaf_flaw check_fields(const struct walk *walk, leaf_fields required,
                                   leaf_fields optional)
{
    struct leaf *leaf = walk->leaf;
    leaf_fields missing = required & ~leaf->has;
    if (missing != 0)
        return field_flaw(leaf, leaf_fields_first(missing), LEAF_FIELD_MISSING);
    return check_forms(walk, required | optional);
}

static enum leaf_flaw read_fields(struct walk *walk)
{
    struct leaf *leaf = walk->leaf;
    enum leaf_flaw flaw = check_fields(walk, BIT(V) | BIT(TYPE) | BIT(TIME), 0);
    if (flaw != LEAF_SOUND)
        return flaw;
    if (leaf_number(leaf, FIELD_V) != LEAF_VERSION)
        return LEAF_OTHER_VERSION;
    leaf->type = find_type(leaf_text(leaf, FIELD_TYPE));
    if (!leaf_form_time(leaf_text(leaf, FIELD_TIME), &leaf->time_unix_ms))
        return field_flaw(leaf, FIELD_TIME, LEAF_FIELD_WRONG);
    return check_fields(walk, TYPES[leaf->type].required, TYPES[leaf->type].optional);
}

void leaf_read(struct bytes entry, int64_t index, struct leaf *ret_leaf)
{
    struct walk walk = {.leaf = ret_leaf};
    ret_leaf->index = index;
    ret_leaf->entry = entry;
    ret_leaf->type = LEAF_UNKNOWN;
    ret_leaf->flaw_field = FIELD_TYPE;
    ret_leaf->receipt = LEAF_NO_RECEIPT;
    ret_leaf->time_unix_ms = 0;
    ret_leaf->has = 0;
    if (entry.length > LEAF_SIZE_MAX)
        ret_leaf->flaw = LEAF_TOO_LONG;
    else if (!canonical_read(entry, note_field, &walk))
        ret_leaf->flaw = LEAF_NOT_CANONICAL;
    else
        ret_leaf->flaw = read_fields(&walk);
    if (ret_leaf->flaw != LEAF_SOUND)
        ret_leaf->has = 0;
}

/* ---- values ---- */

struct bytes leaf_text(const struct leaf *leaf, enum leaf_field field)
{
    if (!leaf_has(leaf, field))
        return bytes_of("", 0);
    return bytes_of(leaf->entry.data + leaf->values[field].at, leaf->values[field].length);
}

bool leaf_text_is(const struct leaf *leaf, enum leaf_field field, const char *text)
{
    return is_text(leaf_text(leaf, field), text);
}

int64_t leaf_number(const struct leaf *leaf, enum leaf_field field)
{
    return leaf_has(leaf, field) ? canonical_number(leaf_text(leaf, field)) : 0;
}

bool leaf_flag(const struct leaf *leaf, enum leaf_field field)
{
    return leaf_text_is(leaf, field, "true");
}

struct sha256 leaf_digest(const struct leaf *leaf, enum leaf_field field)
{
    struct sha256 digest = {{0}};
    if (leaf_has(leaf, field))
        leaf_form_digest(leaf_text(leaf, field), &digest);
    return digest;
}

struct uuid leaf_uuid(const struct leaf *leaf, enum leaf_field field)
{
    struct uuid id = {{0}};
    if (leaf_has(leaf, field))
        leaf_form_uuid(leaf_text(leaf, field), &id);
    return id;
}
