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
#include "core/clock.h"
#include "core/error.h"
#include "core/histogram.h"
#include "journal/checkpoint.h"
#include "journal/tree.h"

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
#define LEDGER_CONTENT_MAX        15                    /* of the name of a form of content */
#define LEDGER_ANCHORS_MAX        ((size_t)64 * 1024)   /* PEM text of a product's trust anchors */
#define LEDGER_CRLS_MAX           16                    /* revocation lists of a product */
#define LEDGER_CRLS_MAX_BYTES     ((size_t)1024 * 1024) /* PEM text of them */
#define LEDGER_OPTIONS_MAX        1024 /* bytes of a product's settings, a JSON text */
#define LEDGER_QUOTA_MAX          INT64_C(1000000000000)
#define LEDGER_QUEUE_MAX          4096 /* changes that may wait; one more is ERR_BUSY */
#define LEDGER_QUEUE_BYTES        ((size_t)32 * 1024 * 1024) /* of them; likewise */
#define LEDGER_GROUP_MAX          128                        /* changes in one transaction */
#define LEDGER_COMMIT_TIMEOUT_MS  10000
#define LEDGER_POINT_MAX          133 /* a device's public point */
#define LEDGER_RECEIPT_MAX        144 /* a device's signature, DER */
#define LEDGER_SPKI_MAX           256 /* a device's SubjectPublicKeyInfo, DER */
#define LEDGER_ATTEMPTS_MAX       1000000
#define LEDGER_DOCUMENT_MAX       ((size_t)112 * 1024) /* a signed document */
#define LEDGER_SIGNERS_MAX        16
#define LEDGER_CHALLENGE_MIN      8
#define LEDGER_CHALLENGE_MAX      64
#define LEDGER_LEAF_MAX           8192
#define LEDGER_PRINCIPAL_KEYS_MAX 4
#define LEDGER_SCOPE_NAMES_MAX    32     /* products, or lines, that a principal is narrowed to */
#define LEDGER_SCOPE_MAX          2080   /* bytes: so many names with their newlines */
#define LEDGER_BATCH_MAX          256    /* licenses issued together */
#define LEDGER_PAGE_MAX           256    /* rows of one page of a listing */
#define LEDGER_SCAN_MAX           20000  /* rows read for one page */
#define LEDGER_SUM_MAX            500000 /* installs summed for one listing of usage */
#define LEDGER_PERIOD_MAX_MINUTES 10080  /* a week */
#define LEDGER_ROTATION_MAX       100000 /* images of a product whose key is rotated */
#define LEDGER_CLOCK_TOLERANCE_MS 60000  /* a clock may step back by this much */
#define LEDGER_DISK_NEARLY_FULL   "disk-nearly-full" /* the reason when the reserve is reached */
#define LEDGER_AWAITS_ANCHOR      "awaits-anchor"    /* the reason of ledger_issue's ERR_BUSY */
#define LEDGER_NO_ANCHOR          INT64_MAX /* for ledger_set_anchored: this token keeps none */

struct ledger;

struct ledger_info {
    bool is_initialised;
    char site[LEDGER_NAME_MAX + 1];
    struct sha256 hsm_identity; /* SHA-256 of the first checkpoint key's SPKI */
    int64_t journal_size;       /* leaves */
};

/* Two different people who made a ceremony together, as they call themselves. */
struct ledger_people {
    char officer[LEDGER_NAME_MAX + 1]; /* the maker's security officer */
    char witness[LEDGER_NAME_MAX + 1];
};

/* Who may ask for what is the caller's to decide. */
enum ledger_role {
    LEDGER_STATION = 1,
    LEDGER_OPERATOR = 2,
    LEDGER_AUDITOR = 3,
    LEDGER_ADMINISTRATOR = 4,
    LEDGER_METRICS = 5,
};
#define LEDGER_ROLE_ANY 0 /* where a role narrows a search */

/*
 * What a principal is narrowed to: texts, each followed by a newline; "" is everything. Products by
 * name (whether they exist or not), lines as requests name them.
 */
struct ledger_scope {
    char products[LEDGER_SCOPE_MAX + 1];
    char lines[LEDGER_SCOPE_MAX + 1];
};

struct ledger_principal {
    int64_t id;
    enum ledger_role role;
    char name[LEDGER_NAME_MAX + 1];
    bool is_enabled;
    struct ledger_scope scope;
    /* The keys of its TLS client certificates, the oldest first. */
    struct {
        struct sha256 spki;
        int64_t added_unix_ms;
    } keys[LEDGER_PRINCIPAL_KEYS_MAX];
    size_t key_count;
    struct sha256 key; /* of them, the one that it was found by: ledger_principal_get alone */
};

/* What a product charges for; the names in the API are "per-device" and "per-license". */
enum ledger_policy { LEDGER_PER_DEVICE = 1, LEDGER_PER_LICENSE = 2 };

/* What a product's revocation lists are together. */
struct ledger_crls {
    int64_t lists;           /* 0: there are none */
    int64_t issued_unix_ms;  /* the oldest one's thisUpdate */
    int64_t expires_unix_ms; /* the first nextUpdate; 0: none says one */
};

