/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tables through libsmartcols, told not to look at the terminal: the same text everywhere, and
 * never a digest cut short.
 */
#include "cli/table.h"

#include <stdlib.h>

#include <libsmartcols.h>

#include "cli/text.h"

#define CELL_MAX_BYTES 1024

struct table {
    struct libscols_table *lines;
    size_t columns;
    bool is_broken;
    const char *nothing; /* what an empty cell shows */
};

static struct table *table_make(void)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->lines = scols_new_table();
    table->is_broken = table->lines == NULL ||
                       scols_table_set_termforce(table->lines, SCOLS_TERMFORCE_NEVER) != 0 ||
                       scols_table_enable_noencoding(table->lines, 1) != 0 || /* ours is stricter */
                       scols_table_set_column_separator(table->lines, "  ") != 0;
    return table;
}

static void add_column(struct table *table, const char *title, bool is_number)
{
    if (table->is_broken)
        return;
    table->columns++;
    if (scols_table_new_column(table->lines, title, 0, is_number ? SCOLS_FL_RIGHT : 0) == NULL)
        table->is_broken = true;
}

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = table_make();
    if (table != NULL)
        table->nothing = "-";
    for (size_t i = 0; table != NULL && i < count; i++)
        add_column(table, columns[i].title, columns[i].is_number);
    return table;
}

struct table *table_new_pairs(bool is_number)
{
    const struct table_column columns[] = {{"NAME", false}, {"VALUE", is_number}};
    struct table *table = table_new(columns, 2);
    if (table != NULL)
        table->nothing = "";
    if (table != NULL && !table->is_broken)
        table->is_broken = scols_table_enable_noheadings(table->lines, 1) != 0;
    return table;
}

void table_add_row(struct table *table, const char *const *cells)
{
    char cell[CELL_MAX_BYTES];
    if (table == NULL || table->is_broken)
        return;
    struct libscols_line *line = scols_table_new_line(table->lines, NULL);
    table->is_broken = line == NULL;
    for (size_t i = 0; i < table->columns && !table->is_broken; i++) {
        text_escape(cells[i][0] != '\0' ? cells[i] : table->nothing, cell, sizeof cell);
        table->is_broken = scols_line_set_data(line, i, cell) != 0;
    }
}

enum error table_print(struct table *table, FILE *out)
{
    if (table == NULL || table->is_broken || scols_table_set_stream(table->lines, out) != 0 ||
        scols_print_table(table->lines) != 0)
        return ERR_INTERNAL;
    return ERR_OK;
}

enum error table_flush(struct table *table, FILE *out)
{
    enum error e = table_print(table, out);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < table->columns; i++) {
        struct libscols_column *column = scols_table_get_column(table->lines, i);
        if (scols_column_set_whint(column, (double)scols_column_get_width(column)) != 0)
            return ERR_INTERNAL;
    }
    scols_table_remove_lines(table->lines);
    return scols_table_enable_noheadings(table->lines, 1) == 0 ? ERR_OK : ERR_INTERNAL;
}

void table_free(struct table **table)
{
    if (*table == NULL)
        return;
    scols_unref_table((*table)->lines);
    free(*table);
    *table = NULL;
}
