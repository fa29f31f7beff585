/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The check of a restored ledger, by SQL on a connection of its own. Owns no state. */
#include "backup/ledger_check.h"

#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "backup/fault.h"
#include "journal/checkpoint.h"
#include "journal/key_chain.h"
#include "journal/tree.h"

#define APPLICATION_ID 1886807142 /* as ledger/sqlite_schema.c writes it */

struct check {
    sqlite3 *db;
    const struct ledger_files *files;
    struct bytes key;
    struct ledger_checked result;
    struct checkpoint checkpoint;
    char note[CHECKPOINT_NOTE_MAX];
    size_t note_length;
    struct tree_range range;
    struct key_chain keys; /* from the leaves; count 0: the ledger is bound to no HSM */
    bool is_key_wrong;     /* a leaf names a key that does not follow */
};

static enum error database(struct check *check, struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, BACKUP_DAMAGED,
                     "The ledger in the backup is damaged, or is none.",
                     sqlite3_extended_errcode(check->db));
}

/* ---- SQLite's own ---- */

static enum error open_ledger(struct check *check, struct fault *fault)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(check->files->path, &check->db, flags, NULL) == SQLITE_OK &&
        sqlite3_db_config(check->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
        sqlite3_exec(check->db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", NULL,
                     NULL, NULL) == SQLITE_OK)
        return ERR_OK;
    return database(check, fault);
}

static enum error get_number(struct check *check, const char *query, int64_t *ret_number,
                             struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    bool is_read = sqlite3_prepare_v2(check->db, query, -1, &row, NULL) == SQLITE_OK &&
                   sqlite3_step(row) == SQLITE_ROW;
    if (is_read)
        *ret_number = sqlite3_column_int64(row, 0);
    enum error e = is_read ? ERR_OK : database(check, fault);
    (void)sqlite3_finalize(row);
    return e;
}

static enum error check_database(struct check *check, struct fault *fault)
{
    int64_t application = 0;
    int64_t is_whole = 0;
    enum error e = get_number(check, "PRAGMA application_id", &application, fault);
    if (e == ERR_OK && application != APPLICATION_ID)
        e = backup_damaged(fault, "The ledger in the backup is another program's database.");
    if (e == ERR_OK)
        e = get_number(check, "PRAGMA user_version", &check->result.schema, fault);
    if (e == ERR_OK)
        e = get_number(check,
                       "SELECT count(*) = 1 AND max(integrity_check) = 'ok' FROM "
                       "pragma_integrity_check",
                       &is_whole, fault);
    if (e == ERR_OK && is_whole != 1)
        e = backup_damaged(fault, "The ledger in the backup does not pass SQLite's integrity "
                                  "check.");
    return e;
}

/* ---- the journal ---- */

static enum error read_checkpoint(struct check *check, sqlite3_stmt *row, struct fault *fault)
{
    const struct bytes note =
        bytes_of(sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    enum error e = checkpoint_read(note, &check->checkpoint, fault);
    if (e != ERR_OK)
        return e;
    memcpy(check->note, note.data, note.length);
    check->note_length = note.length;
    check->result.checkpoint_size = check->checkpoint.size;
    return ERR_OK;
}

static enum error find_checkpoint(struct check *check, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    check->result.checkpoint_size = -1;
    if (sqlite3_prepare_v2(check->db, "SELECT note FROM checkpoint", -1, &row, NULL) != SQLITE_OK)
        return database(check, fault);
    int rc = sqlite3_step(row);
    enum error e = ERR_OK;
    if (rc == SQLITE_ROW)
        e = read_checkpoint(check, row, fault);
    else if (rc != SQLITE_DONE)
        e = database(check, fault);
    (void)sqlite3_finalize(row);
    return e;
}

/* ---- its keys ---- */

/* What a stranger's ledger says of its keys counts for nothing: the given key must be among them.
 */
static struct bytes key_for(const struct check *check, int64_t size)
{
    const struct sha256 given = sha256_of(check->key);
    if (check->keys.count == 0 || key_chain_find(&check->keys, &given) == NULL)
        return check->key;
    const struct key_chain_key *key = key_chain_at(&check->keys, size);
    return key->is_known ? key_chain_spki(key) : check->key;
}

static enum error find_identity(struct check *check, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    struct sha256 identity;
    if (sqlite3_prepare_v2(check->db, "SELECT hsm_identity FROM meta", -1, &row, NULL) != SQLITE_OK)
        return database(check, fault);
    bool is_bound = sqlite3_step(row) == SQLITE_ROW && sqlite3_column_bytes(row, 0) == SHA256_SIZE;
    if (is_bound)
        memcpy(identity.bytes, sqlite3_column_blob(row, 0), SHA256_SIZE);
    (void)sqlite3_finalize(row);
    if (is_bound && check->key.length > 0) {
        key_chain_begin(&check->keys, check->checkpoint.origin, &identity);
        key_chain_tell(&check->keys, check->key);
    }
    return ERR_OK;
}

static void follow_key(struct check *check, struct bytes entry)
{
    struct key_rotation rotation;
    enum key_leaf kind = key_rotation_read(entry, check->range.size, &rotation);
    if (kind == KEY_LEAF_OTHER || check->keys.count == 0)
        return;
    if (kind != KEY_LEAF_READ || key_chain_add(&check->keys, &rotation) != KEY_FOLLOWS)
        check->is_key_wrong = true;
}

static enum error check_signature(struct check *check, struct fault *fault)
{
    const struct bytes key = key_for(check, check->checkpoint.size);
    enum error e = ERR_OK;
    if (check->key.length == 0)
        return ERR_OK;
    if (check->is_key_wrong)
        return backup_damaged(fault, "The journal in the backup names a checkpoint key that the "
                                     "one before it did not sign for.");
    if (check->note_length > 0)
        e = checkpoint_open(bytes_of(check->note, check->note_length), key, &check->checkpoint,
                            fault);
    if (e != ERR_OK)
        return e;
    check->result.is_signature_checked = check->note_length > 0;
    const struct bytes newest = key_for(check, check->range.size);
    memcpy(check->result.key, newest.data, newest.length);
    check->result.key_length = newest.length;
    return ERR_OK;
}

static bool is_at_checkpoint_wrong(const struct check *check)
{
    if (check->range.size != check->result.checkpoint_size)
        return false;
    const struct sha256 root = tree_range_root(&check->range);
    return !sha256_equal(&root, &check->checkpoint.root);
}

/* Index, entry and stored hash of a leaf. */
static bool add_leaf(struct check *check, sqlite3_stmt *row)
{
    const struct sha256 hash =
        tree_leaf_hash(bytes_of(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1)));
    if (sqlite3_column_int64(row, 0) != check->range.size ||
        sqlite3_column_bytes(row, 2) != SHA256_SIZE ||
        memcmp(sqlite3_column_blob(row, 2), hash.bytes, SHA256_SIZE) != 0)
        return false;
    follow_key(check, bytes_of(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1)));
    tree_range_add(&check->range, &hash);
    return !is_at_checkpoint_wrong(check);
}

