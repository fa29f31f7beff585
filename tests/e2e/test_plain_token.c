/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A token that keeps no data objects (NSS softokn): it remembers neither anchor nor authorities, so
 * it serves local products only, and everybody who looks is told.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
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
        "ctl image encrypt --product rig-gateway $RIG_FIRMWARE >/dev/null && "
        "ctl station add station-1 --certificate $RIG_STATION_CERT >/dev/null");
    rig_wait_ready(&rig);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void ask(const struct floor_device *device, long status)
{
    struct http_answer answer;
    http_license(&rig, device->pem, "latest", &answer);
    ck_assert_msg(answer.status == status, "%ld %s", answer.status, answer.body);
    http_answer_clear(&answer);
}

START_TEST(local_product_is_served_and_everything_says_that_there_is_no_anchor)
{
    struct floor_device device;
    floor_device_make(&rig, "one", NULL, &device);
    ask(&device, 201);
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    ask(&device, 200);
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

int main(void)
{
    const TTest *const tests[] = {
        local_product_is_served_and_everything_says_that_there_is_no_anchor,
        governed_product_is_not_made,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "a token without data objects, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
