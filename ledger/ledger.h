/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ledger: products and their quotas, images, devices, installs, principals, and the journal.
 *
 * One writer thread commits for all that wait, in groups: each change is durable (one transaction,
 * one fsync per group) before the call that asked for it returns, together with its journal leaf.
 * Nothing may be released on the strength of a call that has not returned ERR_OK. Readers see
 * committed state only. The database enforces on its own that a device is charged at most once
 * per product (policy per-device) and that used never exceeds quota.
 *
 * Order of calls: ledger_open, ledger_initialise once in its life, everything else, ledger_close
 * (after the last call returned). Threads: the handle is safe from any thread; calls that change
 * something wait for their group commit, at most LEDGER_COMMIT_TIMEOUT_MS.
 *
 * Every call may return ERR_LEDGER_UNAVAILABLE (native: SQLite's extended code: full disk, I/O
 * error, locked) and ERR_INTERNAL (memory). After ERR_TIMEOUT the change may still happen: ask
 * again, the answer will then tell. *fault, where there is one, is filled on failure.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define LEDGER_NAME_MAX           64 /* product, station, site: see name_is_valid */
#define LEDGER_CONTEXT_MAX        64 /* bytes of each context field */
#define LEDGER_OUTCOME_CODE_MAX   64
#define LEDGER_OUTCOME_DETAIL_MAX 256
#define LEDGER_SERIAL_MAX         64
#define LEDGER_LICENSE_MAX        4096
#define LEDGER_PROFILE_MAX        16
#define LEDGER_WRAPPED_KEY_MAX    40
#define LEDGER_KEY_ID_BYTES       16
#define LEDGER_IV_MAX             16
#define LEDGER_TAG_BYTES          16
#define LEDGER_ANCHORS_MAX        ((size_t)64 * 1024) /* PEM text of a product's trust anchors */
#define LEDGER_OPTIONS_MAX        1024 /* bytes of a product's settings, a JSON text */
#define LEDGER_QUOTA_MAX          INT64_C(1000000000000)
#define LEDGER_QUEUE_MAX          4096 /* changes that may wait; one more is ERR_BUSY */
#define LEDGER_GROUP_MAX          128  /* changes in one transaction */
#define LEDGER_COMMIT_TIMEOUT_MS  10000

struct ledger;

struct ledger_info {
    bool is_initialised;
    char site[LEDGER_NAME_MAX + 1];
    struct sha256 hsm_identity; /* SHA-256 of the first checkpoint key's SPKI */
    int64_t journal_size;       /* leaves */
};

enum ledger_role { LEDGER_STATION = 1 };

struct ledger_principal {
    int64_t id;
    enum ledger_role role;
    char name[LEDGER_NAME_MAX + 1];
    struct sha256 spki; /* of the TLS client certificate */
    bool is_enabled;
};

/* What a product charges for; the names in the API are "per-device" and "per-license". */
enum ledger_policy { LEDGER_PER_DEVICE = 1 };

struct ledger_product {
    int64_t id;
    int64_t anchors_version; /* changes whenever the trust anchors do; never reused */
    char name[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    enum ledger_policy policy;
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES]; /* CKA_ID */
    int64_t quota;
    int64_t used;
    bool is_enabled;
    bool allows_key_exposure; /* session keys may pass through the HSM worker's memory */
    char options[LEDGER_OPTIONS_MAX + 1]; /* the profile's settings; "" when it has none */
};

struct ledger_product_new {
    const char *name;
    const char *profile;
    enum ledger_policy policy;
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES];
    int64_t quota;        /* 0 to LEDGER_QUOTA_MAX */
    struct bytes anchors; /* PEM */
    bool allows_key_exposure;
    const char
        *options; /* UTF-8, at most LEDGER_OPTIONS_MAX bytes; the journal shows it; NULL: "" */
};

struct ledger_image {
    int64_t id;
    struct sha256 digest;                        /* of the encrypted content */
    int64_t size;                                /* bytes of the encrypted content */
    char label[LEDGER_NAME_MAX + 1];             /* the maker's version text; "" when none */
    uint8_t session_key[LEDGER_WRAPPED_KEY_MAX]; /* wrapped by the firmware key */
    size_t session_key_length;
    uint8_t iv[LEDGER_IV_MAX];
    size_t iv_length;
    uint8_t tag[LEDGER_TAG_BYTES];
    int64_t created_unix_ms;
    bool is_enabled;
    char alias[LEDGER_NAME_MAX + 1]; /* the name stations may ask by; "" when it has none */
};

/* What an alias stands for. */
struct ledger_alias {
    char product[LEDGER_NAME_MAX + 1];
    struct sha256 digest;
};

