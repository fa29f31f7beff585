/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vault: decides and counts. It checks each device itself, owns ledger and journal, and lets a
 * license out only after its charge is durable (docs/ARCHITECTURE.md, "The recipe").
 *
 * It serves two sockets of config->vault: the station socket, whose messages can express what a
 * station may do and no more, and the admin socket, open to peers by their credentials. The HSM may
 * be absent at start and come back at any time; requests meanwhile fail with a clear fault.
 *
 * Order of calls: vault_new, …, vault_free. Threads: both from one thread; inside, a pool of
 * config->vault.threads serves stations and a small one serves administration.
 */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"

struct vault;

/* Opens ledger and image store and starts serving. config is borrowed until vault_free. */
enum error vault_new(const struct config *config, struct vault **ret_vault,
                     struct fault *fault) MUST_USE;
/* Whether ledger and images have folders that can be written; changes nothing. ERR_CONFIG. */
enum error vault_check(const struct config *config, struct fault *fault) MUST_USE;

/*
 * Whether stations are served: asks the vault's own station socket what /readyz asks, as provisiond
 * would. Any answer will do, what it says of the HSM too; "busy" only while requests are taken from
 * the queue. ERR_VAULT_UNAVAILABLE or ERR_TIMEOUT otherwise, or as vault_writer_check. From one
 * thread at a time.
 */
enum error vault_probe(struct vault *vault, deadline_ms deadline, struct fault *fault) MUST_USE;
/* As ledger_writer_check: whether what changes something can be answered. While it says no,
 * vault_free does not return. */
enum error vault_writer_check(struct vault *vault, struct fault *fault) MUST_USE;
/* Stops reading requests, finishes those under way, closes the ledger. NULL is allowed. */
void vault_free(struct vault *vault);

#endif
