/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of an HSM: after its last leaf nothing changes any more, over restarts, cuts and older
 * ledgers, and what proves the past still does; then its keys go.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/run.h"

#define MAKER(...)                                                               \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; . "          \
                                     "$SOURCE/tests/e2e/keys.sh; " __VA_ARGS__), \
                     0)
#define WAIT_MS   20000
#define SUCCESSOR "5f0c31b7a9e4d288c1d6e07b93fa28455f0c31b7a9e4d288c1d6e07b93fa2845"

static struct rig rig;
static struct floor_device device;
static char license_id[64];

static void set_up(void)
{
    struct http_answer answer;
    http_init();
    rig_up_governed(&rig, 100, 20);
    floor_device_make(&rig, "before", NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    (void)snprintf(license_id, sizeof license_id, "%s", http_text(&answer, "license_id"));
    http_answer_clear(&answer);
}

static void tear_down(void)
{
    rig_down(&rig);
}

static void wait_for_anchor(const char *word)
{
    deadline_ms deadline = deadline_in(WAIT_MS);
    while (rig_shell(&rig,
                     ". $SOURCE/tests/e2e/maker.sh; test \"$(ctl status --json | jq -r .anchor)\" "
                     "= %s",
                     word) != 0) {
        if (deadline_left_ms(deadline) == 0)
            (void)rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; ctl status >&2");
        ck_assert_msg(deadline_left_ms(deadline) > 0, "the anchor is not %s", word);
        (void)usleep(50000);
    }
}

static int64_t leaves(void)
{
    return rig_query(&rig, "SELECT count(*) FROM journal");
}

static void asked_for(const char *name, const char *pem)
{
    struct http_answer answer;
    http_license(&rig, pem, NULL, &answer);
    ck_assert_msg(answer.status == 409, "%s: %ld %s", name, answer.status, answer.body);
    ck_assert_str_eq(http_problem(&answer), "hsm-retired");
    http_answer_clear(&answer);
}

/* Everything that would be one leaf more. */
static void nothing_changes(void)
{
    struct floor_device other;
    int64_t before = leaves();
    floor_device_make(&rig, "new", NULL, &other);
    asked_for("a new device", other.pem);
    asked_for("a device that has its license", device.pem);
    MAKER("rest POST /v1/installs/ins-%s/outcome -H 'Content-Type: application/json' -d "
          "'{\"result\":\"succeeded\"}' > $DIR/said; grep -q 'hsm-retired.*409$' $DIR/said || { "
          "cat $DIR/said >&2; exit 1; }",
          license_id + strlen("lic-"));
    MAKER("refuse() { ! ctl \"$@\" >/dev/null 2>$DIR/said && grep -q 'has ended' $DIR/said || { "
          "echo \"$*\" >&2; cat $DIR/said >&2; exit 1; }; }; "
          "refuse quota add rig-gateway --units 5; refuse station disable rig-station; "
          "refuse budget set rig-gateway --units 5 --period 8h; "
          "refuse product create other --anchors $RIG_DEVICE_CA_CERT --quota 5; "
          "refuse image encrypt $RIG_FIRMWARE --product rig-gateway; "
          "refuse journal export --out $DIR/never --challenge 0011223344556677; "
          "refuse journal rotate-key $(present_key); refuse hsm init --site rig; "
          "new_document more --kind install --units 5 && sign more officer-1 officer-2 && "
          "! apply more && grep -q 'has ended' $DIR/said");
    ck_assert_int_eq(leaves(), before);
}

/* Reading, receipts, exports and backups. */
static void the_past_is_proven(void)
{
    MAKER("verified && grep -q 'Ended with leaf' $DIR/said && grep -q " SUCCESSOR " $DIR/said && "
          "python3 $SOURCE/tests/judge/root_of_export.py $DIR/export >/dev/null && "
          "tail -n 1 $DIR/export | grep -q '\"type\":\"retired\"'");
    MAKER("rest GET /v1/licenses/%s/receipt | sed '$ s/200$//' > $DIR/receipt && "
          "$BIN/provctl journal verify $DIR/export --key $RIG_CHECKPOINT_KEY --receipt "
          "$DIR/receipt >/dev/null && usage_is rig-gateway charged 1",
          license_id);
    MAKER("rest GET /readyz > $DIR/ready; grep -q '\"anchor\": *\"retired\".*503$' $DIR/ready || "
          "{ cat $DIR/ready >&2; exit 1; }");
}

static void retire(void)
{
    MAKER("! ctl hsm retire --destroy-keys $RIG_HSM_ID >/dev/null 2>&1 && "
          "! ctl hsm retire --yes --successor $RIG_HSM_ID >/dev/null 2>&1 && "
          "ctl hsm retire --yes --successor " SUCCESSOR " >/dev/null");
}

START_TEST(after_the_end_nothing_changes_and_the_past_is_proven)
{
    MAKER("rotate 2");
    retire();
    nothing_changes();
    the_past_is_proven();
    /* Over a stop, which leaves no leaf, and a kill. */
    int64_t before = leaves();
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("retired");
    nothing_changes();
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("retired");
    rig_start(&rig, RIG_HSM, NULL);
    MAKER("for i in $(seq 100); do ctl status --json | jq -e .retired >/dev/null && exit; sleep "
          "0.1; done; exit 1");
    the_past_is_proven();
    MAKER("ctl hsm retire --yes > $DIR/said && grep -q before $DIR/said");
    ck_assert_int_eq(leaves(), before);
}
END_TEST

START_TEST(older_ledger_does_not_bring_it_back)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("sqlite3 $RIG_LEDGER 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null; cp $RIG_LEDGER "
          "$DIR/copy.db");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    retire();
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("rm -f $RIG_LEDGER-wal $RIG_LEDGER-shm; cp $RIG_LEDGER $DIR/last.db; cp $DIR/copy.db "
          "$RIG_LEDGER");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("retired-journal");
    asked_for("a device that has its license", device.pem);
    /* No override, whoever signs it: there is nothing to go on with. */
    MAKER("! ctl journal override --anchor 1:$(printf %%064d 1) --head 2:$(printf %%064d 2) "
          "2>$DIR/said && ! ctl quota add rig-gateway --units 5 2>/dev/null && "
          "! ctl journal export --out $DIR/never 2>$DIR/said && grep -q 'older copy' $DIR/said");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("rm -f $RIG_LEDGER-wal $RIG_LEDGER-shm $RIG_LEDGER; mkdir -p $DIR/none");
    rig_start(&rig, RIG_VAULT, NULL);
    MAKER("for i in $(seq 100); do ctl hsm init --site rig 2>$DIR/said; grep -q 'has ended' "
          "$DIR/said "
          "&& exit; sleep 0.1; done; cat $DIR/said >&2; exit 1");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("rm -f $RIG_LEDGER-wal $RIG_LEDGER-shm; cp $DIR/last.db $RIG_LEDGER");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("retired");
    the_past_is_proven();
}
END_TEST

