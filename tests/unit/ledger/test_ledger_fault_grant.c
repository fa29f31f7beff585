/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The n-th write, sync and allocation fails under documents, shares, receipts, scrap units and
 * rework, as test_ledger_fault does for licenses. What was answered counts; what failed happened
 * not at all, and succeeds when it is asked again.
 */
#include <sqlite3.h>
#include <string.h>

#include "fault_memory.h"
#include "fault_vfs.h"
#include "maker.h"

#define ROUNDS_MAX  20000
#define CHECK_EVERY 5 /* rounds: the recount takes longer than they do */
#define WEEK        10080

static struct world world;
static int64_t next_device = 1;
static int64_t sequence;
static int64_t share_drawn; /* charges since the share was set */

static void setup(void)
{
    const struct ledger_budget share = {
        .product = WORLD_PRODUCT, .units = LEDGER_QUOTA_MAX, .period_minutes = WEEK};
    const struct ledger_grant scrap = maker_units(LEDGER_GRANT_SCRAP, LEDGER_QUOTA_MAX);
    fault_memory_register();
    fault_vfs_register();
    maker_make(&world, 1);
    sequence = 1;
    (void)maker_must(&world, &scrap);
    ck_assert_int_eq(ledger_budget_set(world.ledger, &share, WORLD_BY, &world.fault), ERR_OK);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static bool is_honest(enum error e)
{
    return e == ERR_OK || e == ERR_LEDGER_UNAVAILABLE || e == ERR_INTERNAL;
}

/* ---- one scenario ---- */

/* What one round asks, so that it can be asked again. */
struct round {
    struct ledger_settings settings;
    struct ledger_rebinding rebinding;
    struct ledger_grant install;
    struct ledger_grant policy;
    struct ledger_grant rebind;
    int64_t device;
    struct ledger_budget share;
};

/* Which of it was answered. */
struct answers {
    enum error share, install, charge, success, dead, scrapped, rebind, policy;
    struct uuid first;
    struct uuid second;
};

static struct round round_new(void)
{
    struct round round = {.settings = maker_settings(LEDGER_PER_DEVICE), .device = next_device};
    round.install = maker_units(LEDGER_GRANT_INSTALL, 2);
    round.rebinding = maker_rebinding(round.device, round.device, 1000000 + round.device);
    round.share = (struct ledger_budget){
        .product = WORLD_PRODUCT, .units = 1000000 + round.device, .period_minutes = WEEK};
    strcpy(round.share.station, "st-1");
    next_device += 2;
    return round;
}

static enum error issue(int64_t n, struct uuid *ret_install)
{
    struct ledger_issued issued;
    enum error e = world_issue(&world, n, &issued);
    if (e == ERR_OK)
        *ret_install = issued.install;
    share_drawn += e == ERR_OK && issued.is_charged;
    return e;
}

static enum error succeed(const struct uuid *install)
{
    const struct ledger_outcome outcome = {.install = *install,
                                           .principal_id = world.station_id,
                                           .result = LEDGER_SUCCEEDED,
                                           .receipt_length = 70,
                                           .key_length = 91};
    return ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault);
}

static enum error sign(const struct ledger_grant *grant)
{
    struct ledger_granted granted;
    enum error e = maker_apply(&world, grant, &granted);
    if (e == ERR_OK)
        sequence = granted.sequence;
    return e;
}

/* A step that needs one that failed is not asked: it counts as failed. */
#define AFTER(needed, asked) ((needed) == ERR_OK ? (asked) : ERR_INTERNAL)

static struct answers ask(struct round *round)
{
    struct answers answers = {0};
    answers.share = ledger_budget_set(world.ledger, &round->share, WORLD_BY, &world.fault);
    answers.install = sign(&round->install);
    answers.charge = AFTER(answers.install, issue(round->device, &answers.first));
    answers.success = AFTER(answers.charge, succeed(&answers.first));
    answers.dead = AFTER(answers.install, issue(round->device + 1, &answers.second));
    answers.scrapped = AFTER(answers.dead, world_report(&world, &answers.second, LEDGER_SCRAPPED));
    round->rebind = maker_rebind(sequence + 1, &round->rebinding);
    answers.rebind = AFTER(answers.charge, sign(&round->rebind));
    round->policy = maker_policy(sequence + 1, &round->settings);
    answers.policy = sign(&round->policy);
    return answers;
}

static void assert_honest(const struct answers *answers)
{
    const enum error all[] = {answers->share, answers->install,  answers->charge, answers->success,
                              answers->dead,  answers->scrapped, answers->rebind, answers->policy};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_msg(is_honest(all[i]), "step %zu: %s (%s)", i, error_name(all[i]),
                      world.fault.reason);
}

/* An accepted document is used, another can be accepted now. */
static void settle(struct ledger_grant *grant, enum error answered)
{
    if (answered == ERR_OK) {
        maker_must_not(&world, grant, ERR_CONFLICT, "grant-used");
        return;
    }
    if (grant->sequence != 0)
        grant->sequence = sequence + 1;
    ck_assert_msg(sign(grant) == ERR_OK, "%s", world.fault.reason);
}

