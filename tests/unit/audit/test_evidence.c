/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an auditor holds against a journal that was properly signed: an older checkpoint, receipts,
 * his challenge. The rewriter here has the key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "journal/tree.h"
#include "judge.h"
#include "support/run.h"

#define DEVICES     40
#define FIRST       6 /* the first license's leaf */
#define NONCE       "0123456789abcdef"
#define NONCE_BYTES 8

static struct judge judge;
static struct maker *maker;
static char held[CHECKPOINT_NOTE_MAX]; /* a note that the auditor took home */
static char *receipt_text;
static struct bytes receipt;

static void license(unsigned device)
{
    maker_license(maker, &(struct maker_license){
                             .product = "widget", .device = device, .image = 1, .install = device});
}

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    maker_local_product(maker, "widget", 1000, "per-device");
    maker_station(maker, "st-1");
    maker_image(maker, "widget", 1);
    maker_leaf(maker, "challenge", "\"by\":\"uid:0\",\"nonce\":\"" NONCE "\",", "");
    ck_assert_uint_eq(maker->leaf_count, FIRST);
    for (unsigned device = 1; device <= DEVICES; device++)
        license(device);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}

static void tear_down(void)
{
    free(receipt_text);
    judge_clear(&judge);
}

/* The auditor keeps the checkpoint of today. */
static void hold(void)
{
    maker_seal(maker);
    memcpy(held, maker->note, sizeof held);
    judge.request.since = bytes_of(held, strlen(held));
}

static void grow(void)
{
    for (unsigned device = 100; device < 110; device++)
        license(device);
}

/* ---- an older checkpoint ---- */

START_TEST(journal_that_goes_on_from_a_checkpoint_holds)
{
    hold();
    grow();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.since, AUDIT_HOLDS);
    ck_assert_int_eq(judge.report.since_size, FIRST + DEVICES);
}
END_TEST

START_TEST(same_checkpoint_holds)
{
    hold();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(journal_that_was_rewritten_is_found)
{
    hold();
    maker_remove(maker, FIRST + 3);
    grow();
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-rewritten");
    ck_assert_int_eq(judge.report.since, AUDIT_FAILS);
}
END_TEST

START_TEST(journal_that_was_cut_is_found)
{
    grow();
    hold();
    for (unsigned i = 0; i < 10; i++)
        maker_remove(maker, maker->leaf_count - 1);
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-cut");
    ck_assert_ptr_nonnull(strstr(judge_find(&judge, "since-cut")->text, "cut below"));
}
END_TEST

START_TEST(checkpoint_of_another_key_proves_nothing)
{
    struct signer own = maker->signer;
    signer_make(&maker->signer, "P-256");
    hold();
    signer_clear(&maker->signer);
    maker->signer = own;
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-other-key");
}
END_TEST

START_TEST(forged_checkpoint_proves_nothing)
{
    hold();
    char *at = strchr(held, '\n') + 1;
    at[0] = at[0] == '9' ? '8' : at[0] + 1;
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-forged");
    judge.request.since = bytes_of("nothing\n", 8);
    judge_run(&judge);
    ck_assert_found_only(&judge, "since-malformed");
}
END_TEST

START_TEST(checkpoint_of_another_journal_is_told)
{
    struct checkpoint other = {.origin = "other/provisiond/0123456789abcdef", .size = 1};
    (void)signer_note(&maker->signer, &other, held);
    judge.request.since = bytes_of(held, strlen(held));
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-other-log");
}
END_TEST

/* What is below a checkpoint that still holds cannot be what was changed. */
START_TEST(change_is_told_to_lie_above_what_is_held)
{
    hold();
    grow();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    maker_replace(maker, FIRST + DEVICES + 2, "\"serial\":\"SN-", "\"serial\":\"XX-");
    judge_run(&judge);
    ck_assert_found_only(&judge, "root");
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "it is leaf %d or a later one", FIRST + DEVICES);
    ck_assert_ptr_nonnull(strstr(judge_find(&judge, "root")->text, wanted));
}
END_TEST

/* ---- the challenge ---- */

static void ask(const char *hex)
{
    static uint8_t nonce[NONCE_BYTES];
    ck_assert(hex_decode(hex, nonce, NONCE_BYTES));
    judge.request.challenge = bytes_of(nonce, NONCE_BYTES);
    judge_run(&judge);
}

START_TEST(challenge_is_found_in_its_leaf)
{
    ck_assert_int_eq(judge.report.challenge, AUDIT_NOT_ASKED);
    ask(NONCE);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.challenge, AUDIT_HOLDS);
    ck_assert_int_eq(judge.report.challenge_leaf, FIRST - 1);
}
END_TEST

START_TEST(older_journal_has_no_leaf_of_the_challenge)
{
    ask("0123456789abcdee");
    ck_assert_found_only(&judge, "challenge-missing");
    ck_assert_int_eq(judge.report.challenge, AUDIT_FAILS);
}
END_TEST

