/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signed documents: what each kind does, what refuses one, what a governed product refuses. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "maker.h"

#define THREADS 24

static struct world world;

static void setup(void)
{
    maker_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct ledger_product product(void)
{
    struct ledger_product found;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &found, &world.fault), ERR_OK);
    return found;
}

static void charge(int64_t first, int64_t count)
{
    struct ledger_issued issued;
    for (int64_t n = first; n < first + count; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
}

/* ---- units ---- */

START_TEST(an_install_document_adds_units)
{
    const struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    charge(1, 10);
    struct ledger_granted granted = maker_must(&world, &grant);
    ck_assert_int_eq(granted.granted, 15);
    ck_assert_int_eq(granted.remaining, 5);
    ck_assert_int_eq(granted.taken, 0);
    ck_assert_int_eq(granted.sequence, 1);
    ck_assert_int_eq(product().accepted, 15);
    charge(11, 5);
    ck_assert_int_eq(world_usage(&world).remaining, 0);
}
END_TEST

START_TEST(a_scrap_document_adds_allowance_and_no_units)
{
    const struct ledger_grant grant = maker_units(LEDGER_GRANT_SCRAP, 3);
    struct ledger_granted granted = maker_must(&world, &grant);
    ck_assert_int_eq(granted.granted, 10);
    ck_assert_int_eq(world_usage(&world).scrap_allowance, 3);
    ck_assert_int_eq(world_usage(&world).remaining, 10);
    ck_assert_int_eq(world_usage(&world).scrap_drawn, 0);
}
END_TEST

START_TEST(a_revocation_takes_what_remains_at_most)
{
    struct ledger_issued issued;
    const struct ledger_grant some = maker_units(LEDGER_GRANT_REVOKE, 3);
    const struct ledger_grant many = maker_units(LEDGER_GRANT_REVOKE, 100);
    const struct ledger_grant more = maker_units(LEDGER_GRANT_REVOKE, 1);
    charge(1, 5);
    struct ledger_granted granted = maker_must(&world, &some);
    ck_assert_int_eq(granted.taken, 3);
    ck_assert_int_eq(granted.granted, 7);
    ck_assert_int_eq(granted.remaining, 2);
    granted = maker_must(&world, &many);
    ck_assert_int_eq(granted.taken, 2);
    ck_assert_int_eq(granted.granted, 5);
    granted = maker_must(&world, &more);
    ck_assert_int_eq(granted.taken, 0);
    ck_assert_int_eq(world_usage(&world).charged, 5);
    ck_assert_int_eq(world_usage(&world).revoked, 5);
    ck_assert_int_eq(world_issue(&world, 6, &issued), ERR_QUOTA_SPENT);
    charge(1, 5); /* what was charged is served for ever */
}
END_TEST

/* A unit drawn for a scrapped device can be revoked while it is not used. */
START_TEST(a_revocation_takes_drawn_units_too)
{
    struct ledger_issued issued;
    const struct ledger_grant scrap = maker_units(LEDGER_GRANT_SCRAP, 1);
    const struct ledger_grant all = maker_units(LEDGER_GRANT_REVOKE, LEDGER_QUOTA_MAX);
    (void)maker_must(&world, &scrap);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SCRAPPED), ERR_OK);
    ck_assert_int_eq(world_usage(&world).remaining, 10);
    struct ledger_granted granted = maker_must(&world, &all);
    ck_assert_int_eq(granted.taken, 10);
    ck_assert_int_eq(granted.granted, 1);
    ck_assert_int_eq(granted.remaining, 0);
}
END_TEST

START_TEST(a_sum_beyond_the_limit_is_refused)
{
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, LEDGER_QUOTA_MAX - 9);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "limit");
    grant.units--;
    (void)maker_must(&world, &grant);
    grant = maker_units(LEDGER_GRANT_SCRAP, LEDGER_QUOTA_MAX);
    (void)maker_must(&world, &grant);
    grant = maker_units(LEDGER_GRANT_SCRAP, 1);
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "limit");
    ck_assert_int_eq(world_usage(&world).granted, LEDGER_QUOTA_MAX);
}
END_TEST

