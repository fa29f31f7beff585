/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list page by page: each is printed before the next one is asked for. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/reading.h"

#define PAGE_MAX 256 /* what the server takes */

/* A list that is being read. */
struct pages {
    const struct reading_list *list;
    int64_t limit; /* no more than so many */
    int64_t count; /* that were printed */
    bool is_json;
    bool is_narrowed;
    bool is_begun;                   /* the JSON object was begun */
    struct table *table;             /* for people */
    char cursor[READING_CURSOR_MAX]; /* of the next page; "" when there is none */
};

static enum error read_limit(const struct arguments *arguments, struct pages *pages,
                             struct failure *failure)
{
    const char *cursor = arguments_get_or(arguments, OPTION_CURSOR, "");
    const bool wants_all = arguments_has(arguments, OPTION_ALL);
    pages->limit = wants_all ? READING_LIST_MAX : READING_LIMIT;
    if (wants_all && arguments_has(arguments, OPTION_LIMIT))
        return failure_set_usage(failure, "--limit and --all: give one of them");
    if (strlen(cursor) >= sizeof pages->cursor)
        return failure_set_usage(failure, "--cursor wants the next_cursor of an earlier answer");
    strcpy(pages->cursor, cursor);
    if (!arguments_has(arguments, OPTION_LIMIT))
        return ERR_OK;
    return arguments_get_number(arguments, OPTION_LIMIT, 1, READING_LIST_MAX, &pages->limit,
                                failure);
}

/* ---- printing ---- */

static void print_json_items(struct pages *pages, const json_t *items)
{
    if (!pages->is_begun)
        (void)printf("{\"%s\": [", pages->list->member);
    for (size_t i = 0; i < json_array_size(items); i++) {
        (void)fputs(pages->count > 0 || i > 0 ? ", " : "", stdout);
        (void)json_dumpf(json_array_get(items, i), stdout, JSON_ENSURE_ASCII);
    }
    pages->is_begun = true;
}

static void print_json_member(const char *name, json_t *value)
{
    (void)printf(", \"%s\": ", name);
    if (json_dumpf(value, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY) != 0)
        (void)fputs("null", stdout);
    json_decref(value);
}

/* What was printed stays usable when the rest cannot be had: the object is ended all the same. */
static void end_json(const struct pages *pages, enum error e, struct failure *failure)
{
    (void)putchar(']');
    if (pages->cursor[0] != '\0')
        print_json_member("next_cursor", json_string(pages->cursor));
    if (e != ERR_OK)
        print_json_member("error", failure_to_json(failure));
    (void)fputs("}\n", stdout);
    failure->is_told = e != ERR_OK;
}

/* Whoever reads may have gone away: nothing more is asked for then. */
static enum error print_page(struct pages *pages, const json_t *items, struct failure *failure)
{
    const struct reading_list *list = pages->list;
    enum error e = ERR_OK;
    if (pages->is_json)
        print_json_items(pages, items);
    else if (json_array_size(items) > 0)
        e = record_print_rows(pages->table, items, list->fields, list->count, failure);
    pages->count += (int64_t)json_array_size(items);
    if (e == ERR_OK && fflush(stdout) != 0)
        e = failure_set_plain(failure, ERR_CONFIG, "Standard output cannot be written");
    return e;
}

/* ---- reading ---- */

static bool is_cursor(const json_t *next, const char *present)
{
    const size_t length = json_string_length(next);
    return json_is_string(next) && length > 0 && length < READING_CURSOR_MAX &&
           strcmp(json_string_value(next), present) != 0;
}

static enum error take_page(struct pages *pages, const json_t *page, struct failure *failure)
{
    const json_t *items = json_object_get(page, pages->list->member);
    const json_t *next = json_object_get(page, "next_cursor");
    if (!json_is_array(items) || json_array_size(items) > PAGE_MAX)
        return reading_fail(failure, pages->list->member);
    if (next != NULL && !is_cursor(next, pages->cursor))
        return reading_fail(failure, "next_cursor");
    enum error e = record_check_list(items, pages->list->fields, pages->list->count, failure);
    if (e == ERR_OK)
        e = print_page(pages, items, failure);
    if (e == ERR_OK)
        strcpy(pages->cursor, next != NULL ? json_string_value(next) : "");
    return e;
}

static enum error read_page(struct rest *rest, const struct query *question, struct pages *pages,
                            struct failure *failure)
{
    struct query query = *question;
    json_t *page = NULL;
    const int64_t left = pages->limit - pages->count;
    query_add_number(&query, "limit", left < PAGE_MAX ? left : PAGE_MAX);
    if (pages->cursor[0] != '\0')
        query_add(&query, "cursor", pages->cursor);
    enum error e = query_finish(&query, failure);
    if (e == ERR_OK)
        e = reading_ask(rest, query.path, &page, failure);
    if (e == ERR_OK)
        e = take_page(pages, page, failure);
    json_decref(page);
    return e;
}

static enum error read_pages(struct rest *rest, const struct query *question, struct pages *pages,
                             struct failure *failure)
{
    enum error e = ERR_OK;
    do {
        e = read_page(rest, question, pages, failure);
    } while (e == ERR_OK && pages->cursor[0] != '\0' && pages->count < pages->limit);
    return e;
}

/* ---- the end ---- */

static void note_end(const struct pages *pages)
{
    const char *things = pages->list->things;
    if (pages->count == 0 && pages->is_narrowed)
        (void)fprintf(stderr, "No %s match the filter.\n", things);
    else
        output_note_empty((size_t)pages->count, things);
    if (pages->cursor[0] != '\0')
        (void)fprintf(stderr, "There are more %s: --all, or --limit N.\n", things);
}

enum error reading_print_list(const struct arguments *arguments, struct query *query,
                              const struct reading_list *list, struct failure *failure)
{
    REST_AUTO rest = NULL;
    struct pages pages = {.list = list, .is_json = arguments_has(arguments, OPTION_JSON)};
    const size_t bare = query->length;
    enum error e = read_limit(arguments, &pages, failure);
    if (e == ERR_OK)
        e = query_add_options(query, arguments, list->filters, failure);
    pages.is_narrowed = query->length > bare || pages.cursor[0] != '\0';
    if (e == ERR_OK)
        e = station_connect(arguments, &rest, failure);
    if (e != ERR_OK)
        return e;
    TABLE_AUTO table = record_table_new(list->fields, list->count);
    pages.table = table;
    e = read_pages(rest, query, &pages, failure);
    if (e == ERR_OK && !pages.is_json)
        note_end(&pages);
    if (pages.is_begun)
        end_json(&pages, e, failure);
    return e;
}
