/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The SQLite store's connections, and its functions by file: one connection writes, a few read.
 * Threads: writer belongs to the writer thread; a reader to whoever took it from the idle queue.
 */
#ifndef LEDGER_SQLITE_STORE_H
#define LEDGER_SQLITE_STORE_H

#include <limits.h>
#include <stdatomic.h>

#include "core/queue.h"
#include "ledger/copy.h"
#include "ledger/sqlite_db.h"

#define STORE_READERS 8

struct ledger_store {
    struct db writer;
    struct db readers[STORE_READERS];
    struct queue *idle;  /* of struct db: the readers nobody uses */
    int lock_fd;         /* holds "<path>.lock"; -1 when not */
    int64_t version;     /* SQLite's data_version as the writer saw it first */
    char path[PATH_MAX]; /* of the database; immutable after open */
    atomic_bool has_stopped_copies;
};

/* A reader for the scope: READER_AUTO reader = store_reader(store); db is NULL with *fault filled
 * when none came free in time. */
struct store_reader {
    struct ledger_store *store;
    struct db *db;
};
#define READER_AUTO __attribute__((cleanup(store_reader_return))) struct store_reader
struct store_reader store_reader(struct ledger_store *store, struct fault *fault);
void store_reader_return(struct store_reader *reader);

/* ---- sqlite_store.c ---- */
int64_t store_free_bytes(struct ledger_store *store);
int64_t store_size(struct ledger_store *store);

/* ---- sqlite_copy.c ---- */
enum error store_copy(struct ledger_store *store, struct ledger_copy *ret_copy,
                      struct fault *fault);
void store_copy_stop(struct ledger_store *store);
/* Removes what a copy left that was cut off. */
void store_copy_forget(const char *path);

/* ---- sqlite_admin.c ---- */
enum error store_bind(struct ledger_store *store, const char *site,
                      const struct sha256 *hsm_identity, bool *ret_is_new, struct fault *fault);
enum error store_product_add(struct ledger_store *store, const struct ledger_product_new *product,
                             struct fault *fault);
enum error store_units_add(struct ledger_store *store, int64_t product_id, enum store_units kind,
                           int64_t units, struct fault *fault);
enum error store_image_add(struct ledger_store *store, const char *product,
                           const struct ledger_image *image, struct fault *fault);
enum error store_image_enable(struct ledger_store *store, const char *product,
                              const struct sha256 *digest, bool is_enabled, bool *ret_is_changed,
                              struct fault *fault);
enum error store_image_alias(struct ledger_store *store, const char *product,
                             const struct ledger_image *image, struct store_renaming *ret_renaming,
                             struct fault *fault);
enum error store_governed_next(struct ledger_store *store, struct store_account *account,
                               bool *ret_is_found, struct fault *fault);

/* ---- sqlite_key.c ---- */
enum error store_firmware_keys_mine(struct ledger_store *store, const char *product,
                                    bool (*each)(void *context,
                                                 const struct ledger_firmware_key *key),
                                    void *context, struct fault *fault);
enum error store_firmware_keys_each(struct ledger_store *store, const char *product,
                                    bool (*each)(void *context,
                                                 const struct ledger_firmware_key *key),
                                    void *context, struct fault *fault);
enum error store_firmware_key_rotate(struct ledger_store *store, int64_t product_id,
                                     const struct ledger_rotation *rotation, struct fault *fault);
enum error store_firmware_key_retire(struct ledger_store *store, int64_t product_id,
                                     int64_t generation, const struct store_event *event,
                                     struct fault *fault);
enum error store_firmware_key_end(struct ledger_store *store, int64_t product_id,
                                  int64_t generation, const struct store_event *event,
                                  struct fault *fault);

/* ---- sqlite_standby.c ---- */
enum error store_image_compare(struct ledger_store *store, const char *product,
                               const struct ledger_image *image, bool *ret_is_known,
                               bool *ret_is_same, struct fault *fault);
enum error store_standby_named(struct ledger_store *store, const char *name,
                               struct ledger_standby *ret_standby, struct fault *fault);
enum error store_standby_count(struct ledger_store *store, const struct sha256 *hsm,
                               int64_t *ret_count, bool *ret_is_known, struct fault *fault);