struct ledger_product {
    int64_t id;
    int64_t anchors_version; /* changes whenever anchors or revocation lists do; never reused */
    char name[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    enum ledger_policy policy;
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES]; /* CKA_ID */
    int64_t generation;                        /* of the firmware key; 1 is the first */
    int64_t quota;                             /* granted: accepted - revoked + scrap_drawn */
    int64_t used;
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t attempts_max; /* license requests per device, 0: as many as it takes */
    bool is_governed;
    int64_t sequence;          /* governed: of the newest numbered document */
    struct sha256 authorities; /* governed: digest of the present authority set, else zeroes */
    bool is_enabled;
    bool allows_key_exposure; /* session keys may pass through the HSM worker's memory */
    struct ledger_crls crls;
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
    int64_t attempts_max; /* 0 to LEDGER_ATTEMPTS_MAX */
};

struct ledger_image {
    int64_t id;
    struct sha256 digest;                        /* of the encrypted content */
    int64_t size;                                /* bytes of the encrypted content */
    char label[LEDGER_NAME_MAX + 1];             /* the maker's version text; "" when none */
    uint8_t session_key[LEDGER_WRAPPED_KEY_MAX]; /* wrapped by the firmware key of generation */
    size_t session_key_length;
    int64_t generation;
    uint8_t iv[LEDGER_IV_MAX];
    size_t iv_length;
    uint8_t tag[LEDGER_TAG_BYTES];
    size_t tag_length;                    /* 0 or LEDGER_TAG_BYTES */
    char content[LEDGER_CONTENT_MAX + 1]; /* form of content; "" is the profile's default */
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
 * of a newer schema ("schema-newer"), and one whose WAL mode or synchronous=FULL does not read back
 * as set. One of an older schema is brought to this one on a copy, and kept under another name
 * (ledger/sqlite_migrate.h; "migration-failed"); one that is too old is refused ("schema-older").
 * Appends a "start" leaf that says whether the last stop was clean.
 */
enum error ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault) MUST_USE;
/* Appends the "stop" leaf; only reading, ledger_checkpoint_set and ledger_close may follow. */
enum error ledger_stop(struct ledger *ledger, struct fault *fault) MUST_USE;
/* Commits what waits, appends a "stop" leaf unless ledger_stop did, closes. NULL is allowed. */
void ledger_close(struct ledger *ledger);

/*
 * Binds the ledger to a site name and an HSM; the leaf names the people who were there (NULL: it
 * was no ceremony). Again with
 * the same site and HSM: ERR_OK, and nothing is written; others: ERR_CONFLICT.
 */
enum error ledger_initialise(struct ledger *ledger, const char *site,
                             const struct sha256 *hsm_identity, const struct ledger_people *people,
                             struct fault *fault) MUST_USE;
enum error ledger_info(struct ledger *ledger, struct ledger_info *ret_info,
                       struct fault *fault) MUST_USE;

/*
 * Room on the ledger's disk. With less than the reserve free (0: none is kept, as at first) first
 * licenses are ERR_LEDGER_UNAVAILABLE (LEDGER_DISK_NEARLY_FULL), so that outcomes and licenses that
 * were issued before still have the rest. Looked at for each group commit.
 */
enum ledger_room_state {
    LEDGER_ROOM_OK = 0,
    LEDGER_ROOM_LOW = 1,  /* less than twice the reserve */
    LEDGER_ROOM_SPENT = 2 /* less than the reserve */
};
struct ledger_room {
    enum ledger_room_state state;
    int64_t free_bytes; /* for this user; INT64_MAX: not known */
    int64_t reserve_bytes;
};
void ledger_set_reserve(struct ledger *ledger, int64_t bytes);
void ledger_room(struct ledger *ledger, struct ledger_room *ret_room);
/* For what else would take room: ERR_LEDGER_UNAVAILABLE (LEDGER_DISK_NEARLY_FULL) when so many
 * bytes more would leave less than the reserve. */
enum error ledger_room_permits(struct ledger *ledger, int64_t bytes, struct fault *fault) MUST_USE;
/* The refusal. */
enum error ledger_room_fault(struct fault *fault);

/*
 * How far the clock is behind the newest leaf now; 0: it is not. With more than
 * LEDGER_CLOCK_TOLERANCE_MS every license is ERR_CLOCK_SET_BACK.
 */
int64_t ledger_behind_ms(struct ledger *ledger);
/* The refusal. */
enum error ledger_clock_fault(struct fault *fault);

/* ---- administration; by names who did it, for the journal ---- */

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
/* ---- firmware keys: each product has had one or more, the newest is in use ---- */

struct ledger_firmware_key {
    char product[LEDGER_NAME_MAX + 1];
    int64_t generation; /* from 1, without gaps */
    uint8_t id[LEDGER_KEY_ID_BYTES];
    int64_t images; /* whose session keys it wraps */
    bool is_retired;
    int64_t retired_unix_ms;
    int64_t retired_leaf; /* firmware-key-rotated */
    bool is_destroyed;    /* and then it is retired, too */
    int64_t destroyed_unix_ms;
    int64_t destroyed_leaf;
};

