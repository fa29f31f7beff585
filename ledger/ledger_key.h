/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Firmware keys, and session keys for other HSMs: each product has had one or more firmware keys,
 * the newest is in use. Part of ledger/ledger.h, which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_KEY_H
#define LEDGER_LEDGER_KEY_H

#include "ledger/ledger_types.h"

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

#endif
