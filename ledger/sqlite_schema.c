/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tables, constraints and pragmas. The constraints are the last line of defence: one charge per
 * product and device, used never beyond quota, licenses and charges and leaves never changed, even
 * if all code above were wrong. Owns no state.
 */
#include "ledger/sqlite_schema.h"

#include <assert.h>

/* The numbers in texts below. */
static_assert(SCHEMA_VERSION == 9 && APPLICATION_ID == 1886807142, "the pragmas at the end");
static_assert(LEDGER_PER_DEVICE == 1, "the partial index on charges names the policy");
static_assert(LEDGER_PER_LICENSE == 2, "the checks on policy");
static_assert(LEDGER_GRANT_STANDBY == 7, "the check on a document's kind");
static_assert(LEDGER_SCRAPPED == 3, "the checks on result");
static_assert(LEDGER_STATION == 1 && LEDGER_METRICS == 5, "the check on role");
static_assert(LEDGER_SCOPE_MAX == 2080, "the checks on scopes");
static_assert(LEDGER_ROTATIONS_MAX == 15, "the check on a generation");
static_assert(LEDGER_QUOTA_MAX == 1000000000000, "the check on quota");
static_assert(LEDGER_OPTIONS_MAX == 1024, "the check on options");
static_assert(LEDGER_CRLS_MAX_BYTES == 1048576 && LEDGER_CRLS_MAX == 16, "the checks on crls");
static_assert(LEDGER_IV_MAX == 16 && LEDGER_TAG_BYTES == 16 && LEDGER_CONTENT_MAX == 15,
              "the checks on an image");

static const char PRAGMAS[] =
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA recursive_triggers = ON;" /* so that REPLACE cannot delete a leaf unseen */
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"       /* a change that can be undone writes no file for that */
    "PRAGMA wal_autocheckpoint = 4000;" /* pages: 16 MiB of log, then back into the file */
    "PRAGMA journal_size_limit = 67108864;"; /* a log that once grew shrinks again */