/* Of one product or (NULL) of all, the oldest first. As the listings below. ERR_PRODUCT_UNKNOWN. */
enum error ledger_firmware_keys_each(struct ledger *ledger, const char *product,
                                     bool (*each)(void *context,
                                                  const struct ledger_firmware_key *key),
                                     void *context, struct fault *fault) MUST_USE;

/* A session key that goes over to the new key. */
struct ledger_rewrapped {
    int64_t image_id;
    size_t length; /* of either */
    uint8_t was[LEDGER_WRAPPED_KEY_MAX];
    uint8_t is[LEDGER_WRAPPED_KEY_MAX];
};

struct ledger_rotation {
    const char *product;
    int64_t generation; /* of the new key */
    uint8_t old_key[LEDGER_KEY_ID_BYTES];
    uint8_t new_key[LEDGER_KEY_ID_BYTES];
    const struct ledger_rewrapped *images; /* every image of the product, by id */
    size_t count;                          /* at most LEDGER_ROTATION_MAX */
};

/*
 * In one transaction: the new key is in use, the session keys of all images are exchanged, the old
 * key is retired. The same again: ERR_OK, and nothing changes. ERR_PRODUCT_UNKNOWN; ERR_CONFLICT:
 * "firmware-key-changed" (the old key is not in use, or the generation is not the next),
 * "images-changed" (the list is not exactly the product's images as they are).
 */
enum error ledger_firmware_key_rotate(struct ledger *ledger, const struct ledger_rotation *rotation,
                                      const char *by, struct fault *fault) MUST_USE;

/* The end of a retired key. */
struct ledger_key_end {
    const char *product;
    uint8_t key[LEDGER_KEY_ID_BYTES];
    int64_t no_backup_before_unix_ms; /* what the operator states: older backups are gone */
};

/*
 * Whether the key may be destroyed. ERR_PRODUCT_UNKNOWN; ERR_CONFLICT: "key-unknown" (not of this
 * product), "key-in-use"; ERR_BAD_REQUEST ("no-backup-before": not later than the rotation, or in
 * the future). *ret_key is filled on success; it may be destroyed already.
 */
enum error ledger_firmware_key_may_end(struct ledger *ledger, const struct ledger_key_end *end,
                                       struct ledger_firmware_key *ret_key,
                                       struct fault *fault) MUST_USE;
/* That it is destroyed: called behind the destruction. Again: ERR_OK, and nothing changes. */
enum error ledger_firmware_key_ended(struct ledger *ledger, const struct ledger_key_end *end,
                                     const char *by, struct fault *fault) MUST_USE;

/*
 * An image that comes from another HSM's ledger, with the session key that the HSM here has taken
 * in: as ledger_image_add, with image->alias, and a leaf that says where the key comes from.
 * Without hsm (NULL) its maker packed it at home: then there is no such leaf. The same image with
 * the same session key again changes nothing (*ret_is_new false). ERR_CONFLICT:
 * "firmware-key-changed", "image-other-key" (the product has it, under another key),
 * "session-key-used", and as ledger_image_alias.
 */
enum error ledger_image_import(struct ledger *ledger, const char *product,
                               const struct ledger_image *image, const struct sha256 *hsm,
                               const char *by, bool *ret_is_new, struct fault *fault) MUST_USE;

/* Another HSM that session keys may be wrapped for. */
struct ledger_standby {
    int64_t id;
    char name[LEDGER_NAME_MAX + 1];
    struct sha256 hsm;             /* its identity */
    uint8_t spki[LEDGER_SPKI_MAX]; /* of its transport key, DER */
    size_t spki_length;
    int64_t added_unix_ms;
};
/* At most LEDGER_STANDBYS_MAX. The same again changes nothing. ERR_CONFLICT: "standby-exists" (the
 * name or the HSM, with something else), "too-many-standbys". ERR_BAD_REQUEST. */
#define LEDGER_STANDBYS_MAX 16
enum error ledger_standby_add(struct ledger *ledger, const struct ledger_standby *standby,
                              const char *by, struct fault *fault) MUST_USE;
/* ERR_CONFLICT: "standby-unknown". */
enum error ledger_standby_remove(struct ledger *ledger, const char *name, const char *by,
                                 struct fault *fault) MUST_USE;
/* ERR_CONFLICT: "standby-unknown". */
enum error ledger_standby_get(struct ledger *ledger, const char *name,
                              struct ledger_standby *ret_standby, struct fault *fault) MUST_USE;
enum error ledger_standbys_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_standby *standby),
                                void *context, struct fault *fault) MUST_USE;

