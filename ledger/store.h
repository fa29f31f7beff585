/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the ledger needs from a database, as one table of functions: rows and transactions, no
 * rules.
 *
 * The rules (who may have a license, what moves the account, what a journal leaf says) stand above
 * this table, once. A store keeps the rows, makes a group durable, and enforces on its own that a
 * device is charged once, that used never exceeds quota and that the journal only grows.
 *
 * Threads: the transaction and change functions belong to the one writer thread (and run between
 * begin and commit); the read functions are safe from any thread and see committed state only.
 * Every function may return ERR_LEDGER_UNAVAILABLE and ERR_INTERNAL.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "ledger/ledger.h"

struct ledger_store;

/* All that a decision about one device and one image needs, from one snapshot. */
struct store_view {
    bool has_image;       /* of this product */
    bool has_principal;   /* false as well when none was asked for */
    bool has_device;      /* this key is known to this product */
    bool is_serial_taken; /* another key of this product has the device's serial */
    bool is_product_enabled;
    bool is_image_enabled;
    bool is_principal_enabled;
    bool is_scrapped;
    bool is_charged;
    int64_t remaining; /* units */
    int64_t device_id;
    int64_t install_id;    /* of this device and image, 0 when there is none */
    int64_t newest_result; /* enum ledger_result of the newest install, 0: unreported */
    char serial[LEDGER_SERIAL_MAX + 1]; /* as stored with the key */
    char product[LEDGER_NAME_MAX + 1];
    char principal[LEDGER_NAME_MAX + 1];
    struct sha256 image;
};

/* How the account of a product moves, in units. `used` moves with the charge row alone. */
struct store_move {
    int64_t installs;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
};

/* A first license of a device for an image. */
struct store_install {
    const struct ledger_issue *issue;
    struct uuid id;
    int64_t device_id; /* 0: the device is new */
    int64_t time_unix_ms;
    bool is_charge;
    struct store_move move;
};

/* An install as an outcome finds it. */
struct store_install_view {
    int64_t id;
    int64_t product_id;
    int64_t device_id;
    bool is_scrapped; /* the device */
    bool is_newest;   /* of its device */
    bool has_principal;
    bool is_principal_enabled;
    int64_t result; /* enum ledger_result, 0: unreported */
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    char principal[LEDGER_NAME_MAX + 1];
};

/* What became of an image's name. */
struct store_renaming {
    bool is_changed;
    struct ledger_named named;
};

/* What an outcome changes. */
struct store_outcome {
    const struct ledger_outcome *outcome;
    const struct store_install_view *install;
    int64_t time_unix_ms;
    struct store_move move;
};

struct ledger_store_ops {
    enum error (*open)(const char *path, struct ledger_store **ret_store, struct fault *fault);
    void (*close)(struct ledger_store *store);

    /* ---- transactions of the writer ---- */
    enum error (*begin)(struct ledger_store *store, struct fault *fault);
    /* Durable when it returns ERR_OK; otherwise rollback follows. */
    enum error (*commit)(struct ledger_store *store, struct fault *fault);
    void (*rollback)(struct ledger_store *store);
    /* One change of the group. An error of these three breaks the whole group. */
    enum error (*change_begin)(struct ledger_store *store, struct fault *fault);
    enum error (*change_keep)(struct ledger_store *store, struct fault *fault);
    enum error (*change_undo)(struct ledger_store *store, struct fault *fault);