/* ---- policies ---- */

START_TEST(a_first_policy_makes_the_product)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    struct ledger_grant policy = maker_policy(1, &settings);
    struct ledger_product made;
    policy.product = "gadget";
    settings.attempts_max = 7;
    settings.allows_key_exposure = true;
    settings.options = "{\"product_id\":\"45002000\"}";
    struct ledger_granted granted = maker_must(&world, &policy);
    ck_assert_int_eq(granted.granted, 0);
    ck_assert_int_eq(granted.sequence, 1);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &made, &world.fault), ERR_OK);
    ck_assert(made.is_governed && made.allows_key_exposure && made.is_enabled);
    ck_assert_int_eq(made.policy, LEDGER_PER_LICENSE);
    ck_assert_int_eq(made.attempts_max, 7);
    ck_assert_int_eq(made.quota, 0);
    ck_assert_str_eq(made.options, settings.options);
    ck_assert(sha256_equal(&made.authorities, &settings.authorities));
    ck_assert_mem_eq(made.firmware_key, settings.firmware_key, LEDGER_KEY_ID_BYTES);
}
END_TEST

START_TEST(nothing_but_a_first_policy_makes_a_product)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 2);
    struct ledger_grant grants[] = {
        maker_policy(2, &settings),           maker_rebind(1, &rebinding),
        maker_units(LEDGER_GRANT_INSTALL, 1), maker_units(LEDGER_GRANT_SCRAP, 1),
        maker_units(LEDGER_GRANT_REVOKE, 1),  maker_document(LEDGER_GRANT_OVERRIDE)};
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        grants[i].product = "gadget";
        maker_must_not(&world, &grants[i], ERR_PRODUCT_UNKNOWN, "product-unknown");
    }
    ck_assert_int_eq(world_leaves_with(&world, "gadget"), 0);
}
END_TEST

START_TEST(a_policy_replaces_the_one_before_as_a_whole)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    char *pem = NULL;
    size_t length = 0;
    const struct ledger_product before = product();
    settings.profile = "st-sfi";
    settings.anchors = bytes_of("other", 5);
    settings.allows_key_exposure = true;
    settings.options = "{}";
    settings.attempts_max = 3;
    settings.authorities = world_digest('A', 2);
    memset(settings.firmware_key, 9, sizeof settings.firmware_key);
    const struct ledger_grant second = maker_policy(2, &settings);
    ck_assert_int_eq(maker_must(&world, &second).sequence, 2);
    struct ledger_product after = product();
    ck_assert_str_eq(after.profile, "st-sfi");
    ck_assert_int_eq(after.policy, LEDGER_PER_LICENSE);
    ck_assert_str_eq(after.options, "{}");
    ck_assert(after.allows_key_exposure && after.attempts_max == 3);
    ck_assert(sha256_equal(&after.authorities, &settings.authorities));
    ck_assert_int_eq(after.anchors_version, before.anchors_version + 1);
    /* The key in the HSM stays the product's. */
    ck_assert_mem_eq(after.firmware_key, before.firmware_key, LEDGER_KEY_ID_BYTES);
    ck_assert_int_eq(ledger_product_anchors(world.ledger, after.id, &pem, &length, &world.fault),
                     ERR_OK);
    ck_assert_str_eq(pem, "other");
    free(pem);
}
END_TEST

START_TEST(what_a_policy_leaves_out_is_at_its_default_again)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    const struct ledger_settings plain = maker_settings(LEDGER_PER_DEVICE);
    settings.allows_key_exposure = true;
    settings.options = "{}";
    settings.attempts_max = 3;
    const struct ledger_grant second = maker_policy(2, &settings);
    const struct ledger_grant third = maker_policy(3, &plain);
    (void)maker_must(&world, &second);
    (void)maker_must(&world, &third);
    ck_assert_str_eq(product().options, "");
    ck_assert(!product().allows_key_exposure && product().attempts_max == 0);
    ck_assert_int_eq(product().policy, LEDGER_PER_DEVICE);
    ck_assert_int_eq(product().accepted, 10);
}
END_TEST

