/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Open addressing with linear probing; at most three quarters full. */
#include "audit/index.h"

#include <stdlib.h>
#include <string.h>

#include "audit/pool.h"

#define FIRST_CAPACITY ((size_t)1024)

__extension__ typedef unsigned __int128 wide;

void index_init(struct index *index, index_has_key has_key)
{
    *index = (struct index){.has_key = has_key};
    random_fill(index->seed, sizeof index->seed);
}

void index_clear(struct index *index)
{
    free(index->slots);
    index->slots = NULL;
    index->capacity = 0;
    index->count = 0;
}

/* ---- hash ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t index_hash(const struct index *index, uint64_t hash, struct bytes part)
{
    for (size_t at = 0; at < part.length; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t rest = part.length - at;
        memcpy(&word, part.data + at, rest < sizeof word ? rest : sizeof word);
        hash = mix(hash ^ word ^ index->seed[0], index->seed[1] | 1);
    }
    return mix(hash ^ part.length ^ index->seed[1], index->seed[0] | 1);
}

/* ---- slots ---- */

/* The slot of the key, or the free one where it belongs. */
static struct index_slot *find_slot(const struct index *index, const void *owner, uint32_t hash,
                                    const void *key)
{
    for (size_t at = hash;; at++) {
        struct index_slot *slot = &index->slots[at & (index->capacity - 1)];
        if (slot->number == POOL_NONE ||
            (slot->hash == hash && index->has_key(owner, slot->number, key)))
            return slot;
    }
}

uint32_t index_find(const struct index *index, const void *owner, uint64_t hash, const void *key)
{
    return index->capacity == 0 ? POOL_NONE : find_slot(index, owner, (uint32_t)hash, key)->number;
}

static struct index_slot *new_slots(size_t capacity)
{
    struct index_slot *slots = calloc(capacity, sizeof *slots);
    for (size_t i = 0; slots != NULL && i < capacity; i++)
        slots[i].number = POOL_NONE;
    return slots;
}

/* Keys differ, so the first free slot is right. */
static void move_slot(struct index *index, const struct index_slot *slot)
{
    size_t at = slot->hash;
    while (index->slots[at & (index->capacity - 1)].number != POOL_NONE)
        at++;
    index->slots[at & (index->capacity - 1)] = *slot;
}

static enum error grow(struct index *index, struct fault *fault)
{
    struct index old = *index;
    size_t capacity = old.capacity == 0 ? FIRST_CAPACITY : 2 * old.capacity;
    struct index_slot *slots = new_slots(capacity);
    if (slots == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.",
                         0);
    index->slots = slots;
    index->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].number != POOL_NONE)
            move_slot(index, &old.slots[i]);
    }
    free(old.slots);
    return ERR_OK;
}

enum error index_put(struct index *index, const void *owner, uint64_t hash, const void *key,
                     uint32_t number, struct fault *fault)
{
    if (index->count >= index->capacity / 4 * 3) {
        enum error e = grow(index, fault);
        if (e != ERR_OK)
            return e;
    }
    struct index_slot *slot = find_slot(index, owner, (uint32_t)hash, key);
    if (slot->number == POOL_NONE)
        index->count++;
    *slot = (struct index_slot){.hash = (uint32_t)hash, .number = number};
    return ERR_OK;
}
