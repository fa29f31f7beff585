/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a document of the maker says, for people and for machines. Texts of documents are hostile
 * input: tables and JSON escape them. Threads: main thread.
 */
#ifndef CLI_GRANT_PAGE_H
#define CLI_GRANT_PAGE_H

#include <jansson.h>

#include "cli/table.h"
#include "grant/grant.h"

/* One row for everything that the document says; now tells whether it could be accepted. */
void grant_page_add(struct table *table, const struct grant *grant, int64_t now_unix_ms);

/* The document itself; NULL when memory is out. */
json_t *grant_page_json(const struct grant *grant);

#endif
