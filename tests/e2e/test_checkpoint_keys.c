/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The checkpoint's keys over a life: rotated under load and over restarts, cut off at each step,
 * followed by the first key alone; and an older ledger that does not know the newest one.
 */
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/run.h"

#define KEYS(...)                                                                \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; . "          \
                                     "$SOURCE/tests/e2e/keys.sh; " __VA_ARGS__), \
                     0)
#define WAIT_MS 20000

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 10000, 20);
}

static void tear_down(void)
{
    rig_down(&rig);
}

static void license(const char *name)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, name, NULL, &device);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_msg(answer.status == 201, "%s: %ld %s", name, answer.status, answer.body);
    http_answer_clear(&answer);
}

static void restart_vault(int signal)
{
    rig_kill(&rig, RIG_VAULT, signal);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

/* ---- under load ---- */

#define LOAD_DEVICES 12

static struct floor_device devices[LOAD_DEVICES];
static atomic_bool is_ending;
static atomic_int refused;

static void *ask_always(void *argument)
{
    struct http_answer answer;
    (void)argument;
    for (size_t i = 0; !atomic_load(&is_ending); i = (i + 1) % LOAD_DEVICES) {
        http_license(&rig, devices[i].pem, NULL, &answer);
        if (answer.status != 200 && answer.status != 201)
            (void)atomic_fetch_add(&refused, 1);
        http_answer_clear(&answer);
    }
    return NULL;
}

START_TEST(rotated_under_load_and_over_restarts_the_first_key_leads_to_the_newest)
{
    pthread_t load;
    floor_devices_make(&rig, "many", LOAD_DEVICES, devices);
    KEYS("rest GET /v1/journal/checkpoint | sed '$d' > $DIR/first.note");
    ck_assert_int_eq(pthread_create(&load, NULL, ask_always, NULL), 0);
    KEYS("rotate 2 && rest GET /v1/journal/key | sed '$d' > $DIR/now.pem && "
         "test \"$(digest_of $DIR/now.pem)\" = \"$(digest_of $DIR/key-2.pem)\"");
    atomic_store(&is_ending, true);
    (void)pthread_join(load, NULL);
    ck_assert_int_eq(atomic_load(&refused), 0);
    restart_vault(SIGTERM);
    license("between");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    rig_wait_ready(&rig);
    KEYS("rotate 3 && test \"$(generations)\" = '3 3'");
    restart_vault(SIGKILL);
    license("after");
    /* The first key, and each of the others, leads there; so do heads that older ones signed. */
    KEYS("verified --since $DIR/first.note && grep -q 'Checkpoint keys' $DIR/said && "
         "for n in 2 3; do $BIN/provctl journal verify $DIR/export --key $DIR/key-$n.pem "
         ">/dev/null || exit 1; done");
    /* And openssl says the same of the head and of both statements. */
    KEYS("sed -n 2p $DIR/export | jq -r .checkpoint > $DIR/note && "
         "note_signed_by $DIR/note $DIR/key-3.pem && ! note_signed_by $DIR/note $DIR/key-2.pem && "
         "statement_signed_by 2 $RIG_CHECKPOINT_KEY && statement_signed_by 3 $DIR/key-2.pem && "
         "! statement_signed_by 3 $RIG_CHECKPOINT_KEY");
    KEYS("python3 $SOURCE/tests/judge/root_of_export.py $DIR/export >/dev/null && "
         "python3 $SOURCE/tests/judge/follow_keys.py $DIR/export $RIG_CHECKPOINT_KEY && "
         "! python3 $SOURCE/tests/judge/follow_keys.py $DIR/export $DIR/device-ca.pem 2>/dev/null");
    rig_check_invariants(&rig);
}
END_TEST

START_TEST(rotation_names_the_key_that_it_replaces)
{
    KEYS("old=$(present_key); ! ctl journal rotate-key $(printf %%064d 7) 2>$DIR/said && "
         "test \"$(generations)\" = '1 1' && rotate 2 && "
         /* Asked again for the same one, nothing more happens, and the same key is named. */
         "ctl journal rotate-key $old > $DIR/again && "
         "test \"$(cat $DIR/rotated) repeat\" = \"$(cat $DIR/again)\" && "
         "test \"$(generations)\" = '2 2' && rotate 3 && "
         "! ctl journal rotate-key $old 2>$DIR/said && test \"$(generations)\" = '3 3'");
    KEYS("test \"$(ctl hsm keys --json | jq -r '.keys[] | select(.role == \"checkpoint\") | "
         "\"\\(.generation) \\(.state) \\(.in_hsm) \\(.leaf > 0)\"' | tr '\n' ,)\" = "
         "'1 retired true true,2 retired true true,3 in-use true false,' && "
         "test \"$(ctl hsm keys --json | jq -r '.keys[2].id')\" = \"$(present_key)\"");
    KEYS("verified");
}
END_TEST

/* ---- cut off ---- */

/* Where, and how many keys the ledger knows by then. */
static const struct step {
    enum rig_program program;
    const char *label;
    int known;
} STEPS[] = {
    {RIG_HSM, "hsm-worker.checkpoint-key-made", 1},
    {RIG_VAULT, "vault.checkpoint-key-made", 1},
    {RIG_VAULT, "vault.checkpoint-key-rotated", 2},
};

START_TEST(cut_off_at_each_step_it_is_finished_by_asking_again)
{
    const struct step *step = &STEPS[_i];
    KEYS("present_key > $DIR/old");
    rig_kill(&rig, step->program, SIGTERM);
    rig_start(&rig, step->program, step->label);
    rig_wait_ready(&rig);
    KEYS("ctl journal rotate-key $(cat $DIR/old) >$DIR/said 2>&1; test -e $DIR/crashed");
    if (step->program == RIG_VAULT) {
        rig_wait_for_death(&rig, RIG_VAULT);
        rig_start(&rig, RIG_VAULT, NULL);
    }
    rig_wait_ready(&rig);
    license("meanwhile");
    if (step->program == RIG_VAULT)
        KEYS("test \"$(generations)\" = '%d 2' && test $(ctl hsm keys --json | jq -r "
             "'.keys[1].state') = %s",
             step->known, step->known == 2 ? "in-use" : "prepared");
    KEYS("verified");
    KEYS("ctl journal rotate-key $(cat $DIR/old) --out $DIR/key-2.pem >/dev/null && "
         "test \"$(generations)\" = '2 2'");
    license("after");
    KEYS("verified && $BIN/provctl journal verify $DIR/export --key $DIR/key-2.pem >/dev/null");
}
END_TEST

/* ---- an older ledger ---- */

static void wait_for_anchor(const char *word)
{
    deadline_ms deadline = deadline_in(WAIT_MS);
    while (rig_shell(&rig,
                     ". $SOURCE/tests/e2e/maker.sh; test \"$(ctl status --json | jq -r .anchor)\" "
                     "= %s",
                     word) != 0) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "the anchor is not %s", word);
        (void)usleep(50000);
    }
}

