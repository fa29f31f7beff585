/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A journal whose checkpoint key was rotated, and one that has ended: followed from any of its
 * keys, and not believed where a key signs that must not. The liar here has every old key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>

#include "journal/key_chain.h"
#include "judge.h"

#define KEYS 4

static struct judge judge;
static struct maker *maker;
static struct signer keys[KEYS]; /* by generation; the first one's is [0] */
static char held[CHECKPOINT_NOTE_MAX];

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    keys[0] = maker->signer;
    for (size_t i = 1; i < KEYS; i++)
        signer_make(&keys[i], "P-256");
    judge.request.key_pem = keys[0].pem;
    maker_local_product(maker, "widget", 1000, "per-device");
    maker_station(maker, "st-1");
    maker_image(maker, "widget", 1);
}

static void tear_down(void)
{
    maker->signer = keys[0]; /* the judge clears that one */
    for (size_t i = 1; i < KEYS; i++)
        signer_clear(&keys[i]);
    judge_clear(&judge);
}

static void license(unsigned device)
{
    maker_license(maker, &(struct maker_license){
                             .product = "widget", .device = device, .image = 1, .install = device});
}

/* ---- rotations ---- */

struct link {
    int64_t generation; /* of the new key */
    const struct signer *old_key;
    const struct signer *new_key;
    const struct signer *signs; /* NULL: old_key */
    const char *origin;         /* NULL: the journal's */
};

static const char *base64(struct bytes data, char out[1024])
{
    EVP_EncodeBlock((unsigned char *)out, data.data, (int)data.length);
    return out;
}

static size_t add_link(const struct link *link)
{
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    char body[CHECKPOINT_BODY_MAX];
    char old_hex[SHA256_HEX_SIZE];
    char new_key[1024];
    char text[1024];
    uint8_t signature[CHECKPOINT_DER_MAX];
    checkpoint_origin(MAKER_SITE, &maker->hsm, origin);
    const struct key_statement statement = {.origin = link->origin != NULL ? link->origin : origin,
                                            .generation = link->generation,
                                            .old_key = sha256_of(signer_spki(link->old_key)),
                                            .new_key = sha256_of(signer_spki(link->new_key))};
    size_t length = key_statement_body(&statement, body);
    length = signer_sign(link->signs != NULL ? link->signs : link->old_key, bytes_of(body, length),
                         signature);
    hex_encode(bytes_of(statement.old_key.bytes, SHA256_SIZE), old_hex);
    return maker_leaf(
        maker, "checkpoint-key-rotated",
        MAKER_FORMAT("\"by\":\"uid:0\",\"generation\":%lld,\"new\":\"%s\",\"old\":\"%s\","
                     "\"signature\":\"%s\",",
                     (long long)link->generation, base64(signer_spki(link->new_key), new_key),
                     old_hex, base64(bytes_of(signature, length), text)),
        "");
}

/* To that generation, as the service does it: the new key signs from then on. */
static size_t rotate(size_t generation)
{
    const struct link link = {.generation = (int64_t)generation,
                              .old_key = &keys[generation - 2],
                              .new_key = &keys[generation - 1]};
    size_t leaf = add_link(&link);
    maker->signer = keys[generation - 1];
    return leaf;
}

static void give(size_t generation)
{
    judge.request.key_pem = keys[generation - 1].pem;
}

/* The auditor keeps the head of now. */
static void hold(void)
{
    maker_seal(maker);
    memcpy(held, maker->note, sizeof held);
    judge.request.since = bytes_of(held, strlen(held));
}

static void rotate_twice(void)
{
    license(1);
    (void)rotate(2);
    license(2);
    (void)rotate(3);
    license(3);
}

START_TEST(every_key_of_a_rotated_journal_leads_to_the_newest)
{
    rotate_twice();
    give((size_t)_i);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert(judge.report.is_signed);
    ck_assert_uint_eq(judge.report.keys.count, 3);
    ck_assert_int_eq(judge.report.key_given, _i);
    const struct sha256 newest = sha256_of(signer_spki(&keys[2]));
    ck_assert(sha256_equal(&key_chain_newest(&judge.report.keys)->digest, &newest));
}
END_TEST

