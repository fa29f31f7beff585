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

struct ledger_copy;
struct ledger_store;

/* A share of a quota, of the station and of all together. */
#define STORE_BUDGETS 2

struct store_budget {
    bool is_set;
    int64_t principal_id; /* 0: all stations together */
    int64_t units;
    int64_t period_minutes;
    int64_t offset_minutes;
    int64_t period; /* the number of the period that used counts in */
    int64_t used;
};

/* Where units of a product are added. */
enum store_units { STORE_ACCEPTED = 1, STORE_REVOKED = 2, STORE_SCRAP_ALLOWANCE = 3 };

/* Who a re-binding is about. */
struct store_binding {
    int64_t old_device_id; /* of this serial and the old key, 0: none that counts */
    bool is_new_key_known;
};

/* Who asks. */
struct store_caller {
    bool is_known; /* false as well when nobody was asked for */
    bool is_enabled;
    enum ledger_role role;
    char name[LEDGER_NAME_MAX + 1];
    struct ledger_scope scope;
};

/* All that a decision about one device and one image needs, from one snapshot. */
struct store_view {
    bool has_image;       /* of this product */
    bool has_device;      /* this key is known to this product */
    bool is_serial_taken; /* another key of this product has the device's serial */
    bool is_product_enabled;
    bool is_image_enabled;
    bool is_scrapped;
    int64_t remaining; /* units */
    int64_t device_id;
    int64_t install_id;  /* of this device and image, 0 when there is none */
    int64_t unit_id;     /* the unit that a new license of this device joins; 0: it needs one */
    int64_t unit_result; /* enum ledger_result of that unit, 0: unreported */
    bool is_unit_proven;
    struct uuid unit_install; /* the install that the unit was taken for */
    enum ledger_policy policy;
    bool is_replaced;     /* the device's serial belongs to another key now */
    int64_t attempts;     /* of this device until now */
    int64_t attempts_max; /* 0: any number */
    struct store_budget budgets[STORE_BUDGETS];
    char serial[LEDGER_SERIAL_MAX + 1]; /* as stored with the key */
    char product[LEDGER_NAME_MAX + 1];
    struct store_caller caller;
    struct sha256 image;
};

/* How the account of a product moves, in units. `used` moves with the charge row alone. */
struct store_move {
    int64_t installs;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t proven;
};

/* A first license of a device for an image. */
struct store_install {
    const struct ledger_issue *issue;
    struct uuid id;
    int64_t device_id; /* 0: the device is new */
    int64_t unit_id;   /* 0: a unit is charged */
    enum ledger_policy policy;
    int64_t time_unix_ms;
    struct store_move move;
};

/* One more attempt of an install. */
struct store_repeat {
    int64_t install_id;
    int64_t device_id;
    const struct ledger_device *device;
    int64_t time_unix_ms;
};

/* An install as an outcome finds it. */
struct store_install_view {
    int64_t id;
    int64_t product_id;
    int64_t device_id;
    bool is_scrapped; /* the device */
    bool is_newest;   /* of its unit */
    int64_t unit_id;
    int64_t unit_result; /* enum ledger_result, 0: unreported */
    bool is_unit_proven;
    bool has_receipt;
    bool is_scrap_drawn;
    int64_t scrap_left; /* units of the allowance that nobody has drawn */
    int64_t attempts;   /* of this install */
    int64_t result;     /* enum ledger_result, 0: unreported */
    char code[LEDGER_OUTCOME_CODE_MAX + 1];
    char detail[LEDGER_OUTCOME_DETAIL_MAX + 1];
    char product[LEDGER_NAME_MAX + 1];
    struct store_caller caller;
};

/* When something happened, and which leaf says so. */
struct store_event {
    int64_t time_unix_ms;
    int64_t leaf;
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
    bool is_unit_moved; /* the unit's result is this outcome's from now on */
    bool is_proven;     /* by a receipt: this one or the one that stays */
    bool keeps_receipt; /* the one that is stored stays */
    bool draws_scrap;   /* one unit of the allowance, for this device */
};

