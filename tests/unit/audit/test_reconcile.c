/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What was licensed against what was shipped. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "audit/reconcile.h"
#include "judge.h"
#include "support/run.h"

#define HEADER  "product,serial,lot,shipped\r\n"
#define DAY     20784 /* 2026-11-27, when the maker begins at 14:00 UTC */
#define HOUR_MS INT64_C(3600000)

static struct judge judge;
static struct maker *maker;
static char mes[TEMP_PATH_MAX];
static struct reconcile_request request;
static struct reconciliation *reconciliation;
static struct fault fault;

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    temp_dir_path(&judge.dir, "mes.csv", mes);
    request = (struct reconcile_request){
        .export_path = judge.path, .mes_path = mes, .unreported_hours = 24, .reissue_percent = 20};
    maker_local_product(maker, "widget", 100, "per-device");
    maker_station(maker, "st-1");
    maker_station(maker, "st-2");
    maker_image(maker, "widget", 1);
    maker_image(maker, "widget", 2);
}

static void tear_down(void)
{
    reconciliation_free(reconciliation);
    judge_clear(&judge);
}

static void license(unsigned device, const char *lot)
{
    maker_license(
        maker,
        &(struct maker_license){
            .product = "widget", .device = device, .image = 1, .install = device, .lot = lot});
}

static void succeed(unsigned device)
{
    maker_outcome(maker, device, "succeeded", 1, "");
}

static void reconcile(const char *csv)
{
    FILE *file = fopen(mes, "we");
    (void)fputs(csv, file);
    (void)fclose(file);
    maker_seal(maker);
    maker_write(maker, judge.path);
    reconciliation_free(reconciliation);
    reconciliation = NULL;
    ck_assert_msg(audit_reconcile(&request, &reconciliation, &fault) == ERR_OK, "%s", fault.reason);
}

/* The row of a lot and day; fails when there is none. */
static struct reconcile_row row_of(const char *lot, int64_t day)
{
    struct reconcile_row row;
    for (size_t i = 0; i < reconciliation_row_count(reconciliation); i++) {
        reconciliation_row(reconciliation, i, &row);
        if (strcmp(row.lot, lot) == 0 && row.day == day)
            return row;
    }
    ck_abort_msg("no row of lot %s", lot);
    return row;
}

static struct reconcile_flag flag_of(enum reconcile_kind kind)
{
    struct reconcile_flag flag;
    for (size_t i = 0; i < reconciliation_flag_count(reconciliation); i++) {
        reconciliation_flag(reconciliation, i, &flag);
        if (flag.kind == kind)
            return flag;
    }
    ck_abort_msg("no flag %s", reconcile_kind_name(kind));
    return flag;
}

static size_t count_flags(enum reconcile_kind kind)
{
    struct reconcile_flag flag;
    size_t count = 0;
    for (size_t i = 0; i < reconciliation_flag_count(reconciliation); i++) {
        reconciliation_flag(reconciliation, i, &flag);
        count += flag.kind == kind ? 1 : 0;
    }
    return count;
}

START_TEST(what_was_made_and_shipped_fits)
{
    license(1, "L-7");
    license(2, "L-7");
    license(3, "L-8");
    succeed(1);
    succeed(2);
    succeed(3);
    reconcile(HEADER "widget,SN-1,L-7,2026-11-28\r\nwidget,SN-2,L-7,2026-11-28\r\n"
                     "widget,SN-3,L-8,2026-11-28\r\n");
    const struct reconcile_row seven = row_of("L-7", DAY);
    ck_assert_int_eq(seven.licensed, 2);
    ck_assert_int_eq(seven.charged, 2);
    ck_assert_int_eq(seven.succeeded, 2);
    ck_assert_int_eq(seven.shipped, 2);
    ck_assert_int_eq(seven.difference, 0);
    ck_assert_int_eq(row_of("L-8", DAY).shipped, 1);
    ck_assert_int_eq(row_of("", DAY).granted, 100);
    ck_assert_uint_eq(reconciliation_row_count(reconciliation), 3);
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 0);
}
END_TEST

START_TEST(shipped_and_never_licensed_is_flagged)
{
    license(1, "L-7");
    succeed(1);
    reconcile(HEADER "widget,SN-1,L-7,2026-11-28\r\nwidget,grey,L-9,2026-11-28\r\n"
                     "gizmo,SN-1,,2026-11-28\r\n");
    ck_assert_uint_eq(count_flags(RECONCILE_NEVER_LICENSED), 2);
    const struct reconcile_flag flag = flag_of(RECONCILE_NEVER_LICENSED);
    ck_assert_str_eq(flag.serial, "grey");
    ck_assert_ptr_nonnull(strstr(flag.detail, "line 3"));
    ck_assert_int_eq(row_of("L-9", DAY + 1).difference, -1);
    ck_assert_int_eq(row_of("L-7", DAY).difference, 0);
}
END_TEST

