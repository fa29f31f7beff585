/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The text of the prepared statements. Pure constants. */
#include "ledger/sqlite_sql.h"

#define PRODUCT_COLUMNS                                                                          \
    "SELECT id, anchors_version, name, profile, policy, firmware_key, quota, used, is_enabled, " \
    "allows_key_exposure, options, accepted, revoked, scrap_allowance, scrap_drawn, "            \
    "attempts_max, is_governed, sequence, authorities, (SELECT max(k.generation) FROM "          \
    "firmware_key k WHERE k.product_id = product.id), coalesce(lists, 0), "                      \
    "coalesce(issued_unix_ms, 0), coalesce(expires_unix_ms, 0) FROM product "                    \
    "LEFT JOIN crls ON crls.product_id = product.id "
#define IMAGE_COLUMNS                                                                            \
    "SELECT id, digest, size, label, session_key, iv, tag, created_unix_ms, is_enabled, alias, " \
    "generation, content FROM image "
/* A row for each key of a principal p. */
#define PRINCIPAL_COLUMNS                                                      \
    "SELECT p.id, p.name, p.is_enabled, p.role, p.products, p.lines, k.spki, " \
    "k.added_unix_ms FROM principal p JOIN principal_key k ON k.principal_id = p.id "

#define STANDBY_COLUMNS "SELECT id, name, hsm_identity, transport_spki, added_unix_ms FROM standby "

#define DOCUMENT_COLUMNS                                                   \
    "SELECT d.uuid, p.name, d.kind, d.units, d.taken, d.lot, d.sequence, " \
    "d.accepted_unix_ms, d.leaf, d.document FROM document d "              \
    "JOIN product p ON p.id = d.product_id "
/* Of key k of product p. */
#define KEY_COLUMNS                                                                       \
    "SELECT p.name, k.generation, k.key_id, k.retired_unix_ms, k.retired_leaf, "          \
    "k.destroyed_unix_ms, k.destroyed_leaf, (SELECT count(*) FROM image im WHERE "        \
    "im.product_id = k.product_id AND im.generation = k.generation) FROM firmware_key k " \
    "JOIN product p ON p.id = k.product_id "
#define INSTALL_COLUMNS                                                                          \
    "SELECT i.id, i.uuid, p.name, p.profile, im.digest, d.spki, d.serial, pr.name, i.license, "  \
    "i.is_charged, i.leaf, i.licensed_unix_ms, i.attempts, i.attempted_unix_ms, i.lot, i.line, " \
    "i.work_order, i.operator, i.socket, coalesce(i.result, 0), i.is_proven, "                   \
    "coalesce(i.reported_unix_ms, 0), i.code, i.detail, coalesce(rp.name, '') FROM install i "   \
    "JOIN product p ON p.id = i.product_id JOIN image im ON im.id = i.image_id "                 \
    "JOIN device d ON d.id = i.device_id JOIN principal pr ON pr.id = i.principal_id "           \
    "LEFT JOIN principal rp ON rp.id = i.reporter_id "
/* Of the device d: its per-device unit, else its newest. Both are the ends of ranges of an index;
 * an ORDER BY over both would sort. */
#define UNIT_OF_DEVICE                                                                      \
    "coalesce((SELECT max(u.id) FROM charge u WHERE u.device_id = d.id AND u.policy = 1), " \
    "(SELECT max(u.id) FROM charge u WHERE u.device_id = d.id AND u.policy = 2))"
/* What a search judges an install by. */
#define FOUND_INSTALLS \
    "SELECT i.id, i.product_id, i.principal_id, coalesce(i.result, 0), i.lot FROM install i "
/* Parameters: product, first and last row, whether there is an "after", after. */
#define USAGE_BY(key, group)                                                                      \
    "SELECT " key ", sum(i.is_charged), count(*), sum(i.attempts), sum(i.result IS 1), "          \
    "sum(i.result IS 2), sum(i.result IS 3), sum(i.is_proven) FROM install i "                    \
    "INDEXED BY install_usage WHERE i.product_id = ?1 AND i.id BETWEEN ?2 AND ?3 GROUP BY " group \
    " HAVING ?4 = 0 OR " key " > ?5 ORDER BY 1"

