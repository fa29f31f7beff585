/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The n-th write, sync, truncate and allocation fails, for every n (the short size: for the first
 * ones and every few after them) until nothing is left to fail. After each: what was answered is
 * there, the account holds, and service returns by itself.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

#include "fault_memory.h"
#include "fault_vfs.h"
#include "support/sizes.h"
#include "world.h"

#define BATCH      6
#define ROUNDS_MAX 20000
#define EACH_FIRST 24 /* each of the first ones fails, whatever the size */

static struct world world;
static int64_t next_device = 1;
static long stride; /* from one operation that fails to the next, after the first ones */

/* What the last scenario answered. */
struct answered {
    enum error code;
    struct ledger_issued issued;
};
static struct answered answered[BATCH];

static void setup(void)
{
    fault_memory_register();
    fault_vfs_register();
    world_make(&world, 1000000);
    stride =
        (long)test_size("operations from one that fails to the next, after the first 24", 5, 1);
}

static long next_operation(long n)
{
    return n < EACH_FIRST ? n + 1 : n + stride;
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- one scenario ---- */

static bool is_honest(enum error e)
{
    return e == ERR_OK || e == ERR_LEDGER_UNAVAILABLE || e == ERR_INTERNAL;
}

/* New devices, a repeat, outcomes: each may fail, and says so. */
static void run_scenario(void)
{
    int64_t first = next_device;
    next_device += BATCH;
    for (int i = 0; i < BATCH; i++) {
        answered[i].code = world_issue(&world, first + i, &answered[i].issued);
        ck_assert_msg(is_honest(answered[i].code), "issue: %d", answered[i].code);
        if (answered[i].code != ERR_OK || i % 2 == 0)
            continue;
        enum error e = world_report(&world, &answered[i].issued.install, LEDGER_SUCCEEDED);
        ck_assert_msg(is_honest(e), "report: %d", e);
    }
}

/* Everything answered is stored as it was answered. */
static void check_answered(void)
{
    struct ledger_issued again;
    for (int i = 0; i < BATCH; i++) {
        if (answered[i].code != ERR_OK)
            continue;
        ck_assert_int_eq(world_issue(&world, next_device - BATCH + i, &again), ERR_OK);
        ck_assert(again.is_repeat);
        ck_assert_mem_eq(&again.install, &answered[i].issued.install, sizeof again.install);
        ck_assert_mem_eq(again.license, answered[i].issued.license, again.license_length);
    }
}

/* A device that got an error gets its license now, without anybody opening anything again. */
static void check_service_is_back(void)
{
    struct ledger_issued issued;
    for (int i = 0; i < BATCH; i++)
        ck_assert_int_eq(world_issue(&world, next_device - BATCH + i, &issued), ERR_OK);
}

static void check_after(long n)
{
    check_answered();
    check_service_is_back();
    if (n % 8 == 0)
        world_reopen(&world);
    if (n % 8 == 0)
        check_answered();
    world_check_account(&world);
}

/* ---- the disk ---- */

static const struct disk_fault {
    enum fault_operation operation;
    int code;
    bool is_lasting;
} DISK_FAULTS[] = {
    {FAULT_WRITE, SQLITE_FULL, false},        {FAULT_WRITE, SQLITE_FULL, true},
    {FAULT_WRITE, SQLITE_IOERR_WRITE, false}, {FAULT_SYNC, SQLITE_IOERR_FSYNC, false},
    {FAULT_SYNC, SQLITE_IOERR_FSYNC, true},   {FAULT_READ, SQLITE_IOERR_READ, false},
};

START_TEST(no_disk_fault_loses_an_answer)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    long n = 1;
    for (; n < ROUNDS_MAX; n = next_operation(n)) {
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        run_scenario();
        bool is_spent = fault_vfs_is_spent();
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        check_after(n);
        if (!is_spent)
            break;
    }
    ck_assert_int_gt(n, BATCH / 2);
    ck_assert_int_lt(n, ROUNDS_MAX);
}
END_TEST

static enum error name_image(int64_t n)
{
    const struct sha256 digest = world_digest('i', n);
    const struct ledger_naming naming = {
        .product = WORLD_PRODUCT, .digest = digest, .alias = "current"};
    return ledger_image_alias(world.ledger, &naming, WORLD_BY, NULL, &world.fault);
}

static void check_named(int64_t n, int64_t leaves)
{
    struct ledger_alias found;
    const struct sha256 digest = world_digest('i', n);
    ck_assert_int_eq(ledger_alias_get(world.ledger, "current", &found, &world.fault), ERR_OK);
    ck_assert(sha256_equal(&found.digest, &digest));
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM image WHERE alias <> ''"), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"image-alias\""), leaves);
}

