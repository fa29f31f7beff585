/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question of a station on its way: the answer under construction, and what its result points
 * into. Large because a license and a tile live in it; one per serving thread's stack.
 * Threads: an answer belongs to one thread.
 */
#ifndef VAULT_STATION_TASK_H
#define VAULT_STATION_TASK_H

#include "vault.pb-c.h"
#include "vault/grants.h"
#include "vault/recipe.h"
#include "vault/state.h"
#include "vault/usage.h"

typedef Provisiond__StationRequest request_message;
typedef Provisiond__StationReply reply_message;

struct answer {
    reply_message message;
    struct fault fault;
    int file;        /* -1: none; else owned */
    uint8_t *memory; /* owned; of a tile */
    union {
        Provisiond__LicenseReply license;
        Provisiond__OutcomeReply outcome;
        Provisiond__UsageReply usage;
        Provisiond__ImageContentReply content;
        Provisiond__ReadyReply ready;
        Provisiond__CheckpointReply checkpoint;
        Provisiond__TileReply tile;
        Provisiond__JournalKeyReply journal_key;
        Provisiond__ReceiptReply receipt;
    } result; /* message points here */
    union {
        struct recipe_answer license;
        struct usage_text usage;
        struct sha256 content;
        struct {
            struct fault hsm;
            struct fault ledger;
            struct notary_view notary;
        } ready;
        char checkpoint[CHECKPOINT_NOTE_MAX];
        struct {
            struct hsm_status hsm;
            struct notary_view notary;
        } journal_key;
        struct {
            char note[CHECKPOINT_NOTE_MAX];
            uint8_t leaf[LEDGER_LEAF_MAX];
            struct tree_proof proof;
            ProtobufCBinaryData hashes[TREE_PROOF_MAX];
        } receipt;
        struct grants_answer grant;
    } values; /* result points here */
};

typedef enum error (*station_operation)(struct vault *vault, const request_message *message,
                                        const struct sha256 *station, struct answer *answer);

/* ---- station.c ---- */
enum error station_refuse_field(struct fault *fault, const char *reason);
bool station_read_uuid(const ProtobufCBinaryData *field, struct uuid *ret_id);
bool station_copy_text(const char *text, char *out, size_t max);

/* ---- station_outcome.c ---- */
enum error station_outcome(struct vault *vault, const request_message *message,
                           const struct sha256 *station, struct answer *answer);

/* ---- station_journal.c ---- */
enum error station_checkpoint(struct vault *vault, const request_message *message,
                              const struct sha256 *station, struct answer *answer);
enum error station_tile(struct vault *vault, const request_message *message,
                        const struct sha256 *station, struct answer *answer);
enum error station_journal_key(struct vault *vault, const request_message *message,
                               const struct sha256 *station, struct answer *answer);
enum error station_receipt(struct vault *vault, const request_message *message,
                           const struct sha256 *station, struct answer *answer);
enum error station_grant_apply(struct vault *vault, const request_message *message,
                               const struct sha256 *station, struct answer *answer);

#endif