/* Counts unreported units of product p along their index; a condition on their time follows. */
#define UNREPORTED                                                                       \
    "(SELECT count(*) FROM charge c WHERE c.product_id = p.id AND c.result IS NULL AND " \
    "c.installed_unix_ms "

static const char *const TEXTS[SQL_COUNT] = {
    [SQL_INFO] = "SELECT (SELECT coalesce(max(idx) + 1, 0) FROM journal), meta.site, "
                 "meta.hsm_identity FROM (SELECT 1) LEFT JOIN meta",
    /* Parameters: product, image, principal, key, serial, the principal's key or an empty one. The
     * unit is the device's per-device one, else its newest. */
    [SQL_VIEW] = "SELECT p.name, p.is_enabled, p.quota - p.used, im.digest, im.is_enabled, "
                 "d.id, d.serial, d.is_scrapped, c.id, i.id, c.result, "
                 "EXISTS (SELECT 1 FROM device o WHERE o.product_id = p.id AND o.serial = ?5 "
                 "AND o.serial <> '' AND o.is_replaced = 0 AND o.spki <> ?4), p.policy, "
                 "(SELECT n.uuid FROM install n WHERE n.charge_id = c.id ORDER BY n.id LIMIT 1), "
                 "c.is_proven, d.is_replaced, d.attempts, p.attempts_max, "
                 "bs.units, bs.period_minutes, bs.offset_minutes, bs.period, bs.used, "
                 "bp.units, bp.period_minutes, bp.offset_minutes, bp.period, bp.used, "
                 "pr.name, pr.is_enabled, pr.role, pr.products, pr.lines "
                 "FROM product p "
                 "LEFT JOIN image im ON im.id = ?2 AND im.product_id = p.id "
                 "LEFT JOIN principal pr ON pr.id = ?3 AND (length(?6) = 0 OR EXISTS (SELECT 1 "
                 "FROM principal_key k WHERE k.spki = ?6 AND k.principal_id = pr.id)) "
                 "LEFT JOIN device d ON d.product_id = p.id AND d.spki = ?4 "
                 "LEFT JOIN charge c ON c.id = " UNIT_OF_DEVICE " "
                 "LEFT JOIN install i ON i.device_id = d.id AND i.image_id = ?2 "
                 "LEFT JOIN budget bs ON bs.product_id = p.id AND bs.principal_id = ?3 AND ?3 <> 0 "
                 "LEFT JOIN budget bp ON bp.product_id = p.id AND bp.principal_id = 0 "
                 "WHERE p.id = ?1",
    [SQL_PRINCIPAL_GET] =
        PRINCIPAL_COLUMNS "WHERE p.id = (SELECT o.principal_id FROM principal_key o "
                          "WHERE o.spki = ?1) ORDER BY k.id",
    [SQL_PRODUCT_GET] = PRODUCT_COLUMNS "WHERE name = ?1",
    [SQL_PRODUCT_ID] = "SELECT id FROM product WHERE name = ?1",
    [SQL_PRODUCT_CRLS] = "SELECT pem FROM crls WHERE product_id = ?1",
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
    [SQL_FIRMWARE_KEYS] =
        KEY_COLUMNS "WHERE (?1 = '' OR p.name = ?1) ORDER BY k.product_id, k.generation",
    [SQL_PRINCIPALS] = PRINCIPAL_COLUMNS "ORDER BY p.id, k.id",
    /* Parameters: product, an hour ago, a day ago, a week ago. No unit is counted twice, and what
     * is older than a week is not counted at all. */
    [SQL_USAGE] = "SELECT quota, used, installs, succeeded, failed, scrapped, accepted, revoked, "
                  "scrap_allowance, scrap_drawn, proven, is_governed, policy, " UNREPORTED
                  "> ?2), " UNREPORTED "> ?3 AND c.installed_unix_ms <= ?2), " UNREPORTED
                  "> ?4 AND c.installed_unix_ms <= ?3) "
                  "FROM product p WHERE name = ?1",
    [SQL_DOCUMENTS] = DOCUMENT_COLUMNS "WHERE ?1 = '' OR p.name = ?1 ORDER BY d.id",
    [SQL_DOCUMENTS_PAGE] = DOCUMENT_COLUMNS "WHERE d.leaf < ?1 ORDER BY d.leaf DESC",
    [SQL_DOCUMENT_GET] = DOCUMENT_COLUMNS "WHERE d.uuid = ?1",
    [SQL_PRINCIPAL_ID] = "SELECT id FROM principal WHERE name = ?1",
    [SQL_INSTALL_LAST] = "SELECT coalesce(max(id), 0) FROM install",
    [SQL_INSTALL_TIME] = "SELECT licensed_unix_ms FROM install WHERE id >= ?1 ORDER BY id LIMIT 1",
    [SQL_INSTALL_BY_UUID] = INSTALL_COLUMNS "WHERE i.uuid = ?1",
    [SQL_INSTALL_BY_ROW] = INSTALL_COLUMNS "WHERE i.id = ?1",
    /* Parameters: first and last row, and what they are of. */
    [SQL_INSTALLS] = FOUND_INSTALLS "WHERE i.id BETWEEN ?1 AND ?2 ORDER BY i.id DESC",
    [SQL_INSTALLS_OF_PRODUCT] = FOUND_INSTALLS "INDEXED BY install_usage WHERE i.product_id = ?3 "
                                               "AND i.id BETWEEN ?1 AND ?2 ORDER BY i.id DESC",
    [SQL_INSTALLS_OF_LOT] = FOUND_INSTALLS "INDEXED BY install_lot WHERE i.lot = ?3 "
                                           "AND i.id BETWEEN ?1 AND ?2 ORDER BY i.id DESC",
    /* A key may be a device of each product. */
    [SQL_INSTALLS_OF_DEVICE] =
        FOUND_INSTALLS "JOIN device d ON d.id = i.device_id WHERE d.spki = ?3 AND d.product_id IN "
                       "(SELECT p.id FROM product p) AND i.id BETWEEN ?1 AND ?2 ORDER BY i.id DESC",
    [SQL_USAGE_COUNT] =
        "SELECT count(*), coalesce(sum(n.is_charged), 0) FROM (SELECT i.is_charged FROM install i "
        "INDEXED BY install_usage WHERE i.product_id = ?1 AND i.id BETWEEN ?2 AND ?3 LIMIT ?4) n",
    [SQL_USAGE_BY_LOT] = USAGE_BY("i.lot", "i.lot"),
    [SQL_USAGE_BY_DAY] = USAGE_BY("date(i.licensed_unix_ms / 86400000 * 86400, 'unixepoch')",
                                  "i.licensed_unix_ms / 86400000"),
    [SQL_USAGE_BY_STATION] = USAGE_BY(
        "(SELECT pr.name FROM principal pr WHERE pr.id = i.principal_id)", "i.principal_id"),
    [SQL_BUDGETS] = "SELECT coalesce(pr.name, ''), b.principal_id, b.units, b.period_minutes, "
                    "b.offset_minutes, b.period, b.used FROM budget b "
                    "LEFT JOIN principal pr ON pr.id = b.principal_id WHERE b.product_id = ?1 "
                    "ORDER BY b.principal_id",
    [SQL_STANDBY_GET] = STANDBY_COLUMNS "WHERE name = ?1",
    [SQL_STANDBYS] = STANDBY_COLUMNS "ORDER BY id",
    [SQL_HANDED_OVER] =
        "SELECT s.name, p.name, (SELECT count(*) FROM image i WHERE i.product_id = p.id), "
        "coalesce(e.images, 0), coalesce(e.exported_unix_ms, 0) FROM standby s CROSS JOIN product "
        "p "
        "LEFT JOIN standby_export e ON e.standby_id = s.id AND e.product_id = p.id "
        "ORDER BY s.id, p.id",
    [SQL_LISTED_GET] = "SELECT l.serial, d.signer FROM listed_device l "
                       "JOIN device_list d ON d.id = l.list_id "
                       "WHERE l.product_id = ?1 AND l.spki = ?2",
    [SQL_LISTED_ALL] = "SELECT l.spki, l.serial, d.signer FROM listed_device l "
                       "JOIN device_list d ON d.id = l.list_id "
                       "WHERE l.product_id = ?1 ORDER BY l.spki",
    [SQL_DEVICE_LISTS] = "SELECT digest, signer, devices, added_unix_ms FROM device_list "
                         "WHERE product_id = ?1 ORDER BY id",
    [SQL_INSTALL_DEVICE] = "SELECT d.spki, d.serial, d.point, d.can_sign FROM install i "
                           "JOIN device d ON d.id = i.device_id WHERE i.uuid = ?1",
    [SQL_LEAVES] = "SELECT idx, entry FROM journal WHERE idx >= ?1 ORDER BY idx LIMIT ?2",
    [SQL_TREE_READ] =
        "SELECT idx, hash FROM tree WHERE level = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3",
    [SQL_INSTALL_LEAF] = "SELECT leaf FROM install WHERE uuid = ?1",
    [SQL_CHECKPOINT_GET] = "SELECT size, note FROM checkpoint",
    [SQL_ROTATIONS] = "SELECT leaf FROM rotation ORDER BY generation",

    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT change",
    [SQL_RELEASE] = "RELEASE change",
    [SQL_UNDO] = "ROLLBACK TO change",
    /* No INSERT of a SELECT, which would make a table for its rows first. */
    [SQL_JOURNAL_APPEND] = "INSERT INTO journal (idx, entry) "
                           "VALUES ((SELECT coalesce(max(idx) + 1, 0) FROM journal), ?1)",
    [SQL_JOURNAL_LAST] = "SELECT entry FROM journal ORDER BY idx DESC LIMIT 1",
    [SQL_GOVERNED_NEXT] =
        "SELECT p.id, p.name, p.used, (SELECT count(*) FROM document d WHERE d.product_id = p.id), "
        "p.scrap_drawn FROM product p WHERE p.is_governed = 1 AND p.id > ?1 ORDER BY p.id LIMIT 1",
    [SQL_JOURNAL_SIZE] = "SELECT coalesce(max(idx) + 1, 0) FROM journal",
    [SQL_TREE_ADD] = "INSERT INTO tree (level, idx, hash) VALUES (?1, ?2, ?3)",
    [SQL_CHECKPOINT_SET] =
        "INSERT INTO checkpoint (id, size, note) VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE "
        "SET size = excluded.size, note = excluded.note WHERE excluded.size >= size",
    [SQL_ROTATION_NEXT] = "SELECT coalesce(max(generation), 1) + 1 FROM rotation",
    [SQL_ROTATION_ADD] = "INSERT INTO rotation (generation, leaf) VALUES (?1, ?2)",
    [SQL_BREACH_NEWEST] = "SELECT id, anchor_size, anchor_root, found_size, found_root, "
                          "is_overridden FROM breach ORDER BY id DESC LIMIT 1",
    [SQL_BREACH_ADD] = "INSERT INTO breach (anchor_size, anchor_root, found_size, found_root) "
                       "VALUES (?1, ?2, ?3, ?4)",
    [SQL_BREACH_IS_AGREED] =
        "SELECT NOT EXISTS (SELECT 1 FROM product p WHERE p.is_governed = 1 AND NOT EXISTS "
        "(SELECT 1 FROM consent c WHERE c.breach_id = ?1 AND c.product_id = p.id))",
    [SQL_BREACH_OVERRIDE] = "UPDATE breach SET is_overridden = 1 WHERE id = ?1",
    [SQL_META_OVERRIDDEN] = "UPDATE meta SET overridden_unix_ms = ?1",
    [SQL_META_GET] = "SELECT site, hsm_identity FROM meta",
    [SQL_META_ADD] = "INSERT INTO meta (id, site, hsm_identity) VALUES (1, ?1, ?2)",
    [SQL_PRODUCT_ADD] = "INSERT INTO product (name, profile, policy, firmware_key, accepted, "
                        "allows_key_exposure, options, attempts_max) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_PRODUCT_GOVERN] =
        "UPDATE product SET profile = ?2, policy = ?3, allows_key_exposure = ?4, options = ?5, "
        "attempts_max = ?6, is_governed = 1, sequence = ?7, authorities = ?8, "
        "anchors_version = anchors_version + 1 WHERE id = ?1",
    [SQL_ANCHORS_TOUCH] = "UPDATE product SET anchors_version = anchors_version + 1 WHERE id = ?1",
    [SQL_CRLS_SET] = "INSERT INTO crls (product_id, pem, lists, issued_unix_ms, expires_unix_ms) "
                     "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (product_id) DO UPDATE SET "
                     "pem = excluded.pem, lists = excluded.lists, "
                     "issued_unix_ms = excluded.issued_unix_ms, "
                     "expires_unix_ms = excluded.expires_unix_ms",
    [SQL_CRLS_REMOVE] = "DELETE FROM crls WHERE product_id = ?1",
    [SQL_ANCHORS_SET] = "UPDATE anchors SET pem = ?2 WHERE product_id = ?1",
    [SQL_SEQUENCE_SET] = "UPDATE product SET sequence = ?2 WHERE id = ?1",
    [SQL_REVOKED_ADD] = "UPDATE product SET revoked = revoked + ?2 WHERE id = ?1",
    [SQL_SCRAP_ADD] = "UPDATE product SET scrap_allowance = scrap_allowance + ?2 WHERE id = ?1",
    [SQL_OVERRIDDEN] = "SELECT coalesce(max(overridden_unix_ms), 0) FROM meta",
    [SQL_CONSENT_ADD] = "INSERT INTO consent (breach_id, product_id) VALUES (?1, ?2) "
                        "ON CONFLICT DO NOTHING",
    [SQL_DOCUMENT_KNOWN] = "SELECT 1 FROM document WHERE uuid = ?1",
    [SQL_DOCUMENT_ADD] = "INSERT INTO document (uuid, product_id, kind, units, taken, lot, "
                         "sequence, accepted_unix_ms, leaf, document) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_BINDING_VIEW] =
        "SELECT coalesce((SELECT id FROM device WHERE product_id = ?1 AND spki = ?3 AND "
        "serial = ?2 AND is_replaced = 0), 0), EXISTS (SELECT 1 FROM device WHERE "
        "product_id = ?1 AND spki = ?4)",
    [SQL_DEVICE_REPLACE] = "UPDATE device SET is_replaced = 1 WHERE id = ?1",
    [SQL_IMAGE_COMPARE] = "SELECT session_key = ?3 FROM image WHERE digest = ?2 AND product_id = "
                          "(SELECT id FROM product WHERE name = ?1)",
    [SQL_STANDBY_NAMED] = STANDBY_COLUMNS "WHERE name = ?1",
    [SQL_STANDBY_COUNT] = "SELECT count(*), coalesce(max(hsm_identity = ?1), 0) FROM standby",
    [SQL_STANDBY_ADD] = "INSERT INTO standby (name, hsm_identity, transport_spki, added_unix_ms) "
                        "VALUES (?1, ?2, ?3, ?4)",
    [SQL_STANDBY_REMOVE] = "DELETE FROM standby WHERE id = ?1",
    [SQL_HANDOVER_SET] =
        "INSERT INTO standby_export (standby_id, product_id, images, exported_unix_ms) "
        "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (standby_id, product_id) DO UPDATE SET "
        "images = excluded.images, exported_unix_ms = excluded.exported_unix_ms",
    [SQL_LIST_FIND] =
        "SELECT id FROM device_list WHERE product_id = ?1 AND digest = ?2 AND signer = ?3",
    [SQL_LIST_ADD] = "INSERT INTO device_list (product_id, digest, signer, devices, added_unix_ms) "
                     "VALUES (?1, ?2, ?3, ?4, ?5)",
    /* Whoever has this key or this serial: two rows at most. */
    [SQL_LISTED_VIEW] = "SELECT spki = ?2, serial = ?3, list_id FROM listed_device "
                        "WHERE product_id = ?1 AND spki = ?2 UNION ALL "
                        "SELECT spki = ?2, serial = ?3, list_id FROM listed_device "
                        "WHERE product_id = ?1 AND serial = ?3 AND spki <> ?2",
    [SQL_LISTED_ADD] = "INSERT INTO listed_device (product_id, spki, serial, list_id) "
                       "VALUES (?1, ?2, ?3, ?4)",
    [SQL_LISTED_MOVE] = "UPDATE listed_device SET list_id = ?3 WHERE product_id = ?1 AND spki = ?2",
    [SQL_LISTED_REMOVE] = "DELETE FROM listed_device WHERE product_id = ?1 AND spki = ?2",
    [SQL_BUDGET_STATE] = "SELECT units, period_minutes, offset_minutes FROM budget "
                         "WHERE product_id = ?1 AND principal_id = ?2",
    /* What was drawn in the present period stays drawn, unless the periods are others. */
    [SQL_BUDGET_SET] =
        "INSERT INTO budget (product_id, principal_id, units, period_minutes, offset_minutes) "
        "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (product_id, principal_id) DO UPDATE SET "
        "units = excluded.units, period_minutes = excluded.period_minutes, "
        "offset_minutes = excluded.offset_minutes, period = iif(period_minutes = "
        "excluded.period_minutes AND offset_minutes = excluded.offset_minutes, period, -1)",
    [SQL_BUDGET_REMOVE] = "DELETE FROM budget WHERE product_id = ?1 AND principal_id = ?2",
    [SQL_BUDGET_DRAW] = "UPDATE budget SET period = ?3, used = ?4 "
                        "WHERE product_id = ?1 AND principal_id = ?2",
    [SQL_ANCHORS_ADD] = "INSERT INTO anchors (product_id, pem) VALUES (?1, ?2)",
    [SQL_QUOTA_ADD] = "UPDATE product SET accepted = accepted + ?2 WHERE id = ?1",
    [SQL_IMAGE_CLASH] =
        "SELECT EXISTS (SELECT 1 FROM image WHERE digest = ?2 AND product_id = ?1), "
        "EXISTS (SELECT 1 FROM image WHERE session_key = ?3)",
    [SQL_IMAGE_ADD] = "INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
                      "created_unix_ms, is_enabled, generation, content) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [SQL_FIRMWARE_KEY_ADD] =
        "INSERT INTO firmware_key (product_id, generation, key_id) VALUES (?1, ?2, ?3)",
    [SQL_FIRMWARE_KEY_USE] = "UPDATE product SET firmware_key = ?2 WHERE id = ?1",
    /* Parameters: a struct rewrapping, product, generation. */
    [SQL_IMAGES_REWRAP] = "UPDATE image SET session_key = rewrapped(?1, id, session_key), "
                          "generation = ?3 WHERE product_id = ?2",
    [SQL_FIRMWARE_KEY_RETIRE] = "UPDATE firmware_key SET retired_unix_ms = ?3, retired_leaf = ?4 "
                                "WHERE product_id = ?1 AND generation = ?2",
    [SQL_FIRMWARE_KEY_END] = "UPDATE firmware_key SET destroyed_unix_ms = ?3, destroyed_leaf = ?4 "
                             "WHERE product_id = ?1 AND generation = ?2",
    [SQL_IMAGE_STATE] = "SELECT id, is_enabled, alias FROM image "
                        "WHERE digest = ?2 AND product_id = ?1",
    [SQL_IMAGE_ENABLE] = "UPDATE image SET is_enabled = ?2 WHERE id = ?1",
    [SQL_IMAGE_ALIAS] = "UPDATE image SET alias = ?2 WHERE id = ?1",
    [SQL_ALIAS_HOLDER] = "SELECT id, digest, product_id, alias = ?1 FROM image "
                         "WHERE alias = ?1 COLLATE NOCASE AND alias <> ''",
    [SQL_STATION_ID] = "SELECT id FROM principal WHERE name = ?1 AND role = 1",
    [SQL_PRINCIPAL_NAMED] = PRINCIPAL_COLUMNS "WHERE p.name = ?1 ORDER BY k.id",
    [SQL_PRINCIPAL_ADD] = "INSERT INTO principal (name, role, is_enabled, products, lines) "
                          "VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_PRINCIPAL_SET] =
        "UPDATE principal SET is_enabled = ?2, products = ?3, lines = ?4 WHERE id = ?1",
    [SQL_PRINCIPAL_NAME] = "SELECT name FROM principal WHERE id = ?1",
    [SQL_KEY_KNOWN] = "SELECT 1 FROM principal_key WHERE spki = ?1",
    [SQL_KEY_ADD] =
        "INSERT INTO principal_key (principal_id, spki, added_unix_ms) VALUES (?1, ?2, ?3)",
    [SQL_KEY_REMOVE] = "DELETE FROM principal_key WHERE principal_id = ?1 AND spki = ?2",
    [SQL_DEVICE_ADD] = "INSERT INTO device (product_id, spki, serial, point, can_sign, attempts) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    /* The point follows from the key; what its certificate allows is as it was seen last. */
    [SQL_DEVICE_ATTEMPT] =
        "UPDATE device SET attempts = attempts + 1, point = CASE WHEN length(?2) > 0 THEN ?2 ELSE "
        "point END, can_sign = CASE WHEN length(?2) > 0 THEN ?3 ELSE can_sign END WHERE id = ?1",
    [SQL_INSTALL_ADD] =
        "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, "
        "attempted_unix_ms, lot, line, work_order, operator, socket, charge_id, product_id, "
        "is_charged, leaf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
        "?14, (SELECT coalesce(max(idx) + 1, 0) FROM journal))",
    [SQL_CHARGE_ADD] = "INSERT INTO charge (product_id, device_id, installed_unix_ms, policy) "
                       "VALUES (?1, ?2, ?3, ?4)",
    [SQL_CHARGE_JOIN] = "UPDATE charge SET result = NULL, is_proven = 0, installed_unix_ms = ?2 "
                        "WHERE id = ?1",
    [SQL_CHARGE_RESULT] = "UPDATE charge SET result = ?2, is_proven = ?3 WHERE id = ?1",
    [SQL_ACCOUNT_MOVE] = "UPDATE product SET installs = installs + ?2, succeeded = succeeded + ?3, "
                         "failed = failed + ?4, scrapped = scrapped + ?5, proven = proven + ?6 "
                         "WHERE id = ?1",
    [SQL_INSTALL_REPEAT] =
        "UPDATE install SET attempts = attempts + 1, attempted_unix_ms = ?2 WHERE id = ?1",
    [SQL_INSTALL_GET] = "SELECT uuid, license, attempts FROM install WHERE id = ?1",
    /* Parameters: install, principal, the principal's key or an empty one. */
    [SQL_OUTCOME_VIEW] = "SELECT i.id, d.product_id, d.id, d.is_scrapped, "
                         "i.id = (SELECT max(n.id) FROM install n WHERE n.charge_id = c.id), "
                         "coalesce(i.result, 0), i.code, i.detail, p.name, c.id, "
                         "coalesce(c.result, 0), c.is_proven, length(i.receipt) > 0, "
                         "d.is_scrap_drawn, p.scrap_allowance - p.scrap_drawn, i.attempts, "
                         "pr.name, pr.is_enabled, pr.role, pr.products, pr.lines "
                         "FROM install i JOIN device d ON d.id = i.device_id "
                         "JOIN charge c ON c.id = i.charge_id "
                         "JOIN product p ON p.id = d.product_id "
                         "LEFT JOIN principal pr ON pr.id = ?2 AND (length(?3) = 0 OR EXISTS ("
                         "SELECT 1 FROM principal_key k WHERE k.spki = ?3 AND "
                         "k.principal_id = pr.id)) WHERE i.uuid = ?1",
    [SQL_OUTCOME_SET] =
        "UPDATE install SET result = ?2, code = ?3, detail = ?4, reporter_id = ?5, "
        "reported_unix_ms = ?6, receipt = CASE WHEN ?8 THEN receipt ELSE ?7 END, "
        "is_proven = CASE WHEN ?8 THEN is_proven ELSE length(?7) > 0 END WHERE id = ?1",
    [SQL_DEVICE_SCRAP] = "UPDATE device SET is_scrapped = 1, is_scrap_drawn = max(is_scrap_drawn, "
                         "?2) WHERE id = ?1",
    [SQL_REFUSAL_ADD] =
        "INSERT INTO refusal (hour, identity, code) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [SQL_REFUSAL_FORGET] = "DELETE FROM refusal WHERE hour < ?1",
};

const char *sql_text(enum sql statement)
{
    return TEXTS[statement];
}