START_TEST(policies_and_rebinds_share_one_sequence_without_gaps)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    static const int64_t WRONG[] = {1, 3, 4};
    charge(1, 1);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        const struct ledger_grant policy = maker_policy(WRONG[i], &settings);
        const struct ledger_grant rebind = maker_rebind(WRONG[i], &rebinding);
        maker_must_not(&world, &policy, ERR_GRANT_REFUSED, "sequence");
        maker_must_not(&world, &rebind, ERR_GRANT_REFUSED, "sequence");
    }
    const struct ledger_grant second = maker_rebind(2, &rebinding);
    ck_assert_int_eq(maker_must(&world, &second).sequence, 2);
    const struct ledger_grant late = maker_policy(2, &settings);
    maker_must_not(&world, &late, ERR_GRANT_REFUSED, "sequence");
    const struct ledger_grant third = maker_policy(3, &settings);
    ck_assert_int_eq(maker_must(&world, &third).sequence, 3);
    ck_assert_int_eq(product().sequence, 3);
}
END_TEST

/* ---- once ---- */

START_TEST(a_document_counts_once)
{
    const struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    struct ledger_grant other = maker_units(LEDGER_GRANT_SCRAP, 5);
    other.id = grant.id;
    (void)maker_must(&world, &grant);
    maker_must_not(&world, &grant, ERR_CONFLICT, "grant-used");
    maker_must_not(&world, &other, ERR_CONFLICT, "grant-used");
    world_reopen(&world);
    maker_must_not(&world, &grant, ERR_CONFLICT, "grant-used");
    ck_assert_int_eq(world_usage(&world).granted, 15);
}
END_TEST

START_TEST(what_was_refused_is_not_used)
{
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, LEDGER_QUOTA_MAX);
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    maker_must_not(&world, &grant, ERR_GRANT_REFUSED, "limit");
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    grant.units = 1;
    (void)maker_must(&world, &grant);
}
END_TEST

struct bringer {
    struct ledger_grant grant;
    enum error code;
};

static pthread_barrier_t start;

static void *bring(void *argument)
{
    struct bringer *bringer = argument;
    struct ledger_granted granted;
    struct fault fault;
    (void)pthread_barrier_wait(&start);
    bringer->code = ledger_grant_apply(world.ledger, &bringer->grant, WORLD_BY, &granted, &fault);
    return NULL;
}

/* How many were accepted; the others got that error. */
static int bring_together(struct bringer bringers[THREADS], enum error others)
{
    pthread_t threads[THREADS];
    int accepted = 0;
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, bring, &bringers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(bringers[i].code == ERR_OK || bringers[i].code == others);
        accepted += bringers[i].code == ERR_OK;
    }
    (void)pthread_barrier_destroy(&start);
    return accepted;
}

START_TEST(of_many_at_once_one_counts)
{
    struct bringer bringers[THREADS];
    const struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    const struct ledger_grant same = maker_units(LEDGER_GRANT_INSTALL, 5);
    for (int i = 0; i < THREADS; i++)
        bringers[i].grant = same;
    ck_assert_int_eq(bring_together(bringers, ERR_CONFLICT), 1);
    ck_assert_int_eq(world_usage(&world).granted, 15);
    for (int i = 0; i < THREADS; i++)
        bringers[i].grant = maker_policy(2, &settings);
    ck_assert_int_eq(bring_together(bringers, ERR_GRANT_REFUSED), 1);
    ck_assert_int_eq(product().sequence, 2);
}
END_TEST

/* ---- local and governed ---- */