START_TEST(head_right_at_a_rotation_is_the_new_keys_and_the_one_before_it_the_old_ones)
{
    license(1);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    (void)rotate(2);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    maker->signer = keys[0]; /* the same head by the old key */
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "checkpoint-retired-key");
}
END_TEST

START_TEST(old_head_of_an_old_key_is_taken_as_evidence)
{
    license(1);
    hold();
    (void)rotate(2);
    license(2);
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.since, AUDIT_HOLDS);
}
END_TEST

START_TEST(old_head_cannot_be_checked_without_its_key)
{
    license(1);
    hold();
    (void)rotate(2);
    give(2);
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-other-key");
}
END_TEST

START_TEST(retired_key_signs_no_newer_head)
{
    license(1);
    (void)rotate(2);
    license(2);
    maker->signer = keys[0]; /* somebody stole it */
    hold();
    maker->signer = keys[1];
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-retired-key");
    judge.request.since = bytes_of(NULL, 0);
    maker->signer = keys[0];
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "checkpoint-retired-key");
    ck_assert(!judge.report.is_signed);
}
END_TEST

START_TEST(later_key_signs_no_older_head)
{
    license(1);
    maker->signer = keys[1];
    hold();
    (void)rotate(2);
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "since-retired-key");
}
END_TEST

/* ---- lies ---- */

static void assert_not_followed(const char *word)
{
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, word);
    /* The key of the lie signed the head, and does not count. */
    ck_assert_found(&judge, "checkpoint-other-key");
    ck_assert_uint_eq(judge.report.keys.count, 1);
}

START_TEST(statement_that_the_old_key_did_not_sign_is_not_followed)
{
    (void)add_link(&(struct link){
        .generation = 2, .old_key = &keys[0], .new_key = &keys[1], .signs = &keys[1]});
    maker->signer = keys[1];
    assert_not_followed("rotation-forged");
}
END_TEST

START_TEST(statement_of_another_journal_is_not_followed)
{
    (void)add_link(&(struct link){.generation = 2,
                                  .old_key = &keys[0],
                                  .new_key = &keys[1],
                                  .origin = "other/provisiond/5f0cb3e1a7d9c2b4"});
    maker->signer = keys[1];
    assert_not_followed("rotation-forged");
}
END_TEST

START_TEST(generation_that_was_skipped_is_not_followed)
{
    (void)add_link(&(struct link){.generation = 3, .old_key = &keys[0], .new_key = &keys[1]});
    maker->signer = keys[1];
    assert_not_followed("rotation-generation");
}
END_TEST

START_TEST(rotation_that_was_taken_out_is_missed)
{
    size_t leaf = rotate(2);
    (void)rotate(3);
    maker_remove(maker, leaf);
    assert_not_followed("rotation-old-key");
}
END_TEST

START_TEST(key_that_comes_twice_is_not_followed)
{
    (void)rotate(2);
    (void)add_link(&(struct link){.generation = 3, .old_key = &keys[1], .new_key = &keys[0]});
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "rotation-key-twice");
}
END_TEST

START_TEST(rotation_that_is_there_twice_is_found)
{
    size_t leaf = rotate(2);
    maker_raw(maker, maker->leaves[leaf]);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "rotation-old-key");
}
END_TEST

START_TEST(second_successor_of_one_key_is_not_followed)
{
    (void)rotate(2);
    (void)add_link(&(struct link){.generation = 2, .old_key = &keys[0], .new_key = &keys[2]});
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "rotation-old-key");
}
END_TEST

START_TEST(key_that_is_none_is_not_followed)
{
    static const char *const TYPES[] = {"P-384", "ED25519"};
    struct signer other;
    signer_make(&other, TYPES[_i]);
    (void)add_link(&(struct link){.generation = 2, .old_key = &keys[0], .new_key = &other});
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "rotation-key");
    signer_clear(&other);
}
END_TEST

START_TEST(strangers_leaf_makes_his_key_no_key_of_the_journal)
{
    (void)rotate(2);
    give(4);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "identity");
    ck_assert_found(&judge, "checkpoint-other-key");
    ck_assert(!judge.report.is_signed);
}
END_TEST

