/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Documents and charges of a governed product, counted from the journal: from the newest account
 * leaf on, against the tree, and fast enough for a start after a long run that was cut off.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../ledger/maker.h"
#include "../ledger/world.h"
#include "ledger/handle.h"
#include "ledger/leaf.h"
#include "support/sizes.h"
#include "vault/recount.h"

#define UNITS          1000
#define FILL_PER_GROUP 1000

static struct world world;
static struct recount_product product;
static struct recount counted;

static void set_up(void)
{
    maker_make(&world, UNITS);
}

static void tear_down(void)
{
    world_end(&world);
}

static int64_t size_now(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

static enum error count(void)
{
    product = (struct recount_product){.name = WORLD_PRODUCT};
    counted = (struct recount){.products = &product, .count = 1};
    return recount_journal(world.ledger, size_now(), &counted, &world.fault);
}

static void expect(int64_t documents, int64_t charged)
{
    ck_assert_int_eq(count(), ERR_OK);
    ck_assert(product.is_complete);
    ck_assert_int_eq(product.documents, documents);
    ck_assert_int_eq(product.charged, charged);
}

static void issue(int64_t first, int64_t devices)
{
    struct ledger_issued issued;
    for (int64_t n = first; n < first + devices; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
}

static bool everyone(void *context, int64_t product_id)
{
    (void)context;
    return product_id == world.product_id;
}

static bool nobody(void *context, int64_t product_id)
{
    (void)context;
    (void)product_id;
    return false;
}

static void note(bool (*includes)(void *context, int64_t product_id))
{
    ck_assert_int_eq(ledger_account_note(world.ledger, includes, NULL, &world.fault), ERR_OK);
}

static int64_t documents(void)
{
    return world_number(&world, "SELECT count(*) FROM document");
}

START_TEST(charges_and_documents_are_counted_from_the_leaf_that_made_the_product)
{
    issue(1, 300);
    struct ledger_grant more = maker_units(LEDGER_GRANT_INSTALL, 5);
    (void)maker_must(&world, &more);
    issue(301, 10);
    issue(1, 20); /* again: not charged */
    expect(documents(), 310);
}
END_TEST

START_TEST(counting_begins_at_the_newest_account_leaf)
{
    issue(1, 5);
    note(everyone);
    expect(documents(), 5);
    issue(6, 3);
    expect(documents(), 8);
    /* Whatever was changed before that leaf is not looked for: the start before it did so. */
    ck_assert_int_eq(world_execute(&world, "DROP TRIGGER product_keeps_used; "
                                           "UPDATE product SET used = 100, installs = 100"),
                     0);
    world_reopen(&world);
    note(nobody);
    expect(documents(), 8);
    note(everyone);
    expect(documents(), 100);
}
END_TEST

static void expect_broken(const char *sql)
{
    issue(1, 600); /* more than two tiles */
    ck_assert_int_eq(count(), ERR_OK);
    ck_assert_int_eq(world_execute(&world, sql), 0);
    ck_assert_int_eq(count(), ERR_PRODUCT_TAMPERED);
    ck_assert_str_eq(world.fault.reason, "journal");
}

static const char *const CHANGES[] = {
    "DROP TRIGGER journal_is_not_updated; UPDATE journal SET entry = CAST(replace(CAST(entry AS "
    "TEXT), '\"charged\":true', '\"charged\":false') AS BLOB) WHERE idx = 40",
    "DROP TRIGGER tree_is_not_updated; UPDATE tree SET hash = zeroblob(32) WHERE level = 0 AND idx "
    "= 40",
    "DROP TRIGGER tree_is_not_updated; UPDATE tree SET hash = zeroblob(32) WHERE level = 1 AND idx "
    "= 0",
};

START_TEST(changed_journal_is_no_journal)
{
    expect_broken(CHANGES[_i]);
}
END_TEST

/* ---- speed ---- */

static enum error apply_charges(struct change_context *context, void *body, struct fault *fault)
{
    enum error e = ERR_OK;
    (void)body;
    for (int i = 0; i < FILL_PER_GROUP && e == ERR_OK; i++) {
        struct leaf leaf = leaf_new(context, "license-issued");
        leaf_put_text(&leaf, "product", WORLD_PRODUCT);
        leaf_put_text(&leaf, "padding",
                      "as long as what a license writes, or nearly so: padding, padding, padding, "
                      "padding, padding, padding, padding, padding, padding, padding, padding, "
                      "padding, padding, padding, padding, padding, padding, padding, padding");
        leaf_put_flag(&leaf, "charged", true);
        e = leaf_append(&leaf, NULL, fault);
    }
    return e;
}

static int64_t cpu_ms(void)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(long_run_that_was_cut_off_is_counted_in_moments)
{
    int64_t leaves = (int64_t)test_size("leaves to recount", 20000, 1000000);
    for (int64_t i = 0; i < leaves; i += FILL_PER_GROUP) {
        CHANGE_AUTO *change = ledger_change(apply_charges, 0, &world.fault);
        ck_assert_ptr_nonnull(change);
        ck_assert_int_eq(commit_run(world.ledger->committer, change, &world.fault), ERR_OK);
    }
    int64_t before = cpu_ms();
    expect(documents(), leaves);
    printf("size: %lld leaves recounted in %lld ms of CPU time\n", (long long)leaves,
           (long long)(cpu_ms() - before));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recount");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, charges_and_documents_are_counted_from_the_leaf_that_made_the_product);
    tcase_add_test(tests, counting_begins_at_the_newest_account_leaf);
    tcase_add_loop_test(tests, changed_journal_is_no_journal, 0,
                        sizeof CHANGES / sizeof CHANGES[0]);
    tcase_add_test(tests, long_run_that_was_cut_off_is_counted_in_moments);
    suite_add_tcase(suite, tests);
    return world_run(suite);
}
