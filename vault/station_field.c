/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading the fields of a question, each as hostile; and what it names. Owns no state. */
#include <string.h>

#include "vault/listing.h"
#include "vault/scope.h"
#include "vault/station_task.h"

enum error station_refuse_field(struct fault *fault, const char *reason)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason,
                     "A field of the request is missing, too long or malformed.", 0);
}

bool station_copy_text(const char *text, char *out, size_t max)
{
    size_t length = strnlen(text, max + 1);
    if (length > max)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

bool station_is_text(const char *text, size_t max)
{
    return strnlen(text, max + 1) <= max;
}

struct listing *station_listing(struct answer *answer, size_t row_size)
{
    struct listing *listing = listing_new(row_size);
    answer->memory = listing;
    answer->free_memory = listing_free;
    if (listing == NULL)
        (void)fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return listing;
}

bool station_read_digest(const ProtobufCBinaryData *field, struct sha256 *ret_digest)
{
    if (field->len != SHA256_SIZE)
        return false;
    memcpy(ret_digest->bytes, field->data, SHA256_SIZE);
    return true;
}

bool station_read_uuid(const ProtobufCBinaryData *field, struct uuid *ret_id)
{
    if (field->len != UUID_SIZE)
        return false;
    memcpy(ret_id->bytes, field->data, UUID_SIZE);
    return true;
}

enum error station_check_install(struct vault *vault, const struct ledger_principal *caller,
                                 const struct uuid *id, struct fault *fault)
{
    struct ledger_install install;
    if (caller->scope.products[0] == '\0')
        return ERR_OK; /* whoever is narrowed to nothing may have each, if it exists */
    enum error e = ledger_install_get(vault->ledger, id, &install, fault);
    if (e == ERR_OK)
        e = scope_check_product(caller, install.product, fault);
    return e;
}

enum error station_find_product(struct vault *vault, const struct ledger_principal *caller,
                                const char *name, struct ledger_product *ret_product,
                                struct fault *fault)
{
    enum error e = scope_check_product(caller, name, fault);
    if (e == ERR_OK)
        e = ledger_product_get(vault->ledger, name, ret_product, fault);
    return e;
}

enum error station_begin_sum(struct vault *vault, const struct ledger_principal *caller,
                             struct fault *fault)
{
    switch (turns_enter(&vault->sums, caller->id)) {
    case TURNS_TAKEN:
        return ERR_OK;
    case TURNS_FULL:
        return fault_set(fault, ERR_BUSY, "many-sums",
                         "Sums or searches of others are being made: ask again.", 0);
    default:
        return fault_set(fault, ERR_BUSY, "callers-sum",
                         "A sum or a search of this caller is being made: ask one after the other.",
                         0);
    }
}

void station_end_sum(struct vault *vault, const struct ledger_principal *caller)
{
    turns_leave(&vault->sums, caller->id);
}