START_TEST(challenge_that_is_none_is_refused)
{
    audit_report_clear(&judge.report);
    judge.request.challenge = bytes_of("1234567", 7);
    judge_run(&judge);
    ck_assert_int_eq(judge.error, ERR_BAD_REQUEST);
    ck_assert_str_eq(judge.fault.reason, "challenge");
}
END_TEST

/* ---- receipts ---- */

static enum error read_hashes(void *context, unsigned level, int64_t first, size_t count,
                              struct sha256 *out, struct fault *fault)
{
    (void)context;
    (void)fault;
    ck_assert_uint_eq(level, 0);
    for (size_t i = 0; i < count; i++) {
        const char *leaf = maker->leaves[first + (int64_t)i];
        out[i] = tree_leaf_hash(bytes_of(leaf, strlen(leaf)));
    }
    return ERR_OK;
}

static json_t *proof_json(int64_t index)
{
    const struct tree_source source = {.read = read_hashes};
    struct tree_proof proof;
    json_t *array = json_array();
    ck_assert_int_eq(
        tree_inclusion(&source, index, (int64_t)maker->leaf_count, &proof, &judge.fault), ERR_OK);
    for (size_t i = 0; i < proof.count; i++) {
        char *text = NULL;
        ck_assert_int_eq(base64_encode(bytes_of(proof.hashes[i].bytes, SHA256_SIZE), &text),
                         ERR_OK);
        json_array_append_new(array, json_string(text));
        free(text);
    }
    return array;
}

/* What the service answers about the leaf of that index now. */
static void take_receipt(int64_t index, const char *leaf)
{
    maker_seal(maker);
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:o, s:s}", "license_id", "lic-1", "leaf", leaf, "index",
                  (json_int_t)index, "tree_size", (json_int_t)maker->leaf_count, "proof",
                  proof_json(index), "checkpoint", maker->note);
    free(receipt_text);
    receipt_text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    receipt = bytes_of(receipt_text, strlen(receipt_text));
    judge.request.receipts = &receipt;
    judge.request.receipt_count = 1;
}

START_TEST(receipt_holds_when_its_leaf_is_there)
{
    take_receipt(FIRST + 3, maker->leaves[FIRST + 3]);
    grow();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.receipts, AUDIT_HOLDS);
}
END_TEST

START_TEST(receipt_of_a_license_that_was_taken_out_is_found)
{
    take_receipt(FIRST + 3, maker->leaves[FIRST + 3]);
    maker_remove(maker, FIRST + 3);
    grow();
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "receipt-rewritten");
    ck_assert_found(&judge, "receipt-leaf");
    ck_assert_int_eq(judge.report.receipts, AUDIT_FAILS);
}
END_TEST

START_TEST(receipt_of_a_license_that_was_cut_off_is_found)
{
    take_receipt(FIRST + DEVICES - 1, maker->leaves[FIRST + DEVICES - 1]);
    maker_remove(maker, FIRST + DEVICES - 1);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "receipt-cut");
    ck_assert_found(&judge, "receipt-leaf-cut");
}
END_TEST

START_TEST(altered_receipt_proves_nothing)
{
    take_receipt(FIRST + 3, maker->leaves[FIRST + 4]);
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "receipt-proof");
    take_receipt(FIRST + 3, maker->leaves[FIRST + 3]);
    char *size = strstr(receipt_text, "\"tree_size\":") + strlen("\"tree_size\":");
    size[0]++;
    judge_run(&judge);
    ck_assert_found_only(&judge, "receipt-proof");
    receipt = bytes_of("{}", 2);
    judge_run(&judge);
    ck_assert_found_only(&judge, "receipt-malformed");
}
END_TEST

START_TEST(receipt_of_another_key_proves_nothing)
{
    struct signer own = maker->signer;
    signer_make(&maker->signer, "P-256");
    take_receipt(FIRST, maker->leaves[FIRST]);
    signer_clear(&maker->signer);
    maker->signer = own;
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "receipt-other-key");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        journal_that_goes_on_from_a_checkpoint_holds,
        same_checkpoint_holds,
        journal_that_was_rewritten_is_found,
        journal_that_was_cut_is_found,
        checkpoint_of_another_key_proves_nothing,
        forged_checkpoint_proves_nothing,
        checkpoint_of_another_journal_is_told,
        change_is_told_to_lie_above_what_is_held,
        challenge_is_found_in_its_leaf,
        older_journal_has_no_leaf_of_the_challenge,
        challenge_that_is_none_is_refused,
        receipt_holds_when_its_leaf_is_there,
        receipt_of_a_license_that_was_taken_out_is_found,
        receipt_of_a_license_that_was_cut_off_is_found,
        altered_receipt_proves_nothing,
        receipt_of_another_key_proves_nothing,
        NULL,
    };
    return run_suite(&(struct run_case){"evidence", set_up, tear_down, 60, tests});
}
