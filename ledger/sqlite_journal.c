/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store's journal: leaves, the tree's hashes, the checkpoint, and breaches of the anchor. The
 * functions that take the writer belong to its thread; the others use a reader of their own.
 */
#include "ledger/sqlite_store.h"

/* ---- leaves ---- */

enum error store_journal_append(struct ledger_store *store, struct bytes leaf, int64_t *ret_index,
                                struct fault *fault)
{
    enum error e =
        db_run(&store->writer, SQL_JOURNAL_APPEND, fault, DB_BLOB(leaf.data, leaf.length));
    if (e == ERR_OK)
        *ret_index = sqlite3_last_insert_rowid(store->writer.handle);
    return e;
}

enum error store_journal_last(struct ledger_store *store, uint8_t *out, size_t size,
                              size_t *ret_length, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_JOURNAL_LAST);
    int rc = db_step(row);
    if (rc == SQLITE_DONE) {
        *ret_length = 0;
        return ERR_OK;
    }
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    return db_column_blob(row, 0, out, size, ret_length) ? ERR_OK : db_column_fault(row, fault);
}

enum error store_journal_size(struct ledger_store *store, int64_t *ret_size, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_JOURNAL_SIZE);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_size = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

enum error store_leaves_each(struct ledger_store *store, int64_t first, int64_t count,
                             bool (*each)(void *context, int64_t index, struct bytes entry),
                             void *context, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_LEAVES);
    int rc = db_step(row, DB_INT(first), DB_INT(count));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(row)) {
        const void *entry = sqlite3_column_blob(row, 1);
        if (entry == NULL)
            return db_column_fault(row, fault);
        size_t length = (size_t)sqlite3_column_bytes(row, 1);
        if (!each(context, sqlite3_column_int64(row, 0), bytes_of(entry, length)))
            return ERR_OK;
    }
    return rc == SQLITE_DONE ? ERR_OK : db_fault(rc, fault);
}

enum error store_install_leaf(struct ledger_store *store, const struct uuid *install,
                              int64_t *ret_index, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_INSTALL_LEAF);
    int rc = db_step(row, DB_BLOB(install->bytes, UUID_SIZE));
    if (rc == SQLITE_DONE)
        return store_install_unknown(fault);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_index = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* ---- the tree ---- */

enum error store_tree_add(struct ledger_store *store, unsigned level, int64_t index,
                          const struct sha256 *hash, struct fault *fault)
{
    return db_run(&store->writer, SQL_TREE_ADD, fault, DB_INT(level), DB_INT(index),
                  DB_SHA256(hash));
}

/* A hash that is missing among those asked for is damage: the caller knows that they exist. */
static enum error read_hashes(struct db *db, unsigned level, int64_t first, size_t count,
                              struct sha256 *out, struct fault *fault)
{
    DB_ROW *row = db_row(db, SQL_TREE_READ);
    int rc = db_step(row, DB_INT(level), DB_INT(first), DB_INT((int64_t)count));
    for (size_t i = 0; i < count; i++) {
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return db_fault(rc, fault);
        if (rc == SQLITE_DONE || sqlite3_column_int64(row, 0) != first + (int64_t)i ||
            !db_column_exact(row, 1, out[i].bytes, SHA256_SIZE))
            return db_column_fault(row, fault);
        rc = sqlite3_step(row);
    }
    return ERR_OK;
}

enum error store_tree_read(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                           struct sha256 *out, struct fault *fault)
{
    return read_hashes(&store->writer, level, first, count, out, fault);
}

enum error store_hashes(struct ledger_store *store, unsigned level, int64_t first, size_t count,
                        struct sha256 *out, struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    return read_hashes(reader.db, level, first, count, out, fault);
}

/* ---- the checkpoint ---- */

enum error store_checkpoint_set(struct ledger_store *store, int64_t size, const char *note,
                                struct fault *fault)
{
    return db_run(&store->writer, SQL_CHECKPOINT_SET, fault, DB_INT(size), DB_TEXT(note));
}