/* No byte of the leaf can be another without being noticed, whatever the head says. */
START_TEST(changed_rotation_is_noticed)
{
    size_t leaf = rotate(2);
    char *text = strdup(maker->leaves[leaf]);
    const char *at = strstr(text, "\"generation\"");
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    for (size_t i = (size_t)(at - text); i < strlen(text); i += 3) {
        maker->leaves[leaf][i] = text[i] == '1' ? '2' : '1';
        bool is_other = maker->leaves[leaf][i] != text[i];
        judge_seal_and_run(&judge);
        ck_assert_int_eq(judge.error, ERR_OK);
        /* The time alone can move without a rule being broken; the signed head has it. */
        bool is_time = strstr(text, "\"time\"") < text + i;
        ck_assert_msg(!is_other || is_time || judge.report.finding_total > 0, "byte %zu", i);
        maker->leaves[leaf][i] = text[i];
    }
    free(text);
}
END_TEST

START_TEST(as_many_keys_as_an_hsm_has_are_followed_and_no_more)
{
    static struct signer many[KEY_CHAIN_MAX];
    const struct signer *old_key = &keys[0];
    for (size_t i = 0; i < KEY_CHAIN_MAX; i++) {
        signer_make(&many[i], "P-256");
        (void)add_link(
            &(struct link){.generation = (int64_t)i + 2, .old_key = old_key, .new_key = &many[i]});
        maker->signer = many[i < KEY_CHAIN_MAX - 1 ? i : i - 1];
        old_key = &many[i];
        judge_settle_and_run(&judge);
        if (i < KEY_CHAIN_MAX - 1)
            ck_assert_holds(&judge);
    }
    ck_assert_found_only(&judge, "rotation-many");
    for (size_t i = 0; i < KEY_CHAIN_MAX; i++)
        signer_clear(&many[i]);
}
END_TEST

/* ---- the end ---- */

START_TEST(journal_that_ended_holds_and_names_its_successor)
{
    char digest[SHA256_HEX_SIZE];
    license(1);
    maker_leaf(maker, "retired", "\"by\":\"uid:0\",", "");
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert(judge.report.is_retired);
    ck_assert(!judge.report.has_successor);
    maker_remove(maker, maker->leaf_count - 1);
    maker_leaf(
        maker, "retired",
        MAKER_FORMAT("\"by\":\"uid:0\",\"successor\":\"%s\",", maker_digest("hsm", 2, digest)), "");
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert(judge.report.has_successor);
}
END_TEST

START_TEST(nothing_comes_after_the_end)
{
    static const char *const TYPES[] = {"retired", "stop", "of-a-later-version"};
    license(1);
    maker_leaf(maker, "retired", "\"by\":\"uid:0\",", "");
    maker_leaf(maker, TYPES[_i], "", "");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "after-retired");
    license(2);
    judge_settle_and_run(&judge);
    ck_assert_int_eq(judge_count(&judge, "after-retired"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit: checkpoint keys");
    TCase *tests = tcase_create("keys");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_key_of_a_rotated_journal_leads_to_the_newest, 1, 4);
    tcase_add_test(tests,
                   head_right_at_a_rotation_is_the_new_keys_and_the_one_before_it_the_old_ones);
    tcase_add_test(tests, old_head_of_an_old_key_is_taken_as_evidence);
    tcase_add_test(tests, old_head_cannot_be_checked_without_its_key);
    tcase_add_test(tests, retired_key_signs_no_newer_head);
    tcase_add_test(tests, later_key_signs_no_older_head);
    tcase_add_test(tests, statement_that_the_old_key_did_not_sign_is_not_followed);
    tcase_add_test(tests, statement_of_another_journal_is_not_followed);
    tcase_add_test(tests, generation_that_was_skipped_is_not_followed);
    tcase_add_test(tests, rotation_that_was_taken_out_is_missed);
    tcase_add_test(tests, key_that_comes_twice_is_not_followed);
    tcase_add_test(tests, rotation_that_is_there_twice_is_found);
    tcase_add_test(tests, second_successor_of_one_key_is_not_followed);
    tcase_add_loop_test(tests, key_that_is_none_is_not_followed, 0, 2);
    tcase_add_test(tests, strangers_leaf_makes_his_key_no_key_of_the_journal);
    tcase_add_test(tests, changed_rotation_is_noticed);
    tcase_add_test(tests, as_many_keys_as_an_hsm_has_are_followed_and_no_more);
    tcase_add_test(tests, journal_that_ended_holds_and_names_its_successor);
    tcase_add_loop_test(tests, nothing_comes_after_the_end, 0, 3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
