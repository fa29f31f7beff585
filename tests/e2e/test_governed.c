/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A governed product: its units and settings move by signed documents and by nothing else, whether
 * somebody administers the server or edits its database.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/pki.h"
#include "support/run.h"

/* A shell line with the maker's words, and the claim that it succeeds. */
#define MAKER(...) \
    ck_assert_int_eq(rig_shell(&rig, ". $SOURCE/tests/e2e/maker.sh; " __VA_ARGS__), 0)
/* A change of the database by hand, as its administrator can make it: constraints are no obstacle.
 */
#define EDIT(sql) ck_assert_int_eq(rig_shell(&rig, "sqlite3 $RIG_LEDGER \"%s\"", sql), 0)

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up_governed(&rig, 100, 20);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- licenses of the governed product ---- */

static long ask(const struct floor_device *device, struct http_answer *ret_answer)
{
    http_license_of(&rig, "rig-governed", device->pem, NULL, ret_answer);
    return ret_answer->status;
}

static void license(const char *name, long status)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, name, NULL, &device);
    ck_assert_msg(ask(&device, &answer) == status, "%s: %ld %s", name, answer.status, answer.body);
    http_answer_clear(&answer);
}

static void restart_vault(void)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
}

/* ---- documents ---- */

START_TEST(signed_units_count_once)
{
    MAKER("grant more --kind install --units 5 --lot L-1 && usage_is rig-governed granted 25 && "
          "refused more grant-used && usage_is rig-governed granted 25");
    license("one", 201);
    MAKER("usage_is rig-governed remaining 24 && verified --authorities $RIG_AUTHORITIES "
          "--threshold 2");
}
END_TEST

START_TEST(document_that_does_not_count_says_why_and_changes_nothing)
{
    MAKER("new_document a --kind install --units 5 && sign a officer-1 && "
          "refused a too-few-signers");
    MAKER("new_document b --kind install --units 5 && sign b -nocerts officer-1 officer-1 && "
          "refused b too-few-signers");
    MAKER("new_document c --kind install --units 5 --hsm $(printf %%064d 7) && "
          "sign c officer-1 officer-2 && refused c other-hsm");
    MAKER("new_document d --kind install --units 5 --site elsewhere && "
          "sign d officer-1 officer-2 && refused d other-site");
    MAKER("new_document e --kind install --units 5 --not-after 2020-01-01T00:00:00Z && "
          "sign e officer-1 officer-2 && refused e expired");
    MAKER("new_document f --kind install --units 5 --not-before 2999-01-01T00:00:00Z && "
          "sign f officer-1 officer-2 && refused f not-yet-valid");
    MAKER("new_document g --kind install --units 5 --product rig-gateway && "
          "sign g officer-1 officer-2 && refused g product-local");
    MAKER("new_document h --kind install --units 5 --product nobody && "
          "sign h officer-1 officer-2 && refused h product-unknown");
    MAKER("new_document i --kind install --units 5 && sign i officer-1 officer-2 && "
          "LC_ALL=C sed 's/\"units\": 5/\"units\": 9/' $RIG_MAKER_DIR/i.p7s > $DIR/i && "
          "cp $DIR/i $RIG_MAKER_DIR/i.p7s && refused i signature-invalid");
    MAKER("usage_is rig-governed granted 20");
}
END_TEST

/* A stranger's certificate, though with the name of an officer, is nobody. */
START_TEST(only_the_pinned_keys_sign)
{
    MAKER("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
          "'/O=Rig maker/CN=Officer 2' -keyout $RIG_MAKER_DIR/stranger.key "
          "-out $RIG_MAKER_DIR/stranger.pem 2>/dev/null && "
          "new_document a --kind install --units 5 && sign a officer-1 stranger && "
          "refused a too-few-signers && usage_is rig-governed granted 20");
}
END_TEST

START_TEST(documents_come_in_by_rest_and_make_no_product_there)
{
    MAKER("new_document a --kind install --units 7 && sign a officer-2 officer-3 && "
          "rest POST /v1/grants -H 'Content-Type: application/cms' "
          "--data-binary @$RIG_MAKER_DIR/a.p7s > $DIR/rest && grep -q '201$\\|200$' $DIR/rest && "
          "usage_is rig-governed granted 27 && "
          "rest POST /v1/grants -H 'Content-Type: application/cms' "
          "--data-binary @$RIG_MAKER_DIR/a.p7s > $DIR/rest && grep -q '409$' $DIR/rest");
    MAKER("new_document p --kind policy --sequence 1 --product other --profile cms --anchors "
          "$RIG_DEVICE_CA_CERT --authorities $RIG_AUTHORITIES --threshold 1 && "
          "sign p officer-1 && rest POST /v1/grants -H 'Content-Type: application/cms' "
          "--data-binary @$RIG_MAKER_DIR/p.p7s > $DIR/rest && grep -q '404$' $DIR/rest && "
          "apply p && usage_is other granted 0");
}
END_TEST

