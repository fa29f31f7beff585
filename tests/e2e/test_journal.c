/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The journal as others read it: tiles, checkpoint and receipts over REST, an export that is
 * verified offline; judged by software that is not ours.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/run.h"
#include "support/sizes.h"

#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " __VA_ARGS__), 0)
#define COVER_MS 10000

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 1000, 20);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

static void license(const char *name, struct http_answer *ret_answer)
{
    struct floor_device device;
    floor_device_make(&rig, name, NULL, &device);
    http_license(&rig, device.pem, NULL, ret_answer);
    ck_assert_int_eq(ret_answer->status, 201);
}

/* Asked until a checkpoint covers the license; each refusal before that says when to come again. */
static void get_receipt(const char *license_id, struct http_answer *ret_answer)
{
    char path[128];
    deadline_ms deadline = deadline_in(COVER_MS);
    (void)snprintf(path, sizeof path, "/v1/licenses/%s/receipt", license_id);
    for (;;) {
        http_send(&rig, &(struct http_request){.method = "GET", .path = path}, ret_answer);
        if (ret_answer->status != 503)
            return;
        ck_assert_str_eq(http_problem(ret_answer), "not-covered-yet");
        ck_assert_ptr_nonnull(strstr(ret_answer->headers, "Retry-After"));
        ck_assert_int_gt(deadline_left_ms(deadline), 0);
        http_answer_clear(ret_answer);
        (void)usleep(50000);
    }
}

/* Several licenses, so that there is a tree: each device's is asked for again now and then. */
static void fill(size_t count)
{
    struct floor_device *devices = calloc(count, sizeof *devices);
    struct http_answer answer;
    floor_devices_make(&rig, "many", count, devices);
    for (size_t i = 0; i < count; i++) {
        for (int again = 0; again < 3; again++) {
            http_license(&rig, devices[i].pem, NULL, &answer);
            ck_assert_int_eq(answer.status, again == 0 ? 201 : 200);
            http_answer_clear(&answer);
        }
    }
    free(devices);
}

/* What two people signed is what openssl says of the keys, and the journal names them. */
START_TEST(ceremony_page_names_the_keys_that_openssl_sees)
{
    ck_assert_int_eq(
        rig_shell(&rig, "for key in checkpoint transport; do "
                        "digest=$(openssl pkey -pubin -in $DIR/public-keys/$key.pub.pem -outform "
                        "der | sha256sum | cut -d' ' -f1); "
                        "grep -qixE \"$key key +$digest\" $DIR/ceremony.txt || exit 1; done"),
        0);
    ck_assert_int_eq(rig_shell(&rig, "test \"$(sed -n '/^-/,/^-.*END/p' $DIR/ceremony.txt)\" = "
                                     "\"$(cat $DIR/public-keys/checkpoint.pub.pem "
                                     "$DIR/public-keys/transport.pub.pem)\""),
                     0);
    MAKER("grep -qx 'Anchor  *ok' $DIR/ceremony.txt");
    MAKER("ctl journal export --out $DIR/ceremony.journal");
    MAKER("grep -q '\"officer\":\"Rig Officer\".*\"type\":\"initialised\".*\"witness\":\"Rig "
          "Witness\"' $DIR/ceremony.journal");
    MAKER("ctl hsm init --site $RIG_SITE --officer A --witness B --transcript $DIR/again.txt");
    MAKER("grep -q 'was bound to this HSM before' $DIR/again.txt");
}
END_TEST

START_TEST(receipt_is_accepted_by_gos_tlog_and_names_the_license)
{
    struct http_answer answer;
    struct http_answer receipt;
    char wanted[128];
    fill(test_size("devices in the log before a receipt", 100, 300));
    license("one", &answer);
    get_receipt(http_text(&answer, "license_id"), &receipt);
    ck_assert_int_eq(receipt.status, 200);
    (void)snprintf(wanted, sizeof wanted, "\"install\":\"%s\"",
                   http_text(&answer, "install_id") + strlen("ins-"));
    ck_assert_ptr_nonnull(strstr(http_text(&receipt, "leaf"), wanted));
    ck_assert_int_eq(http_number(&receipt, "index"), http_number(&answer, "journal_index"));
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "%s/receipt.json", rig.dir), 0);
    FILE *file = fopen(path, "we");
    ck_assert_uint_eq(fwrite(receipt.body, 1, receipt.length, file), receipt.length);
    (void)fclose(file);
    free(path);
    ck_assert_int_eq(rig_shell(&rig, "$SOURCE/tests/judge/receipt.sh $DIR/receipt.json "
                                     "$RIG_CHECKPOINT_KEY"),
                     0);
    /* The judge can say no. */
    ck_assert_int_ne(rig_shell(&rig, "sed 's/SN-/XX-/; s/one/two/' $DIR/receipt.json > $DIR/lie && "
                                     "$SOURCE/tests/judge/receipt.sh $DIR/lie "
                                     "$RIG_CHECKPOINT_KEY 2>/dev/null"),
                     0);
    MAKER("verified --receipt $DIR/receipt.json");
    http_answer_clear(&answer);
    http_answer_clear(&receipt);
}
END_TEST

