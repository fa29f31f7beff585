/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands of keys, the real program against an admin socket that says what a test wants. */
#include <stdio.h>
#include <string.h>

#include "admin_case.h"
#include "suite.h"

#define KEY_HEX "000102030405060708090a0b0c0d0e0f"
#define TIME    "2026-11-27T10:00:00Z"
#define TIME_MS 1795773600000

static uint8_t key_bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const ProtobufCBinaryData key = {.data = key_bytes, .len = sizeof key_bytes};
static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;

/* ---- rotation ---- */

static Provisiond__ProductKeyRotateReply step = PROVISIOND__PRODUCT_KEY_ROTATE_REPLY__INIT;

static void say_step(uint64_t done, uint64_t images, bool is_finished)
{
    step.generation = 2;
    step.new_key = key;
    step.images_done = done;
    step.images = images;
    step.finished = is_finished;
    SAY(&reply, PRODUCT_KEY_ROTATE, product_key_rotate, &step);
}

START_TEST(a_rotation_prints_the_new_key)
{
    say_step(3, 3, true);
    ADMIN("product", "rotate-key", "meter");
    claim_done("The firmware key of meter is " KEY_HEX
               " now (generation 2). The one before it is retired; backups from before need it.\n");
    ck_assert_str_eq(vault.request->product_key_rotate->product, "meter");
    ck_assert_int_eq(vault.request->product_key_rotate->generation, 0);
    ADMIN("product", "rotate-key", "meter", "--json", "--generation", "2");
    claim_done("{\"product\": \"meter\", \"generation\": 2, \"key\": \"" KEY_HEX
               "\", \"images\": 3}\n");
    ck_assert_int_eq(vault.request->product_key_rotate->generation, 2);
}
END_TEST

/* The third answer is the last. */
static void go_on(struct vault_double *double_of_vault)
{
    say_step(double_of_vault->request_count, 3, double_of_vault->request_count == 3);
}

START_TEST(a_rotation_is_asked_for_until_it_is_finished_and_never_for_another)
{
    vault.before = go_on;
    say_step(0, 3, false);
    ADMIN("product", "rotate-key", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(vault.request_count, 3);
    ck_assert_int_eq(vault.request->product_key_rotate->generation, 2);
}
END_TEST

START_TEST(a_rotation_that_fails_says_so_and_is_not_asked_for_again)
{
    say_fault(ERR_HSM_UNAVAILABLE, "hsm-unreachable", "provision-hsm cannot be reached.");
    ADMIN("product", "rotate-key", "meter");
    ck_assert_int_ne(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "provision-hsm cannot be reached."));
    ck_assert_uint_eq(vault.request_count, 1);
    ADMIN("product", "rotate-key", "meter", "--generation", "1");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_uint_eq(vault.request_count, 1);
}
END_TEST

START_TEST(an_answer_without_a_key_is_no_success)
{
    say_step(3, 3, true);
    step.new_key.len = 15;
    ADMIN("product", "rotate-key", "meter");
    claim_failed(1, "names no firmware key");
}
END_TEST

/* ---- the list ---- */

static Provisiond__KeyEntry entries[4];
static Provisiond__KeyEntry *list[4];
static Provisiond__ProductKeysReply keys = PROVISIOND__PRODUCT_KEYS_REPLY__INIT;

static Provisiond__KeyEntry *add(const char *role, const char *product, int64_t generation,
                                 const char *state)
{
    Provisiond__KeyEntry *entry = &entries[keys.n_keys];
    provisiond__key_entry__init(entry);
    entry->role = (char *)(uintptr_t)role;
    entry->product = (char *)(uintptr_t)product;
    entry->generation = generation;
    entry->id = key;
    entry->state = (char *)(uintptr_t)state;
    entry->in_token = true;
    list[keys.n_keys++] = entry;
    return entry;
}

static void say_keys(void)
{
    keys.n_keys = 0;
    keys.keys = list;
    add("checkpoint", "", 1, "in-use")->id = digest;
    Provisiond__KeyEntry *old = add("firmware", "meter", 1, "destroyed");
    old->since_unix_ms = TIME_MS;
    old->leaf = 42;
    old->in_token = false;
    add("firmware", "meter", 2, "in-use")->images = 3;
    add("firmware", "pump", 1, "retired")->weak_attribute = (char *)(uintptr_t) "CKA_DECRYPT";
    SAY(&reply, PRODUCT_KEYS, product_keys, &keys);
}

