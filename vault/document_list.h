/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A product's accepted documents, copied out of the ledger, because nothing may be asked while the
 * ledger is read. Threads: a list belongs to one thread.
 */
#ifndef VAULT_DOCUMENT_LIST_H
#define VAULT_DOCUMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger/ledger.h"

struct document_list {
    struct ledger_document *rows; /* document.data of each is owned by the list */
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

/* product NULL: of all. Zero the list before; clear it also after a failure. */
enum error document_list_read(struct ledger *ledger, const char *product,
                              struct document_list *list, struct fault *fault) MUST_USE;
void document_list_clear(struct document_list *list);

#endif
