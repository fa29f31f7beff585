/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The maker of the tests: signed documents for the world's product "widget", each new, issued now
 * and signed by two. What a test wants otherwise it changes before it applies one.
 */
#ifndef TESTS_LEDGER_MAKER_H
#define TESTS_LEDGER_MAKER_H

#include "world.h"

/* A new document of that kind without a content of its own. */
struct ledger_grant maker_document(enum ledger_grant_kind kind);
/* install, scrap or revoke */
struct ledger_grant maker_units(enum ledger_grant_kind kind, int64_t units);
/* Plain settings with that charging policy. */
struct ledger_settings maker_settings(enum ledger_policy policy);
/* The settings are borrowed until the document is applied. */
struct ledger_grant maker_policy(int64_t sequence, const struct ledger_settings *settings);
/* The serial of the n-th device, from the key of device old_key to that of device new_key. */
struct ledger_rebinding maker_rebinding(int64_t n, int64_t old_key, int64_t new_key);
struct ledger_grant maker_rebind(int64_t sequence, const struct ledger_rebinding *rebinding);
struct ledger_grant maker_override(const struct ledger_heads *heads);

/* The ledger's answer; world->fault is filled on failure. */
enum error maker_apply(struct world *world, const struct ledger_grant *grant,
                       struct ledger_granted *ret_granted);
/* The same, and it must be accepted. */
struct ledger_granted maker_must(struct world *world, const struct ledger_grant *grant);
/* The same, and it must be refused for that reason. */
void maker_must_not(struct world *world, const struct ledger_grant *grant, enum error code,
                    const char *reason);

/* As world_make, with a product that the maker governs (per-device, sequence 1), in a ledger that
 * is bound to an HSM. */
void maker_make(struct world *world, int64_t units);

#endif