/* Everything that failed is asked again, and nothing that was answered happens twice. */
static void settle_all(struct round *round, struct answers *answers)
{
    ck_assert_int_eq(ledger_budget_set(world.ledger, &round->share, WORLD_BY, &world.fault),
                     ERR_OK);
    settle(&round->install, answers->install);
    if (answers->rebind != ERR_OK && answers->charge != ERR_OK)
        ck_assert_int_eq(issue(round->device, &answers->first), ERR_OK);
    ck_assert_int_eq(succeed(&answers->first), ERR_OK);
    if (answers->dead != ERR_OK)
        ck_assert_int_eq(issue(round->device + 1, &answers->second), ERR_OK);
    ck_assert_int_eq(world_report(&world, &answers->second, LEDGER_SCRAPPED), ERR_OK);
    settle(&round->rebind, answers->rebind);
    settle(&round->policy, answers->policy);
}

/* Rounds that were settled leave these traces, whatever failed on the way. */
static void check_sums(int64_t rounds)
{
    const struct ledger_usage usage = world_usage(&world);
    ck_assert_int_eq(usage.accepted, 1 + 2 * rounds);
    ck_assert_int_eq(usage.charged, 2 * rounds);
    ck_assert_int_eq(usage.proven, rounds);
    ck_assert_int_eq(usage.scrap_drawn, rounds);
    ck_assert_int_eq(sequence, 1 + 2 * rounds);
    ck_assert_int_eq(world_number(&world, "SELECT used FROM budget WHERE principal_id = 0"),
                     share_drawn);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"budget-set\""), 1 + rounds);
}

/* ---- the disk ---- */

static const struct disk_fault {
    enum fault_operation operation;
    int code;
    bool is_lasting;
} DISK_FAULTS[] = {
    {FAULT_WRITE, SQLITE_FULL, false},        {FAULT_WRITE, SQLITE_FULL, true},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, false}, {FAULT_SYNC, SQLITE_IOERR_FSYNC, false},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, true},
};

START_TEST(no_disk_fault_counts_a_document_twice_or_loses_one)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    bool is_spent = true;
    long n = 1;
    for (; is_spent && n < ROUNDS_MAX; n++) {
        struct round round = round_new();
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        struct answers answers = ask(&round);
        is_spent = fault_vfs_is_spent();
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        assert_honest(&answers);
        settle_all(&round, &answers);
        if (n % CHECK_EVERY == 0)
            world_check_account(&world);
    }
    ck_assert(!is_spent);
    ck_assert_int_gt(n, 8);
    check_sums(n - 1);
}
END_TEST

/* ---- memory ---- */

static long next_allocation(long n)
{
    return n + 1 + n / 30;
}

START_TEST(no_failed_allocation_counts_a_document_twice_or_loses_one)
{
    bool is_spent = true;
    int64_t rounds = 0;
    for (long n = 1; is_spent; n = next_allocation(n)) {
        struct round round = round_new();
        fault_memory_arm(n);
        struct answers answers = ask(&round);
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        assert_honest(&answers);
        settle_all(&round, &answers);
        rounds++;
    }
    ck_assert_int_gt(rounds, 20);
    check_sums(rounds);
}
END_TEST

/* ---- reading ---- */

static bool see_document(void *context, const struct ledger_document *document)
{
    ck_assert_str_eq(document->product, WORLD_PRODUCT);
    ck_assert_uint_gt(document->document.length, 0);
    (*(int *)context)++;
    return true;
}

static bool see_share(void *context, const struct ledger_budget *budget)
{
    ck_assert_uint_eq(budget->period_minutes, WEEK);
    (*(int *)context)++;
    return true;
}

/* Reads answer whole or fail. */
static void read_all(const struct uuid *install)
{
    struct ledger_device device;
    struct ledger_usage usage;
    int documents = 0;
    int shares = 0;
    struct ledger *ledger = world.ledger;
    enum error e = ledger_documents_each(ledger, NULL, see_document, &documents, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || documents == 6));
    e = ledger_budgets_each(ledger, WORLD_PRODUCT, see_share, &shares, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || shares == 2));
    e = ledger_install_device(ledger, install, &device, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || strncmp(device.serial, "SN-", 3) == 0));
    e = ledger_usage(ledger, WORLD_PRODUCT, &usage, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || usage.charged == 2));
}

START_TEST(a_read_without_memory_fails_and_never_lies)
{
    bool is_spent = true;
    struct round round = round_new();
    struct answers answers = ask(&round);
    assert_honest(&answers);
    check_sums(1);
    for (long n = 1; is_spent; n = next_allocation(n)) {
        world_reopen(&world);
        fault_memory_arm(n);
        read_all(&answers.first);
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        read_all(&answers.first);
    }
}
END_TEST

int main(void)
{
    const int faults = (int)(sizeof DISK_FAULTS / sizeof DISK_FAULTS[0]);
    Suite *suite = suite_create("faults under documents");
    TCase *tcase = tcase_create("faults under documents");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, no_disk_fault_counts_a_document_twice_or_loses_one, 0, faults);
    tcase_add_test(tcase, no_failed_allocation_counts_a_document_twice_or_loses_one);
    tcase_add_test(tcase, a_read_without_memory_fails_and_never_lies);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
