/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A factory line end to end: many chips with and without faults. */
#include "e2e/floor.h"

#include <stdio.h>

#include "support/run.h"
#include "support/sizes.h"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 550);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

#define LINE                                                                                 \
    "$RIG_BIN/rig-line --bin $RIG_BIN --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT " \
    "--key $RIG_STATION_KEY --product $RIG_ST_PRODUCT --image latest "                       \
    "--firmware $RIG_ST_FIRMWARE --st-ca $RIG_ST_CA_KEY --product-id $RIG_ST_PRODUCT_ID "    \
    "--dir $DIR/line "

/* Chips over sockets; the line itself checks the account against the chips (exit code 0). */
static void run_line(const char *faults)
{
    size_t chips = test_size("chips on the line", 40, 500);
    size_t sockets = test_size("programming sockets", 8, 32);
    int status = rig_shell(&rig, LINE "--chips %zu --sockets %zu --faults %s >$DIR/line.out 2>&1",
                           chips, sockets, faults);
    if (status != 0)
        (void)rig_shell(&rig, "tail -n 40 $DIR/line.out");
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rig_query(&rig, "SELECT used FROM product WHERE name = 'rig-mcu'"),
                     (int64_t)chips);
    ck_assert_int_eq(rig_query(&rig, "SELECT succeeded FROM product WHERE name = 'rig-mcu'"),
                     (int64_t)chips);
}

START_TEST(a_line_without_faults_is_in_balance)
{
    run_line("none");
}
END_TEST

START_TEST(a_line_with_every_fault_is_in_balance)
{
    run_line("demo");
}
END_TEST

START_TEST(a_spent_quota_stops_the_line_and_a_refill_finishes_it)
{
    ck_assert_int_eq(
        rig_shell(&rig,
                  "$RIG_BIN/provctl --config $RIG_CONFIG product create small --profile st-sfi "
                  "--st-product-id $RIG_ST_PRODUCT_ID --allow-session-key-exposure "
                  "--anchors $DIR/st-ca/ca.pub.pem --quota 5 && "
                  "$RIG_BIN/provctl --config $RIG_CONFIG image encrypt --product small "
                  "--format st-sfi --address 0x08000000 --option-bytes $RIG_ST_OPTION_BYTES "
                  "$RIG_ST_FIRMWARE && RIG_ST_PRODUCT=small && " LINE
                  "--chips 8 --sockets 3 --on-quota-spent "
                  "\"$RIG_BIN/provctl --config $RIG_CONFIG quota add small --units 3\" >&2"),
        0);
    ck_assert_int_eq(rig_query(&rig, "SELECT used FROM product WHERE name = 'small'"), 8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_line_without_faults_is_in_balance,
        a_line_with_every_fault_is_in_balance,
        a_spent_quota_stops_the_line_and_a_refill_finishes_it,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "line",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