/* An image that is given a name, or with alias "" loses it. */
struct ledger_naming {
    const char *product;
    struct sha256 digest;
    const char *alias;
};

/* What came of it. */
struct ledger_named {
    bool is_moved; /* another image had the name until now: moved_from */
    struct sha256 moved_from;
    char was_called[LEDGER_NAME_MAX + 1]; /* the other name that this image had; "" when none */
    bool is_enabled;                      /* stations get nothing of a disabled image */
};

/* Where on the line a request came from; free text of the station, recorded as it is. */
struct ledger_context {
    char lot[LEDGER_CONTEXT_MAX + 1];
    char line[LEDGER_CONTEXT_MAX + 1];
    char work_order[LEDGER_CONTEXT_MAX + 1];
    char operator_name[LEDGER_CONTEXT_MAX + 1];
    char socket[LEDGER_CONTEXT_MAX + 1];
};

/* ---- life ---- */

/*
 * Opens the database at path and makes it when it does not exist. Refuses (ERR_CONFIG) a database
 * of a newer schema ("schema-newer") or an older one ("schema-older"), and one whose WAL mode or
 * synchronous=FULL does not read back as set. Appends a "start" leaf that says whether the last
 * stop was clean.
 */
enum error ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault) MUST_USE;
/* Commits what waits, appends a "stop" leaf, closes. NULL is allowed. */
void ledger_close(struct ledger *ledger);

/* Binds the ledger to a site name and an HSM. Again with the same values: ERR_OK; others:
 * ERR_CONFLICT. */
enum error ledger_initialise(struct ledger *ledger, const char *site,
                             const struct sha256 *hsm_identity, struct fault *fault) MUST_USE;
enum error ledger_info(struct ledger *ledger, struct ledger_info *ret_info,
                       struct fault *fault) MUST_USE;

/* ---- administration; by names who did it, for the journal ---- */

/* ERR_CONFLICT when the name is taken. */
enum error ledger_product_create(struct ledger *ledger, const struct ledger_product_new *product,
                                 const char *by, struct fault *fault) MUST_USE;
/* Adds units (1 to LEDGER_QUOTA_MAX) to a local product. ERR_PRODUCT_UNKNOWN, ERR_BAD_REQUEST. */
enum error ledger_quota_add(struct ledger *ledger, const char *product, int64_t units,
                            const char *by, int64_t *ret_quota, struct fault *fault) MUST_USE;
/*
 * Adds an image; image->id is ignored. ERR_PRODUCT_UNKNOWN; ERR_CONFLICT when this product has the
 * digest already, or any image anywhere has this wrapped session key (one key, one image, ever).
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
/* ERR_CONFLICT when the name or the key is enrolled already. */
enum error ledger_principal_add(struct ledger *ledger, const char *name, enum ledger_role role,
                                const struct sha256 *spki, const char *by,
                                struct fault *fault) MUST_USE;
/* ERR_FORBIDDEN ("station-unknown") when there is no such principal. */
enum error ledger_principal_enable(struct ledger *ledger, const char *name, bool is_enabled,
                                   const char *by, struct fault *fault) MUST_USE;

/* ---- reading ---- */

/* The enabled principal with this key. ERR_FORBIDDEN: "station-unknown" or "station-disabled". */
enum error ledger_principal_get(struct ledger *ledger, const struct sha256 *spki,
                                struct ledger_principal *ret_principal,
                                struct fault *fault) MUST_USE;
/* The product, also a disabled one. ERR_PRODUCT_UNKNOWN. */
enum error ledger_product_get(struct ledger *ledger, const char *name,
                              struct ledger_product *ret_product, struct fault *fault) MUST_USE;
/* The trust anchors as PEM; the caller frees *ret_pem. */
enum error ledger_product_anchors(struct ledger *ledger, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault) MUST_USE;
/* The image of that digest, or the newest enabled one when digest is NULL. ERR_IMAGE_UNKNOWN, with
 * "image-disabled" when it exists and is disabled, "no-image" when digest is NULL and there is
 * none. */
enum error ledger_image_get(struct ledger *ledger, int64_t product_id, const struct sha256 *digest,
                            struct ledger_image *ret_image, struct fault *fault) MUST_USE;
/* The image of that name, also a disabled one. ERR_IMAGE_UNKNOWN, with "alias-unknown". */
enum error ledger_alias_get(struct ledger *ledger, const char *alias,
                            struct ledger_alias *ret_alias, struct fault *fault) MUST_USE;
/* Whether any enabled product has an enabled image of that digest. ERR_IMAGE_UNKNOWN. */
enum error ledger_image_exists(struct ledger *ledger, const struct sha256 *digest,
                               struct fault *fault) MUST_USE;

