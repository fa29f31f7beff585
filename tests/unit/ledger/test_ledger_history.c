/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Long random histories of a governed product: licenses of either policy, outcomes with and without
 * receipts, every kind of document, shares that come and go, rework. The account holds throughout.
 */
#include <stdlib.h>
#include <string.h>

#include "maker.h"
#include "set_clock.h"
#include "support/sizes.h"

#define MINUTE_MS INT64_C(60000)
#define SERIALS   12
#define IMAGES    3
#define KNOWN_MAX 4096
#define SEEDS     6

static struct world world;

struct history {
    unsigned seed;
    int64_t now;
    int64_t images[IMAGES];
    int64_t keys[SERIALS]; /* the key that each serial has at present */
    int64_t next_key;
    int64_t sequence;
    struct uuid installs[KNOWN_MAX];
    int count;
    int errors[ERR_COUNT]; /* how often each was answered */
};

static unsigned draw(struct history *history, unsigned below)
{
    return (unsigned)rand_r(&history->seed) % below;
}

/* Whether the answer is one of those that may be; it is counted. */
static bool is_answer(struct history *history, enum error e, const enum error *may, size_t count)
{
    history->errors[e]++;
    for (size_t i = 0; i < count; i++) {
        if (e == may[i])
            return true;
    }
    return e == ERR_OK;
}
#define ASSERT_ANSWER(history, e, ...)                                                 \
    ck_assert_msg(is_answer((history), (e), (const enum error[]){__VA_ARGS__},         \
                            sizeof((enum error[]){__VA_ARGS__}) / sizeof(enum error)), \
                  "%s (%s)", error_name(e), world.fault.reason)

/* ---- steps ---- */

static void issue_some(struct history *history)
{
    struct ledger_issued issued;
    unsigned serial = draw(history, SERIALS);
    struct ledger_device device = world_device(serial);
    device.spki = world_digest('d', history->keys[serial]);
    if (draw(history, 12) == 0)
        device.spki = world_digest('d', draw(history, (unsigned)history->next_key));
    enum error e =
        world_issue_image(&world, &device, history->images[draw(history, IMAGES)], &issued);
    ASSERT_ANSWER(history, e, ERR_QUOTA_SPENT, ERR_BUDGET_SPENT, ERR_ATTEMPTS_SPENT,
                  ERR_DEVICE_SCRAPPED, ERR_DEVICE_IDENTITY_CONFLICT);
    if (e == ERR_OK && !issued.is_repeat) {
        ck_assert_int_lt(history->count, KNOWN_MAX);
        history->installs[history->count++] = issued.install;
    }
}

static void report_some(struct history *history)
{
    struct ledger_outcome outcome = {.principal_id = world.station_id};
    if (history->count == 0)
        return;
    outcome.install = history->installs[draw(history, (unsigned)history->count)];
    outcome.result =
        (enum ledger_result)(draw(history, 16) == 0 ? LEDGER_SCRAPPED : 1 + draw(history, 2));
    if (outcome.result == LEDGER_SUCCEEDED && draw(history, 2) == 0) {
        outcome.receipt_length = 70;
        outcome.key_length = 91;
    }
    if (draw(history, 8) == 0)
        strcpy(outcome.code, "E1");
    enum error e = ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault);
    ASSERT_ANSWER(history, e, ERR_DEVICE_SCRAPPED);
}

static void sign_some(struct history *history)
{
    static const enum ledger_grant_kind KINDS[] = {LEDGER_GRANT_INSTALL, LEDGER_GRANT_INSTALL,
                                                   LEDGER_GRANT_SCRAP, LEDGER_GRANT_REVOKE};
    struct ledger_granted granted;
    const enum ledger_grant_kind kind = KINDS[draw(history, 4)];
    const unsigned most = kind == LEDGER_GRANT_REVOKE ? 12 : 2;
    const struct ledger_grant grant = maker_units(kind, 1 + draw(history, most));
    enum error e = maker_apply(&world, &grant, &granted);
    ASSERT_ANSWER(history, e, ERR_OK);
    ck_assert_int_le(granted.taken, grant.units);
}

static void set_policy(struct history *history)
{
    struct ledger_granted granted;
    struct ledger_settings settings =
        maker_settings(draw(history, 2) == 0 ? LEDGER_PER_DEVICE : LEDGER_PER_LICENSE);
    settings.attempts_max = draw(history, 2) == 0 ? 0 : 3 + draw(history, 8);
    const struct ledger_grant grant = maker_policy(history->sequence + 1, &settings);
    enum error e = maker_apply(&world, &grant, &granted);
    ASSERT_ANSWER(history, e, ERR_OK);
    history->sequence = granted.sequence;
}