START_TEST(made_and_not_shipped_is_flagged)
{
    license(1, "L-7");
    license(2, "L-7");
    succeed(1);
    succeed(2);
    reconcile(HEADER "widget,SN-1,L-7,2026-11-28\r\n");
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 1);
    ck_assert_str_eq(flag_of(RECONCILE_NOT_SHIPPED).serial, "SN-2");
    ck_assert_int_eq(row_of("L-7", DAY).difference, 1);
}
END_TEST

START_TEST(shipped_without_success_is_flagged)
{
    license(1, NULL);
    license(2, NULL);
    maker_outcome(maker, 2, "scrapped", 1, ",\"scrap_drawn\":false");
    reconcile(HEADER "widget,SN-1,,2026-11-28\r\nwidget,SN-2,,2026-11-28\r\n");
    ck_assert_uint_eq(count_flags(RECONCILE_NOT_SUCCEEDED), 2);
    ck_assert_ptr_nonnull(strstr(flag_of(RECONCILE_NOT_SUCCEEDED).detail, "unreported"));
    ck_assert_int_eq(row_of("", DAY).scrapped, 1);
    ck_assert_int_eq(row_of("", DAY).difference, -2);
}
END_TEST

START_TEST(shipped_twice_is_flagged_and_counted_once)
{
    license(1, NULL);
    succeed(1);
    reconcile(HEADER "widget,SN-1,,2026-11-28\r\nwidget,SN-1,,2026-11-29\r\n");
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 1);
    ck_assert_ptr_nonnull(strstr(flag_of(RECONCILE_SHIPPED_TWICE).detail, "2026-11-29 (line 3"));
    ck_assert_int_eq(row_of("", DAY).shipped, 1);
}
END_TEST

START_TEST(unreported_for_long_is_flagged)
{
    license(1, NULL);
    maker->time_ms += 2 * HOUR_MS;
    license(2, NULL);
    maker->time_ms += 23 * HOUR_MS;
    reconcile(HEADER);
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 1);
    const struct reconcile_flag flag = flag_of(RECONCILE_UNREPORTED);
    ck_assert_str_eq(flag.serial, "SN-1");
    ck_assert_ptr_nonnull(strstr(flag.detail, "25 hours"));
    request.unreported_hours = 22;
    reconcile(HEADER);
    ck_assert_uint_eq(count_flags(RECONCILE_UNREPORTED), 2);
}
END_TEST

START_TEST(one_device_at_two_stations_is_flagged)
{
    license(1, NULL);
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = 1,
                                                 .image = 1,
                                                 .install = 1,
                                                 .attempt = 2,
                                                 .station = "st-2"});
    request.reissue_percent = 100;
    reconcile(HEADER);
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 1);
    ck_assert_str_eq(flag_of(RECONCILE_TWO_STATIONS).detail,
                     "Licenses were asked for at st-1 and at st-2.");
}
END_TEST

START_TEST(many_repeats_are_flagged)
{
    for (unsigned device = 1; device <= 4; device++)
        license(device, "L-7");
    license(5, "L-8");
    maker_license(maker,
                  &(struct maker_license){
                      .product = "widget", .device = 1, .image = 1, .install = 1, .attempt = 2});
    reconcile(HEADER);
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 1);
    const struct reconcile_flag flag = flag_of(RECONCILE_REISSUE_RATE);
    ck_assert_str_eq(flag.lot, "L-7");
    ck_assert_str_eq(flag.serial, "");
    ck_assert_int_eq(row_of("L-7", DAY).reissued, 1);
    request.reissue_percent = 25; /* exactly reached, not exceeded */
    reconcile(HEADER);
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 0);
}
END_TEST

