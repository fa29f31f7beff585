/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What an auditor types: journal verify and reconcile, the real program on exports made here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../audit/maker.h"
#include "../audit/signed_grant.h"
#include "provctl.h"
#include "suite.h"

#define NONCE "0123456789abcdef"

static struct temp_dir dir;
static struct maker maker;
static struct provctl run;
static char export_path[TEMP_PATH_MAX], key_path[TEMP_PATH_MAX], note_path[TEMP_PATH_MAX];
static char mes_path[TEMP_PATH_MAX], officers_path[TEMP_PATH_MAX];

/* A governed product of three units, of which device 1 took one, and an unclean start. */
static void set_up(void)
{
    temp_dir_make(&dir);
    maker_init(&maker, &dir);
    temp_dir_path(&dir, "export", export_path);
    temp_dir_path(&dir, "key.pem", key_path);
    temp_dir_path(&dir, "old.note", note_path);
    temp_dir_path(&dir, "mes.csv", mes_path);
    temp_dir_path(&dir, "officers.pem", officers_path);
    write_file(&dir, "key.pem", maker.signer.pem, strlen(maker.signer.pem));
    maker_station(&maker, "st-1");
    signed_grant_product(
        &maker,
        &(struct signed_grant){.kind = "policy", .product = "widget", .id = 1, .sequence = 1});
    signed_grant_add(&maker,
                     &(struct signed_grant){
                         .kind = "install", .product = "widget", .id = 2, .units = 3, .quota = 3});
    maker_image(&maker, "widget", 1);
    maker_leaf(&maker, "challenge", "\"by\":\"uid:0\",\"nonce\":\"" NONCE "\",", "");
    maker_leaf(&maker, "start", "\"clean\":false,", "");
    maker_seal(&maker);
    write_file(&dir, "old.note", maker.note, strlen(maker.note));
    maker_license(&maker,
                  &(struct maker_license){
                      .product = "widget", .device = 1, .image = 1, .install = 1, .lot = "L-7"});
    maker_outcome(&maker, 1, "succeeded", 1, "");
    *maker_account(&maker, "widget") = (struct export_account){.product = "widget",
                                                               .accepted = 3,
                                                               .granted = 3,
                                                               .charged = 1,
                                                               .remaining = 2,
                                                               .licensed = 1,
                                                               .succeeded = 1};
    maker_seal(&maker);
    maker_write(&maker, export_path);
}

static void tear_down(void)
{
    maker_clear(&maker);
    temp_dir_remove(&dir);
}

#define VERIFY(...) \
    PROVCTL(&dir, &run, "journal", "verify", export_path, "--key", key_path, __VA_ARGS__)
#define RECONCILE(...) PROVCTL(&dir, &run, "reconcile", export_path, "--mes", mes_path, __VA_ARGS__)

static void claim_printed(const char *words)
{
    ck_assert_msg(strstr(run.out, words) != NULL, "no \"%s\" in:\n%s", words, run.out);
}

static void claim_not_printed(const char *words)
{
    ck_assert_msg(strstr(run.out, words) == NULL, "\"%s\" in:\n%s", words, run.out);
}

static void claim_failed(int exit, const char *words)
{
    ck_assert_int_eq(run.exit, exit);
    ck_assert_msg(strstr(run.err, words) != NULL, "no \"%s\" in: %s", words, run.err);
}

