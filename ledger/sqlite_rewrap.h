/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The SQL function rewrapped(rotation, id, session_key): the session key that takes the place of an
 * image's. With it one statement exchanges all keys of a product: a statement for each takes,
 * inside a transaction that can be undone in parts, ten seconds for 60,000 images. Internal to
 * ledger/. Threads: as struct db.
 */
#ifndef LEDGER_SQLITE_REWRAP_H
#define LEDGER_SQLITE_REWRAP_H

#include "ledger/sqlite_db.h"

#define REWRAP_POINTER "provisiond-rotation" /* of the function's first parameter */

struct rewrapping {
    const struct ledger_rotation *rotation; /* images in the order of their ids */
    bool has_other; /* an image is not in it, or not as it is there; then the statement fails */
};

/* Before the statements of a connection that writes are prepared. */
enum error rewrap_register(struct db *db, struct fault *fault) MUST_USE;

#endif