static enum error bad_journal(struct fault *fault)
{
    return backup_damaged(fault, "The journal in the backup does not agree with its own tree or "
                                 "with its checkpoint.");
}

static enum error check_journal(struct check *check, struct fault *fault)
{
    static const char LEAVES[] = "SELECT j.idx, j.entry, t.hash FROM journal j LEFT JOIN tree t ON "
                                 "t.level = 0 AND t.idx = j.idx ORDER BY j.idx";
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(check->db, LEAVES, -1, &row, NULL) != SQLITE_OK)
        return database(check, fault);
    int rc = SQLITE_ROW;
    bool is_good = true;
    while (is_good && (rc = sqlite3_step(row)) == SQLITE_ROW)
        is_good = add_leaf(check, row);
    enum error e = is_good && rc != SQLITE_DONE ? database(check, fault) : ERR_OK;
    (void)sqlite3_finalize(row);
    if (!is_good || (e == ERR_OK && check->result.checkpoint_size > check->range.size))
        return bad_journal(fault);
    check->result.leaves = check->range.size;
    check->result.root = tree_range_root(&check->range);
    return e;
}

/* ---- the images ---- */

static enum error check_image(struct check *check, sqlite3_stmt *row, struct fault *fault)
{
    char name[SHA256_HEX_SIZE];
    struct stat info;
    if (sqlite3_column_bytes(row, 0) != SHA256_SIZE)
        return database(check, fault);
    hex_encode(bytes_of(sqlite3_column_blob(row, 0), SHA256_SIZE), name);
    check->result.images++;
    if (fstatat(check->files->images, name, &info, 0) == 0 &&
        info.st_size == sqlite3_column_int64(row, 1))
        return ERR_OK;
    if (check->files->manifest != NULL &&
        manifest_is_missing(check->files->manifest, sqlite3_column_blob(row, 0)))
        return ERR_OK;
    return backup_damaged(fault, "An image that the ledger names is not in the backup.");
}

static enum error check_images(struct check *check, struct fault *fault)
{
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(check->db, "SELECT digest, max(size) FROM image GROUP BY digest", -1,
                           &row, NULL) != SQLITE_OK)
        return database(check, fault);
    enum error e = ERR_OK;
    int rc = SQLITE_ROW;
    while (e == ERR_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
        e = check_image(check, row, fault);
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = database(check, fault);
    (void)sqlite3_finalize(row);
    return e;
}

enum error ledger_check(const struct ledger_files *files, struct bytes checkpoint_key,
                        struct ledger_checked *ret_checked, struct fault *fault)
{
    struct check check = {.files = files, .key = checkpoint_key};
    if (checkpoint_key.length > LEDGER_CHECK_KEY_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "key-malformed",
                         "The key is no P-256 public key in its usual form.", 0);
    enum error e = open_ledger(&check, fault);
    if (e == ERR_OK)
        e = check_database(&check, fault);
    if (e == ERR_OK)
        e = find_checkpoint(&check, fault);
    if (e == ERR_OK)
        e = find_identity(&check, fault);
    if (e == ERR_OK)
        e = check_journal(&check, fault);
    if (e == ERR_OK)
        e = check_signature(&check, fault);
    if (e == ERR_OK)
        e = check_images(&check, fault);
    (void)sqlite3_close(check.db);
    if (e == ERR_OK)
        *ret_checked = check.result;
    return e;
}
