/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backup and restore with the real programs: whole or nothing, read by openssl and tar alone,
 * damaged ones refused, an older one caught by the HSM, and kill -9 at each step.
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
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " HELPERS __VA_ARGS__), 0)
#define WAIT_MS 20000

/* What the lines below have in common. */
#define HELPERS                                                                                  \
    "backup() { ctl backup --out \"$1\" --recipient $DIR/backup.pem; }; "                        \
    "restore_once() { $BIN/provctl restore --in \"$1\" --key $DIR/backup.key --cert "            \
    "$DIR/backup.pem --to \"$2\" --checkpoint-key $RIG_CHECKPOINT_KEY; }; "                      \
    "restore() { rm -rf \"$2.incomplete\"; restore_once \"$@\"; }; "                             \
    "after_cut() { if test -e $DIR/cut; then diff -r $DIR/whole $DIR/cut || exit 1; rm -r "      \
    "$DIR/cut; fi; if test -e $DIR/cut.incomplete; then ! restore_once $DIR/one $DIR/cut "       \
    "2>$DIR/said >&2 && test ! -e $DIR/cut && grep -q 'Remove it and repeat' $DIR/said || exit " \
    "1; fi; restore $DIR/one $DIR/cut >/dev/null && diff -r $DIR/whole $DIR/cut && rm -r "       \
    "$DIR/cut; }; "                                                                              \
    "await() { for i in $(seq 400); do eval \"$1\" && return; sleep 0.05; done; return 1; }; "   \
    "key_pair() { openssl req -x509 -newkey $2 -nodes -keyout $DIR/$1.key -out $DIR/$1.pem "     \
    "-subj /CN=$1 -days 9 >/dev/null 2>&1; }; "

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 1000, 20);
    MAKER("key_pair backup rsa:2048");
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
    http_answer_clear(&answer);
}

/* For a device that is made for it. */
static void license(const char *product, const char *name, long status)
{
    struct floor_device device;
    floor_device_make(&rig, name, NULL, &device);
    ask(product, &device, status);
}

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

START_TEST(backup_of_a_running_site_is_restored_whole)
{
    license("rig-gateway", "before", 201);
    MAKER("backup $DIR/site.backup && restore $DIR/site.backup $DIR/restored >$DIR/said && "
          "grep -q 'signature=checked' $DIR/said && grep -q 'provctl status' $DIR/said");
    /* The digest that is printed is the file's; a signature that nobody checks is said to be so. */
    MAKER("backup $DIR/second.backup >$DIR/said && grep -q 'missing=0 .*signed=yes' $DIR/said && "
          "grep -q sha256=$(sha256sum $DIR/second.backup | cut -c-64) $DIR/said && "
          "$BIN/provctl restore --in $DIR/second.backup --key $DIR/backup.key --cert "
          "$DIR/backup.pem --to $DIR/second | grep -q 'signature=not-checked'");
    license("rig-gateway", "after", 201);
    MAKER("cmp $RIG_CONFIG $DIR/restored/provisiond.conf && "
          "diff -r $DIR/vault/images $DIR/restored/images && "
          "test $(sqlite3 $DIR/restored/ledger.db 'SELECT count(*) FROM charge') = 1 && "
          "test $(sqlite3 $RIG_LEDGER 'SELECT count(*) FROM charge') = 2");
    /* Nothing of it stays beside the ledger or the backup. */
    MAKER("test ! -e $RIG_LEDGER.copy && test $(ls -A $DIR | grep -c site.backup) = 1");
    /* A folder with something in it is left alone, and so is a backup that is there. */
    MAKER("! restore $DIR/site.backup $DIR/restored 2>/dev/null && "
          "! ctl backup --out /nowhere/site.backup --recipient $DIR/backup.pem 2>/dev/null");
    rig_check_invariants(&rig);
}
END_TEST

