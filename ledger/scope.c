/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a principal is narrowed to: the form of the lists, and whether a name is in one. Owns no
 * state. */
#include "ledger/ledger.h"

#include <string.h>

#include "ledger/valid.h"

/* What a scope's two lists may take of a leaf; the rest is for its other fields. */
#define ENCODED_MAX (LEDGER_LEAF_MAX - 1024)

/* The length of the text before the newline; the list's own when there is no newline. */
static size_t item_length(const char *list)
{
    return strcspn(list, "\n");
}

static bool list_contains(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (*list != '\0') {
        size_t item = item_length(list);
        if (item == length && memcmp(list, name, length) == 0)
            return true;
        list += item + (list[item] == '\n' ? 1 : 0);
    }
    return false;
}

bool ledger_scope_has(const char *list, const char *name)
{
    return list[0] == '\0' || list_contains(list, name);
}

static bool is_product(const char *name)
{
    return name_is_valid(name, LEDGER_NAME_MAX);
}

/* A line is free text, but of one line, and visible. */
static bool is_line(const char *name)
{
    return name[0] != '\0' && valid_text(name, LEDGER_CONTEXT_MAX) && valid_is_visible(name);
}

/* Names, each with its newline and none twice. */
static bool is_list(const char *list, bool (*is_name)(const char *name))
{
    char name[LEDGER_NAME_MAX + 1];
    size_t count = 0;
    for (const char *at = list; *at != '\0'; at += strlen(name) + 1) {
        size_t length = item_length(at);
        if (at[length] != '\n' || length >= sizeof name || ++count > LEDGER_SCOPE_NAMES_MAX)
            return false;
        memcpy(name, at, length);
        name[length] = '\0';
        if (!is_name(name) || list_contains(at + length + 1, name))
            return false;
    }
    return true;
}

/* The bytes of a text in a leaf at most: escapes are two bytes for one, or six for two. */
static size_t encoded_length(const char *text)
{
    size_t length = 0;
    for (; *text != '\0'; text++)
        length += (unsigned char)*text >= 0x80 ? 3 : strchr("\n\"\\", *text) != NULL ? 2 : 1;
    return length;
}

enum error valid_scope(const struct ledger_scope *scope, struct fault *fault)
{
    if (strnlen(scope->products, sizeof scope->products) > LEDGER_SCOPE_MAX ||
        strnlen(scope->lines, sizeof scope->lines) > LEDGER_SCOPE_MAX ||
        !is_list(scope->products, is_product) || !is_list(scope->lines, is_line))
        return fault_set(fault, ERR_BAD_REQUEST, "scope",
                         "A principal is narrowed to at most 32 products by name and 32 lines, "
                         "each a text of 1 to 64 bytes, none twice.",
                         0);
    if (encoded_length(scope->products) + encoded_length(scope->lines) > ENCODED_MAX)
        return fault_set(fault, ERR_BAD_REQUEST, "scope",
                         "The names of these products and lines are too long together: name fewer.",
                         0);
    return ERR_OK;
}
