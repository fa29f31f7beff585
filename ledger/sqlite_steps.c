/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The steps. Owns no state. */
#include "ledger/sqlite_steps.h"

#include <stddef.h>

/*
 * 4: principals have roles, several keys and scopes; an install says its product and whether it
 * took its unit. A key was added when the journal says so; of the installs of a unit the first one
 * took it. Installs are copied in the order that they lie in: no row with its license is sorted or
 * kept in memory. The old index of charges goes with the old table.
 */
static const char FROM_3[] =
    "ALTER TABLE principal RENAME TO principal_3;"
    "CREATE TABLE principal ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),"
    "  is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),"
    "  products TEXT NOT NULL CHECK (length(CAST(products AS BLOB)) <= 2080),"
    "  lines TEXT NOT NULL CHECK (length(CAST(lines AS BLOB)) <= 2080)"
    ") STRICT;"
    "CREATE TABLE principal_key ("
    "  id INTEGER PRIMARY KEY,"
    "  principal_id INTEGER NOT NULL REFERENCES principal (id),"
    "  spki BLOB NOT NULL UNIQUE CHECK (length(spki) = 32),"
    "  added_unix_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX principal_key_of ON principal_key (principal_id);"
    "INSERT INTO principal (id, name, role, is_enabled, products, lines)"
    "  SELECT id, name, role, is_enabled, '', '' FROM principal_3 ORDER BY id;"
    "CREATE TEMP TABLE added AS"
    "  SELECT json_extract(CAST(entry AS TEXT), '$.principal') AS name,"
    "    CAST(round((julianday(json_extract(CAST(entry AS TEXT), '$.time')) - 2440587.5)"
    "      * 86400000) AS INTEGER) AS unix_ms"
    "  FROM journal WHERE CAST(entry AS TEXT) LIKE '%\"principal-added\"%'"
    "    AND json_extract(CAST(entry AS TEXT), '$.type') = 'principal-added';"
    "INSERT INTO principal_key (principal_id, spki, added_unix_ms)"
    "  SELECT p.id, p.spki, coalesce((SELECT min(a.unix_ms) FROM added a WHERE a.name = p.name), 0)"
    "  FROM principal_3 p ORDER BY p.id;"
    "DROP TABLE added;"
    "DROP TABLE principal_3;"

    "ALTER TABLE install RENAME TO install_3;"
    "CREATE TABLE install ("
    "  id INTEGER PRIMARY KEY,"
    "  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  device_id INTEGER NOT NULL REFERENCES device (id),"
    "  image_id INTEGER NOT NULL REFERENCES image (id),"
    "  principal_id INTEGER NOT NULL REFERENCES principal (id),"
    "  charge_id INTEGER NOT NULL REFERENCES charge (id),"
    "  is_charged INTEGER NOT NULL CHECK (is_charged IN (0, 1)),"
    "  leaf INTEGER NOT NULL CHECK (leaf >= 0),"
    "  license BLOB NOT NULL CHECK (length(license) BETWEEN 1 AND 4096),"
    "  attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts >= 1),"
    "  licensed_unix_ms INTEGER NOT NULL,"
    "  attempted_unix_ms INTEGER NOT NULL,"
    "  lot TEXT NOT NULL, line TEXT NOT NULL, work_order TEXT NOT NULL,"
    "  operator TEXT NOT NULL, socket TEXT NOT NULL,"
    "  result INTEGER CHECK (result BETWEEN 1 AND 3),"
    "  code TEXT NOT NULL DEFAULT '',"
    "  detail TEXT NOT NULL DEFAULT '',"
    "  reporter_id INTEGER REFERENCES principal (id),"
    "  reported_unix_ms INTEGER,"
    "  receipt BLOB NOT NULL DEFAULT x'' CHECK (length(receipt) <= 144),"
    "  is_proven INTEGER NOT NULL DEFAULT 0 CHECK (is_proven = (length(receipt) > 0)),"
    "  UNIQUE (device_id, image_id)"
    ") STRICT;"
    "INSERT INTO install (id, uuid, product_id, device_id, image_id, principal_id, charge_id,"
    "    is_charged, leaf, license, attempts, licensed_unix_ms, attempted_unix_ms, lot, line,"
    "    work_order, operator, socket, result, code, detail, reporter_id, reported_unix_ms,"
    "    receipt, is_proven)"
    "  SELECT i.id, i.uuid, d.product_id, i.device_id, i.image_id, i.principal_id, i.charge_id,"
    "    NOT EXISTS (SELECT 1 FROM install_3 f WHERE f.charge_id = i.charge_id AND f.id < i.id),"
    "    i.leaf, i.license, i.attempts, i.licensed_unix_ms, i.attempted_unix_ms, i.lot, i.line,"
    "    i.work_order, i.operator, i.socket, i.result, i.code, i.detail, i.reporter_id,"
    "    i.reported_unix_ms, i.receipt, length(i.receipt) > 0"
    "  FROM install_3 i CROSS JOIN device d ON d.id = i.device_id ORDER BY i.id;"
    "DROP TABLE install_3;"
    "CREATE INDEX install_charge ON install (charge_id);"
    "CREATE INDEX install_lot ON install (lot);"
    "CREATE INDEX install_usage ON install (product_id, id, licensed_unix_ms, lot, principal_id,"
    "  is_charged, attempts, result, is_proven);"

    "CREATE INDEX document_leaf ON document (leaf);";