/* Calls each for every row, oldest first; stops when each returns false. each holds a
 * reader meanwhile: it must not wait and not call the ledger. */
enum error ledger_products_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product),
                                void *context, struct fault *fault) MUST_USE;
enum error ledger_images_each(struct ledger *ledger, int64_t product_id,
                              bool (*each)(void *context, const struct ledger_image *image),
                              void *context, struct fault *fault) MUST_USE;
enum error ledger_principals_each(struct ledger *ledger,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault) MUST_USE;

/* ---- metering ---- */

struct ledger_device {
    struct sha256 spki;
    char serial[LEDGER_SERIAL_MAX + 1]; /* "" when the device has none */
};

enum ledger_standing {
    LEDGER_LICENSED = 1,  /* this device has a license for this image: ledger_issue without bytes */
    LEDGER_MAY_ISSUE = 2, /* a license may be made now */
};

/*
 * One snapshot for steps 3 and 4 of the recipe: may this device have a license for this image?
 * ERR_DEVICE_IDENTITY_CONFLICT ("serial-has-other-key", "key-has-other-serial"),
 * ERR_DEVICE_SCRAPPED, ERR_QUOTA_SPENT (a unit is needed and none is left).
 */
enum error ledger_standing(struct ledger *ledger, int64_t product_id, int64_t image_id,
                           const struct ledger_device *device, enum ledger_standing *ret_standing,
                           struct fault *fault) MUST_USE;

struct ledger_issue {
    int64_t product_id;
    int64_t image_id;
    int64_t principal_id;
    struct ledger_device device;
    struct bytes license; /* borrowed; empty when the stored license is asked for */
    struct ledger_context context;
};

struct ledger_issued {
    struct uuid install; /* also the license's id: one license per install */
    uint8_t license[LEDGER_LICENSE_MAX];
    size_t license_length;
    bool is_repeat;  /* the stored license; the given bytes, if any, were discarded */
    bool is_charged; /* this call took a unit */
    int64_t attempt; /* 1 for the first */
    int64_t remaining;
    int64_t journal_index;
};

/*
 * Step 6: charge, install, license and journal leaf in one transaction; or, when the device has a
 * license for this image, one more attempt of it. Refusals as ledger_standing, decided again here;
 * also what was disabled since: ERR_PRODUCT_UNKNOWN, ERR_IMAGE_UNKNOWN, ERR_FORBIDDEN.
 */
enum error ledger_issue(struct ledger *ledger, const struct ledger_issue *issue,
                        struct ledger_issued *ret_issued, struct fault *fault) MUST_USE;

enum ledger_result { LEDGER_SUCCEEDED = 1, LEDGER_FAILED = 2, LEDGER_SCRAPPED = 3 };

struct ledger_outcome {
    struct uuid install;
    int64_t principal_id;
    enum ledger_result result;
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
};

/*
 * Records what became of an install. The same outcome again changes nothing; another one replaces
 * it (a retry may succeed). Scrapped is final for the device: anything but scrapped again is
 * ERR_DEVICE_SCRAPPED. ERR_INSTALL_UNKNOWN.
 */
enum error ledger_outcome_record(struct ledger *ledger, const struct ledger_outcome *outcome,
                                 struct fault *fault) MUST_USE;

/*
 * The account of a product: granted = remaining + charged, and
 * charged = succeeded + failed + scrapped + unreported, where an outcome counts once per charged
 * unit (per-device: that of the device's newest install).
 */
struct ledger_usage {
    int64_t granted;
    int64_t charged;
    int64_t remaining;
    int64_t licensed; /* installs: devices times images */
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
};

enum error ledger_usage(struct ledger *ledger, const char *product, struct ledger_usage *ret_usage,
                        struct fault *fault) MUST_USE;

struct ledger_refusal {
    const char *product;
    int64_t principal_id;
    enum error code; /* ERR_DEVICE_NOT_GENUINE, ERR_DEVICE_IDENTITY_CONFLICT, ERR_DEVICE_SCRAPPED */
    const char *reason; /* the fault's reason word */
    /* Whose flood is to be bounded: the device when it proved its origin, else NULL (the station).
     */
    const struct ledger_device *device;
};

/*
 * Notes a refused identity in the journal: at most one leaf per identity (or, without a proven one,
 * per station), code and hour. Never makes the caller wait: the leaf joins a later group commit,
 * and is dropped when a quarter of LEDGER_QUEUE_MAX waits already: charges go first.
 */
void ledger_refusal_note(struct ledger *ledger, const struct ledger_refusal *refusal);

#endif
