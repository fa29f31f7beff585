/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The page. Sentences are wrapped, tables are not. Owns no state. */
#include "cli/verify_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

#define PAGE_WIDTH   78
#define INDENT       "  "
#define STARTS_SHOWN 10
#define SENTENCE_MAX 512

/* ---- sentences ---- */

/* Wrapped at spaces; the lines after the first are indented by as much as the first. */
static void print_wrapped(const char *first, const char *text)
{
    char escaped[2 * AUDIT_TEXT_SIZE];
    int indent = (int)strlen(first);
    int column = indent;
    text_escape(text, escaped, sizeof escaped);
    (void)fputs(first, stdout);
    for (const char *at = escaped; *at != '\0';) {
        int length = (int)strcspn(at, " ");
        if (column > indent && column + 1 + length > PAGE_WIDTH)
            column = printf("\n%*s", indent, "") - 1;
        else if (column > indent)
            column += printf(" ");
        column += printf("%.*s", length, at);
        at += length;
        at += strspn(at, " ");
    }
    (void)putchar('\n');
}

static void print_item(const char *text)
{
    print_wrapped(INDENT "- ", text);
}

/* ---- what does not hold ---- */

static void print_rest(const struct audit_report *report)
{
    for (size_t i = 0; i < report->kind_count; i++) {
        const struct audit_finding_kind *kind = &report->kinds[i];
        if (kind->count > AUDIT_FINDINGS_MAX)
            (void)printf(INDENT "... and %" PRId64 " more of %s\n",
                         kind->count - AUDIT_FINDINGS_MAX, kind->word);
    }
}

static void print_findings(const struct audit_report *report)
{
    if (report->finding_total == 0) {
        (void)puts("The journal holds.\n");
        return;
    }
    (void)printf("THE JOURNAL DOES NOT HOLD. Findings: %" PRId64 "\n\n", report->finding_total);
    for (size_t i = 0; i < report->finding_count; i++) {
        (void)printf(INDENT "%s\n", report->findings[i].word);
        print_wrapped(INDENT INDENT, report->findings[i].text);
    }
    print_rest(report);
    (void)putchar('\n');
}

/* ---- whose journal ---- */

static void add_line(struct table *table, const char *name, const char *value)
{
    table_add_row(table, (const char *[]){name, value});
}

static void add_time(struct table *table, const char *name, int64_t unix_ms)
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(unix_ms, time);
    add_line(table, name, time);
}

static void add_identity(struct table *table, const struct audit_report *report)
{
    char hex[SHA256_HEX_SIZE];
    char number[NUMBER_TEXT_SIZE];
    if (report->has_checkpoint)
        add_line(table, "Journal", report->checkpoint.origin);
    if (!report->has_identity)
        return;
    hex_encode(bytes_of(report->hsm.bytes, SHA256_SIZE), hex);
    add_line(table, "Site", report->site);
    add_line(table, "HSM", hex);
    if (report->keys.count < 2)
        return;
    hex_encode(bytes_of(key_chain_newest(&report->keys)->digest.bytes, SHA256_SIZE), hex);
    add_line(table, "Checkpoint keys", text_number((int64_t)report->keys.count, number));
    add_line(table, "Newest key", hex);
}

static void add_end(struct table *table, const struct audit_report *report)
{
    char hex[SHA256_HEX_SIZE];
    char number[NUMBER_TEXT_SIZE];
    if (!report->is_retired)
        return;
    add_line(table, "Ended with leaf", text_number(report->retired_leaf, number));
    hex_encode(bytes_of(report->successor.bytes, SHA256_SIZE), hex);
    add_line(table, "Successor HSM", report->has_successor ? hex : "none named");
}