/* 5: a product's firmware keys are counted; each product has had one, which wraps all its images.
 */
static const char FROM_4[] =
    "CREATE TABLE firmware_key ("
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  generation INTEGER NOT NULL CHECK (generation >= 1),"
    "  key_id BLOB NOT NULL CHECK (length(key_id) = 16),"
    "  retired_unix_ms INTEGER,"
    "  retired_leaf INTEGER,"
    "  destroyed_unix_ms INTEGER,"
    "  destroyed_leaf INTEGER,"
    "  PRIMARY KEY (product_id, generation),"
    "  CHECK ((retired_leaf IS NULL) = (retired_unix_ms IS NULL)),"
    "  CHECK ((destroyed_leaf IS NULL) = (destroyed_unix_ms IS NULL)),"
    "  CHECK (destroyed_leaf IS NULL OR coalesce(destroyed_leaf > retired_leaf, 0))"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO firmware_key (product_id, generation, key_id)"
    "  SELECT id, 1, firmware_key FROM product ORDER BY id;"
    "ALTER TABLE image RENAME TO image_4;"
    "CREATE TABLE image ("
    "  id INTEGER PRIMARY KEY,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  size INTEGER NOT NULL CHECK (size >= 0),"
    "  label TEXT NOT NULL,"
    "  session_key BLOB NOT NULL UNIQUE,"
    "  iv BLOB NOT NULL,"
    "  tag BLOB NOT NULL CHECK (length(tag) = 16),"
    "  created_unix_ms INTEGER NOT NULL,"
    "  is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),"
    "  alias TEXT NOT NULL DEFAULT '',"
    "  generation INTEGER NOT NULL DEFAULT 1,"
    "  UNIQUE (digest, product_id),"
    "  FOREIGN KEY (product_id, generation) REFERENCES firmware_key (product_id, generation)"
    ") STRICT;"
    "INSERT INTO image (id, product_id, digest, size, label, session_key, iv, tag,"
    "    created_unix_ms, is_enabled, alias, generation)"
    "  SELECT id, product_id, digest, size, label, session_key, iv, tag, created_unix_ms,"
    "    is_enabled, alias, 1 FROM image_4 ORDER BY id;"
    "DROP TABLE image_4;"
    "CREATE UNIQUE INDEX image_alias ON image (alias COLLATE NOCASE) WHERE alias <> '';"
    "CREATE INDEX image_newest ON image (product_id) WHERE is_enabled = 1;"
    "CREATE INDEX image_product ON image (product_id);";

/* 6: where the leaves of the checkpoint key's rotations are. No older program wrote one. */
static const char FROM_5[] = "CREATE TABLE rotation ("
                             "  generation INTEGER PRIMARY KEY CHECK (generation BETWEEN 2 AND 16),"
                             "  leaf INTEGER NOT NULL UNIQUE CHECK (leaf >= 0)"
                             ") STRICT;";

/* 7: standby HSMs, and documents of one kind more. */
static const char FROM_6[] =
    "ALTER TABLE document RENAME TO document_6;"
    "CREATE TABLE document ("
    "  id INTEGER PRIMARY KEY,"
    "  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 7),"
    "  units INTEGER NOT NULL CHECK (units >= 0),"
    "  taken INTEGER NOT NULL CHECK (taken BETWEEN 0 AND units),"
    "  lot TEXT NOT NULL,"
    "  sequence INTEGER NOT NULL CHECK (sequence >= 0),"
    "  accepted_unix_ms INTEGER NOT NULL,"
    "  leaf INTEGER NOT NULL CHECK (leaf >= 0),"
    "  document BLOB NOT NULL CHECK (length(document) BETWEEN 1 AND 114688)"
    ") STRICT;"
    "INSERT INTO document (id, uuid, product_id, kind, units, taken, lot, sequence,"
    "    accepted_unix_ms, leaf, document)"
    "  SELECT id, uuid, product_id, kind, units, taken, lot, sequence, accepted_unix_ms, leaf,"
    "    document FROM document_6 ORDER BY id;"
    "DROP TABLE document_6;"
    "CREATE INDEX document_product ON document (product_id);"
    "CREATE INDEX document_leaf ON document (leaf);"
    "CREATE TABLE standby ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  hsm_identity BLOB NOT NULL CHECK (length(hsm_identity) = 32),"
    "  transport_spki BLOB NOT NULL CHECK (length(transport_spki) BETWEEN 1 AND 256),"
    "  added_unix_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE standby_export ("
    "  standby_id INTEGER NOT NULL REFERENCES standby (id) ON DELETE CASCADE,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  images INTEGER NOT NULL CHECK (images >= 0),"
    "  exported_unix_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (standby_id, product_id)"
    ") STRICT, WITHOUT ROWID;";

