/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * docs/examples/line-stm32.sh with a stand-in for ST's tool, in front of the reference chip. The
 * tests prove nothing about a chip of ST.
 */
#include "examples/user.h"

#include <signal.h>
#include <unistd.h>

#include "support/run.h"

static struct rig rig;

static void set_up(void)
{
    rig_up(&rig, 2);
    user_expects(&rig, 0,
                 "rig-chip make --state chip --st-ca $RIG_ST_CA_KEY "
                 "--product-id $RIG_ST_PRODUCT_ID");
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* Power for the chip in that folder while the commands run; their status is the last one's. */
#define WITH_POWER(state, options, commands)                                                 \
    "rm -f ready && mkfifo ready && { rig-chip run --state " state " --socket s " options    \
    " >ready & } && chip=$! && read -r x <ready && export CHIP_SOCKET=$DIR/s && { " commands \
    "; }; code=$?; kill $chip; wait $chip; exit $code"
#define LINE                 "PROVCTL_PRODUCT=$RIG_ST_PRODUCT $EXAMPLES/line-stm32.sh $RIG_ST_IMAGE_FILE"
#define SEAT(state, options) WITH_POWER(state, options, LINE)

START_TEST(a_chip_is_closed_and_reported)
{
    user_expects(&rig, 0,
                 WITH_POWER("chip", "", LINE " && rig-chip status --socket s | grep phase=closed"));
    user_must_be_told(&rig, " charged=yes remaining=1");
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

START_TEST(a_closed_chip_that_is_seated_again_changes_nothing)
{
    user_expects(&rig, 0, SEAT("chip", ""));
    user_expects(&rig, 1, SEAT("chip", ""));
    user_must_be_told(&rig, " charged=no remaining=1");
    user_must_be_told(&rig, "nothing reported: ");
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

START_TEST(a_worn_chip_is_reported_with_the_tools_status_and_words)
{
    user_expects(&rig, 1, SEAT("chip", "--worn-at 0x08000100"));
    user_must_be_told(&rig, "not installed: stm32-1: Error: ");
    user_must_be_told(&rig, "flash-verify");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM install WHERE code = 'stm32-1' AND "
                                     "detail LIKE 'Error: %flash-verify%'"),
                     1);
    user_account_is(&rig, "rig-mcu", "1 0 1 0");
    user_expects(&rig, 0, SEAT("chip", ""));
    user_must_be_told(&rig, " charged=no remaining=1");
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

START_TEST(a_copy_of_a_chip_changes_nothing)
{
    user_expects(&rig, 0, SEAT("chip", ""));
    user_expects(&rig, 0, "rig-chip clone --from chip --state copy");
    user_expects(&rig, 1, SEAT("copy", ""));
    user_must_be_told(&rig, "license-refused");
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

START_TEST(a_chip_that_cannot_be_read_costs_nothing)
{
    user_expects(&rig, 1, "export CHIP_SOCKET=$DIR/none; " LINE);
    user_must_be_told(&rig, "the chip cannot be read (STM32_Programmer_CLI: 1): Error: No STM32");
    user_expects(&rig, 1, "export STM32_FAULT=hang TOOL_SECONDS=1; " LINE);
    user_must_be_told(&rig, "(STM32_Programmer_CLI: 124): Error: no end after 1 s");
    user_account_is(&rig, "rig-mcu", "0 0 0 0");
}
END_TEST

START_TEST(a_chip_of_another_maker_is_12_and_stays_open)
{
    user_expects(&rig, 0,
                 "openssl ecparam -name prime256v1 -genkey -noout -out other.key && "
                 "rig-chip make --state foreign --st-ca other.key "
                 "--product-id $RIG_ST_PRODUCT_ID");
    user_expects(&rig, 12, SEAT("foreign", ""));
    user_must_be_told(&rig, "st-signature");
    user_expects(&rig, 0, "rig-chip show --state foreign | grep open");
    user_account_is(&rig, "rig-mcu", "0 0 0 0");
}
END_TEST

START_TEST(a_spent_quota_is_10_and_the_chip_stays_open)
{
    user_expects(&rig, 0,
                 "for n in 1 2 3; do rig-chip make --state chip-$n --st-ca $RIG_ST_CA_KEY "
                 "--product-id $RIG_ST_PRODUCT_ID || exit 1; done");
    user_expects(&rig, 0, SEAT("chip-1", ""));
    user_expects(&rig, 0, SEAT("chip-2", ""));
    user_expects(&rig, 10, SEAT("chip-3", ""));
    user_expects(&rig, 0, "rig-chip show --state chip-3 | grep open");
    user_account_is(&rig, "rig-mcu", "2 2 0 0");
}
END_TEST

START_TEST(a_server_that_is_away_is_waited_for)
{
    rig_kill(&rig, RIG_API, SIGKILL);
    pid_t line = user_begins(&rig, SEAT("chip", ""));
    (void)usleep(1500000);
    rig_start(&rig, RIG_API, NULL);
    ck_assert_int_eq(user_waits(line), 0);
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

START_TEST(an_image_of_another_product_costs_nothing)
{
    user_expects(&rig, 1, "RIG_ST_IMAGE_FILE=$RIG_IMAGE_FILE; " SEAT("chip", ""));
    user_account_is(&rig, "rig-mcu", "0 0 0 0");
}
END_TEST

/* A programmer whose install works from its second try on. */
START_TEST(an_install_is_tried_twice)
{
    user_expects(&rig, 0,
                 "printf '%%s\\n' '#!/bin/sh' 'case $4 in -sfi) echo >>tries; "
                 "test $(wc -l <tries) -ge 2 || exit 1; esac; exec STM32_Programmer_CLI \"$@\"' "
                 ">flaky && chmod +x flaky");
    user_expects(&rig, 0, "export PROGRAMMER=$DIR/flaky; " SEAT("chip", ""));
    user_expects(&rig, 0, "test $(wc -l <tries) = 2");
    user_account_is(&rig, "rig-mcu", "1 1 0 0");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_chip_is_closed_and_reported,
        a_closed_chip_that_is_seated_again_changes_nothing,
        a_worn_chip_is_reported_with_the_tools_status_and_words,
        a_copy_of_a_chip_changes_nothing,
        a_chip_that_cannot_be_read_costs_nothing,
        a_chip_of_another_maker_is_12_and_stays_open,
        a_spent_quota_is_10_and_the_chip_stays_open,
        a_server_that_is_away_is_waited_for,
        an_image_of_another_product_costs_nothing,
        an_install_is_tried_twice,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "line-stm32",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