START_TEST(log_is_followed_by_a_client_of_another_language)
{
    struct http_answer answer;
    fill(test_size("devices in the log that is followed", 100, 300));
    license("one", &answer);
    http_answer_clear(&answer);
    (void)usleep(500000);
    ck_assert_int_eq(rig_shell(&rig, "python3 $SOURCE/tests/judge/follow_log.py $RIG_URL $RIG_CA "
                                     "$RIG_STATION_CERT $RIG_STATION_KEY > $DIR/leaves && "
                                     "test $(cat $DIR/leaves) -gt 290"),
                     0);
    MAKER("rest GET /v1/journal/key | sed '$d' > $DIR/key.pem; "
          "openssl pkey -pubin -in $DIR/key.pem -outform DER | cmp - "
          "$(openssl pkey -pubin -in $RIG_CHECKPOINT_KEY -outform DER -out $DIR/key.der; "
          "echo $DIR/key.der)");
}
END_TEST

START_TEST(two_checkpoints_are_consistent_by_gos_tlog)
{
    MAKER("rest GET /v1/journal/checkpoint | sed '$d' > $DIR/old.note");
    fill(120);
    (void)usleep(500000);
    MAKER("verified --since $DIR/old.note && "
          "$SOURCE/tests/judge/consistency.sh $DIR/old.note $DIR/export");
}
END_TEST

START_TEST(export_is_verified_offline_with_the_public_key_alone)
{
    struct http_answer answer;
    license("one", &answer);
    MAKER("rm -f $DIR/export; ctl journal export --out $DIR/export --challenge "
          "00112233445566778899aabbccddeeff >/dev/null && cp $DIR/export /tmp/exp$$ && "
          "env -i PATH=$PATH $BIN/provctl journal verify $DIR/export --key $RIG_CHECKPOINT_KEY "
          "--challenge 00112233445566778899aabbccddeeff --authorities $RIG_AUTHORITIES "
          "--threshold 2 >$DIR/said 2>&1; code=$?; rm -f /tmp/exp$$; exit $code");
    MAKER("python3 $SOURCE/tests/judge/root_of_export.py $DIR/export");
    /* Another nonce is not in it, and neither is another key's signature on it. */
    MAKER("! $BIN/provctl journal verify $DIR/export --key $RIG_CHECKPOINT_KEY --challenge "
          "ffeeddccbbaa99887766554433221100 >$DIR/said 2>&1");
    MAKER("openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out "
          "$DIR/other.pem && ! $BIN/provctl journal verify $DIR/export --key $DIR/other.pem "
          ">$DIR/said 2>&1");
    http_answer_clear(&answer);
}
END_TEST

/* Each with what the verdict must name. */
static const struct lie {
    const char *what;
    const char *edit; /* of the export, by awk or sed */
} LIES[] = {
    {"a leaf changed", "sed 's/\"attempt\":2/\"attempt\":3/'"},
    {"a leaf removed", "awk '!(/\"attempt\":2/ && !done++)'"},
    {"a leaf inserted", "awk '{print} /\"attempt\":2/ && !done++ {print}'"},
    {"two leaves swapped", "awk 'NR == 12 {held = $0; next} {print} NR == 13 {print held}'"},
    {"the tail cut", "sed '$d'"},
    {"an account", "sed '2s/\"charged\": *3/\"charged\": 2/; 2s/\"charged\":3/\"charged\":2/'"},
};

START_TEST(tampered_export_is_not_believed)
{
    const struct lie *lie = &LIES[_i];
    fill(3);
    MAKER("verified");
    char command[512];
    (void)snprintf(command, sizeof command,
                   "%s $DIR/export > $DIR/lie; ! cmp -s $DIR/lie $DIR/export", lie->edit);
    ck_assert_msg(rig_shell(&rig, "%s", command) == 0, "%s: nothing was changed", lie->what);
    ck_assert_msg(rig_shell(&rig, "$BIN/provctl journal verify $DIR/lie --key $RIG_CHECKPOINT_KEY "
                                  ">/dev/null 2>&1") != 0,
                  "%s: believed", lie->what);
}
END_TEST

START_TEST(reconciliation_finds_what_was_shipped_and_not_licensed)
{
    struct http_answer answer;
    license("good", &answer);
    http_answer_clear(&answer);
    MAKER("rm -f $DIR/export; ctl journal export --out $DIR/export >/dev/null; "
          "printf 'product,serial,lot,shipped\\r\\nrig-gateway,good,lot-7,2026-01-01\\r\\n"
          "rig-gateway,grey,lot-7,2026-01-01\\r\\n' > $DIR/mes.csv; "
          "$BIN/provctl reconcile $DIR/export --mes $DIR/mes.csv --json > $DIR/said; "
          "grep -q grey $DIR/said");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the journal, end to end");
    TCase *reading = tcase_create("reading");
    tcase_add_checked_fixture(reading, set_up, tear_down);
    tcase_set_timeout(reading, 300);
    tcase_add_test(reading, ceremony_page_names_the_keys_that_openssl_sees);
    tcase_add_test(reading, receipt_is_accepted_by_gos_tlog_and_names_the_license);
    tcase_add_test(reading, log_is_followed_by_a_client_of_another_language);
    tcase_add_test(reading, two_checkpoints_are_consistent_by_gos_tlog);
    tcase_add_test(reading, export_is_verified_offline_with_the_public_key_alone);
    tcase_add_test(reading, reconciliation_finds_what_was_shipped_and_not_licensed);
    tcase_add_loop_test(reading, tampered_export_is_not_believed, 0, sizeof LIES / sizeof LIES[0]);
    suite_add_tcase(suite, reading);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