enum error store_checkpoint_get(struct ledger_store *store, int64_t *ret_size,
                                char ret_note[CHECKPOINT_NOTE_MAX], struct fault *fault)
{
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_CHECKPOINT_GET);
    int rc = db_step(row);
    if (rc == SQLITE_DONE)
        return fault_set(fault, ERR_NOT_COVERED, "no-checkpoint",
                         "The journal has no checkpoint yet: ask again.", 0);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (!db_column_text(row, 1, ret_note, CHECKPOINT_NOTE_MAX))
        return db_column_fault(row, fault);
    *ret_size = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* ---- the checkpoint's keys ---- */

enum error store_rotation_add(struct ledger_store *store, int64_t generation, int64_t leaf,
                              struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_ROTATION_NEXT);
    int rc = db_step(row);
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    if (sqlite3_column_int64(row, 0) != generation)
        return fault_set(fault, ERR_CONFLICT, "generation",
                         "The checkpoint key was rotated meanwhile: read the status again.", 0);
    return db_run(&store->writer, SQL_ROTATION_ADD, fault, DB_INT(generation), DB_INT(leaf));
}

enum error store_rotations_get(struct ledger_store *store, struct ledger_rotations *ret_rotations,
                               struct fault *fault)
{
    struct ledger_rotations rotations = {.count = 0};
    READER_AUTO reader = store_reader(store, fault);
    if (reader.db == NULL)
        return ERR_LEDGER_UNAVAILABLE;
    DB_ROW *row = db_row(reader.db, SQL_ROTATIONS);
    int rc = db_step(row);
    for (; rc == SQLITE_ROW && rotations.count < LEDGER_ROTATIONS_MAX; rc = sqlite3_step(row))
        rotations.leaves[rotations.count++] = sqlite3_column_int64(row, 0);
    if (rc == SQLITE_ROW)
        return db_column_fault(row, fault);
    if (rc != SQLITE_DONE)
        return db_fault(rc, fault);
    *ret_rotations = rotations;
    return ERR_OK;
}

/* ---- breaches ---- */

static bool read_heads(sqlite3_stmt *row, struct ledger_heads *heads)
{
    heads->anchor.size = sqlite3_column_int64(row, 1);
    heads->found.size = sqlite3_column_int64(row, 3);
    return db_column_exact(row, 2, heads->anchor.root.bytes, SHA256_SIZE) &&
           db_column_exact(row, 4, heads->found.root.bytes, SHA256_SIZE);
}

enum error store_breach_newest(struct ledger_store *store, struct store_breach *ret_breach,
                               struct fault *fault)
{
    struct store_breach newest = {0};
    DB_ROW *row = db_row(&store->writer, SQL_BREACH_NEWEST);
    int rc = db_step(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fault(rc, fault);
    if (rc == SQLITE_ROW) {
        newest.id = sqlite3_column_int64(row, 0);
        newest.breach.is_overridden = sqlite3_column_int(row, 5) != 0;
        if (!read_heads(row, &newest.breach.heads))
            return db_column_fault(row, fault);
    }
    *ret_breach = newest;
    return ERR_OK;
}

enum error store_breach_add(struct ledger_store *store, const struct ledger_heads *heads,
                            struct fault *fault)
{
    return db_run(&store->writer, SQL_BREACH_ADD, fault, DB_INT(heads->anchor.size),
                  DB_SHA256(&heads->anchor.root), DB_INT(heads->found.size),
                  DB_SHA256(&heads->found.root));
}

enum error store_breach_is_agreed(struct ledger_store *store, int64_t breach_id,
                                  bool *ret_is_agreed, struct fault *fault)
{
    DB_ROW *row = db_row(&store->writer, SQL_BREACH_IS_AGREED);
    int rc = db_step(row, DB_INT(breach_id));
    if (rc != SQLITE_ROW)
        return db_fault(rc, fault);
    *ret_is_agreed = sqlite3_column_int(row, 0) != 0;
    return ERR_OK;
}

enum error store_breach_override(struct ledger_store *store, int64_t breach_id,
                                 int64_t time_unix_ms, struct fault *fault)
{
    enum error e = db_run(&store->writer, SQL_BREACH_OVERRIDE, fault, DB_INT(breach_id));
    if (e == ERR_OK)
        e = db_run(&store->writer, SQL_META_OVERRIDDEN, fault, DB_INT(time_unix_ms));
    return e;
}
