/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Documents that differ in their bytes and ids, and nothing else that a test did not ask for. */
#include "maker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

#define TEXTS 64 /* documents whose bytes stay at a time */

static const char ANCHORS[] = "-----BEGIN CERTIFICATE-----\n";
static char texts[TEXTS][32];
static atomic_uint next_text;

struct ledger_grant maker_document(enum ledger_grant_kind kind)
{
    unsigned n = atomic_fetch_add(&next_text, 1);
    char *text = texts[n % TEXTS];
    int length = snprintf(text, sizeof texts[0], "document-%u", n);
    return (struct ledger_grant){
        .kind = kind,
        .id = uuid_new(clock_unix_ms()),
        .product = WORLD_PRODUCT,
        .issued_unix_ms = clock_unix_ms(),
        .lot = "",
        .document = bytes_of(text, (size_t)length),
        .signers = {world_digest('a', 1), world_digest('a', 2)},
        .signer_count = 2,
    };
}

struct ledger_grant maker_units(enum ledger_grant_kind kind, int64_t units)
{
    struct ledger_grant grant = maker_document(kind);
    grant.units = units;
    return grant;
}

struct ledger_settings maker_settings(enum ledger_policy policy)
{
    return (struct ledger_settings){.profile = "sealed-v1",
                                    .policy = policy,
                                    .anchors = bytes_of(ANCHORS, sizeof ANCHORS - 1),
                                    .options = "",
                                    .authorities = world_digest('A', 1),
                                    .firmware_key = {1, 2, 3}};
}

struct ledger_grant maker_policy(int64_t sequence, const struct ledger_settings *settings)
{
    struct ledger_grant grant = maker_document(LEDGER_GRANT_POLICY);
    grant.sequence = sequence;
    grant.settings = settings;
    return grant;
}

struct ledger_rebinding maker_rebinding(int64_t n, int64_t old_key, int64_t new_key)
{
    const struct ledger_device device = world_device(n);
    struct ledger_rebinding rebinding = {.old_key = world_digest('d', old_key),
                                         .new_key = world_digest('d', new_key)};
    strcpy(rebinding.serial, device.serial);
    return rebinding;
}

struct ledger_grant maker_rebind(int64_t sequence, const struct ledger_rebinding *rebinding)
{
    struct ledger_grant grant = maker_document(LEDGER_GRANT_REBIND);
    grant.sequence = sequence;
    grant.rebinding = *rebinding;
    return grant;
}

struct ledger_grant maker_override(const struct ledger_heads *heads)
{
    struct ledger_grant grant = maker_document(LEDGER_GRANT_OVERRIDE);
    grant.heads = *heads;
    return grant;
}

enum error maker_apply(struct world *world, const struct ledger_grant *grant,
                       struct ledger_granted *ret_granted)
{
    return ledger_grant_apply(world->ledger, grant, WORLD_BY, ret_granted, &world->fault);
}

struct ledger_granted maker_must(struct world *world, const struct ledger_grant *grant)
{
    struct ledger_granted granted = {0};
    ck_assert_msg(maker_apply(world, grant, &granted) == ERR_OK, "%s: %s", world->fault.reason,
                  world->fault.detail);
    return granted;
}

void maker_must_not(struct world *world, const struct ledger_grant *grant, enum error code,
                    const char *reason)
{
    struct ledger_granted granted;
    ck_assert_int_eq(maker_apply(world, grant, &granted), code);
    ck_assert_str_eq(world->fault.reason, reason);
    ck_assert_int_eq(world->fault.code, code);
}

void maker_make(struct world *world, int64_t units)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    const struct ledger_grant policy = maker_policy(1, &settings);
    const struct sha256 hsm = world_digest('h', 1);
    world_make_empty(world);
    ck_assert_int_eq(ledger_initialise(world->ledger, "factory-7", &hsm, NULL, &world->fault),
                     ERR_OK);
    (void)maker_must(world, &policy);
    if (units > 0) {
        const struct ledger_grant install = maker_units(LEDGER_GRANT_INSTALL, units);
        (void)maker_must(world, &install);
    }
    world_equip(world);
}
