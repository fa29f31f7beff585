/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An export that somebody changed after it was signed, who has no key: what is said about each way,
 * and that no way is believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "judge.h"
#include "signed_grant.h"
#include "support/run.h"
#include "support/sizes.h"

#define DEVICES 600 /* two tiles of leaves and a part of one */
#define MIDDLE  300

static struct judge judge;
static struct maker *maker;

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    maker_station(maker, "st-1");
    signed_grant_product(maker, &(struct signed_grant){
                                    .kind = "policy", .product = "widget", .id = 1, .sequence = 1});
    signed_grant_add(
        maker,
        &(struct signed_grant){
            .kind = "install", .product = "widget", .id = 2, .units = DEVICES, .quota = DEVICES});
    maker_image(maker, "widget", 1);
    for (unsigned device = 1; device <= DEVICES; device++)
        maker_license(maker,
                      &(struct maker_license){
                          .product = "widget", .device = device, .image = 1, .install = device});
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}

static void tear_down(void)
{
    judge_clear(&judge);
}

static void change_leaf(void)
{
    maker_replace(maker, MIDDLE, "\"serial\":\"SN-", "\"serial\":\"XX-");
}

static void remove_leaf(void)
{
    maker_remove(maker, MIDDLE);
}

static void insert_leaf(void)
{
    char *copy = strdup(maker->leaves[MIDDLE]);
    maker_insert(maker, MIDDLE, copy);
    free(copy);
}

static void append_leaf(void)
{
    maker_leaf(maker, "stop", "", "");
}

static void reorder_leaves(void)
{
    maker_swap(maker, MIDDLE, MIDDLE + 1);
}

static void cut_tail(void)
{
    maker_remove(maker, maker->leaf_count - 1);
}

static void lower_account(void)
{
    maker_account(maker, "widget")->charged--;
}

static void raise_account(void)
{
    maker_account(maker, "widget")->charged++;
}

static void hide_account(void)
{
    maker->account_count = 0;
}

static void invent_account(void)
{
    maker_account(maker, "gadget")->accepted = 0;
}

static void alter_document(void)
{
    uint8_t *data = (uint8_t *)(uintptr_t)maker->documents[1].data;
    data[maker->documents[1].length - 1] ^= 1;
}

static void exchange_document(void)
{
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(
        maker,
        &(struct signed_grant){
            .kind = "install", .product = "widget", .id = 2, .units = 1, .quota = 1},
        digest);
    struct bytes last = maker->documents[--maker->document_count];
    free((void *)(uintptr_t)maker->documents[1].data);
    maker->documents[1] = last;
}

static void remove_document(void)
{
    free((void *)(uintptr_t)maker->documents[--maker->document_count].data);
}

/* Signed by a key of the tamperer's own, in the name of the journal. */
static void sign_with_other_key(void)
{
    struct signer own = maker->signer;
    signer_make(&maker->signer, "P-256");
    maker_seal(maker);
    signer_clear(&maker->signer);
    maker->signer = own;
}

static void change_size(void)
{
    char *at = strchr(maker->note, '\n') + 1;
    at[0] = at[0] == '9' ? '8' : at[0] + 1;
}

static void change_root(void)
{
    char *at = strchr(strchr(maker->note, '\n') + 1, '\n') + 1;
    at[0] = at[0] == 'A' ? 'B' : 'A';
}

static void spoil_note(void)
{
    maker->note[strlen(maker->note) - 1] = '\0';
}

static const struct {
    const char *what;
    const char *word;
    void (*act)(void);
    const char *also;
} WAYS[] = {
    {"leaf changed", "root", change_leaf, NULL},
    {"leaf removed", "leaves-missing", remove_leaf, "ledger-account"},
    {"leaf inserted", "leaves-inserted", insert_leaf, NULL},
    {"leaf appended", "leaves-appended", append_leaf, NULL},
    {"leaves reordered", "time-back", reorder_leaves, "root"},
    {"tail cut", "leaves-missing", cut_tail, "ledger-account"},
    {"account lowered", "ledger-account", lower_account, NULL},
    {"account raised", "ledger-account", raise_account, NULL},
    {"account hidden", "ledger-product", hide_account, NULL},
    {"account invented", "ledger-product", invent_account, NULL},
    {"document altered", "document-missing", alter_document, "document-without-leaf"},
    {"document exchanged", "document-missing", exchange_document, "document-without-leaf"},
    {"document removed", "document-missing", remove_document, NULL},
    {"other key", "checkpoint-other-key", sign_with_other_key, NULL},
    {"size changed", "checkpoint-forged", change_size, NULL},
    {"root changed", "checkpoint-forged", change_root, NULL},
    {"note spoilt", "checkpoint-malformed", spoil_note, NULL},
};

START_TEST(tampering_is_found_by_its_own_words)
{
    WAYS[_i].act();
    judge_run(&judge);
    ck_assert_msg(judge.error == ERR_OK, "%s: %s", WAYS[_i].what, judge.fault.reason);
    ck_assert_found(&judge, WAYS[_i].word);
    if (WAYS[_i].also != NULL)
        ck_assert_found(&judge, WAYS[_i].also);
}
END_TEST

