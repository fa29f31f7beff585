/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The journal's tree: kept hashes, roots and proofs against the definition; leaves, checkpoints,
 * challenges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "naive_tree.h"
#include "support/sizes.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 100000);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static int64_t size_now(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

/* A leaf like no other; its index. */
static int64_t add_leaf(void)
{
    static int64_t nonce = 0;
    int64_t index = -1;
    nonce++;
    ck_assert_int_eq(ledger_challenge(world.ledger, bytes_of(&nonce, sizeof nonce), WORLD_BY,
                                      &index, &world.fault),
                     ERR_OK);
    return index;
}

static void grow_to(int64_t size)
{
    for (int64_t leaves = size_now(); leaves < size; leaves++)
        ck_assert_int_eq(add_leaf(), leaves);
}

/* ---- roots and proofs ---- */

START_TEST(the_root_of_every_size_is_that_of_the_definition)
{
    struct naive_tree tree;
    struct sha256 root;
    grow_to((int64_t)test_size("leaves, a root at each", 600, 3000));
    naive_tree_read(&tree, &world);
    for (int64_t size = 0; size <= tree.size; size++) {
        struct sha256 expected = naive_tree_root(&tree, 0, size);
        ck_assert_int_eq(ledger_root(world.ledger, size, &root, &world.fault), ERR_OK);
        ck_assert_msg(sha256_equal(&root, &expected), "size %lld", (long long)size);
    }
    naive_tree_free(&tree);
}
END_TEST

START_TEST(the_head_is_all_that_was_acknowledged)
{
    struct ledger_head head;
    struct sha256 root;
    for (int i = 0; i < 10; i++) {
        int64_t index = add_leaf();
        ck_assert_int_eq(ledger_head(world.ledger, &head, &world.fault), ERR_OK);
        ck_assert_int_eq(head.size, index + 1);
        ck_assert_int_eq(ledger_root(world.ledger, head.size, &root, &world.fault), ERR_OK);
        ck_assert(sha256_equal(&root, &head.root));
    }
}
END_TEST

START_TEST(every_leaf_is_proven_to_be_in_every_tree_after_it)
{
    struct naive_tree tree;
    struct tree_proof proof;
    grow_to(300);
    naive_tree_read(&tree, &world);
    for (int64_t size = 1; size <= tree.size; size += size < 20 ? 1 : 31) {
        struct sha256 root = naive_tree_root(&tree, 0, size);
        for (int64_t i = 0; i < size; i++) {
            ck_assert_int_eq(ledger_inclusion(world.ledger, i, size, &proof, &world.fault), ERR_OK);
            ck_assert(tree_inclusion_holds(&proof, &tree.leaves[i], i, size, &root));
            ck_assert(size == 1 ||
                      !tree_inclusion_holds(&proof, &tree.leaves[i], (i + 1) % size, size, &root));
        }
    }
    naive_tree_free(&tree);
}
END_TEST

START_TEST(every_tree_is_proven_to_begin_with_every_older_one)
{
    struct naive_tree tree;
    struct tree_proof proof;
    grow_to(300);
    naive_tree_read(&tree, &world);
    struct sha256 root = naive_tree_root(&tree, 0, tree.size);
    for (int64_t old = 1; old < tree.size; old++) {
        struct sha256 old_root = naive_tree_root(&tree, 0, old);
        ck_assert_int_eq(ledger_consistency(world.ledger, old, tree.size, &proof, &world.fault),
                         ERR_OK);
        ck_assert(tree_consistency_holds(&proof, old, &old_root, tree.size, &root));
        ck_assert(!tree_consistency_holds(&proof, old, &root, tree.size, &root));
    }
    naive_tree_free(&tree);
}
END_TEST

