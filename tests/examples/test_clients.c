/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * docs/examples/curl.sh and docs/examples/provision_client.py take the same words and give the same
 * exit status: this file is built once for each, with CLIENT the name of the one.
 */
#include "examples/user.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "e2e/floor.h"
#include "support/run.h"

#define QUOTA 4

static struct rig rig;
static struct floor_device device;

static void set_up(void)
{
    rig_up(&rig, QUOTA);
    floor_device_make(&rig, "one", NULL, &device);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

#define ASK "$EXAMPLES/" CLIENT " "
/* The id of the install that the last command printed first. */
#define INSTALL "$(cut -d' ' -f1 last)"
#define OPENS                                                                               \
    "openssl cms -decrypt -binary -inform DER -in one.lic -content $RIG_IMAGE_FILE -inkey " \
    "one.key "                                                                              \
    "-out firmware && cmp firmware $RIG_FIRMWARE"

START_TEST(a_license_is_paid_once_and_opens_on_the_device)
{
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    user_must_be_told(&rig, " charged=yes remaining=3");
    user_expects(&rig, 0, OPENS);
    user_expects(&rig, 0, "mv one.lic first && LOT=7 " ASK "license one.pem one.lic");
    user_must_be_told(&rig, " charged=no remaining=3");
    user_expects(&rig, 0, "cmp one.lic first");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(outcomes_are_recorded_and_scrapped_is_final)
{
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    user_expects(&rig, 0,
                 "install=" INSTALL "; echo $install >install; " ASK
                 "outcome $install failed flash-7 'The flash: does not verify.'");
    user_must_be_told(&rig, " failed");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM install WHERE code = 'flash-7' AND "
                                     "detail = 'The flash: does not verify.'"),
                     1);
    user_account_is(&rig, "rig-gateway", "1 0 1 0");
    user_expects(&rig, 0, ASK "outcome $(cat install) succeeded");
    user_account_is(&rig, "rig-gateway", "1 1 0 0");
    user_expects(&rig, 0, ASK "outcome $(cat install) scrapped");
    user_account_is(&rig, "rig-gateway", "1 0 0 1");
    user_expects(&rig, 13, ASK "license one.pem one.lic");
    user_must_be_told(&rig, "device-scrapped");
}
END_TEST

START_TEST(a_spent_quota_is_10_and_those_who_paid_are_still_served)
{
    struct floor_device more[QUOTA];
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    floor_devices_make(&rig, "more", QUOTA, more);
    for (int i = 0; i < QUOTA - 1; i++)
        user_expects(&rig, 0, ASK "license more-%d.pem more.lic", i);
    user_expects(&rig, 10, ASK "license more-%d.pem none.lic", QUOTA - 1);
    user_must_be_told(&rig, "quota-spent");
    user_expects(&rig, 0, "test ! -e none.lic && " ASK "license one.pem one.lic");
    user_account_is(&rig, "rig-gateway", "4 0 0 0");
}
END_TEST