/* A device without a certificate, and the signed list that allows it. */
struct ledger_listed {
    struct sha256 spki; /* of its key */
    char serial[LEDGER_SERIAL_MAX + 1];
    struct sha256 signer; /* SHA-256 of the SPKI that signed the list; out only */
};
struct ledger_device_list {
    struct sha256 digest; /* of the file */
    struct sha256 signer;
    int64_t devices;
    int64_t added_unix_ms; /* out only */
};
struct ledger_listing {
    const char *product;
    struct ledger_device_list list;
    struct bytes packed; /* the devices, as ledger_listed_pack writes them */
};
struct ledger_listing_result {
    int64_t added;   /* devices that were not allowed before */
    int64_t renewed; /* that an older list allowed */
};
#define LEDGER_LISTED_MAX    100000 /* devices of one list */
#define LEDGER_LISTED_PACKED (SHA256_SIZE + 1 + LEDGER_SERIAL_MAX)
/* Writes one device; so many bytes. */
size_t ledger_listed_pack(const struct ledger_listed *device, uint8_t out[LEDGER_LISTED_PACKED]);
/*
 * Allows the devices of a list whose signature was checked, all of them or none, with a leaf. What
 * changes nothing leaves none. ERR_CONFLICT: "serial-has-other-key", "key-has-other-serial"
 * (native: the place in the list, from 1). ERR_PRODUCT_UNKNOWN, ERR_BAD_REQUEST.
 */
enum error ledger_devices_allow(struct ledger *ledger, const struct ledger_listing *listing,
                                const char *by, struct ledger_listing_result *ret_result,
                                struct fault *fault) MUST_USE;
/* Takes a device off, with a leaf. ERR_CONFLICT ("device-not-listed"). ERR_PRODUCT_UNKNOWN. */
enum error ledger_device_disallow(struct ledger *ledger, const char *product,
                                  const struct sha256 *spki, const char *by,
                                  struct fault *fault) MUST_USE;
enum error ledger_listed_get(struct ledger *ledger, int64_t product_id, const struct sha256 *spki,
                             bool *ret_is_listed, struct ledger_listed *ret_device,
                             struct fault *fault) MUST_USE;
/* All devices that are allowed, with their serials and signers, as one digest; all zeros: none is.
 * The leaves devices-allowed, device-disallowed and account say it as "listed". */
enum error ledger_listed_state(struct ledger *ledger, int64_t product_id, struct sha256 *ret_state,
                               struct fault *fault) MUST_USE;
/* The oldest first. */
enum error ledger_device_lists_each(struct ledger *ledger, int64_t product_id,
                                    bool (*each)(void *context,
                                                 const struct ledger_device_list *list),
                                    void *context, struct fault *fault) MUST_USE;

/* Session keys that were wrapped for a standby: a leaf. ERR_CONFLICT: "standby-unknown" when it was
 * removed meanwhile, or is another by now; "product-changed" when a numbered document of the
 * product was accepted meanwhile, which may have taken it back. */
struct ledger_handover {
    const char *product;
    const struct ledger_standby *standby;
    int64_t sequence; /* of the product when it was judged */
    int64_t images;
    struct sha256 file;
};
enum error ledger_handover_note(struct ledger *ledger, const struct ledger_handover *handover,
                                const char *by, struct fault *fault) MUST_USE;

/* What a standby has of a product; a row for each pair of them. */
struct ledger_handed_over {
    char standby[LEDGER_NAME_MAX + 1];
    char product[LEDGER_NAME_MAX + 1];
    int64_t images;           /* that the product has */
    int64_t exported;         /* of them when its session keys were last exported */
    int64_t exported_unix_ms; /* 0: never */
};
enum error ledger_handed_over_each(struct ledger *ledger,
                                   bool (*each)(void *context,
                                                const struct ledger_handed_over *row),
                                   void *context, struct fault *fault) MUST_USE;

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

/* ---- reading ---- */

/*
 * Moves whenever products, images or principals may have changed, but for their accounts, and
 * before whoever changed them is told: what was read after this number still holds while the number
 * is the same.
 */
uint64_t ledger_catalogue_version(struct ledger *ledger) MUST_USE;
/* The enabled principal with this key. ERR_FORBIDDEN: "principal-unknown", "principal-disabled". */
enum error ledger_principal_get(struct ledger *ledger, const struct sha256 *spki,
                                struct ledger_principal *ret_principal,
                                struct fault *fault) MUST_USE;
/* The product, also a disabled one. ERR_PRODUCT_UNKNOWN. */
enum error ledger_product_get(struct ledger *ledger, const char *name,
                              struct ledger_product *ret_product, struct fault *fault) MUST_USE;