START_TEST(openssl_and_tar_open_it_without_this_program)
{
    static const char *const KEYS[] = {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"};
    for (size_t i = 0; i < 2; i++) {
        MAKER("key_pair backup '%s'; "
              "rm -rf $DIR/parts $DIR/files $DIR/site.backup; backup $DIR/site.backup && "
              "mkdir $DIR/parts $DIR/files && tar -xf $DIR/site.backup -C $DIR/parts && "
              "for part in $DIR/parts/part-*.cms; do openssl cms -decrypt -inform DER -in $part "
              "-recip $DIR/backup.pem -inkey $DIR/backup.key || exit 1; done | "
              "tar -xf - -C $DIR/files",
              KEYS[i]);
        MAKER(
            "cd $DIR/files && jq -r '.files[] | .sha256 + \"  \" + .name' manifest.json | "
            "sha256sum -c --quiet && jq -j .note manifest.json | head -n 4 > body && "
            "jq -j .note manifest.json | sed -n '6s/.* //p' | base64 -d | tail -c +5 > signature "
            "&& openssl dgst -sha256 -verify $RIG_CHECKPOINT_KEY -signature signature body "
            ">/dev/null && for file in ledger.db provisiond.conf; do openssl dgst -sha256 -binary "
            "$file | base64; done > digests && tail -n 2 body | cmp - digests && test -f ledger.db "
            "&& diff -r images $DIR/vault/images && "
            "test \"$(sqlite3 ledger.db 'PRAGMA integrity_check')\" = ok");
    }
    /* Nothing secret is in it. */
    MAKER("! grep -rql 'PRIVATE KEY' $DIR/files && ! grep -rqFf $RIG_PIN_FILE $DIR/files/*.conf");
}
END_TEST

/* A part of more than one, so that parts can be mixed, left out and turned. */
static void make_large_backups(void)
{
    MAKER("head -c 20000000 /dev/urandom > $DIR/firmware && "
          "ctl image encrypt $DIR/firmware --product rig-gateway >/dev/null && "
          "backup $DIR/one && ctl quota add rig-gateway --units 1 >/dev/null && backup $DIR/two && "
          "for b in one two; do mkdir $DIR/$b.d && tar -xf $DIR/$b -C $DIR/$b.d; done && "
          "test $(ls $DIR/one.d | wc -l) -gt 2");
}

START_TEST(changed_backup_is_refused_and_leaves_nothing)
{
    make_large_backups();
    MAKER("bad() { tar -cf $DIR/bad --sort=name -C $DIR/bad.d .  && refuse $1; }; "
          "refuse() { restore $DIR/bad $DIR/out 2>$DIR/said && exit 1; test ! -e $DIR/out && "
          "test ! -e $DIR/out.incomplete && grep -q \"$1\" $DIR/said || { cat $DIR/said; exit 1; "
          "}; }; "
          "fresh() { rm -rf $DIR/bad.d; cp -r $DIR/one.d $DIR/bad.d; }; "
          "pack() { (cd $DIR/bad.d && tar -cf $DIR/bad $(ls)); }; "
          /* A control: packed again as it was, it is taken. */
          "fresh; pack; restore $DIR/bad $DIR/good >/dev/null || exit 1; "
          "printf X | dd of=$DIR/bad.d/part-00002.cms bs=1 seek=4000000 conv=notrunc status=none; "
          "pack; refuse damaged || exit 1; "
          "fresh; mv $DIR/bad.d/part-00001.cms $DIR/t; mv $DIR/bad.d/part-00002.cms "
          "$DIR/bad.d/part-00001.cms; mv $DIR/t $DIR/bad.d/part-00002.cms; pack; refuse backup || "
          "exit 1; "
          "fresh; rm $DIR/bad.d/$(ls $DIR/bad.d | tail -n 1); pack; refuse 'cut off' || exit 1; "
          "fresh; cp $DIR/two.d/part-00001.cms $DIR/bad.d/; pack; refuse backup || exit 1; "
          "head -c 9000000 $DIR/one > $DIR/bad; refuse backup || exit 1; "
          "head -c 100000 /dev/urandom > $DIR/bad; refuse 'no backup'");
}
END_TEST

START_TEST(another_key_does_not_open_it)
{
    MAKER("backup $DIR/one && mv $DIR/backup.key $DIR/old.key && key_pair other rsa:2048 && "
          "key_pair small rsa:1024; "
          "! $BIN/provctl restore --in $DIR/one --key $DIR/other.key --cert $DIR/other.pem --to "
          "$DIR/out 2>$DIR/said && grep -q 'another certificate' $DIR/said && "
          "! $BIN/provctl restore --in $DIR/one --key $DIR/other.key --cert $DIR/backup.pem --to "
          "$DIR/out 2>$DIR/said && grep -q 'belong together' $DIR/said && "
          "! ctl backup --out $DIR/two --recipient $DIR/small.pem 2>$DIR/said && grep -q 2048 "
          "$DIR/said && test ! -e $DIR/two && test ! -e $DIR/out && "
          /* A checkpoint of another HSM is seen, too. */
          "openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl pkey -pubout "
          "-out $DIR/foreign.pub && ! $BIN/provctl restore --in $DIR/one --key $DIR/old.key --cert "
          "$DIR/backup.pem --to $DIR/out --checkpoint-key $DIR/foreign.pub 2>/dev/null && "
          "test ! -e $DIR/out");
}
END_TEST

/*
 * Whoever has backup.pem opens a backup of his own (its key is his, too), changes it, and packs it
 * as the format says. The manifest is right about every file.
 */
#define FORGE                                                                                    \
    "unpack() { rm -rf $DIR/parts $DIR/forged; mkdir $DIR/parts $DIR/forged && "                 \
    "tar -xf $1 -C $DIR/parts && for part in $DIR/parts/part-*.cms; do openssl cms -decrypt "    \
    "-inform DER -in $part -recip $DIR/backup.pem -inkey $DIR/backup.key || exit 1; done | "     \
    "tar -xf - -C $DIR/forged; }; "                                                              \
    "describe() { (cd $DIR/forged && cp manifest.json old.json && for name in $(jq -r "          \
    "'.files[].name' old.json); do printf '%%s %%s %%s\\n' $name $(stat -c %%s $name) "          \
    "$(sha256sum $name | cut -c-64); done | jq -Rn --slurpfile old old.json '[inputs | "         \
    "split(\" \") | {name: .[0], size: (.[1] | tonumber), sha256: .[2]}] as $files | $old[0] | " \
    ".files = $files' > manifest.json && rm old.json); }; "                                      \
    "pack() { (cd $DIR/forged && tar -cf $DIR/inner $(jq -r '.files[].name' manifest.json) "     \
    "manifest.json) && rm -rf $DIR/parts && mkdir $DIR/parts && openssl cms -encrypt -binary "   \
    "-aes-256-gcm -outform DER -in $DIR/inner -out $DIR/parts/part-00001.cms -recip "            \
    "$DIR/backup.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 && "               \
    "tar -cf $1 -C $DIR/parts part-00001.cms; }; "                                               \
    "unchecked() { rm -rf $DIR/out; $BIN/provctl restore --in $1 --key $DIR/backup.key --cert "  \
    "$DIR/backup.pem --to $DIR/out >/dev/null; }; "                                              \
    "refused() { rm -rf $DIR/out; restore $1 $DIR/out >/dev/null 2>$DIR/said && exit 1; "        \
    "test ! -e $DIR/out && test ! -e $DIR/out.incomplete && grep -q \"$2\" $DIR/said || { "      \
    "cat $DIR/said >&2; exit 1; }; }; "

START_TEST(forgery_behind_the_journal_passes_without_the_key_and_is_refused_with_it)
{
    license("rig-gateway", "before", 201);
    /* Control: packed again as it was it is taken, so that it is the change that is refused. */
    MAKER(FORGE "backup $DIR/site && unpack $DIR/site && describe && pack $DIR/same && "
                "restore $DIR/same $DIR/again >/dev/null && "
                "sqlite3 $DIR/forged/ledger.db 'UPDATE product SET accepted = accepted + 999000; "
                "INSERT INTO principal (name, role, is_enabled, products, lines) VALUES "
                "('\\''eve'\\'', 1, 1, '\\'''\\'', '\\'''\\'')' && describe && "
                "pack $DIR/evil && unchecked $DIR/evil && refused $DIR/evil 'changed it'");
    /* The configuration and the time are bound as well, and another's signature is none. */
    MAKER(FORGE "unpack $DIR/site && echo '# more' >> $DIR/forged/provisiond.conf && describe && "
                "pack $DIR/evil && unchecked $DIR/evil && refused $DIR/evil 'changed it' && "
                "unpack $DIR/site && jq '.made = \"2031-01-01T00:00:00.000Z\"' "
                "$DIR/forged/manifest.json > $DIR/m && mv $DIR/m $DIR/forged/manifest.json && "
                "pack $DIR/evil && unchecked $DIR/evil && refused $DIR/evil 'changed it' && "
                "unpack $DIR/site && jq '.note |= sub(\"provisiond-backup/1 .\"; "
                "\"provisiond-backup/1 x\")' $DIR/forged/manifest.json > $DIR/m && "
                "mv $DIR/m $DIR/forged/manifest.json && pack $DIR/evil && refused $DIR/evil HSM");
}
END_TEST

START_TEST(a_checkpoint_is_no_signature_of_a_backup_and_a_backup_without_one_is_refused)
{
    MAKER(FORGE "backup $DIR/site && unpack $DIR/site && note=$(sqlite3 $DIR/forged/ledger.db "
                "'SELECT note FROM checkpoint'; echo .) && jq --arg note \"${note%%.}\" '.note = "
                "$note' $DIR/forged/manifest.json > $DIR/m && cp $DIR/m "
                "$DIR/forged/manifest.json && pack $DIR/evil && refused $DIR/evil 'is none' && "
                "jq 'del(.note, .missing)' $DIR/m > $DIR/forged/manifest.json && pack $DIR/old && "
                "unchecked $DIR/old && refused $DIR/old 'did not sign'");
}
END_TEST

START_TEST(backup_is_made_unsigned_while_the_hsm_is_away)
{
    rig_kill(&rig, RIG_HSM, SIGTERM);
    MAKER("backup $DIR/site >$DIR/said 2>$DIR/why; test $? = 14 && grep -q signed=no $DIR/said && "
          "grep -q 'did not sign' $DIR/why && ! restore $DIR/site $DIR/out 2>/dev/null && "
          "$BIN/provctl restore --in $DIR/site --key $DIR/backup.key --cert $DIR/backup.pem --to "
          "$DIR/out | grep -q signature=none");
}
END_TEST

START_TEST(bad_images_are_left_out_named_and_said_to_be_missing_at_restore)
{
    MAKER("head -c 70000 /dev/urandom > $DIR/firmware && for i in 1 2 3; do "
          "ctl image encrypt $DIR/firmware --product rig-gateway >/dev/null || exit 1; done; "
          "cd $DIR/vault/images && set -- $(ls) && cp -r . $DIR/good && printf X | dd of=$1 bs=1 "
          "seek=99 conv=notrunc status=none && rm $2 && truncate -s 10 $3 && "
          "{ backup $DIR/site >$DIR/said 2>$DIR/why; test $? = 14; } && "
          "grep -q \"images=$(($# - 3)) missing=3 .*signed=yes\" $DIR/said && for i in \"$1 is not "
          "in the backup: its stored file is damaged\" \"$2 .* is gone\" \"$3 .* is damaged\"; do "
          "grep -q \"images/$i\" $DIR/why || exit 1; done; "
          "restore $DIR/site $DIR/out >$DIR/said 2>$DIR/why; test $? = 14 && "
          "grep -q 'missing=3 .*signature=checked' $DIR/said && for i in $1 $2 $3; do "
          "grep -q \"images/$i was missing\" $DIR/why && test ! -e $DIR/out/images/$i || exit 1; "
          "done; test $(ls $DIR/out/images | wc -l) = $(($# - 3)) && "
          "ctl backup --out $DIR/json --recipient $DIR/backup.pem --json 2>/dev/null | jq -e "
          "--arg a sha256:$1 '.missing | length == 3 and index($a)' >/dev/null && "
          /* The remedy that it names works. */
          "cp $DIR/good/* . && backup $DIR/whole | grep -q missing=0");
    /* An image that is missing and not said to be is a damaged backup. */
    MAKER(FORGE "unpack $DIR/site && jq '.missing |= .[1:]' $DIR/forged/manifest.json > $DIR/m && "
                "mv $DIR/m $DIR/forged/manifest.json && pack $DIR/evil && "
                "refused $DIR/evil 'An image that the ledger names'");
}
END_TEST

/* The folder above belongs to another, who exchanges what is in it for a link to his own. */
static void exchange_at(const char *label)
{
    MAKER("rm -rf $DIR/out* $DIR/away $DIR/kept $DIR/control; mkdir -p $DIR/kept/images && "
          "echo precious | tee $DIR/kept/provisiond.conf > $DIR/kept/ledger.db && "
          "cp -r $DIR/kept $DIR/control && { PROVISIOND_CRASH_HOW=stop PROVISIOND_CRASH_AT=%s "
          "$BIN/provctl restore --in $DIR/site --key $DIR/backup.key --cert $DIR/backup.pem --to "
          "$DIR/out >$DIR/said 2>&1 & } && pid=$! && for i in $(seq 500); do "
          "case $(cut -d' ' -f3 /proc/$pid/stat) in T) break ;; esac; sleep 0.02; done; "
          "mv $DIR/out.incomplete $DIR/away && ln -s kept $DIR/out.incomplete && "
          "kill -CONT $pid && { wait $pid; test $? = 1; } && grep -q exchanged $DIR/said && "
          "diff -r $DIR/kept $DIR/control && test -z \"$(ls -A $DIR/away)\" && "
          "test -L $DIR/out.incomplete && test ! -e $DIR/out || { echo %s; cat $DIR/said; exit 1; "
          "} >&2",
          label, label);
}

START_TEST(folder_that_is_exchanged_for_a_link_is_noticed_and_the_linked_one_stays_as_it_is)
{
    static const char *const LABELS[] = {"restore.folder-made", "restore.file-written:1",
                                         "restore.file-written:2", "restore.before-name"};
    MAKER("backup $DIR/site >/dev/null");
    for (size_t i = 0; i < sizeof LABELS / sizeof LABELS[0]; i++)
        exchange_at(LABELS[i]);
    /* A link that is there before is no folder to put anything into. */
    MAKER("rm -rf $DIR/out*; ln -s kept $DIR/out; mkdir -p $DIR/empty; ln -s empty $DIR/hollow; "
          "! restore $DIR/site $DIR/out 2>/dev/null && ! restore $DIR/site $DIR/hollow "
          "2>/dev/null && diff -r $DIR/kept $DIR/control && test -z \"$(ls -A $DIR/empty)\"");
}
END_TEST

/* The ledger of the backup takes the place of the one that is lost. */
static void put_back(const char *restored)
{
    MAKER("rm -rf $RIG_LEDGER $RIG_LEDGER-wal $RIG_LEDGER-shm $DIR/vault/images && "
          "mv $DIR/%s/ledger.db $RIG_LEDGER && mv $DIR/%s/images $DIR/vault/images",
          restored, restored);
}

#define HEADS                                                                               \
    "heads() { ctl status --json | jq -r '\"--anchor \" + .breach.anchor + \" --head \" + " \
    ".breach.head'; }; "

START_TEST(older_backup_is_caught_by_the_hsm_and_goes_on_after_an_override)
{
    struct floor_device device;
    floor_device_make(&rig, "before", NULL, &device);
    ask("rig-gateway", &device, 201);
    MAKER("backup $DIR/site.backup");
    license("rig-gateway", "lost", 201);
    license("rig-governed", "lost-too", 201);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("restore $DIR/site.backup $DIR/restored >/dev/null");
    put_back("restored");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("mismatch");
    license("rig-gateway", "new", 503);
    MAKER(HEADS "! ctl journal override $(heads) 2>/dev/null && "
                "new_document yes --kind override $(heads) && sign yes officer-1 officer-3 && "
                "apply yes && ctl journal override $(heads) >/dev/null");
    wait_for_anchor("ok");
    ask("rig-gateway", &device, 200);
    license("rig-gateway", "after", 201);
    MAKER("verified; grep -qi override $DIR/said");
    rig_check_invariants(&rig);
}
END_TEST

/* ---- kill -9 ---- */

static void backup_cut_at(const char *label)
{
    MAKER("rm -f $DIR/crashed; PROVISIOND_CRASH_AT=%s backup $DIR/cut >/dev/null 2>&1; "
          "test $? = 137 || { echo \"%s was not reached\" >&2; exit 1; }; "
          "if test -e $DIR/cut; then restore $DIR/cut $DIR/of-cut >/dev/null || exit 1; fi; "
          "rm -rf $DIR/cut $DIR/of-cut",
          label, label);
}

static void restore_cut_at(const char *label)
{
    MAKER("PROVISIOND_CRASH_AT=%s restore $DIR/one $DIR/cut >/dev/null 2>&1; "
          "test $? = 137 || { echo \"%s was not reached\" >&2; exit 1; }; after_cut",
          label, label);
}

START_TEST(killed_backup_or_restore_leaves_all_or_nothing)
{
    static const char *const BACKUP[] = {"backup.part-written:1", "backup.before-name",
                                         "backup.after-name"};
    static const char *const RESTORE[] = {"restore.folder-made",    "restore.file-written:1",
                                          "restore.file-written:2", "restore.file-written:3",
                                          "restore.unpacked",       "restore.before-name",
                                          "restore.after-name"};
    MAKER("backup $DIR/one && restore $DIR/one $DIR/whole >/dev/null");
    for (size_t i = 0; i < sizeof BACKUP / sizeof BACKUP[0]; i++)
        backup_cut_at(BACKUP[i]);
    for (size_t i = 0; i < sizeof RESTORE / sizeof RESTORE[0]; i++)
        restore_cut_at(RESTORE[i]);
    license("rig-gateway", "after", 201);
    rig_check_invariants(&rig);
}
END_TEST

static void lose_vault_at(const char *label)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("rm -f $DIR/crashed");
    rig_start(&rig, RIG_VAULT, label);
    rig_wait_ready(&rig);
    MAKER("! backup $DIR/cut >/dev/null 2>&1 && test ! -e $DIR/cut");
    rig_wait_for_death(&rig, RIG_VAULT);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    MAKER("test ! -e $RIG_LEDGER.copy && backup $DIR/cut && rm $DIR/cut");
}

