/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The checkpoint keys of a journal, one after the other. The first is the HSM's identity: its
 * SHA-256 is in the `initialised` leaf. Each later one is in a `checkpoint-key-rotated` leaf, with
 * a statement that the key before it signed:
 *
 *     provisiond-key/1 <origin>\n
 *     <generation of the new key>\n
 *     <SHA-256 of the old key's SubjectPublicKeyInfo>\n     standard base64, as the next
 *     <SHA-256 of the new key's>\n
 *
 * No checkpoint and no backup's note has that form. From its leaf on the new key signs: a head of
 * more leaves than the leaf's index counts only by it, one of fewer only by the key before.
 *
 *     key_chain_begin(&chain, origin, &identity);
 *     key_chain_tell(&chain, spki);                 a key that the reader holds
 *     key_chain_add(&chain, &rotation);             for each such leaf, in order
 *     key_chain_at(&chain, size);                   whose signature a head of that size needs
 *
 * Threads: values and pure functions.
 */
#ifndef JOURNAL_KEY_CHAIN_H
#define JOURNAL_KEY_CHAIN_H

#include <stdbool.h>

#include "journal/checkpoint.h"

#define KEY_CHAIN_MAX   16 /* keys of one HSM */
#define KEY_SPKI_LENGTH 91 /* P-256, a named curve, an uncompressed point */
#define KEY_STATEMENT_ORIGIN                                             \
    92 /* bytes of an origin in a statement; no journal has a longer one \
        */

struct key_statement {
    const char *origin;
    int64_t generation; /* of the new key: 2 for the second one */
    struct sha256 old_key;
    struct sha256 new_key;
};

/* The bytes that are signed, with NUL; returns their number without it. */
size_t key_statement_body(const struct key_statement *statement, char out[CHECKPOINT_BODY_MAX]);

/* What a `checkpoint-key-rotated` leaf says. */
struct key_rotation {
    int64_t index; /* of the leaf */
    int64_t generation;
    struct sha256 old_key;
    uint8_t new_key[KEY_SPKI_LENGTH];
    size_t new_key_length; /* of a key that is none: another one */
    uint8_t signature[CHECKPOINT_DER_MAX];
    size_t signature_length;
};

enum key_leaf { KEY_LEAF_OTHER, KEY_LEAF_READ, KEY_LEAF_MALFORMED };

/* Reads an entry of the journal. Its index is not in it: the caller gives it. */
enum key_leaf key_rotation_read(struct bytes entry, int64_t index,
                                struct key_rotation *ret_rotation) MUST_USE;

struct key_chain_key {
    struct sha256 digest; /* of the SubjectPublicKeyInfo */
    uint8_t spki[KEY_SPKI_LENGTH];
    bool is_known;   /* spki is there; the first key's is not until the reader tells it */
    int64_t leaf;    /* its rotation; -1 for the first key */
    bool is_vouched; /* the key before signed for it, or there is none */
};

struct key_chain {
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    struct key_chain_key keys[KEY_CHAIN_MAX];
    size_t count;
};

void key_chain_begin(struct key_chain *chain, const char *origin, const struct sha256 *first);
/* A key that the reader trusts for himself: with the first one he can check every statement. */
void key_chain_tell(struct key_chain *chain, struct bytes spki);

enum key_verdict {
    KEY_FOLLOWS,
    KEY_GENERATION, /* not the next one */
    KEY_OTHER_OLD,  /* of another key than the newest one */
    KEY_MALFORMED,  /* no P-256 key in its usual form */
    KEY_TWICE,      /* the chain has it already */
    KEY_FORGED,     /* the old key's signature does not hold */
    KEY_MANY        /* more than KEY_CHAIN_MAX */
};

/*
 * Adds a key that follows; any other verdict leaves the chain as it was. The statement of a key
 * whose SubjectPublicKeyInfo is not known cannot be checked: the new key is not vouched for then.
 */
enum key_verdict key_chain_add(struct key_chain *chain,
                               const struct key_rotation *rotation) MUST_USE;

/* The key that signs a head of so many leaves. */
const struct key_chain_key *key_chain_at(const struct key_chain *chain, int64_t size);
const struct key_chain_key *key_chain_newest(const struct key_chain *chain);
/* NULL: it is none of them. */
const struct key_chain_key *key_chain_find(const struct key_chain *chain,
                                           const struct sha256 *digest);
/* Its number, from 1. */
int64_t key_chain_generation(const struct key_chain *chain, const struct key_chain_key *key);
struct bytes key_chain_spki(const struct key_chain_key *key);

#endif
