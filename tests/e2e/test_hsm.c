/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The HSM and its secrets, seen from outside: attributes, places a PIN must not be, and absence. */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/run.h"
#include "support/softhsm.h"
#include "unit/hsm/token.h"

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

static void license_one(const char *name)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, name, NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}

/* pkcs11-tool is not ours: it says what the token says. */
START_TEST(firmware_key_is_sensitive_and_was_never_extractable)
{
    ck_assert_int_eq(
        rig_shell(&rig, "export SOFTHSM2_CONF=$RIG_SOFTHSM2_CONF; pkcs11-tool --module "
                        "$RIG_HSM_MODULE --token-label $RIG_TOKEN --login --pin "
                        "\"$(cat $RIG_PIN_FILE)\" --list-objects --type secrkey > $DIR/keys && "
                        "grep -q 'AES length 32' $DIR/keys && "
                        "grep -qE 'Usage: *wrapKey, unwrapKey *$|Usage: *wrap, unwrap *$' "
                        "$DIR/keys && "
                        "grep -q 'Access:.*sensitive.*always sensitive.*never extractable' "
                        "$DIR/keys && ! grep -q 'Access:.*[^r] extractable' $DIR/keys"),
        0);
}
END_TEST

START_TEST(pin_and_keys_are_in_no_log_argument_or_environment)
{
    license_one("one");
    ck_assert_int_eq(rig_shell(&rig, "! grep -rF \"$(cat $RIG_PIN_FILE)\" $DIR/log"), 0);
    ck_assert_int_eq(rig_shell(&rig, "! grep -rE 'PRIVATE KEY|BEGIN CERT' $DIR/log"), 0);
    ck_assert_int_eq(rig_shell(&rig,
                               "pids=$(cat $DIR/*.pid; pgrep -P $(cat $DIR/provision-hsm.pid)); "
                               "for pid in $pids; do for f in cmdline environ; do "
                               "grep -qaF \"$(cat $RIG_PIN_FILE)\" /proc/$pid/$f && exit 1; "
                               "done; done; exit 0"),
                     0);
}
END_TEST

START_TEST(no_program_writes_a_core_file)
{
    ck_assert_int_eq(
        rig_shell(&rig, "for pid in $(cat $DIR/*.pid; pgrep -P $(cat $DIR/provision-hsm.pid)); do "
                        "grep -q 'Max core file size *0 *0' /proc/$pid/limits || exit 1; done"),
        0);
}
END_TEST