START_TEST(vault_that_dies_while_it_copies_its_ledger_goes_on)
{
    struct floor_device device;
    floor_device_make(&rig, "before", NULL, &device);
    ask("rig-gateway", &device, 201);
    lose_vault_at("ledger.copy-pages");
    lose_vault_at("ledger.copy-made");
    ask("rig-gateway", &device, 200);
    rig_check_invariants(&rig);
}
END_TEST

/* ---- a stop in the middle ---- */

/* Begins a backup of a vault that waits within its copy, after the first pages. */
static void hold_backup(void)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("rm -f $DIR/crashed");
    ck_assert_int_eq(setenv("PROVISIOND_CRASH_HOW", "wait", 1), 0);
    rig_start(&rig, RIG_VAULT, "ledger.copy-pages:2");
    (void)unsetenv("PROVISIOND_CRASH_HOW");
    rig_wait_ready(&rig);
    MAKER("{ backup $DIR/held >/dev/null 2>$DIR/said; echo $? >$DIR/ended; } & "
          "await 'test -e $DIR/crashed'");
}

START_TEST(backup_is_of_one_moment_whatever_is_counted_meanwhile)
{
    license("rig-gateway", "before", 201);
    hold_backup();
    license("rig-gateway", "meanwhile", 201);
    MAKER("rm $DIR/crashed; await 'test -s $DIR/ended' && cat $DIR/said && "
          "restore $DIR/held $DIR/restored >/dev/null && "
          "test $(sqlite3 $DIR/restored/ledger.db 'SELECT count(*) FROM charge') = 1 && "
          "test $(sqlite3 $RIG_LEDGER 'SELECT count(*) FROM charge') = 2");
    rig_check_invariants(&rig);
}
END_TEST