START_TEST(revocation_takes_what_is_left_and_no_more)
{
    license("one", 201);
    MAKER("grant r --kind revoke --units 5 && usage_is rig-governed remaining 14 && "
          "grant all --kind revoke --units 1000 && usage_is rig-governed remaining 0 && "
          "usage_is rig-governed charged 1 && usage_is rig-governed revoked 19");
    license("two", 409);
    MAKER("verified");
}
END_TEST

START_TEST(policy_changes_everything_and_is_judged_by_the_one_before)
{
    MAKER("settings=\"--kind policy --profile cms --anchors $RIG_DEVICE_CA_CERT\"; "
          "head -n $(grep -n END $RIG_AUTHORITIES | sed -n '2s/:.*//p') $RIG_AUTHORITIES "
          "> $DIR/two.pem; "
          "new_document p3 $settings --sequence 3 --authorities $DIR/two.pem --threshold 2 && "
          "sign p3 officer-1 officer-2 && refused p3 sequence && "
          "new_document p2 $settings --sequence 2 --policy per-license --attempts-max 3 "
          "--authorities $DIR/two.pem --threshold 1 && sign p2 officer-1 && "
          "refused p2 too-few-signers && sign p2 officer-1 officer-3 && apply p2 && "
          "refused p2 grant-used");
    /* One of the two is enough now, and the third officer is nobody. */
    MAKER("new_document a --kind install --units 1 && sign a officer-3 && "
          "refused a too-few-signers && sign a officer-2 && apply a && "
          "usage_is rig-governed granted 21 && usage_is rig-governed policy '\"per-license\"'");
    license("one", 201);
    restart_vault();
    license("two", 201);
    MAKER("verified --authorities $RIG_AUTHORITIES --threshold 2");
}
END_TEST