    /* ---- changes ---- */
    enum error (*journal_append)(struct ledger_store *store, struct bytes leaf, int64_t *ret_index,
                                 struct fault *fault);
    /* The newest leaf, cut to size bytes; *ret_length 0 when the journal is empty. */
    enum error (*journal_last)(struct ledger_store *store, uint8_t *out, size_t size,
                               size_t *ret_length, struct fault *fault);
    enum error (*bind)(struct ledger_store *store, const char *site,
                       const struct sha256 *hsm_identity, bool *ret_is_new, struct fault *fault);
    enum error (*product_add)(struct ledger_store *store, const struct ledger_product_new *product,
                              struct fault *fault);
    /* ERR_BAD_REQUEST when the sum exceeds LEDGER_QUOTA_MAX. */
    enum error (*quota_add)(struct ledger_store *store, const char *product, int64_t units,
                            int64_t *ret_quota, struct fault *fault);
    enum error (*image_add)(struct ledger_store *store, const char *product,
                            const struct ledger_image *image, struct fault *fault);
    enum error (*image_enable)(struct ledger_store *store, const char *product,
                               const struct sha256 *digest, bool is_enabled, bool *ret_is_changed,
                               struct fault *fault);
    /* Gives the image of image->digest the name image->alias; ERR_CONFLICT as there. */
    enum error (*image_alias)(struct ledger_store *store, const char *product,
                              const struct ledger_image *image, struct store_renaming *ret_renaming,
                              struct fault *fault);
    enum error (*principal_add)(struct ledger_store *store,
                                const struct ledger_principal *principal, struct fault *fault);
    enum error (*principal_enable)(struct ledger_store *store, const char *name, bool is_enabled,
                                   bool *ret_is_changed, struct fault *fault);
    /* "" when there is no such principal. */
    enum error (*principal_name)(struct ledger_store *store, int64_t id,
                                 char ret_name[LEDGER_NAME_MAX + 1], struct fault *fault);
    /* As view below, in the writer's transaction. ERR_PRODUCT_UNKNOWN. */
    enum error (*issue_view)(struct ledger_store *store, const struct ledger_issue *issue,
                             struct store_view *ret_view, struct fault *fault);
    enum error (*install_add)(struct ledger_store *store, const struct store_install *install,
                              struct fault *fault);
    /* One more attempt; fills install, license, license_length and attempt. */
    enum error (*install_repeat)(struct ledger_store *store, int64_t install_id,
                                 int64_t time_unix_ms, struct ledger_issued *ret_issued,
                                 struct fault *fault);
    /* ERR_INSTALL_UNKNOWN. */
    enum error (*outcome_view)(struct ledger_store *store, const struct ledger_outcome *outcome,
                               struct store_install_view *ret_view, struct fault *fault);
    enum error (*outcome_set)(struct ledger_store *store, const struct store_outcome *outcome,
                              struct fault *fault);
    /* Whether this identity and code is the first of its hour; forgets earlier hours. */
    enum error (*refusal_add)(struct ledger_store *store, const struct sha256 *identity,
                              enum error code, int64_t hour, bool *ret_is_first,
                              struct fault *fault);

    /* ---- reads: as the functions of ledger.h of the same name ---- */
    enum error (*info)(struct ledger_store *store, struct ledger_info *ret_info,
                       struct fault *fault);
    enum error (*view)(struct ledger_store *store, const struct ledger_issue *issue,
                       struct store_view *ret_view, struct fault *fault);
    enum error (*principal_get)(struct ledger_store *store, const struct sha256 *spki,
                                struct ledger_principal *ret_principal, struct fault *fault);
    enum error (*product_get)(struct ledger_store *store, const char *name,
                              struct ledger_product *ret_product, struct fault *fault);
    enum error (*product_anchors)(struct ledger_store *store, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault);
    enum error (*image_get)(struct ledger_store *store, int64_t product_id,
                            const struct sha256 *digest, struct ledger_image *ret_image,
                            struct fault *fault);
    enum error (*alias_get)(struct ledger_store *store, const char *alias,
                            struct ledger_alias *ret_alias, struct fault *fault);
    enum error (*image_exists)(struct ledger_store *store, const struct sha256 *digest,
                               struct fault *fault);
    enum error (*products_each)(struct ledger_store *store,
                                bool (*each)(void *context, const struct ledger_product *product),
                                void *context, struct fault *fault);
    enum error (*images_each)(struct ledger_store *store, int64_t product_id,
                              bool (*each)(void *context, const struct ledger_image *image),
                              void *context, struct fault *fault);
    enum error (*principals_each)(struct ledger_store *store,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault);
    enum error (*usage)(struct ledger_store *store, const char *product,
                        struct ledger_usage *ret_usage, struct fault *fault);
};

/* The embedded store: one SQLite database file. */
extern const struct ledger_store_ops ledger_sqlite_ops;

#endif
