/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question on the station socket on its way: the answer under construction, and what its result
 * points into. Large because a license and a receipt live in it; one per serving thread's stack.
 * Threads: an answer belongs to one thread.
 */
#ifndef VAULT_STATION_TASK_H
#define VAULT_STATION_TASK_H

#include "core/clock.h"
#include "vault.pb-c.h"
#include "vault/entries.h"
#include "vault/grants.h"
#include "vault/recipe.h"
#include "vault/state.h"
#include "vault/usage.h"

typedef Provisiond__StationRequest request_message;
typedef Provisiond__StationReply reply_message;

struct answer {
    reply_message message;
    struct fault fault;
    deadline_ms deadline;              /* when it must be on its way */
    int file;                          /* -1: none; else owned */
    void *memory;                      /* owned; whatever result points into and is large */
    void (*free_memory)(void *memory); /* NULL: there is none */
    union {
        Provisiond__LicenseReply license;
        Provisiond__LicenseBatchReply license_batch;
        Provisiond__OutcomeReply outcome;
        Provisiond__UsageReply usage;
        Provisiond__ImageContentReply content;
        Provisiond__ReadyReply ready;
        Provisiond__CheckpointReply checkpoint;
        Provisiond__TileReply tile;
        Provisiond__JournalKeyReply journal_key;
        Provisiond__ReceiptReply receipt;
        Provisiond__SelfReply self;
        Provisiond__InstallListReply install_list;
        Provisiond__ProductReadReply product_read;
        Provisiond__PolicyReadReply policy_read;
        Provisiond__ImageReadReply image_read;
        Provisiond__GrantReadReply grant_read;
        Provisiond__PrincipalListReply principal_list;
        Provisiond__UsageByReply usage_by;
        Provisiond__MetricsReply metrics;
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
            struct key_chain_key key;
            struct notary_view notary;
        } journal_key;
        struct {
            char note[CHECKPOINT_NOTE_MAX];
            uint8_t leaf[LEDGER_LEAF_MAX];
            struct tree_proof proof;
            ProtobufCBinaryData hashes[TREE_PROOF_MAX];
        } receipt;
        struct grants_answer grant;
        struct principal_row self;
    } values; /* result points here */
};

/* Fills answer->message or answer->fault and returns the fault's code. The caller may do this, as
 * far as its role goes; what it is narrowed to is the operation's to check. */
typedef enum error (*station_operation)(struct vault *vault, const request_message *message,
                                        const struct ledger_principal *caller,
                                        struct answer *answer);

/* ---- station_field.c ---- */
enum error station_refuse_field(struct fault *fault, const char *reason);
bool station_read_digest(const ProtobufCBinaryData *field, struct sha256 *ret_digest);
bool station_read_uuid(const ProtobufCBinaryData *field, struct uuid *ret_id);
bool station_copy_text(const char *text, char *out, size_t max);
bool station_is_text(const char *text, size_t max);
/* The answer's listing, freed with it; NULL when memory is out, which is the fault then. */
struct listing *station_listing(struct answer *answer, size_t row_size);
/* Whether an install's product is in the caller's scope. ERR_INSTALL_UNKNOWN, ERR_FORBIDDEN. */
enum error station_check_install(struct vault *vault, const struct ledger_principal *caller,
                                 const struct uuid *id, struct fault *fault) MUST_USE;
/* An existing product of the caller's scope. ERR_PRODUCT_UNKNOWN, ERR_FORBIDDEN. */
enum error station_find_product(struct vault *vault, const struct ledger_principal *caller,
                                const char *name, struct ledger_product *ret_product,
                                struct fault *fault) MUST_USE;

/* For what reads many rows: one at a time of a principal, and few in all. ERR_BUSY. With ERR_OK
 * station_end_sum must follow. */
enum error station_begin_sum(struct vault *vault, const struct ledger_principal *caller,
                             struct fault *fault) MUST_USE;
void station_end_sum(struct vault *vault, const struct ledger_principal *caller);

#define STATION_OPERATION(name)                                          \
    enum error name(struct vault *vault, const request_message *message, \
                    const struct ledger_principal *caller, struct answer *answer) MUST_USE

/* ---- station_license.c ---- */
STATION_OPERATION(station_license);
STATION_OPERATION(station_license_batch);
/* ---- station_outcome.c ---- */
STATION_OPERATION(station_outcome);
/* ---- station_content.c ---- */
STATION_OPERATION(station_image_content);
/* ---- station_journal.c ---- */
STATION_OPERATION(station_checkpoint);
STATION_OPERATION(station_tile);
STATION_OPERATION(station_journal_key);
STATION_OPERATION(station_receipt);
/* ---- station_grant.c ---- */
STATION_OPERATION(station_grant_apply);
STATION_OPERATION(station_grant_read);
/* ---- station_install.c ---- */
STATION_OPERATION(station_install_list);
STATION_OPERATION(station_usage);
STATION_OPERATION(station_usage_by);
/* ---- station_read.c ---- */
STATION_OPERATION(station_self);
STATION_OPERATION(station_product_read);
STATION_OPERATION(station_policy_read);
STATION_OPERATION(station_image_read);
STATION_OPERATION(station_principal_list);
/* ---- station_metrics.c ---- */
STATION_OPERATION(station_ready);
STATION_OPERATION(station_metrics);

#endif