START_TEST(vault_that_is_told_to_stop_gives_its_copy_up_and_says_so)
{
    hold_backup();
    ck_assert_int_eq(kill(rig.pids[RIG_VAULT], SIGTERM), 0);
    MAKER("await \"tail -n 1 $DIR/log/provision-vault.log | grep -q '.event.:.stopping.'\" && "
          "sleep 0.5; rm $DIR/crashed; await 'test -s $DIR/ended' && "
          "test $(cat $DIR/ended) != 0 && grep -q 'is stopping.*no backup was made' $DIR/said || "
          "{ cat $DIR/said; exit 1; }");
    rig_wait_for_death(&rig, RIG_VAULT);
    MAKER("test ! -e $RIG_LEDGER.copy && test $(ls -A $DIR | grep -c held) = 0");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    MAKER("backup $DIR/held && restore $DIR/held $DIR/restored >/dev/null");
    rig_check_invariants(&rig);
}
END_TEST

/* At random moments, while licenses are issued. */
START_TEST(backups_killed_at_random_moments_leave_all_or_nothing)
{
    size_t cuts = test_size("random kills of backups", 10, 200);
    char name[32];
    for (size_t i = 0; i < cuts; i++) {
        MAKER("$BIN/provctl --config $RIG_CONFIG backup --out $DIR/cut --recipient "
              "$DIR/backup.pem >/dev/null 2>&1 & pid=$!; sleep 0.0$((%zu * 37 %% 100)); "
              "kill -9 $pid 2>/dev/null; wait $pid; if test -e $DIR/cut; then restore "
              "$DIR/cut $DIR/of-cut >/dev/null || exit 1; fi; rm -rf $DIR/cut $DIR/of-cut",
              i);
        (void)snprintf(name, sizeof name, "random-%zu", i);
        license("rig-gateway", name, 201);
    }
    rig_check_invariants(&rig);
}
END_TEST