enum error store_standby_add(struct ledger_store *store, const struct ledger_standby *standby,
                             struct fault *fault);
enum error store_standby_remove(struct ledger_store *store, int64_t id, struct fault *fault);
enum error store_handover_set(struct ledger_store *store, int64_t standby_id, int64_t product_id,
                              int64_t images, int64_t time_unix_ms, struct fault *fault);
enum error store_standby_get(struct ledger_store *store, const char *name,
                             struct ledger_standby *ret_standby, struct fault *fault);
enum error store_standbys_each(struct ledger_store *store,
                               bool (*each)(void *context, const struct ledger_standby *standby),
                               void *context, struct fault *fault);
enum error store_handed_over_each(struct ledger_store *store,
                                  bool (*each)(void *context, const struct ledger_handed_over *row),
                                  void *context, struct fault *fault);

/* ---- sqlite_list.c ---- */
enum error store_list_find(struct ledger_store *store, int64_t product_id,
                           const struct ledger_device_list *list, int64_t *ret_id,
                           struct fault *fault);
enum error store_list_add(struct ledger_store *store, int64_t product_id,
                          const struct ledger_device_list *list, int64_t *ret_id,
                          struct fault *fault);
enum error store_listed_view(struct ledger_store *store, int64_t product_id,
                             const struct ledger_listed *device, struct store_listed *ret_view,
                             struct fault *fault);
enum error store_listed_put(struct ledger_store *store, int64_t product_id,
                            const struct ledger_listed *device, int64_t list_id, bool is_new,
                            struct fault *fault);
enum error store_listed_remove(struct ledger_store *store, int64_t product_id,
                               const struct sha256 *spki, struct fault *fault);
enum error store_listed_state_mine(struct ledger_store *store, int64_t product_id,
                                   struct sha256 *ret_state, struct fault *fault);
enum error store_listed_state(struct ledger_store *store, int64_t product_id,
                              struct sha256 *ret_state, struct fault *fault);
enum error store_listed_mine(struct ledger_store *store, int64_t product_id,
                             const struct sha256 *spki, bool *ret_is_listed,
                             struct ledger_listed *ret_device, struct fault *fault);
enum error store_listed_get(struct ledger_store *store, int64_t product_id,
                            const struct sha256 *spki, bool *ret_is_listed,
                            struct ledger_listed *ret_device, struct fault *fault);
enum error store_lists_each(struct ledger_store *store, int64_t product_id,
                            bool (*each)(void *context, const struct ledger_device_list *list),
                            void *context, struct fault *fault);

/* ---- sqlite_principal.c ---- */
enum error store_principal_named(struct ledger_store *store, const char *name,
                                 struct ledger_principal *ret_principal, struct fault *fault);
enum error store_principal_add(struct ledger_store *store, const struct ledger_principal *principal,
                               struct fault *fault);
enum error store_principal_set(struct ledger_store *store, const struct ledger_principal *principal,
                               struct fault *fault);
enum error store_principal_key_is_known(struct ledger_store *store, const struct sha256 *spki,
                                        bool *ret_is_known, struct fault *fault);
enum error store_principal_key_add(struct ledger_store *store, int64_t principal_id,
                                   const struct sha256 *spki, int64_t time_unix_ms,
                                   struct fault *fault);
enum error store_principal_key_remove(struct ledger_store *store, int64_t principal_id,
                                      const struct sha256 *spki, struct fault *fault);
enum error store_principal_name(struct ledger_store *store, int64_t id,
                                char ret_name[LEDGER_NAME_MAX + 1], struct fault *fault);
enum error store_principal_get(struct ledger_store *store, const struct sha256 *spki,
                               bool *ret_is_known, struct ledger_principal *ret_principal,
                               struct fault *fault);
enum error store_principals_each(struct ledger_store *store,
                                 bool (*each)(void *context,
                                              const struct ledger_principal *principal),
                                 void *context, struct fault *fault);
/* From five columns: name, switch, role, products, lines; the name is NULL when there is none. */
bool store_read_caller(sqlite3_stmt *row, int column, struct store_caller *caller);

/* ---- sqlite_grant.c ---- */
enum error store_product_govern(struct ledger_store *store, int64_t product_id,
                                const struct ledger_settings *settings, int64_t sequence,
                                struct fault *fault);
