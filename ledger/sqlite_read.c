/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The store's reads: each one statement on a reader of its own, hence one snapshot. */
#include "ledger/sqlite_store.h"

#include <stdlib.h>

#include "ledger/rules.h"

enum error store_product_unknown(struct fault *fault)
{
    return fault_set(fault, ERR_PRODUCT_UNKNOWN, "product-unknown",
                     "There is no product of this name.", 0);
}

enum error store_image_unknown(struct fault *fault)
{
    return fault_set(fault, ERR_IMAGE_UNKNOWN, "image-unknown", "There is no image of this digest.",
                     0);
}

enum error store_install_unknown(struct fault *fault)
{
    return fault_set(fault, ERR_INSTALL_UNKNOWN, "install-unknown",
                     "There is no install of this id.", 0);
}

/* ---- rows ---- */

bool store_read_product(sqlite3_stmt *row, struct ledger_product *product)
{
    product->id = sqlite3_column_int64(row, 0);
    product->anchors_version = sqlite3_column_int64(row, 1);
    product->policy = (enum ledger_policy)sqlite3_column_int(row, 4);
    product->quota = sqlite3_column_int64(row, 6);
    product->used = sqlite3_column_int64(row, 7);
    product->is_enabled = sqlite3_column_int(row, 8) != 0;
    product->allows_key_exposure = sqlite3_column_int(row, 9) != 0;
    product->accepted = sqlite3_column_int64(row, 11);
    product->revoked = sqlite3_column_int64(row, 12);
    product->scrap_allowance = sqlite3_column_int64(row, 13);
    product->scrap_drawn = sqlite3_column_int64(row, 14);
    product->attempts_max = sqlite3_column_int64(row, 15);
    product->is_governed = sqlite3_column_int(row, 16) != 0;
    product->sequence = sqlite3_column_int64(row, 17);
    product->generation = sqlite3_column_int64(row, 19);
    product->crls.lists = sqlite3_column_int64(row, 20);
    product->crls.issued_unix_ms = sqlite3_column_int64(row, 21);
    product->crls.expires_unix_ms = sqlite3_column_int64(row, 22);
    return db_column_text(row, 2, product->name, sizeof product->name) &&
           db_column_text(row, 3, product->profile, sizeof product->profile) &&
           db_column_exact(row, 5, product->firmware_key, sizeof product->firmware_key) &&
           db_column_text(row, 10, product->options, sizeof product->options) &&
           (!product->is_governed ||
            db_column_exact(row, 18, product->authorities.bytes, SHA256_SIZE));
}

static bool read_image(sqlite3_stmt *row, struct ledger_image *image)
{
    image->id = sqlite3_column_int64(row, 0);
    image->size = sqlite3_column_int64(row, 2);
    image->created_unix_ms = sqlite3_column_int64(row, 7);
    image->is_enabled = sqlite3_column_int(row, 8) != 0;
    image->generation = sqlite3_column_int64(row, 10);
    return db_column_exact(row, 1, image->digest.bytes, SHA256_SIZE) &&
           db_column_text(row, 3, image->label, sizeof image->label) &&
           db_column_blob(row, 4, image->session_key, sizeof image->session_key,
                          &image->session_key_length) &&
           db_column_blob(row, 5, image->iv, sizeof image->iv, &image->iv_length) &&
           db_column_blob(row, 6, image->tag, sizeof image->tag, &image->tag_length) &&
           db_column_text(row, 11, image->content, sizeof image->content) &&
           db_column_text(row, 9, image->alias, sizeof image->alias);
}

/* ---- one row ---- */

enum error store_info(struct ledger_store *store, struct ledger_info *ret_info, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_info info = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_INFO);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    info.journal_size = sqlite3_column_int64(row, 0);
    info.is_initialised = sqlite3_column_type(row, 1) != SQLITE_NULL;
    if (info.is_initialised && (!db_column_text(row, 1, info.site, sizeof info.site) ||
                                !db_column_exact(row, 2, info.hsm_identity.bytes, SHA256_SIZE)))
        return db_column_fault(row, fault);
    *ret_info = info;
    return ERR_OK;
}

static enum error get_product(struct db *db, const char *name, struct ledger_product *ret_product,
                              struct fault *fault)
{
    struct ledger_product product = {0};
    DB_ROW *row = db_row(db, SQL_PRODUCT_GET);
    int rc = db_step(row, DB_TEXT(name));
    if (rc == SQLITE_DONE)
        return store_product_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!store_read_product(row, &product))
        return db_column_fault(row, fault);
    *ret_product = product;
    return ERR_OK;
}

enum error store_product_get(struct ledger_store *store, const char *name,
                             struct ledger_product *ret_product, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return get_product(reader.db, name, ret_product, fault);
}

enum error store_product_get_mine(struct ledger_store *store, const char *name,
                                  struct ledger_product *ret_product, struct fault *fault)
{
    return get_product(&store->writer, name, ret_product, fault);
}