/* One object on one line, and nothing else. */
static json_t *read_json(void)
{
    json_t *object = json_loads(run.out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(json_is_object(object), "%s", run.out);
    ck_assert_ptr_eq(strchr(run.out, '\n'), run.out + strlen(run.out) - 1);
    return object;
}

static json_int_t number_in(const json_t *object, const char *name)
{
    ck_assert(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void write_officers(void)
{
    FILE *file = fopen(officers_path, "we");
    for (unsigned i = 0; i < 3; i++)
        (void)fputs(signed_grant_officer_pem(&maker, i), file);
    (void)fclose(file);
}

/* ---- journal verify ---- */

START_TEST(journal_that_holds_is_said_to_hold_and_what_is_not_proven)
{
    VERIFY(NULL);
    ck_assert_msg(run.exit == 0, "%s%s", run.out, run.err);
    ck_assert_str_eq(run.err, "");
    claim_printed("The journal holds.");
    claim_printed(maker.hsm_hex);
    claim_printed("Not proven:");
    claim_printed("That this is the newest state");
    claim_printed("--authorities");
    claim_printed("vault.unanchored_max");
    claim_printed("widget");
}
END_TEST

START_TEST(what_the_auditor_holds_is_proven)
{
    write_officers();
    VERIFY("--challenge", NONCE, "--since", note_path, "--authorities", officers_path,
           "--threshold", "2");
    ck_assert_msg(run.exit == 0, "%s%s", run.out, run.err);
    claim_printed("The export was made after you gave your challenge.");
    claim_printed("was rewritten");
    claim_printed("made by the authorities that you named");
    claim_not_printed("newest state");
}
END_TEST

START_TEST(older_export_stands_for_its_checkpoint)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "older", path);
    ck_assert_int_eq(rename(export_path, path), 0);
    maker_leaf(&maker, "stop", "", "");
    maker_seal(&maker);
    maker_write(&maker, export_path);
    VERIFY("--since", path);
    ck_assert_msg(run.exit == 0, "%s%s", run.out, run.err);
    claim_printed("Nothing of the first 11 leaves");
    PROVCTL(&dir, &run, "journal", "verify", path, "--key", key_path, "--since", export_path);
    ck_assert_int_eq(run.exit, 1);
    claim_printed("since-cut");
}
END_TEST

START_TEST(other_authorities_are_found)
{
    write_officers();
    VERIFY("--authorities", officers_path, "--threshold", "1");
    claim_failed(1, "does not hold");
    claim_printed("other-authorities");
}
END_TEST

START_TEST(tampered_journal_fails_and_says_why_first)
{
    maker_replace(&maker, 9, "SN-1", "SN-2");
    maker_write(&maker, export_path);
    VERIFY(NULL);
    claim_failed(1, "does not hold; findings: 1");
    ck_assert_int_eq(strncmp(run.out, "THE JOURNAL DOES NOT HOLD", 25), 0);
    claim_printed("root");
    claim_printed("Nothing, while there are findings");
}
END_TEST

START_TEST(missing_challenge_fails)
{
    VERIFY("--challenge", "ffffffffffffffff");
    claim_failed(1, "does not hold");
    claim_printed("challenge-missing");
}
END_TEST

START_TEST(json_is_one_object_in_both_cases)
{
    VERIFY("--json", "--since", note_path);
    ck_assert_int_eq(run.exit, 0);
    json_t *object = read_json();
    ck_assert(json_is_true(json_object_get(object, "holds")));
    ck_assert(json_is_false(json_object_get(object, "newest_proven")));
    ck_assert_str_eq(json_string_value(json_object_get(object, "since")), "holds");
    ck_assert_int_eq(number_in(object, "unclean_starts"), 1);
    ck_assert_int_eq(number_in(object, "leaves"), 11);
    ck_assert_int_eq(number_in(json_array_get(json_object_get(object, "accounts"), 0), "charged"),
                     1);
    json_decref(object);
    maker_account(&maker, "widget")->charged = 2;
    maker_write(&maker, export_path);
    VERIFY("--json");
    ck_assert_int_eq(run.exit, 1);
    object = read_json();
    ck_assert(json_is_false(json_object_get(object, "holds")));
    ck_assert_int_eq(number_in(object, "finding_count"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(object, "findings"), 0), "finding")),
                     "ledger-account");
    json_decref(object);
}
END_TEST

START_TEST(receipts_may_be_many)
{
    static const char TWO[] = "[{\"license_id\":\"x\"},7]";
    write_file(&dir, "receipts", TWO, strlen(TWO));
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "receipts", path);
    VERIFY("--receipt", path);
    ck_assert_int_eq(run.exit, 1);
    claim_printed("Receipt number 1 is none");
    claim_printed("Receipt number 2 is none");
}
END_TEST

START_TEST(wrong_options_of_verify_are_refused)
{
    PROVCTL(&dir, &run, "journal", "verify", export_path);
    claim_failed(64, "--key");
    VERIFY("--challenge", "xyz");
    claim_failed(64, "--challenge wants");
    VERIFY("--challenge", "0011");
    claim_failed(64, "--challenge wants");
    VERIFY("--threshold", "2");
    claim_failed(64, "belong together");
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
    PROVCTL(&dir, &run, "journal", "verify", export_path, "--key", export_path);
    ck_assert_int_eq(run.exit, 1);
    PROVCTL(&dir, &run, "journal", "verify", key_path, "--key", key_path);
    claim_failed(1, "no exported journal");
    PROVCTL(&dir, &run, "journal", "verify", "/nowhere", "--key", key_path);
    claim_failed(1, "cannot be read");
    write_file(&dir, "private.pem", "-----BEGIN PRIVATE KEY-----\n", 28);
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "private.pem", path);
    PROVCTL(&dir, &run, "journal", "verify", export_path, "--key", path);
    claim_failed(1, "no public key");
}
END_TEST

/* Text of a hostile file never reaches the terminal as it is. */
START_TEST(texts_of_the_file_are_escaped)
{
    maker_replace(&maker, 9, "\"station\":\"st-1\"", "\"station\":\"st\x7f\"");
    maker_seal(&maker);
    maker_write(&maker, export_path);
    VERIFY(NULL);
    ck_assert_int_eq(run.exit, 1);
    claim_printed("station-refused");
    claim_printed("st\\x7f");
    ck_assert_ptr_null(strchr(run.out, '\x7f'));
}
END_TEST

/* ---- reconcile ---- */

static void ship(const char *csv)
{
    write_file(&dir, "mes.csv", csv, strlen(csv));
}

