/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Batches, principals and searches over a disk that fails and without memory. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "fault_memory.h"
#include "fault_vfs.h"
#include "maker.h"

#define BATCH      12
#define ROUNDS_MAX 600

static struct world world;
static struct ledger_issue issues[BATCH];
static struct ledger_batch_item items[BATCH];
static int64_t next_device;

static void setup(void)
{
    fault_memory_register();
    fault_vfs_register();
    world_make(&world, 100000);
    next_device = 1;
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

/* ---- batches ---- */

static void prepare(void)
{
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < BATCH; i++) {
        issues[i] = (struct ledger_issue){.product_id = world.product_id,
                                          .image_id = world.image_id,
                                          .principal_id = world.station_id,
                                          .device = world_device(next_device++),
                                          .license = bytes_of("a license", 9)};
        items[i].issue = &issues[i];
    }
}

/* A batch of new devices, with a fault armed; whether the fault happened. */
static enum error run_batch(bool *ret_is_spent)
{
    enum error e = ledger_issue_batch(world.ledger, items, BATCH, &world.fault);
    *ret_is_spent = fault_vfs_is_spent() || fault_memory_is_spent();
    fault_vfs_arm(FAULT_WRITE, 0, SQLITE_OK, false);
    fault_memory_arm(0);
    ck_assert_msg(is_honest(e), "batch: %d", e);
    return e;
}

/* What the answers say is what the rows say. */
static void check_charged(enum error e, int64_t before)
{
    int64_t charged = 0;
    for (size_t i = 0; i < BATCH && e == ERR_OK; i++) {
        ck_assert_msg(is_honest(items[i].code), "item: %d", items[i].code);
        charged += items[i].code == ERR_OK;
    }
    ck_assert_int_eq(world_usage(&world).charged, before + charged);
}

static const struct disk_fault {
    enum fault_operation operation;
    int code;
    bool is_lasting;
} DISK_FAULTS[] = {
    {FAULT_WRITE, SQLITE_FULL, false},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, true},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, false},
};

START_TEST(no_disk_fault_breaks_a_batch_in_pieces)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    bool is_spent = true;
    long failed = 0;
    for (long n = 1; is_spent && n < ROUNDS_MAX; n++) {
        int64_t before = world_usage(&world).charged;
        prepare();
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        enum error e = run_batch(&is_spent);
        check_charged(e, before);
        failed += e != ERR_OK;
    }
    ck_assert(!is_spent);
    ck_assert_int_gt(failed, 0);
}
END_TEST

/* The first batch after a start allocates the most; each of the first allocations, then ever wider
 * steps. */
START_TEST(no_failed_allocation_says_what_did_not_happen)
{
    bool is_spent = true;
    long failed = 0;
    for (long n = 1; is_spent; n += 1 + n / 8) {
        int64_t before = world_usage(&world).charged;
        world_reopen(&world);
        prepare();
        fault_memory_arm(n);
        enum error e = run_batch(&is_spent);
        check_charged(e, before);
        for (size_t i = 0; i < BATCH; i++)
            failed += e != ERR_OK || items[i].code != ERR_OK;
    }
    ck_assert_int_gt(failed, 20);
}
END_TEST

/* ---- principals ---- */

static enum error change(int64_t n)
{
    const struct sha256 key = world_digest('s', 100 + n);
    const struct ledger_scope scope = {.products = "widget\n"};
    char name[LEDGER_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "op-%lld", (long long)n);
    const struct ledger_enrolment enrolment = {
        .name = name, .role = LEDGER_OPERATOR, .spki = key, .scope = &scope};
    return ledger_principal_add(world.ledger, &enrolment, WORLD_BY, &world.fault);
}

/* A principal, its key and its leaf are there together, or none is. */
static void check_enrolled(enum error e, int64_t before)
{
    int64_t expected = before + (e == ERR_OK);
    ck_assert_msg(is_honest(e), "enrol: %d", e);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM principal"), expected);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM principal_key"), expected);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"principal-added\""), expected);
}

