/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The anchor in the HSM: a ledger that was put back from a copy, or changed, is noticed at the
 * start and serves reads only, until an override that is a leaf of the journal itself.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/run.h"

#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " __VA_ARGS__), 0)
#define SHELL(...) ck_assert_int_eq(rig_shell(&rig, __VA_ARGS__), 0)
#define WAIT_MS    20000

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 100, 20);
}

static void tear_down(void)
{
    rig_down(&rig);
}

static void ask(const char *product, const struct floor_device *device, long status)
{
    struct http_answer answer;
    http_license_of(&rig, product, device->pem, NULL, &answer);
    ck_assert_msg(answer.status == status, "%s: %ld %s", device->name, answer.status, answer.body);
    if (status == 503)
        ck_assert_str_eq(http_problem(&answer), "anchor-mismatch");
    http_answer_clear(&answer);
}

/* For a device that is made for it. */
static void license(const char *product, const char *name, long status)
{
    struct floor_device device;
    floor_device_make(&rig, name, NULL, &device);
    ask(product, &device, status);
}

static void stop_vault(int signal)
{
    rig_kill(&rig, RIG_VAULT, signal);
}

/* The ledger as it is on the disk, with its log folded in. */
static void copy_ledger(const char *name)
{
    SHELL("sqlite3 $RIG_LEDGER 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null && "
          "cp $RIG_LEDGER $DIR/%s",
          name);
}

static void put_back(const char *name)
{
    SHELL("rm -f $RIG_LEDGER-wal $RIG_LEDGER-shm && cp $DIR/%s $RIG_LEDGER", name);
}

static void start_vault(void)
{
    rig_start(&rig, RIG_VAULT, NULL);
}

/* Until status shows that word of the anchor. */
static void wait_for_anchor(const char *word)
{
    deadline_ms deadline = deadline_in(WAIT_MS);
    while (rig_shell(&rig,
                     ". $SOURCE/tests/e2e/maker.sh; test \"$(ctl status --json | jq -r .anchor)\" "
                     "= %s",
                     word) != 0) {
        if (deadline_left_ms(deadline) == 0)
            (void)rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; ctl status >&2; "
                                  "tail -n 4 $DIR/log/provision-vault.log >&2");
        ck_assert_msg(deadline_left_ms(deadline) > 0, "the anchor is not %s", word);
        (void)usleep(50000);
    }
}

/* What provctl status shows, as options of an override. */
#define HEADS                                                                               \
    "heads() { ctl status --json | jq -r '\"--anchor \" + .breach.anchor + \" --head \" + " \
    ".breach.head'; }; "

START_TEST(older_ledger_is_refused_and_goes_on_after_an_override)
{
    license("rig-gateway", "before", 201);
    stop_vault(SIGTERM);
    copy_ledger("copy.db");
    start_vault();
    rig_wait_ready(&rig);
    license("rig-gateway", "hidden", 201);
    license("rig-governed", "hidden-too", 201);
    stop_vault(SIGTERM);
    put_back("copy.db");
    start_vault();
    wait_for_anchor("mismatch");
    license("rig-gateway", "before", 503);
    license("rig-governed", "new", 503);
    /* Reading goes on. */
    MAKER(
        "usage_is rig-gateway charged 1 && ctl status > $DIR/said && grep -qi override $DIR/said");
    MAKER("rest GET /v1/journal/checkpoint | grep -q '200$'");
    /* Nobody overrides what he has not seen, and not without the maker. */
    MAKER("! ctl journal override --anchor 1:$(printf %%064d 1) --head 2:$(printf %%064d 2) "
          "2>/dev/null");
    MAKER(HEADS "! ctl journal override $(heads) >$DIR/said 2>&1 && grep -qi governed $DIR/said");
    MAKER(HEADS
          "new_document lie --kind override --anchor 1:$(printf %%064d 1) --head "
          "2:$(printf %%064d 2) && sign lie officer-1 officer-2 && refused lie other-heads && "
          "new_document more --kind install --units 5 && sign more officer-1 officer-2 && "
          "! apply more && "
          "new_document yes --kind override $(heads) && sign yes officer-1 && "
          "refused yes too-few-signers && sign yes officer-1 officer-3 && apply yes && "
          "ctl journal override $(heads) >/dev/null");
    wait_for_anchor("ok");
    license("rig-gateway", "after", 201);
    license("rig-governed", "after-too", 201);
    /* What was signed before the override does not count any more; what is signed after it does. */
    MAKER("refused more before-override && sleep 1 && grant fresh --kind install --units 5");
    /* The anchor goes on, too: a license that waits for it is served. */
    license("rig-governed", "after-the-grant", 201);
    MAKER("verified; grep -qi override $DIR/said");
    stop_vault(SIGTERM);
    start_vault();
    rig_wait_ready(&rig);
    wait_for_anchor("ok");
    rig_check_invariants(&rig);
}
END_TEST