START_TEST(file_of_another_journal_is_not_believed)
{
    struct signer other;
    signer_make(&other, "P-256");
    judge.request.key_pem = other.pem;
    judge_run(&judge);
    ck_assert_found(&judge, "checkpoint-other-key");
    ck_assert_found(&judge, "identity");
    ck_assert(!judge.report.is_signed);
    signer_clear(&other);
}
END_TEST

START_TEST(journal_of_another_site_is_not_believed)
{
    maker_replace(maker, 1, MAKER_SITE, "factory-8");
    judge_seal_and_run(&judge);
    ck_assert_found(&judge, "origin");
}
END_TEST

START_TEST(journal_without_an_identity_is_not_believed)
{
    maker_replace(maker, 1, "initialised", "initialized");
    judge_seal_and_run(&judge);
    ck_assert_found(&judge, "not-initialised");
}
END_TEST

START_TEST(what_cannot_be_known_is_not_claimed)
{
    change_leaf();
    judge_run(&judge);
    const struct audit_finding *finding = judge_find(&judge, "root");
    ck_assert_int_eq(finding->leaf, -1);
    ck_assert_ptr_nonnull(strstr(finding->text, "Which one cannot be known"));
}
END_TEST

/* Lines of the file that are gone or more without a word in the header. */
static void edit_file(const char *command)
{
    char *line = NULL;
    ck_assert_int_gt(asprintf(&line, "%s %s > %s.new && mv %s.new %s", command, judge.path,
                              judge.path, judge.path, judge.path),
                     0);
    ck_assert_int_eq(system(line), 0);
    free(line);
    judge.error = audit_verify(&judge.request, &judge.report, &judge.fault);
}

START_TEST(file_with_other_lines_than_it_says_is_refused)
{
    audit_report_clear(&judge.report);
    edit_file("sed 100d");
    ck_assert_int_eq(judge.error, ERR_BAD_REQUEST);
    ck_assert_str_eq(judge.fault.reason, "export-cut");
    judge_run(&judge);
    audit_report_clear(&judge.report);
    edit_file("sed 100p");
    ck_assert_str_eq(judge.fault.reason, "export-long");
    judge_run(&judge);
    audit_report_clear(&judge.report);
    edit_file("sed '2s/checkpoint/checkpoints/'");
    ck_assert_str_eq(judge.fault.reason, "export-header");
}
END_TEST

START_TEST(key_that_is_none_is_refused)
{
    audit_report_clear(&judge.report);
    judge.request.key_pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    judge_run(&judge);
    ck_assert_int_eq(judge.error, ERR_BAD_REQUEST);
    ck_assert_str_eq(judge.fault.reason, "key-malformed");
}
END_TEST

/* ---- every byte ---- */

static uint8_t *read_export(size_t *ret_length)
{
    FILE *file = fopen(judge.path, "re");
    ck_assert_ptr_nonnull(file);
    (void)fseek(file, 0, SEEK_END);
    *ret_length = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*ret_length);
    ck_assert_uint_eq(fread(data, 1, *ret_length, file), *ret_length);
    (void)fclose(file);
    return data;
}

static void write_export(const uint8_t *data, size_t length)
{
    FILE *file = fopen(judge.path, "we");
    ck_assert_uint_eq(fwrite(data, 1, length, file), length);
    (void)fclose(file);
}

/* What the header says beside checkpoint and accounts is no evidence: when it was made, which key
 * it came with. */
static bool is_evidence(const uint8_t *data, size_t at)
{
    const uint8_t *second = (const uint8_t *)strchr((const char *)data, '\n') + 1;
    const uint8_t *third = (const uint8_t *)strchr((const char *)second, '\n') + 1;
    return data + at >= third;
}

/* With many changed bytes of documents and leaves: each is found, and none brings us down. */
START_TEST(no_changed_byte_is_believed)
{
    size_t length = 0;
    uint8_t *data = read_export(&length);
    size_t changes = test_size("bytes of an export that are changed", 300, 20000);
    srand(7);
    for (size_t i = 0; i < changes; i++) {
        size_t at = (size_t)rand() % length;
        uint8_t old = data[at];
        data[at] ^= (uint8_t)(1U << (rand() % 8));
        write_export(data, length);
        audit_report_clear(&judge.report);
        judge.error = audit_verify(&judge.request, &judge.report, &judge.fault);
        ck_assert_msg(judge.error != ERR_OK || judge.report.finding_total > 0 ||
                          !is_evidence(data, at),
                      "byte %zu", at);
        data[at] = old;
    }
    free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tampering");
    TCase *all = tcase_create("tampering");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, tampering_is_found_by_its_own_words, 0,
                        (int)(sizeof WAYS / sizeof WAYS[0]));
    tcase_add_test(all, file_of_another_journal_is_not_believed);
    tcase_add_test(all, journal_of_another_site_is_not_believed);
    tcase_add_test(all, journal_without_an_identity_is_not_believed);
    tcase_add_test(all, what_cannot_be_known_is_not_claimed);
    tcase_add_test(all, file_with_other_lines_than_it_says_is_refused);
    tcase_add_test(all, key_that_is_none_is_refused);
    tcase_add_test(all, no_changed_byte_is_believed);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