/* What the rows say about a governed product. */
struct store_account {
    int64_t product_id;
    char product[LEDGER_NAME_MAX + 1];
    int64_t documents;
    int64_t charged;
    int64_t scrap_drawn;
};

/* A breach of the anchor as it was noted. */
struct store_breach {
    int64_t id; /* 0: none was noted */
    struct ledger_breach breach;
};

/* A page of documents. */
struct store_documents {
    const char *products; /* a scope's list */
    const char *product;  /* "": any */
    int64_t before;       /* a leaf; 0: from the newest */
    unsigned limit;
};

/* What is known of a listed device's key and serial. */
struct store_listed {
    bool has_key;    /* the key is listed, */
    bool is_same;    /* with this serial, */
    int64_t list_id; /* by this list */
    bool is_serial_taken;
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
    /* The governed product after account->product_id (0: the first), as the writer sees it. */
    enum error (*governed_next)(struct ledger_store *store, struct store_account *account,
                                bool *ret_is_found, struct fault *fault);
    /* Leaves, those of this transaction included. */
    enum error (*journal_size)(struct ledger_store *store, int64_t *ret_size, struct fault *fault);
    /* The next hash of its level. */
    enum error (*tree_add)(struct ledger_store *store, unsigned level, int64_t index,
                           const struct sha256 *hash, struct fault *fault);
    /* As hashes below, in the writer's transaction. */
    enum error (*tree_read)(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                            struct sha256 *out, struct fault *fault);
    enum error (*checkpoint_set)(struct ledger_store *store, int64_t size, const char *note,
                                 struct fault *fault);
    /* ERR_CONFLICT ("generation") unless it is the next one. */
    enum error (*rotation_add)(struct ledger_store *store, int64_t generation, int64_t leaf,
                               struct fault *fault);
    enum error (*breach_newest)(struct ledger_store *store, struct store_breach *ret_breach,
                                struct fault *fault);
    enum error (*breach_add)(struct ledger_store *store, const struct ledger_heads *heads,
                             struct fault *fault);
    /* Whether every governed product's maker signed an override of this breach. */
    enum error (*breach_is_agreed)(struct ledger_store *store, int64_t breach_id,
                                   bool *ret_is_agreed, struct fault *fault);
    /* Earlier documents do not count any more. */
    enum error (*breach_override)(struct ledger_store *store, int64_t breach_id,
                                  int64_t time_unix_ms, struct fault *fault);
    enum error (*bind)(struct ledger_store *store, const char *site,
                       const struct sha256 *hsm_identity, bool *ret_is_new, struct fault *fault);
    enum error (*product_add)(struct ledger_store *store, const struct ledger_product_new *product,
                              struct fault *fault);
    /* product_get in the writer's transaction. */
    enum error (*product_get_mine)(struct ledger_store *store, const char *name,
                                   struct ledger_product *ret_product, struct fault *fault);
    enum error (*units_add)(struct ledger_store *store, int64_t product_id, enum store_units kind,
                            int64_t units, struct fault *fault);
    /* The product is governed from now on, by these settings. */
    enum error (*product_govern)(struct ledger_store *store, int64_t product_id,
                                 const struct ledger_settings *settings, int64_t sequence,
                                 struct fault *fault);
    enum error (*sequence_set)(struct ledger_store *store, int64_t product_id, int64_t sequence,
                               struct fault *fault);
    /* When the ledger was last overridden, 0: never. */
    enum error (*overridden)(struct ledger_store *store, int64_t *ret_unix_ms, struct fault *fault);
    enum error (*consent_add)(struct ledger_store *store, int64_t breach_id, int64_t product_id,
                              struct fault *fault);
    enum error (*document_is_known)(struct ledger_store *store, const struct uuid *id,
                                    bool *ret_is_known, struct fault *fault);
    enum error (*document_add)(struct ledger_store *store, int64_t product_id,
                               const struct ledger_document *document, struct fault *fault);
    enum error (*binding_view)(struct ledger_store *store, int64_t product_id,
                               const struct ledger_rebinding *rebinding,
                               struct store_binding *ret_binding, struct fault *fault);
    enum error (*device_rebind)(struct ledger_store *store, int64_t product_id,
                                int64_t old_device_id, const struct ledger_rebinding *rebinding,
                                struct fault *fault);
    enum error (*budget_set)(struct ledger_store *store, const struct ledger_budget *budget,
                             bool *ret_is_changed, struct fault *fault);
    /* Moves the version of the product's anchors as well; no lists: none from now on. */
    enum error (*crls_set)(struct ledger_store *store, int64_t product_id,
                           const struct ledger_crls_new *crls, struct fault *fault);
    /* Writes period and used of this budget. */
    enum error (*budget_draw)(struct ledger_store *store, int64_t product_id,
                              const struct store_budget *budget, struct fault *fault);
    /* The keys of this product, as the writer sees them. */
    enum error (*firmware_keys_mine)(struct ledger_store *store, const char *product,
                                     bool (*each)(void *context,
                                                  const struct ledger_firmware_key *key),
                                     void *context, struct fault *fault);
    /* Puts the new key into use and exchanges the session keys. ERR_CONFLICT ("images-changed"). */
    enum error (*firmware_key_rotate)(struct ledger_store *store, int64_t product_id,
                                      const struct ledger_rotation *rotation, struct fault *fault);
    enum error (*firmware_key_retire)(struct ledger_store *store, int64_t product_id,
                                      int64_t generation, const struct store_event *event,
                                      struct fault *fault);
    enum error (*firmware_key_end)(struct ledger_store *store, int64_t product_id,
                                   int64_t generation, const struct store_event *event,
                                   struct fault *fault);
    enum error (*image_add)(struct ledger_store *store, const char *product,
                            const struct ledger_image *image, struct fault *fault);
    enum error (*image_enable)(struct ledger_store *store, const char *product,
                               const struct sha256 *digest, bool is_enabled, bool *ret_is_changed,
                               struct fault *fault);
    /* Gives the image of image->digest the name image->alias; ERR_CONFLICT as there. */
    enum error (*image_alias)(struct ledger_store *store, const char *product,
                              const struct ledger_image *image, struct store_renaming *ret_renaming,
                              struct fault *fault);
    /* Whether the product has the image, and whether under this session key. */
    enum error (*image_compare)(struct ledger_store *store, const char *product,
                                const struct ledger_image *image, bool *ret_is_known,
                                bool *ret_is_same, struct fault *fault);
    /* By its name, as the writer sees it. ERR_CONFLICT ("standby-unknown"). */
    enum error (*standby_named)(struct ledger_store *store, const char *name,
                                struct ledger_standby *ret_standby, struct fault *fault);
    /* How many there are, and whether one of them is this HSM. */
    enum error (*standby_count)(struct ledger_store *store, const struct sha256 *hsm,
                                int64_t *ret_count, bool *ret_is_known, struct fault *fault);
    enum error (*standby_add)(struct ledger_store *store, const struct ledger_standby *standby,
                              struct fault *fault);
    enum error (*standby_remove)(struct ledger_store *store, int64_t id, struct fault *fault);
    enum error (*handover_set)(struct ledger_store *store, int64_t standby_id, int64_t product_id,
                               int64_t images, int64_t time_unix_ms, struct fault *fault);
    /* The list of this digest and signer; 0: there is none. */
    enum error (*list_find)(struct ledger_store *store, int64_t product_id,
                            const struct ledger_device_list *list, int64_t *ret_id,
                            struct fault *fault);
    enum error (*list_add)(struct ledger_store *store, int64_t product_id,
                           const struct ledger_device_list *list, int64_t *ret_id,
                           struct fault *fault);
    enum error (*listed_view)(struct ledger_store *store, int64_t product_id,
                              const struct ledger_listed *device, struct store_listed *ret_view,
                              struct fault *fault);
    enum error (*listed_put)(struct ledger_store *store, int64_t product_id,
                             const struct ledger_listed *device, int64_t list_id, bool is_new,
                             struct fault *fault);
    /* As the writer sees it. */
    enum error (*listed_mine)(struct ledger_store *store, int64_t product_id,
                              const struct sha256 *spki, bool *ret_is_listed,
                              struct ledger_listed *ret_device, struct fault *fault);
    /* As ledger_listed_state, as the writer sees it. */
    enum error (*listed_state_mine)(struct ledger_store *store, int64_t product_id,
                                    struct sha256 *ret_state, struct fault *fault);
    enum error (*listed_remove)(struct ledger_store *store, int64_t product_id,
                                const struct sha256 *spki, struct fault *fault);
    /* By its name, as the writer sees it. ERR_PRINCIPAL_UNKNOWN. */
    enum error (*principal_named)(struct ledger_store *store, const char *name,
                                  struct ledger_principal *ret_principal, struct fault *fault);
    /* A new one with its first key; id is ignored. */
    enum error (*principal_add)(struct ledger_store *store,
                                const struct ledger_principal *principal, struct fault *fault);
    /* Writes switch and scope. */
    enum error (*principal_set)(struct ledger_store *store,
                                const struct ledger_principal *principal, struct fault *fault);
    enum error (*principal_key_is_known)(struct ledger_store *store, const struct sha256 *spki,
                                         bool *ret_is_known, struct fault *fault);
    enum error (*principal_key_add)(struct ledger_store *store, int64_t principal_id,
                                    const struct sha256 *spki, int64_t time_unix_ms,
                                    struct fault *fault);
    enum error (*principal_key_remove)(struct ledger_store *store, int64_t principal_id,
                                       const struct sha256 *spki, struct fault *fault);
    /* "" when there is no such principal. */
    enum error (*principal_name)(struct ledger_store *store, int64_t id,
                                 char ret_name[LEDGER_NAME_MAX + 1], struct fault *fault);
    /* As view below, in the writer's transaction. ERR_PRODUCT_UNKNOWN. */
    enum error (*issue_view)(struct ledger_store *store, const struct ledger_issue *issue,
                             struct store_view *ret_view, struct fault *fault);
    enum error (*install_add)(struct ledger_store *store, const struct store_install *install,
                              struct fault *fault);
    /* One more attempt; fills install, license, license_length and attempt. */
    enum error (*install_repeat)(struct ledger_store *store, const struct store_repeat *repeat,
                                 struct ledger_issued *ret_issued, struct fault *fault);
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
    /* Also a disabled one: *ret_is_known. */
    enum error (*principal_get)(struct ledger_store *store, const struct sha256 *spki,
                                bool *ret_is_known, struct ledger_principal *ret_principal,
                                struct fault *fault);
    enum error (*product_get)(struct ledger_store *store, const char *name,
                              struct ledger_product *ret_product, struct fault *fault);
    enum error (*product_anchors)(struct ledger_store *store, int64_t product_id, char **ret_pem,
                                  size_t *ret_length, struct fault *fault);
    /* NULL when there are none. */
    enum error (*product_crls)(struct ledger_store *store, int64_t product_id, char **ret_pem,
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
    enum error (*firmware_keys_each)(struct ledger_store *store, const char *product,
                                     bool (*each)(void *context,
                                                  const struct ledger_firmware_key *key),
                                     void *context, struct fault *fault);
    enum error (*standby_get)(struct ledger_store *store, const char *name,
                              struct ledger_standby *ret_standby, struct fault *fault);
    enum error (*standbys_each)(struct ledger_store *store,
                                bool (*each)(void *context, const struct ledger_standby *standby),
                                void *context, struct fault *fault);
    enum error (*handed_over_each)(struct ledger_store *store,
                                   bool (*each)(void *context,
                                                const struct ledger_handed_over *row),
                                   void *context, struct fault *fault);
    /* Any thread. */
    enum error (*listed_get)(struct ledger_store *store, int64_t product_id,
                             const struct sha256 *spki, bool *ret_is_listed,
                             struct ledger_listed *ret_device, struct fault *fault);
    enum error (*listed_state)(struct ledger_store *store, int64_t product_id,
                               struct sha256 *ret_state, struct fault *fault);
    enum error (*lists_each)(struct ledger_store *store, int64_t product_id,
                             bool (*each)(void *context, const struct ledger_device_list *list),
                             void *context, struct fault *fault);
    enum error (*principals_each)(struct ledger_store *store,
                                  bool (*each)(void *context,
                                               const struct ledger_principal *principal),
                                  void *context, struct fault *fault);
    enum error (*usage)(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                        struct ledger_usage *ret_usage, struct fault *fault);
    enum error (*documents_each)(struct ledger_store *store, const char *product,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, struct fault *fault);
    enum error (*budgets_each)(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                               bool (*each)(void *context, const struct ledger_budget *budget),
                               void *context, struct fault *fault);
    enum error (*documents_page)(struct ledger_store *store, const struct store_documents *asked,
                                 bool (*each)(void *context,
                                              const struct ledger_document *document),
                                 void *context, int64_t *ret_next, struct fault *fault);
    enum error (*document_get)(struct ledger_store *store, const struct uuid *id,
                               bool (*each)(void *context, const struct ledger_document *document),
                               void *context, struct fault *fault);
    enum error (*installs_each)(struct ledger_store *store,
                                const struct ledger_install_filter *filter,
                                bool (*each)(void *context, const struct ledger_install *install),
                                void *context, int64_t *ret_next, struct fault *fault);
    enum error (*install_get)(struct ledger_store *store, const struct uuid *id,
                              struct ledger_install *ret_install, struct fault *fault);
    enum error (*usage_each)(struct ledger_store *store, const struct ledger_usage_filter *filter,
                             bool (*each)(void *context, const struct ledger_usage_row *row),
                             void *context, bool *ret_more, struct fault *fault);
    enum error (*charged_since)(struct ledger_store *store, int64_t product_id,
                                int64_t since_unix_ms, int64_t *ret_units, struct fault *fault);
    enum error (*install_device)(struct ledger_store *store, const struct uuid *install,
                                 struct ledger_device *ret_device, struct fault *fault);
    enum error (*accounts_each)(struct ledger_store *store, bool with_usage,
                                bool (*each)(void *context, const struct ledger_product *product,
                                             const struct ledger_usage *usage),
                                void *context, int64_t *ret_journal_size, struct fault *fault);
    enum error (*leaves_each)(struct ledger_store *store, int64_t first, int64_t count,
                              bool (*each)(void *context, int64_t index, struct bytes entry),
                              void *context, struct fault *fault);
    /* They exist, or the database is damaged. */
    enum error (*hashes)(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                         struct sha256 *out, struct fault *fault);
    enum error (*install_leaf)(struct ledger_store *store, const struct uuid *install,
                               int64_t *ret_index, struct fault *fault);
    enum error (*checkpoint_get)(struct ledger_store *store, int64_t *ret_size,
                                 char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault);
    enum error (*rotations_get)(struct ledger_store *store, struct ledger_rotations *ret_rotations,
                                struct fault *fault);
    /* Bytes that this user may still write where the ledger is; INT64_MAX: not known. Any thread.
     */
    int64_t (*free_bytes)(struct ledger_store *store);
    int64_t (*size)(struct ledger_store *store); /* of the file; bytes. Any thread. */
    /* ledger/copy.h */
    enum error (*copy)(struct ledger_store *store, struct ledger_copy *ret_copy,
                       struct fault *fault);
    void (*copy_stop)(struct ledger_store *store); /* any thread */
};

/* The embedded store: one SQLite database file. */
extern const struct ledger_store_ops ledger_sqlite_ops;

#endif