static void rework(struct history *history)
{
    struct ledger_granted granted;
    unsigned serial = draw(history, SERIALS);
    const struct ledger_rebinding rebinding =
        maker_rebinding(serial, history->keys[serial], history->next_key);
    const struct ledger_grant grant = maker_rebind(history->sequence + 1, &rebinding);
    enum error e = maker_apply(&world, &grant, &granted);
    ASSERT_ANSWER(history, e, ERR_GRANT_REFUSED); /* a device that was never seen */
    if (e != ERR_OK)
        return;
    history->keys[serial] = history->next_key++;
    history->sequence = granted.sequence;
}

static void share(struct history *history)
{
    struct ledger_budget budget = {.product = WORLD_PRODUCT,
                                   .units = (int64_t)draw(history, 5) - 1,
                                   .period_minutes = 1 + draw(history, 30)};
    if (draw(history, 2) == 0)
        strcpy(budget.station, "st-1");
    enum error e = ledger_budget_set(world.ledger, &budget, WORLD_BY, &world.fault);
    ASSERT_ANSWER(history, e, ERR_OK);
}

static void step(struct history *history)
{
    unsigned kind = draw(history, 100);
    history->now += draw(history, 2) * MINUTE_MS / 2;
    set_clock_stop(history->now);
    if (kind < 45)
        issue_some(history);
    else if (kind < 85)
        report_some(history);
    else if (kind < 93)
        sign_some(history);
    else if (kind < 95)
        set_policy(history);
    else if (kind < 98)
        rework(history);
    else
        share(history);
}

static void check(void)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.granted, usage.accepted - usage.revoked + usage.scrap_drawn);
    ck_assert_int_eq(usage.granted, usage.remaining + usage.charged);
    ck_assert_int_eq(usage.charged,
                     usage.succeeded + usage.failed + usage.scrapped + usage.unreported);
    ck_assert_int_eq(usage.unreported, usage.unreported_age[0] + usage.unreported_age[1] +
                                           usage.unreported_age[2] + usage.unreported_age[3]);
    ck_assert_int_ge(usage.remaining, 0);
    ck_assert_int_le(usage.proven, usage.succeeded);
    world_check_account(&world);
}

/* The history met every answer and every kind of unit. */
static void assert_rich(const struct history *history)
{
    static const enum error MET[] = {ERR_QUOTA_SPENT, ERR_BUDGET_SPENT, ERR_ATTEMPTS_SPENT,
                                     ERR_DEVICE_SCRAPPED, ERR_DEVICE_IDENTITY_CONFLICT};
    const struct ledger_usage usage = world_usage(&world);
    for (size_t i = 0; i < sizeof MET / sizeof MET[0]; i++)
        ck_assert_msg(history->errors[MET[i]] > 0, "%s never came", error_name(MET[i]));
    ck_assert_int_gt(usage.revoked, 0);
    ck_assert_int_gt(usage.scrap_drawn, 0);
    ck_assert_int_gt(world_number(&world, "SELECT count(*) FROM charge WHERE policy = 2"), 0);
    ck_assert_int_gt(world_number(&world, "SELECT count(*) FROM charge WHERE policy = 1"), 0);
    ck_assert_int_gt(world_number(&world, "SELECT count(*) FROM device WHERE is_replaced = 1"), 0);
    ck_assert_int_gt(world_number(&world, "SELECT count(*) FROM install WHERE receipt <> x''"), 0);
}

START_TEST(the_account_holds_after_any_history_of_a_governed_product)
{
    size_t steps = test_size("steps of a history", 1500, 6000);
    struct history history = {
        .seed = (unsigned)_i * 7919 + 3, .now = INT64_C(4000000000000), .sequence = 1};
    set_clock_stop(history.now);
    maker_make(&world, 8);
    history.images[0] = world.image_id;
    for (int64_t i = 1; i < IMAGES; i++)
        history.images[i] = world_add_image(&world, i + 1);
    for (int64_t i = 0; i < SERIALS; i++)
        history.keys[i] = i;
    history.next_key = SERIALS;
    for (size_t i = 0; i < steps; i++) {
        step(&history);
        if (i % 100 == 0)
            check();
        if (i % 500 == 499)
            world_reopen(&world);
    }
    check();
    assert_rich(&history);
    world_end(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = tcase_create("history");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, the_account_holds_after_any_history_of_a_governed_product, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
