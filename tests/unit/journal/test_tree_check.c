/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs that were changed in any way prove nothing; nor do any other bytes. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/bytes.h"
#include "journal/tree.h"
#include "leaf_log.h"
#include "reference.h"
#include "support/sizes.h"

#define SIZES 75 /* trees whose proofs are changed */

/* One claim of either kind; a change of any of its parts must be refused. */
struct claim {
    bool is_inclusion;
    struct tree_proof proof;
    struct sha256 old_root; /* or the leaf's hash */
    struct sha256 root;
    int64_t old_size; /* or the leaf's index */
    int64_t size;
};

static bool claim_holds(const struct claim *claim)
{
    if (claim->is_inclusion)
        return tree_inclusion_holds(&claim->proof, &claim->old_root, claim->old_size, claim->size,
                                    &claim->root);
    return tree_consistency_holds(&claim->proof, claim->old_size, &claim->old_root, claim->size,
                                  &claim->root);
}

static void must_fail(const struct claim *claim, const char *what)
{
    if (claim_holds(claim))
        ck_abort_msg("%s: %s of %ld in %ld holds", what,
                     claim->is_inclusion ? "inclusion" : "consistency", (long)claim->old_size,
                     (long)claim->size);
}

static void claim_inclusion(int64_t index, int64_t size, struct claim *ret_claim)
{
    *ret_claim = (struct claim){.is_inclusion = true,
                                .old_root = reference_root(index, index + 1),
                                .root = reference_root(0, size),
                                .old_size = index,
                                .size = size};
    reference_path(index, size, &ret_claim->proof);
}

static void claim_consistency(int64_t old_size, int64_t size, struct claim *ret_claim)
{
    *ret_claim = (struct claim){.old_root = reference_root(0, old_size),
                                .root = reference_root(0, size),
                                .old_size = old_size,
                                .size = size};
    reference_proof(old_size, size, &ret_claim->proof);
}

/* ---- changes ---- */

static void change_bits(struct claim claim)
{
    for (size_t i = 0; i < claim.proof.count; i++) {
        size_t bit = (size_t)rand() % 256;
        claim.proof.hashes[i].bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        must_fail(&claim, "a bit of the proof changed");
        claim.proof.hashes[i].bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    claim.old_root.bytes[rand() % 32] ^= 1;
    must_fail(&claim, "another old root or leaf");
}

static void change_root(struct claim claim)
{
    claim.root.bytes[rand() % 32] ^= 128;
    must_fail(&claim, "another root");
}

static void remove_hashes(const struct claim *claim)
{
    for (size_t i = 0; i < claim->proof.count; i++) {
        struct claim changed = *claim;
        struct sha256 *at = &changed.proof.hashes[i];
        memmove(at, at + 1, (changed.proof.count - i - 1) * sizeof *at);
        changed.proof.count--;
        must_fail(&changed, "a hash removed");
    }
}

static void insert_hashes(const struct claim *claim)
{
    const struct sha256 inserts[] = {claim->root, claim->old_root, {.bytes = {0}}};
    for (size_t i = 0; i <= claim->proof.count; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct claim changed = *claim;
            struct sha256 *at = &changed.proof.hashes[i];
            memmove(at + 1, at, (changed.proof.count - i) * sizeof *at);
            *at = inserts[j];
            changed.proof.count++;
            must_fail(&changed, "a hash inserted");
        }
    }
}

static void swap_hashes(const struct claim *claim)
{
    for (size_t i = 1; i < claim->proof.count; i++) {
        struct claim changed = *claim;
        changed.proof.hashes[i - 1] = claim->proof.hashes[i];
        changed.proof.hashes[i] = claim->proof.hashes[i - 1];
        must_fail(&changed, "two hashes swapped");
    }
}

/* In the same tree, whose size a checkpoint's signature binds to its root. */
static void change_place(const struct claim *claim)
{
    struct claim changed = *claim;
    for (changed.old_size = 0; changed.old_size <= claim->size + 1; changed.old_size++) {
        if (changed.old_size != claim->old_size)
            must_fail(&changed, "another place");
    }
}

static void change_everything(const struct claim *claim)
{
    if (!claim_holds(claim))
        ck_abort_msg("%ld in %ld does not hold", (long)claim->old_size, (long)claim->size);
    change_bits(*claim);
    change_root(*claim);
    remove_hashes(claim);
    insert_hashes(claim);
    swap_hashes(claim);
    change_place(claim);
}

START_TEST(changed_inclusion_is_refused_for_every_leaf_of_every_size)
{
    struct claim claim;
    for (int64_t size = 1; size <= SIZES; size++) {
        for (int64_t index = 0; index < size; index++) {
            claim_inclusion(index, size, &claim);
            change_everything(&claim);
        }
    }
}
END_TEST