START_TEST(what_the_journal_does_not_have_yet_is_refused)
{
    struct sha256 hashes[2];
    struct tree_proof proof;
    struct ledger *ledger = world.ledger;
    int64_t size = size_now();
    ck_assert_int_eq(ledger_root(ledger, size + 1, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(world.fault.reason, "journal-too-short");
    ck_assert_int_eq(ledger_root(ledger, -1, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_inclusion(ledger, 0, size + 1, &proof, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_inclusion(ledger, size, size, &proof, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_consistency(ledger, 1, size + 1, &proof, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 0, size - 1, 2, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 1, 0, 1, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, TREE_LEVELS, 0, 1, hashes, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 0, -1, 1, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 0, INT64_MAX, 1, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 0, 0, 0, hashes, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_hashes(ledger, 0, 0, TREE_TILE_WIDTH + 1, hashes, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(stored_hashes_are_those_of_the_definition)
{
    struct naive_tree tree;
    struct sha256 hashes[TREE_TILE_WIDTH];
    grow_to(700);
    naive_tree_read(&tree, &world);
    ck_assert_int_eq(ledger_hashes(world.ledger, 0, 256, 256, hashes, &world.fault), ERR_OK);
    ck_assert_mem_eq(hashes, tree.leaves + 256, sizeof hashes);
    ck_assert_int_eq(ledger_hashes(world.ledger, 1, 0, 2, hashes, &world.fault), ERR_OK);
    for (int64_t i = 0; i < 2; i++) {
        struct sha256 expected = naive_tree_root(&tree, 256 * i, 256);
        ck_assert(sha256_equal(&hashes[i], &expected));
    }
    naive_tree_free(&tree);
}
END_TEST

/* ---- growth ---- */

START_TEST(the_tree_goes_on_after_each_start)
{
    for (int i = 0; i < 30; i++) {
        grow_to(size_now() + 15);
        int64_t before = size_now() + 1; /* with the stop leaf */
        world_reopen(&world);
        ck_assert_int_eq(ledger_opened_size(world.ledger), before);
        ck_assert_int_eq(size_now(), before + 1);
    }
    ck_assert_int_gt(size_now(), TREE_TILE_WIDTH);
    naive_tree_check(&world);
}
END_TEST

START_TEST(a_new_ledger_was_opened_empty)
{
    world_end(&world);
    world_make_empty(&world);
    ck_assert_int_eq(ledger_opened_size(world.ledger), 0);
    ck_assert_int_eq(size_now(), 1);
}
END_TEST

/* The vault anchors the stop leaf before it closes. */
START_TEST(a_stop_leaf_is_written_once)
{
    struct ledger_head head;
    int64_t before = size_now();
    ck_assert_int_eq(ledger_stop(world.ledger, &world.fault), ERR_OK);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, before), "\"type\":\"stop\""));
    ck_assert_int_eq(ledger_head(world.ledger, &head, &world.fault), ERR_OK);
    ck_assert_int_eq(head.size, before + 1);
    ck_assert_int_eq(ledger_checkpoint_set(world.ledger, head.size, "stopped", &world.fault),
                     ERR_OK);
    world_reopen(&world);
    ck_assert_int_eq(ledger_opened_size(world.ledger), before + 1);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, before + 1), "\"clean\":true"));
}
END_TEST

/* The charge is written before the leaf, the leaf before its hashes: all of it goes. */
START_TEST(a_license_whose_hash_cannot_be_kept_does_not_happen)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_execute(&world, "CREATE TRIGGER broken BEFORE INSERT ON tree WHEN "
                                           "NEW.level = 1 BEGIN SELECT RAISE(ABORT, 'no'); END"),
                     0);
    world_reopen(&world);
    grow_to(TREE_TILE_WIDTH - 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_INTERNAL);
        ck_assert_int_eq(size_now(), TREE_TILE_WIDTH - 1);
        ck_assert_int_eq(world_usage(&world).charged, 0);
        world_check_account(&world);
    }
    ck_assert_int_eq(world_execute(&world, "DROP TRIGGER broken"), 0);
    world_reopen(&world); /* a leaf of its own */
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(issued.journal_index, TREE_TILE_WIDTH);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM tree WHERE level = 1"), 1);
}
END_TEST

