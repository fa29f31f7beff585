/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Firmware keys by the admin socket: rotation, list, end. Owns no state beyond the task. */
#include "vault/admin_task.h"

#include <stdio.h>
#include <string.h>

#include "core/crash_point.h"
#include "vault/hsm_watch.h"
#include "vault/listing.h"
#include "vault/notary.h"
#include "vault/product_make.h"
#include "vault/rotation.h"

/* ---- rotation ---- */

enum error admin_product_key_rotate(struct admin_task *task)
{
    const Provisiond__ProductKeyRotateRequest *asked = task->request->product_key_rotate;
    Provisiond__ProductKeyRotateReply *reply = &task->result.product_key_rotate;
    const struct rotation_wish wish = {
        .product = asked->product, .generation = asked->generation, .by = task->by};
    struct rotation_progress progress;
    if (asked->generation != 0 && asked->generation < 2)
        return admin_refuse_field(task, "generation", "A rotation leads to generation 2 or later.");
    enum error e = rotation_step(task->vault, &wish, &progress, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__product_key_rotate_reply__init(reply);
    task->values.key = progress.new_key;
    reply->generation = progress.generation;
    reply->new_key = (ProtobufCBinaryData){.len = HSM_KEY_ID_BYTES, .data = task->values.key.bytes};
    reply->images_done = progress.done;
    reply->images = progress.count;
    reply->finished = progress.is_finished;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_KEY_ROTATE;
    task->reply.product_key_rotate = reply;
    return ERR_OK;
}

/* ---- list ---- */

struct key_row {
    Provisiond__KeyEntry entry;
    struct ledger_firmware_key key;
    const char *role;
    const char *own_state; /* of one of the HSM's own; NULL: it is a firmware key */
    struct sha256 digest;  /* likewise: of its SubjectPublicKeyInfo */
    bool has_digest;
    bool is_prepared; /* of a rotation that is not finished; it may not be there at all */
    struct hsm_key_state state;
};

static bool add_key(void *context, const struct ledger_firmware_key *key)
{
    struct key_row *row = listing_add(context);
    if (row == NULL)
        return false;
    row->role = "firmware";
    row->key = *key;
    if (key->is_retired)
        return true;
    row = listing_add(context);
    if (row == NULL)
        return false;
    row->role = "firmware";
    row->is_prepared = true;
    strcpy(row->key.product, key->product);
    row->key.generation = key->generation + 1;
    const struct hsm_key_id id = product_firmware_key_id(key->product, row->key.generation);
    memcpy(row->key.id, id.bytes, sizeof row->key.id);
    return true;
}

static void learn_weakness(const struct hsm_status *status, struct key_row *row, const char *label)
{
    for (size_t i = 0; i < status->weak_key_count; i++) {
        if (strcmp(status->weak_keys[i].label, label) != 0)
            continue;
        row->state.exists = true;
        strcpy(row->state.weak_attribute, status->weak_keys[i].attribute);
    }
}

static void add_transport(struct listing *listing, const struct hsm_status *status)
{
    const struct hsm_spki *spki = &status->transport;
    struct key_row *row = listing_add(listing);
    if (row == NULL)
        return;
    row->role = "transport";
    row->digest = sha256_of(bytes_of(spki->der, spki->length));
    row->has_digest = row->state.exists = spki->length > 0;
    learn_weakness(status, row, "provisiond-transport");
    row->own_state = row->state.exists ? "in-use" : "missing";
}

/* NULL: the HSM does not have it, or it cannot be read. */
static const struct hsm_spki *checkpoint_spki(const struct hsm_status *status, size_t index)
{
    if (index == 0)
        return status->checkpoint.length > 0 ? &status->checkpoint : NULL;
    return index <= status->successor_count ? &status->successors[index - 1] : NULL;
}

static const char *checkpoint_state(const struct key_chain *keys, size_t index, bool exists)
{
    if (index >= keys->count)
        return "prepared"; /* made, and not in the journal: that rotation is not finished */
    if (index + 1 < keys->count)
        return "retired";
    return exists ? "in-use" : "missing";
}

static void add_checkpoint(struct listing *listing, const struct hsm_status *status,
                           const struct key_chain *keys, size_t index)
{
    const struct hsm_spki *spki = checkpoint_spki(status, index);
    struct key_row *row = listing_add(listing);
    char label[HSM_LABEL_MAX_BYTES + 1] = HSM_CHECKPOINT_LABEL;
    if (row == NULL)
        return;
    row->role = "checkpoint";
    row->key.generation = (int64_t)index + 1;
    row->state.exists = spki != NULL;
    row->has_digest = true;
    row->digest = index < keys->count ? keys->keys[index].digest
                                      : sha256_of(bytes_of(spki->der, spki->length));
    if (index > 0)
        (void)snprintf(label, sizeof label, HSM_CHECKPOINT_LABEL "-%zu", index + 1);
    learn_weakness(status, row, label);
    row->own_state = checkpoint_state(keys, index, row->state.exists);
    if (index + 1 < keys->count)
        row->key.retired_leaf = keys->keys[index + 1].leaf;
}

/* Those that the journal tells of, and one that the HSM has made for the next rotation. */
static enum error add_own(struct admin_task *task, struct listing *listing,
                          const struct hsm_status *status)
{
    struct key_chain keys;
    enum error e = notary_keys(task->vault->notary, &keys, &task->fault);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < keys.count || i <= status->successor_count; i++)
        add_checkpoint(listing, status, &keys, i);
    add_transport(listing, status);
    return ERR_OK;
}

