/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Products, images, budgets and principals: what administrators change, by names
 * who did it, for the journal. Part of ledger/ledger.h, which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_ADMINISTER_H
#define LEDGER_LEDGER_ADMINISTER_H

#include "ledger/ledger_types.h"

/* A local product. ERR_CONFLICT when the name is taken; ERR_FORBIDDEN ("product-governed") when a
 * governed product has it. */
enum error ledger_product_create(struct ledger *ledger, const struct ledger_product_new *product,
                                 const char *by, struct fault *fault) MUST_USE;
/*
 * Adds units (1 to LEDGER_QUOTA_MAX) to a local product; ledger_scrap_add to its scrap allowance.
 * ERR_PRODUCT_UNKNOWN, ERR_BAD_REQUEST, ERR_FORBIDDEN ("product-governed").
 */
enum error ledger_quota_add(struct ledger *ledger, const char *product, int64_t units,
                            const char *by, int64_t *ret_quota, struct fault *fault) MUST_USE;
enum error ledger_scrap_add(struct ledger *ledger, const char *product, int64_t units,
                            const char *by, int64_t *ret_allowance, struct fault *fault) MUST_USE;

/* A device's serial number that belongs to another key from now on (board rework). */
/* Revocation lists that were checked against the product's anchors of that version. */
struct ledger_crls_new {
    int64_t anchors_version;
    struct bytes pem;          /* empty: none from now on */
    struct ledger_crls values; /* zeroes then */
    bool accepts_older;        /* for the journal: the lists before did not stand in the way */
};
/*
 * Also of a governed product: a list is signed by the CA that it is of. They take the place of
 * those before. ERR_CONFLICT ("product-changed"): anchors or lists are others by now; check again.
 */
enum error ledger_crls_set(struct ledger *ledger, const char *product,
                           const struct ledger_crls_new *crls, const char *by,
                           struct fault *fault) MUST_USE;

struct ledger_rebinding {
    char serial[LEDGER_SERIAL_MAX + 1];
    struct sha256 old_key; /* SHA-256 of the SubjectPublicKeyInfo */
    struct sha256 new_key;
};

/*
 * Re-binds a device of a local product: the old key gets nothing any more
 * (ERR_DEVICE_IDENTITY_CONFLICT, "key-was-replaced"), the new one is a new device, charged as any.
 * ERR_CONFLICT: "device-unknown" (no device has this key and serial), "key-taken" (the new key is
 * known already). ERR_PRODUCT_UNKNOWN, ERR_FORBIDDEN ("product-governed").
 */
enum error ledger_device_rebind(struct ledger *ledger, const char *product,
                                const struct ledger_rebinding *rebinding, const char *by,
                                struct fault *fault) MUST_USE;

/*
 * A share of a product's quota: at most units charges in each period, which begin offset_minutes
 * after 00:00 UTC of 1970-01-01 and every period_minutes from then on. It only narrows the quota,
 * for one station or ("") for all together.
 */
struct ledger_budget {
    char product[LEDGER_NAME_MAX + 1];
    char station[LEDGER_NAME_MAX + 1];
    int64_t units;           /* 0 to LEDGER_QUOTA_MAX; for ledger_budget_set also -1: taken away */
    unsigned period_minutes; /* 1 to LEDGER_PERIOD_MAX_MINUTES */
    unsigned offset_minutes; /* less than period_minutes */
    int64_t used;            /* in the present period; ignored by ledger_budget_set */
};

/* What was drawn in the present period stays drawn, unless the periods change. ERR_PRODUCT_UNKNOWN,
 * ERR_PRINCIPAL_UNKNOWN (also one that is no station), ERR_BAD_REQUEST. */
enum error ledger_budget_set(struct ledger *ledger, const struct ledger_budget *budget,
                             const char *by, struct fault *fault) MUST_USE;
/* As the other listings below. */
enum error ledger_budgets_each(struct ledger *ledger, const char *product,
                               bool (*each)(void *context, const struct ledger_budget *budget),
                               void *context, struct fault *fault) MUST_USE;
/*
 * Adds an image; image->id is ignored. ERR_PRODUCT_UNKNOWN; ERR_CONFLICT when this product has the
 * digest already, or any image anywhere has this wrapped session key (one key, one image, ever);
 * "firmware-key-changed": image->generation is not the product's.
 */
enum error ledger_image_add(struct ledger *ledger, const char *product,
                            const struct ledger_image *image, const char *by,
                            struct fault *fault) MUST_USE;
/* ERR_IMAGE_UNKNOWN, ERR_PRODUCT_UNKNOWN. */
enum error ledger_image_enable(struct ledger *ledger, const char *product,
                               const struct sha256 *digest, bool is_enabled, const char *by,
                               struct fault *fault) MUST_USE;
/*
 * Gives an image a name that is unique at this site (see name_is_valid; "latest" is none). Another
 * image of the product that had the name loses it, an earlier name of this image is forgotten; ""
 * takes the name away. ret_named may be NULL. ledger_image_add ignores image->alias.
 * ERR_IMAGE_UNKNOWN, ERR_PRODUCT_UNKNOWN, ERR_BAD_REQUEST ("alias": latest). ERR_CONFLICT:
 * "alias-taken" when an image of another product has the name, "alias-case" when another image has
 * a name that differs in the case of letters only.
 */
enum error ledger_image_alias(struct ledger *ledger, const struct ledger_naming *naming,
                              const char *by, struct ledger_named *ret_named,
                              struct fault *fault) MUST_USE;

/*
 * Principals: enrolled for ever with a name and a role, known by the keys of their certificates.
 * ERR_PRINCIPAL_UNKNOWN: none of this name, or not of this role (LEDGER_ROLE_ANY: any).
 * ERR_BAD_REQUEST: "scope". Each change that changes something leaves a leaf.
 */
struct ledger_enrolment {
    const char *name;
    enum ledger_role role;
    struct sha256 spki;
    const struct ledger_scope *scope; /* NULL: everything */
};
/* ERR_CONFLICT: "name-taken", "key-taken". */
enum error ledger_principal_add(struct ledger *ledger, const struct ledger_enrolment *enrolment,
                                const char *by, struct fault *fault) MUST_USE;
enum error ledger_principal_enable(struct ledger *ledger, const char *name, enum ledger_role role,
                                   bool is_enabled, const char *by, struct fault *fault) MUST_USE;
/* The lists of a scope that are replaced; NULL: that list stays as it is. */
struct ledger_narrowing {
    const char *products;
    const char *lines;
};
enum error ledger_principal_narrow(struct ledger *ledger, const char *name, enum ledger_role role,
                                   const struct ledger_narrowing *narrowing, const char *by,
                                   struct fault *fault) MUST_USE;
/* ERR_CONFLICT: "key-taken" (by this or another principal), "too-many-keys". */
enum error ledger_principal_key_add(struct ledger *ledger, const char *name, enum ledger_role role,
                                    const struct sha256 *spki, const char *by,
                                    struct fault *fault) MUST_USE;
/* ERR_CONFLICT: "key-unknown" (not of this principal), "last-key". */
enum error ledger_principal_key_remove(struct ledger *ledger, const char *name,
                                       enum ledger_role role, const struct sha256 *spki,
                                       const char *by, struct fault *fault) MUST_USE;

/* Whether a scope's list (products or lines) contains the name, or is "". */
bool ledger_scope_has(const char *list, const char *name);

#endif
