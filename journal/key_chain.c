/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The chain, and the one text that is signed for a link of it. Owns no state. */
#include "journal/key_chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "journal/note.h"

#define KIND          "provisiond-key/1 "
#define BASE64_SIZE   ((size_t)4 * ((SHA256_SIZE + 2) / 3) + 1)
#define NUMBER_DIGITS 20

static_assert(sizeof KIND + KEY_STATEMENT_ORIGIN + NUMBER_DIGITS + 2 * BASE64_SIZE + 2 <=
                  CHECKPOINT_BODY_MAX,
              "four lines and a NUL fit");

size_t key_statement_body(const struct key_statement *statement, char out[CHECKPOINT_BODY_MAX])
{
    char old_key[BASE64_SIZE];
    char new_key[BASE64_SIZE];
    EVP_EncodeBlock((unsigned char *)old_key, statement->old_key.bytes, SHA256_SIZE);
    EVP_EncodeBlock((unsigned char *)new_key, statement->new_key.bytes, SHA256_SIZE);
    return (size_t)snprintf(out, CHECKPOINT_BODY_MAX, KIND "%.*s\n%" PRId64 "\n%s\n%s\n",
                            KEY_STATEMENT_ORIGIN, statement->origin, statement->generation, old_key,
                            new_key);
}

/* ---- the chain ---- */

void key_chain_begin(struct key_chain *chain, const char *origin, const struct sha256 *first)
{
    *chain = (struct key_chain){.count = 1};
    (void)snprintf(chain->origin, sizeof chain->origin, "%s", origin);
    chain->keys[0] = (struct key_chain_key){.digest = *first, .leaf = -1, .is_vouched = true};
}

void key_chain_tell(struct key_chain *chain, struct bytes spki)
{
    const struct sha256 digest = sha256_of(spki);
    struct key_chain_key *first = &chain->keys[0];
    if (!note_key_is_p256(spki) || !sha256_equal(&first->digest, &digest))
        return;
    memcpy(first->spki, spki.data, KEY_SPKI_LENGTH);
    first->is_known = true;
}

static bool is_signed(const struct key_chain *chain, const struct key_rotation *rotation,
                      const struct sha256 *new_key)
{
    char body[CHECKPOINT_BODY_MAX];
    const struct key_statement statement = {.origin = chain->origin,
                                            .generation = rotation->generation,
                                            .old_key = rotation->old_key,
                                            .new_key = *new_key};
    size_t length = key_statement_body(&statement, body);
    return note_signature_holds(bytes_of(body, length), key_chain_spki(key_chain_newest(chain)),
                                bytes_of(rotation->signature, rotation->signature_length));
}

enum key_verdict key_chain_add(struct key_chain *chain, const struct key_rotation *rotation)
{
    const struct key_chain_key *old = key_chain_newest(chain);
    const struct bytes spki = bytes_of(rotation->new_key, rotation->new_key_length);
    const struct sha256 digest = sha256_of(spki);
    if (!sha256_equal(&old->digest, &rotation->old_key))
        return KEY_OTHER_OLD;
    if (rotation->generation != (int64_t)chain->count + 1)
        return KEY_GENERATION;
    if (!note_key_is_p256(spki))
        return KEY_MALFORMED;
    if (key_chain_find(chain, &digest) != NULL)
        return KEY_TWICE;
    if (chain->count == KEY_CHAIN_MAX)
        return KEY_MANY;
    if (old->is_known && !is_signed(chain, rotation, &digest))
        return KEY_FORGED;
    struct key_chain_key *key = &chain->keys[chain->count++];
    *key = (struct key_chain_key){
        .digest = digest, .is_known = true, .leaf = rotation->index, .is_vouched = old->is_known};
    memcpy(key->spki, rotation->new_key, KEY_SPKI_LENGTH);
    return KEY_FOLLOWS;
}

const struct key_chain_key *key_chain_at(const struct key_chain *chain, int64_t size)
{
    size_t i = chain->count - 1;
    while (i > 0 && chain->keys[i].leaf >= size)
        i--;
    return &chain->keys[i];
}

const struct key_chain_key *key_chain_newest(const struct key_chain *chain)
{
    return &chain->keys[chain->count - 1];
}

const struct key_chain_key *key_chain_find(const struct key_chain *chain,
                                           const struct sha256 *digest)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (sha256_equal(&chain->keys[i].digest, digest))
            return &chain->keys[i];
    }
    return NULL;
}

int64_t key_chain_generation(const struct key_chain *chain, const struct key_chain_key *key)
{
    return key - chain->keys + 1;
}

struct bytes key_chain_spki(const struct key_chain_key *key)
{
    return bytes_of(key->spki, key->is_known ? KEY_SPKI_LENGTH : 0);
}