START_TEST(a_device_of_another_maker_is_12_and_costs_nothing)
{
    struct floor_device foreign;
    floor_device_make(&rig, "foreign", &(struct floor_options){.ca = "tls/ca"}, &foreign);
    user_expects(&rig, 12, ASK "license foreign.pem one.lic");
    user_must_be_told(&rig, "device-not-genuine untrusted-issuer");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_serial_with_another_key_is_13)
{
    struct floor_device twin;
    floor_device_make(&rig, "twin", &(struct floor_options){.serial = "one"}, &twin);
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    user_expects(&rig, 13, ASK "license twin.pem twin.lic");
    user_must_be_told(&rig, "device-identity-conflict serial-has-other-key");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(a_stranger_with_a_good_certificate_is_11)
{
    struct floor_device stranger;
    floor_device_make(&rig, "stranger",
                      &(struct floor_options){.ca = "tls/ca", .key_usage = "digitalSignature"},
                      &stranger);
    user_expects(&rig, 11,
                 "export PROVCTL_CERT=stranger.pem PROVCTL_KEY=stranger.key; " ASK
                 "license one.pem one.lic");
    user_must_be_told(&rig, "forbidden");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(wrong_words_and_missing_settings_are_64)
{
    user_expects(&rig, 64, ASK "license one.pem");
    user_expects(&rig, 64, ASK "licence one.pem one.lic");
    user_expects(&rig, 64, "unset PROVCTL_KEY; " ASK "license one.pem one.lic");
}
END_TEST

/* ---- a server that is away, and answers that are lost ---- */

START_TEST(a_server_that_comes_back_is_waited_for)
{
    rig_kill(&rig, RIG_API, SIGTERM);
    pid_t asking = user_begins(&rig, ASK "license one.pem one.lic");
    (void)usleep(1500000);
    rig_start(&rig, RIG_API, NULL);
    ck_assert_int_eq(user_waits(asking), 0);
    user_must_be_told(&rig, " charged=yes");
    user_expects(&rig, 0, OPENS);
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(a_server_that_stays_away_is_20)
{
    rig_kill(&rig, RIG_API, SIGTERM);
    user_expects(&rig, 20, "PROVCTL_TIMEOUT=2 " ASK "license one.pem one.lic");
    user_account_is(&rig, "rig-gateway", "0 0 0 0");
}
END_TEST

START_TEST(a_vault_that_is_away_says_later_and_is_waited_for)
{
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    user_expects(&rig, 20, "PROVCTL_TIMEOUT=2 " ASK "license one.pem one.lic");
    pid_t asking = user_begins(&rig, ASK "license one.pem one.lic");
    (void)usleep(500000);
    rig_start(&rig, RIG_VAULT, NULL);
    ck_assert_int_eq(user_waits(asking), 0);
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

#ifdef PROVISIOND_CRASH_POINTS
START_TEST(an_answer_that_was_lost_is_not_paid_twice)
{
    rig_kill(&rig, RIG_API, SIGTERM);
    rig_start(&rig, RIG_API, "api.before-answer");
    rig_wait_ready(&rig);
    pid_t asking = user_begins(&rig, ASK "license one.pem one.lic");
    rig_wait_for_death(&rig, RIG_API);
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
    rig_start(&rig, RIG_API, NULL);
    ck_assert_int_eq(user_waits(asking), 0);
    user_must_be_told(&rig, " charged=no remaining=3");
    user_expects(&rig, 0, OPENS);
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST
#endif

/* A line that breaks after so many bytes of each connection, between $PROVCTL_URL and the server.
 */
#define CUT_AFTER(bytes)                                                                           \
    "rm -f line-port cuts; $TOOLS/cutter.py ${RIG_URL##*:} " bytes " line-port cuts & cutter=$!; " \
    "while [ ! -e line-port ]; do sleep 0.02; done; "                                              \
    "export PROVCTL_URL=https://127.0.0.1:$(cat line-port); "

START_TEST(an_image_is_continued_where_the_line_broke)
{
    user_expects(&rig, 0,
                 CUT_AFTER("100000") ASK "image $RIG_IMAGE image.bin; code=$?; kill $cutter; "
                                         "cmp image.bin $RIG_IMAGE_FILE && exit $code");
    /* 243,852 bytes in three pieces, and little of them twice. */
    user_expects(&rig, 0,
                 "test $(grep -c '^100000$' cuts) = 2 && test ! -e image.bin.part && "
                 "test $(awk '{sum += $1} END {print sum}' cuts) -lt 300000");
}
END_TEST

START_TEST(an_image_that_is_wrong_never_gets_its_name)
{
    user_expects(&rig, 1,
                 "head -c 1000 /dev/zero >image.bin.part; " ASK "image $RIG_IMAGE image.bin");
    user_expects(&rig, 0, "test ! -e image.bin && test ! -e image.bin.part");
    user_expects(&rig, 0, ASK "image $RIG_IMAGE image.bin && cmp image.bin $RIG_IMAGE_FILE");
    user_expects(&rig, 1, ASK "image sha256:$(printf %%064d 0) other.bin");
    user_must_be_told(&rig, "image-unknown");
}
END_TEST

START_TEST(an_image_that_finds_the_disk_full_is_1_at_once_and_goes_on_later)
{
    user_expects(&rig, 1, "ulimit -f 100; " ASK "image $RIG_IMAGE image.bin");
    user_expects(&rig, 0,
                 "test ! -e image.bin && test -s image.bin.part && " ASK
                 "image $RIG_IMAGE image.bin && cmp image.bin $RIG_IMAGE_FILE");
}
END_TEST

/* ---- evidence and reads ---- */

START_TEST(a_receipt_is_what_an_auditor_accepts)
{
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    user_expects(&rig, 0, "license=lic-$(cut -c5-40 last); " ASK "receipt $license receipt.json");
    user_must_be_told(&rig, " leaf=");
    user_expects(&rig, 0,
                 "provctl --config $RIG_CONFIG journal export --out export && "
                 "provctl journal verify export --key $RIG_CHECKPOINT_KEY "
                 "--receipt receipt.json");
}
END_TEST

START_TEST(the_account_of_a_product_can_be_read)
{
    user_expects(&rig, 0, ASK "license one.pem one.lic");
    user_expects(&rig, 0,
                 ASK "read /v1/products/rig-gateway/usage >usage && "
                     "jq -e '.charged == 1 and .remaining == 3' usage");
    user_expects(&rig, 1, ASK "read /v1/products/none/usage");
    user_must_be_told(&rig, "product-unknown");
}
END_TEST

START_TEST(a_batch_gives_each_device_its_own_result)
{
    struct floor_device foreign;
    struct floor_device more[QUOTA];
    floor_device_make(&rig, "foreign", &(struct floor_options){.ca = "tls/ca"}, &foreign);
    floor_devices_make(&rig, "more", QUOTA, more);
    user_expects(&rig, 12,
                 ASK "batch out one.pem foreign.pem one.pem more-0.pem more-1.pem "
                     "more-2.pem more-3.pem");
    user_expects(&rig, 0,
                 "ls out | tr '\\n' ' ' >list && "
                 "grep -qx 'more-0.lic more-1.lic more-2.lic one.lic ' list && "
                 "cp out/one.lic one.lic && " OPENS);
    user_account_is(&rig, "rig-gateway", "4 0 0 0");
}
END_TEST

START_TEST(a_batch_tells_each_device_in_a_line)
{
    struct floor_device foreign;
    floor_device_make(&rig, "foreign", &(struct floor_options){.ca = "tls/ca"}, &foreign);
    user_expects(&rig, 12, ASK "batch out one.pem foreign.pem");
    user_must_be_told(&rig, "one.pem ins-");
    user_must_be_told(&rig, " charged=yes remaining=3");
    user_must_be_told(&rig, "foreign.pem device-not-genuine untrusted-issuer: ");
    user_expects(&rig, 1, ASK "batch out one.pem foreign.key");
    user_must_be_told(&rig, "bad-request $.licenses[1].device.certificate_chain");
    user_account_is(&rig, "rig-gateway", "1 0 0 0");
}
END_TEST

START_TEST(installs_are_listed_over_all_pages)
{
    struct floor_device many[QUOTA];
    floor_devices_make(&rig, "many", QUOTA, many);
    user_expects(&rig, 0, ASK "batch out many-0.pem many-1.pem many-2.pem many-3.pem");
    user_expects(&rig, 0,
                 ASK "list installs 'limit=1&result=unreported' >installs && "
                     "test $(jq -r .device_serial installs | sort -u | wc -l) = 4");
    user_expects(&rig, 0, ASK "list installs >all && test $(wc -l <all) = 4");
    user_expects(&rig, 0, "test -z \"$(" ASK "list installs result=failed)\"");
    user_expects(&rig, 1, ASK "list installs colour=green");
    user_must_be_told(&rig, "bad-request ?colour");
}
END_TEST

START_TEST(a_station_reads_who_it_is)
{
    user_expects(&rig, 0, ASK "read /v1/self >self && jq -e '.role == \"station\"' self");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_license_is_paid_once_and_opens_on_the_device,
        outcomes_are_recorded_and_scrapped_is_final,
        a_spent_quota_is_10_and_those_who_paid_are_still_served,
        a_device_of_another_maker_is_12_and_costs_nothing,
        a_serial_with_another_key_is_13,
        a_stranger_with_a_good_certificate_is_11,
        wrong_words_and_missing_settings_are_64,
        a_server_that_comes_back_is_waited_for,
        a_server_that_stays_away_is_20,
        a_vault_that_is_away_says_later_and_is_waited_for,
#ifdef PROVISIOND_CRASH_POINTS
        an_answer_that_was_lost_is_not_paid_twice,
#endif
        an_image_is_continued_where_the_line_broke,
        an_image_that_is_wrong_never_gets_its_name,
        an_image_that_finds_the_disk_full_is_1_at_once_and_goes_on_later,
        a_receipt_is_what_an_auditor_accepts,
        the_account_of_a_product_can_be_read,
        a_batch_gives_each_device_its_own_result,
        a_batch_tells_each_device_in_a_line,
        installs_are_listed_over_all_pages,
        a_station_reads_who_it_is,
        NULL,
    };
    return run_suite(&(struct run_case){.name = CLIENT,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