/* Both images change and a leaf says so, or none does. */
START_TEST(no_disk_fault_leaves_a_name_between_two_images)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    bool is_spent = true;
    (void)world_add_image(&world, 2);
    ck_assert_int_eq(name_image(1), ERR_OK);
    for (long n = 1; is_spent && n < ROUNDS_MAX; n++) {
        int64_t from = 2 - n % 2;
        int64_t to = 3 - from;
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        enum error e = name_image(to);
        is_spent = fault_vfs_is_spent();
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        ck_assert_msg(is_honest(e), "alias: %d", e);
        check_named(e == ERR_OK ? to : from, e == ERR_OK ? n + 1 : n);
        ck_assert_int_eq(name_image(to), ERR_OK);
        check_named(to, n + 1);
    }
    ck_assert(!is_spent);
}
END_TEST

/* ---- the disk, under groups ---- */

#define GROUP_THREADS 24
#define GROUP_ROUNDS  60

struct asker {
    int64_t device;
    struct answered answered;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    asker->answered.code = world_issue(&world, asker->device, &asker->answered.issued);
    return NULL;
}

static void ask_together(struct asker askers[GROUP_THREADS])
{
    pthread_t threads[GROUP_THREADS];
    for (int i = 0; i < GROUP_THREADS; i++) {
        askers[i].device = next_device++;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < GROUP_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

START_TEST(no_disk_fault_breaks_a_group_in_pieces)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    struct asker askers[GROUP_THREADS];
    struct ledger_issued again;
    for (long n = 1; n < GROUP_ROUNDS; n = next_operation(n)) {
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        ask_together(askers);
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        for (int i = 0; i < GROUP_THREADS; i++) {
            bool was_answered = askers[i].answered.code == ERR_OK;
            ck_assert_int_eq(world_issue(&world, askers[i].device, &again), ERR_OK);
            /* An answer stands, and an error charged nobody. */
            ck_assert_int_eq(again.is_repeat, was_answered);
            ck_assert(!was_answered || memcmp(&again.install, &askers[i].answered.issued.install,
                                              sizeof again.install) == 0);
        }
        world_check_account(&world);
    }
}
END_TEST

START_TEST(a_failed_commit_charges_nobody)
{
    struct ledger_issued issued;
    fault_vfs_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(world_usage(&world).charged, 0);
    fault_vfs_arm(FAULT_SYNC, 0, SQLITE_OK, false);
    ck_assert_int_eq(world_usage(&world).charged, 0);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_charged);
}
END_TEST

START_TEST(a_full_disk_is_called_so)
{
    struct ledger_issue issue = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = world.station_id,
                                 .device = world_device(1),
                                 .license = bytes_of("x", 1)};
    struct ledger_issued issued;
    fault_vfs_arm(FAULT_WRITE, 1, SQLITE_FULL, true);
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault),
                     ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, "disk-full");
    ck_assert_int_eq(world.fault.native, SQLITE_FULL);
    fault_vfs_arm(FAULT_WRITE, 0, SQLITE_OK, false);
}
END_TEST

/* ---- opening ---- */

/* Opens with the fault armed, then without; both ways no leaf may be lost. */
static void open_twice(void)
{
    enum error e = world_open(&world);
    ck_assert_msg(is_honest(e), "open: %d %s", e, world.fault.reason);
    if (e == ERR_OK)
        return;
    ck_assert_int_eq(world.fault.code, e);
    ck_assert_ptr_null(world.ledger);
}

static void close_ledger(void)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
}

START_TEST(a_fault_while_opening_leaves_a_ledger_that_opens)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    bool is_spent = true;
    run_scenario();
    for (long n = 1; is_spent && n < ROUNDS_MAX; n = next_operation(n)) {
        close_ledger();
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        open_twice();
        is_spent = fault_vfs_is_spent();
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        if (world.ledger == NULL)
            ck_assert_int_eq(world_open(&world), ERR_OK);
        check_answered();
        world_check_account(&world);
    }
    ck_assert(!is_spent);
}
END_TEST

START_TEST(a_fault_while_making_the_file_leaves_nothing_half_made)
{
    const struct disk_fault *fault = &DISK_FAULTS[_i];
    bool is_spent = true;
    for (long n = 1; is_spent && n < ROUNDS_MAX; n = next_operation(n)) {
        world_end(&world);
        world = (struct world){0};
        temp_dir_make(&world.dir);
        temp_dir_path(&world.dir, "ledger.db", world.path);
        fault_vfs_arm(fault->operation, n, fault->code, fault->is_lasting);
        open_twice();
        is_spent = fault_vfs_is_spent();
        fault_vfs_arm(fault->operation, 0, SQLITE_OK, false);
        if (world.ledger == NULL)
            ck_assert_int_eq(world_open(&world), ERR_OK);
        world_fill(&world, 10);
    }
    ck_assert(!is_spent);
}
END_TEST