START_TEST(table_says_first_that_nothing_was_verified)
{
    ship("product,serial,shipped\nwidget,SN-1,2026-11-28\nwidget,grey,2026-11-28\n");
    RECONCILE(NULL);
    ck_assert_msg(run.exit == 0, "%s%s", run.out, run.err);
    ck_assert_int_eq(strncmp(run.out, "The export is believed here and was not verified", 48), 0);
    claim_printed("PRODUCT");
    claim_printed("never-licensed");
    claim_printed("grey");
    claim_printed("line 3 of the list");
}
END_TEST

START_TEST(nothing_is_flagged_when_all_fits)
{
    ship("product,serial,shipped\nwidget,SN-1,2026-11-28\n");
    RECONCILE(NULL);
    ck_assert_int_eq(run.exit, 0);
    claim_printed("Nothing is flagged.");
}
END_TEST

START_TEST(reconcile_json_is_one_object)
{
    ship("product,serial,shipped\nwidget,grey,2026-11-28\n");
    RECONCILE("--json");
    ck_assert_int_eq(run.exit, 0);
    json_t *object = read_json();
    ck_assert(json_is_false(json_object_get(object, "verified")));
    const json_t *rows = json_object_get(object, "rows");
    const json_t *flags = json_object_get(object, "flags");
    ck_assert_uint_eq(json_array_size(rows), 3);
    ck_assert_int_eq(number_in(json_array_get(rows, 2), "shipped"), 0);
    ck_assert_int_eq(number_in(json_array_get(rows, 1), "difference"), -1);
    ck_assert_uint_eq(json_array_size(flags), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(flags, 0), "flag")),
                     "never-licensed");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(flags, 1), "flag")),
                     "not-shipped");
    json_decref(object);
}
END_TEST

/* RFC 4180, and nothing that a spreadsheet would compute. */
START_TEST(csv_is_safe_and_of_one_width)
{
    ship("product,serial,lot,shipped\nwidget,\"=1+1,\"\"x\"\"\",-7,2026-11-28\n"
         "widget,@SUM,+1,2026-11-28\n");
    RECONCILE("--csv");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "was not verified"));
    claim_printed("record,product,lot,day,granted,");
    claim_printed("sum,widget,'-7,2026-11-28,0,0,0,0,0,0,0,0,1,-1,,,,\r\n");
    claim_printed("\"'=1+1,\"\"x\"\"\"");
    claim_printed(",'@SUM,");
    claim_printed("'+1,");
    size_t lines = 0;
    for (const char *at = run.out; (at = strchr(at, '\n')) != NULL; at++) {
        ck_assert_int_eq(at[-1], '\r');
        lines++;
    }
    ck_assert_uint_eq(lines, 1 + 4 + 3);
}
END_TEST

START_TEST(wrong_line_of_the_list_is_named)
{
    ship("product,serial,shipped\nwidget,SN-1,tomorrow\n");
    RECONCILE(NULL);
    claim_failed(1, "mes.csv, line 2: The day of shipping");
    ship("product,serial\nwidget,SN-1\n");
    RECONCILE("--json");
    claim_failed(1, "line 1: The header has no column shipped.");
    PROVCTL(&dir, &run, "reconcile", export_path, "--mes", "/nowhere");
    claim_failed(1, "/nowhere: The file cannot be read");
    ship("product,serial,shipped\n");
    PROVCTL(&dir, &run, "reconcile", mes_path, "--mes", mes_path);
    claim_failed(1, "no exported journal");
}
END_TEST

START_TEST(wrong_options_of_reconcile_are_refused)
{
    static const char *const SHIFTS[] = {"6-14", "24:00-06:00", "06:60-14:00", "06:00 14:00",
                                         "06:00-14:000"};
    ship("product,serial,shipped\n");
    for (size_t i = 0; i < sizeof SHIFTS / sizeof SHIFTS[0]; i++) {
        RECONCILE("--shift", SHIFTS[i]);
        claim_failed(64, "--shift wants");
    }
    RECONCILE("--json", "--csv");
    claim_failed(64, "not both");
    RECONCILE("--unreported-hours", "-1");
    claim_failed(64, "unreported-hours");
    PROVCTL(&dir, &run, "reconcile", export_path);
    claim_failed(64, "--mes");
    RECONCILE("--shift", "22:00-06:00", "--unreported-hours", "0", "--reissue-percent", "0");
    ck_assert_int_eq(run.exit, 0);
    claim_printed("outside-shift");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        journal_that_holds_is_said_to_hold_and_what_is_not_proven,
        what_the_auditor_holds_is_proven,
        older_export_stands_for_its_checkpoint,
        other_authorities_are_found,
        tampered_journal_fails_and_says_why_first,
        missing_challenge_fails,
        json_is_one_object_in_both_cases,
        receipts_may_be_many,
        wrong_options_of_verify_are_refused,
        files_that_are_none_are_refused,
        texts_of_the_file_are_escaped,
        table_says_first_that_nothing_was_verified,
        nothing_is_flagged_when_all_fits,
        reconcile_json_is_one_object,
        csv_is_safe_and_of_one_width,
        wrong_line_of_the_list_is_named,
        wrong_options_of_reconcile_are_refused,
        NULL,
    };
    return suite_run("auditor", set_up, tear_down, tests);
}
