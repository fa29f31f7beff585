/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A product's revocation lists as they are kept: whole, versioned, told in the journal. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct world world;

static void set_up(void)
{
    world_make(&world, 10);
}

static void tear_down(void)
{
    world_end(&world);
}

static struct ledger_product product(void)
{
    struct ledger_product read;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &read, &world.fault), ERR_OK);
    return read;
}

static enum error set(int64_t version, const char *pem, int64_t lists, bool accepts_older)
{
    const struct ledger_crls_new crls = {
        .anchors_version = version,
        .pem = bytes_of(pem, strlen(pem)),
        .values = {.lists = lists, .issued_unix_ms = lists * 100, .expires_unix_ms = lists * 900},
        .accepts_older = accepts_older};
    return ledger_crls_set(world.ledger, WORLD_PRODUCT, &crls, WORLD_BY, &world.fault);
}

static void claim_kept(const char *wanted)
{
    char *pem = NULL;
    size_t length = 0;
    ck_assert_int_eq(
        ledger_product_crls(world.ledger, world.product_id, &pem, &length, &world.fault), ERR_OK);
    if (wanted == NULL)
        ck_assert_ptr_null(pem);
    else
        ck_assert_str_eq(pem, wanted);
    ck_assert_uint_eq(length, wanted != NULL ? strlen(wanted) : 0);
    free(pem);
}

START_TEST(lists_take_the_place_of_those_before_and_may_go)
{
    const struct ledger_product before = product();
    ck_assert_int_eq(before.crls.lists, 0);
    claim_kept(NULL);
    ck_assert_int_eq(set(before.anchors_version, "one", 1, false), ERR_OK);
    claim_kept("one");
    const struct ledger_product one = product();
    ck_assert_int_gt(one.anchors_version, before.anchors_version);
    ck_assert_int_eq(one.crls.lists, 1);
    ck_assert_int_eq(one.crls.issued_unix_ms, 100);
    ck_assert_int_eq(one.crls.expires_unix_ms, 900);
    ck_assert_int_eq(set(one.anchors_version, "two", 2, true), ERR_OK);
    world_reopen(&world);
    claim_kept("two");
    ck_assert_int_eq(set(product().anchors_version, "", 0, true), ERR_OK);
    claim_kept(NULL);
    ck_assert_int_eq(product().crls.lists, 0);
    ck_assert_int_eq(world_leaves_with(&world, "\"crls-set\""), 3);
    ck_assert_int_eq(world_leaves_with(&world, "\"older\":true"), 2);
}
END_TEST

START_TEST(what_was_checked_against_other_anchors_is_refused)
{
    const int64_t version = product().anchors_version;
    ck_assert_int_eq(set(version, "one", 1, false), ERR_OK);
    ck_assert_int_eq(set(version, "two", 2, false), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "product-changed");
    claim_kept("one");
    ck_assert_int_eq(world_leaves_with(&world, "\"crls-set\""), 1);
}
END_TEST

START_TEST(change_moves_the_catalogue_and_none_leaves_no_leaf)
{
    const uint64_t before = ledger_catalogue_version(world.ledger);
    ck_assert_int_eq(set(product().anchors_version, "", 0, true), ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"crls-set\""), 0);
    ck_assert_int_eq(set(product().anchors_version, "one", 1, false), ERR_OK);
    ck_assert_uint_ne(ledger_catalogue_version(world.ledger), before);
}
END_TEST

START_TEST(more_than_the_limits_is_refused)
{
    const int64_t version = product().anchors_version;
    char *large = malloc(LEDGER_CRLS_MAX_BYTES + 2);
    memset(large, 'A', LEDGER_CRLS_MAX_BYTES + 1);
    large[LEDGER_CRLS_MAX_BYTES + 1] = '\0';
    ck_assert_int_eq(set(version, large, 1, false), ERR_BAD_REQUEST);
    large[LEDGER_CRLS_MAX_BYTES] = '\0';
    ck_assert_int_eq(set(version, "text", LEDGER_CRLS_MAX + 1, false), ERR_BAD_REQUEST);
    ck_assert_int_eq(set(version, "text", 0, false), ERR_BAD_REQUEST);
    ck_assert_int_eq(set(version, "", 1, false), ERR_BAD_REQUEST);
    ck_assert_int_eq(set(version, large, LEDGER_CRLS_MAX, false), ERR_OK);
    free(large);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger revocation lists");
    TCase *tcase = tcase_create("crls");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, lists_take_the_place_of_those_before_and_may_go);
    tcase_add_test(tcase, what_was_checked_against_other_anchors_is_refused);
    tcase_add_test(tcase, change_moves_the_catalogue_and_none_leaves_no_leaf);
    tcase_add_test(tcase, more_than_the_limits_is_refused);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
