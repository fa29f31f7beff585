/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One device, one key, one serial: everything else is a conflict, and is noted. */
#include "e2e/floor.h"

#include <signal.h>
#include <stdlib.h>

#include "support/run.h"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 10);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void license_original(void)
{
    struct floor_device original;
    struct http_answer answer;
    floor_device_make(&rig, "original", NULL, &original);
    http_license(&rig, original.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}

static void expect_conflict(const char *name, const struct floor_options *options,
                            const char *check)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, name, options, &device);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 409);
    ck_assert_str_eq(http_problem(&answer), "device-identity-conflict");
    ck_assert_str_eq(http_text(&answer, "check"), check);
    http_answer_clear(&answer);
}

START_TEST(same_serial_with_another_key_is_a_conflict)
{
    license_original();
    expect_conflict("twin", &(struct floor_options){.serial = "original"}, "serial-has-other-key");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 1);
}
END_TEST

START_TEST(same_key_with_another_serial_is_a_conflict)
{
    license_original();
    expect_conflict("renamed", &(struct floor_options){.same_key = "original"},
                    "key-has-other-serial");
    expect_conflict("anonymous", &(struct floor_options){.same_key = "original", .serial = ""},
                    "key-has-other-serial");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 1);
}
END_TEST

START_TEST(renewed_certificate_of_the_same_device_is_the_same_device)
{
    struct floor_device renewed;
    struct http_answer answer;
    license_original();
    floor_device_make(&rig, "renewed",
                      &(struct floor_options){.same_key = "original", .serial = "original"},
                      &renewed);
    http_license(&rig, renewed.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_int_eq(http_number(&answer, "charged"), 0);
    http_answer_clear(&answer);
}
END_TEST

START_TEST(refused_identity_is_noted_once_an_hour)
{
    struct floor_device twin;
    struct http_answer answer;
    license_original();
    floor_device_make(&rig, "twin", &(struct floor_options){.serial = "original"}, &twin);
    for (int i = 0; i < 5; i++) {
        http_license(&rig, twin.pem, NULL, &answer);
        ck_assert_str_eq(http_problem(&answer), "device-identity-conflict");
        http_answer_clear(&answer);
    }
    rig_kill(&rig, RIG_VAULT, SIGTERM); /* a stop commits the notes that wait */
    ck_assert_int_eq(
        rig_query(
            &rig,
            "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE '%identity-refused%'"),
        1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        same_serial_with_another_key_is_a_conflict,
        same_key_with_another_serial_is_a_conflict,
        renewed_certificate_of_the_same_device_is_the_same_device,
        refused_identity_is_noted_once_an_hour,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "identity, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
