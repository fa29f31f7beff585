/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A growing array of copies. Owns no state. */
#include "vault/document_list.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

static bool make_room(struct document_list *list)
{
    if (list->count < list->capacity)
        return true;
    size_t capacity = list->capacity == 0 ? FIRST_CAPACITY : 2 * list->capacity;
    struct ledger_document *rows = realloc(list->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return false;
    list->rows = rows;
    list->capacity = capacity;
    return true;
}

static bool add(void *context, const struct ledger_document *document)
{
    struct document_list *list = context;
    uint8_t *copy = malloc(document->document.length);
    list->is_out_of_memory = copy == NULL || !make_room(list);
    if (list->is_out_of_memory) {
        free(copy);
        return false;
    }
    memcpy(copy, document->document.data, document->document.length);
    list->rows[list->count] = *document;
    list->rows[list->count++].document.data = copy;
    return true;
}

enum error document_list_read(struct ledger *ledger, const char *product,
                              struct document_list *list, struct fault *fault)
{
    enum error e = ledger_documents_each(ledger, product, add, list, fault);
    if (e == ERR_OK && list->is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}

void document_list_clear(struct document_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((void *)(uintptr_t)list->rows[i].document.data);
    free(list->rows);
    *list = (struct document_list){0};
}
