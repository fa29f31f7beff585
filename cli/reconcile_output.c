/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The page and the JSON object. Owns no state. */
#include "cli/reconcile_output.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

#define DAY_MS      INT64_C(86400000)
#define FLAGS_SHOWN 20 /* of each kind, on the page */
#define TEXTS       3  /* product, lot and day before the numbers */

const struct reconcile_number RECONCILE_NUMBER_TABLE[RECONCILE_NUMBERS] = {
    {"granted", "GRANTED", offsetof(struct reconcile_row, granted)},
    {"licensed", "LICENSED", offsetof(struct reconcile_row, licensed)},
    {"charged", "CHARGED", offsetof(struct reconcile_row, charged)},
    {"succeeded", "SUCCEEDED", offsetof(struct reconcile_row, succeeded)},
    {"failed", "FAILED", offsetof(struct reconcile_row, failed)},
    {"scrapped", "SCRAPPED", offsetof(struct reconcile_row, scrapped)},
    {"unreported", "UNREPORTED", offsetof(struct reconcile_row, unreported)},
    {"reissued", "REISSUED", offsetof(struct reconcile_row, reissued)},
    {"shipped", "SHIPPED", offsetof(struct reconcile_row, shipped)},
    {"difference", "DIFFERENCE", offsetof(struct reconcile_row, difference)},
};

int64_t reconcile_number_get(const struct reconcile_row *row, size_t i)
{
    int64_t number = 0;
    memcpy(&number, (const char *)row + RECONCILE_NUMBER_TABLE[i].offset, sizeof number);
    return number;
}

void reconcile_day_format(int64_t day, char out[RECONCILE_DAY_SIZE])
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(day * DAY_MS, time);
    (void)snprintf(out, RECONCILE_DAY_SIZE, "%.10s", time);
}

/* ---- the page ---- */

static void add_row(struct table *table, const struct reconcile_row *row)
{
    char day[RECONCILE_DAY_SIZE];
    char numbers[RECONCILE_NUMBERS][NUMBER_TEXT_SIZE];
    const char *cells[TEXTS + RECONCILE_NUMBERS] = {row->product, row->lot, day};
    reconcile_day_format(row->day, day);
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        cells[TEXTS + i] = text_number(reconcile_number_get(row, i), numbers[i]);
    table_add_row(table, cells);
}

