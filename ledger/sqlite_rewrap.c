/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state: what it works on is bound to the statement. */
#include "ledger/sqlite_rewrap.h"

#include <stdlib.h>

#define PARAMETERS 3

static int compare_ids(const void *a, const void *b)
{
    int64_t id = *(const int64_t *)a;
    const struct ledger_rewrapped *image = b;
    return (id > image->image_id) - (id < image->image_id);
}

static bool was(const struct ledger_rewrapped *image, sqlite3_value *session_key)
{
    const void *key = sqlite3_value_blob(session_key);
    return key != NULL && (size_t)sqlite3_value_bytes(session_key) == image->length &&
           memcmp(key, image->was, image->length) == 0;
}

static void rewrap(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct rewrapping *rewrapping = sqlite3_value_pointer(values[0], REWRAP_POINTER);
    const int64_t id = sqlite3_value_int64(values[1]);
    const struct ledger_rewrapped *image = NULL;
    (void)count;
    if (rewrapping != NULL && rewrapping->rotation->count > 0)
        image = bsearch(&id, rewrapping->rotation->images, rewrapping->rotation->count,
                        sizeof *image, compare_ids);
    if (image != NULL && was(image, values[2])) {
        sqlite3_result_blob(context, image->is, (int)image->length, SQLITE_STATIC);
        return;
    }
    if (rewrapping != NULL)
        rewrapping->has_other = true;
    sqlite3_result_error(context, "no such session key in this rotation", -1);
}

enum error rewrap_register(struct db *db, struct fault *fault)
{
    int rc =
        sqlite3_create_function_v2(db->handle, "rewrapped", PARAMETERS,
                                   SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, rewrap, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : db_fault(rc, fault);
}