START_TEST(a_local_product_takes_no_document)
{
    const struct ledger_product_new local = {.name = "local",
                                             .profile = "sealed-v1",
                                             .policy = LEDGER_PER_DEVICE,
                                             .quota = 1,
                                             .anchors = bytes_of("PEM", 3)};
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant grants[] = {maker_policy(1, &settings),
                                    maker_units(LEDGER_GRANT_INSTALL, 1),
                                    maker_units(LEDGER_GRANT_REVOKE, 1)};
    ck_assert_int_eq(ledger_product_create(world.ledger, &local, WORLD_BY, &world.fault), ERR_OK);
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        grants[i].product = "local";
        maker_must_not(&world, &grants[i], ERR_GRANT_REFUSED, "product-local");
    }
}
END_TEST

static void assert_governed(enum error e)
{
    ck_assert_int_eq(e, ERR_FORBIDDEN);
    ck_assert_str_eq(world.fault.reason, "product-governed");
    ck_assert_ptr_nonnull(strstr(world.fault.detail, "signed"));
}

START_TEST(local_administration_changes_nothing_of_a_governed_product)
{
    struct ledger *ledger = world.ledger;
    const struct ledger_product_new again = {.name = WORLD_PRODUCT,
                                             .profile = "sealed-v1",
                                             .policy = LEDGER_PER_DEVICE,
                                             .quota = 99,
                                             .anchors = bytes_of("PEM", 3)};
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    int64_t sum = 0;
    charge(1, 1);
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    assert_governed(ledger_quota_add(ledger, WORLD_PRODUCT, 1, WORLD_BY, &sum, &world.fault));
    assert_governed(ledger_scrap_add(ledger, WORLD_PRODUCT, 1, WORLD_BY, &sum, &world.fault));
    assert_governed(
        ledger_device_rebind(ledger, WORLD_PRODUCT, &rebinding, WORLD_BY, &world.fault));
    assert_governed(ledger_product_create(ledger, &again, WORLD_BY, &world.fault));
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    charge(1, 1);
}
END_TEST

/* ---- the anchor ---- */

/* Repeats grant nothing and go on. */
START_TEST(units_count_once_the_anchor_covers_their_leaf)
{
    struct ledger_issued issued;
    const struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    charge(1, 1);
    ledger_set_anchored(world.ledger, world_number(&world, "SELECT count(*) FROM journal"), 1000);
    charge(2, 1);
    int64_t index = maker_must(&world, &grant).journal_index;
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_BUSY);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
    ledger_set_anchored(world.ledger, index, 1000);
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_BUSY);
    ledger_set_anchored(world.ledger, index + 1, 1000);
    ck_assert_int_eq(world_issue(&world, 3, &issued), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grants");
    TCase *tcase = tcase_create("grants");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_install_document_adds_units);
    tcase_add_test(tcase, a_scrap_document_adds_allowance_and_no_units);
    tcase_add_test(tcase, a_revocation_takes_what_remains_at_most);
    tcase_add_test(tcase, a_revocation_takes_drawn_units_too);
    tcase_add_test(tcase, a_sum_beyond_the_limit_is_refused);
    tcase_add_test(tcase, a_first_policy_makes_the_product);
    tcase_add_test(tcase, nothing_but_a_first_policy_makes_a_product);
    tcase_add_test(tcase, a_policy_replaces_the_one_before_as_a_whole);
    tcase_add_test(tcase, what_a_policy_leaves_out_is_at_its_default_again);
    tcase_add_test(tcase, policies_and_rebinds_share_one_sequence_without_gaps);
    tcase_add_test(tcase, a_document_counts_once);
    tcase_add_test(tcase, what_was_refused_is_not_used);
    tcase_add_test(tcase, of_many_at_once_one_counts);
    tcase_add_test(tcase, a_local_product_takes_no_document);
    tcase_add_test(tcase, local_administration_changes_nothing_of_a_governed_product);
    tcase_add_test(tcase, units_count_once_the_anchor_covers_their_leaf);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