static enum error print_facts(const struct audit_report *report, struct failure *failure)
{
    char number[NUMBER_TEXT_SIZE];
    char hex[SHA256_HEX_SIZE];
    TABLE_AUTO table = table_new_pairs(false);
    add_identity(table, report);
    add_line(table, "Leaves", text_number(report->leaves, number));
    add_line(table, "Signed documents", text_number(report->documents, number));
    if (report->first_unix_ms != 0) {
        add_time(table, "First leaf", report->first_unix_ms);
        add_time(table, "Last leaf", report->last_unix_ms);
    }
    add_time(table, "Exported (unsigned)", report->made_unix_ms);
    if (report->has_checkpoint) {
        hex_encode(bytes_of(report->checkpoint.root.bytes, SHA256_SIZE), hex);
        add_line(table, "Root", hex);
    }
    add_end(table, report);
    add_line(table, "Starts", text_number(report->starts, number));
    add_line(table, "Unclean starts", text_number(report->unclean_starts.total, number));
    add_line(table, "Overrides", text_number(report->overrides.total, number));
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

/* ---- accounts ---- */

static void add_account(struct table *table, const struct audit_product *product)
{
    const struct export_account *account = &product->account;
    const int64_t values[] = {
        account->granted,  account->charged,    account->remaining, account->licensed,
        product->reissued, account->succeeded,  account->proven,    account->failed,
        account->scrapped, account->unreported,
    };
    enum { NUMBERS = sizeof values / sizeof values[0], TEXTS = 2 };
    char numbers[NUMBERS][NUMBER_TEXT_SIZE];
    const char *cells[TEXTS + NUMBERS] = {account->product,
                                          product->is_governed ? "governed" : "local"};
    for (size_t i = 0; i < NUMBERS; i++)
        cells[TEXTS + i] = text_number(values[i], numbers[i]);
    table_add_row(table, cells);
}

static enum error print_accounts(const struct audit_report *report, struct failure *failure)
{
    static const struct table_column COLUMNS[] = {
        {"PRODUCT", false},  {"RULE", false},    {"GRANTED", true},  {"CHARGED", true},
        {"REMAINING", true}, {"LICENSED", true}, {"REISSUED", true}, {"SUCCEEDED", true},
        {"PROVEN", true},    {"FAILED", true},   {"SCRAPPED", true}, {"UNREPORTED", true}};
    TABLE_AUTO table = table_new(COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
    if (report->product_count == 0)
        return ERR_OK;
    for (size_t i = 0; i < report->product_count; i++)
        add_account(table, &report->products[i]);
    (void)puts("\nThe account of each product, as the leaves give it:");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

/* ---- what is proven ---- */

static void print_since(const struct audit_report *report)
{
    char text[SENTENCE_MAX];
    if (report->since == AUDIT_HOLDS) {
        (void)snprintf(text, sizeof text,
                       "Nothing of the first %" PRId64
                       " leaves, which the checkpoint that you hold covers, was rewritten.",
                       report->since_size);
        print_item(text);
    }
    if (report->receipts == AUDIT_HOLDS)
        print_item("The licenses of the receipts that you hold are in it, where the receipts say.");
}

static void print_proven(const struct audit_report *report)
{
    char text[SENTENCE_MAX];
    (void)puts("\nProven:");
    if (report->finding_total > 0) {
        print_item("Nothing, while there are findings: look into them first.");
        return;
    }
    (void)snprintf(text, sizeof text,
                   "These %" PRId64
                   " leaves, in this order, are what the key that you gave signed%s.",
                   report->leaves,
                   report->key_given < (int64_t)report->keys.count
                       ? ", by the keys that it and its successors signed for"
                       : "");
    print_item(text);
    print_item("The leaves keep the rules: each license has its charge and no more than were "
               "granted were charged, at any moment.");
    print_item("The ledger's rows say the same about each product as the leaves.");
    if (report->documents > 0)
        print_item("Each change of a governed product was signed by those who could sign it then, "
                   "and counted once.");
    print_since(report);
    if (report->challenge == AUDIT_HOLDS)
        print_item("The export was made after you gave your challenge.");
    if (report->authorities == AUDIT_HOLDS)
        print_item("The governed products were made by the authorities that you named.");
}

/* ---- what is not ---- */

static void print_product_doubts(const struct audit_report *report)
{
    char text[SENTENCE_MAX];
    char hex[SHA256_HEX_SIZE];
    for (size_t i = 0; i < report->product_count; i++) {
        const struct audit_product *product = &report->products[i];
        if (!product->is_governed) {
            (void)snprintf(text, sizeof text,
                           "That anybody outside agreed to the units of %s: it is local, the "
                           "site's administrator adds them.",
                           product->account.product);
            print_item(text);
        } else if (report->authorities == AUDIT_NOT_ASKED) {
            hex_encode(bytes_of(product->first_authorities.bytes, SHA256_SIZE), hex);
            (void)snprintf(text, sizeof text,
                           "That the first authorities of %s (digest %s) are its maker's. Give "
                           "--authorities and --threshold.",
                           product->account.product, hex);
            print_item(text);
        }
    }
}

static void print_event_doubts(const struct audit_report *report)
{
    char text[SENTENCE_MAX];
    if (report->unclean_starts.total > 0) {
        (void)snprintf(text, sizeof text,
                       "What happened right before each unclean start (there were %" PRId64
                       "): a copy of the ledger that was put back then could hide at most N "
                       "licenses, N being the site's vault.unanchored_max (128 when not set).",
                       report->unclean_starts.total);
        print_item(text);
    }
    if (report->overrides.total > 0)
        print_item("What the ledger lost before the overrides below: it went on from an older "
                   "copy than the HSM remembered.");
    if (report->unknown_leaves > 0) {
        (void)snprintf(text, sizeof text,
                       "What %" PRId64 " leaves mean, whose types a later version added.",
                       report->unknown_leaves);
        print_item(text);
    }
}

static void print_unproven(const struct audit_report *report)
{
    (void)puts("\nNot proven:");
    if (report->challenge != AUDIT_HOLDS)
        print_item(
            "That this is the newest state: an older export would look the same. Export with "
            "--challenge and a nonce of your own, and give it here too.");
    if (report->since == AUDIT_NOT_ASKED)
        print_item(
            "That it goes on from what you saw before. Keep its checkpoint, and give it with "
            "--since next time.");
    if (report->key_given > 1)
        print_item("That the keys before the one that you gave signed for it: give the first one, "
                   "which checks every rotation.");
    print_product_doubts(report);
    print_event_doubts(report);
}

/* ---- events ---- */

static void print_events(const char *title, const struct audit_events *events, bool has_heads)
{
    char time[TIMESTAMP_SIZE];
    size_t shown = events->count < STARTS_SHOWN ? events->count : STARTS_SHOWN;
    if (events->total == 0)
        return;
    (void)printf("\n%s:\n", title);
    for (size_t i = 0; i < shown; i++) {
        const struct audit_event *event = &events->items[i];
        char by[2 * AUDIT_BY_SIZE];
        timestamp_format(event->time_unix_ms, time);
        text_escape(event->by, by, sizeof by);
        (void)printf(INDENT "leaf %" PRId64 "  %s", event->leaf, time);
        if (has_heads)
            (void)printf("  the HSM remembered %" PRId64 " leaves, the ledger had %" PRId64
                         "; by %s",
                         event->anchor_size, event->head_size, by);
        (void)putchar('\n');
    }
    if (events->total > (int64_t)shown)
        (void)printf(INDENT "... and %" PRId64 " more (--json lists a thousand)\n",
                     events->total - (int64_t)shown);
}

enum error verify_report_print(const struct audit_report *report, struct failure *failure)
{
    print_findings(report);
    enum error e = print_facts(report, failure);
    if (e == ERR_OK)
        e = print_accounts(report, failure);
    if (e != ERR_OK)
        return e;
    print_proven(report);
    print_unproven(report);
    print_events("Unclean starts", &report->unclean_starts, false);
    print_events("Overrides", &report->overrides, true);
    return ERR_OK;
}
