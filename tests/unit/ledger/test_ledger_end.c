/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rotations of the checkpoint key, and the leaf after which there is none. */
#include <string.h>

#include "core/bytes.h"
#include "journal/key_chain.h"
#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 100);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static int64_t size_now(void)
{
    return world_number(&world, "SELECT count(*) FROM journal");
}

/* ---- rotations ---- */

static enum error rotate(int64_t generation, int64_t *ret_index)
{
    static const uint8_t KEY[KEY_SPKI_LENGTH] = {0x30};
    static const uint8_t SIGNATURE[70] = {0x30};
    const struct ledger_key_rotation rotation = {.generation = generation,
                                                 .old_key = world_digest('k', generation - 1),
                                                 .new_key = bytes_of(KEY, sizeof KEY),
                                                 .signature =
                                                     bytes_of(SIGNATURE, sizeof SIGNATURE)};
    return ledger_key_rotate(world.ledger, &rotation, WORLD_BY, ret_index, &world.fault);
}

START_TEST(rotation_is_a_leaf_that_its_row_leads_to)
{
    struct ledger_rotations rotations;
    struct key_rotation read;
    int64_t index = 0;
    ck_assert_int_eq(ledger_rotations_get(world.ledger, &rotations, &world.fault), ERR_OK);
    ck_assert_uint_eq(rotations.count, 0);
    for (int64_t generation = 2; generation <= 4; generation++) {
        ck_assert_int_eq(rotate(generation, &index), ERR_OK);
        ck_assert_int_eq(index, size_now() - 1);
        world_reopen(&world);
        ck_assert_int_eq(ledger_rotations_get(world.ledger, &rotations, &world.fault), ERR_OK);
        ck_assert_uint_eq(rotations.count, (size_t)generation - 1);
        ck_assert_int_eq(rotations.leaves[generation - 2], index);
        const char *leaf = world_leaf(&world, index);
        const struct sha256 old_key = world_digest('k', generation - 1);
        ck_assert_int_eq(key_rotation_read(bytes_of(leaf, strlen(leaf)), index, &read),
                         KEY_LEAF_READ);
        ck_assert_int_eq(read.generation, generation);
        ck_assert(sha256_equal(&read.old_key, &old_key));
        ck_assert_uint_eq(read.new_key_length, KEY_SPKI_LENGTH);
    }
}
END_TEST

START_TEST(generation_that_is_not_the_next_leaves_no_leaf)
{
    static const int64_t WRONG[] = {0, 1, 2, 4};
    int64_t index = 0;
    ck_assert_int_eq(rotate(2, &index), ERR_OK);
    int64_t before = size_now();
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        ck_assert_int_eq(rotate(WRONG[i], &index), ERR_CONFLICT);
        ck_assert_str_eq(world.fault.reason, "generation");
    }
    ck_assert_int_eq(size_now(), before);
}
END_TEST

START_TEST(rotation_stays)
{
    int64_t index = 0;
    ck_assert_int_eq(rotate(2, &index), ERR_OK);
    ck_assert_int_ne(world_execute(&world, "DELETE FROM rotation"), 0);
    ck_assert_int_ne(world_execute(&world, "UPDATE rotation SET leaf = 0"), 0);
}
END_TEST

/* ---- the end ---- */

static void retire(void)
{
    const struct sha256 successor = world_digest('h', 2);
    int64_t index = 0;
    ck_assert(!ledger_is_retired(world.ledger));
    ck_assert_int_eq(ledger_retire(world.ledger, &successor, WORLD_BY, &index, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(index, size_now() - 1);
    ck_assert(ledger_is_retired(world.ledger));
}

static void assert_refused(enum error e)
{
    ck_assert_int_eq(e, ERR_HSM_RETIRED);
    ck_assert_str_eq(world.fault.reason, "retired");
}

/* Each way to another leaf, and a row that would have changed with it. */
static void nothing_is_written(const struct uuid *install)
{
    struct ledger_issued issued;
    struct fault *fault = &world.fault;
    int64_t number = 0;
    int64_t before = size_now();
    const struct ledger_image image = world_image(2);
    static const uint8_t NONCE[8] = {0};
    const struct sha256 other = world_digest('o', 1);
    assert_refused(world_issue(&world, 1, &issued));
    assert_refused(world_issue(&world, 2, &issued));
    assert_refused(world_report(&world, install, LEDGER_SUCCEEDED));
    assert_refused(ledger_quota_add(world.ledger, WORLD_PRODUCT, 5, WORLD_BY, &number, fault));
    assert_refused(ledger_scrap_add(world.ledger, WORLD_PRODUCT, 5, WORLD_BY, &number, fault));
    assert_refused(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, fault));
    assert_refused(world_switch(&world, "st-1", false));
    assert_refused(
        ledger_challenge(world.ledger, bytes_of(NONCE, sizeof NONCE), WORLD_BY, &number, fault));
    assert_refused(ledger_initialise(world.ledger, "site", &other, NULL, fault));
    assert_refused(rotate(2, &number));
    ck_assert_int_eq(size_now(), before);
    ck_assert_int_eq(world_number(&world, "SELECT accepted FROM product"), 100);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM install"), 1);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM image"), 1);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM meta"), 0);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM rotation"), 0);
    ck_assert_int_eq(world_number(&world, "SELECT min(is_enabled) FROM principal"), 1);
}

START_TEST(after_the_end_nothing_is_written_over_every_start)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    retire();
    int64_t leaves = size_now();
    nothing_is_written(&issued.install);
    for (int start = 0; start < 2; start++) {
        world_reopen(&world);
        ck_assert(ledger_is_retired(world.ledger));
        ck_assert_int_eq(ledger_opened_size(world.ledger), leaves);
        nothing_is_written(&issued.install);
    }
    ck_assert_int_eq(ledger_stop(world.ledger, &world.fault), ERR_OK);
    ck_assert_int_eq(size_now(), leaves);
}
END_TEST

START_TEST(end_is_told_again_and_its_checkpoint_is_kept)
{
    char note[CHECKPOINT_NOTE_MAX];
    int64_t index = 0;
    int64_t size = 0;
    retire();
    int64_t leaves = size_now();
    ck_assert_int_eq(ledger_retire(world.ledger, NULL, WORLD_BY, &index, &world.fault), ERR_OK);
    ck_assert_int_eq(index, leaves - 1);
    ck_assert_int_eq(size_now(), leaves);
    ck_assert_int_eq(ledger_checkpoint_set(world.ledger, leaves, "note", &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_checkpoint_get(world.ledger, &size, note, &world.fault), ERR_OK);
    ck_assert_int_eq(size, leaves);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint keys and the end");
    TCase *tcase = tcase_create("end");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, rotation_is_a_leaf_that_its_row_leads_to);
    tcase_add_test(tcase, generation_that_is_not_the_next_leaves_no_leaf);
    tcase_add_test(tcase, rotation_stays);
    tcase_add_test(tcase, after_the_end_nothing_is_written_over_every_start);
    tcase_add_test(tcase, end_is_told_again_and_its_checkpoint_is_kept);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
