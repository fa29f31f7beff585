/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each wrong certificate has its own answer, and nobody without an enrolled key gets any. */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/run.h"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 10);
}

static void tear_down(void)
{
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 0);
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void expect_refusal(const char *pem, long status, const char *problem, const char *check)
{
    struct http_answer answer;
    http_license(&rig, pem, NULL, &answer);
    ck_assert_msg(answer.status == status, "%s/%s: status %ld: %s", problem, check, answer.status,
                  answer.body);
    ck_assert_str_eq(http_problem(&answer), problem);
    ck_assert_str_eq(http_text(&answer, "check"), check);
    ck_assert_str_ne(http_text(&answer, "request_id"), "");
    http_answer_clear(&answer);
}

static void expect_not_genuine(const struct floor_options *options, const char *check)
{
    struct floor_device device;
    floor_device_make(&rig, check, options, &device);
    expect_refusal(device.pem, 422, "device-not-genuine", check);
}

static void make_ca(const char *name, const char *subject)
{
    ck_assert_int_eq(
        rig_shell(&rig,
                  "cd $DIR && openssl ecparam -name prime256v1 -genkey -noout -out %s.key && "
                  "openssl req -new -x509 -key %s.key -subj '%s' -days 99 -out %s.pem",
                  name, name, subject, name),
        0);
}