/* The text of the row, for the caller to free. */
static enum error take_pem(sqlite3_stmt *row, char **ret_pem, size_t *ret_length,
                           struct fault *fault)
{
    size_t length = 0;
    size_t size = (size_t)sqlite3_column_bytes(row, 0);
    char *pem = malloc(size + 1);
    if (pem == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (!db_column_blob(row, 0, pem, size, &length)) {
        free(pem);
        return db_column_fault(row, fault);
    }
    pem[length] = '\0';
    *ret_pem = pem;
    *ret_length = length;
    return ERR_OK;
}

/* What the statement finds of a product; NULL when it finds nothing. */
static enum error get_pem(struct ledger_store *store, enum sql statement, int64_t product_id,
                          char **ret_pem, size_t *ret_length, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, statement);
    int rc = db_step(row, DB_INT(product_id));
    if (rc != SQLITE_DONE)
        return rc == SQLITE_ROW ? take_pem(row, ret_pem, ret_length, fault) : db_fault(rc, fault);
    *ret_pem = NULL;
    *ret_length = 0;
    return ERR_OK;
}

enum error store_product_anchors(struct ledger_store *store, int64_t product_id, char **ret_pem,
                                 size_t *ret_length, struct fault *fault)
{
    char *pem = NULL;
    size_t length = 0;
    enum error e = get_pem(store, SQL_PRODUCT_ANCHORS, product_id, &pem, &length, fault);
    if (e != ERR_OK)
        return e;
    if (pem == NULL)
        return store_product_unknown(fault);
    *ret_pem = pem;
    *ret_length = length;
    return ERR_OK;
}

enum error store_product_crls(struct ledger_store *store, int64_t product_id, char **ret_pem,
                              size_t *ret_length, struct fault *fault)
{
    return get_pem(store, SQL_PRODUCT_CRLS, product_id, ret_pem, ret_length, fault);
}

static enum error image_missing(bool is_newest_asked, struct fault *fault)
{
    if (is_newest_asked)
        return fault_set(fault, ERR_IMAGE_UNKNOWN, "no-image", "The product has no enabled image.",
                         0);
    return store_image_unknown(fault);
}

enum error store_image_get(struct ledger_store *store, int64_t product_id,
                           const struct sha256 *digest, struct ledger_image *ret_image,
                           struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_image image = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, digest == NULL ? SQL_IMAGE_NEWEST : SQL_IMAGE_GET);
    int rc = digest == NULL ? db_step(row, DB_INT(product_id))
                            : db_step(row, DB_INT(product_id), DB_SHA256(digest));
    if (rc == SQLITE_DONE)
        return image_missing(digest == NULL, fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!read_image(row, &image))
        return db_column_fault(row, fault);
    if (!image.is_enabled)
        return rules_image_disabled(fault);
    *ret_image = image;
    return ERR_OK;
}

enum error store_alias_get(struct ledger_store *store, const char *alias,
                           struct ledger_alias *ret_alias, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_alias found = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_ALIAS_GET);
    int rc = db_step(row, DB_TEXT(alias));
    if (rc == SQLITE_DONE)
        return fault_set(fault, ERR_IMAGE_UNKNOWN, "alias-unknown",
                         "There is no image of this name.", 0);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!db_column_text(row, 0, found.product, sizeof found.product) ||
        !db_column_exact(row, 1, found.digest.bytes, SHA256_SIZE))
        return db_column_fault(row, fault);
    *ret_alias = found;
    return ERR_OK;
}

enum error store_image_exists(struct ledger_store *store, const struct sha256 *digest,
                              struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_IMAGE_EXISTS);
    int rc = db_step(row, DB_SHA256(digest));
    if (rc == SQLITE_DONE)
        return store_image_unknown(fault);
    return rc == SQLITE_ROW ? ERR_OK : db_fault(rc, fault);
}

/* ---- a device by its install ---- */

enum error store_install_device(struct ledger_store *store, const struct uuid *install,
                                struct ledger_device *ret_device, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_device device = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_INSTALL_DEVICE);
    int rc = db_step(row, DB_BLOB(install->bytes, UUID_SIZE));
    if (rc == SQLITE_DONE)
        return store_install_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    device.can_sign = sqlite3_column_int(row, 3) != 0;
    if (!db_column_exact(row, 0, device.spki.bytes, SHA256_SIZE) ||
        !db_column_text(row, 1, device.serial, sizeof device.serial) ||
        !db_column_blob(row, 2, device.point, sizeof device.point, &device.point_length))
        return db_column_fault(row, fault);
    *ret_device = device;
    return ERR_OK;
}

/* ---- every row ---- */

enum error store_products_each(struct ledger_store *store,
                               bool (*each)(void *context, const struct ledger_product *product),
                               void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    struct ledger_product product = {0};
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_PRODUCTS);
    int rc = db_step(row);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        if (!store_read_product(row, &product))
            return db_column_fault(row, fault);
        if (!each(context, &product))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

enum error store_images_each(struct ledger_store *store, int64_t product_id,
                             bool (*each)(void *context, const struct ledger_image *image),
                             void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_IMAGES);
    int rc = db_step(row, DB_INT(product_id));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        struct ledger_image image = {0};
        if (!read_image(row, &image))
            return db_column_fault(row, fault);
        if (!each(context, &image))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}
