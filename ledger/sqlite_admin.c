/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's administrative changes. Clashes are looked up first, in the same transaction, so that
 * the answer can say which; the constraints stand behind that. Writer thread only.
 */
#include "ledger/sqlite_store.h"

static enum error conflict(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_CONFLICT, reason, detail, 0);
}

/* ---- binding ---- */

static enum error compare_binding(sqlite3_stmt *row, const char *site,
                                  const struct sha256 *hsm_identity, struct fault *fault)
{
    char bound[LEDGER_NAME_MAX + 1];
    struct sha256 identity;
    if (!db_column_text(row, 0, bound, sizeof bound) ||
        !db_column_exact(row, 1, identity.bytes, SHA256_SIZE))
        return db_column_fault(row, fault);
    if (strcmp(bound, site) != 0)
        return conflict(fault, "other-site", "The ledger belongs to another site.");
    if (!sha256_equal(&identity, hsm_identity))
        return conflict(fault, "other-hsm", "The ledger belongs to another HSM.");
    return ERR_OK;
}

enum error store_bind(struct ledger_store *store, const char *site,
                      const struct sha256 *hsm_identity, bool *ret_is_new, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_META_GET);
    int rc = db_step(row);
    if (rc == SQLITE_ROW) {
        *ret_is_new = false;
        return compare_binding(row, site, hsm_identity, fault);
    }
    if (rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_is_new = true;
    return db_run(&store->writer, SQL_META_ADD, fault, DB_TEXT(site), DB_SHA256(hsm_identity));
}

/* ---- products ---- */

/* *ret_id is 0 when there is no such product. */
static enum error find_product(struct db *db, const char *name, int64_t *ret_id,
                               struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_PRODUCT_ID);
    int rc = db_step(row, DB_TEXT(name));
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    return ERR_OK;
}

static enum error need_product(struct db *db, const char *name, int64_t *ret_id,
                               struct fault *fault)
{
    enum error e = find_product(db, name, ret_id, fault);
    if (e == ERR_OK && *ret_id == 0)
        e = store_product_unknown(fault);
    return e;
}

enum error store_product_add(struct ledger_store *store, const struct ledger_product_new *product,
                             struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t existing = 0;
    enum error e = find_product(db, product->name, &existing, fault);
    if (e == ERR_OK && existing != 0)
        e = conflict(fault, "product-exists", "A product of this name exists already.");
    if (e == ERR_OK)
        e = db_run(db, SQL_PRODUCT_ADD, fault, DB_TEXT(product->name), DB_TEXT(product->profile),
                   DB_INT(product->policy),
                   DB_BLOB(product->firmware_key, sizeof product->firmware_key),
                   DB_INT(product->quota), DB_INT(product->allows_key_exposure),
                   DB_TEXT(product->options), DB_INT(product->attempts_max));
    if (e == ERR_OK)
        e = db_run(db, SQL_ANCHORS_ADD, fault, DB_INT(sqlite3_last_insert_rowid(db->handle)),
                   DB_BLOB(product->anchors.data, product->anchors.length));
    return e;
}

enum error store_crls_set(struct ledger_store *store, int64_t product_id,
                          const struct ledger_crls_new *crls, struct fault *fault)
{
    struct db *db = &store->writer;
    enum error e =
        crls->pem.length == 0
            ? db_run(db, SQL_CRLS_REMOVE, fault, DB_INT(product_id))
            : db_run(db, SQL_CRLS_SET, fault, DB_INT(product_id),
                     DB_BLOB(crls->pem.data, crls->pem.length), DB_INT(crls->values.lists),
                     DB_INT(crls->values.issued_unix_ms), DB_INT(crls->values.expires_unix_ms));
    return e == ERR_OK ? db_run(db, SQL_ANCHORS_TOUCH, fault, DB_INT(product_id)) : e;
}

enum error store_governed_next(struct ledger_store *store, struct store_account *account,
                               bool *ret_is_found, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_GOVERNED_NEXT);
    int rc = db_step(row, DB_INT(account->product_id));
    *ret_is_found = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE)
        return ERR_OK;
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    account->product_id = sqlite3_column_int64(row, 0);
    account->charged = sqlite3_column_int64(row, 2);
    account->documents = sqlite3_column_int64(row, 3);
    account->scrap_drawn = sqlite3_column_int64(row, 4);
    if (!db_column_text(row, 1, account->product, sizeof account->product))
        return db_column_fault(row, fault);
    return ERR_OK;
}

enum error store_units_add(struct ledger_store *store, int64_t product_id, enum store_units kind,
                           int64_t units, struct fault *fault)
{
    static const enum sql STATEMENTS[] = {[STORE_ACCEPTED] = SQL_QUOTA_ADD,
                                          [STORE_REVOKED] = SQL_REVOKED_ADD,
                                          [STORE_SCRAP_ALLOWANCE] = SQL_SCRAP_ADD};
    return db_run(&store->writer, STATEMENTS[kind], fault, DB_INT(product_id), DB_INT(units));
}

/* ---- images ---- */

static enum error check_image_is_new(struct db *db, int64_t product_id,
                                     const struct ledger_image *image, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_IMAGE_CLASH);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(&image->digest),
                     DB_BLOB(image->session_key, image->session_key_length));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (sqlite3_column_int(row, 0) != 0)
        return conflict(fault, "image-exists", "The product has this image already.");
    if (sqlite3_column_int(row, 1) != 0)
        return conflict(fault, "session-key-used",
                        "Another image was encrypted under this session key.");
    return ERR_OK;
}