START_TEST(override_that_was_signed_holds_over_a_restart)
{
    stop_vault(SIGTERM);
    copy_ledger("copy.db");
    start_vault();
    rig_wait_ready(&rig);
    license("rig-governed", "hidden", 201);
    stop_vault(SIGTERM);
    put_back("copy.db");
    start_vault();
    wait_for_anchor("mismatch");
    MAKER(HEADS "new_document yes --kind override $(heads) && sign yes officer-1 officer-2");
    stop_vault(SIGTERM);
    start_vault();
    wait_for_anchor("mismatch");
    MAKER("apply yes");
    stop_vault(SIGKILL);
    start_vault();
    wait_for_anchor("mismatch");
    MAKER(HEADS "ctl journal override $(heads) >/dev/null");
    wait_for_anchor("ok");
    license("rig-governed", "after", 201);
}
END_TEST

START_TEST(changed_leaf_is_noticed)
{
    license("rig-gateway", "one", 201);
    stop_vault(SIGTERM);
    SHELL("sqlite3 $RIG_LEDGER \"DROP TRIGGER tree_is_not_updated; UPDATE tree SET hash = "
          "randomblob(32) WHERE level = 0 AND idx = 3\"");
    start_vault();
    wait_for_anchor("mismatch");
    license("rig-gateway", "two", 503);
}
END_TEST

START_TEST(lost_anchor_is_noticed)
{
    stop_vault(SIGTERM);
    SHELL("export SOFTHSM2_CONF=$RIG_SOFTHSM2_CONF; pkcs11-tool --module $RIG_HSM_MODULE "
          "--token-label $RIG_TOKEN --login --pin \"$(cat $RIG_PIN_FILE)\" --delete-object "
          "--type data --label provisiond-anchor >/dev/null 2>&1");
    rig_kill(&rig, RIG_HSM, SIGTERM);
    rig_start(&rig, RIG_HSM, NULL);
    start_vault();
    wait_for_anchor("mismatch");
    license("rig-gateway", "two", 503);
}
END_TEST

/* Leaves that no anchor covers are few, and an unclean start is counted. */
START_TEST(unclean_start_goes_on_and_is_counted)
{
    struct floor_device device;
    floor_device_make(&rig, "one", NULL, &device);
    ask("rig-gateway", &device, 201);
    stop_vault(SIGKILL);
    start_vault();
    rig_wait_ready(&rig);
    ask("rig-gateway", &device, 200);
    license("rig-gateway", "two", 201);
    MAKER("verified && grep -qi 'unclean' $DIR/said && ctl journal export --out $DIR/export2 "
          ">/dev/null && test \"$($BIN/provctl journal verify $DIR/export2 --key "
          "$RIG_CHECKPOINT_KEY --json | jq .unclean_starts)\" = 1");
    rig_check_invariants(&rig);
}
END_TEST

START_TEST(orderly_stop_leaves_nothing_without_an_anchor)
{
    license("rig-gateway", "one", 201);
    int64_t before = rig_query(&rig, "SELECT count(*) FROM journal");
    stop_vault(SIGTERM);
    ck_assert_int_gt(rig_query(&rig, "SELECT count(*) FROM journal"), before);
    SHELL("sqlite3 $RIG_LEDGER 'SELECT CAST(entry AS TEXT) FROM journal ORDER BY idx DESC LIMIT 1' "
          "| grep -q '\"type\":\"stop\"'");
    ck_assert_int_eq(
        rig_query(&rig, "SELECT size - (SELECT count(*) FROM journal) FROM checkpoint"), 0);
    copy_ledger("copy.db");
    start_vault();
    rig_wait_ready(&rig);
    stop_vault(SIGTERM);
    /* Even the copy of a moment ago lacks leaves that the anchor covers. */
    put_back("copy.db");
    start_vault();
    wait_for_anchor("mismatch");
}
END_TEST

