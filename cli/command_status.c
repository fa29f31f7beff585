/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl status: the HSM, the journal and the anchor. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/anchor.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/principal.h"
#include "cli/product.h"
#include "cli/table.h"
#include "cli/text.h"

#define GOVERNED_MAX  512
#define BYTES_PER_MIB (INT64_C(1024) * 1024)

/* What was read of an answer beside its texts. */
struct status_page {
    const Provisiond__AdminStatusReply *reply;
    char identity[SHA256_HEX_SIZE]; /* "" before init */
    bool is_breached;               /* the two heads are known */
    char anchor[HEAD_TEXT_SIZE];
    char head[HEAD_TEXT_SIZE];
    json_t *governed; /* names of the products whose overrides are wanted then; NULL for none */
};

/* ---- the answer ---- */

static enum error read_identity(struct status_page *page, struct failure *failure)
{
    struct sha256 identity;
    if (!page->reply->initialised)
        return ERR_OK;
    enum error e = admin_read_digest(page->reply->hsm_identity, &identity, failure);
    if (e == ERR_OK)
        hex_encode(bytes_of(identity.bytes, SHA256_SIZE), page->identity);
    return e;
}

static enum error read_breach(struct status_page *page, struct failure *failure)
{
    struct journal_head anchor;
    struct journal_head head;
    if (strcmp(page->reply->anchor, ANCHOR_MISMATCH) != 0)
        return ERR_OK;
    enum error e = head_read(page->reply->breach_anchor, &anchor, failure);
    if (e == ERR_OK)
        e = head_read(page->reply->breach_head, &head, failure);
    if (e != ERR_OK)
        return e;
    page->is_breached = true;
    (void)head_format(&anchor, page->anchor);
    (void)head_format(&head, page->head);
    return ERR_OK;
}

static enum error read_page(const Provisiond__AdminStatusReply *reply, struct status_page *page,
                            struct failure *failure)
{
    *page = (struct status_page){.reply = reply};
    if (reply->disk_free < 0 || reply->disk_reserve < 0)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds a disk of less than nothing");
    if (reply->journal_size < 0 || reply->checkpoint_size < 0 || reply->anchored_size < -1)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds a journal size below zero");
    enum error e = read_identity(page, failure);
    return e == ERR_OK ? read_breach(page, failure) : e;
}

/* ---- for machines ---- */

/* Sizes and heads; a size that does not exist is null. */
static json_t *journal_to_json(const struct status_page *page)
{
    const Provisiond__AdminStatusReply *status = page->reply;
    json_t *anchored =
        status->anchored_size >= 0 ? json_integer(status->anchored_size) : json_null();
    json_t *breach = page->is_breached
                         ? json_pack("{s:s, s:s, s:o}", "anchor", page->anchor, "head", page->head,
                                     "governed", json_incref(page->governed))
                         : json_null();
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:I}", "journal_size",
                     (json_int_t)status->journal_size, "checkpoint_size",
                     (json_int_t)status->checkpoint_size, "anchored_size", anchored, "anchor",
                     output_text(status->anchor), "anchor_detail",
                     output_text(status->anchor_detail), "origin", output_text(status->origin),
                     "breach", breach, "products_tampered", (json_int_t)status->products_tampered,
                     "disk", output_text(status->disk), "disk_free", (json_int_t)status->disk_free,
                     "disk_reserve", (json_int_t)status->disk_reserve);
}

static enum error print_json(const struct status_page *page, struct failure *failure)
{
    const Provisiond__AdminStatusReply *status = page->reply;
    json_t *object = json_pack(
        "{s:b, s:o, s:s, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:I, s:I}", "initialised",
        (int)status->initialised, "site", output_text(status->site), "hsm_identity", page->identity,
        "hsm", output_text(status->hsm), "hsm_detail", output_text(status->hsm_detail), "token",
        "label", output_text(status->token_label), "serial", output_text(status->token_serial),
        "model", output_text(status->token_model), "mode", output_text(status->mode),
        "workers_ready", (json_int_t)status->workers_ready, "workers_total",
        (json_int_t)status->workers_total);
    json_t *journal = journal_to_json(page);
    const bool is_made =
        object != NULL && journal != NULL && json_object_update(object, journal) == 0;
    json_decref(journal);
    if (is_made)
        return output_json(object, failure);
    json_decref(object);
    return failure_set_memory(failure);
}

/* ---- for people ---- */

static void add_pair(struct table *table, const char *name, const char *value)
{
    if (value[0] != '\0')
        table_add_row(table, (const char *[]){name, value});
}