START_TEST(each_wrong_device_certificate_has_its_own_check)
{
    char foreign[TEMP_PATH_MAX + 16];
    char forged[TEMP_PATH_MAX + 16];
    make_ca("foreign", "/CN=Somebody else");
    make_ca("forged", "/O=Rig devices/CN=Rig device CA");
    (void)snprintf(foreign, sizeof foreign, "%s/foreign", rig.dir);
    (void)snprintf(forged, sizeof forged, "%s/forged", rig.dir);
    expect_not_genuine(&(struct floor_options){.ca = foreign}, "untrusted-issuer");
    expect_not_genuine(&(struct floor_options){.ca = forged}, "signature-invalid");
    expect_not_genuine(&(struct floor_options){.key_usage = "critical,digitalSignature"},
                       "key-usage");
    expect_not_genuine(
        &(struct floor_options){.key_params = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"},
        "curve");
    expect_not_genuine(&(struct floor_options){.key_params = "-algorithm RSA"}, "key-type");
}
END_TEST

START_TEST(expired_device_certificate_is_refused)
{
    struct floor_device device;
    floor_device_make(&rig, "old", &(struct floor_options){.dates = "-days -1"}, &device);
    expect_refusal(device.pem, 422, "device-not-genuine", "expired");
}
END_TEST

START_TEST(truncated_huge_and_no_certificate_are_told_apart)
{
    struct http_answer answer;
    struct floor_device device;
    floor_device_make(&rig, "good", NULL, &device);
    char *huge = malloc(1024 * 1024 + 1);
    memset(huge, 'A', 1024 * 1024);
    huge[1024 * 1024] = '\0';
    expect_refusal(huge, 413, "request-too-large", "");
    free(huge);
    device.pem[strlen(device.pem) / 2] = '\0';
    expect_refusal(device.pem, 422, "device-not-genuine", "certificate-malformed");
    expect_refusal("this is not a certificate", 400, "bad-request", "");
    expect_refusal("", 400, "bad-request", "");
    http_license(&rig, "this is not a certificate", NULL, &answer);
    ck_assert_str_eq(http_text(&answer, "path"), "$.device.certificate_chain");
    http_answer_clear(&answer);
}
END_TEST

START_TEST(certificate_of_a_megabyte_inside_pem_armour_is_too_large)
{
    static const char head[] = "-----BEGIN CERTIFICATE-----\n";
    char *huge = malloc(1024 * 1024 + 1);
    memset(huge, 'A', 1024 * 1024);
    memcpy(huge, head, sizeof head - 1);
    huge[1024 * 1024] = '\0';
    expect_refusal(huge, 413, "request-too-large", "");
    huge[40 * 1024] = '\0'; /* fits the body, is too long for a chain */
    expect_refusal(huge, 413, "request-too-large", "");
    free(huge);
}
END_TEST

/* GET /readyz with a certificate: the status. */
static long ready_status(const char *path, const char *cert, const char *key, char problem[64])
{
    struct http_answer answer;
    http_send(&rig, &(struct http_request){.method = "GET", .path = path, .cert = cert, .key = key},
              &answer);
    long status = answer.status;
    (void)snprintf(problem, 64, "%s", http_problem(&answer));
    http_answer_clear(&answer);
    return status;
}

static void expect_401(const char *name)
{
    char cert[TEMP_PATH_MAX + 32] = "";
    char key[TEMP_PATH_MAX + 32] = "";
    char problem[64];
    if (name[0] != '\0') {
        (void)snprintf(cert, sizeof cert, "%s/%s.pem", rig.dir, name);
        (void)snprintf(key, sizeof key, "%s/%s.key", rig.dir, name);
    }
    static const char *const paths[] = {"/readyz", "/v1/products/rig-gateway/usage", "/nowhere"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        ck_assert_int_eq(ready_status(paths[i], cert, key, problem), 401);
        ck_assert_str_eq(problem, "unauthenticated");
    }
    ck_assert_int_eq(ready_status("/livez", cert, key, problem), 200);
}

static void make_client(const char *name, const char *ca, const char *usage, const char *dates)
{
    ck_assert_int_eq(
        rig_shell(&rig,
                  "cd $DIR && openssl ecparam -name prime256v1 -genkey -noout -out %s.key && "
                  "printf 'extendedKeyUsage=%s\n' > %s.ext && "
                  "openssl req -new -key %s.key -subj /CN=%s | openssl x509 -req -CA %s.pem "
                  "-CAkey %s.key %s -extfile %s.ext -out %s.pem 2>/dev/null",
                  name, usage, name, name, name, ca, ca, dates, name, name),
        0);
}

START_TEST(without_a_valid_client_certificate_only_livez_answers)
{
    make_ca("stranger-ca", "/CN=Stranger CA");
    make_client("stranger", "stranger-ca", "clientAuth", "-days 9");
    make_client("server-only", "tls/ca", "serverAuth", "-days 9");
    make_client("expired", "tls/ca", "clientAuth", "-days -1");
    expect_401("");
    expect_401("stranger");
    expect_401("server-only");
    expect_401("expired");
}
END_TEST

START_TEST(station_that_is_not_enrolled_or_disabled_is_forbidden)
{
    char problem[64];
    char cert[TEMP_PATH_MAX + 32];
    char key[TEMP_PATH_MAX + 32];
    static const char path[] = "/v1/products/rig-gateway/usage";
    make_client("newcomer", "tls/ca", "clientAuth", "-days 9");
    (void)snprintf(cert, sizeof cert, "%s/newcomer.pem", rig.dir);
    (void)snprintf(key, sizeof key, "%s/newcomer.key", rig.dir);
    ck_assert_int_eq(ready_status(path, cert, key, problem), 403);
    ck_assert_str_eq(problem, "forbidden");
    ck_assert_int_eq(rig_shell(&rig, "$BIN/provctl --config $RIG_CONFIG station add newcomer "
                                     "--certificate $DIR/newcomer.pem >/dev/null"),
                     0);
    ck_assert_int_eq(ready_status(path, cert, key, problem), 200);
    ck_assert_int_eq(rig_shell(&rig, "$BIN/provctl --config $RIG_CONFIG station disable newcomer "
                                     ">/dev/null"),
                     0);
    ck_assert_int_eq(ready_status(path, cert, key, problem), 403);
}
END_TEST

START_TEST(unknown_products_images_and_installs_are_404)
{
    char problem[64];
    struct http_answer answer;
    struct floor_device device;
    floor_device_make(&rig, "good", NULL, &device);
    ck_assert_int_eq(ready_status("/v1/products/nothing/usage", NULL, NULL, problem), 404);
    ck_assert_str_eq(problem, "product-unknown");
    http_license(&rig, device.pem,
                 "sha256:0000000000000000000000000000000000000000000000000000000000000000",
                 &answer);
    ck_assert_str_eq(http_problem(&answer), "image-unknown");
    http_answer_clear(&answer);
    http_outcome(&rig, "ins-01900000-0000-7000-8000-000000000000", "succeeded", &answer);
    ck_assert_str_eq(http_problem(&answer), "install-unknown");
    http_answer_clear(&answer);
}
END_TEST

/* Everybody who asks how the vault is hears it, and nobody's restart hides it. */
START_TEST(ledger_that_another_program_wrote_is_told_until_a_restart)
{
    struct floor_device device;
    ck_assert_int_eq(
        rig_shell(&rig,
                  "/usr/bin/python3 -c \"import sqlite3; db = sqlite3.connect('$RIG_LEDGER'); "
                  "n = db.execute('PRAGMA user_version').fetchone()[0]; "
                  "db.execute(f'PRAGMA user_version = {n}'); db.commit()\""),
        0);
    floor_device_make(&rig, "late", NULL, &device);
    expect_refusal(device.pem, 503, "ledger-unavailable", "");
    sleep(3); /* longer than what may pass by itself is told */
    ck_assert_int_eq(
        rig_shell(&rig,
                  "{ ! $BIN/provctl ready --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT "
                  "--key $RIG_STATION_KEY && "
                  "! $BIN/provctl --config $RIG_CONFIG quota add rig-gateway --units 1; } "
                  ">$DIR/said 2>&1 && grep -q 'Ledger *ledger-changed' $DIR/said && "
                  "grep -q 'Another program wrote' $DIR/said || { cat $DIR/said >&2; exit 1; }"),
        0);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_wrong_device_certificate_has_its_own_check,
        expired_device_certificate_is_refused,
        truncated_huge_and_no_certificate_are_told_apart,
        certificate_of_a_megabyte_inside_pem_armour_is_too_large,
        without_a_valid_client_certificate_only_livez_answers,
        station_that_is_not_enrolled_or_disabled_is_forbidden,
        unknown_products_images_and_installs_are_404,
        ledger_that_another_program_wrote_is_told_until_a_restart,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "refusals, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
