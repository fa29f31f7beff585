/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about principals: their keys and scopes, and whether who is named could ask then. */
#include <string.h>

#include "audit/leaf_form.h"
#include "audit/replay_part.h"

#define KEYS_MAX 4 /* of one principal */

/* The principal that the leaf changes; NULL after a finding. */
static struct book_principal *find_changed(struct replay *replay, const struct leaf *leaf,
                                           uint32_t *ret_number)
{
    struct bytes name = leaf_text(leaf, FIELD_PRINCIPAL);
    *ret_number = book_find_principal(&replay->book, name);
    if (*ret_number != POOL_NONE)
        return book_principal(&replay->book, *ret_number);
    FIND(replay, leaf, "principal-unknown", "The principal %.*s that it changes was never added.",
         RAW(name));
    return NULL;
}

/* ---- keys ---- */

/* It is the principal's from now on, also when another had it. */
static enum error give_key(struct replay *replay, const struct leaf *leaf, uint32_t owner,
                           struct fault *fault)
{
    struct book *book = &replay->book;
    const struct book_key key = {.digest = leaf_digest(leaf, FIELD_SPKI), .principal = owner};
    uint32_t number = book_find_key(book, &key.digest);
    book_principal(book, owner)->key_count++;
    if (number == POOL_NONE)
        return book_add_key(book, &key, fault);
    if (book_key(book, number)->principal != POOL_NONE)
        FIND(replay, leaf, "principal-key-taken",
             "The key that it gives to the principal %.*s was that of %.*s then.",
             RAW(book_principal(book, owner)->name),
             RAW(book_principal(book, book_key(book, number)->principal)->name));
    *book_key(book, number) = key;
    return ERR_OK;
}

enum error replay_principal_key_added(struct replay *replay, const struct leaf *leaf,
                                      struct fault *fault)
{
    uint32_t number = 0;
    const struct book_principal *principal = find_changed(replay, leaf, &number);
    if (principal == NULL)
        return ERR_OK;
    if (principal->key_count >= KEYS_MAX)
        FIND(replay, leaf, "principal-keys",
             "It gives a key more to the principal %.*s, which had %d.", RAW(principal->name),
             KEYS_MAX);
    return give_key(replay, leaf, number, fault);
}

enum error replay_principal_key_removed(struct replay *replay, const struct leaf *leaf,
                                        struct fault *fault)
{
    uint32_t number = 0;
    const struct sha256 digest = leaf_digest(leaf, FIELD_SPKI);
    struct book_principal *principal = find_changed(replay, leaf, &number);
    uint32_t key = book_find_key(&replay->book, &digest);
    (void)fault;
    if (principal == NULL)
        return ERR_OK;
    if (key == POOL_NONE || book_key(&replay->book, key)->principal != number) {
        FIND(replay, leaf, "principal-key-unknown",
             "The key that it takes from the principal %.*s was not its own.",
             RAW(principal->name));
        return ERR_OK;
    }
    if (principal->key_count == 1)
        FIND(replay, leaf, "principal-keys", "It takes the last key from the principal %.*s.",
             RAW(principal->name));
    book_key(&replay->book, key)->principal = POOL_NONE;
    principal->key_count--;
    return ERR_OK;
}

/* ---- who there is ---- */

enum error replay_principal_added(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault)
{
    uint32_t number = 0;
    const struct book_principal principal = {.name = leaf_text(leaf, FIELD_PRINCIPAL),
                                             .products = leaf_text(leaf, FIELD_PRODUCTS),
                                             .lines = leaf_text(leaf, FIELD_LINES),
                                             .is_station =
                                                 leaf_text_is(leaf, FIELD_ROLE, "station"),
                                             .is_enabled = true};
    if (book_find_principal(&replay->book, principal.name) != POOL_NONE) {
        FIND(replay, leaf, "principal-twice", "The principal %.*s that it adds was there.",
             RAW(principal.name));
        return ERR_OK;
    }
    enum error e = book_add_principal(&replay->book, &principal, &number, fault);
    return e == ERR_OK ? give_key(replay, leaf, number, fault) : e;
}

enum error replay_principal_switched(struct replay *replay, const struct leaf *leaf,
                                     struct fault *fault)
{
    uint32_t number = 0;
    struct book_principal *principal = find_changed(replay, leaf, &number);
    (void)fault;
    if (principal != NULL)
        principal->is_enabled = leaf->type == LEAF_PRINCIPAL_ENABLED;
    return ERR_OK;
}

enum error replay_principal_narrowed(struct replay *replay, const struct leaf *leaf,
                                     struct fault *fault)
{
    uint32_t number = 0;
    struct book_principal *principal = find_changed(replay, leaf, &number);
    (void)fault;
    if (principal == NULL)
        return ERR_OK;
    principal->products = leaf_text(leaf, FIELD_PRODUCTS);
    principal->lines = leaf_text(leaf, FIELD_LINES);
    return ERR_OK;
}

/* ---- who asked ---- */

/* Raw texts are equal when what they stand for is: there is one way to write it. */
static bool is_in_scope(struct bytes list, struct bytes name)
{
    struct bytes item;
    if (list.length == 0)
        return true;
    while (leaf_form_next(&list, &item)) {
        if (bytes_equal(item, name))
            return true;
    }
    return false;
}

static void check_scope(struct replay *replay, const struct leaf *leaf,
                        const struct book_principal *principal, struct bytes product)
{
    bool has_line = leaf->type != LEAF_INSTALL_OUTCOME;
    struct bytes line = leaf_text(leaf, FIELD_LINE);
    if (!is_in_scope(principal->products, product))
        FIND(replay, leaf, "product-refused",
             "It is of station \"%.*s\", which was kept from product %.*s then.",
             RAW(principal->name), RAW(product));
    else if (has_line && !is_in_scope(principal->lines, line))
        FIND(replay, leaf, "line-refused",
             "It is of station \"%.*s\", which could ask on some lines only then, and \"%.*s\" is "
             "none of them.",
             RAW(principal->name), RAW(line));
}

uint32_t replay_find_station(struct replay *replay, const struct leaf *leaf, struct bytes product)
{
    struct bytes name = leaf_text(leaf, FIELD_STATION);
    uint32_t number = book_find_principal(&replay->book, name);
    const struct book_principal *principal =
        number != POOL_NONE ? book_principal(&replay->book, number) : NULL;
    if (principal == NULL || !principal->is_enabled)
        FIND(replay, leaf, "station-refused",
             "It is of station \"%.*s\", which was %s then and could not ask.", RAW(name),
             principal == NULL ? "not enrolled" : "disabled");
    else if (!principal->is_station)
        FIND(replay, leaf, "role-refused",
             "It is of \"%.*s\", a principal that is no station and could not ask.", RAW(name));
    else
        check_scope(replay, leaf, principal, product);
    return number;
}
