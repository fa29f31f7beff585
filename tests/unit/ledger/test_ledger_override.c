/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Documents and time: their dates at the writer's clock, consent to an override, and what an
 * override makes of older documents. */
#include <string.h>

#include "core/clock.h"
#include "maker.h"
#include "set_clock.h"

#define MINUTE_MS INT64_C(60000)
#define GADGET    "gadget"

static struct world world;

static void setup(void)
{
    set_clock_shift(0);
    maker_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- dates ---- */

START_TEST(a_document_counts_between_its_dates_both_included)
{
    int64_t now = clock_unix_ms() + MINUTE_MS;
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 1);
    grant.not_before_unix_ms = now;
    grant.not_after_unix_ms = now + MINUTE_MS;
    set_clock_stop(now - 1);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "not-yet-valid");
    set_clock_stop(now);
    (void)maker_must(&world, &grant);
    grant.id = uuid_new(now);
    set_clock_stop(now + MINUTE_MS);
    (void)maker_must(&world, &grant);
    grant.id = uuid_new(now);
    set_clock_stop(now + MINUTE_MS + 1);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "expired");
    ck_assert_int_eq(world_usage(&world).granted, 12);
    set_clock_stop(0);
}
END_TEST

START_TEST(what_was_accepted_stays_after_its_last_date)
{
    struct ledger_issued issued;
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 1);
    grant.not_after_unix_ms = clock_unix_ms() + MINUTE_MS;
    (void)maker_must(&world, &grant);
    set_clock_shift(10 * MINUTE_MS);
    ck_assert_int_eq(world_usage(&world).granted, 11);
    for (int64_t n = 1; n <= 11; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
}
END_TEST

/* The time never goes back behind the newest leaf, so a clock that is set back revives nothing. */
START_TEST(a_clock_set_back_does_not_revive_a_document)
{
    struct ledger_issued issued;
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 1);
    grant.not_after_unix_ms = clock_unix_ms() + MINUTE_MS;
    set_clock_shift(10 * MINUTE_MS);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    set_clock_shift(0);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "expired");
}
END_TEST

/* ---- consent ---- */

static struct ledger_heads heads_of(int64_t n)
{
    return (struct ledger_heads){.anchor = {1000 * n, world_digest('r', n)},
                                 .found = {10 * n, world_digest('f', n)}};
}

static void breach(int64_t n)
{
    const struct ledger_heads heads = heads_of(n);
    struct ledger_breach noted;
    ck_assert_int_eq(ledger_breach_note(world.ledger, &heads, &noted, &world.fault), ERR_OK);
}

static enum error go_on(int64_t n)
{
    const struct ledger_heads heads = heads_of(n);
    int64_t index = 0;
    return ledger_override(world.ledger, &heads, WORLD_BY, &index, &world.fault);
}

static void make_gadget(void)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    policy.product = GADGET;
    (void)maker_must(&world, &policy);
}

START_TEST(an_override_needs_a_mismatch)
{
    const struct ledger_heads heads = heads_of(1);
    const struct ledger_grant grant = maker_override(&heads);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "no-mismatch");
    breach(1);
    (void)maker_must(&world, &grant);
    ck_assert_int_eq(go_on(1), ERR_OK);
    set_clock_shift(MINUTE_MS);
    const struct ledger_grant late = maker_override(&heads);
    maker_must_not(&world, &late, ERR_GRANT_REFUSED, "no-mismatch");
}
END_TEST

/* Each of the four numbers counts. */
START_TEST(an_override_of_other_heads_is_refused)
{
    breach(1);
    for (int i = 0; i < 4; i++) {
        struct ledger_heads heads = heads_of(1);
        heads.anchor.size += i == 0;
        heads.anchor.root.bytes[31] ^= i == 1;
        heads.found.size += i == 2;
        heads.found.root.bytes[0] ^= i == 3;
        const struct ledger_grant grant = maker_override(&heads);
        maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "other-heads");
    }
    const struct ledger_heads heads = heads_of(1);
    const struct ledger_grant grant = maker_override(&heads);
    (void)maker_must(&world, &grant);
}
END_TEST

START_TEST(the_ledger_goes_on_when_every_maker_has_signed)
{
    const struct ledger_heads heads = heads_of(1);
    const struct ledger_grant first = maker_override(&heads);
    const struct ledger_grant again = maker_override(&heads);
    struct ledger_grant second = maker_override(&heads);
    second.product = GADGET;
    make_gadget();
    breach(1);
    ck_assert_int_eq(go_on(1), ERR_FORBIDDEN);
    (void)maker_must(&world, &first);
    (void)maker_must(&world, &again); /* one more says the same */
    ck_assert_int_eq(go_on(1), ERR_FORBIDDEN);
    (void)maker_must(&world, &second);
    ck_assert_int_eq(go_on(1), ERR_OK);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM consent"), 2);
}
END_TEST

START_TEST(consent_to_one_breach_is_none_to_the_next)
{
    const struct ledger_heads first = heads_of(1);
    const struct ledger_heads second = heads_of(2);
    const struct ledger_grant grant = maker_override(&first);
    breach(1);
    (void)maker_must(&world, &grant);
    breach(2);
    ck_assert_int_eq(go_on(2), ERR_FORBIDDEN);
    const struct ledger_grant late = maker_override(&first);
    maker_must_not(&world, &late, ERR_GRANT_REFUSED, "other-heads");
    const struct ledger_grant right = maker_override(&second);
    (void)maker_must(&world, &right);
    ck_assert_int_eq(go_on(2), ERR_OK);
}
END_TEST

/* ---- after an override ---- */

START_TEST(documents_from_before_an_override_do_not_count_any_more)
{
    const struct ledger_heads heads = heads_of(1);
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    const struct ledger_grant override = maker_override(&heads);
    struct ledger_grant old_units = maker_units(LEDGER_GRANT_INSTALL, 5);
    const struct ledger_grant old_policy = maker_policy(2, &settings);
    breach(1);
    (void)maker_must(&world, &override);
    set_clock_shift(MINUTE_MS);
    ck_assert_int_eq(go_on(1), ERR_OK);
    int64_t overridden = world_number(&world, "SELECT overridden_unix_ms FROM meta");
    maker_must_not(&world, &old_units, ERR_GRANT_REFUSED, "before-override");
    maker_must_not(&world, &old_policy, ERR_GRANT_REFUSED, "before-override");
    old_units.issued_unix_ms = overridden - 1;
    maker_must_not(&world, &old_units, ERR_GRANT_REFUSED, "before-override");
    old_units.issued_unix_ms = overridden;
    (void)maker_must(&world, &old_units);
    world_reopen(&world);
    maker_must_not(&world, &old_policy, ERR_GRANT_REFUSED, "before-override");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overrides");
    TCase *tcase = tcase_create("overrides");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_document_counts_between_its_dates_both_included);
    tcase_add_test(tcase, what_was_accepted_stays_after_its_last_date);
    tcase_add_test(tcase, a_clock_set_back_does_not_revive_a_document);
    tcase_add_test(tcase, an_override_needs_a_mismatch);
    tcase_add_test(tcase, an_override_of_other_heads_is_refused);
    tcase_add_test(tcase, the_ledger_goes_on_when_every_maker_has_signed);
    tcase_add_test(tcase, consent_to_one_breach_is_none_to_the_next);
    tcase_add_test(tcase, documents_from_before_an_override_do_not_count_any_more);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
