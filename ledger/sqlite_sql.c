/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The text of the prepared statements. Pure constants. */
#include "ledger/sqlite_sql.h"

#define PRODUCT_COLUMNS                                                                          \
    "SELECT id, anchors_version, name, profile, policy, firmware_key, quota, used, is_enabled, " \
    "allows_key_exposure, options FROM product "
#define IMAGE_COLUMNS                                                                           \
    "SELECT id, digest, size, label, session_key, iv, tag, created_unix_ms, is_enabled, alias " \
    "FROM image "
#define PRINCIPAL_COLUMNS "SELECT id, role, name, spki, is_enabled FROM principal "

static const char *const TEXTS[SQL_COUNT] = {
    [SQL_INFO] = "SELECT (SELECT coalesce(max(idx) + 1, 0) FROM journal), meta.site, "
                 "meta.hsm_identity FROM (SELECT 1) LEFT JOIN meta",
    /* Parameters: product, image, principal, key, serial. The policy is a literal so that the
     * partial index on charges serves. */
    [SQL_VIEW] =
        "SELECT p.name, p.is_enabled, p.quota - p.used, im.digest, im.is_enabled, pr.name, "
        "pr.is_enabled, d.id, d.serial, d.is_scrapped, c.id, i.id, "
        "(SELECT n.result FROM install n WHERE n.device_id = d.id ORDER BY n.id DESC LIMIT 1), "
        "EXISTS (SELECT 1 FROM device o WHERE o.product_id = p.id AND o.serial = ?5 "
        "AND o.serial <> '' AND o.spki <> ?4) "
        "FROM product p "
        "LEFT JOIN image im ON im.id = ?2 AND im.product_id = p.id "
        "LEFT JOIN principal pr ON pr.id = ?3 "
        "LEFT JOIN device d ON d.product_id = p.id AND d.spki = ?4 "
        "LEFT JOIN charge c ON c.product_id = p.id AND c.device_id = d.id AND c.policy = 1 "
        "LEFT JOIN install i ON i.device_id = d.id AND i.image_id = ?2 "
        "WHERE p.id = ?1",
    [SQL_PRINCIPAL_GET] = PRINCIPAL_COLUMNS "WHERE spki = ?1",
    [SQL_PRODUCT_GET] = PRODUCT_COLUMNS "WHERE name = ?1",
    [SQL_PRODUCT_ID] = "SELECT id FROM product WHERE name = ?1",
    [SQL_PRODUCT_ANCHORS] = "SELECT pem FROM anchors WHERE product_id = ?1",
    [SQL_IMAGE_GET] = IMAGE_COLUMNS "WHERE digest = ?2 AND product_id = ?1",
    [SQL_IMAGE_NEWEST] =
        IMAGE_COLUMNS "WHERE product_id = ?1 AND is_enabled = 1 ORDER BY id DESC LIMIT 1",
    [SQL_IMAGE_EXISTS] = "SELECT 1 FROM image im JOIN product p ON p.id = im.product_id "
                         "WHERE im.digest = ?1 AND im.is_enabled = 1 AND p.is_enabled = 1 LIMIT 1",
    /* The first term is the index's, which ignores case; a name counts with its case. */
    [SQL_ALIAS_GET] = "SELECT p.name, im.digest FROM image im "
                      "JOIN product p ON p.id = im.product_id "
                      "WHERE im.alias = ?1 COLLATE NOCASE AND im.alias = ?1 AND im.alias <> ''",
    [SQL_PRODUCTS] = PRODUCT_COLUMNS "ORDER BY id",
    [SQL_IMAGES] = IMAGE_COLUMNS "WHERE product_id = ?1 ORDER BY id",
    [SQL_PRINCIPALS] = PRINCIPAL_COLUMNS "ORDER BY id",
    [SQL_USAGE] = "SELECT quota, used, installs, succeeded, failed, scrapped FROM product "
                  "WHERE name = ?1",

    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT change",
    [SQL_RELEASE] = "RELEASE change",
    [SQL_UNDO] = "ROLLBACK TO change",
    [SQL_JOURNAL_APPEND] = "INSERT INTO journal (idx, entry) "
                           "SELECT coalesce(max(idx) + 1, 0), ?1 FROM journal",
    [SQL_JOURNAL_LAST] = "SELECT entry FROM journal ORDER BY idx DESC LIMIT 1",
    [SQL_META_GET] = "SELECT site, hsm_identity FROM meta",
    [SQL_META_ADD] = "INSERT INTO meta (id, site, hsm_identity) VALUES (1, ?1, ?2)",
    [SQL_PRODUCT_ADD] = "INSERT INTO product (name, profile, policy, firmware_key, quota, "
                        "allows_key_exposure, options) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_ANCHORS_ADD] = "INSERT INTO anchors (product_id, pem) VALUES (?1, ?2)",
    [SQL_QUOTA_ADD] = "UPDATE product SET quota = quota + ?2 WHERE id = ?1",
    [SQL_IMAGE_CLASH] =
        "SELECT EXISTS (SELECT 1 FROM image WHERE digest = ?2 AND product_id = ?1), "
        "EXISTS (SELECT 1 FROM image WHERE session_key = ?3)",
    [SQL_IMAGE_ADD] = "INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
                      "created_unix_ms, is_enabled) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_IMAGE_STATE] = "SELECT id, is_enabled, alias FROM image "
                        "WHERE digest = ?2 AND product_id = ?1",
    [SQL_IMAGE_ENABLE] = "UPDATE image SET is_enabled = ?2 WHERE id = ?1",
    [SQL_IMAGE_ALIAS] = "UPDATE image SET alias = ?2 WHERE id = ?1",
    [SQL_ALIAS_HOLDER] = "SELECT id, digest, product_id, alias = ?1 FROM image "
                         "WHERE alias = ?1 COLLATE NOCASE AND alias <> ''",
    [SQL_PRINCIPAL_CLASH] = "SELECT EXISTS (SELECT 1 FROM principal WHERE name = ?1), "
                            "EXISTS (SELECT 1 FROM principal WHERE spki = ?2)",
    [SQL_PRINCIPAL_ADD] =
        "INSERT INTO principal (name, role, spki, is_enabled) VALUES (?1, ?2, ?3, ?4)",
    [SQL_PRINCIPAL_STATE] = "SELECT id, is_enabled FROM principal WHERE name = ?1",
    [SQL_PRINCIPAL_ENABLE] = "UPDATE principal SET is_enabled = ?2 WHERE id = ?1",
    [SQL_PRINCIPAL_NAME] = "SELECT name FROM principal WHERE id = ?1",
    [SQL_DEVICE_ADD] = "INSERT INTO device (product_id, spki, serial) VALUES (?1, ?2, ?3)",
    [SQL_INSTALL_ADD] =
        "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, "
        "attempted_unix_ms, lot, line, work_order, operator, socket) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11)",
    [SQL_CHARGE_ADD] = "INSERT INTO charge (product_id, device_id, install_id, policy) "
                       "VALUES (?1, ?2, ?3, 1)",
    [SQL_ACCOUNT_MOVE] = "UPDATE product SET installs = installs + ?2, succeeded = succeeded + ?3, "
                         "failed = failed + ?4, scrapped = scrapped + ?5 WHERE id = ?1",
    [SQL_INSTALL_REPEAT] =
        "UPDATE install SET attempts = attempts + 1, attempted_unix_ms = ?2 WHERE id = ?1",
    [SQL_INSTALL_GET] = "SELECT uuid, license, attempts FROM install WHERE id = ?1",
    [SQL_OUTCOME_VIEW] = "SELECT i.id, d.product_id, d.id, d.is_scrapped, "
                         "i.id = (SELECT max(n.id) FROM install n WHERE n.device_id = d.id), "
                         "coalesce(i.result, 0), i.code, i.detail, pr.name, pr.is_enabled "
                         "FROM install i JOIN device d ON d.id = i.device_id "
                         "LEFT JOIN principal pr ON pr.id = ?2 WHERE i.uuid = ?1",
    [SQL_OUTCOME_SET] = "UPDATE install SET result = ?2, code = ?3, detail = ?4, reporter_id = ?5, "
                        "reported_unix_ms = ?6 WHERE id = ?1",
    [SQL_DEVICE_SCRAP] = "UPDATE device SET is_scrapped = 1 WHERE id = ?1 AND is_scrapped = 0",
    [SQL_REFUSAL_ADD] =
        "INSERT INTO refusal (hour, identity, code) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [SQL_REFUSAL_FORGET] = "DELETE FROM refusal WHERE hour < ?1",
};

const char *sql_text(enum sql statement)
{
    return TEXTS[statement];
}