static void expect_unavailable(const struct floor_device *device, const char *problem)
{
    struct http_answer answer;
    http_license(&rig, device->pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(http_problem(&answer), problem);
    ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After:"));
    http_answer_clear(&answer);
}

START_TEST(without_the_hsm_new_licenses_wait_and_stored_ones_are_served)
{
    struct floor_device known;
    struct floor_device fresh;
    struct http_answer answer;
    floor_device_make(&rig, "known", NULL, &known);
    floor_device_make(&rig, "fresh", NULL, &fresh);
    http_license(&rig, known.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
    rig_kill(&rig, RIG_HSM, SIGKILL);
    expect_unavailable(&fresh, "hsm-unavailable");
    http_license(&rig, known.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    http_answer_clear(&answer);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    http_license(&rig, fresh.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}
END_TEST

START_TEST(a_hung_hsm_stops_new_licenses_and_nothing_else)
{
    struct floor_device known;
    struct floor_device fresh;
    struct http_answer answer;
    floor_device_make(&rig, "known", NULL, &known);
    floor_device_make(&rig, "fresh", NULL, &fresh);
    http_license(&rig, known.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
    ck_assert_int_eq(kill(rig.pids[RIG_HSM], SIGSTOP), 0);
    http_license(&rig, fresh.pem, NULL, &answer); /* finds out the hard way */
    ck_assert_int_eq(answer.status, 503);
    http_answer_clear(&answer);
    expect_unavailable(&fresh, "hsm-unavailable");
    http_license(&rig, known.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    http_answer_clear(&answer);
    ck_assert_int_eq(kill(rig.pids[RIG_HSM], SIGCONT), 0);
    rig_wait_ready(&rig);
    license_one("late");
}
END_TEST

START_TEST(without_the_vault_provisiond_stays_and_says_so)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, "one", NULL, &device);
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    expect_unavailable(&device, "vault-unavailable");
    http_send(&rig, &(struct http_request){.method = "GET", .path = "/livez"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    http_answer_clear(&answer);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    license_one("two");
}
END_TEST

START_TEST(a_swapped_token_is_refused_until_the_right_one_is_back)
{
    struct floor_device device;
    floor_device_make(&rig, "one", NULL, &device);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    ck_assert_int_eq(
        rig_shell(&rig, "export SOFTHSM2_CONF=$RIG_SOFTHSM2_CONF; mv $DIR/tokens $DIR/right && "
                        "mkdir $DIR/tokens && $BIN/rig-token-init $RIG_HSM_MODULE $RIG_TOKEN "
                        "< $RIG_PIN_FILE"),
        0);
    rig_start(&rig, RIG_HSM, NULL);
    ck_assert_int_eq(rig_shell(&rig, "for i in $(seq 200); do curl -s --cacert $RIG_CA --cert "
                                     "$RIG_STATION_CERT --key $RIG_STATION_KEY $RIG_URL/readyz | "
                                     "grep -q hsm-swapped && exit 0; sleep 0.1; done; exit 1"),
                     0);
    expect_unavailable(&device, "hsm-swapped");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "mv $DIR/tokens $DIR/wrong && mv $DIR/right $DIR/tokens"), 0);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    license_one("two");
}
END_TEST

/* ---- weak keys ---- */

static void open_token(struct token *token)
{
    char value[RIG_VALUE_MAX];
    char pin[64] = "";
    rig_value(&rig, "RIG_SOFTHSM2_CONF", value);
    ck_assert_int_eq(setenv("SOFTHSM2_CONF", value, 1), 0);
    rig_value(&rig, "RIG_PIN_FILE", value);
    FILE *file = fopen(value, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(pin, sizeof pin, file));
    (void)fclose(file);
    pin[strcspn(pin, "\n")] = '\0';
    rig_value(&rig, "RIG_TOKEN", value);
    token_open(token, SOFTHSM_MODULE, value, pin);
}

/* Somebody with the PIN put a checkpoint key and a firmware key there that can be taken out. */
START_TEST(weak_keys_are_told_by_status_and_nothing_new_is_issued_under_them)
{
    static const struct hsm_key_id id = {.bytes = {0xab}};
    struct floor_device device;
    struct token token;
    license_one("one");
    floor_device_make(&rig, "two", NULL, &device);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "cp -a $DIR/tokens $DIR/right"), 0);
    open_token(&token);
    token_make_weak_pair(&token, "provisiond-chkpt", HSM_CHECKPOINT_LABEL);
    token_make_weak_key(&token, &id, "provisiond-fk:other", CKA_EXTRACTABLE, true);
    token_close(&token);
    rig_start(&rig, RIG_HSM, NULL);
    ck_assert_int_eq(
        rig_shell(&rig, "ctl() { $BIN/provctl --config $RIG_CONFIG status \"$@\"; }; "
                        "for i in $(seq 200); do ctl | grep -q key-weak && break; sleep 0.1; done; "
                        "ctl >$DIR/page; ctl --json >$DIR/json; "
                        "grep -q 'Weak key  *provisiond-checkpoint: CKA_' $DIR/page && "
                        "grep -q 'no new license is issued' $DIR/page && "
                        "grep -q 'Weak key  *provisiond-fk:other: CKA_EXTRACTABLE' $DIR/page && "
                        "grep -q 'Destroy nothing' $DIR/page && "
                        "[ $(jq '.weak_keys | length' $DIR/json) = 2 ] && "
                        "[ $(jq -r .hsm $DIR/json) = key-weak ]"),
        0);
    expect_unavailable(&device, "hsm-key-weak");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "rm -rf $DIR/tokens && mv $DIR/right $DIR/tokens"), 0);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    license_one("three");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        firmware_key_is_sensitive_and_was_never_extractable,
        pin_and_keys_are_in_no_log_argument_or_environment,
        no_program_writes_a_core_file,
        without_the_hsm_new_licenses_wait_and_stored_ones_are_served,
        a_hung_hsm_stops_new_licenses_and_nothing_else,
        without_the_vault_provisiond_stays_and_says_so,
        a_swapped_token_is_refused_until_the_right_one_is_back,
        weak_keys_are_told_by_status_and_nothing_new_is_issued_under_them,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "HSM, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