static const char TABLES[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  site TEXT NOT NULL,"
    "  hsm_identity BLOB NOT NULL CHECK (length(hsm_identity) = 32),"
    "  overridden_unix_ms INTEGER NOT NULL DEFAULT 0" /* documents issued before do not count */
    ") STRICT;"

    /* used moves with charge rows alone (trigger charge_counts), scrap_drawn with device rows
     * (device_draws). */
    "CREATE TABLE product ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  profile TEXT NOT NULL,"
    "  policy INTEGER NOT NULL CHECK (policy IN (1, 2)),"
    "  firmware_key BLOB NOT NULL CHECK (length(firmware_key) = 16),"
    "  anchors_version INTEGER NOT NULL DEFAULT 1,"
    "  accepted INTEGER NOT NULL CHECK (accepted BETWEEN 0 AND 1000000000000),"
    "  revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked BETWEEN 0 AND accepted),"
    "  scrap_allowance INTEGER NOT NULL DEFAULT 0"
    "    CHECK (scrap_allowance BETWEEN 0 AND 1000000000000),"
    "  scrap_drawn INTEGER NOT NULL DEFAULT 0"
    "    CHECK (scrap_drawn BETWEEN 0 AND scrap_allowance),"
    "  quota INTEGER NOT NULL GENERATED ALWAYS AS (accepted - revoked + scrap_drawn) VIRTUAL,"
    "  used INTEGER NOT NULL DEFAULT 0"
    "    CHECK (used BETWEEN 0 AND accepted - revoked + scrap_drawn),"
    "  installs INTEGER NOT NULL DEFAULT 0 CHECK (installs >= used),"
    "  succeeded INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),"
    "  failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),"
    "  scrapped INTEGER NOT NULL DEFAULT 0 CHECK (scrapped >= 0),"
    "  proven INTEGER NOT NULL DEFAULT 0 CHECK (proven BETWEEN 0 AND succeeded),"
    "  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),"
    "  allows_key_exposure INTEGER NOT NULL DEFAULT 0 CHECK (allows_key_exposure IN (0, 1)),"
    "  options TEXT NOT NULL DEFAULT '' CHECK (length(CAST(options AS BLOB)) <= 1024),"
    "  attempts_max INTEGER NOT NULL DEFAULT 0 CHECK (attempts_max BETWEEN 0 AND 1000000),"
    "  is_governed INTEGER NOT NULL DEFAULT 0 CHECK (is_governed IN (0, 1)),"
    "  sequence INTEGER NOT NULL DEFAULT 0 CHECK (sequence >= is_governed),"
    "  authorities BLOB NOT NULL DEFAULT x'' CHECK (length(authorities) = 32 * is_governed),"
    "  CHECK (succeeded + failed + scrapped <= used)"
    ") STRICT;"
    "CREATE TABLE anchors ("
    "  product_id INTEGER PRIMARY KEY REFERENCES product (id),"
    "  pem BLOB NOT NULL"
    ") STRICT;"
    /* A product's revocation lists, all of them in one text; no row: it has none. */
    "CREATE TABLE crls ("
    "  product_id INTEGER PRIMARY KEY REFERENCES product (id),"
    "  lists INTEGER NOT NULL CHECK (lists BETWEEN 1 AND 16),"
    "  issued_unix_ms INTEGER NOT NULL,"  /* the oldest one's thisUpdate */
    "  expires_unix_ms INTEGER NOT NULL," /* the first nextUpdate; 0: none says one */
    /* The last: who reads the others follows no pages of it. */
    "  pem BLOB NOT NULL CHECK (length(pem) BETWEEN 1 AND 1048576)"
    ") STRICT;"

    /* Every key that a product has had; the newest one is in use, and product.firmware_key says
     * it as well. Rows come from product_has_key and from rotations. */
    "CREATE TABLE firmware_key ("
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  generation INTEGER NOT NULL CHECK (generation >= 1),"
    "  key_id BLOB NOT NULL CHECK (length(key_id) = 16),"
    "  retired_unix_ms INTEGER,"
    "  retired_leaf INTEGER," /* firmware-key-rotated */
    "  destroyed_unix_ms INTEGER,"
    "  destroyed_leaf INTEGER," /* firmware-key-destroyed */
    "  PRIMARY KEY (product_id, generation),"
    "  CHECK ((retired_leaf IS NULL) = (retired_unix_ms IS NULL)),"
    "  CHECK ((destroyed_leaf IS NULL) = (destroyed_unix_ms IS NULL)),"
    "  CHECK (destroyed_leaf IS NULL OR coalesce(destroyed_leaf > retired_leaf, 0))"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE image ("
    "  id INTEGER PRIMARY KEY,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  size INTEGER NOT NULL CHECK (size >= 0),"
    "  label TEXT NOT NULL,"
    "  session_key BLOB NOT NULL UNIQUE," /* one key, one image, ever */
    "  iv BLOB NOT NULL CHECK (length(iv) <= 16),"
    "  tag BLOB NOT NULL CHECK (length(tag) IN (0, 16)),"
    "  created_unix_ms INTEGER NOT NULL,"
    "  is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),"
    "  alias TEXT NOT NULL DEFAULT '',"
    "  generation INTEGER NOT NULL DEFAULT 1," /* of the firmware key that wraps session_key */
    "  content TEXT NOT NULL DEFAULT '' CHECK (length(CAST(content AS BLOB)) <= 15),"
    "  UNIQUE (digest, product_id),"
    "  FOREIGN KEY (product_id, generation) REFERENCES firmware_key (product_id, generation)"
    ") STRICT;"
    "CREATE UNIQUE INDEX image_alias ON image (alias COLLATE NOCASE) WHERE alias <> '';"
    "CREATE INDEX image_newest ON image (product_id) WHERE is_enabled = 1;"
    "CREATE INDEX image_product ON image (product_id);"

    "CREATE TABLE principal ("
    "  id INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),"
    "  is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),"
    /* What it is narrowed to: texts with a newline each, '' is everything. */
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

    "CREATE TABLE device ("
    "  id INTEGER PRIMARY KEY,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  spki BLOB NOT NULL CHECK (length(spki) = 32),"
    "  serial TEXT NOT NULL,"
    "  point BLOB NOT NULL DEFAULT x'' CHECK (length(point) <= 133)," /* to check receipts */
    "  can_sign INTEGER NOT NULL DEFAULT 0 CHECK (can_sign IN (0, 1)),"
    "  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0)," /* of all its installs */
    "  is_scrapped INTEGER NOT NULL DEFAULT 0 CHECK (is_scrapped IN (0, 1)),"
    "  is_scrap_drawn INTEGER NOT NULL DEFAULT 0 CHECK (is_scrap_drawn BETWEEN 0 AND is_scrapped),"
    "  is_replaced INTEGER NOT NULL DEFAULT 0 CHECK (is_replaced IN (0, 1)),"
    "  UNIQUE (product_id, spki)"
    ") STRICT;"
    "CREATE UNIQUE INDEX device_serial ON device (product_id, serial)"
    "  WHERE serial <> '' AND is_replaced = 0;"

    /* One unit. Its outcome is here, so that the account can be counted. */
    "CREATE TABLE charge ("
    "  id INTEGER PRIMARY KEY,"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  device_id INTEGER NOT NULL REFERENCES device (id),"
    "  policy INTEGER NOT NULL CHECK (policy IN (1, 2)),"
    "  installed_unix_ms INTEGER NOT NULL,"            /* of its newest install */
    "  result INTEGER CHECK (result BETWEEN 1 AND 3)," /* NULL: unreported */
    "  is_proven INTEGER NOT NULL DEFAULT 0 CHECK (is_proven = 0 OR result IS 1)"
    ") STRICT;"
    "CREATE UNIQUE INDEX charge_device ON charge (product_id, device_id) WHERE policy = 1;"
    "CREATE INDEX charge_of_device ON charge (device_id, policy);"
    /* With the result, so that usage counts along it without reading a row. */
    "CREATE INDEX charge_unreported ON charge (product_id, installed_unix_ms, result)"
    "  WHERE result IS NULL;"

    /* Ids only grow, because rows are never deleted: a unit's newest install has the largest. */
    "CREATE TABLE install ("
    "  id INTEGER PRIMARY KEY,"
    "  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  device_id INTEGER NOT NULL REFERENCES device (id),"
    "  image_id INTEGER NOT NULL REFERENCES image (id),"
    "  principal_id INTEGER NOT NULL REFERENCES principal (id),"
    "  charge_id INTEGER NOT NULL REFERENCES charge (id),"        /* the unit that it belongs to */
    "  is_charged INTEGER NOT NULL CHECK (is_charged IN (0, 1))," /* it took the unit */
    "  leaf INTEGER NOT NULL CHECK (leaf >= 0)," /* license-issued, in the journal */
    "  license BLOB NOT NULL CHECK (length(license) BETWEEN 1 AND 4096),"
    "  attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts >= 1),"
    "  licensed_unix_ms INTEGER NOT NULL,"
    "  attempted_unix_ms INTEGER NOT NULL,"
    "  lot TEXT NOT NULL, line TEXT NOT NULL, work_order TEXT NOT NULL,"
    "  operator TEXT NOT NULL, socket TEXT NOT NULL,"
    "  result INTEGER CHECK (result BETWEEN 1 AND 3)," /* NULL: unreported */
    "  code TEXT NOT NULL DEFAULT '',"
    "  detail TEXT NOT NULL DEFAULT '',"
    "  reporter_id INTEGER REFERENCES principal (id),"
    "  reported_unix_ms INTEGER,"
    "  receipt BLOB NOT NULL DEFAULT x'' CHECK (length(receipt) <= 144),"
    "  is_proven INTEGER NOT NULL DEFAULT 0 CHECK (is_proven = (length(receipt) > 0)),"
    "  UNIQUE (device_id, image_id)"
    ") STRICT;"
    "CREATE INDEX install_charge ON install (charge_id);"
    "CREATE INDEX install_lot ON install (lot);"
    /* All that a sum of usage needs, so that it reads no row, let alone a license. */
    "CREATE INDEX install_usage ON install (product_id, id, licensed_unix_ms, lot, principal_id,"
    "  is_charged, attempts, result, is_proven);"

    "CREATE TABLE budget ("
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  principal_id INTEGER NOT NULL," /* 0: all stations together */
    "  units INTEGER NOT NULL CHECK (units BETWEEN 0 AND 1000000000000),"
    "  period_minutes INTEGER NOT NULL CHECK (period_minutes BETWEEN 1 AND 10080),"
    "  offset_minutes INTEGER NOT NULL CHECK (offset_minutes BETWEEN 0 AND period_minutes - 1),"
    "  period INTEGER NOT NULL DEFAULT -1," /* the number of the period that used counts in */
    "  used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),"
    "  PRIMARY KEY (product_id, principal_id)"
    ") STRICT, WITHOUT ROWID;"

    /* Signed documents, as they came. Ids grow: the order of acceptance. */
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
    "CREATE INDEX document_product ON document (product_id);"
    "CREATE INDEX document_leaf ON document (leaf);"

    "CREATE TABLE journal ("
    "  idx INTEGER PRIMARY KEY,"
    "  entry BLOB NOT NULL CHECK (length(entry) BETWEEN 2 AND 65535)"
    ") STRICT;"
    /* Roots of the complete subtrees of 256^level leaves (journal/tree.h). */
    "CREATE TABLE tree ("
    "  level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 4),"
    "  idx INTEGER NOT NULL CHECK (idx >= 0),"
    "  hash BLOB NOT NULL CHECK (length(hash) = 32),"
    "  PRIMARY KEY (level, idx)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE checkpoint ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  size INTEGER NOT NULL CHECK (size >= 0),"
    "  note TEXT NOT NULL"
    ") STRICT;"
    /* Which leaves say that another checkpoint key signs from then on. */
    "CREATE TABLE rotation ("
    "  generation INTEGER PRIMARY KEY CHECK (generation BETWEEN 2 AND 16),"
    "  leaf INTEGER NOT NULL UNIQUE CHECK (leaf >= 0)"
    ") STRICT;"
    /* The ledger was found with `found` while the HSM remembered `anchor`. */
    "CREATE TABLE breach ("
    "  id INTEGER PRIMARY KEY,"
    "  anchor_size INTEGER NOT NULL,"
    "  anchor_root BLOB NOT NULL CHECK (length(anchor_root) = 32),"
    "  found_size INTEGER NOT NULL,"
    "  found_root BLOB NOT NULL CHECK (length(found_root) = 32),"
    "  is_overridden INTEGER NOT NULL DEFAULT 0 CHECK (is_overridden IN (0, 1))"
    ") STRICT;"
    /* Which governed products' makers signed an override of it. */
    "CREATE TABLE consent ("
    "  breach_id INTEGER NOT NULL REFERENCES breach (id),"
    "  product_id INTEGER NOT NULL REFERENCES product (id),"
    "  PRIMARY KEY (breach_id, product_id)"
    ") STRICT, WITHOUT ROWID;"

    /* HSMs that session keys may be wrapped for, and how many of a product's images last were. */
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
    ") STRICT, WITHOUT ROWID;"

    /* Signed lists of devices without certificates, and who is on the newest list that names him.
     */
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
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE refusal ("
    "  hour INTEGER NOT NULL,"
    "  identity BLOB NOT NULL CHECK (length(identity) = 32),"
    "  code INTEGER NOT NULL,"
    "  PRIMARY KEY (hour, identity, code)"
    ") STRICT, WITHOUT ROWID;";

static const char TRIGGERS[] =
    "CREATE TRIGGER journal_grows_by_one BEFORE INSERT ON journal"
    "  WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM journal)"
    "  BEGIN SELECT RAISE(ABORT, 'the journal has no gaps'); END;"
    "CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal"
    "  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"
    "CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal"
    "  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"

    "CREATE TRIGGER tree_is_not_updated BEFORE UPDATE ON tree"
    "  BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;"
    "CREATE TRIGGER tree_is_not_deleted BEFORE DELETE ON tree"
    "  BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;"
    "CREATE TRIGGER document_is_not_updated BEFORE UPDATE ON document"
    "  BEGIN SELECT RAISE(ABORT, 'an accepted document stays'); END;"
    "CREATE TRIGGER document_is_not_deleted BEFORE DELETE ON document"
    "  BEGIN SELECT RAISE(ABORT, 'an accepted document stays'); END;"

    "CREATE TRIGGER rotation_is_not_updated BEFORE UPDATE ON rotation"
    "  BEGIN SELECT RAISE(ABORT, 'a rotation stays'); END;"
    "CREATE TRIGGER rotation_is_not_deleted BEFORE DELETE ON rotation"
    "  BEGIN SELECT RAISE(ABORT, 'a rotation stays'); END;"

    "CREATE TRIGGER principal_keeps_identity BEFORE UPDATE OF id, name, role ON principal"
    "  BEGIN SELECT RAISE(ABORT, 'a principal keeps its name and role'); END;"
    "CREATE TRIGGER principal_is_not_deleted BEFORE DELETE ON principal"
    "  BEGIN SELECT RAISE(ABORT, 'a principal stays enrolled'); END;"

    "CREATE TRIGGER install_matches BEFORE INSERT ON install"
    "  WHEN (SELECT product_id FROM device WHERE id = NEW.device_id) IS NOT NEW.product_id"
    "    OR (SELECT product_id FROM image WHERE id = NEW.image_id) IS NOT NEW.product_id"
    "  BEGIN SELECT RAISE(ABORT, 'device and image are of one product'); END;"
    "CREATE TRIGGER install_has_unit BEFORE INSERT ON install"
    "  WHEN (SELECT device_id FROM charge WHERE id = NEW.charge_id) IS NOT NEW.device_id"
    "  BEGIN SELECT RAISE(ABORT, 'an install belongs to a unit of its device'); END;"
    "CREATE TRIGGER install_keeps_license"
    "  BEFORE UPDATE OF id, uuid, product_id, device_id, image_id, charge_id, is_charged, leaf,"
    "    license, licensed_unix_ms"
    "  ON install BEGIN SELECT RAISE(ABORT, 'an issued license stays'); END;"
    "CREATE TRIGGER install_is_not_deleted BEFORE DELETE ON install"
    "  BEGIN SELECT RAISE(ABORT, 'an issued license stays'); END;"

    "CREATE TRIGGER device_keeps_identity BEFORE UPDATE OF id, product_id, spki, serial ON device"
    "  BEGIN SELECT RAISE(ABORT, 'a device keeps its identity'); END;"
    "CREATE TRIGGER device_stays_scrapped BEFORE UPDATE OF is_scrapped ON device"
    "  WHEN OLD.is_scrapped = 1 AND NEW.is_scrapped <> 1"
    "  BEGIN SELECT RAISE(ABORT, 'scrapped is final'); END;"
    "CREATE TRIGGER device_stays_replaced BEFORE UPDATE OF is_replaced ON device"
    "  WHEN OLD.is_replaced = 1 AND NEW.is_replaced <> 1"
    "  BEGIN SELECT RAISE(ABORT, 'replaced is final'); END;"
    "CREATE TRIGGER device_draws_once BEFORE UPDATE OF is_scrap_drawn ON device"
    "  WHEN OLD.is_scrap_drawn = 1 AND NEW.is_scrap_drawn <> 1"
    "  BEGIN SELECT RAISE(ABORT, 'a device draws one scrap unit'); END;"
    "CREATE TRIGGER device_draws AFTER UPDATE OF is_scrap_drawn ON device"
    "  WHEN OLD.is_scrap_drawn = 0 AND NEW.is_scrap_drawn = 1"
    "  BEGIN UPDATE product SET scrap_drawn = scrap_drawn + 1 WHERE id = NEW.product_id; END;"
    "CREATE TRIGGER device_is_not_deleted BEFORE DELETE ON device"
    "  BEGIN SELECT RAISE(ABORT, 'a device stays known'); END;"

    "CREATE TRIGGER charge_matches BEFORE INSERT ON charge"
    "  WHEN NEW.product_id IS NOT (SELECT product_id FROM device WHERE id = NEW.device_id)"
    "  BEGIN SELECT RAISE(ABORT, 'a device is charged to its product'); END;"
    "CREATE TRIGGER charge_counts AFTER INSERT ON charge"
    "  BEGIN UPDATE product SET used = used + 1 WHERE id = NEW.product_id; END;"
    "CREATE TRIGGER charge_stays BEFORE UPDATE OF id, product_id, device_id, policy ON charge"
    "  BEGIN SELECT RAISE(ABORT, 'a charge stays'); END;"
    "CREATE TRIGGER charge_is_not_deleted BEFORE DELETE ON charge"
    "  BEGIN SELECT RAISE(ABORT, 'a charge stays'); END;"
    "CREATE TRIGGER product_keeps_drawn BEFORE UPDATE OF scrap_drawn ON product"
    "  WHEN NEW.scrap_drawn < OLD.scrap_drawn"
    "  BEGIN SELECT RAISE(ABORT, 'a scrap unit is not given back'); END;"
    "CREATE TRIGGER product_keeps_used BEFORE UPDATE OF used ON product"
    "  WHEN NEW.used < OLD.used"
    "  BEGIN SELECT RAISE(ABORT, 'a unit is not given back'); END;"

    "CREATE TRIGGER product_has_key AFTER INSERT ON product"
    "  BEGIN INSERT INTO firmware_key (product_id, generation, key_id)"
    "    VALUES (NEW.id, 1, NEW.firmware_key); END;"
    "CREATE TRIGGER product_key_is_the_newest BEFORE UPDATE OF firmware_key ON product"
    "  WHEN NEW.firmware_key IS NOT (SELECT key_id FROM firmware_key WHERE product_id = NEW.id"
    "    ORDER BY generation DESC LIMIT 1)"
    "  BEGIN SELECT RAISE(ABORT, 'a product uses its newest key'); END;"
    "CREATE TRIGGER firmware_key_is_the_next BEFORE INSERT ON firmware_key"
    "  WHEN NEW.generation <> (SELECT coalesce(max(generation) + 1, 1) FROM firmware_key"
    "    WHERE product_id = NEW.product_id)"
    "  BEGIN SELECT RAISE(ABORT, 'generations have no gaps'); END;"
    "CREATE TRIGGER firmware_key_stays BEFORE UPDATE OF product_id, generation, key_id"
    "  ON firmware_key BEGIN SELECT RAISE(ABORT, 'a key stays what it is'); END;"
    "CREATE TRIGGER firmware_key_retires BEFORE UPDATE OF retired_leaf ON firmware_key"
    "  WHEN OLD.retired_leaf IS NOT NULL OR EXISTS (SELECT 1 FROM image WHERE"
    "    product_id = OLD.product_id AND generation = OLD.generation) OR NOT EXISTS (SELECT 1"
    "    FROM firmware_key WHERE product_id = OLD.product_id AND generation > OLD.generation)"
    "  BEGIN SELECT RAISE(ABORT, 'a key that is needed stays in use'); END;"
    "CREATE TRIGGER firmware_key_stays_destroyed BEFORE UPDATE OF destroyed_leaf ON firmware_key"
    "  WHEN OLD.destroyed_leaf IS NOT NULL"
    "  BEGIN SELECT RAISE(ABORT, 'destroyed is final'); END;"
    "CREATE TRIGGER firmware_key_is_not_deleted BEFORE DELETE ON firmware_key"
    "  BEGIN SELECT RAISE(ABORT, 'a key stays known'); END;"
    "CREATE TRIGGER image_comes_with_newest_key BEFORE INSERT ON image"
    "  WHEN NEW.generation IS NOT (SELECT max(generation) FROM firmware_key"
    "    WHERE product_id = NEW.product_id)"
    "  BEGIN SELECT RAISE(ABORT, 'a new image uses the newest key'); END;"
    "CREATE TRIGGER image_goes_to_newest_key"
    "  BEFORE UPDATE OF product_id, digest, session_key, generation ON image"
    "  WHEN NEW.product_id <> OLD.product_id OR NEW.digest <> OLD.digest"
    "    OR NEW.generation <= OLD.generation OR NEW.generation IS NOT (SELECT max(generation)"
    "    FROM firmware_key WHERE product_id = NEW.product_id)"
    "  BEGIN SELECT RAISE(ABORT, 'a session key goes over to the newest key'); END;"

    "PRAGMA application_id = 1886807142;"
    "PRAGMA user_version = 9;"
    "COMMIT;";

/* One integer of a one-row query. */
static enum error get_number(struct db *db, const char *query, int64_t *ret_number,
                             struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(db->handle, query, -1, &row, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        *ret_number = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return rc == SQLITE_ROW ? ERR_OK : db_fault(rc, fault);
}

static enum error execute(struct db *db, const char *text, struct fault *fault)
{
    int rc = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fault(rc, fault);
}

/* Read before anything is written, so that a refused file stays as it was. */
static enum error check_version(struct db *db, bool *ret_is_empty, struct fault *fault)
{
    int64_t version = 0;
    int64_t application = 0;
    int64_t tables = 0;
    enum error e = get_number(db, "PRAGMA user_version", &version, fault);
    if (e == ERR_LEDGER_UNAVAILABLE && fault != NULL && (fault->native & 0xff) == SQLITE_NOTADB)
        return fault_set(fault, ERR_CONFIG, "not-a-ledger",
                         "The file of [vault] ledger is not a ledger: correct the path, or mount "
                         "the right disk.",
                         SQLITE_NOTADB);
    if (e == ERR_OK)
        e = get_number(db, "PRAGMA application_id", &application, fault);
    if (e == ERR_OK)
        e = get_number(db, "SELECT count(*) FROM sqlite_schema", &tables, fault);
    if (e != ERR_OK)
        return e;
    *ret_is_empty = tables == 0 && version == 0;
    if (!*ret_is_empty && application != APPLICATION_ID)
        return fault_set(fault, ERR_CONFIG, "not-a-ledger",
                         "The file of [vault] ledger is not a ledger: correct the path, or mount "
                         "the right disk.",
                         0);
    if (version > SCHEMA_VERSION)
        return fault_set(fault, ERR_CONFIG, "schema-newer",
                         "The ledger was written by a newer version of provision-vault than this "
                         "one: install that version, or put back the ledger from before.",
                         (long)version);
    if (!*ret_is_empty && version < SCHEMA_VERSION)
        return fault_set(fault, ERR_CONFIG, "schema-older",
                         "The ledger was written by a version so old that there is no way from it "
                         "to this one: install one in between first.",
                         (long)version);
    return ERR_OK;
}

static enum error check_durability(struct db *db, struct fault *fault)
{
    int64_t synchronous = 0;
    int64_t foreign_keys = 0;
    int64_t is_wal = 0;
    enum error e = get_number(db, "PRAGMA synchronous", &synchronous, fault);
    if (e == ERR_OK)
        e = get_number(db, "PRAGMA foreign_keys", &foreign_keys, fault);
    if (e == ERR_OK)
        e = get_number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &is_wal, fault);
    if (e != ERR_OK)
        return e;
    if (synchronous == 2 && foreign_keys == 1 && is_wal == 1)
        return ERR_OK;
    return fault_set(fault, ERR_CONFIG, "durability",
                     "The ledger's disk cannot keep a write-ahead log with full synchronisation: "
                     "let [vault] ledger be on a local disk.",
                     0);
}

const char *schema_triggers(void)
{
    return TRIGGERS;
}

enum error schema_start(struct db *db, struct fault *fault)
{
    bool is_empty = false;
    enum error e = check_version(db, &is_empty, fault);
    if (e == ERR_OK)
        e = execute(db, "PRAGMA journal_mode = WAL;", fault);
    if (e == ERR_OK)
        e = execute(db, PRAGMAS, fault);
    if (e == ERR_OK)
        e = check_durability(db, fault);
    if (e == ERR_OK && is_empty) {
        e = execute(db, TABLES, fault);
        if (e == ERR_OK)
            e = execute(db, TRIGGERS, fault);
    }
    return e;
}
