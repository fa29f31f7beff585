/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The account of each product, as the leaves give it, against the test's own count. */
#include <check.h>

#include "judge.h"
#include "support/run.h"

static struct judge judge;
static struct maker *maker;
static struct export_account *widget;

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    widget = maker_account(maker, "widget");
    maker_local_product(maker, "widget", 10, "per-device");
    maker_station(maker, "st-1");
    maker_image(maker, "widget", 1);
    maker_image(maker, "widget", 2);
    widget->accepted = 10;
}

static void tear_down(void)
{
    judge_clear(&judge);
}

static void issue(unsigned device, unsigned image, unsigned install, unsigned unit)
{
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = device,
                                                 .image = image,
                                                 .install = install,
                                                 .unit = unit});
}

static void settle(int64_t granted, int64_t charged, int64_t licensed)
{
    widget->granted = granted;
    widget->charged = charged;
    widget->remaining = granted - charged;
    widget->licensed = licensed;
}

START_TEST(nothing_was_done_with_a_new_product)
{
    settle(10, 0, 0);
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_uint_eq(judge.report.product_count, 1);
    ck_assert_int_eq(judge.report.leaves, 6);
    ck_assert_str_eq(judge.report.site, MAKER_SITE);
}
END_TEST

START_TEST(a_device_is_charged_once_however_many_images_it_gets)
{
    issue(1, 1, 1, 0);
    issue(1, 2, 2, 1);
    issue(2, 2, 3, 0);
    settle(10, 2, 3);
    widget->unreported = 2;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(repeats_are_counted_and_cost_nothing)
{
    issue(1, 1, 1, 0);
    for (unsigned attempt = 2; attempt < 5; attempt++)
        maker_license(
            maker,
            &(struct maker_license){
                .product = "widget", .device = 1, .image = 1, .install = 1, .attempt = attempt});
    maker_outcome(maker, 1, "succeeded", 4, "");
    settle(10, 1, 1);
    widget->succeeded = 1;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.products[0].reissued, 3);
}
END_TEST

START_TEST(a_units_outcome_is_that_of_its_newest_install)
{
    issue(1, 1, 1, 0);
    maker_outcome(maker, 1, "succeeded", 1, "");
    issue(1, 2, 2, 1); /* unreported again */
    maker_outcome(maker, 1, "failed", 1, "");
    issue(2, 1, 3, 0);
    maker_outcome(maker, 3, "failed", 1, "");
    maker_outcome(maker, 3, "succeeded", 1, "");
    settle(10, 2, 3);
    widget->unreported = 1;
    widget->succeeded = 1;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(scrapped_counts_from_any_install_and_draws_once)
{
    maker_leaf(maker, "scrap-allowance-added",
               "\"allowance\":1,\"by\":\"uid:0\",\"product\":\"widget\",", ",\"units\":1");
    issue(1, 1, 1, 0);
    issue(1, 2, 2, 1);
    maker_outcome(maker, 2, "succeeded", 1, "");
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    maker_outcome(maker, 2, "scrapped", 1, ",\"scrap_drawn\":false");
    issue(2, 1, 3, 0);
    maker_outcome(maker, 3, "scrapped", 1, ",\"scrap_drawn\":false");
    settle(11, 2, 3);
    widget->scrap_allowance = 1;
    widget->scrap_drawn = 1;
    widget->scrapped = 2;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(each_license_is_a_unit_of_its_own_with_per_license)
{
    struct export_account *gadget = maker_account(maker, "gadget");
    maker_local_product(maker, "gadget", 5, "per-license");
    maker_image(maker, "gadget", 1);
    maker_image(maker, "gadget", 2);
    maker_license(
        maker, &(struct maker_license){.product = "gadget", .device = 1, .image = 1, .install = 1});
    maker_license(
        maker, &(struct maker_license){.product = "gadget", .device = 1, .image = 2, .install = 2});
    maker_outcome(maker, 1, "failed", 1, "");
    settle(10, 0, 0);
    gadget->accepted = gadget->granted = 5;
    gadget->charged = gadget->licensed = 2;
    gadget->remaining = 3;
    gadget->failed = gadget->unreported = 1;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(units_that_are_added_are_granted)
{
    maker_leaf(maker, "quota-added", "\"by\":\"uid:0\",\"product\":\"widget\",\"quota\":17,",
               ",\"units\":7");
    widget->accepted = 17;
    settle(17, 0, 0);
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(a_board_with_a_new_chip_is_a_new_device)
{
    char old_key[SHA256_HEX_SIZE], new_key[SHA256_HEX_SIZE];
    issue(1, 1, 1, 0);
    maker_leaf(maker, "device-rebound",
               MAKER_FORMAT("\"by\":\"uid:0\",\"new_key\":\"%s\",\"old_key\":\"%s\","
                            "\"product\":\"widget\",\"serial\":\"SN-1\",",
                            maker_digest("device", 2, new_key), maker_digest("device", 1, old_key)),
               "");
    size_t leaf = maker_license(
        maker, &(struct maker_license){.product = "widget", .device = 2, .image = 1, .install = 2});
    maker_replace(maker, leaf, "SN-2", "SN-1");
    settle(10, 2, 2);
    widget->unreported = 2;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(unclean_starts_are_counted)
{
    settle(10, 0, 0);
    maker_leaf(maker, "stop", "", "");
    maker_leaf(maker, "start", "\"clean\":true,", "");
    size_t unclean = maker_leaf(maker, "start", "\"clean\":false,", "");
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.starts, 3);
    ck_assert_int_eq(judge.report.unclean_starts.total, 1);
    ck_assert_uint_eq((size_t)judge.report.unclean_starts.items[0].leaf, unclean);
}
END_TEST

START_TEST(leaves_of_later_versions_are_told_and_not_judged)
{
    settle(10, 0, 0);
    maker_leaf(maker, "weather", "\"product\":\"widget\",\"sky\":[1,{\"blue\":true}],", "");
    maker_leaf(maker, "stop", "\"reason\":\"lunch\",", "");
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.unknown_leaves, 1);
}
END_TEST

START_TEST(what_the_vault_noted_of_its_rows_is_compared)
{
    issue(1, 1, 1, 0);
    maker_leaf(maker, "account",
               "\"charged\":1,\"documents\":0,\"product\":\"widget\",\"scrap_drawn\":0,", "");
    settle(10, 1, 1);
    widget->unreported = 1;
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    maker_leaf(maker, "account",
               "\"charged\":2,\"documents\":0,\"product\":\"widget\",\"scrap_drawn\":0,", "");
    judge_seal_and_run(&judge);
    ck_assert_found_only(&judge, "account-leaf");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_was_done_with_a_new_product,
        a_device_is_charged_once_however_many_images_it_gets,
        repeats_are_counted_and_cost_nothing,
        a_units_outcome_is_that_of_its_newest_install,
        scrapped_counts_from_any_install_and_draws_once,
        each_license_is_a_unit_of_its_own_with_per_license,
        units_that_are_added_are_granted,
        a_board_with_a_new_chip_is_a_new_device,
        unclean_starts_are_counted,
        leaves_of_later_versions_are_told_and_not_judged,
        what_the_vault_noted_of_its_rows_is_compared,
        NULL,
    };
    return run_suite(&(struct run_case){"account", set_up, tear_down, 30, tests});
}
