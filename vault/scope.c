/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of names, each followed by a newline. Owns no state. */
#include "vault/scope.h"

#include <assert.h>
#include <string.h>

static_assert(LEDGER_SCOPE_NAMES_MAX * (LEDGER_NAME_MAX + 1) <= LEDGER_SCOPE_MAX,
              "a full list of the longest names fits");
static_assert(LEDGER_CONTEXT_MAX == LEDGER_NAME_MAX, "a line is as long as a name");

enum error scope_check_product(const struct ledger_principal *caller, const char *product,
                               struct fault *fault)
{
    if (ledger_scope_has(caller->scope.products, product))
        return ERR_OK;
    return fault_set(fault, ERR_FORBIDDEN, "product-not-allowed",
                     "The caller is narrowed to other products: is it the right recipe?", 0);
}

bool scope_next(const char **position, char ret_name[LEDGER_NAME_MAX + 1])
{
    const char *from = *position;
    const char *end = strchr(from, '\n');
    if (end == NULL || end - from > LEDGER_NAME_MAX)
        return false;
    memcpy(ret_name, from, (size_t)(end - from));
    ret_name[end - from] = '\0';
    *position = end + 1;
    return true;
}

bool scope_products_meet(const struct ledger_scope *a, const struct ledger_scope *b)
{
    char name[LEDGER_NAME_MAX + 1];
    const char *position = a->products;
    if (a->products[0] == '\0' || b->products[0] == '\0')
        return true;
    while (scope_next(&position, name)) {
        if (ledger_scope_has(b->products, name))
            return true;
    }
    return false;
}

enum error scope_take_line(const struct ledger_principal *caller, struct ledger_context *context,
                           struct fault *fault)
{
    const char *position = caller->scope.lines;
    char only[LEDGER_NAME_MAX + 1];
    if (!scope_next(&position, only))
        return ERR_OK; /* narrowed to no line */
    if (context->line[0] != '\0') {
        if (ledger_scope_has(caller->scope.lines, context->line))
            return ERR_OK;
        return fault_set(fault, ERR_FORBIDDEN, "line-not-allowed",
                         "The caller is narrowed to other lines.", 0);
    }
    if (*position != '\0')
        return fault_set(fault, ERR_FORBIDDEN, "line-missing",
                         "The caller is narrowed to several lines, and the request does not say "
                         "which one this is.",
                         0);
    strcpy(context->line, only);
    return ERR_OK;
}

/* A control character would end the name in the list, or in somebody's terminal. */
static bool is_listable(const char *name, size_t length)
{
    if (length == 0 || length > LEDGER_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == '\x7f')
            return false;
    }
    return true;
}

bool scope_add(char list[LEDGER_SCOPE_MAX + 1], const char *name)
{
    size_t used = strlen(list);
    size_t length = strnlen(name, LEDGER_NAME_MAX + 1);
    if (!is_listable(name, length) || used + length + 1 > LEDGER_SCOPE_MAX)
        return false;
    memcpy(list + used, name, length);
    strcpy(list + used + length, "\n");
    return true;
}