START_TEST(older_ledger_is_the_older_one_and_rotates_to_the_same_key)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    KEYS("sqlite3 $RIG_LEDGER 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null; cp $RIG_LEDGER "
         "$DIR/copy.db");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    KEYS("rotate 2 && cp $DIR/key-2.pem $DIR/lost.pem");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    KEYS("rm -f $RIG_LEDGER-wal $RIG_LEDGER-shm; cp $DIR/copy.db $RIG_LEDGER");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("mismatch");
    /* The HSM's anchor is signed by a key that this ledger does not know: it is the older one. */
    KEYS("ctl status > $DIR/said && grep -q 'fewer leaves' $DIR/said && grep -q 'in no leaf' "
         "$DIR/said && test \"$(generations)\" = '1 2' && "
         "! ctl journal rotate-key $(present_key) 2>/dev/null");
    KEYS("heads() { ctl status --json | jq -r '\"--anchor \" + .breach.anchor + \" --head \" + "
         ".breach.head'; }; new_document yes --kind override $(heads) && sign yes officer-1 "
         "officer-2 && apply yes && ctl journal override $(heads) >/dev/null");
    wait_for_anchor("ok");
    license("before-it-is-rotated-again");
    KEYS("verified && rotate 2 && cmp $DIR/key-2.pem $DIR/lost.pem && test \"$(generations)\" = "
         "'2 2' && verified && grep -qi override $DIR/said");
}
END_TEST

START_TEST(leaf_that_was_changed_signs_nothing)
{
    KEYS("rotate 2");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    KEYS("sqlite3 $RIG_LEDGER \"DROP TRIGGER journal_is_not_updated; UPDATE journal SET entry = "
         "CAST(replace(CAST(entry AS TEXT), '\\\"generation\\\":2', '\\\"generation\\\":3') AS "
         "BLOB) "
         "WHERE CAST(entry AS TEXT) LIKE '%%key-rotated%%'\"");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("checkpoint-keys");
}
END_TEST

/* ---- backups ---- */

START_TEST(backup_is_checked_by_the_first_key_over_rotations)
{
    KEYS("openssl req -x509 -newkey rsa:2048 -nodes -keyout $DIR/backup.key -out $DIR/backup.pem "
         "-subj /CN=b -days 9 >/dev/null 2>&1; "
         "restore() { rm -rf $DIR/out; $BIN/provctl restore --in $1 --key $DIR/backup.key --cert "
         "$DIR/backup.pem --to $DIR/out --checkpoint-key $2 >/dev/null; }; "
         "ctl backup --out $DIR/one --recipient $DIR/backup.pem >/dev/null && rotate 2 && rotate 3 "
         "&& ctl backup --out $DIR/two --recipient $DIR/backup.pem >/dev/null && "
         "restore $DIR/one $RIG_CHECKPOINT_KEY && restore $DIR/two $RIG_CHECKPOINT_KEY && "
         "restore $DIR/two $DIR/key-2.pem && restore $DIR/two $DIR/key-3.pem && "
         "! restore $DIR/one $DIR/key-2.pem 2>/dev/null && "
         "openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl pkey -pubout -out "
         "$DIR/foreign.pub && ! restore $DIR/two $DIR/foreign.pub 2>/dev/null");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint keys, end to end");
    TCase *tests = tcase_create("keys");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, rotated_under_load_and_over_restarts_the_first_key_leads_to_the_newest);
    tcase_add_test(tests, rotation_names_the_key_that_it_replaces);
    tcase_add_loop_test(tests, cut_off_at_each_step_it_is_finished_by_asking_again, 0,
                        sizeof STEPS / sizeof STEPS[0]);
    tcase_add_test(tests, older_ledger_is_the_older_one_and_rotates_to_the_same_key);
    tcase_add_test(tests, leaf_that_was_changed_signs_nothing);
    tcase_add_test(tests, backup_is_checked_by_the_first_key_over_rotations);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