/* The HSM's own come first: what the oldest rows make room for is none of them unless there are
 * thousands. */
static enum error find_keys(struct admin_task *task, struct listing *listing)
{
    const char *product = task->request->product_keys->product;
    struct hsm_status status;
    enum error e = hsm_watch_get(task->vault->watch, &status, &task->fault);
    if (e == ERR_OK && product[0] == '\0')
        e = add_own(task, listing, &status);
    if (e != ERR_OK)
        return e;
    return ledger_firmware_keys_each(task->vault->ledger, product[0] != '\0' ? product : NULL,
                                     add_key, listing, &task->fault);
}

static bool is_own(const struct key_row *row)
{
    return row->own_state != NULL;
}

static enum error ask_states(struct admin_task *task, struct listing *listing)
{
    struct hsm_key_id ids[HSM_KEY_STATES_MAX];
    struct hsm_key_state states[HSM_KEY_STATES_MAX];
    struct key_row *rows[HSM_KEY_STATES_MAX];
    enum error e = ERR_OK;
    for (size_t at = 0, count = 0; at < listing->count && e == ERR_OK; at++) {
        struct key_row *row = listing_at(listing, at);
        if (!is_own(row)) {
            memcpy(ids[count].bytes, row->key.id, HSM_KEY_ID_BYTES);
            rows[count++] = row;
        }
        if (count == 0 || (count < HSM_KEY_STATES_MAX && at + 1 < listing->count))
            continue;
        e = hsm_key_states(task->vault->hsm, ids, count, states, &task->fault);
        for (size_t i = 0; i < count && e == ERR_OK; i++)
            rows[i]->state = states[i];
        count = 0;
    }
    return e;
}

static const char *state_of(const struct key_row *row)
{
    if (is_own(row))
        return row->own_state;
    if (row->is_prepared)
        return "prepared";
    if (row->key.is_destroyed)
        return "destroyed";
    return row->key.is_retired ? "retired" : "in-use";
}