/* Within the time that one takes. */
START_TEST(restores_killed_at_random_moments_leave_all_or_nothing)
{
    size_t cuts = test_size("random kills of restores", 10, 200);
    MAKER("backup $DIR/one && restore $DIR/one $DIR/whole >/dev/null");
    for (size_t i = 0; i < cuts; i++)
        MAKER("$BIN/provctl restore --in $DIR/one --key $DIR/backup.key --cert $DIR/backup.pem "
              "--to $DIR/cut >/dev/null 2>&1 & pid=$!; sleep 0.$(printf %%03d $((%zu * 7 %% 60))); "
              "kill -9 $pid 2>/dev/null; wait $pid; after_cut",
              i);
}
END_TEST

/* ---- a ledger that is put back, file by file ---- */

static void is_refused_with(const char *word)
{
    MAKER(
        "timeout 20 $BIN/provision-vault --config $RIG_CONFIG >$DIR/said 2>&1; s=$?; "
        "test $s != 0 && test $s != 124 && grep -q %s $DIR/said || { cat $DIR/said >&2; exit 1; }",
        word);
}

START_TEST(ledger_put_back_half_way_is_one_ledger_or_is_refused)
{
    struct floor_device device;
    floor_device_make(&rig, "before", NULL, &device);
    ask("rig-gateway", &device, 201);
    MAKER("backup $DIR/one && restore $DIR/one $DIR/restored >/dev/null");
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    MAKER("test -s $RIG_LEDGER-wal && mkdir $DIR/aside && mv $RIG_LEDGER $DIR/aside/");
    is_refused_with("log-without-ledger");
    MAKER("test -s $RIG_LEDGER-wal && mv $DIR/restored/ledger.db $RIG_LEDGER");
    is_refused_with("log-of-another");
    MAKER("mv $RIG_LEDGER-wal $DIR/aside/ && mv $DIR/vault/images $DIR/aside/");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("ok");
    MAKER("! $BIN/provctl image fetch --url $RIG_URL --ca $RIG_CA --cert $RIG_STATION_CERT --key "
          "$RIG_STATION_KEY --out $DIR/fetched ${RIG_IMAGE} >$DIR/said 2>&1 && "
          "grep -q 'from a backup' $DIR/said || { cat $DIR/said >&2; exit 1; }");
    rig_kill(&rig, RIG_VAULT, SIGKILL);
    MAKER("rm -rf $DIR/vault/images; mv $DIR/restored/images $DIR/vault/images");
    rig_start(&rig, RIG_VAULT, NULL);
    wait_for_anchor("ok");
    ask("rig-gateway", &device, 200);
    license("rig-gateway", "after", 201);
    rig_check_invariants(&rig);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        backup_of_a_running_site_is_restored_whole,
        openssl_and_tar_open_it_without_this_program,
        changed_backup_is_refused_and_leaves_nothing,
        another_key_does_not_open_it,
        forgery_behind_the_journal_passes_without_the_key_and_is_refused_with_it,
        a_checkpoint_is_no_signature_of_a_backup_and_a_backup_without_one_is_refused,
        backup_is_made_unsigned_while_the_hsm_is_away,
        bad_images_are_left_out_named_and_said_to_be_missing_at_restore,
        folder_that_is_exchanged_for_a_link_is_noticed_and_the_linked_one_stays_as_it_is,
        older_backup_is_caught_by_the_hsm_and_goes_on_after_an_override,
        killed_backup_or_restore_leaves_all_or_nothing,
        vault_that_dies_while_it_copies_its_ledger_goes_on,
        backup_is_of_one_moment_whatever_is_counted_meanwhile,
        vault_that_is_told_to_stop_gives_its_copy_up_and_says_so,
        backups_killed_at_random_moments_leave_all_or_nothing,
        restores_killed_at_random_moments_leave_all_or_nothing,
        ledger_put_back_half_way_is_one_ledger_or_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "backup, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