enum error store_image_add(struct ledger_store *store, const char *product,
                           const struct ledger_image *image, struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t product_id = 0;
    enum error e = need_product(db, product, &product_id, fault);
    if (e == ERR_OK)
        e = check_image_is_new(db, product_id, image, fault);
    if (e == ERR_OK)
        e = db_run(db, SQL_IMAGE_ADD, fault, DB_INT(product_id), DB_SHA256(&image->digest),
                   DB_INT(image->size), DB_TEXT(image->label),
                   DB_BLOB(image->session_key, image->session_key_length),
                   DB_BLOB(image->iv, image->iv_length), DB_BLOB(image->tag, image->tag_length),
                   DB_INT(image->created_unix_ms), DB_INT(image->is_enabled),
                   DB_INT(image->generation), DB_TEXT(image->content));
    return e;
}

/* The id and switch of what the row found; *ret_id 0 when it found nothing. */
static enum error read_switch(sqlite3_stmt *row, int rc, int64_t *ret_id, bool *ret_is_enabled,
                              struct fault *fault)
{
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_id = rc == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    *ret_is_enabled = rc == SQLITE_ROW && sqlite3_column_int(row, 1) != 0;
    return ERR_OK;
}

enum error store_image_enable(struct ledger_store *store, const char *product,
                              const struct sha256 *digest, bool is_enabled, bool *ret_is_changed,
                              struct fault *fault)
{
    struct db *db = &store->writer;
    int64_t product_id = 0;
    int64_t id = 0;
    bool was_enabled = false;
    enum error e = need_product(db, product, &product_id, fault);
    if (e != ERR_OK)
        return e;
    DB_ROW *row = db_row(db, SQL_IMAGE_STATE);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(digest));
    e = read_switch(row, rc, &id, &was_enabled, fault);
    if (e == ERR_OK && id == 0)
        e = store_image_unknown(fault);
    if (e == ERR_OK)
        e = db_run(db, SQL_IMAGE_ENABLE, fault, DB_INT(id), DB_INT(is_enabled));
    if (e == ERR_OK)
        *ret_is_changed = was_enabled != is_enabled;
    return e;
}

/* An image as its name changes. */
struct named_image {
    int64_t id; /* 0: there is none */
    int64_t product_id;
    bool is_enabled;
    char alias[LEDGER_NAME_MAX + 1];
};

static enum error find_named(struct db *db, const char *product, const struct sha256 *digest,
                             struct named_image *ret_image, struct fault *fault)
{
    int64_t product_id = 0;
    enum error e = need_product(db, product, &product_id, fault);
    if (e != ERR_OK)
        return e;
    DB_ROW *row = db_row(db, SQL_IMAGE_STATE);
    int rc = db_step(row, DB_INT(product_id), DB_SHA256(digest));
    if (rc == SQLITE_DONE)
        return store_image_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    ret_image->id = sqlite3_column_int64(row, 0);
    ret_image->is_enabled = sqlite3_column_int(row, 1) != 0;
    ret_image->product_id = product_id;
    return db_column_text(row, 2, ret_image->alias, sizeof ret_image->alias)
               ? ERR_OK
               : db_column_fault(row, fault);
}

/*
 * The other image that has the name and would lose it; *ret_id 0 when there is none. A line's
 * script asks by the name alone, so another product's name is not taken away unasked, and two names
 * that look alike are not made.
 */
static enum error find_holder(struct db *db, const struct named_image *named, const char *alias,
                              int64_t *ret_id, struct sha256 *ret_digest, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_ALIAS_HOLDER);
    int rc = db_step(row, DB_TEXT(alias));
    *ret_id = 0;
    if (rc == SQLITE_DONE || (rc == SQLITE_ROW && sqlite3_column_int64(row, 0) == named->id))
        return ERR_OK;
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (sqlite3_column_int(row, 3) == 0)
        return conflict(fault, "alias-case",
                        "Another image has a name that differs from this one in upper and lower "
                        "case only; see provctl image list.");
    if (sqlite3_column_int64(row, 2) != named->product_id)
        return conflict(fault, "alias-taken",
                        "An image of another product has this name. Take it away there first: "
                        "provctl image unalias.");
    if (!db_column_exact(row, 1, ret_digest->bytes, SHA256_SIZE))
        return db_column_fault(row, fault);
    *ret_id = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* The one that had the name first: two may not have it for a moment. */
static enum error move_name(struct db *db, int64_t holder, int64_t id, const char *alias,
                            struct fault *fault)
{
    enum error e = ERR_OK;
    if (holder != 0)
        e = db_run(db, SQL_IMAGE_ALIAS, fault, DB_INT(holder), DB_TEXT(""));
    return e == ERR_OK ? db_run(db, SQL_IMAGE_ALIAS, fault, DB_INT(id), DB_TEXT(alias)) : e;
}

enum error store_image_alias(struct ledger_store *store, const char *product,
                             const struct ledger_image *image, struct store_renaming *ret_renaming,
                             struct fault *fault)
{
    struct db *db = &store->writer;
    struct named_image named = {0};
    struct store_renaming renaming = {0};
    int64_t holder = 0;
    enum error e = find_named(db, product, &image->digest, &named, fault);
    if (e != ERR_OK)
        return e;
    renaming.named.is_enabled = named.is_enabled;
    renaming.is_changed = strcmp(named.alias, image->alias) != 0;
    if (renaming.is_changed) {
        strcpy(renaming.named.was_called, named.alias);
        e = find_holder(db, &named, image->alias, &holder, &renaming.named.moved_from, fault);
        if (e == ERR_OK)
            e = move_name(db, holder, named.id, image->alias, fault);
    }
    renaming.named.is_moved = holder != 0;
    if (e == ERR_OK)
        *ret_renaming = renaming;
    return e;
}
