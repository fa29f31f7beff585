/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One SQLite connection with its prepared statements, and the few calls that the store's files make
 * on it. The only header of this room that shows SQLite's types.
 *
 * Order of calls: db_open; db_prepare; statements; db_close. Reading a row:
 *     DB_ROW *row = db_row(db, SQL_X);
 *     int rc = db_step(row, DB_INT(id), DB_TEXT(name));
 * The row resets itself at scope exit, which also ends a reader's snapshot. Bound values are
 * borrowed until then. Threads: a connection belongs to one thread at a time.
 */
#ifndef LEDGER_SQLITE_DB_H
#define LEDGER_SQLITE_DB_H

#include <sqlite3.h>
#include <string.h>

#include "ledger/sqlite_sql.h"
#include "ledger/store.h"

struct db {
    sqlite3 *handle;
    sqlite3_stmt *statements[SQL_COUNT];
};

/* Values at the statement's parameters, in order. */
struct db_value {
    int type; /* SQLITE_INTEGER, SQLITE_TEXT, SQLITE_BLOB, or SQLITE_NULL for a pointer */
    int64_t integer;
    const void *data;
    void *pointer;
    const char *pointer_type;
    size_t length;
};

#define DB_INT(number) ((struct db_value){.type = SQLITE_INTEGER, .integer = (number)})
#define DB_TEXT(text) \
    ((struct db_value){.type = SQLITE_TEXT, .data = (text), .length = strlen(text)})
#define DB_BLOB(bytes, size) \
    ((struct db_value){.type = SQLITE_BLOB, .data = (bytes), .length = (size)})
/* For a function of our own, which asks for that type; anybody else finds NULL. */
#define DB_POINTER(object, name) \
    ((struct db_value){.type = SQLITE_NULL, .pointer = (object), .pointer_type = (name)})
#define DB_SHA256(digest) DB_BLOB((digest)->bytes, SHA256_SIZE)

#define DB_VALUES(...)                      \
    (const struct db_value[]){__VA_ARGS__}, \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

#define DB_ROW __attribute__((cleanup(db_row_reset))) sqlite3_stmt

/* Opens an existing file; ERR_LEDGER_UNAVAILABLE or ERR_INTERNAL. */
enum error db_open(struct db *db, const char *path, bool is_writer, struct fault *fault) MUST_USE;
/* Prepares all statements, or those that only read. */
enum error db_prepare(struct db *db, bool is_writer, struct fault *fault) MUST_USE;
/* A zeroed or half-open connection is allowed. */
void db_close(struct db *db);

sqlite3_stmt *db_row(struct db *db, enum sql statement);
void db_row_reset(sqlite3_stmt **row);
/* Binds and takes the first step: SQLITE_ROW, SQLITE_DONE or an error. Further: sqlite3_step. */
#define db_step(row, ...) db_step_values((row), DB_VALUES(__VA_ARGS__))
int db_step_values(sqlite3_stmt *row, const struct db_value *values, size_t count);
/* Runs a statement that answers no row. */
#define db_run(db, statement, fault, ...) \
    db_run_values((db), (statement), (fault), DB_VALUES(__VA_ARGS__))
enum error db_run_values(struct db *db, enum sql statement, struct fault *fault,
                         const struct db_value *values, size_t count) MUST_USE;
/* Whether the last db_run changed a row, and how many. */
bool db_is_changed(const struct db *db);
size_t db_changes(const struct db *db);

/* The meaning of a result code that is neither SQLITE_ROW nor SQLITE_DONE. */
enum error db_fault(int rc, struct fault *fault) MUST_USE;
/* What it means that a column could not be read: no memory, or a row that is not as written. */
enum error db_column_fault(sqlite3_stmt *row, struct fault *fault) MUST_USE;

/* Columns into fixed arrays; false when the value is of another kind, size or could not be read. */
bool db_column_text(sqlite3_stmt *row, int column, char *out, size_t size);
bool db_column_exact(sqlite3_stmt *row, int column, void *out, size_t size);
bool db_column_blob(sqlite3_stmt *row, int column, void *out, size_t size, size_t *ret_length);

#endif