static void add_hsm(struct table *table, const struct status_page *page)
{
    const Provisiond__AdminStatusReply *status = page->reply;
    char workers[2 * NUMBER_TEXT_SIZE];
    (void)snprintf(workers, sizeof workers, "%u of %u ready", status->workers_ready,
                   status->workers_total);
    add_pair(table, "Initialised", status->initialised ? "yes" : "no; run provctl hsm init");
    add_pair(table, "Site", status->site);
    add_pair(table, "HSM identity", page->identity);
    add_pair(table, "HSM", status->hsm);
    add_pair(table, "", status->hsm_detail);
    add_pair(table, "Token", status->token_label);
    add_pair(table, "Token serial", status->token_serial);
    add_pair(table, "Token model", status->token_model);
    add_pair(table, "Wrapping mode", status->mode);
    if (status->workers_total > 0) /* 0: nobody knows yet, or the HSM's program is away */
        add_pair(table, "Workers", workers);
}

static void add_journal(struct table *table, const struct status_page *page)
{
    const Provisiond__AdminStatusReply *status = page->reply;
    char number[NUMBER_TEXT_SIZE];
    add_pair(table, "Journal leaves", text_number(status->journal_size, number));
    if (status->origin[0] != '\0') { /* before init no HSM signs or remembers anything */
        add_pair(table, "In checkpoint", text_number(status->checkpoint_size, number));
        add_pair(table, "In anchor",
                 status->anchored_size >= 0 ? text_number(status->anchored_size, number)
                                            : "no anchor");
    }
    add_pair(table, "Origin", status->origin);
    add_pair(table, "Anchor", anchor_explain(status->anchor));
    add_pair(table, "", status->anchor_detail);
    add_pair(table, "HSM remembers", page->anchor);
    add_pair(table, "Ledger has", page->head);
}

/* Nothing while there is room. */
static void add_disk(struct table *table, const struct status_page *page)
{
    const Provisiond__AdminStatusReply *status = page->reply;
    char text[2 * NUMBER_TEXT_SIZE + 128];
    if (status->disk[0] == '\0' || strcmp(status->disk, "ok") == 0)
        return;
    (void)snprintf(text, sizeof text,
                   "%" PRId64 " MiB free; below %" PRId64
                   " MiB no new license is issued: make room",
                   status->disk_free / BYTES_PER_MIB, status->disk_reserve / BYTES_PER_MIB);
    add_pair(table, "Ledger's disk", status->disk);
    add_pair(table, "", text);
}

static void add_products(struct table *table, const struct status_page *page)
{
    char text[NUMBER_TEXT_SIZE + 64];
    (void)snprintf(text, sizeof text, "%u tampered and served to nobody: provctl product list",
                   page->reply->products_tampered);
    if (page->reply->products_tampered > 0)
        add_pair(table, "Products", text);
}

static void print_next_step(const struct status_page *page)
{
    char names[GOVERNED_MAX];
    char escaped[2 * GOVERNED_MAX];
    principal_join(page->governed, "", names, sizeof names);
    text_escape(names, escaped, sizeof escaped);
    (void)printf(
        "\n"
        "The ledger does not go on where the HSM left it: it was restored from a copy, or\n"
        "changed. If you have the right ledger, stop provision-vault and put that one back:\n"
        "the file with its -wal and -shm, and none of those that are there now.\n"
        "Otherwise go on with this one. Each governed product's authorities sign a "
        "document\n"
        "of the kind override that names both heads; apply it with provctl grant apply. "
        "Then:\n"
        "\n"
        "provctl journal override --anchor %s --head %s\n",
        page->anchor, page->head);
    if (names[0] != '\0')
        (void)printf("\nGoverned products: %s. provctl grant list NAME shows whether its override\n"
                     "came.\n",
                     escaped);
}

static enum error print_page(const struct status_page *page, struct failure *failure)
{
    TABLE_AUTO table = table_new_pairs(false);
    add_hsm(table, page);
    add_journal(table, page);
    add_disk(table, page);
    add_products(table, page);
    if (table_print(table, stdout) != ERR_OK)
        return failure_set_memory(failure);
    if (page->is_breached)
        print_next_step(page);
    return ERR_OK;
}

enum error command_status(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__AdminStatusRequest status = PROVISIOND__ADMIN_STATUS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct status_page page;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATUS;
    request.status = &status;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = read_page(reply->status, &page, failure);
    if (e != ERR_OK)
        return e;
    if (page.is_breached)
        page.governed = product_list_governed(arguments);
    e = arguments_has(arguments, OPTION_JSON) ? print_json(&page, failure)
                                              : print_page(&page, failure);
    json_decref(page.governed);
    return e;
}
