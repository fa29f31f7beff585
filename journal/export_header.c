/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading the header of an export: one JSON object with exactly the members that the writer gives
 * it, each within its limits. Its texts are hostile until somebody has read them in turn. Owns no
 * state.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"
#include "journal/export_form.h"
#include "journal/tree.h"

#define MEMBERS       6 /* and "challenge" when there is one */
#define DOCUMENTS_MAX 1000000
#define PRODUCT_MAX   (sizeof((struct export_account *)0)->product - 1)

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length == 0 || length >= size)
        return false;
    memcpy(out, json_string_value(value), length + 1);
    return true;
}

static bool take_number(const json_t *object, const char *name, int64_t max, int64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    *ret_number = json_integer_value(value);
    return json_is_integer(value) && *ret_number >= 0 && *ret_number <= max;
}

static bool take_time(const json_t *object, const char *name, int64_t *ret_unix_ms)
{
    char text[TIMESTAMP_SIZE];
    return take_text(object, name, text, sizeof text) && timestamp_parse(text, ret_unix_ms);
}

static bool take_challenge(const json_t *object, struct export_header *header)
{
    char hex[2 * EXPORT_CHALLENGE_MAX + 1];
    if (json_object_get(object, "challenge") == NULL)
        return json_object_size(object) == MEMBERS;
    if (json_object_size(object) != MEMBERS + 1 || !take_text(object, "challenge", hex, sizeof hex))
        return false;
    header->challenge_length = strlen(hex) / 2;
    return header->challenge_length >= EXPORT_CHALLENGE_MIN &&
           hex_decode(hex, header->challenge, header->challenge_length);
}

/* ---- accounts ---- */

static bool take_account(const json_t *object, struct export_account *account)
{
    if (json_object_size(object) != EXPORT_NUMBERS + 1 ||
        !take_text(object, "product", account->product, sizeof account->product) ||
        !name_is_valid(account->product, PRODUCT_MAX))
        return false;
    for (size_t i = 0; i < EXPORT_NUMBERS; i++) {
        int64_t number = 0;
        if (!take_number(object, EXPORT_NUMBER_FORMS[i].name, INT64_MAX, &number))
            return false;
        export_number_set(account, i, number);
    }
    return true;
}

static int compare_products(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Two accounts of one product would let each reader look at another one. */
static bool products_differ(const struct export_account *accounts, size_t count)
{
    bool are_different = true;
    char(*sorted)[PRODUCT_MAX + 1] = calloc(count + 1, sizeof *sorted);
    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(sorted[i], accounts[i].product, sizeof sorted[i]);
    qsort(sorted, count, sizeof *sorted, compare_products);
    for (size_t i = 1; i < count && are_different; i++)
        are_different = strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return are_different;
}

static bool take_accounts(const json_t *object, struct export_header *header)
{
    const json_t *array = json_object_get(object, "accounts");
    size_t count = json_array_size(array);
    if (!json_is_array(array))
        return false;
    header->accounts = calloc(count + 1, sizeof *header->accounts);
    if (header->accounts == NULL)
        return false;
    header->account_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!take_account(json_array_get(array, i), &header->accounts[i]))
            return false;
    }
    return products_differ(header->accounts, count);
}

static bool take_header(const json_t *object, struct export_header *header)
{
    return json_is_object(object) &&
           take_text(object, "checkpoint", header->checkpoint, sizeof header->checkpoint) &&
           take_text(object, "key", header->key, sizeof header->key) &&
           take_number(object, "documents", DOCUMENTS_MAX, &header->documents) &&
           take_number(object, "leaves", TREE_SIZE_MAX, &header->leaves) &&
           take_time(object, "made", &header->made_unix_ms) && take_challenge(object, header) &&
           take_accounts(object, header);
}

enum error export_header_parse(struct bytes line, struct export_header *ret_header,
                               struct fault *fault)
{
    struct export_header header = {.documents = 0};
    json_t *object =
        line.length > 0 && line.length <= EXPORT_HEADER_MAX
            ? json_loadb((const char *)line.data, line.length, JSON_REJECT_DUPLICATES, NULL)
            : NULL;
    bool is_taken = take_header(object, &header);
    json_decref(object);
    if (!is_taken) {
        free(header.accounts);
        return fault_set(fault, ERR_BAD_REQUEST, "export-header",
                         "The export's second line is not the header that an export has: make the "
                         "export again.",
                         0);
    }
    *ret_header = header;
    return ERR_OK;
}
