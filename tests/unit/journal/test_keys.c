/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The chain of checkpoint keys: which key signs which head, what is not followed, and how leaves
 * are read, whatever stands in them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "journal/backup_note.h"
#include "journal/key_chain.h"
#include "signer.h"

#define ORIGIN "rig/provisiond/5f0cb3e1a7d9c2b4"
#define KEYS   4
#define ROUNDS 20000

static struct signer keys[KEYS];
static struct key_chain chain;

static struct sha256 digest_of(size_t key)
{
    return sha256_of(signer_spki(&keys[key]));
}

static void set_up(void)
{
    for (size_t i = 0; i < KEYS; i++)
        signer_make(&keys[i], "P-256");
    const struct sha256 first = digest_of(0);
    key_chain_begin(&chain, ORIGIN, &first);
    key_chain_tell(&chain, signer_spki(&keys[0]));
}

static void tear_down(void)
{
    for (size_t i = 0; i < KEYS; i++)
        signer_clear(&keys[i]);
}

/* From key to key + 1, at that leaf. */
static struct key_rotation rotation_of(size_t key, int64_t leaf)
{
    struct key_rotation rotation = {
        .index = leaf, .generation = (int64_t)key + 2, .old_key = digest_of(key)};
    char body[CHECKPOINT_BODY_MAX];
    const struct key_statement statement = {.origin = ORIGIN,
                                            .generation = rotation.generation,
                                            .old_key = rotation.old_key,
                                            .new_key = digest_of(key + 1)};
    size_t length = key_statement_body(&statement, body);
    rotation.signature_length = signer_sign(&keys[key], bytes_of(body, length), rotation.signature);
    memcpy(rotation.new_key, keys[key + 1].spki, KEY_SPKI_LENGTH);
    rotation.new_key_length = KEY_SPKI_LENGTH;
    return rotation;
}

static void add(size_t key, int64_t leaf)
{
    const struct key_rotation rotation = rotation_of(key, leaf);
    ck_assert_int_eq(key_chain_add(&chain, &rotation), KEY_FOLLOWS);
}

START_TEST(each_size_has_the_key_that_its_leaves_name)
{
    add(0, 10);
    add(1, 11);
    add(2, 50);
    static const struct {
        int64_t size;
        int64_t generation;
    } WANTED[] = {{0, 1}, {10, 1}, {11, 2}, {12, 3}, {50, 3}, {51, 4}, {INT64_MAX, 4}};
    for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        const struct key_chain_key *key = key_chain_at(&chain, WANTED[i].size);
        ck_assert_int_eq(key_chain_generation(&chain, key), WANTED[i].generation);
        ck_assert(key->is_vouched);
    }
}
END_TEST

