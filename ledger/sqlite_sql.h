/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The names of the prepared statements; their text stands in sqlite_sql.c. Pure constants. */
#ifndef LEDGER_SQLITE_SQL_H
#define LEDGER_SQLITE_SQL_H

enum sql {
    /* reading: prepared on every connection */
    SQL_INFO,
    SQL_VIEW,
    SQL_PRINCIPAL_GET,
    SQL_PRODUCT_GET,
    SQL_PRODUCT_ID,
    SQL_PRODUCT_ANCHORS,
    SQL_IMAGE_GET,
    SQL_IMAGE_NEWEST,
    SQL_IMAGE_EXISTS,
    SQL_ALIAS_GET,
    SQL_PRODUCTS,
    SQL_IMAGES,
    SQL_PRINCIPALS,
    SQL_USAGE,
    /* writing: prepared on the writer's connection alone */
    SQL_BEGIN,
    SQL_FIRST_WRITE = SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_RELEASE,
    SQL_UNDO,
    SQL_JOURNAL_APPEND,
    SQL_JOURNAL_LAST,
    SQL_META_GET,
    SQL_META_ADD,
    SQL_PRODUCT_ADD,
    SQL_ANCHORS_ADD,
    SQL_QUOTA_ADD,
    SQL_IMAGE_CLASH,
    SQL_IMAGE_ADD,
    SQL_IMAGE_STATE,
    SQL_IMAGE_ENABLE,
    SQL_IMAGE_ALIAS,
    SQL_ALIAS_HOLDER,
    SQL_PRINCIPAL_CLASH,
    SQL_PRINCIPAL_ADD,
    SQL_PRINCIPAL_STATE,
    SQL_PRINCIPAL_ENABLE,
    SQL_PRINCIPAL_NAME,
    SQL_DEVICE_ADD,
    SQL_INSTALL_ADD,
    SQL_CHARGE_ADD,
    SQL_ACCOUNT_MOVE,
    SQL_INSTALL_REPEAT,
    SQL_INSTALL_GET,
    SQL_OUTCOME_VIEW,
    SQL_OUTCOME_SET,
    SQL_DEVICE_SCRAP,
    SQL_REFUSAL_ADD,
    SQL_REFUSAL_FORGET,
    SQL_COUNT
};

const char *sql_text(enum sql statement);

#endif
