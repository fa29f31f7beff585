/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A second module from end to end: NSS softokn, in token mode, with a database that outlives the
 * programs. It keeps no data objects, so it remembers neither anchor nor authorities and serves
 * local products only, and everybody who looks is told.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/run.h"
#include "unit/hsm/token.h"

#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " __VA_ARGS__), 0)

static struct rig rig;

/* The same factory, with another token and a ledger that belongs to it. */
static void change_token(void)
{
    char parameters[512];
    char folder[TEMP_PATH_MAX + 8];
    for (int i = RIG_PROGRAMS - 1; i >= 0; i--)
        rig_kill(&rig, (enum rig_program)i, SIGTERM);
    (void)snprintf(folder, sizeof folder, "%s/nss", rig.dir);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    token_make_nss(folder, parameters, sizeof parameters);
    ck_assert_int_eq(
        rig_shell(&rig,
                  "rm -rf $RIG_LEDGER* $DIR/vault/images $DIR/public-keys/*; "
                  "sed -i -e 's|^module = .*|module = %s|' -e 's|^token = .*|token = %s\\n"
                  "module_arguments = %s|' $RIG_CONFIG",
                  TOKEN_NSS_MODULE, TOKEN_NSS_LABEL, parameters),
        0);
    rig_start(&rig, RIG_HSM, NULL);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_start(&rig, RIG_API, NULL);
}

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 5, 5);
    change_token();
    MAKER(
        "i=0; until ctl hsm init --site rig --out-dir $DIR/public-keys 2>/dev/null; do i=$((i+1)); "
        "[ $i -lt 200 ] || exit 1; sleep 0.05; done; "
        "ctl product create rig-gateway --anchors $RIG_DEVICE_CA_CERT --quota 5 >/dev/null && "
        "ctl image encrypt --product rig-gateway $RIG_FIRMWARE >$DIR/image && "
        "ctl station add station-1 --certificate $RIG_STATION_CERT >/dev/null");
    rig_wait_ready(&rig);
    MAKER("rm -f $RIG_IMAGE_FILE && $BIN/provctl image fetch $(cat $DIR/image) --out "
          "$RIG_IMAGE_FILE --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT --key "
          "$RIG_STATION_KEY >/dev/null");
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* The license, as text of base64 that the caller frees. */
static char *ask(const struct floor_device *device, long status)
{
    struct http_answer answer;
    http_license(&rig, device->pem, "latest", &answer);
    ck_assert_msg(answer.status == status, "%ld %s", answer.status, answer.body);
    char *license = strdup(http_text(&answer, "license"));
    http_answer_clear(&answer);
    return license;
}

static void opens(const struct floor_device *device, long status)
{
    char *license = ask(device, status);
    ck_assert_int_eq(floor_opens(&rig, license, device->name), 1);
    free(license);
}

START_TEST(keys_and_licenses_are_there_after_a_restart_and_open_with_plain_openssl)
{
    struct floor_device first;
    struct floor_device second;
    floor_device_make(&rig, "one", NULL, &first);
    floor_device_make(&rig, "two", NULL, &second);
    opens(&first, 201);
    MAKER("ctl status --json >$DIR/before && jq -e '.mode == \"token\"' $DIR/before >/dev/null");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    opens(&first, 200);
    opens(&second, 201);
    MAKER("ctl status --json >$DIR/after && "
          "[ \"$(jq -r .hsm_identity $DIR/before)\" = \"$(jq -r .hsm_identity $DIR/after)\" ] && "
          "jq -e '.mode == \"token\"' $DIR/after >/dev/null && verified");
}
END_TEST

START_TEST(local_product_is_served_and_everything_says_that_there_is_no_anchor)
{
    struct floor_device device;
    floor_device_make(&rig, "one", NULL, &device);
    free(ask(&device, 201));
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    free(ask(&device, 200));
    MAKER("rest GET /readyz | grep -q '\"anchor\": *\"none\"' && "
          "rest GET /v1/products/rig-gateway/usage | grep -q '\"anchor\": *\"none\"' && "
          "ctl status --json | grep -q '\"anchor\": *\"none\"' && "
          "ctl status | grep -qi 'anchor.*none' && ctl usage rig-gateway | grep -qi 'none' && "
          "verified && grep -qi unclean $DIR/said");
}
END_TEST

START_TEST(governed_product_is_not_made)
{
    MAKER("new_document p --kind policy --sequence 1 --product other --profile cms --anchors "
          "$RIG_DEVICE_CA_CERT --authorities $RIG_AUTHORITIES --threshold 2 "
          "--hsm $(ctl status --json | jq -r .hsm_identity) && sign p officer-1 officer-2 && "
          "refused p settings && grep -qi 'data objects' $DIR/said && ! ctl product show other "
          "2>/dev/null");
}
END_TEST

START_TEST(firmware_key_is_rotated_and_the_old_one_destroyed)
{
    struct floor_device device;
    MAKER(
        "ctl product rotate-key rig-gateway >/dev/null && sleep 0.01 && old=$(ctl hsm keys --json "
        "--product rig-gateway | jq -r '.keys[0].id') && ctl product destroy-key rig-gateway $old "
        "--no-backup-before $(date -u +%%FT%%T.%%3NZ) --yes >/dev/null && ctl hsm keys --json "
        "--product rig-gateway | jq -e '(.keys | length) == 2 and .keys[0].state == "
        "\"destroyed\" and (.keys[0].in_hsm | not) and .keys[1].state == \"in-use\" and "
        ".keys[1].in_hsm and (.keys[1] | has(\"weak_attribute\") | not)' >/dev/null");
    floor_device_make(&rig, "one", NULL, &device);
    ask(&device, 201);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_and_licenses_are_there_after_a_restart_and_open_with_plain_openssl,
        local_product_is_served_and_everything_says_that_there_is_no_anchor,
        governed_product_is_not_made,
        firmware_key_is_rotated_and_the_old_one_destroyed,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "a token without data objects, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
