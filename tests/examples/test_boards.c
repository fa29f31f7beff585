/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * docs/examples/line-openocd.sh and line-jlink.sh with stand-ins for the tools, in front of boards
 * that are folders: this file is built once for each, with TOOL the name of the one. TOOL_FAILS is
 * what the tool says when a byte of flash cannot be programmed.
 */
#include "examples/user.h"

#include <signal.h>
#include <unistd.h>

#include "e2e/floor.h"
#include "support/run.h"

static struct rig rig;
static struct floor_device device;

/* A board with the key and certificate of a device of that name, in a folder of the same name. */
static void make_board(const char *name, const char *key)
{
    user_expects(&rig, 0, "board.py make board-%s %s.pem %s.key", name, name, key);
}

static void set_up(void)
{
    rig_up(&rig, 3);
    floor_device_make(&rig, "one", NULL, &device);
    make_board("one", "one");
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

#define SETTINGS                                                                                \
    "export CERT_AT=0x08004000 LICENSE_AT=0x08010000 IMAGE_AT=0x08020000 RESULT_AT=0x20000000 " \
    "JLINK_DEVICE=STM32L476RG TOOL_SECONDS=${TOOL_SECONDS:-20} INSTALL_SECONDS=2 "              \
    "OPENOCD_BOARD='-f interface/cmsis-dap.cfg -f target/stm32l4x.cfg'; "
/* Seats the board of that name. */
#define LINE(name) SETTINGS "BOARD_DIR=board-" name " $EXAMPLES/line-" TOOL ".sh $RIG_IMAGE_FILE"

static void break_board(const char *fault)
{
    user_expects(&rig, 0, "board.py fault board-one %s", fault);
}

static void has_code(const char *code)
{
    char query[128];
    (void)snprintf(query, sizeof query, "SELECT count(*) FROM install WHERE code = '%s'", code);
    ck_assert_msg(rig_query(&rig, query) == 1, "no install has the code %s", code);
}

START_TEST(a_board_has_its_firmware_and_is_reported)
{
    user_expects(&rig, 0, LINE("one"));
    user_must_be_told(&rig, " charged=yes remaining=2");
    user_must_be_told(&rig, " succeeded proven=no");
    user_expects(&rig, 0, "cmp board-one/firmware.bin $RIG_FIRMWARE");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_board_that_cannot_be_read_costs_nothing)
{
    static const char *const faults[] = {"no-probe", "no-target"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        break_board(faults[i]);
        user_expects(&rig, 1, LINE("one"));
        user_must_be_told(&rig, "the board cannot be read (");
    }
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_tool_that_hangs_is_ended)
{
    break_board("hang");
    user_expects(&rig, 1, "export TOOL_SECONDS=1; " LINE("one"));
    user_must_be_told(&rig, ": 124): Error: no end after ");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_flash_that_fails_is_reported_with_the_tools_status_and_words)
{
    break_board("stuck");
    user_expects(&rig, 1, LINE("one"));
    user_must_be_told(&rig, "not installed: " TOOL "-1: " TOOL_FAILS);
    has_code(TOOL "-1");
    ck_assert_int_eq(
        rig_query(&rig, "SELECT count(*) FROM install WHERE detail LIKE '" TOOL_FAILS "%'"), 1);
    user_account_is(&rig, "rig-gateway", "1 0 1 0");
}
END_TEST

START_TEST(what_the_boot_loader_says_is_what_counts)
{
    break_board("decay");
    user_expects(&rig, 1, LINE("one"));
    has_code("boot-EIMG");
    user_account_is(&rig, "rig-gateway", "1 0 1 0");
}
END_TEST

/* ---- what line.sh decides ---- */

#ifdef WITH_LINE_SH

START_TEST(a_board_that_is_seated_again_costs_nothing)
{
    user_expects(&rig, 0, LINE("one"));
    user_expects(&rig, 0, LINE("one"));
    user_must_be_told(&rig, " charged=no remaining=2");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_board_that_was_mended_costs_nothing_more)
{
    break_board("stuck");
    user_expects(&rig, 1, LINE("one"));
    break_board("none");
    user_expects(&rig, 0, LINE("one"));
    user_must_be_told(&rig, " charged=no remaining=2");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_boot_loader_that_says_nothing_has_failed)
{
    break_board("silent");
    user_expects(&rig, 1, LINE("one"));
    has_code("boot-silent");
    user_account_is(&rig, "rig-gateway", "1 0 1 0");
}
END_TEST

START_TEST(a_second_failure_is_reported_too)
{
    break_board("silent");
    user_expects(&rig, 1, LINE("one"));
    break_board("stuck");
    user_expects(&rig, 1, LINE("one"));
    has_code(TOOL "-1");
    user_account_is(&rig, "rig-gateway", "1 0 1 0");
}
END_TEST

START_TEST(a_success_stays_when_the_board_is_seated_again_and_fails)
{
    user_expects(&rig, 0, LINE("one"));
    break_board("stuck");
    user_expects(&rig, 1, LINE("one"));
    user_must_be_told(&rig, "has succeeded before. Seated twice, or a copy?");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_copy_of_a_board_changes_nothing)
{
    struct floor_device other;
    user_expects(&rig, 0, LINE("one"));
    floor_device_make(&rig, "other", NULL, &other);
    user_expects(&rig, 0, "cp one.pem copy.pem");
    make_board("copy", "other");
    user_expects(&rig, 12, LINE("copy"));
    user_must_be_told(&rig, "the board cannot open its license");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_board_of_another_maker_is_12_and_is_not_touched)
{
    struct floor_device foreign;
    floor_device_make(&rig, "foreign", &(struct floor_options){.ca = "tls/ca"}, &foreign);
    make_board("foreign", "foreign");
    user_expects(&rig, 0, "cp board-foreign/flash before");
    user_expects(&rig, 12, LINE("foreign"));
    user_must_be_told(&rig, "untrusted-issuer");
    user_expects(&rig, 0, "cmp board-foreign/flash before");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_spent_quota_is_10_and_the_board_is_not_touched)
{
    struct floor_device more[3];
    floor_devices_make(&rig, "more", 3, more);
    for (int i = 0; i < 3; i++)
        user_expects(&rig, 0, "provctl license --device-cert more-%d.pem --out lic", i);
    user_expects(&rig, 0, "cp board-one/flash before");
    user_expects(&rig, 10, LINE("one"));
    user_expects(&rig, 0, "cmp board-one/flash before");
    user_account_is(&rig, "rig-gateway", "3 0 0 0");
}
END_TEST

START_TEST(an_image_of_another_product_costs_nothing)
{
    user_expects(&rig, 1, "RIG_IMAGE_FILE=$RIG_ST_IMAGE_FILE; " LINE("one"));
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_board_without_a_certificate_costs_nothing)
{
    user_expects(&rig, 1,
                 SETTINGS "CERT_AT=0x08030000; BOARD_DIR=board-one "
                          "$EXAMPLES/line-" TOOL ".sh $RIG_IMAGE_FILE");
    user_must_be_told(&rig, "there is no certificate at 0x08030000");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_server_that_stops_in_the_middle_is_told_when_it_is_back)
{
    break_board("slow");
    pid_t line = user_begins(&rig, LINE("one"));
    user_waits_for(&rig, "license: ins-");
    rig_kill(&rig, RIG_API, SIGKILL);
    (void)usleep(3500000);
    rig_start(&rig, RIG_API, NULL);
    ck_assert_int_eq(user_waits(line), 0);
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_report_that_does_not_arrive_is_20_and_made_up_for_by_seating_again)
{
    user_expects(&rig, 0,
                 "mkdir away && printf '%%s\n' '#!/bin/sh' '[ $1 != outcome ] || exit 20' "
                 "'exec $BIN/provctl \"$@\"' >away/provctl && chmod +x away/provctl");
    user_expects(&rig, 20, "PATH=$DIR/away:$PATH; " LINE("one"));
    user_must_be_told(&rig, " succeeded is NOT REPORTED: seat the board again");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
    user_expects(&rig, 0, LINE("one"));
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
}
END_TEST

START_TEST(a_setting_that_is_missing_is_64)
{
    user_expects(&rig, 64, "$EXAMPLES/line-" TOOL ".sh $RIG_IMAGE_FILE");
    user_must_be_told(&rig, " is not set");
    user_expects(&rig, 64, SETTINGS "$EXAMPLES/line-" TOOL ".sh none.bin");
}
END_TEST

#endif

int main(void)
{
    const TTest *const tests[] = {
        a_board_has_its_firmware_and_is_reported,
        a_board_that_cannot_be_read_costs_nothing,
        a_tool_that_hangs_is_ended,
        a_flash_that_fails_is_reported_with_the_tools_status_and_words,
        what_the_boot_loader_says_is_what_counts,
#ifdef WITH_LINE_SH
        a_board_that_is_seated_again_costs_nothing,
        a_board_that_was_mended_costs_nothing_more,
        a_boot_loader_that_says_nothing_has_failed,
        a_second_failure_is_reported_too,
        a_success_stays_when_the_board_is_seated_again_and_fails,
        a_copy_of_a_board_changes_nothing,
        a_board_of_another_maker_is_12_and_is_not_touched,
        a_spent_quota_is_10_and_the_board_is_not_touched,
        an_image_of_another_product_costs_nothing,
        a_board_without_a_certificate_costs_nothing,
        a_server_that_stops_in_the_middle_is_told_when_it_is_back,
        a_report_that_does_not_arrive_is_20_and_made_up_for_by_seating_again,
        a_setting_that_is_missing_is_64,
#endif
        NULL,
    };
    return run_suite(&(struct run_case){.name = "line-" TOOL,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