static const struct step {
    enum rig_program program;
    const char *label;
    bool has_ended; /* by then */
} STEPS[] = {
    {RIG_VAULT, "vault.before-retired", false},
    {RIG_VAULT, "vault.after-retired", true},
    {RIG_HSM, "hsm-worker.before-retired", true},
};

START_TEST(cut_off_at_each_step_it_ends_all_the_same)
{
    const struct step *step = &STEPS[_i];
    rig_kill(&rig, step->program, SIGTERM);
    rig_start(&rig, step->program, step->label);
    rig_wait_ready(&rig);
    MAKER("ctl hsm retire --yes --successor " SUCCESSOR " >$DIR/said 2>&1; test -e $DIR/crashed");
    if (step->program == RIG_VAULT) {
        rig_wait_for_death(&rig, RIG_VAULT);
        rig_start(&rig, RIG_VAULT, NULL);
    }
    if (!step->has_ended)
        rig_wait_ready(&rig);
    else
        wait_for_anchor("retired");
    MAKER("ctl hsm retire --yes --successor " SUCCESSOR " >/dev/null");
    wait_for_anchor("retired");
    the_past_is_proven();
    MAKER("ctl hsm retire --destroy-keys $RIG_HSM_ID >/dev/null 2>&1");
}
END_TEST

