/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Objects and lists over REST. Owns no state. */
#include "cli/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "core/clock.h"

#define PAGE_MAX       256 /* what the server takes */
#define FIRST_SHOWN_MS 1000

static enum error fail_answer(struct failure *failure, const char *wrong)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server's answer cannot be understood (%s). Is --url the address "
                             "of provisiond, and are the versions equal?",
                             wrong);
}

static enum error ask(struct rest *rest, const char *path, json_t **ret_object,
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
        return fail_answer(failure, "no JSON object");
    }
    *ret_object = object;
    return ERR_OK;
}

enum error reading_get(const struct arguments *arguments, const char *path, json_t **ret_object,
                       struct failure *failure)
{
    REST_AUTO rest = NULL;
    enum error e = station_connect(arguments, &rest, failure);
    return e == ERR_OK ? ask(rest, path, ret_object, failure) : e;
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

/* A list that is being read. */
struct pages {
    const struct reading_list *list;
    int64_t limit; /* no more than so many */
    bool wants_all;
    json_t *items;
    char cursor[READING_CURSOR_MAX]; /* of the next page; "" when there is none */
    deadline_ms shown_from;
    bool is_shown;
};

static enum error read_limit(const struct arguments *arguments, struct pages *pages,
                             struct failure *failure)
{
    const char *cursor = arguments_get_or(arguments, OPTION_CURSOR, "");
    pages->wants_all = arguments_has(arguments, OPTION_ALL);
    pages->limit = pages->wants_all ? READING_LIST_MAX : READING_LIMIT;
    if (pages->wants_all && arguments_has(arguments, OPTION_LIMIT))
        return failure_set_usage(failure, "--limit and --all: give one of them");
    if (strlen(cursor) >= sizeof pages->cursor)
        return failure_set_usage(failure, "--cursor wants the next_cursor of an earlier answer");
    strcpy(pages->cursor, cursor);
    if (!arguments_has(arguments, OPTION_LIMIT))
        return ERR_OK;
    return arguments_get_number(arguments, OPTION_LIMIT, 1, READING_LIST_MAX, &pages->limit,
                                failure);
}

static void show_progress(struct pages *pages)
{
    if (!isatty(STDERR_FILENO) || deadline_left_ms(pages->shown_from) > 0)
        return;
    (void)fprintf(stderr, "\r%zu %s", json_array_size(pages->items), pages->list->things);
    (void)fflush(stderr);
    pages->is_shown = true;
}

static enum error take_page(struct pages *pages, const json_t *page, struct failure *failure)
{
    json_t *items = json_object_get(page, pages->list->member);
    const json_t *next = json_object_get(page, "next_cursor");
    if (!json_is_array(items) || json_array_size(items) > PAGE_MAX)
        return fail_answer(failure, pages->list->member);
    if (next != NULL &&
        (!json_is_string(next) || json_string_length(next) >= sizeof pages->cursor ||
         json_string_length(next) == 0 || strcmp(json_string_value(next), pages->cursor) == 0))
        return fail_answer(failure, "next_cursor");
    strcpy(pages->cursor, next != NULL ? json_string_value(next) : "");
    enum error e = record_check_list(items, pages->list->fields, pages->list->count, failure);
    if (e == ERR_OK && json_array_extend(pages->items, items) != 0)
        e = failure_set_memory(failure);
    return e;
}

static enum error read_page(struct rest *rest, const struct query *question, struct pages *pages,
                            struct failure *failure)
{
    struct query query = *question;
    json_t *page = NULL;
    int64_t left = pages->limit - (int64_t)json_array_size(pages->items);
    query_add_number(&query, "limit", left < PAGE_MAX ? left : PAGE_MAX);
    if (pages->cursor[0] != '\0')
        query_add(&query, "cursor", pages->cursor);
    enum error e = query_finish(&query, failure);
    if (e == ERR_OK)
        e = ask(rest, query.path, &page, failure);
    if (e == ERR_OK)
        e = take_page(pages, page, failure);
    json_decref(page);
    return e;
}

static enum error read_pages(struct rest *rest, const struct query *question, struct pages *pages,
                             struct failure *failure)
{
    enum error e = ERR_OK;
    pages->shown_from = deadline_in(FIRST_SHOWN_MS);
    do {
        e = read_page(rest, question, pages, failure);
        show_progress(pages);
    } while (e == ERR_OK && pages->cursor[0] != '\0' &&
             (int64_t)json_array_size(pages->items) < pages->limit);
    if (pages->is_shown)
        (void)fputs("\r\033[K", stderr);
    if (e == ERR_OK && pages->cursor[0] != '\0' && pages->wants_all)
        return failure_set_plain(failure, ERR_TOO_LARGE,
                                 "There are more than %d %s. Narrow it with --since and --until",
                                 READING_LIST_MAX, pages->list->things);
    return e;
}

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
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:O}", list->member, items), failure);
    return record_print_list(items, list->fields, list->count, list->things, failure);
}

/* The array of a whole list, within the answer that owns it. */
static enum error find_items(const json_t *answer, const struct reading_list *list,
                             json_t **ret_items, struct failure *failure)
{
    json_t *items = json_object_get(answer, list->member);
    if (!json_is_array(items))
        return fail_answer(failure, list->member);
    *ret_items = items;
    return record_check_list(items, list->fields, list->count, failure);
}

enum error reading_print_whole(const struct arguments *arguments, const char *path,
                               option_mask filters, const struct reading_list *list,
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

static enum error print_pages(const struct arguments *arguments, const struct pages *pages,
                              struct failure *failure)
{
    const struct reading_list *list = pages->list;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:O, s:s*}", list->member, pages->items, "next_cursor",
                                     pages->cursor[0] != '\0' ? pages->cursor : NULL),
                           failure);
    enum error e =
        record_print_list(pages->items, list->fields, list->count, list->things, failure);
    if (e == ERR_OK && pages->cursor[0] != '\0')
        (void)fprintf(stderr, "There are more %s: --all, or --limit N.\n", list->things);
    return e;
}

enum error reading_print_list(const struct arguments *arguments, struct query *query,
                              const struct reading_list *list, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct pages pages = {.list = list};
    enum error e = read_limit(arguments, &pages, failure);
    if (e == ERR_OK)
        e = query_add_options(query, arguments, list->filters, failure);
    if (e == ERR_OK)
        e = station_connect(arguments, &rest, failure);
    pages.items = e == ERR_OK ? json_array() : NULL;
    if (e == ERR_OK)
        e = read_pages(rest, query, &pages, failure);
    if (e == ERR_OK)
        e = print_pages(arguments, &pages, failure);
    json_decref(pages.items);
    return e;
}