/* A copy of the ledger that another vault serves with the same HSM: one of the two must stop. */
START_TEST(second_vault_on_the_same_hsm_closes_the_first)
{
    license("rig-gateway", "one", 201);
    SHELL(
        "mkdir $DIR/second && sqlite3 $RIG_LEDGER \".backup $DIR/second/ledger.db\" && "
        "cp -r $DIR/vault/images $DIR/second/images && "
        "sed -e \"s|$RIG_LEDGER|$DIR/second/ledger.db|\" -e \"s|$RIG_VAULT_SOCKET|$DIR/second/s|\" "
        "-e \"s|$RIG_ADMIN_SOCKET|$DIR/second/a|\" -e \"s|$DIR/vault/images|$DIR/second/images|\" "
        "$RIG_CONFIG > $DIR/second.conf && "
        "$BIN/provision-vault --config $DIR/second.conf > $DIR/second.log 2>&1 & "
        "echo $! > $DIR/second.pid");
    SHELL("i=0; until [ \"$($BIN/provctl --config $DIR/second.conf status --json | jq -r "
          ".anchor)\" = "
          "ok ]; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.05; done 2>/dev/null");
    wait_for_anchor("anchor-taken");
    license("rig-gateway", "two", 503);
    license("rig-governed", "three", 503);
    SHELL("kill $(cat $DIR/second.pid)");
    stop_vault(SIGTERM);
    start_vault();
    wait_for_anchor("mismatch");
}
END_TEST

/* The row that says so is not enough, and neither is a product that the ledger has forgotten. */
START_TEST(override_that_is_no_leaf_is_no_override)
{
    stop_vault(SIGTERM);
    copy_ledger("copy.db");
    start_vault();
    rig_wait_ready(&rig);
    license("rig-gateway", "hidden", 201);
    stop_vault(SIGTERM);
    put_back("copy.db");
    start_vault();
    wait_for_anchor("mismatch");
    stop_vault(SIGTERM);
    SHELL("sqlite3 $RIG_LEDGER 'UPDATE breach SET is_overridden = 1'");
    start_vault();
    wait_for_anchor("mismatch");
    license("rig-gateway", "two", 503);
}
END_TEST

/* The HSM remembers a product that a restored ledger has forgotten: its maker is asked, too. */
START_TEST(product_that_the_ledger_forgot_needs_its_maker_as_well)
{
    stop_vault(SIGTERM);
    copy_ledger("copy.db");
    start_vault();
    rig_wait_ready(&rig);
    MAKER("new_document p --kind policy --sequence 1 --product other --profile cms --anchors "
          "$RIG_DEVICE_CA_CERT --authorities $RIG_AUTHORITIES --threshold 1 && sign p officer-1 && "
          "apply p && new_document units --product other --kind install --units 5 && "
          "sign units officer-1 && apply units");
    stop_vault(SIGTERM);
    put_back("copy.db");
    start_vault();
    wait_for_anchor("mismatch");
    MAKER(HEADS "new_document yes --kind override $(heads) && sign yes officer-1 officer-2 && "
                "apply yes && ! ctl journal override $(heads) >$DIR/said 2>&1 && "
                "grep -qi govern $DIR/said");
    MAKER(HEADS "apply p && ! ctl journal override $(heads) >$DIR/said 2>&1 && "
                "new_document agreed --product other --kind override $(heads) && "
                "sign agreed officer-1 && apply agreed && "
                "ctl journal override $(heads) >/dev/null");
    wait_for_anchor("ok");
    MAKER("refused units before-override && usage_is other granted 0 && verified");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        older_ledger_is_refused_and_goes_on_after_an_override,
        override_that_was_signed_holds_over_a_restart,
        changed_leaf_is_noticed,
        lost_anchor_is_noticed,
        unclean_start_goes_on_and_is_counted,
        orderly_stop_leaves_nothing_without_an_anchor,
        second_vault_on_the_same_hsm_closes_the_first,
        override_that_is_no_leaf_is_no_override,
        product_that_the_ledger_forgot_needs_its_maker_as_well,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "the anchor, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