START_TEST(no_fault_leaves_a_principal_without_its_key_or_leaf)
{
    bool is_spent = true;
    for (long n = 1; is_spent && n < ROUNDS_MAX; n++) {
        int64_t before = world_number(&world, "SELECT count(*) FROM principal");
        fault_vfs_arm(FAULT_WRITE, n, SQLITE_FULL, false);
        enum error e = change(2 * n);
        is_spent = fault_vfs_is_spent();
        fault_vfs_arm(FAULT_WRITE, 0, SQLITE_OK, false);
        check_enrolled(e, before);
    }
    ck_assert(!is_spent);
    is_spent = true;
    for (long n = 1; is_spent; n += 1 + n / 30) {
        int64_t before = world_number(&world, "SELECT count(*) FROM principal");
        fault_memory_arm(n);
        enum error e = change(2 * n + 1);
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        check_enrolled(e, before);
    }
}
END_TEST

/* ---- searches ---- */

static bool count_install(void *context, const struct ledger_install *install)
{
    ck_assert_str_eq(install->product, WORLD_PRODUCT);
    ck_assert_str_eq(install->context.lot, "L-7");
    (*(int *)context)++;
    return true;
}

static bool count_sum(void *context, const struct ledger_usage_row *row)
{
    ck_assert_int_eq(row->charged, 3);
    (*(int *)context)++;
    return true;
}

static bool count_document(void *context, const struct ledger_document *document)
{
    ck_assert_str_eq(document->product, "alpha");
    (*(int *)context)++;
    return true;
}

static void search(const struct ledger_install_filter *filter)
{
    int64_t next = 0;
    int rows = 0;
    enum error e =
        ledger_installs_each(world.ledger, filter, count_install, &rows, &next, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || rows == 3));
}

static void sum(enum ledger_usage_key key)
{
    const struct ledger_usage_filter filter = {.product = WORLD_PRODUCT, .key = key, .limit = 9};
    bool is_more = false;
    int rows = 0;
    enum error e =
        ledger_usage_each(world.ledger, &filter, count_sum, &rows, &is_more, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || rows == 1));
}

static void read_all(void)
{
    struct ledger_principal principal;
    const struct sha256 key = world_digest('s', 1);
    const struct ledger_install_filter filters[] = {
        {.limit = 9},
        {.lot = "L-7", .limit = 9},
        {.products = "widget\nalpha\n", .station = "st-1", .limit = 9},
        {.product = WORLD_PRODUCT, .lot = "L-7", .since_unix_ms = 1, .limit = 9},
    };
    int64_t next = 0;
    int rows = 0;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        search(&filters[i]);
    for (enum ledger_usage_key by = LEDGER_BY_LOT; by <= LEDGER_BY_STATION; by++)
        sum(by);
    enum error e = ledger_documents_page(world.ledger, "alpha\n", "", 0, 9, count_document, &rows,
                                         &next, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || rows == 2));
    e = ledger_principal_get(world.ledger, &key, &principal, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || principal.key_count == 2));
}

START_TEST(a_search_without_memory_fails_and_never_lies)
{
    struct ledger_issued issued;
    const struct sha256 key = world_digest('s', 9);
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    bool is_spent = true;
    policy.product = grant.product = "alpha";
    (void)maker_must(&world, &policy);
    (void)maker_must(&world, &grant);
    ck_assert_int_eq(ledger_principal_key_add(world.ledger, "st-1", LEDGER_STATION, &key, WORLD_BY,
                                              &world.fault),
                     ERR_OK);
    for (int64_t device = 1; device <= 3; device++)
        ck_assert_int_eq(world_issue(&world, device, &issued), ERR_OK);
    for (long n = 1; is_spent; n += 1 + n / 8) {
        world_reopen(&world);
        fault_memory_arm(n);
        read_all();
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        read_all();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults of batches and searches");
    TCase *tcase = tcase_create("faults");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, no_disk_fault_breaks_a_batch_in_pieces, 0,
                        (int)(sizeof DISK_FAULTS / sizeof DISK_FAULTS[0]));
    tcase_add_test(tcase, no_failed_allocation_says_what_did_not_happen);
    tcase_add_test(tcase, no_fault_leaves_a_principal_without_its_key_or_leaf);
    tcase_add_test(tcase, a_search_without_memory_fails_and_never_lies);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