static enum error print_rows(const struct reconciliation *reconciliation, struct failure *failure)
{
    struct table_column columns[TEXTS + RECONCILE_NUMBERS] = {
        {"PRODUCT", false}, {"LOT", false}, {"DAY", false}};
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        columns[TEXTS + i] = (struct table_column){RECONCILE_NUMBER_TABLE[i].title, true};
    TABLE_AUTO table = table_new(columns, TEXTS + RECONCILE_NUMBERS);
    for (size_t i = 0; i < reconciliation_row_count(reconciliation); i++) {
        struct reconcile_row row;
        reconciliation_row(reconciliation, i, &row);
        add_row(table, &row);
    }
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

static const char *const KIND_TITLES[RECONCILE_KINDS] = {
    [RECONCILE_UNREPORTED] = "Unreported for too long",
    [RECONCILE_TWO_STATIONS] = "One device at two stations",
    [RECONCILE_OUTSIDE_SHIFT] = "Licensed outside the shift",
    [RECONCILE_REISSUE_RATE] = "Many repeats",
    [RECONCILE_NEVER_LICENSED] = "Shipped, and never licensed",
    [RECONCILE_NOT_SUCCEEDED] = "Shipped, and its install did not succeed",
    [RECONCILE_SHIPPED_TWICE] = "Shipped twice",
    [RECONCILE_NOT_SHIPPED] = "Licensed and succeeded, and not shipped",
};

static void print_flag(const struct reconcile_flag *flag)
{
    char hex[SHA256_HEX_SIZE];
    char day[RECONCILE_DAY_SIZE];
    char line[4 * RECONCILE_TEXT_SIZE + RECONCILE_DETAIL_SIZE];
    char escaped[2 * sizeof line];
    reconcile_day_format(flag->day, day);
    hex_encode(bytes_of(flag->device.bytes, SHA256_SIZE), hex);
    const char *device = flag->serial[0] != '\0' ? flag->serial : flag->has_device ? hex : "";
    (void)snprintf(line, sizeof line, "%s %s%s%s%s%s: %s", flag->product, flag->lot,
                   flag->lot[0] != '\0' ? " " : "", day, device[0] != '\0' ? " " : "", device,
                   flag->detail);
    text_escape(line, escaped, sizeof escaped);
    (void)printf("  %s\n", escaped);
}

/* Flags are sorted by kind. */
static void print_flags(const struct reconciliation *reconciliation)
{
    size_t counts[RECONCILE_KINDS] = {0};
    size_t count = reconciliation_flag_count(reconciliation);
    int last = -1;
    for (size_t i = 0; i < count; i++) {
        struct reconcile_flag flag;
        reconciliation_flag(reconciliation, i, &flag);
        if ((int)flag.kind != last)
            (void)printf("\n%s (%s):\n", KIND_TITLES[flag.kind], reconcile_kind_name(flag.kind));
        last = (int)flag.kind;
        if (counts[flag.kind]++ < FLAGS_SHOWN)
            print_flag(&flag);
        else if (counts[flag.kind] == FLAGS_SHOWN + 1)
            (void)puts("  ... and more, which --json and --csv list");
    }
    if (count == 0)
        (void)puts("\nNothing is flagged.");
}

enum error reconcile_print_page(const struct reconciliation *reconciliation, const char *path,
                                struct failure *failure)
{
    char time[TIMESTAMP_SIZE];
    char escaped[1024];
    text_escape(path, escaped, sizeof escaped);
    timestamp_format(reconciliation_made_unix_ms(reconciliation), time);
    (void)printf("The export is believed here and was not verified: run provctl journal verify %s\n"
                 "Exported %s. Days and times are UTC.\n\n",
                 escaped, time);
    enum error e = print_rows(reconciliation, failure);
    if (e == ERR_OK)
        print_flags(reconciliation);
    return e;
}

/* ---- JSON, element by element ---- */

static json_t *row_json(const struct reconcile_row *row)
{
    char day[RECONCILE_DAY_SIZE];
    reconcile_day_format(row->day, day);
    json_t *object = json_pack("{s:o, s:o, s:s}", "product", output_text(row->product), "lot",
                               output_text(row->lot), "day", day);
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        (void)json_object_set_new(object, RECONCILE_NUMBER_TABLE[i].name,
                                  json_integer(reconcile_number_get(row, i)));
    return object;
}

static json_t *flag_json(const struct reconcile_flag *flag)
{
    char day[RECONCILE_DAY_SIZE];
    char hex[SHA256_HEX_SIZE] = "";
    reconcile_day_format(flag->day, day);
    if (flag->has_device)
        hex_encode(bytes_of(flag->device.bytes, SHA256_SIZE), hex);
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:o}", "flag", reconcile_kind_name(flag->kind),
                     "product", output_text(flag->product), "lot", output_text(flag->lot), "day",
                     day, "serial", output_text(flag->serial), "device", hex, "detail",
                     output_text(flag->detail));
}

/* Prints and frees one element of an array. */
static bool print_element(json_t *element, bool is_first)
{
    if (!is_first)
        (void)putchar(',');
    bool is_printed = element != NULL && json_dumpf(element, stdout, JSON_ENSURE_ASCII) == 0;
    json_decref(element);
    return is_printed;
}

static bool print_row_elements(const struct reconciliation *reconciliation)
{
    bool is_printed = true;
    for (size_t i = 0; i < reconciliation_row_count(reconciliation) && is_printed; i++) {
        struct reconcile_row row;
        reconciliation_row(reconciliation, i, &row);
        is_printed = print_element(row_json(&row), i == 0);
    }
    return is_printed;
}

static bool print_flag_elements(const struct reconciliation *reconciliation)
{
    bool is_printed = true;
    for (size_t i = 0; i < reconciliation_flag_count(reconciliation) && is_printed; i++) {
        struct reconcile_flag flag;
        reconciliation_flag(reconciliation, i, &flag);
        is_printed = print_element(flag_json(&flag), i == 0);
    }
    return is_printed;
}

static bool print_head(const struct reconciliation *reconciliation, const char *path)
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(reconciliation_made_unix_ms(reconciliation), time);
    (void)fputs("{\"verified\":false,\"note\":\"The export is believed here and was not verified: "
                "run provctl journal verify.\",\"export\":",
                stdout);
    json_t *text = output_text(path);
    bool is_printed =
        text != NULL && json_dumpf(text, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY) == 0;
    json_decref(text);
    (void)printf(",\"exported\":\"%s\",\"rows\":[", time);
    return is_printed;
}

enum error reconcile_print_json(const struct reconciliation *reconciliation, const char *path,
                                struct failure *failure)
{
    bool is_printed = print_head(reconciliation, path) && print_row_elements(reconciliation) &&
                      fputs("],\"flags\":[", stdout) != EOF && print_flag_elements(reconciliation);
    if (is_printed && puts("]}") != EOF)
        return ERR_OK;
    return failure_set_plain(failure, ERR_CONFIG, "Standard output cannot be written");
}
