/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* All accounts and the journal's size from one snapshot. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "world.h"

#define PRODUCTS 5
#define READS    200
#define THREADS  4

static struct world world;
static atomic_bool is_over;
static atomic_long next_device;

static void setup(void)
{
    world_make(&world, 1000000);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static int64_t size_now(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

struct accounts {
    int products;
    int stop_after;
    int64_t licensed;
    int64_t journal_size;
};

static bool see(void *context, const struct ledger_product *product,
                const struct ledger_usage *usage)
{
    struct accounts *accounts = context;
    accounts->products++;
    accounts->licensed += usage->licensed;
    ck_assert_int_eq(product->used, usage->charged);
    ck_assert_int_eq(product->quota, usage->granted);
    ck_assert_int_eq(usage->granted, usage->remaining + usage->charged);
    ck_assert_int_eq(usage->charged,
                     usage->succeeded + usage->failed + usage->scrapped + usage->unreported);
    return accounts->products != accounts->stop_after;
}

static bool see_product(void *context, const struct ledger_product *product,
                        const struct ledger_usage *usage)
{
    struct accounts *accounts = context;
    accounts->products++;
    accounts->licensed += product->used;
    ck_assert_ptr_null(usage);
    return true;
}

static struct accounts read_accounts(int stop_after)
{
    struct fault fault = {0};
    struct accounts accounts = {.stop_after = stop_after, .journal_size = -1};
    ck_assert_msg(ledger_accounts_each(world.ledger, true, see, &accounts, &accounts.journal_size,
                                       &fault) == ERR_OK,
                  "%s: %s", fault.reason, fault.detail);
    return accounts;
}

static void add_products(void)
{
    char name[2] = "a";
    for (int i = 1; i < PRODUCTS; i++, name[0]++) {
        const struct ledger_product_new product = {.name = name,
                                                   .profile = "sealed-v1",
                                                   .policy = LEDGER_PER_DEVICE,
                                                   .quota = i,
                                                   .anchors = bytes_of("PEM", 3)};
        ck_assert_int_eq(ledger_product_create(world.ledger, &product, WORLD_BY, &world.fault),
                         ERR_OK);
    }
}

START_TEST(without_usage_there_is_the_product_alone)
{
    struct ledger_issued issued;
    struct accounts accounts = {.journal_size = -1};
    add_products();
    for (int64_t n = 1; n <= 3; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    ck_assert_int_eq(ledger_accounts_each(world.ledger, false, see_product, &accounts,
                                          &accounts.journal_size, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(accounts.products, PRODUCTS);
    ck_assert_int_eq(accounts.licensed, 3);
    ck_assert_int_eq(accounts.journal_size, read_accounts(-1).journal_size);
}
END_TEST

START_TEST(each_product_comes_with_its_account)
{
    struct ledger_issued issued;
    add_products();
    for (int64_t n = 1; n <= 3; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    struct accounts accounts = read_accounts(-1);
    ck_assert_int_eq(accounts.products, PRODUCTS);
    ck_assert_int_eq(accounts.licensed, 3);
    ck_assert_int_eq(accounts.journal_size, size_now());
    accounts = read_accounts(2);
    ck_assert_int_eq(accounts.products, 2);
    ck_assert_int_eq(accounts.journal_size, size_now());
}
END_TEST

/* ---- while others write ---- */

static void *issue_on(void *argument)
{
    struct ledger_issued issued;
    (void)argument;
    while (!atomic_load(&is_over))
        ck_assert_int_eq(world_issue(&world, atomic_fetch_add(&next_device, 1), &issued), ERR_OK);
    return NULL;
}

/* Only first licenses are added, so that every license is one leaf more. */
START_TEST(accounts_and_journal_are_of_one_moment)
{
    pthread_t threads[THREADS];
    int moments = 0;
    int64_t last = 0;
    add_products();
    int64_t before = size_now();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, issue_on, NULL), 0);
    for (int i = 0; i < READS || moments <= 1; i++) {
        struct accounts accounts = read_accounts(-1);
        ck_assert_int_eq(accounts.journal_size, before + accounts.licensed);
        moments += accounts.licensed != last;
        last = accounts.licensed;
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}
END_TEST

/* A snapshot that stayed open would hide what came after it. */
START_TEST(a_snapshot_ends_with_the_call)
{
    struct ledger_issued issued;
    for (int64_t n = 1; n <= 30; n++) {
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
        struct accounts accounts = read_accounts(1);
        ck_assert_int_eq(accounts.licensed, n);
        ck_assert_int_eq(world_usage(&world).licensed, n);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_product_comes_with_its_account);
    tcase_add_test(tcase, without_usage_there_is_the_product_alone);
    tcase_add_test(tcase, accounts_and_journal_are_of_one_moment);
    tcase_add_test(tcase, a_snapshot_ends_with_the_call);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
