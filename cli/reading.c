/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Objects and lists over REST. Owns no state. */
#include "cli/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

enum error reading_fail(struct failure *failure, const char *wrong)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server's answer cannot be understood (%s). Is --url the address "
                             "of provisiond, and are the versions equal?",
                             wrong);
}

enum error reading_ask(struct rest *rest, const char *path, json_t **ret_object,
                       struct failure *failure)
{
    struct rest_answer answer = {0};
    enum error e = rest_ask(rest, path, NULL, &answer, failure);
    if (e != ERR_OK)
        return e;
    json_t *object = json_loadb(answer.body, answer.length, JSON_REJECT_DUPLICATES, NULL);
    free(answer.body);
    if (!json_is_object(object)) {
        json_decref(object);
        return reading_fail(failure, "no JSON object");
    }
    *ret_object = object;
    return ERR_OK;
}

enum error reading_get(const struct arguments *arguments, const char *path, json_t **ret_object,
                       struct failure *failure)
{
    REST_AUTO rest = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    return e == ERR_OK ? reading_ask(rest, path, ret_object, failure) : e;
}

enum error reading_print(const struct arguments *arguments, const char *path,
                         const struct record_field *fields, size_t count, struct failure *failure)
{
    json_t *object = NULL;
    enum error e = reading_get(arguments, path, &object, failure);
    if (e == ERR_OK)
        e = record_check(object, fields, count, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        return output_json(object, failure);
    if (e == ERR_OK)
        e = record_print(object, fields, count, failure);
    json_decref(object);
    return e;
}

/* ---- lists ---- */

enum error reading_is_asked(const struct arguments *arguments, bool *ret_is_rest,
                            struct failure *failure)
{
    static const enum option_id pages[] = {OPTION_LIMIT, OPTION_ALL, OPTION_CURSOR};
    enum error e = station_is_asked(arguments, ret_is_rest, failure);
    for (size_t i = 0; e == ERR_OK && !*ret_is_rest && i < sizeof pages / sizeof pages[0]; i++) {
        if (arguments_has(arguments, pages[i]))
            e = failure_set_usage(failure, "--%s is for provisiond: give --url",
                                  arguments_name(pages[i]));
    }
    return e;
}

enum error reading_show_list(const struct arguments *arguments, json_t *items,
                             const struct reading_list *list, struct failure *failure)
{
    output_note_cut(json_array_size(items), list->things);
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:O}", list->member, items), failure);
    output_note_empty(json_array_size(items), list->things);
    return record_print_list(items, list->fields, list->count, failure);
}

/* The array of a whole list, within the answer that owns it. */
static enum error find_items(const json_t *answer, const struct reading_list *list,
                             json_t **ret_items, struct failure *failure)
{
    json_t *items = json_object_get(answer, list->member);
    if (!json_is_array(items))
        return reading_fail(failure, list->member);
    *ret_items = items;
    return record_check_list(items, list->fields, list->count, failure);
}

enum error reading_print_whole(const struct arguments *arguments, const char *path,
                               const enum option_id *filters, const struct reading_list *list,
                               struct failure *failure)
{
    struct query query;
    json_t *answer = NULL;
    json_t *items = NULL;
    query_begin(&query, path);
    enum error e = query_add_options(&query, arguments, filters, failure);
    if (e == ERR_OK)
        e = query_finish(&query, failure);
    if (e == ERR_OK)
        e = reading_get(arguments, query.path, &answer, failure);
    if (e == ERR_OK)
        e = find_items(answer, list, &items, failure);
    if (e == ERR_OK)
        e = reading_show_list(arguments, items, list, failure);
    json_decref(answer);
    return e;
}