static void write_crl(const char *name, int64_t age_s)
{
    char path[TEMP_PATH_MAX + 32];
    struct pki *ca = pki_load(rig.device_ca_cert, rig.device_ca_key);
    char *crl = pki_crl(ca, NULL, time(NULL) - age_s, 0);
    (void)snprintf(path, sizeof path, "%s/%s", rig.dir, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(crl, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    free(crl);
    pki_free(ca);
}

/* The lists themselves are their CA's: whoever administers the server brings them. */
START_TEST(whether_lists_are_asked_for_is_the_maker_s_word)
{
    write_crl("new.crl", 60);
    write_crl("old.crl", 7200);
    license("one", 201);
    MAKER("grant asks --kind policy --sequence 2 --profile cms --anchors $RIG_DEVICE_CA_CERT "
          "--authorities $RIG_AUTHORITIES --threshold 2 --crl-hours-max 1");
    license("one", 422);
    license("two", 422);
    MAKER("! ctl product crls rig-governed --file $DIR/old.crl >/dev/null 2>&1");
    MAKER("ctl product crls rig-governed --file $DIR/new.crl >/dev/null");
    license("two", 201);
    restart_vault();
    license("three", 201);
    MAKER("verified --authorities $RIG_AUTHORITIES --threshold 2");
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    EDIT("UPDATE product SET options = '' WHERE name = 'rig-governed'");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    license("four", 503);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    MAKER("sqlite3 $RIG_LEDGER \"UPDATE product SET options = (SELECT "
          "json_extract(CAST(entry AS TEXT), '$.options') FROM journal WHERE CAST(entry AS TEXT) "
          "LIKE '%%crl_hours_max%%') WHERE name = 'rig-governed'\"");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    license("four", 201);
}
END_TEST

START_TEST(board_with_a_new_chip_is_bound_by_a_document)
{
    struct floor_device reworked;
    struct http_answer answer;
    license("board", 201);
    floor_device_make(&rig, "rework", &(struct floor_options){.serial = "board"}, &reworked);
    ck_assert_int_eq(ask(&reworked, &answer), 409);
    http_answer_clear(&answer);
    MAKER("key() { openssl x509 -in $DIR/$1.pem -noout -pubkey | openssl pkey -pubin -outform DER "
          "| sha256sum | cut -d' ' -f1; }; "
          "grant rebind --kind rebind --sequence 2 --serial board --old-key $(key board) "
          "--new-key $(key rework)");
    ck_assert_int_eq(ask(&reworked, &answer), 201);
    http_answer_clear(&answer);
    license("board", 409);
    MAKER("usage_is rig-governed charged 2 && verified");
}
END_TEST

START_TEST(scrapped_device_draws_one_unit_of_the_allowance)
{
    struct floor_device device;
    struct http_answer answer;
    struct http_answer outcome;
    MAKER("grant none --kind revoke --units 1000 && grant few --kind install --units 3");
    for (int i = 0; i < 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "dead-%d", i);
        floor_device_make(&rig, name, NULL, &device);
        ck_assert_int_eq(ask(&device, &answer), 201);
        http_outcome(&rig, http_text(&answer, "install_id"), "scrapped", &outcome);
        ck_assert_int_eq(outcome.status, 200);
        ck_assert_int_eq(http_number(&outcome, "scrap_drawn"), i < 2);
        http_answer_clear(&outcome);
        http_answer_clear(&answer);
    }
    MAKER("usage_is rig-governed scrap_drawn 2 && usage_is rig-governed remaining 2 && "
          "usage_is rig-governed scrapped 3 && usage_is rig-governed granted 5 && verified");
    license("dead-0", 409);
    license("live-0", 201);
}
END_TEST

/* A document is counted under the set that it was checked under, however many come at once. */
START_TEST(documents_that_race_a_change_of_authorities_leave_a_product_that_holds)
{
    MAKER("for i in 1 2 3 4 5 6; do new_document r$i --kind install --units 1 && "
          "sign r$i officer-1 officer-2 || exit 1; done; "
          "new_document p --kind policy --sequence 2 --profile cms --anchors $RIG_DEVICE_CA_CERT "
          "--authorities $RIG_MAKER_DIR/officer-3.pem --threshold 1 && "
          "sign p officer-1 officer-2 && "
          "for i in 1 2 3 p 4 5 6; do d=r$i; [ $i = p ] && d=p; "
          "rest POST /v1/grants -H 'Content-Type: application/cms' --data-binary "
          "@$RIG_MAKER_DIR/$d.p7s >/dev/null & done; wait; "
          "new_document after --kind install --units 1 && sign after officer-3 && apply after");
    restart_vault();
    license("one", 201);
    MAKER("verified");
}
END_TEST

/* ---- ways around ---- */

START_TEST(local_administration_changes_nothing_of_a_governed_product)
{
    MAKER("! ctl quota add rig-governed --units 5 >$DIR/said 2>&1 && grep -q governed $DIR/said");
    MAKER("! ctl quota add rig-governed --scrap --units 5 2>/dev/null");
    MAKER("! ctl device rebind rig-governed --serial x --old-key $(printf %%064d 1) "
          "--new-key $(printf %%064d 2) 2>/dev/null");
    MAKER("! ctl product create rig-governed --anchors $RIG_DEVICE_CA_CERT --quota 9 2>/dev/null");
    MAKER("usage_is rig-governed granted 20");
}
END_TEST

/* What somebody with the database's file can do while the vault is down. */
static const struct edit {
    const char *what;
    const char *sql;
} EDITS[] = {
    {"the quota", "UPDATE product SET accepted = 5000 WHERE name = 'rig-governed'"},
    {"the scrap allowance", "UPDATE product SET scrap_allowance = 500 WHERE name = 'rig-governed'"},
    {"drawn scrap units", "UPDATE product SET scrap_drawn = 2 WHERE name = 'rig-governed'"},
    {"the charging policy", "UPDATE product SET policy = 2 WHERE name = 'rig-governed'"},
    {"the anchors",
     "UPDATE anchors SET pem = (SELECT CAST(pem || x'0a' AS BLOB) FROM anchors LIMIT 1) WHERE "
     "product_id = (SELECT id FROM product WHERE name = 'rig-governed')"},
    {"the exposure flag", "UPDATE product SET allows_key_exposure = 1 WHERE name = 'rig-governed'"},
    {"the authorities",
     "UPDATE product SET authorities = zeroblob(32) WHERE name = 'rig-governed'"},
    {"governance itself", "UPDATE product SET is_governed = 0, authorities = x'' WHERE name = "
                          "'rig-governed'"},
    {"the count of charges", "DROP TRIGGER product_keeps_used; UPDATE product SET used = 0, "
                             "installs = 1 WHERE name = 'rig-governed'"},
    {"a revocation", "DROP TRIGGER document_is_not_deleted; DELETE FROM document WHERE kind = 3; "
                     "UPDATE product SET revoked = 0 WHERE name = 'rig-governed'"},
    {"what a revocation took",
     "DROP TRIGGER document_is_not_updated; UPDATE document SET taken = 0 WHERE kind = 3; "
     "UPDATE product SET revoked = 0 WHERE name = 'rig-governed'"},
    {"the firmware key of another product",
     "DROP TRIGGER product_key_is_the_newest; UPDATE product SET firmware_key = (SELECT "
     "firmware_key FROM product WHERE name = "
     "'rig-gateway') WHERE name = 'rig-governed'"},
};

START_TEST(edited_database_is_noticed_and_serves_the_product_to_nobody)
{
    const struct edit *edit = &EDITS[_i];
    struct floor_device device;
    struct http_answer answer;
    license("one", 201);
    MAKER("grant r --kind revoke --units 3");
    floor_device_make(&rig, "two", NULL, &device);
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    ck_assert_int_eq(rig_shell(&rig, "cp $RIG_LEDGER $DIR/before.db"), 0);
    EDIT(edit->sql);
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    ck_assert_msg(ask(&device, &answer) == 503 &&
                      strcmp(http_problem(&answer), "product-tampered") == 0,
                  "%s: %ld %s", edit->what, answer.status, answer.body);
    http_answer_clear(&answer);
    /* Other products are served as ever, and status and product show say which is not. */
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
    MAKER("ctl product show rig-governed > $DIR/said; grep -qi tampered $DIR/said");
    /* A second start does not make it true. */
    restart_vault();
    ck_assert_int_eq(ask(&device, &answer), 503);
    http_answer_clear(&answer);
}
END_TEST

static void tear_down_edited(void)
{
    rig_down(&rig);
}

/* A local product may not stand in for a governed one whose rows were taken away. */
START_TEST(name_of_a_governed_product_stays_taken_in_the_hsm)
{
    rig_kill(&rig, RIG_VAULT, SIGTERM);
    EDIT("PRAGMA foreign_keys = OFF; DROP TRIGGER document_is_not_deleted; DELETE FROM document; "
         "DELETE FROM image WHERE product_id = (SELECT id FROM product WHERE name = "
         "'rig-governed'); DELETE FROM anchors WHERE product_id = (SELECT id FROM product WHERE "
         "name = 'rig-governed'); DELETE FROM product WHERE name = 'rig-governed'");
    rig_start(&rig, RIG_VAULT, NULL);
    rig_wait_ready(&rig);
    MAKER("! ctl product create rig-governed --anchors $RIG_DEVICE_CA_CERT --quota 9 "
          ">$DIR/said 2>&1 && grep -qi HSM $DIR/said");
}
END_TEST

int main(void)
{
    SRunner *runner = NULL;
    Suite *suite = suite_create("governed products, end to end");
    TCase *documents = tcase_create("documents");
    TCase *edited = tcase_create("edited");
    tcase_add_checked_fixture(documents, set_up, tear_down);
    tcase_set_timeout(documents, 120);
    tcase_add_test(documents, signed_units_count_once);
    tcase_add_test(documents, document_that_does_not_count_says_why_and_changes_nothing);
    tcase_add_test(documents, only_the_pinned_keys_sign);
    tcase_add_test(documents, documents_come_in_by_rest_and_make_no_product_there);
    tcase_add_test(documents, revocation_takes_what_is_left_and_no_more);
    tcase_add_test(documents, policy_changes_everything_and_is_judged_by_the_one_before);
    tcase_add_test(documents,
                   documents_that_race_a_change_of_authorities_leave_a_product_that_holds);
    tcase_add_test(documents, whether_lists_are_asked_for_is_the_maker_s_word);
    tcase_add_test(documents, board_with_a_new_chip_is_bound_by_a_document);
    tcase_add_test(documents, scrapped_device_draws_one_unit_of_the_allowance);
    tcase_add_test(documents, local_administration_changes_nothing_of_a_governed_product);
    tcase_add_checked_fixture(edited, set_up, tear_down_edited);
    tcase_set_timeout(edited, 120);
    tcase_add_loop_test(edited, edited_database_is_noticed_and_serves_the_product_to_nobody, 0,
                        sizeof EDITS / sizeof EDITS[0]);
    tcase_add_test(edited, name_of_a_governed_product_stays_taken_in_the_hsm);
    suite_add_tcase(suite, documents);
    suite_add_tcase(suite, edited);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