/* ---- memory ---- */

/* Each of the first allocations, then ever wider steps: a start makes many thousands. */
static long next_allocation(long n)
{
    return n + 1 + n / 30;
}

START_TEST(no_failed_allocation_loses_an_answer)
{
    bool is_spent = true;
    long n = 1;
    for (; is_spent; n = next_allocation(n)) {
        fault_memory_arm(n);
        run_scenario();
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        check_answered();
        check_service_is_back();
    }
    ck_assert_int_gt(n, 20);
}
END_TEST

START_TEST(a_failed_allocation_while_opening_leaves_a_ledger_that_opens)
{
    bool is_spent = true;
    long n = 1;
    run_scenario();
    for (; is_spent; n = next_allocation(n)) {
        close_ledger();
        fault_memory_arm(n);
        open_twice();
        is_spent = fault_memory_is_spent();
        fault_memory_arm(0);
        if (world.ledger == NULL)
            ck_assert_int_eq(world_open(&world), ERR_OK);
    }
    ck_assert_int_gt(n, 50);
    check_answered();
}
END_TEST

static bool count_image(void *context, const struct ledger_image *image)
{
    ck_assert_uint_eq(image->session_key_length, LEDGER_WRAPPED_KEY_MAX);
    (*(int *)context)++;
    return true;
}

static bool count_account(void *context, const struct ledger_product *product,
                          const struct ledger_usage *usage)
{
    ck_assert_str_eq(product->name, WORLD_PRODUCT);
    ck_assert_int_eq(usage->charged, 1);
    (*(int *)context)++;
    return true;
}

/* The same of the journal. */
static void read_journal(void)
{
    struct ledger_head head;
    struct tree_proof proof;
    int64_t size = 0;
    int accounts = 0;
    struct ledger *ledger = world.ledger;
    enum error e =
        ledger_accounts_each(ledger, true, count_account, &accounts, &size, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || (accounts == 1 && size > 1)));
    e = ledger_head(ledger, &head, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || head.size > 1));
    e = ledger_inclusion(ledger, 1, 2, &proof, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || proof.count == 1));
}

/* Reads answer whole or fail; never with empty texts. */
static void read_all(void)
{
    struct ledger_product product;
    struct ledger_image image;
    struct ledger_alias alias;
    enum ledger_standing standing;
    const struct ledger_device device = world_device(1);
    int images = 0;
    struct ledger *ledger = world.ledger;
    enum error e = ledger_product_get(ledger, WORLD_PRODUCT, &product, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || strcmp(product.name, WORLD_PRODUCT) == 0));
    e = ledger_image_get(ledger, world.product_id, NULL, &image, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || strcmp(image.label, "v1") == 0));
    e = ledger_alias_get(ledger, "current", &alias, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || strcmp(alias.product, WORLD_PRODUCT) == 0));
    e = world_standing(&world, &device, &standing);
    ck_assert(is_honest(e) && (e != ERR_OK || standing == LEDGER_LICENSED));
    e = ledger_images_each(ledger, world.product_id, count_image, &images, &world.fault);
    ck_assert(is_honest(e) && (e != ERR_OK || images == 1));
    read_journal();
}

START_TEST(a_read_without_memory_fails_and_never_lies)
{
    bool is_spent = true;
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(name_image(1), ERR_OK);
    for (long n = 1; is_spent; n = next_allocation(n)) {
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
    const int faults = (int)(sizeof DISK_FAULTS / sizeof DISK_FAULTS[0]);
    const int writing = faults - 1; /* the last is of reads, which a charge does not need */
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, no_disk_fault_loses_an_answer, 0, writing);
    tcase_add_loop_test(tcase, no_disk_fault_breaks_a_group_in_pieces, 0, writing);
    tcase_add_loop_test(tcase, no_disk_fault_leaves_a_name_between_two_images, 0, writing);
    tcase_add_test(tcase, a_failed_commit_charges_nobody);
    tcase_add_test(tcase, a_full_disk_is_called_so);
    tcase_add_loop_test(tcase, a_fault_while_opening_leaves_a_ledger_that_opens, 0, faults);
    tcase_add_loop_test(tcase, a_fault_while_making_the_file_leaves_nothing_half_made, 0, writing);
    tcase_add_test(tcase, no_failed_allocation_loses_an_answer);
    tcase_add_test(tcase, a_failed_allocation_while_opening_leaves_a_ledger_that_opens);
    tcase_add_test(tcase, a_read_without_memory_fails_and_never_lies);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
