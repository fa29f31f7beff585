/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Objects of the API, checked and shown. Owns no state. */
#include "cli/record.h"

#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"

#define NAME_MAX_BYTES 64
#define COLUMNS_MAX    16

/* ---- members ---- */

const json_t *record_member(const json_t *object, const char *path)
{
    char name[NAME_MAX_BYTES];
    size_t length = strcspn(path, ".");
    while (path[length] == '.' && object != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)length, path);
        object = json_object_get(object, name);
        path += length + 1;
        length = strcspn(path, ".");
    }
    return json_object_get(object, path);
}

const char *record_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(record_member(object, path));
    return text != NULL ? text : "";
}

int64_t record_number(const json_t *object, const char *path)
{
    return json_integer_value(record_member(object, path));
}

static bool is_of_kind(const json_t *value, enum record_kind kind)
{
    switch (kind) {
    case RECORD_TEXT:
        return json_is_string(value);
    case RECORD_NUMBER:
    case RECORD_COUNT:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case RECORD_YES:
    case RECORD_ENABLED:
        return json_is_boolean(value);
    }
    return false;
}

enum error record_check(const json_t *object, const struct record_field *fields, size_t count,
                        struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = record_member(object, fields[i].member);
        bool is_left_out = value == NULL && fields[i].is_optional;
        if (!is_left_out && !is_of_kind(value, fields[i].kind))
            return failure_set_plain(
                failure, ERR_INTERNAL,
                "The answer cannot be understood (%s). Are the versions equal?", fields[i].member);
    }
    return ERR_OK;
}

enum error record_check_list(const json_t *array, const struct record_field *fields, size_t count,
                             struct failure *failure)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < json_array_size(array) && e == ERR_OK; i++)
        e = record_check(json_array_get(array, i), fields, count, failure);
    return e;
}

/* ---- cells ---- */

static const char *show_number(int64_t value, char out[RECORD_CELL_MAX])
{
    char text[NUMBER_TEXT_SIZE];
    (void)snprintf(out, RECORD_CELL_MAX, "%s", text_number(value, text));
    return out;
}

static const char *show_enabled(const json_t *object, const json_t *value)
{
    if (!json_is_true(value))
        return "disabled";
    return json_is_true(json_object_get(object, "latest")) ? "latest" : "enabled";
}

static const char *show(const json_t *object, const struct record_field *field,
                        char out[RECORD_CELL_MAX])
{
    const json_t *value = record_member(object, field->member);
    if (field->show != NULL)
        return field->show(object, out);
    if (value == NULL)
        return "";
    switch (field->kind) {
    case RECORD_TEXT:
        return json_string_value(value);
    case RECORD_COUNT:
        return json_integer_value(value) == 0 ? "" : show_number(json_integer_value(value), out);
    case RECORD_NUMBER:
        return show_number(json_integer_value(value), out);
    case RECORD_YES:
        return json_is_true(value) ? "yes" : "no";
    case RECORD_ENABLED:
        return show_enabled(object, value);
    }
    return "";
}

/* ---- tables ---- */

static bool is_number(const struct record_field *field)
{
    return field->kind == RECORD_NUMBER || field->kind == RECORD_COUNT;
}

static void add_row(struct table *table, const json_t *object, const struct record_field *fields,
                    size_t count)
{
    char texts[COLUMNS_MAX][RECORD_CELL_MAX];
    const char *cells[COLUMNS_MAX];
    size_t columns = 0;
    for (size_t i = 0; i < count; i++) {
        if (fields[i].title == NULL || columns == COLUMNS_MAX)
            continue;
        cells[columns] = show(object, &fields[i], texts[columns]);
        columns++;
    }
    table_add_row(table, cells);
}

struct table *record_table_new(const struct record_field *fields, size_t count)
{
    struct table_column columns[COLUMNS_MAX];
    size_t shown = 0;
    for (size_t i = 0; i < count && shown < COLUMNS_MAX; i++) {
        if (fields[i].title != NULL)
            columns[shown++] = (struct table_column){fields[i].title, is_number(&fields[i])};
    }
    return table_new(columns, shown);
}

enum error record_print_rows(struct table *table, const json_t *array,
                             const struct record_field *fields, size_t count,
                             struct failure *failure)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        add_row(table, json_array_get(array, i), fields, count);
    return table_flush(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error record_print_list(const json_t *array, const struct record_field *fields, size_t count,
                             struct failure *failure)
{
    TABLE_AUTO table = record_table_new(fields, count);
    return record_print_rows(table, array, fields, count, failure);
}

enum error record_print(const json_t *object, const struct record_field *fields, size_t count,
                        struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    char text[RECORD_CELL_MAX];
    for (size_t i = 0; i < count; i++) {
        const char *value = fields[i].title != NULL ? show(object, &fields[i], text) : "";
        if (value[0] != '\0')
            table_add_row(table, (const char *[]){fields[i].title, value});
    }
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}
