/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signed documents that come in by REST, and those that were accepted. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/listing.h"
#include "vault/scope.h"
#include "vault/station_task.h"

#define BY_NAME_MAX 50 /* so that "administrator:" and it are at most 64 bytes */

/* ---- POST /v1/grants ---- */

enum error station_grant_apply(struct vault *vault, const request_message *message,
                               const struct ledger_principal *caller, struct answer *answer)
{
    const ProtobufCBinaryData *document = &message->grant_apply->document;
    char by[sizeof "administrator:" + BY_NAME_MAX];
    (void)snprintf(by, sizeof by, "%s:%.*s",
                   caller->role == LEDGER_OPERATOR ? "operator" : "administrator", BY_NAME_MAX,
                   caller->name);
    const struct grants_bringer bringer = {.by = by, .scope = caller};
    enum error e = grants_apply(vault, bytes_of(document->data, document->len), &bringer,
                                &answer->values.grant, &answer->fault);
    if (e != ERR_OK)
        return e;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_GRANT_APPLY;
    answer->message.grant_apply = &answer->values.grant.reply;
    return ERR_OK;
}

/* ---- GET /v1/grants ---- */

/* The rows, and the bytes of the one that was asked for. */
struct grant_page {
    struct listing *rows;
    uint8_t *content;
    size_t length;
    bool is_out_of_memory;
};

static void page_free(void *memory)
{
    struct grant_page *page = memory;
    if (page == NULL)
        return;
    listing_free(page->rows);
    free(page->content);
    free(page);
}

static struct grant_page *page_new(struct answer *answer)
{
    struct grant_page *page = calloc(1, sizeof *page);
    answer->memory = page;
    answer->free_memory = page_free;
    if (page != NULL)
        page->rows = listing_new(sizeof(struct grant_row));
    if (page == NULL || page->rows == NULL) {
        (void)fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
        return NULL;
    }
    return page;
}

static bool add_with_content(void *context, const struct ledger_document *document)
{
    struct grant_page *page = context;
    page->content = malloc(document->document.length + 1);
    page->is_out_of_memory = page->content == NULL;
    if (page->content == NULL)
        return false;
    memcpy(page->content, document->document.data, document->document.length);
    page->length = document->document.length;
    return entry_add_grant(page->rows, document);
}

static enum error find_one(struct vault *vault, const Provisiond__GrantReadRequest *asked,
                           const struct ledger_principal *caller, struct grant_page *page,
                           struct fault *fault)
{
    struct uuid id;
    if (!station_read_uuid(&asked->grant_id, &id))
        return station_refuse_field(fault, "grant_id");
    enum error e = ledger_document_get(vault->ledger, &id, add_with_content, page, fault);
    if (e == ERR_OK && (page->is_out_of_memory || page->rows->count == 0))
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e != ERR_OK)
        return e;
    const struct grant_row *row = listing_at(page->rows, 0);
    return scope_check_product(caller, row->document.product, fault);
}

static enum error find_page(struct vault *vault, const Provisiond__GrantReadRequest *asked,
                            const struct ledger_principal *caller, struct grant_page *page,
                            int64_t *ret_next, struct fault *fault)
{
    struct ledger_product product;
    if (asked->limit < 1 || asked->limit > LEDGER_PAGE_MAX)
        return station_refuse_field(fault, "limit");
    if (asked->before < 0)
        return station_refuse_field(fault, "before");
    if (asked->product[0] != '\0') {
        enum error e = station_find_product(vault, caller, asked->product, &product, fault);
        if (e != ERR_OK)
            return e;
    }
    return ledger_documents_page(vault->ledger, caller->scope.products, asked->product,
                                 asked->before, asked->limit, entry_add_grant, page->rows, ret_next,
                                 fault);
}

enum error station_grant_read(struct vault *vault, const request_message *message,
                              const struct ledger_principal *caller, struct answer *answer)
{
    const Provisiond__GrantReadRequest *asked = message->grant_read;
    struct grant_page *page = page_new(answer);
    Provisiond__GrantReadReply *reply = &answer->result.grant_read;
    if (page == NULL)
        return answer->fault.code;
    provisiond__grant_read_reply__init(reply);
    enum error e = asked->grant_id.len > 0
                       ? find_one(vault, asked, caller, page, &answer->fault)
                       : find_page(vault, asked, caller, page, &reply->next, &answer->fault);
    e = listing_finish(page->rows, e, &answer->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < page->rows->count; i++)
        entry_fill_grant(page->rows->links[i]);
    reply->n_grants = page->rows->count;
    reply->grants = (Provisiond__GrantEntry **)page->rows->links;
    reply->content = (ProtobufCBinaryData){.len = page->length, .data = page->content};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_GRANT_READ;
    answer->message.grant_read = reply;
    return ERR_OK;
}