enum error store_sequence_set(struct ledger_store *store, int64_t product_id, int64_t sequence,
                              struct fault *fault);
enum error store_overridden(struct ledger_store *store, int64_t *ret_unix_ms, struct fault *fault);
enum error store_consent_add(struct ledger_store *store, int64_t breach_id, int64_t product_id,
                             struct fault *fault);
enum error store_document_is_known(struct ledger_store *store, const struct uuid *id,
                                   bool *ret_is_known, struct fault *fault);
enum error store_document_add(struct ledger_store *store, int64_t product_id,
                              const struct ledger_document *document, struct fault *fault);
enum error store_documents_each(struct ledger_store *store, const char *product,
                                bool (*each)(void *context, const struct ledger_document *document),
                                void *context, struct fault *fault);
enum error store_documents_page(struct ledger_store *store, const struct store_documents *asked,
                                bool (*each)(void *context, const struct ledger_document *document),
                                void *context, int64_t *ret_next, struct fault *fault);
enum error store_document_get(struct ledger_store *store, const struct uuid *id,
                              bool (*each)(void *context, const struct ledger_document *document),
                              void *context, struct fault *fault);
enum error store_binding_view(struct ledger_store *store, int64_t product_id,
                              const struct ledger_rebinding *rebinding,
                              struct store_binding *ret_binding, struct fault *fault);
enum error store_device_rebind(struct ledger_store *store, int64_t product_id,
                               int64_t old_device_id, const struct ledger_rebinding *rebinding,
                               struct fault *fault);

/* ---- sqlite_budget.c ---- */
enum error store_budget_set(struct ledger_store *store, const struct ledger_budget *budget,
                            bool *ret_is_changed, struct fault *fault);
enum error store_budget_draw(struct ledger_store *store, int64_t product_id,
                             const struct store_budget *budget, struct fault *fault);
enum error store_budgets_each(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                              bool (*each)(void *context, const struct ledger_budget *budget),
                              void *context, struct fault *fault);

/* ---- sqlite_journal.c ---- */
enum error store_journal_append(struct ledger_store *store, struct bytes leaf, int64_t *ret_index,
                                struct fault *fault);
enum error store_journal_last(struct ledger_store *store, uint8_t *out, size_t size,
                              size_t *ret_length, struct fault *fault);
enum error store_journal_size(struct ledger_store *store, int64_t *ret_size, struct fault *fault);
enum error store_leaves_each(struct ledger_store *store, int64_t first, int64_t count,
                             bool (*each)(void *context, int64_t index, struct bytes entry),
                             void *context, struct fault *fault);
enum error store_install_leaf(struct ledger_store *store, const struct uuid *install,
                              int64_t *ret_index, struct fault *fault);
enum error store_tree_add(struct ledger_store *store, unsigned level, int64_t index,
                          const struct sha256 *hash, struct fault *fault);
enum error store_tree_read(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                           struct sha256 *out, struct fault *fault);
enum error store_hashes(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                        struct sha256 *out, struct fault *fault);
enum error store_checkpoint_set(struct ledger_store *store, int64_t size, const char *note,
                                struct fault *fault);
enum error store_checkpoint_get(struct ledger_store *store, int64_t *ret_size,
                                char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault);
enum error store_rotation_add(struct ledger_store *store, int64_t generation, int64_t leaf,
                              struct fault *fault);
enum error store_rotations_get(struct ledger_store *store, struct ledger_rotations *ret_rotations,
                               struct fault *fault);
enum error store_breach_newest(struct ledger_store *store, struct store_breach *ret_breach,
                               struct fault *fault);
enum error store_breach_add(struct ledger_store *store, const struct ledger_heads *heads,
                            struct fault *fault);
enum error store_breach_is_agreed(struct ledger_store *store, int64_t breach_id,
                                  bool *ret_is_agreed, struct fault *fault);
enum error store_breach_override(struct ledger_store *store, int64_t breach_id,
                                 int64_t time_unix_ms, struct fault *fault);

/* ---- sqlite_meter.c ---- */
enum error store_issue_view(struct ledger_store *store, const struct ledger_issue *issue,
                            struct store_view *ret_view, struct fault *fault);