/* The trust anchors as PEM; the caller frees *ret_pem. */
enum error ledger_product_anchors(struct ledger *ledger, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault) MUST_USE;
/* Its revocation lists as PEM; *ret_pem is NULL when it has none. */
enum error ledger_product_crls(struct ledger *ledger, int64_t product_id, char **ret_pem,
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

/* An install and its license, as they stand. */
struct ledger_install {
    int64_t row; /* grows with each install: a cursor */
    struct uuid id;
    char product[LEDGER_NAME_MAX + 1];
    char profile[LEDGER_PROFILE_MAX];
    struct sha256 image;
    struct sha256 device;
    char serial[LEDGER_SERIAL_MAX + 1];
    char station[LEDGER_NAME_MAX + 1];
    bool is_charged; /* its license took the unit */
    struct sha256 license_digest;
    int64_t journal_index; /* of the license-issued leaf */
    int64_t licensed_unix_ms;
    int64_t attempts;
    int64_t attempted_unix_ms;
    struct ledger_context context;
    int result; /* enum ledger_result; 0: unreported */
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    char reporter[LEDGER_NAME_MAX + 1]; /* "" when unreported, as the two below are 0 */
    int64_t reported_unix_ms;
    bool is_proven;
};

/* Each member narrows: NULL, "" and 0 mean any. */
struct ledger_install_filter {
    const char *products; /* a scope's list */
    const char *product;
    const char *lot;
    const char *station;
    const struct sha256 *device;
    bool has_result;
    int result; /* enum ledger_result; 0: unreported */
    int64_t since_unix_ms;
    int64_t until_unix_ms;
    int64_t before; /* a row */
    unsigned limit; /* 1 to LEDGER_PAGE_MAX */
};

/*
 * At most limit installs, the newest first; reads at most LEDGER_SCAN_MAX rows: *ret_next is the
 * `before` to go on with (also after an empty page), 0 at the end. ERR_PRODUCT_UNKNOWN.
 */
enum error ledger_installs_each(struct ledger *ledger, const struct ledger_install_filter *filter,
                                bool (*each)(void *context, const struct ledger_install *install),
                                void *context, int64_t *ret_next, struct fault *fault) MUST_USE;
/* ERR_INSTALL_UNKNOWN. */
enum error ledger_install_get(struct ledger *ledger, const struct uuid *id,
                              struct ledger_install *ret_install, struct fault *fault) MUST_USE;

enum ledger_usage_key { LEDGER_BY_LOT = 1, LEDGER_BY_DAY = 2, LEDGER_BY_STATION = 3 };

struct ledger_usage_row {
    char key[LEDGER_CONTEXT_MAX + 1]; /* lot ("": none), UTC day "2026-11-27", station */
    int64_t charged;
    int64_t licensed; /* installs: succeeded + failed + scrapped + unreported */
    int64_t attempts;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t proven;
};

struct ledger_usage_filter {
    const char *product;
    enum ledger_usage_key key;
    int64_t since_unix_ms; /* licensed at or after */
    int64_t until_unix_ms; /* licensed before; 0: until now */
    const char *after;     /* NULL: from the first; else keys above this one */
    unsigned limit;        /* 1 to LEDGER_PAGE_MAX */
};

/*
 * Installs of a product summed by a key, in the order of the key. ERR_PRODUCT_UNKNOWN;
 * ERR_BAD_REQUEST ("range-too-large") when more than LEDGER_SUM_MAX installs were to be summed.
 */
enum error ledger_usage_each(struct ledger *ledger, const struct ledger_usage_filter *filter,
                             bool (*each)(void *context, const struct ledger_usage_row *row),
                             void *context, bool *ret_more, struct fault *fault) MUST_USE;

/* Units that a product was charged since then, of the first LEDGER_SUM_MAX + 1 installs since: with
 * more of them it is at least so many. */
enum error ledger_charged_since(struct ledger *ledger, int64_t product_id, int64_t since_unix_ms,
                                int64_t *ret_units, struct fault *fault) MUST_USE;

/* Group commits since the ledger was opened. */
struct ledger_commits {
    struct histogram_counts durations; /* core/histogram.h */
    uint64_t changes;
};
void ledger_commits_get(struct ledger *ledger, struct ledger_commits *ret_commits);
/*
 * Whether the writer gets on: ERR_LEDGER_UNAVAILABLE ("commit-hangs") when one group has been under
 * way for longer than LEDGER_COMMIT_TIMEOUT_MS, so that whoever waited for it was told ERR_TIMEOUT.
 * Never waits. A queue that is long moves as long as groups end, and is not looked at.
 */
enum error ledger_writer_check(struct ledger *ledger, struct fault *fault) MUST_USE;
/*
 * What the newest change ran into that broke it and all that came with it (a disk that fails or is
 * full, a file that another program wrote), as it was answered. ERR_OK after LEDGER_BROKEN_MS, for
 * nobody may have tried since; but "ledger-changed" stays until the ledger is opened anew. No
 * reason to restart by itself: that would check the ledger anew and hide that it was written.
 */
#define LEDGER_BROKEN_MS 2000
enum error ledger_broken_check(struct ledger *ledger, struct fault *fault) MUST_USE;

/* ---- metering ---- */

struct ledger_device {
    struct sha256 spki;
    char serial[LEDGER_SERIAL_MAX + 1]; /* "" when the device has none */
    uint8_t point[LEDGER_POINT_MAX];    /* its public point, kept to check its receipts */
    size_t point_length;                /* 0: not known */
    bool can_sign;                      /* its certificate allows signing */
};

enum ledger_standing {
    LEDGER_LICENSED = 1,  /* this device has a license for this image: ledger_issue without bytes */
    LEDGER_MAY_ISSUE = 2, /* a license may be made now */
};

/*
 * One snapshot for steps 3 and 4 of the recipe: may this device have a license for this image?
 * ERR_DEVICE_IDENTITY_CONFLICT ("serial-has-other-key", "key-has-other-serial",
 * "key-was-replaced"), ERR_DEVICE_SCRAPPED, ERR_ATTEMPTS_SPENT, ERR_QUOTA_SPENT (a unit is needed
 * and none is left), ERR_BUDGET_SPENT (of the station or of the product's period).
 */
enum error ledger_standing(struct ledger *ledger, int64_t product_id, int64_t image_id,
                           int64_t principal_id, const struct ledger_device *device,
                           enum ledger_standing *ret_standing, struct fault *fault) MUST_USE;

struct ledger_issue {
    int64_t product_id;
    int64_t image_id;
    int64_t principal_id;
    struct sha256 asked_with; /* a key that the principal must still have; zero: none */
    struct ledger_device device;
    struct bytes license; /* borrowed; empty when the stored license is asked for */
    struct ledger_context context;
    deadline_ms deadline; /* of whoever asked: nothing is issued later; 0: none */
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
 * also what was disabled or narrowed since: ERR_PRODUCT_UNKNOWN, ERR_IMAGE_UNKNOWN, ERR_FORBIDDEN
 * ("principal-unknown", "principal-disabled", "role-not-allowed": no station,
 * "product-not-allowed", "line-not-allowed", "line-missing").
 * ERR_BUSY ("awaits-anchor"): a first license must wait until ledger_set_anchored moves on;
 * ("late"): the deadline passed before it was this one's turn. ERR_CLOCK_SET_BACK: it is earlier
 * than the newest leaf by more than LEDGER_CLOCK_TOLERANCE_MS.
 */
enum error ledger_issue(struct ledger *ledger, const struct ledger_issue *issue,
                        struct ledger_issued *ret_issued, struct fault *fault) MUST_USE;

/* What came of one license of a batch. */
struct ledger_batch_item {
    const struct ledger_issue *issue; /* NULL: skipped, as an item that failed before */
    enum error code;                  /* the item's own; the three are set for each issue */
    struct fault fault;
    struct ledger_issued issued;
};

/*
 * As ledger_issue, for 1 to LEDGER_BATCH_MAX licenses in this order, in one transaction: each item
 * has its own savepoint, code and answer, as if they had come one after the other. The returned
 * code is that of the whole: not ERR_OK when nothing of it happened. An item may be ERR_BUSY
 * ("awaits-anchor") alone: give those again.
 */
enum error ledger_issue_batch(struct ledger *ledger, struct ledger_batch_item *items, size_t count,
                              struct fault *fault) MUST_USE;

enum ledger_result { LEDGER_SUCCEEDED = 1, LEDGER_FAILED = 2, LEDGER_SCRAPPED = 3 };

struct ledger_outcome {
    struct uuid install;
    int64_t principal_id;
    struct sha256 asked_with; /* as of an issue */
    enum ledger_result result;
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    /* A device's signature over the install's id, verified by the caller; succeeded only. */
    uint8_t receipt[LEDGER_RECEIPT_MAX];
    size_t receipt_length;        /* 0: none */
    uint8_t key[LEDGER_SPKI_MAX]; /* with a receipt: the device's SubjectPublicKeyInfo */
    size_t key_length;
};

struct ledger_recorded {
    bool is_proven;      /* the install stands as succeeded with a receipt */
    int64_t attempt;     /* how often its license was asked for until now */
    bool is_scrapped;    /* the device */
    bool is_scrap_drawn; /* for this device a unit of the scrap allowance was drawn */
};

/*
 * Records what became of an install. The same outcome again changes nothing; another one replaces
 * it (a retry may succeed); a receipt may come later and stays until another result replaces it.
 * Scrapped is final for the device: anything but scrapped again is ERR_DEVICE_SCRAPPED; it draws
 * one unit of the product's scrap allowance in the same transaction, at most one per device, and is
 * recorded also when none is left. ERR_INSTALL_UNKNOWN, ERR_FORBIDDEN as ledger_issue but for the
 * line. ret_recorded may be NULL.
 */
enum error ledger_outcome_record(struct ledger *ledger, const struct ledger_outcome *outcome,
                                 struct ledger_recorded *ret_recorded,
                                 struct fault *fault) MUST_USE;

/* The device of an install, for the check of its receipt. ERR_INSTALL_UNKNOWN. */
enum error ledger_install_device(struct ledger *ledger, const struct uuid *install,
                                 struct ledger_device *ret_device, struct fault *fault) MUST_USE;

/*
 * The account of a product: granted = remaining + charged, and
 * charged = succeeded + failed + scrapped + unreported, where an outcome counts once per charged
 * unit: that of the unit's newest install; scrapped, once any install of the unit was reported so
 * (docs/JOURNAL.md, "What holds between leaves and rows").
 */
struct ledger_usage {
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t granted; /* accepted - revoked + scrap_drawn */
    int64_t charged;
    int64_t remaining;
    int64_t licensed; /* installs: devices times images */
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
    int64_t proven; /* of those that succeeded: with a device's receipt */
    /* Unreported units by the age of their newest install: under an hour, a day, a week, older. */
    int64_t unreported_age[4];
    bool is_governed;
    enum ledger_policy policy;
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

/* ---- signed documents (docs/grants.md): read and checked by the caller, counted here ---- */

enum ledger_grant_kind {
    LEDGER_GRANT_INSTALL = 1,
    LEDGER_GRANT_SCRAP = 2,
    LEDGER_GRANT_REVOKE = 3,
    LEDGER_GRANT_POLICY = 4,
    LEDGER_GRANT_OVERRIDE = 5,
    LEDGER_GRANT_REBIND = 6,
    LEDGER_GRANT_STANDBY = 7,
};

struct ledger_head {
    int64_t size; /* leaves */
    struct sha256 root;
};

/* What the HSM remembers and what the ledger was found with. */
struct ledger_heads {
    struct ledger_head anchor;
    struct ledger_head found;
};

/* Another HSM that session keys may be wrapped for, and whether they may. */
struct ledger_standby_key {
    struct sha256 hsm;           /* its identity */
    struct sha256 transport_key; /* SHA-256 of the SubjectPublicKeyInfo */
    bool is_allowed;
};

/* What a policy sets. */
struct ledger_settings {
    const char *profile;
    enum ledger_policy policy;
    struct bytes anchors; /* PEM */
    bool allows_key_exposure;
    const char *options;
    int64_t attempts_max;
    struct sha256 authorities;                 /* digest of the set from now on */
    uint8_t firmware_key[LEDGER_KEY_ID_BYTES]; /* of the product that number 1 makes */
};

/* All views are borrowed for the call. Site, HSM and signatures were checked by the caller. */
struct ledger_grant {
    enum ledger_grant_kind kind;
    struct uuid id;
    const char *product;
    int64_t issued_unix_ms;
    int64_t not_before_unix_ms; /* 0: none */
    int64_t not_after_unix_ms;  /* 0: none */
    int64_t units;
    const char *lot; /* "" when none */
    int64_t sequence;
    const struct ledger_settings *settings;
    struct ledger_rebinding rebinding;
    struct ledger_heads heads;
    struct ledger_standby_key standby;
    struct bytes document;                     /* as it came; kept for ever */
    struct sha256 signers[LEDGER_SIGNERS_MAX]; /* sorted */
    size_t signer_count;
};

struct ledger_granted {
    int64_t taken; /* revoke: min(units, remaining) */
    int64_t granted;
    int64_t remaining;
    int64_t sequence;
    int64_t journal_index;
};

/*
 * Counts a document once: change, document and leaf in one transaction. No first license of any
 * product is issued until ledger_set_anchored covers the leaf. Times are judged here. ERR_CONFLICT
 * ("grant-used"), ERR_PRODUCT_UNKNOWN (only a policy of sequence 1 makes a product),
 * ERR_GRANT_REFUSED: "not-yet-valid", "expired", "before-override", "sequence", "product-local",
 * "other-heads", "no-mismatch", "limit", "device-unknown", "key-taken".
 */
enum error ledger_grant_apply(struct ledger *ledger, const struct ledger_grant *grant,
                              const char *by, struct ledger_granted *ret_granted,
                              struct fault *fault) MUST_USE;

/* An accepted document. */
struct ledger_document {
    struct uuid id;
    char product[LEDGER_NAME_MAX + 1];
    enum ledger_grant_kind kind;
    int64_t units;
    int64_t taken;
    char lot[LEDGER_NAME_MAX + 1];
    int64_t sequence;
    int64_t accepted_unix_ms;
    int64_t journal_index;
    struct bytes document; /* borrowed for the call of each */
};

/* The newest first, of one page: before is a journal index (0: from the newest), limit 1 to
 * LEDGER_PAGE_MAX; products a scope's list, product "" any. */
enum error ledger_documents_page(struct ledger *ledger, const char *products, const char *product,
                                 int64_t before, unsigned limit,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, int64_t *ret_next, struct fault *fault) MUST_USE;
/* One of them. ERR_GRANT_UNKNOWN. each is called once. */
enum error ledger_document_get(struct ledger *ledger, const struct uuid *id,
                               bool (*each)(void *context, const struct ledger_document *document),
                               void *context, struct fault *fault) MUST_USE;

/* In order of acceptance; product NULL: of all. each must not wait and not call the ledger. */
enum error ledger_documents_each(struct ledger *ledger, const char *product,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, struct fault *fault) MUST_USE;

/* ---- the journal and its tree (docs/JOURNAL.md) ---- */

/* Leaves that were there when this process opened the ledger, before its "start" leaf. */
int64_t ledger_opened_size(const struct ledger *ledger);
/* The durable leaves and their root. */
enum error ledger_head(struct ledger *ledger, struct ledger_head *ret_head,
                       struct fault *fault) MUST_USE;
/* The root of the first size leaves. ERR_BAD_REQUEST when there are fewer. */
enum error ledger_root(struct ledger *ledger, int64_t size, struct sha256 *ret_root,
                       struct fault *fault) MUST_USE;
enum error ledger_inclusion(struct ledger *ledger, int64_t index, int64_t size,
                            struct tree_proof *ret_proof, struct fault *fault) MUST_USE;
enum error ledger_consistency(struct ledger *ledger, int64_t old_size, int64_t size,
                              struct tree_proof *ret_proof, struct fault *fault) MUST_USE;
/* count stored hashes (1 to TREE_TILE_WIDTH) of a level, as struct tree_source. */
enum error ledger_hashes(struct ledger *ledger, unsigned level, int64_t first, size_t count,
                         struct sha256 *out, struct fault *fault) MUST_USE;
/* Leaves first to first + count - 1, as far as they exist; each as in the listings above. */
enum error ledger_leaves_each(struct ledger *ledger, int64_t first, int64_t count,
                              bool (*each)(void *context, int64_t index, struct bytes entry),
                              void *context, struct fault *fault) MUST_USE;
/* The index of an install's license-issued leaf. ERR_INSTALL_UNKNOWN. */
enum error ledger_install_leaf(struct ledger *ledger, const struct uuid *install,
                               int64_t *ret_index, struct fault *fault) MUST_USE;

/* The newest signed checkpoint, as text; size is its own. An older one than the stored is ignored
 * when setting. ERR_NOT_COVERED when there is none. */
enum error ledger_checkpoint_set(struct ledger *ledger, int64_t size, const char *note,
                                 struct fault *fault) MUST_USE;
enum error ledger_checkpoint_get(struct ledger *ledger, int64_t *ret_size,
                                 char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault) MUST_USE;

/*
 * The HSM's anchor covers the first size leaves (LEDGER_NO_ANCHOR: there is none and need be none).
 * A first license is issued only while fewer than unanchored_max leaves are not covered, and the
 * "start" leaf of this process and every accepted document are. Before the first call nothing is
 * covered.
 */
void ledger_set_anchored(struct ledger *ledger, int64_t size, int64_t unanchored_max);

/* A checkpoint key that takes over from its leaf on (journal/key_chain.h); checked by the caller.
 */
struct ledger_key_rotation {
    int64_t generation; /* of the new key; from 2 on */
    struct sha256 old_key;
    struct bytes new_key;   /* its SubjectPublicKeyInfo; at most LEDGER_SPKI_MAX */
    struct bytes signature; /* of the statement, by the old key; at most CHECKPOINT_DER_MAX */
};
/* ERR_CONFLICT ("generation") unless it is the next one. */
enum error ledger_key_rotate(struct ledger *ledger, const struct ledger_key_rotation *rotation,
                             const char *by, int64_t *ret_index, struct fault *fault) MUST_USE;
/* Where the leaves of the rotations are, the oldest first; the leaves say what they are.
 * ERR_LEDGER_UNAVAILABLE ("corrupt"): there are more. */
#define LEDGER_ROTATIONS_MAX 15
struct ledger_rotations {
    int64_t leaves[LEDGER_ROTATIONS_MAX];
    size_t count;
};
enum error ledger_rotations_get(struct ledger *ledger, struct ledger_rotations *ret_rotations,
                                struct fault *fault) MUST_USE;

/*
 * Ends the journal with its last leaf: from then on, over every restart, whatever would write one
 * more is ERR_HSM_RETIRED, and no row changes that a leaf would tell of. successor is the identity
 * of the HSM that follows, or NULL. Again: ERR_OK, and *ret_index is where the leaf is.
 */
enum error ledger_retire(struct ledger *ledger, const struct sha256 *successor, const char *by,
                         int64_t *ret_index, struct fault *fault) MUST_USE;
bool ledger_is_retired(struct ledger *ledger);
/* The refusal. */
enum error ledger_retired_fault(struct fault *fault);

/* An auditor's nonce (LEDGER_CHALLENGE_MIN to _MAX bytes) as a leaf. */
enum error ledger_challenge(struct ledger *ledger, struct bytes nonce, const char *by,
                            int64_t *ret_index, struct fault *fault) MUST_USE;

/*
 * Leaves an "account" leaf, with what its rows say now, for each governed product that the caller
 * has checked (includes answers true): the next start counts from there. includes is called on
 * another thread, after an ERR_TIMEOUT also later, so context must live as long as the ledger does;
 * it must not call the ledger.
 */
enum error ledger_account_note(struct ledger *ledger,
                               bool (*includes)(void *context, int64_t product_id), void *context,
                               struct fault *fault) MUST_USE;

/* Each product with its account, and the number of leaves, from one snapshot. */
enum error ledger_accounts_each(struct ledger *ledger,
                                bool (*each)(void *context, const struct ledger_product *product,
                                             const struct ledger_usage *usage),
                                void *context, int64_t *ret_journal_size,
                                struct fault *fault) MUST_USE;

/* ---- a ledger that does not extend the anchor ---- */

struct ledger_breach {
    struct ledger_heads heads;
    bool is_overridden; /* ledger_override was called for exactly this one */
};

/*
 * Notes that the ledger was found with `found` while the HSM remembers `anchor`, or finds the same
 * breach again: of this anchor, with a head that this ledger still extends, so that what was signed
 * for it holds over a restart. Leaves no leaf.
 */
enum error ledger_breach_note(struct ledger *ledger, const struct ledger_heads *heads,
                              struct ledger_breach *ret_breach, struct fault *fault) MUST_USE;
/*
 * Goes on with this ledger. ERR_CONFLICT ("no-mismatch") when no breach is open,
 * ERR_ANCHOR_MISMATCH
 * ("other-heads"), ERR_FORBIDDEN ("product-governed") while a governed product has no document of
 * kind override for exactly these heads.
 */
enum error ledger_override(struct ledger *ledger, const struct ledger_heads *heads, const char *by,
                           int64_t *ret_index, struct fault *fault) MUST_USE;

#endif