START_TEST(a_hash_that_is_gone_is_damage_and_no_root)
{
    struct sha256 root;
    struct ledger_head head;
    ck_assert_int_eq(world_execute(&world, "DROP TRIGGER tree_is_not_deleted;"
                                           "CREATE TABLE kept AS SELECT * FROM tree;"
                                           "DELETE FROM tree WHERE idx = 2"),
                     0);
    ck_assert_int_eq(ledger_root(world.ledger, 4, &root, &world.fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, "corrupt");
    ck_assert_int_eq(ledger_head(world.ledger, &head, &world.fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_int_eq(world_execute(&world, "DELETE FROM tree;"
                                           "INSERT INTO tree SELECT * FROM kept"),
                     0);
}
END_TEST

/* ---- leaves ---- */

struct seen {
    int64_t first;
    int64_t count;
    int64_t stop_after;
};

static bool see(void *context, int64_t index, struct bytes entry)
{
    struct seen *seen = context;
    ck_assert_int_eq(index, seen->first + seen->count);
    const char *text = world_leaf(&world, index);
    ck_assert_uint_eq(entry.length, strlen(text));
    ck_assert_mem_eq(entry.data, text, entry.length);
    seen->count++;
    return seen->count != seen->stop_after;
}

static int64_t count_leaves(int64_t first, int64_t count, int64_t stop_after)
{
    struct seen seen = {.first = first, .stop_after = stop_after};
    ck_assert_int_eq(ledger_leaves_each(world.ledger, first, count, see, &seen, &world.fault),
                     ERR_OK);
    return seen.count;
}

START_TEST(leaves_come_in_order_as_far_as_they_exist)
{
    int64_t size = size_now();
    ck_assert_int_eq(count_leaves(0, size, -1), size);
    ck_assert_int_eq(count_leaves(0, INT64_MAX, -1), size);
    ck_assert_int_eq(count_leaves(2, 2, -1), 2);
    ck_assert_int_eq(count_leaves(size - 1, 10, -1), 1);
    ck_assert_int_eq(count_leaves(size, 10, -1), 0);
    ck_assert_int_eq(count_leaves(0, 0, -1), 0);
    ck_assert_int_eq(count_leaves(0, size, 2), 2);
    struct seen seen = {0};
    ck_assert_int_eq(ledger_leaves_each(world.ledger, -1, 1, see, &seen, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_leaves_each(world.ledger, 0, -1, see, &seen, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(an_install_knows_the_leaf_of_its_first_license)
{
    struct ledger_issued issued;
    struct uuid other = uuid_new(1);
    int64_t index = -1;
    for (int64_t n = 1; n <= 5; n++) {
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
        int64_t first = issued.journal_index;
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
        ck_assert_int_eq(ledger_install_leaf(world.ledger, &issued.install, &index, &world.fault),
                         ERR_OK);
        ck_assert_int_eq(index, first);
    }
    ck_assert_int_eq(ledger_install_leaf(world.ledger, &other, &index, &world.fault),
                     ERR_INSTALL_UNKNOWN);
}
END_TEST

/* ---- checkpoints and challenges ---- */

static enum error set_checkpoint(int64_t size, const char *note)
{
    return ledger_checkpoint_set(world.ledger, size, note, &world.fault);
}

static void assert_checkpoint(int64_t size, const char *note)
{
    char found[CHECKPOINT_NOTE_MAX];
    int64_t found_size = -1;
    ck_assert_int_eq(ledger_checkpoint_get(world.ledger, &found_size, found, &world.fault), ERR_OK);
    ck_assert_int_eq(found_size, size);
    ck_assert_str_eq(found, note);
}

START_TEST(the_newest_checkpoint_is_kept_without_a_leaf)
{
    char note[CHECKPOINT_NOTE_MAX];
    int64_t size = size_now();
    ck_assert_int_eq(ledger_checkpoint_get(world.ledger, &size, note, &world.fault),
                     ERR_NOT_COVERED);
    ck_assert_int_eq(set_checkpoint(3, "three \xe2\x80\x94"), ERR_OK);
    assert_checkpoint(3, "three \xe2\x80\x94");
    ck_assert_int_eq(set_checkpoint(2, "two"), ERR_OK);
    assert_checkpoint(3, "three \xe2\x80\x94");
    ck_assert_int_eq(set_checkpoint(4, "four"), ERR_OK);
    ck_assert_int_eq(size_now(), size);
    world_reopen(&world);
    assert_checkpoint(4, "four");
}
END_TEST

START_TEST(a_checkpoint_of_leaves_that_are_not_there_is_refused)
{
    char note[CHECKPOINT_NOTE_MAX + 1];
    memset(note, 'x', sizeof note);
    note[CHECKPOINT_NOTE_MAX] = '\0';
    ck_assert_int_eq(set_checkpoint(size_now() + 1, "more"), ERR_BAD_REQUEST);
    ck_assert_int_eq(set_checkpoint(-1, "less"), ERR_BAD_REQUEST);
    ck_assert_int_eq(set_checkpoint(1, ""), ERR_BAD_REQUEST);
    ck_assert_int_eq(set_checkpoint(1, note), ERR_BAD_REQUEST);
    note[CHECKPOINT_NOTE_MAX - 1] = '\0';
    ck_assert_int_eq(set_checkpoint(1, note), ERR_OK);
    assert_checkpoint(1, note);
}
END_TEST

static void challenge(size_t length)
{
    uint8_t nonce[LEDGER_CHALLENGE_MAX];
    char hex[2 * LEDGER_CHALLENGE_MAX + 1];
    char field[2 * LEDGER_CHALLENGE_MAX + 20];
    int64_t index = -1;
    memset(nonce, 0xa5, sizeof nonce);
    hex_encode(bytes_of(nonce, length), hex);
    (void)snprintf(field, sizeof field, "\"nonce\":\"%s\"", hex);
    ck_assert_int_eq(
        ledger_challenge(world.ledger, bytes_of(nonce, length), "uid:7", &index, &world.fault),
        ERR_OK);
    ck_assert_int_eq(index, size_now() - 1);
    const char *leaf = world_leaf(&world, index);
    ck_assert_ptr_nonnull(strstr(leaf, field));
    ck_assert_ptr_nonnull(strstr(leaf, "\"type\":\"challenge\""));
    ck_assert_ptr_nonnull(strstr(leaf, "\"by\":\"uid:7\""));
}

START_TEST(a_challenge_is_a_leaf_with_the_auditors_bytes)
{
    uint8_t nonce[LEDGER_CHALLENGE_MAX + 1] = {0};
    int64_t index = -1;
    challenge(LEDGER_CHALLENGE_MIN);
    challenge(LEDGER_CHALLENGE_MAX);
    int64_t size = size_now();
    ck_assert_int_eq(ledger_challenge(world.ledger, bytes_of(nonce, LEDGER_CHALLENGE_MIN - 1),
                                      WORLD_BY, &index, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_challenge(world.ledger, bytes_of(nonce, sizeof nonce), WORLD_BY, &index,
                                      &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(ledger_challenge(world.ledger, bytes_of(nonce, LEDGER_CHALLENGE_MIN), "",
                                      &index, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(size_now(), size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tree");
    TCase *tcase = tcase_create("tree");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, the_root_of_every_size_is_that_of_the_definition);
    tcase_add_test(tcase, the_head_is_all_that_was_acknowledged);
    tcase_add_test(tcase, every_leaf_is_proven_to_be_in_every_tree_after_it);
    tcase_add_test(tcase, every_tree_is_proven_to_begin_with_every_older_one);
    tcase_add_test(tcase, what_the_journal_does_not_have_yet_is_refused);
    tcase_add_test(tcase, stored_hashes_are_those_of_the_definition);
    tcase_add_test(tcase, the_tree_goes_on_after_each_start);
    tcase_add_test(tcase, a_new_ledger_was_opened_empty);
    tcase_add_test(tcase, a_stop_leaf_is_written_once);
    tcase_add_test(tcase, a_license_whose_hash_cannot_be_kept_does_not_happen);
    tcase_add_test(tcase, a_hash_that_is_gone_is_damage_and_no_root);
    tcase_add_test(tcase, leaves_come_in_order_as_far_as_they_exist);
    tcase_add_test(tcase, an_install_knows_the_leaf_of_its_first_license);
    tcase_add_test(tcase, the_newest_checkpoint_is_kept_without_a_leaf);
    tcase_add_test(tcase, a_checkpoint_of_leaves_that_are_not_there_is_refused);
    tcase_add_test(tcase, a_challenge_is_a_leaf_with_the_auditors_bytes);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