static void fill_key(struct key_row *row)
{
    Provisiond__KeyEntry *entry = &row->entry;
    struct ledger_firmware_key *key = &row->key;
    provisiond__key_entry__init(entry);
    entry->role = (char *)(uintptr_t)row->role;
    entry->product = key->product;
    entry->generation = key->generation;
    entry->id = (ProtobufCBinaryData){.len = HSM_KEY_ID_BYTES, .data = key->id};
    if (is_own(row))
        entry->id = (ProtobufCBinaryData){.len = row->has_digest ? SHA256_SIZE : 0,
                                          .data = row->digest.bytes};
    entry->state = (char *)(uintptr_t)state_of(row);
    entry->since_unix_ms = key->is_destroyed ? key->destroyed_unix_ms : key->retired_unix_ms;
    entry->leaf = key->is_destroyed ? key->destroyed_leaf : key->retired_leaf;
    entry->in_token = row->state.exists;
    entry->weak_attribute = row->state.weak_attribute;
    entry->images = key->images;
}

/* Filled; what was only looked for is left out. Returns how many. */
static size_t fill_keys(struct listing *listing)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct key_row *row = listing->links[i];
        if (row->is_prepared && !row->state.exists)
            continue;
        fill_key(row);
        listing->links[count++] = row;
    }
    return count;
}

enum error admin_product_keys(struct admin_task *task)
{
    Provisiond__ProductKeysReply *reply = &task->result.product_keys;
    struct listing *listing = listing_new(sizeof(struct key_row));
    task->memory = listing;
    task->free_memory = listing_free;
    if (listing == NULL)
        return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = listing_finish(listing, find_keys(task, listing), &task->fault);
    if (e == ERR_OK)
        e = ask_states(task, listing);
    if (e != ERR_OK)
        return e;
    provisiond__product_keys_reply__init(reply);
    reply->n_keys = fill_keys(listing);
    reply->keys = (Provisiond__KeyEntry **)listing->links;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_KEYS;
    task->reply.product_keys = reply;
    return ERR_OK;
}

/* ---- the end ---- */

/* First the key, then the leaf: what is cut in between is a retired key that is gone, and asking
 * again notes it. A leaf never tells of a destruction that did not happen. */
static enum error destroy(struct admin_task *task, const struct ledger_key_end *end,
                          int64_t generation)
{
    char label[HSM_LABEL_MAX_BYTES + 1];
    const struct hsm_key_id id = product_firmware_key_id(end->product, generation);
    bool was_there = false;
    if (memcmp(id.bytes, end->key, sizeof id.bytes) != 0)
        return fault_set(&task->fault, ERR_CONFLICT, "not-a-firmware-key",
                         "The ledger names a key that is not this product's: nothing was "
                         "destroyed.",
                         0);
    product_firmware_key_label(end->product, generation, label);
    crash_point("vault.before-destroy");
    enum error e = hsm_destroy_firmware_key(task->vault->hsm, &id, label, &was_there, &task->fault);
    crash_point("vault.destroyed");
    if (e == ERR_OK)
        e = ledger_firmware_key_ended(task->vault->ledger, end, task->by, &task->fault);
    return e;
}

enum error admin_product_key_destroy(struct admin_task *task)
{
    const Provisiond__ProductKeyDestroyRequest *asked = task->request->product_key_destroy;
    struct ledger_key_end end = {.product = asked->product,
                                 .no_backup_before_unix_ms = asked->no_backup_before_unix_ms};
    struct ledger_firmware_key key;
    if (asked->key.len != sizeof end.key)
        return admin_refuse_field(task, "key", "A firmware key is named by 32 hex digits.");
    memcpy(end.key, asked->key.data, sizeof end.key);
    enum error e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = ledger_firmware_key_may_end(task->vault->ledger, &end, &key, &task->fault);
    if (e == ERR_OK)
        e = destroy(task, &end, key.generation);
    if (e != ERR_OK)
        return e;
    provisiond__product_key_destroy_reply__init(&task->result.product_key_destroy);
    task->result.product_key_destroy.generation = key.generation;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_KEY_DESTROY;
    task->reply.product_key_destroy = &task->result.product_key_destroy;
    return ERR_OK;
}
