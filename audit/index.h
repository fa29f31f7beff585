/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a key to the number of a pool's record: a hash table that keeps numbers and no keys.
 *
 * The hash is keyed at random, so that no export can be made whose keys all collide; nothing that
 * is printed depends on it. Private to audit/. Threads: one.
 */
#ifndef AUDIT_INDEX_H
#define AUDIT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

/* Whether the record of that number has the key. */
typedef bool (*index_has_key)(const void *owner, uint32_t number, const void *key);

struct index_slot {
    uint32_t hash;
    uint32_t number;
};

struct index {
    index_has_key has_key;
    uint64_t seed[2];
    struct index_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* Before first use; has_key's owner is given with each call. */
void index_init(struct index *index, index_has_key has_key);
void index_clear(struct index *index);

/* The hash of a key's parts, for the calls below: begins with 0. */
uint64_t index_hash(const struct index *index, uint64_t hash, struct bytes part);

/* The number of the record with the key, or POOL_NONE. */
uint32_t index_find(const struct index *index, const void *owner, uint64_t hash, const void *key);
/* Sets the number of a key, which may be there already. ERR_INTERNAL ("memory"). */
enum error index_put(struct index *index, const void *owner, uint64_t hash, const void *key,
                     uint32_t number, struct fault *fault) MUST_USE;

#endif
