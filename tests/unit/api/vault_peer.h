/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program at the other end of the vault's station socket that speaks vault.proto and does what
 * the product's name, or the image's alias, says, so that a test reaches every kind of answer. The
 * true vault is met in the end-to-end tests.
 *
 *     widget               a first license
 *     again                the same license once more
 *     fault-<error name>   that fault, with reason "peer-reason", a sentence and native 48
 *     held                 no answer before vault_peer_release or the peer's end
 *     other-type           a reply of another type
 *     bad-license          a license whose fields break their limits
 *     hang-up              the connection is closed
 *     no-digest            an image's content that does not say which image it is
 *
 * What names neither of the two is told by the request's id (X-Request-Id): the words stand in
 * peer_reply.h.
 *
 * Threads: safe from any thread.
 */
#ifndef TESTS_UNIT_API_VAULT_PEER_H
#define TESTS_UNIT_API_VAULT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define PEER_TEXT_SIZE 80

/* What the last request said. */
struct peer_seen {
    uint8_t spki[SHA256_SIZE];
    size_t spki_length;
    uint8_t lane[SHA256_SIZE];
    size_t lane_length;
    char request_id[PEER_TEXT_SIZE];
    char traceparent[PEER_TEXT_SIZE];
    char product[PEER_TEXT_SIZE];
    size_t image_length;
    size_t chain_length;
    char alias[PEER_TEXT_SIZE]; /* of a license or an image */
    uint8_t st_certificate[1024];
    size_t st_length;
    char lot[PEER_TEXT_SIZE];
    char operator_name[PEER_TEXT_SIZE];
    struct uuid install; /* of an outcome or a receipt */
    int outcome;
    char code[PEER_TEXT_SIZE];
    uint8_t receipt[144]; /* a device's */
    size_t receipt_length;
    bool is_entries; /* the four of a tile */
    unsigned level;
    int64_t index;
    unsigned width;
    /* of a list or a sum, whatever of it the operation has */
    char station[PEER_TEXT_SIZE];
    char name[PEER_TEXT_SIZE]; /* of a product or a station */
    size_t id_length;          /* of an install, an image or a grant */
    size_t device_length;
    int result;
    int64_t since;
    int64_t until;
    int64_t before;
    char after[PEER_TEXT_SIZE];
    unsigned limit;
    int by;                 /* the key of a sum */
    int role;               /* of principals */
    struct sha256 document; /* the digest of a signed document's bytes */
    size_t document_length;
    size_t batch;   /* how many licenses it asks for; the others above are then the last one's */
    unsigned count; /* of all requests so far */
};

struct vault_peer;

/* image_path is what each image's content is; hsm is readyz's word for the HSM. */
struct vault_peer *vault_peer_start(const char *socket, const char *image_path, const char *hsm);
void vault_peer_stop(struct vault_peer *peer);

struct peer_seen vault_peer_seen(struct vault_peer *peer);
size_t vault_peer_held(struct vault_peer *peer);
/* Answers what is held, as "widget". */
void vault_peer_release(struct vault_peer *peer);

#endif
