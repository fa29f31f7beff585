/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One table for sums and flags: its first column says which. Owns no state. */
#include "cli/reconcile_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/bytes.h"

#define LINE_END "\r\n"

/* A text that a spreadsheet would compute is made one that it shows. */
static bool is_formula(const char *text)
{
    return text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
}

static void print_text(const char *text)
{
    bool is_quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (is_quoted)
        (void)putchar('"');
    if (is_formula(text))
        (void)putchar('\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            (void)putchar('"');
        (void)putchar(*c);
    }
    if (is_quoted)
        (void)putchar('"');
}

static void print_place(const char *record, const char *product, const char *lot, int64_t day)
{
    char text[RECONCILE_DAY_SIZE];
    reconcile_day_format(day, text);
    (void)printf("%s,", record);
    print_text(product);
    (void)putchar(',');
    print_text(lot);
    (void)printf(",%s", text);
}

static void print_header(void)
{
    (void)fputs("record,product,lot,day", stdout);
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        (void)printf(",%s", RECONCILE_NUMBER_TABLE[i].name);
    (void)fputs(",flag,serial,device,detail" LINE_END, stdout);
}

static void print_row(const struct reconcile_row *row)
{
    print_place("sum", row->product, row->lot, row->day);
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        (void)printf(",%" PRId64, reconcile_number_get(row, i));
    (void)fputs(",,,," LINE_END, stdout);
}

static void print_flag(const struct reconcile_flag *flag)
{
    char hex[SHA256_HEX_SIZE] = "";
    if (flag->has_device)
        hex_encode(bytes_of(flag->device.bytes, SHA256_SIZE), hex);
    print_place("flag", flag->product, flag->lot, flag->day);
    for (size_t i = 0; i < RECONCILE_NUMBERS; i++)
        (void)putchar(',');
    (void)printf(",%s,", reconcile_kind_name(flag->kind));
    print_text(flag->serial);
    (void)printf(",%s,", hex);
    print_text(flag->detail);
    (void)fputs(LINE_END, stdout);
}

enum error reconcile_print_csv(const struct reconciliation *reconciliation, const char *path,
                               struct failure *failure)
{
    (void)fprintf(stderr,
                  "The export is believed here and was not verified: run provctl journal verify "
                  "%s\n",
                  path);
    print_header();
    for (size_t i = 0; i < reconciliation_row_count(reconciliation); i++) {
        struct reconcile_row row;
        reconciliation_row(reconciliation, i, &row);
        print_row(&row);
    }
    for (size_t i = 0; i < reconciliation_flag_count(reconciliation); i++) {
        struct reconcile_flag flag;
        reconciliation_flag(reconciliation, i, &flag);
        print_flag(&flag);
    }
    return ferror(stdout) == 0
               ? ERR_OK
               : failure_set_plain(failure, ERR_CONFIG, "Standard output cannot be written");
}