START_TEST(statement_is_no_checkpoint_and_no_backups_note)
{
    char text[CHECKPOINT_NOTE_MAX];
    char body[CHECKPOINT_BODY_MAX];
    struct checkpoint checkpoint;
    struct backup_note backup;
    struct fault fault;
    char longest[KEY_STATEMENT_ORIGIN + 1];
    memset(longest, 'o', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const struct key_statement statement = {.origin = longest, .generation = INT64_MAX};
    size_t length = key_statement_body(&statement, body);
    ck_assert_uint_lt(length, CHECKPOINT_BODY_MAX);
    ck_assert_uint_eq(length, strlen(body));
    int n = snprintf(text, sizeof text, "%s\n\xe2\x80\x94 %s AAAAAAAA\n", body, ORIGIN);
    ck_assert_int_ne(checkpoint_read(bytes_of(text, (size_t)n), &checkpoint, &fault), ERR_OK);
    ck_assert_int_ne(
        backup_note_open(bytes_of(text, (size_t)n), signer_spki(&keys[0]), &backup, &fault),
        ERR_OK);
}
END_TEST

START_TEST(no_byte_of_a_rotation_can_be_another)
{
    const struct key_rotation good = rotation_of(0, 10);
    for (size_t i = 0; i < KEY_SPKI_LENGTH + good.signature_length + SHA256_SIZE; i++) {
        struct key_rotation rotation = good;
        const struct key_chain before = chain;
        size_t at = i;
        if (at < KEY_SPKI_LENGTH)
            rotation.new_key[at] ^= 1;
        else if ((at -= KEY_SPKI_LENGTH) < good.signature_length)
            rotation.signature[at] ^= 1;
        else
            rotation.old_key.bytes[at - good.signature_length] ^= 1;
        ck_assert_msg(key_chain_add(&chain, &rotation) != KEY_FOLLOWS, "byte %zu", i);
        ck_assert_uint_eq(chain.count, before.count);
    }
    ck_assert_int_eq(key_chain_add(&chain, &good), KEY_FOLLOWS);
}
END_TEST

START_TEST(without_the_first_key_its_successor_is_followed_and_not_vouched_for)
{
    const struct sha256 first = digest_of(0);
    struct key_rotation rotation = rotation_of(0, 10);
    key_chain_begin(&chain, ORIGIN, &first);
    key_chain_tell(&chain, signer_spki(&keys[1])); /* is not the first one */
    ck_assert(!chain.keys[0].is_known);
    rotation.signature[5] ^= 1;
    ck_assert_int_eq(key_chain_add(&chain, &rotation), KEY_FOLLOWS);
    ck_assert(!key_chain_newest(&chain)->is_vouched);
    add(1, 20);
    ck_assert(key_chain_newest(&chain)->is_vouched);
    ck_assert_uint_eq(key_chain_spki(&chain.keys[0]).length, 0);
}
END_TEST

/* ---- leaves ---- */

static size_t write_leaf(const struct key_rotation *rotation, char out[2048])
{
    char old_key[SHA256_HEX_SIZE];
    char new_key[256];
    char signature[256];
    hex_encode(bytes_of(rotation->old_key.bytes, SHA256_SIZE), old_key);
    EVP_EncodeBlock((unsigned char *)new_key, rotation->new_key, KEY_SPKI_LENGTH);
    EVP_EncodeBlock((unsigned char *)signature, rotation->signature,
                    (int)rotation->signature_length);
    return (size_t)snprintf(out, 2048,
                            "{\"by\":\"uid:0\",\"generation\":%d,\"new\":\"%s\",\"old\":\"%s\","
                            "\"signature\":\"%s\",\"time\":\"2026-11-27T10:00:00.000Z\","
                            "\"type\":\"checkpoint-key-rotated\",\"v\":1}",
                            (int)rotation->generation, new_key, old_key, signature);
}

START_TEST(leaf_reads_back_as_it_was)
{
    char text[2048];
    struct key_rotation read;
    const struct key_rotation rotation = rotation_of(0, 10);
    size_t length = write_leaf(&rotation, text);
    ck_assert_int_eq(key_rotation_read(bytes_of(text, length), 10, &read), KEY_LEAF_READ);
    ck_assert_int_eq(key_chain_add(&chain, &read), KEY_FOLLOWS);
    static const char STOP[] = "{\"type\":\"stop\",\"v\":1}";
    ck_assert_int_eq(key_rotation_read(bytes_of(STOP, sizeof STOP - 1), 0, &read), KEY_LEAF_OTHER);
    ck_assert_int_eq(key_rotation_read(bytes_of(NULL, 0), 0, &read), KEY_LEAF_OTHER);
}
END_TEST

/* The same sequence in every run. */
static size_t draw(uint32_t *state, size_t below)
{
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (*state >> 8) % below;
}

/* Whatever is changed, it is read as something or not at all, and a changed one is not followed. */
START_TEST(damaged_leaf_is_not_followed)
{
    char good[2048];
    char text[2048];
    struct key_rotation read;
    const struct key_rotation rotation = rotation_of(0, 10);
    size_t length = write_leaf(&rotation, good);
    const size_t time = (size_t)(strstr(good, "\"time\"") - good);
    uint32_t state = 7;
    for (int i = 0; i < ROUNDS; i++) {
        size_t at = draw(&state, length);
        size_t cut = draw(&state, 8) == 0 ? at : length;
        struct key_chain copy = chain;
        memcpy(text, good, length);
        text[at] = (char)draw(&state, 256);
        bool is_changed = cut < length || (text[at] != good[at] && at > 20 && at < time);
        enum key_leaf kind = key_rotation_read(bytes_of(text, cut), 10, &read);
        ck_assert(!is_changed || kind != KEY_LEAF_READ ||
                  key_chain_add(&copy, &read) != KEY_FOLLOWS);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal: keys");
    TCase *tests = tcase_create("keys");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_size_has_the_key_that_its_leaves_name);
    tcase_add_test(tests, statement_is_no_checkpoint_and_no_backups_note);
    tcase_add_test(tests, no_byte_of_a_rotation_can_be_another);
    tcase_add_test(tests, without_the_first_key_its_successor_is_followed_and_not_vouched_for);
    tcase_add_test(tests, leaf_reads_back_as_it_was);
    tcase_add_test(tests, damaged_leaf_is_not_followed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
