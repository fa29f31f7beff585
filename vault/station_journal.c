/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal for whoever may read it: checkpoint, tiles, key and receipts. Owns no state.
 */
#include "vault/station_task.h"

#include <stdlib.h>
#include <string.h>

#include "journal/tile.h"
#include "vault/hsm_watch.h"
#include "vault/notary.h"

#define ENTRY_HEAD_BYTES 2 /* its length, big-endian */

/* ---- GET /v1/journal/checkpoint ---- */

enum error station_checkpoint(struct vault *vault, const request_message *message,
                              const struct ledger_principal *caller, struct answer *answer)
{
    char *note = answer->values.checkpoint;
    int64_t size = 0;
    (void)message;
    (void)caller;
    enum error e = ledger_checkpoint_get(vault->ledger, &size, note, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__checkpoint_reply__init(&answer->result.checkpoint);
    answer->result.checkpoint.note =
        (ProtobufCBinaryData){.len = strlen(note), .data = (uint8_t *)note};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_CHECKPOINT;
    answer->message.checkpoint = &answer->result.checkpoint;
    return ERR_OK;
}

/* ---- GET /v1/journal/tile/... ---- */

/* Entries of a tile, gathered; memory is large enough for the longest ones. */
struct bundle {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    unsigned count;
};

static bool add_entry(void *context, int64_t index, struct bytes entry)
{
    struct bundle *bundle = context;
    (void)index;
    if (bundle->capacity - bundle->length < ENTRY_HEAD_BYTES + entry.length)
        return false;
    uint8_t *at = bundle->bytes + bundle->length;
    at[0] = (uint8_t)(entry.length >> 8);
    at[1] = (uint8_t)entry.length;
    memcpy(at + ENTRY_HEAD_BYTES, entry.data, entry.length);
    bundle->length += ENTRY_HEAD_BYTES + entry.length;
    bundle->count++;
    return true;
}

/* NULL: there is none. */
static void *take_memory(struct answer *answer, size_t size)
{
    answer->memory = malloc(size);
    answer->free_memory = free;
    return answer->memory;
}

static enum error read_entries(struct vault *vault, const struct tile *tile, struct answer *answer,
                               size_t *ret_length)
{
    struct bundle bundle = {.capacity = tile->width * (ENTRY_HEAD_BYTES + (size_t)LEDGER_LEAF_MAX)};
    bundle.bytes = take_memory(answer, bundle.capacity);
    if (bundle.bytes == NULL)
        return fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = ledger_leaves_each(vault->ledger, tile->index * TREE_TILE_WIDTH, tile->width,
                                      add_entry, &bundle, &answer->fault);
    if (e == ERR_OK && bundle.count != tile->width)
        e = fault_set(&answer->fault, ERR_LEDGER_UNAVAILABLE, "corrupt",
                      "Leaves of the journal are missing.", 0);
    *ret_length = bundle.length;
    return e;
}

static enum error read_hashes(struct vault *vault, const struct tile *tile, struct answer *answer,
                              size_t *ret_length)
{
    struct sha256 *hashes = take_memory(answer, TREE_TILE_WIDTH * sizeof *hashes);
    if (hashes == NULL)
        return fault_set(&answer->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    *ret_length = tile->width * sizeof *hashes;
    return ledger_hashes(vault->ledger, tile->level, tile->index * TREE_TILE_WIDTH, tile->width,
                         hashes, &answer->fault);
}

/* What a checkpoint does not cover yet is not shown: it might still be lost with the machine. */
static enum error check_tile(struct vault *vault, const struct tile *tile, struct answer *answer)
{
    char note[CHECKPOINT_NOTE_MAX];
    int64_t size = 0;
    enum error e = ledger_checkpoint_get(vault->ledger, &size, note, &answer->fault);
    if (e != ERR_OK && e != ERR_NOT_COVERED)
        return e;
    if (!tile_exists(tile, size))
        return fault_set(&answer->fault, ERR_ROUTE_UNKNOWN, "tile-unknown",
                         "The newest checkpoint does not cover this tile.", 0);
    return ERR_OK;
}

/* Entries tell of every product; hashes and checkpoints of none. */
static enum error check_scope(const struct ledger_principal *caller, const struct tile *tile,
                              struct answer *answer)
{
    if (!tile->is_entries || caller->scope.products[0] == '\0')
        return ERR_OK;
    return fault_set(&answer->fault, ERR_FORBIDDEN, "product-not-allowed",
                     "The journal's entries tell of all products, and the caller is narrowed to "
                     "some; ask for receipts of their licenses instead.",
                     0);
}

enum error station_tile(struct vault *vault, const request_message *message,
                        const struct ledger_principal *caller, struct answer *answer)
{
    const Provisiond__TileRequest *asked = message->tile;
    const struct tile tile = {.is_entries = asked->entries,
                              .level = asked->level,
                              .index = asked->index,
                              .width = asked->width};
    size_t length = 0;
    enum error e = check_scope(caller, &tile, answer);
    if (e == ERR_OK)
        e = check_tile(vault, &tile, answer);
    if (e == ERR_OK)
        e = tile.is_entries ? read_entries(vault, &tile, answer, &length)
                            : read_hashes(vault, &tile, answer, &length);
    if (e != ERR_OK)
        return e;
    provisiond__tile_reply__init(&answer->result.tile);
    answer->result.tile.data = (ProtobufCBinaryData){.len = length, .data = answer->memory};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_TILE;
    answer->message.tile = &answer->result.tile;
    return ERR_OK;
}

/* ---- GET /v1/journal/key ---- */

/* The one that signed the newest checkpoint; before there is any, the one that will. */
static enum error find_key(struct vault *vault, struct key_chain_key *ret_key, struct fault *fault)
{
    struct key_chain keys;
    char note[CHECKPOINT_NOTE_MAX];
    int64_t size = INT64_MAX;
    enum error e = notary_keys(vault->notary, &keys, fault);
    if (e == ERR_OK)
        e = ledger_checkpoint_get(vault->ledger, &size, note, fault);
    if (e != ERR_OK && e != ERR_NOT_COVERED)
        return e;
    *ret_key = *key_chain_at(&keys, size);
    return ERR_OK;
}

enum error station_journal_key(struct vault *vault, const request_message *message,
                               const struct ledger_principal *caller, struct answer *answer)
{
    struct key_chain_key *key = &answer->values.journal_key.key;
    struct notary_view *view = &answer->values.journal_key.notary;
    Provisiond__JournalKeyReply *reply = &answer->result.journal_key;
    (void)message;
    (void)caller;
    enum error e = hsm_watch_permits(vault->watch, &answer->fault);
    if (e == ERR_OK)
        e = find_key(vault, key, &answer->fault);
    if (e != ERR_OK)
        return e;
    notary_show(vault->notary, view);
    provisiond__journal_key_reply__init(reply);
    reply->spki = (ProtobufCBinaryData){.len = KEY_SPKI_LENGTH, .data = key->spki};
    reply->origin = view->origin;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_JOURNAL_KEY;
    answer->message.journal_key = reply;
    return ERR_OK;
}

/* ---- GET /v1/licenses/{license_id}/receipt ---- */

struct leaf_copy {
    uint8_t *bytes;
    size_t length;
};

static bool copy_leaf(void *context, int64_t index, struct bytes entry)
{
    struct leaf_copy *copy = context;
    (void)index;
    if (entry.length <= LEDGER_LEAF_MAX) {
        memcpy(copy->bytes, entry.data, entry.length);
        copy->length = entry.length;
    }
    return false;
}

static void put_proof(struct answer *answer, Provisiond__ReceiptReply *reply)
{
    struct tree_proof *proof = &answer->values.receipt.proof;
    for (size_t i = 0; i < proof->count; i++)
        answer->values.receipt.hashes[i] =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = proof->hashes[i].bytes};
    reply->n_proof = proof->count;
    reply->proof = answer->values.receipt.hashes;
}

static enum error find_receipt(struct vault *vault, const struct uuid *install,
                               struct answer *answer, Provisiond__ReceiptReply *reply)
{
    struct leaf_copy copy = {.bytes = answer->values.receipt.leaf};
    struct fault *fault = &answer->fault;
    enum error e = ledger_install_leaf(vault->ledger, install, &reply->index, fault);
    if (e == ERR_OK)
        e = ledger_checkpoint_get(vault->ledger, &reply->tree_size, answer->values.receipt.note,
                                  fault);
    if (e == ERR_OK && reply->index >= reply->tree_size)
        e = fault_set(fault, ERR_NOT_COVERED, "not-covered-yet",
                      "The license is in the journal, and no checkpoint covers it yet.", 0);
    if (e == ERR_OK)
        e = ledger_leaves_each(vault->ledger, reply->index, 1, copy_leaf, &copy, fault);
    if (e == ERR_OK)
        e = ledger_inclusion(vault->ledger, reply->index, reply->tree_size,
                             &answer->values.receipt.proof, fault);
    reply->leaf = (ProtobufCBinaryData){.len = copy.length, .data = copy.bytes};
    return e;
}

enum error station_receipt(struct vault *vault, const request_message *message,
                           const struct ledger_principal *caller, struct answer *answer)
{
    struct uuid install;
    Provisiond__ReceiptReply *reply = &answer->result.receipt;
    if (!station_read_uuid(&message->receipt->install_id, &install))
        return station_refuse_field(&answer->fault, "install_id");
    provisiond__receipt_reply__init(reply);
    enum error e = station_check_install(vault, caller, &install, &answer->fault);
    if (e == ERR_OK)
        e = find_receipt(vault, &install, answer, reply);
    if (e != ERR_OK)
        return e;
    put_proof(answer, reply);
    reply->note = (ProtobufCBinaryData){.len = strlen(answer->values.receipt.note),
                                        .data = (uint8_t *)answer->values.receipt.note};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_RECEIPT;
    answer->message.receipt = reply;
    return ERR_OK;
}