START_TEST(changed_consistency_is_refused_for_every_pair_of_sizes)
{
    struct claim claim;
    for (int64_t size = 1; size <= SIZES; size++) {
        for (int64_t old_size = 1; old_size <= size; old_size++) {
            claim_consistency(old_size, size, &claim);
            change_everything(&claim);
        }
    }
}
END_TEST

/* The last leaf of a complete tree has its siblings on the left alone, as if it were at the root.
 */
START_TEST(walk_does_not_go_beyond_the_root)
{
    struct claim claim;
    for (int64_t size = 2; size <= 64; size *= 2) {
        claim_inclusion(size - 1, size, &claim);
        for (claim.size = 1; claim.size < size; claim.size *= 2) {
            claim.old_size = claim.size - 1;
            must_fail(&claim, "a smaller tree");
        }
    }
}
END_TEST

START_TEST(equal_and_empty_trees_take_no_hashes)
{
    struct claim claim;
    claim_consistency(7, 7, &claim);
    ck_assert(claim_holds(&claim));
    claim.proof.count = 1;
    must_fail(&claim, "a hash too many");
    claim.old_root = tree_empty_root();
    claim.old_size = 0;
    must_fail(&claim, "a hash too many");
    claim.proof.count = 0;
    ck_assert(claim_holds(&claim));
}
END_TEST

/* What an auditor must see: the log that he saw and the one that he sees now differ in one leaf. */
START_TEST(rewritten_leaf_has_no_consistency_with_what_was_seen)
{
    struct leaf_log log;
    struct tree_proof proof;
    struct sha256 root;
    struct fault fault;
    leaf_log_make(&log, 200);
    log.levels[0][77].bytes[0] ^= 1;
    struct tree_source source = leaf_log_see(&log, 200);
    ck_assert_int_eq(tree_root(&source, 200, &root, &fault), ERR_OK);
    for (int64_t old_size = 1; old_size <= 200; old_size++) {
        struct sha256 old_root = reference_root(0, old_size);
        ck_assert_int_eq(tree_consistency(&source, old_size, 200, &proof, &fault), ERR_OK);
        ck_assert(tree_consistency_holds(&proof, old_size, &old_root, 200, &root) ==
                  (old_size <= 77));
    }
    leaf_log_free(&log);
}
END_TEST

/* ---- anything at all ---- */

START_TEST(counts_and_numbers_out_of_range_prove_nothing)
{
    static const int64_t numbers[] = {INT64_MIN, -1,           0, 1, 5, TREE_SIZE_MAX + 1,
                                      INT64_MAX, INT64_MAX - 1};
    static const size_t counts[] = {TREE_PROOF_MAX + 1, SIZE_MAX, SIZE_MAX / 32};
    struct claim claim;
    for (int kind = 0; kind < 2; kind++) {
        claim_consistency(3, 5, &claim);
        claim.is_inclusion = kind == 1;
        for (size_t i = 0; i < 3; i++) {
            claim.proof.count = counts[i];
            must_fail(&claim, "a count out of range");
        }
        claim.proof.count = TREE_PROOF_MAX;
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            claim.old_size = numbers[i];
            for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
                claim.size = numbers[j];
                must_fail(&claim, "numbers out of range");
            }
        }
    }
}
END_TEST

START_TEST(random_claims_prove_nothing)
{
    size_t rounds = test_size("random claims", 200000, 5000000);
    struct claim claim = {.root.bytes = {0, 1}}; /* never the leaf or the old root */
    for (size_t i = 0; i < rounds; i++) {
        int bits = rand() % 42;
        claim.is_inclusion = rand() % 2 == 0;
        claim.size = (int64_t)((uint64_t)rand() * (uint64_t)rand() % (UINT64_C(1) << bits)) + 1;
        claim.old_size = (int64_t)((uint64_t)rand() * (uint64_t)rand() % (uint64_t)claim.size);
        claim.proof.count = (size_t)rand() % (TREE_PROOF_MAX + 1);
        claim.root.bytes[0] = (uint8_t)rand();
        must_fail(&claim, "a random claim");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal tree check");
    TCase *checks = tcase_create("checks");
    tcase_set_timeout(checks, 600);
    tcase_add_test(checks, changed_inclusion_is_refused_for_every_leaf_of_every_size);
    tcase_add_test(checks, changed_consistency_is_refused_for_every_pair_of_sizes);
    tcase_add_test(checks, walk_does_not_go_beyond_the_root);
    tcase_add_test(checks, equal_and_empty_trees_take_no_hashes);
    tcase_add_test(checks, rewritten_leaf_has_no_consistency_with_what_was_seen);
    tcase_add_test(checks, counts_and_numbers_out_of_range_prove_nothing);
    tcase_add_test(checks, random_claims_prove_nothing);
    suite_add_tcase(suite, checks);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