/* The last leaf is there, and the HSM is away before it took the last anchor. */
START_TEST(from_the_last_leaf_on_no_command_reaches_for_a_key)
{
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_HOW", "wait", 1), 0);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    rig_start(&rig, RIG_VAULT, "vault.before-retired");
    (void)unsetenv("PROVISIOND_CRASH_HOW");
    rig_wait_ready(&rig);
    MAKER("{ ctl hsm retire --yes --successor " SUCCESSOR
          " >/dev/null 2>&1; echo $? >$DIR/ended; } & "
          "for i in $(seq 100); do test -e $DIR/crashed && exit; sleep 0.1; done; exit 1");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    MAKER("rm $DIR/crashed; for i in $(seq 300); do test -s $DIR/ended && break; sleep 0.1; done; "
          "test $(cat $DIR/ended) = 20 && "
          "! ctl product rotate-key rig-gateway 2>$DIR/said && grep -q 'has ended' $DIR/said");
    rig_start(&rig, RIG_HSM, NULL);
    wait_for_anchor("retired");
    the_past_is_proven();
}
END_TEST

#define KEYS_OF_TOKEN                                                                 \
    "keys() { SOFTHSM2_CONF=$RIG_SOFTHSM2_CONF pkcs11-tool --module $RIG_HSM_MODULE " \
    "--token-label $RIG_TOKEN --login --pin \"$(cat $RIG_PIN_FILE)\" --list-objects " \
    "2>/dev/null | grep label: | sed 's/.*label: *//'; }; "

START_TEST(keys_go_and_what_proves_the_past_stays)
{
    MAKER("rotate 2");
    retire();
    MAKER(KEYS_OF_TOKEN
          "keys | grep -q provisiond-fk: && keys | grep -q provisiond-transport && "
          /* The wrong HSM's name destroys nothing. */
          "! ctl hsm retire --destroy-keys " SUCCESSOR " 2>/dev/null && keys | grep -q "
          "provisiond-fk: && "
          "ctl hsm retire --destroy-keys $RIG_HSM_ID > $DIR/said 2>$DIR/why && grep -q "
          "'never\\|ever' $DIR/why && ! keys | grep -q 'provisiond-fk:\\|provisiond-transport' && "
          "keys | grep -q provisiond-checkpoint-2 && keys | grep -q provisiond-anchor && "
          "test \"$(ctl hsm retire --destroy-keys $RIG_HSM_ID 2>/dev/null)\" = destroyed=0 && "
          "ctl status | grep -q 'keys are destroyed'");
    the_past_is_proven();
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("retired");
    MAKER("for i in $(seq 100); do ctl status --json | jq -e .keys_destroyed >/dev/null && exit; "
          "sleep 0.1; done; exit 1");
    the_past_is_proven();
    MAKER(KEYS_OF_TOKEN "! keys | grep -q 'provisiond-fk:\\|provisiond-transport'");
}
END_TEST

START_TEST(destruction_that_was_cut_off_goes_on)
{
    retire();
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, "hsm-worker.key-destroyed");
    MAKER(KEYS_OF_TOKEN
          "for i in $(seq 100); do ctl hsm retire --destroy-keys $RIG_HSM_ID >/dev/null 2>&1 && "
          "break; sleep 0.1; done; test -e $DIR/crashed && ! keys | grep -q "
          "'provisiond-fk:\\|provisiond-transport' && keys | grep -q provisiond-checkpoint");
    the_past_is_proven();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the end of an HSM, end to end");
    TCase *tests = tcase_create("end");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, after_the_end_nothing_changes_and_the_past_is_proven);
    tcase_add_test(tests, older_ledger_does_not_bring_it_back);
    tcase_add_loop_test(tests, cut_off_at_each_step_it_ends_all_the_same, 0,
                        sizeof STEPS / sizeof STEPS[0]);
    tcase_add_test(tests, from_the_last_leaf_on_no_command_reaches_for_a_key);
    tcase_add_test(tests, keys_go_and_what_proves_the_past_stays);
    tcase_add_test(tests, destruction_that_was_cut_off_goes_on);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