/* 8: an image says its form of content, and may have no tag. All that there were have the default
 * of their profile, which is the empty text. */
static const char FROM_7[] =
    "ALTER TABLE image RENAME TO image_7;"
    "CREATE TABLE image ("
    "  id INTEGER PRIMARY KEY,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  size INTEGER NOT NULL CHECK (size >= 0),"
    "  label TEXT NOT NULL,"
    "  session_key BLOB NOT NULL UNIQUE,"
    "  iv BLOB NOT NULL CHECK (length(iv) <= 16),"
    "  tag BLOB NOT NULL CHECK (length(tag) IN (0, 16)),"
    "  created_unix_ms INTEGER NOT NULL,"
    "  is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),"
    "  alias TEXT NOT NULL DEFAULT '',"
    "  generation INTEGER NOT NULL DEFAULT 1,"
    "  content TEXT NOT NULL DEFAULT '' CHECK (length(CAST(content AS BLOB)) <= 15),"
    "  UNIQUE (digest, product_id),"
    "  FOREIGN KEY (product_id, generation) REFERENCES firmware_key (product_id, generation)"
    ") STRICT;"
    "INSERT INTO image (id, product_id, digest, size, label, session_key, iv, tag,"
    "    created_unix_ms, is_enabled, alias, generation)"
    "  SELECT id, product_id, digest, size, label, session_key, iv, tag, created_unix_ms,"
    "    is_enabled, alias, generation FROM image_7 ORDER BY id;"
    "DROP TABLE image_7;"
    "CREATE UNIQUE INDEX image_alias ON image (alias COLLATE NOCASE) WHERE alias <> '';"
    "CREATE INDEX image_newest ON image (product_id) WHERE is_enabled = 1;"
    "CREATE INDEX image_product ON image (product_id);";

/* 9: revocation lists of products, of which no older program kept one; signed lists of devices
 * without certificates. */
static const char FROM_8[] = "CREATE TABLE crls ("
                             "  product_id INTEGER PRIMARY KEY REFERENCES product (id),"
                             "  lists INTEGER NOT NULL CHECK (lists BETWEEN 1 AND 16),"
                             "  issued_unix_ms INTEGER NOT NULL,"
                             "  expires_unix_ms INTEGER NOT NULL,"
                             "  pem BLOB NOT NULL CHECK (length(pem) BETWEEN 1 AND 1048576)"
                             ") STRICT;"
                             "CREATE TABLE device_list ("
                             "  id INTEGER PRIMARY KEY,"
                             "  product_id INTEGER NOT NULL REFERENCES product (id),"
                             "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
                             "  signer BLOB NOT NULL CHECK (length(signer) = 32),"
                             "  devices INTEGER NOT NULL CHECK (devices >= 1),"
                             "  added_unix_ms INTEGER NOT NULL,"
                             "  UNIQUE (product_id, digest, signer)"
                             ") STRICT;"
                             "CREATE TABLE listed_device ("
                             "  product_id INTEGER NOT NULL REFERENCES product (id),"
                             "  spki BLOB NOT NULL CHECK (length(spki) = 32),"
                             "  serial TEXT NOT NULL CHECK (length(serial) BETWEEN 1 AND 64),"
                             "  list_id INTEGER NOT NULL REFERENCES device_list (id),"
                             "  PRIMARY KEY (product_id, spki),"
                             "  UNIQUE (product_id, serial)"
                             ") STRICT, WITHOUT ROWID;";

static const char *const STEPS[] = {
    [3] = FROM_3, [4] = FROM_4, [5] = FROM_5, [6] = FROM_6, [7] = FROM_7, [8] = FROM_8};

const char *step_from(int64_t version)
{
    return version >= STEPS_FIRST_VERSION && version < (int64_t)(sizeof STEPS / sizeof STEPS[0])
               ? STEPS[version]
               : NULL;
}
