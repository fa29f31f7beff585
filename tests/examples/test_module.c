/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* docs/examples/provision_client.py as a module; the claims on its answers are in use_module.py. */
#include "examples/user.h"

#include <signal.h>

#include "e2e/floor.h"
#include "support/run.h"

#define DEVICES 12

static struct rig rig;
static struct floor_device many[DEVICES];
static struct floor_device foreign;

static void set_up(void)
{
    rig_up(&rig, 20);
    floor_devices_make(&rig, "many", DEVICES, many);
    floor_device_make(&rig, "foreign", &(struct floor_options){.ca = "tls/ca"}, &foreign);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

#define USE "python3 $TOOLS/../use_module.py "

START_TEST(one_connection_serves_many_devices)
{
    user_expects(&rig, 0,
                 "$TOOLS/cutter.py ${RIG_URL##*:} 0 line-port cuts & cutter=$!; "
                 "while [ ! -e line-port ]; do sleep 0.02; done; "
                 "export PROVCTL_URL=https://127.0.0.1:$(cat line-port); " USE "many; code=$?; "
                 "kill $cutter; exit $code");
    user_expects(&rig, 0, "test $(grep -c + cuts) = 1");
    user_account_is(&rig, "rig-gateway", "12 12 0 0");
}
END_TEST

START_TEST(four_sockets_with_one_device_pay_once)
{
    user_expects(&rig, 0, USE "gang");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(a_refusal_is_a_value_and_the_connection_lives_on)
{
    user_expects(&rig, 0, USE "refused");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(a_server_that_is_away_is_said_in_time)
{
    rig_kill(&rig, RIG_API, SIGTERM);
    user_expects(&rig, 0, USE "away");
}
END_TEST

START_TEST(a_chip_shows_its_own_form_of_certificate)
{
    user_expects(&rig, 0,
                 "rig-chip make --state chip --st-ca $RIG_ST_CA_KEY "
                 "--product-id $RIG_ST_PRODUCT_ID");
    user_expects(&rig, 0, "export RIG_ST_PRODUCT; " USE "chip");
    user_account_is(&rig, "rig-mcu", "1 0 0 0");
}
END_TEST

START_TEST(a_batch_is_a_list_of_licenses_and_problems)
{
    user_expects(&rig, 0, USE "batch");
    user_account_is(&rig, "rig-gateway", "2 0 0 0");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_connection_serves_many_devices,
        four_sockets_with_one_device_pay_once,
        a_refusal_is_a_value_and_the_connection_lives_on,
        a_server_that_is_away_is_said_in_time,
        a_chip_shows_its_own_form_of_certificate,
        a_batch_is_a_list_of_licenses_and_problems,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "module",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