enum error store_view(struct ledger_store *store, const struct ledger_issue *issue,
                      struct store_view *ret_view, struct fault *fault);
enum error store_install_add(struct ledger_store *store, const struct store_install *install,
                             struct fault *fault);
enum error store_install_repeat(struct ledger_store *store, const struct store_repeat *repeat,
                                struct ledger_issued *ret_issued, struct fault *fault);
enum error store_outcome_view(struct ledger_store *store, const struct ledger_outcome *outcome,
                              struct store_install_view *ret_view, struct fault *fault);
enum error store_outcome_set(struct ledger_store *store, const struct store_outcome *outcome,
                             struct fault *fault);
enum error store_refusal_add(struct ledger_store *store, const struct sha256 *identity,
                             enum error code, int64_t hour, bool *ret_is_first,
                             struct fault *fault);

/* ---- sqlite_read.c ---- */
enum error store_info(struct ledger_store *store, struct ledger_info *ret_info,
                      struct fault *fault);
enum error store_product_get(struct ledger_store *store, const char *name,
                             struct ledger_product *ret_product, struct fault *fault);
enum error store_product_crls(struct ledger_store *store, int64_t product_id, char **ret_pem,
                              size_t *ret_length, struct fault *fault) MUST_USE;
enum error store_crls_set(struct ledger_store *store, int64_t product_id,
                          const struct ledger_crls_new *crls, struct fault *fault) MUST_USE;
enum error store_product_anchors(struct ledger_store *store, int64_t product_id, char **ret_pem,
                                 size_t *ret_length, struct fault *fault);
enum error store_image_get(struct ledger_store *store, int64_t product_id,
                           const struct sha256 *digest, struct ledger_image *ret_image,
                           struct fault *fault);
enum error store_alias_get(struct ledger_store *store, const char *alias,
                           struct ledger_alias *ret_alias, struct fault *fault);
enum error store_image_exists(struct ledger_store *store, const struct sha256 *digest,
                              struct fault *fault);
enum error store_products_each(struct ledger_store *store,
                               bool (*each)(void *context, const struct ledger_product *product),
                               void *context, struct fault *fault);
enum error store_images_each(struct ledger_store *store, int64_t product_id,
                             bool (*each)(void *context, const struct ledger_image *image),
                             void *context, struct fault *fault);
enum error store_product_get_mine(struct ledger_store *store, const char *name,
                                  struct ledger_product *ret_product, struct fault *fault);
enum error store_install_device(struct ledger_store *store, const struct uuid *install,
                                struct ledger_device *ret_device, struct fault *fault);
/* The columns of a product's row. */
bool store_read_product(sqlite3_stmt *row, struct ledger_product *product);

/* ---- sqlite_install.c ---- */
enum error store_installs_each(struct ledger_store *store,
                               const struct ledger_install_filter *filter,
                               bool (*each)(void *context, const struct ledger_install *install),
                               void *context, int64_t *ret_next, struct fault *fault);
enum error store_install_get(struct ledger_store *store, const struct uuid *id,
                             struct ledger_install *ret_install, struct fault *fault);

/* ---- sqlite_usage.c ---- */
enum error store_usage(struct ledger_store *store, const char *product, int64_t now_unix_ms,
                       struct ledger_usage *ret_usage, struct fault *fault);
enum error store_accounts_each(struct ledger_store *store, bool with_usage,
                               bool (*each)(void *context, const struct ledger_product *product,
                                            const struct ledger_usage *usage),
                               void *context, int64_t *ret_journal_size, struct fault *fault);
enum error store_usage_each(struct ledger_store *store, const struct ledger_usage_filter *filter,
                            bool (*each)(void *context, const struct ledger_usage_row *row),
                            void *context, bool *ret_more, struct fault *fault);
enum error store_charged_since(struct ledger_store *store, int64_t product_id,
                               int64_t since_unix_ms, int64_t *ret_units, struct fault *fault);

/* What several files refuse in the same words. */
enum error store_product_unknown(struct fault *fault);
enum error store_image_unknown(struct fault *fault);
enum error store_install_unknown(struct fault *fault);
enum error store_principal_unknown(struct fault *fault);

#endif