START_TEST(issue_outside_the_shift_is_flagged)
{
    request.has_shift = true;
    license(1, NULL); /* at 14:00 */
    request.shift_begin = 6 * 60;
    request.shift_end = 14 * 60;
    reconcile(HEADER);
    ck_assert_uint_eq(count_flags(RECONCILE_OUTSIDE_SHIFT), 1);
    request.shift_end++;
    reconcile(HEADER);
    ck_assert_uint_eq(count_flags(RECONCILE_OUTSIDE_SHIFT), 0);
    /* Over midnight. */
    request.shift_begin = 22 * 60;
    request.shift_end = 14 * 60 + 1;
    reconcile(HEADER);
    ck_assert_uint_eq(count_flags(RECONCILE_OUTSIDE_SHIFT), 0);
    request.shift_end = 6 * 60;
    reconcile(HEADER);
    ck_assert_uint_eq(count_flags(RECONCILE_OUTSIDE_SHIFT), 1);
}
END_TEST

START_TEST(a_day_later_is_another_row)
{
    license(1, "L-7");
    maker->time_ms += 24 * HOUR_MS;
    license(2, "L-7");
    maker_license(
        maker,
        &(struct maker_license){
            .product = "widget", .device = 1, .image = 2, .install = 9, .unit = 1, .lot = "L-7"});
    reconcile(HEADER);
    ck_assert_int_eq(row_of("L-7", DAY).charged, 1);
    ck_assert_int_eq(row_of("L-7", DAY).licensed, 1);
    ck_assert_int_eq(row_of("L-7", DAY + 1).charged, 1);
    ck_assert_int_eq(row_of("L-7", DAY + 1).licensed, 2);
}
END_TEST

START_TEST(devices_are_found_by_their_key_too)
{
    char key[SHA256_HEX_SIZE];
    license(1, NULL);
    succeed(1);
    reconcile(MAKER_FORMAT("device,product,shipped\n%s,widget,2026-11-28\n",
                           maker_digest("device", 1, key)));
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 0);
    ck_assert_int_eq(row_of("", DAY).shipped, 1);
}
END_TEST

START_TEST(reworked_board_is_its_new_chip)
{
    char old_key[SHA256_HEX_SIZE], new_key[SHA256_HEX_SIZE];
    license(1, NULL);
    succeed(1);
    maker_leaf(maker, "device-rebound",
               MAKER_FORMAT("\"by\":\"uid:0\",\"new_key\":\"%s\",\"old_key\":\"%s\","
                            "\"product\":\"widget\",\"serial\":\"SN-1\",",
                            maker_digest("device", 2, new_key), maker_digest("device", 1, old_key)),
               "");
    reconcile(HEADER "widget,SN-1,,2026-11-28\r\n");
    ck_assert_uint_eq(count_flags(RECONCILE_NEVER_LICENSED), 1); /* the new chip got none yet */
    maker_replace(maker,
                  maker_license(maker,
                                &(struct maker_license){
                                    .product = "widget", .device = 2, .image = 1, .install = 2}),
                  "SN-2", "SN-1");
    succeed(2);
    reconcile(HEADER "widget,SN-1,,2026-11-28\r\n");
    ck_assert_uint_eq(reconciliation_flag_count(reconciliation), 0);
}
END_TEST

START_TEST(limits_are_kept)
{
    request.unreported_hours = RECONCILE_HOURS_MAX + 1;
    ck_assert_int_eq(audit_reconcile(&request, &reconciliation, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "reconcile-limits");
}
END_TEST

START_TEST(journal_that_breaks_every_rule_is_reconciled_all_the_same)
{
    license(1, NULL);
    license(1, NULL);
    maker_outcome(maker, 7, "succeeded", 1, "");
    maker_raw(maker, "this is no leaf");
    maker_license(
        maker, &(struct maker_license){.product = "gizmo", .device = 1, .image = 1, .install = 3});
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = 3,
                                                 .image = 9,
                                                 .install = 4,
                                                 .unit = 17,
                                                 .station = "st-9"});
    reconcile(HEADER "widget,SN-3,,2026-11-28\r\n");
    ck_assert_int_eq(row_of("", DAY).licensed, 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_was_made_and_shipped_fits,
        shipped_and_never_licensed_is_flagged,
        made_and_not_shipped_is_flagged,
        shipped_without_success_is_flagged,
        shipped_twice_is_flagged_and_counted_once,
        unreported_for_long_is_flagged,
        one_device_at_two_stations_is_flagged,
        many_repeats_are_flagged,
        issue_outside_the_shift_is_flagged,
        a_day_later_is_another_row,
        devices_are_found_by_their_key_too,
        reworked_board_is_its_new_chip,
        limits_are_kept,
        journal_that_breaks_every_rule_is_reconciled_all_the_same,
        NULL,
    };
    return run_suite(&(struct run_case){"reconcile", set_up, tear_down, 60, tests});
}
