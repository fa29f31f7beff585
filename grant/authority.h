/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may sign for a product: a set of keys, pinned by their certificates, of which a number
 * (the threshold, "m of n") must sign each document.
 *
 * A certificate stands for its key alone: no chain is followed and its dates do not matter; who
 * leaves the set is taken out by a policy document. Keys: EC P-256, P-384 or P-521, RSA from 2048
 * bits, Ed25519. Threads: immutable after it was made.
 */
#ifndef GRANT_AUTHORITY_H
#define GRANT_AUTHORITY_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define AUTHORITY_KEYS_MAX  16
#define AUTHORITY_PEM_MAX   ((size_t)8 * 1024) /* of one certificate */
#define AUTHORITY_NAME_SIZE 128

struct authority_set;

/*
 * count PEM certificates (1 to AUTHORITY_KEYS_MAX, one each) and a threshold (1 to count).
 * ERR_BAD_REQUEST: "authority-certificate" (not one PEM certificate), "authority-key" (a weak or
 * unknown kind of key), "authority-twice" (two certificates with one key), "threshold".
 */
enum error authority_set_new(const char *const *pems, size_t count, unsigned threshold,
                             struct authority_set **ret_set, struct fault *fault) MUST_USE;
/* NULL is allowed. */
void authority_set_free(struct authority_set *set);

size_t authority_set_count(const struct authority_set *set);
unsigned authority_set_threshold(const struct authority_set *set);
/* SHA-256 of a member's SubjectPublicKeyInfo. */
struct sha256 authority_set_key(const struct authority_set *set, size_t i);
/* The certificate as PEM, borrowed; and its subject for people ("CN=Officer 1, O=Maker"). */
const char *authority_set_pem(const struct authority_set *set, size_t i);
void authority_set_name(const struct authority_set *set, size_t i, char out[AUTHORITY_NAME_SIZE]);

/*
 * What the HSM keeps of a product's first set: SHA-256 of "provisiond-authorities/1\n", the
 * threshold in decimal and a newline, and the members' keys (64 hex digits and a newline each) in
 * ascending order.
 */
struct sha256 authority_set_digest(const struct authority_set *set);

#endif