START_TEST(keys_are_an_aligned_table)
{
    say_keys();
    ADMIN("hsm", "keys");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "ROLE "));
    ck_assert_ptr_nonnull(strstr(run.out, "destroyed since 2026-11-27T10:00:00.000Z"));
    ck_assert_ptr_nonnull(strstr(run.out, "CKA_DECRYPT"));
    ck_assert_ptr_nonnull(strstr(run.out, DIGEST_HEX));
    ck_assert_ptr_nonnull(strstr(run.out, " in use "));
    ck_assert_str_eq(vault.request->product_keys->product, "");
    /* The columns begin at the same places in every line. */
    const char *state = strstr(run.out, "STATE");
    const char *cell = strstr(run.out, "destroyed since");
    const char *line = cell;
    while (line[-1] != '\n')
        line--;
    ck_assert_int_eq(state - run.out, cell - line);
}
END_TEST

START_TEST(keys_are_json_with_what_there_is)
{
    say_keys();
    ADMIN("hsm", "keys", "--product", "meter", "--json");
    ck_assert_str_eq(vault.request->product_keys->product, "meter");
    claim_json(json_pack("{s:[{s:s,s:s,s:s,s:b,s:i},{s:s,s:s,s:s,s:b,s:s,s:i,s:i,s:s,s:i},{s:s,s:s,"
                         "s:s,s:b,s:s,s:i,s:i},"
                         "{s:s,s:s,s:s,s:b,s:s,s:i,s:i,s:s}]}",
                         "keys", "role", "checkpoint", "id", DIGEST_HEX, "state", "in-use",
                         "in_hsm", 1, "generation", 1, "role", "firmware", "id", KEY_HEX, "state",
                         "destroyed", "in_hsm", 0, "product", "meter", "generation", 1, "images", 0,
                         "since", "2026-11-27T10:00:00.000Z", "leaf", 42, "role", "firmware", "id",
                         KEY_HEX, "state", "in-use", "in_hsm", 1, "product", "meter", "generation",
                         2, "images", 3, "role", "firmware", "id", KEY_HEX, "state", "retired",
                         "in_hsm", 1, "product", "pump", "generation", 1, "images", 0,
                         "weak_attribute", "CKA_DECRYPT"));
}
END_TEST

/* ---- the end ---- */

static Provisiond__ProductKeyDestroyReply destroyed = PROVISIOND__PRODUCT_KEY_DESTROY_REPLY__INIT;

static void say_destroyed(void)
{
    destroyed.generation = 1;
    SAY(&reply, PRODUCT_KEY_DESTROY, product_key_destroy, &destroyed);
}

START_TEST(a_key_is_destroyed_without_a_question_when_told_so)
{
    say_destroyed();
    ADMIN("product", "destroy-key", "meter", KEY_HEX, "--no-backup-before", TIME, "--yes");
    claim_done("The firmware key " KEY_HEX " of meter (generation 1) is destroyed.\n");
    const Provisiond__ProductKeyDestroyRequest *asked = vault.request->product_key_destroy;
    ck_assert_str_eq(asked->product, "meter");
    ck_assert_mem_eq(asked->key.data, key_bytes, sizeof key_bytes);
    ck_assert_int_eq(asked->no_backup_before_unix_ms, TIME_MS);
}
END_TEST

/* Standard input is empty here. */
START_TEST(nothing_is_destroyed_without_the_word)
{
    say_destroyed();
    ADMIN("product", "destroy-key", "meter", KEY_HEX, "--no-backup-before", TIME);
    ck_assert_int_eq(run.exit, 64);
    ck_assert_ptr_nonnull(strstr(run.err, "nothing was destroyed"));
    ck_assert_ptr_nonnull(strstr(run.err, "for ever"));
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(a_wrong_key_or_time_asks_nobody)
{
    static const char *const WRONG[][2] = {{"00", TIME},
                                           {KEY_HEX "0", TIME},
                                           {"g00102030405060708090a0b0c0d0e0f", TIME},
                                           {KEY_HEX, "yesterday"},
                                           {KEY_HEX, "2026-11-27"}};
    say_destroyed();
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        ADMIN("product", "destroy-key", "meter", WRONG[i][0], "--no-backup-before", WRONG[i][1],
              "--yes");
        ck_assert_msg(run.exit == 64, "%zu: %d", i, run.exit);
    }
    ADMIN("product", "destroy-key", "meter", KEY_HEX, "--yes");
    ck_assert_int_eq(run.exit, 64);
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_rotation_prints_the_new_key,
        a_rotation_is_asked_for_until_it_is_finished_and_never_for_another,
        a_rotation_that_fails_says_so_and_is_not_asked_for_again,
        an_answer_without_a_key_is_no_success,
        keys_are_an_aligned_table,
        keys_are_json_with_what_there_is,
        a_key_is_destroyed_without_a_question_when_told_so,
        nothing_is_destroyed_without_the_word,
        a_wrong_key_or_time_asks_nobody,
        NULL,
    };
    return suite_run("cli keys", admin_case_set_up, admin_case_tear_down, tests);
}
