/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rows that are kept are those of the ledger, and never older than a change that was answered. */
#include "vault/catalogue.h"

#include <stdio.h>

#include <check.h>
#include <sqlite3.h>

#include "../ledger/world.h"

#define QUOTA     1000
#define MANY      (CATALOGUE_PRINCIPALS + 2)
#define TIMEOUT_S 60 /* each of many is a commit */

static struct world world;
static struct catalogue *catalogue;

static void set_up(void)
{
    world_make(&world, QUOTA);
    ck_assert_int_eq(catalogue_new(world.ledger, &catalogue), ERR_OK);
}

static void tear_down(void)
{
    catalogue_free(catalogue);
    world_end(&world);
}

/* Of the n-th key. */
static enum error ask_principal(int64_t n, struct ledger_principal *ret_principal)
{
    const struct sha256 key = world_digest('s', n);
    return catalogue_principal(catalogue, &key, ret_principal, &world.fault);
}

static enum error ask_image(const struct sha256 *digest, struct ledger_image *ret_image)
{
    struct ledger_product product;
    enum error e =
        catalogue_subject(catalogue, WORLD_PRODUCT, digest, &product, ret_image, &world.fault);
    if (e == ERR_OK)
        ck_assert_str_eq(product.name, WORLD_PRODUCT);
    return e;
}

static void enrol(const char *name, int64_t n)
{
    ck_assert_int_eq(world_enrol(&world, name, LEDGER_STATION, n), ERR_OK);
}

START_TEST(rows_are_read_once_while_nothing_changes)
{
    struct ledger_principal principal;
    struct ledger_image image;
    enrol("st-9", 9);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
    ck_assert_int_eq(ask_image(NULL, &image), ERR_OK);
    /* What is written past the ledger is not seen, so nothing was read. */
    ck_assert_int_eq(world_execute(&world, "UPDATE principal SET is_enabled = 0;"
                                           "UPDATE image SET is_enabled = 0"),
                     SQLITE_OK);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
    ck_assert_str_eq(principal.name, "st-9");
    ck_assert_int_eq(ask_image(NULL, &image), ERR_OK);
    ck_assert_int_eq(image.id, world.image_id);
}
END_TEST

START_TEST(a_license_does_not_make_them_read_again)
{
    struct ledger_issued issued;
    uint64_t version = ledger_catalogue_version(world.ledger);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
    ck_assert_uint_eq(ledger_catalogue_version(world.ledger), version);
}
END_TEST

START_TEST(a_disabled_principal_is_refused_at_once)
{
    struct ledger_principal principal;
    enrol("st-9", 9);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
    ck_assert_int_eq(world_switch(&world, "st-9", false), ERR_OK);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_FORBIDDEN);
    ck_assert_int_eq(world_switch(&world, "st-9", true), ERR_OK);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
}
END_TEST

START_TEST(a_narrowed_principal_is_narrowed_at_once)
{
    const struct ledger_narrowing narrowing = {.products = "widget\n"};
    struct ledger_principal principal;
    enrol("st-9", 9);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
    ck_assert_int_eq(ledger_principal_narrow(world.ledger, "st-9", LEDGER_STATION, &narrowing,
                                             WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
    ck_assert_str_eq(principal.scope.products, "widget\n");
}
END_TEST

START_TEST(a_new_image_is_the_latest_at_once)
{
    struct ledger_image image;
    ck_assert_int_eq(ask_image(NULL, &image), ERR_OK);
    int64_t newer = world_add_image(&world, 2);
    ck_assert_int_eq(ask_image(NULL, &image), ERR_OK);
    ck_assert_int_eq(image.id, newer);
}
END_TEST

START_TEST(a_disabled_image_is_refused_at_once)
{
    const struct ledger_image second = world_image(2);
    struct ledger_image image;
    (void)world_add_image(&world, 2);
    ck_assert_int_eq(ask_image(&second.digest, &image), ERR_OK);
    ck_assert_int_eq(ledger_image_enable(world.ledger, WORLD_PRODUCT, &second.digest, false,
                                         WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ask_image(&second.digest, &image), ERR_IMAGE_UNKNOWN);
}
END_TEST

START_TEST(the_latest_and_a_named_image_are_two_questions)
{
    const struct ledger_image first = world_image(1);
    struct ledger_image image;
    int64_t newer = world_add_image(&world, 2);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(ask_image(NULL, &image), ERR_OK);
        ck_assert_int_eq(image.id, newer);
        ck_assert_int_eq(ask_image(&first.digest, &image), ERR_OK);
        ck_assert_int_eq(image.id, world.image_id);
    }
}
END_TEST

START_TEST(more_principals_than_places_are_all_known)
{
    struct ledger_principal principal;
    char name[LEDGER_NAME_MAX + 1];
    for (int64_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "many-%d", (int)i);
        enrol(name, 100 + i);
    }
    for (int64_t i = 0; i < 2 * MANY; i++) {
        int64_t n = i % MANY;
        (void)snprintf(name, sizeof name, "many-%d", (int)n);
        ck_assert_int_eq(ask_principal(100 + n, &principal), ERR_OK);
        ck_assert_str_eq(principal.name, name);
    }
}
END_TEST

START_TEST(strangers_stay_strangers_until_they_are_enrolled)
{
    struct ledger_principal principal;
    ck_assert_int_eq(ask_principal(9, &principal), ERR_FORBIDDEN);
    enrol("st-9", 9);
    ck_assert_int_eq(ask_principal(9, &principal), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue");
    TCase *all = tcase_create("catalogue");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, TIMEOUT_S);
    tcase_add_test(all, rows_are_read_once_while_nothing_changes);
    tcase_add_test(all, a_license_does_not_make_them_read_again);
    tcase_add_test(all, a_disabled_principal_is_refused_at_once);
    tcase_add_test(all, a_narrowed_principal_is_narrowed_at_once);
    tcase_add_test(all, a_new_image_is_the_latest_at_once);
    tcase_add_test(all, a_disabled_image_is_refused_at_once);
    tcase_add_test(all, the_latest_and_a_named_image_are_two_questions);
    tcase_add_test(all, more_principals_than_places_are_all_known);
    tcase_add_test(all, strangers_stay_strangers_until_they_are_enrolled);
    suite_add_tcase(suite, all);
    return world_run(suite);
}
