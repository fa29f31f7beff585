/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Charging policies, caps, budgets, scrap of local products, and the word of a device itself. */
#include "e2e/floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"

#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " __VA_ARGS__), 0)

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

static void license_of(const char *product, const struct floor_device *device, const char *image,
                       long status, const char *problem)
{
    struct http_answer answer;
    http_license_of(&rig, product, device->pem, image, &answer);
    ck_assert_msg(answer.status == status, "%ld: %s", answer.status, answer.body);
    if (problem != NULL)
        ck_assert_str_eq(http_problem(&answer), problem);
    http_answer_clear(&answer);
}

/* A product of its own with an image that is encrypted from other bytes than any before. */
static void make_product(const char *name, const char *options)
{
    ck_assert_int_eq(rig_shell(&rig,
                               ". $SOURCE/tests/e2e/maker.sh; ctl product create %s --anchors "
                               "$RIG_DEVICE_CA_CERT --quota 5 %s >/dev/null && ctl image encrypt "
                               "--product %s $RIG_FIRMWARE >/dev/null",
                               name, options, name),
                     0);
}

START_TEST(per_license_charges_each_new_license_and_no_repeat)
{
    struct floor_device device;
    make_product("pay-each", "--policy per-license");
    floor_device_make(&rig, "one", NULL, &device);
    license_of("pay-each", &device, NULL, 201, NULL);
    license_of("pay-each", &device, NULL, 200, NULL);
    MAKER("usage_is pay-each charged 1 && ctl image encrypt --product pay-each $RIG_FIRMWARE "
          ">/dev/null");
    license_of("pay-each", &device, NULL, 201, NULL);
    MAKER("usage_is pay-each charged 2 && usage_is pay-each licensed 2 && verified");
}
END_TEST

START_TEST(attempts_per_device_are_limited_where_the_product_says_so)
{
    struct floor_device device;
    make_product("patient", "--attempts-max 2");
    floor_device_make(&rig, "one", NULL, &device);
    license_of("patient", &device, NULL, 201, NULL);
    license_of("patient", &device, NULL, 200, NULL);
    license_of("patient", &device, NULL, 409, "attempts-spent");
}
END_TEST

START_TEST(budget_narrows_the_quota_of_a_station)
{
    struct floor_device first;
    struct floor_device second;
    floor_device_make(&rig, "one", NULL, &first);
    floor_device_make(&rig, "two", NULL, &second);
    MAKER("ctl budget set rig-gateway --station station-1 --units 1 --period 7d >/dev/null");
    license_of("rig-gateway", &first, NULL, 201, NULL);
    license_of("rig-gateway", &first, NULL, 200, NULL);
    license_of("rig-gateway", &second, NULL, 409, "budget-spent");
    MAKER("test \"$(ctl budget list rig-gateway --json | jq '.budgets[0].used')\" = 1 && "
          "ctl budget remove rig-gateway --station station-1 >/dev/null");
    license_of("rig-gateway", &second, NULL, 201, NULL);
    MAKER("usage_is rig-gateway charged 2 && verified");
}
END_TEST

START_TEST(scrap_allowance_of_a_local_product_is_drawn_once_per_device)
{
    struct floor_device device;
    struct http_answer answer;
    struct http_answer outcome;
    MAKER("ctl quota add rig-gateway --scrap --units 1 >/dev/null");
    floor_device_make(&rig, "one", NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    for (int i = 0; i < 2; i++) {
        http_outcome(&rig, http_text(&answer, "install_id"), "scrapped", &outcome);
        ck_assert_int_eq(outcome.status, 200);
        ck_assert_int_eq(http_number(&outcome, "scrap_drawn"), 1);
        http_answer_clear(&outcome);
    }
    MAKER("usage_is rig-gateway scrap_drawn 1 && usage_is rig-gateway granted 11 && verified");
    license_of("rig-gateway", &device, NULL, 409, "device-scrapped");
    http_answer_clear(&answer);
}
END_TEST

/* ---- what the device itself says ---- */

/* Reports success with the signature that openssl makes with this key over this text. */
static long report(const char *install, const char *key, const char *text, bool *ret_is_proven)
{
    ck_assert_int_eq(rig_shell(&rig,
                               ". $SOURCE/tests/e2e/maker.sh; printf %%s '%s' | openssl dgst "
                               "-sha256 -sign $DIR/%s.key -out $DIR/signature && printf "
                               "'{\"result\":\"succeeded\",\"device_receipt\":\"%%s\"}' "
                               "\"$(base64 -w0 $DIR/signature)\" | rest POST "
                               "/v1/installs/%s/outcome -H 'Content-Type: application/json' "
                               "--data-binary @- > $DIR/rest",
                               text, key, install),
                     0);
    *ret_is_proven = rig_shell(&rig, "grep -q '\"proven\": *true' $DIR/rest") == 0;
    for (long status = 200; status < 600; status++) {
        if (rig_shell(&rig, "tail -n 1 $DIR/rest | grep -q '%ld$'", status) == 0)
            return status;
        if (status == 200)
            status = 399;
    }
    return 0;
}

START_TEST(success_is_proven_by_the_devices_own_signature)
{
    struct floor_device device;
    struct floor_device other;
    struct http_answer answer;
    bool is_proven = false;
    char install[64];
    floor_device_make(
        &rig, "one", &(struct floor_options){.key_usage = "critical,keyAgreement,digitalSignature"},
        &device);
    floor_device_make(&rig, "other", NULL, &other);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    (void)snprintf(install, sizeof install, "%s", http_text(&answer, "install_id"));
    http_answer_clear(&answer);
    ck_assert_int_eq(report(install, "other", install, &is_proven), 400);
    ck_assert_int_eq(report(install, "one", "another text", &is_proven), 400);
    MAKER("usage_is rig-gateway succeeded 0");
    ck_assert_int_eq(report(install, "one", install, &is_proven), 200);
    ck_assert(is_proven);
    MAKER("usage_is rig-gateway succeeded 1 && usage_is rig-gateway proven 1 && verified");
}
END_TEST

START_TEST(device_whose_certificate_forbids_signatures_proves_nothing)
{
    struct floor_device device;
    struct http_answer answer;
    bool is_proven = false;
    char install[64];
    floor_device_make(&rig, "one", NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    (void)snprintf(install, sizeof install, "%s", http_text(&answer, "install_id"));
    http_answer_clear(&answer);
    ck_assert_int_eq(report(install, "one", install, &is_proven), 400);
    http_outcome(&rig, install, "succeeded", &answer);
    ck_assert_int_eq(answer.status, 200);
    http_answer_clear(&answer);
    MAKER("usage_is rig-gateway succeeded 1 && usage_is rig-gateway proven 0");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        per_license_charges_each_new_license_and_no_repeat,
        attempts_per_device_are_limited_where_the_product_says_so,
        budget_narrows_the_quota_of_a_station,
        scrap_allowance_of_a_local_product_is_drawn_once_per_device,
        success_is_proven_by_the_devices_own_signature,
        device_whose_certificate_forbids_signatures_proves_nothing,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "metering, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
