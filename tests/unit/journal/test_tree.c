/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Roots and proofs against the definitions of RFC 6962, in every small size and in the largest. */
#include <pthread.h>
#include <string.h>

#include <check.h>

#include "core/bytes.h"
#include "journal/tree.h"
#include "leaf_log.h"
#include "reference.h"
#include "support/sizes.h"

static struct leaf_log leaves;
static struct fault fault;

static void set_up(void)
{
    leaf_log_make(&leaves, REFERENCE_MAX);
}

static void tear_down(void)
{
    leaf_log_free(&leaves);
}

static void same_hash(const struct sha256 *a, const struct sha256 *b, int64_t size)
{
    if (!sha256_equal(a, b))
        ck_abort_msg("another root of %ld leaves", (long)size);
}

static void same_proof(const struct tree_proof *a, const struct tree_proof *b, int64_t part,
                       int64_t size)
{
    if (a->count != b->count || memcmp(a->hashes, b->hashes, a->count * sizeof a->hashes[0]) != 0)
        ck_abort_msg("another proof of %ld in %ld", (long)part, (long)size);
}

/* The leaves and roots that Certificate Transparency's implementations are tested with. */
START_TEST(known_answers_of_certificate_transparency)
{
    static const struct {
        const char *leaf;
        size_t length;
        const char *root; /* of all leaves up to this one */
    } known[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\0", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct tree_range range = {.count = 0};
    char hex[SHA256_HEX_SIZE];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct sha256 leaf = tree_leaf_hash(bytes_of(known[i].leaf, known[i].length));
        tree_range_add(&range, &leaf);
        struct sha256 root = tree_range_root(&range);
        hex_encode(bytes_of(root.bytes, SHA256_SIZE), hex);
        ck_assert_str_eq(hex, known[i].root);
    }
}
END_TEST

START_TEST(empty_tree_has_the_hash_of_nothing)
{
    struct tree_range range = {.count = 0};
    struct tree_source source = leaf_log_see(&leaves, 0);
    char hex[SHA256_HEX_SIZE];
    struct sha256 root;
    ck_assert_int_eq(tree_root(&source, 0, &root, &fault), ERR_OK);
    hex_encode(bytes_of(root.bytes, SHA256_SIZE), hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    struct sha256 other = tree_range_root(&range);
    same_hash(&root, &other, 0);
}
END_TEST

/* A leaf of any length, also beyond what a tile's entry can hold. */
START_TEST(every_byte_of_an_entry_is_hashed)
{
    static uint8_t text[70001];
    for (size_t length = 1; length < sizeof text; length = 3 * length + 1) {
        struct sha256 whole = sha256_of(bytes_of(text, 1 + length));
        struct sha256 hash = tree_leaf_hash(bytes_of(text + 1, length));
        ck_assert(sha256_equal(&whole, &hash));
        text[length] ^= 1;
        hash = tree_leaf_hash(bytes_of(text + 1, length));
        ck_assert(!sha256_equal(&whole, &hash));
    }
}
END_TEST

static void *add_leaves(void *context)
{
    struct tree_range *range = context;
    while (range->size < REFERENCE_MAX)
        tree_range_add(range, &leaves.levels[0][range->size]);
    return NULL;
}

/* Each has a digest context of its own, which the sanitizer build misses when it is not freed. */
START_TEST(threads_hash_alike)
{
    pthread_t threads[4];
    struct tree_range ranges[4] = {{.count = 0}};
    struct sha256 expected = reference_root(0, REFERENCE_MAX);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_leaves, &ranges[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        struct sha256 root = tree_range_root(&ranges[i]);
        same_hash(&root, &expected, REFERENCE_MAX);
    }
}
END_TEST

START_TEST(root_of_every_size_is_that_of_the_rfc)
{
    for (int64_t size = 0; size <= REFERENCE_MAX; size++) {
        struct tree_source source = leaf_log_see(&leaves, size);
        struct sha256 expected = reference_root(0, size);
        struct sha256 root;
        ck_assert_int_eq(tree_root(&source, size, &root, &fault), ERR_OK);
        same_hash(&root, &expected, size);
    }
}
END_TEST

START_TEST(range_has_the_root_of_the_rfc_after_every_leaf)
{
    struct tree_range range = {.count = 0};
    for (int64_t size = 0; size <= REFERENCE_MAX; size++) {
        struct sha256 expected = reference_root(0, size);
        struct sha256 root = tree_range_root(&range);
        ck_assert_int_eq(range.size, size);
        same_hash(&root, &expected, size);
        if (size < REFERENCE_MAX)
            tree_range_add(&range, &leaves.levels[0][size]);
    }
}
END_TEST

/* The largest subtrees that fit, as the threads of a verifier make them. */
START_TEST(range_of_subtrees_has_the_same_root)
{
    for (unsigned height = 0; height <= 8; height++) {
        struct tree_range range = {.count = 0};
        int64_t width = INT64_C(1) << height;
        while (range.size + width <= REFERENCE_MAX) {
            struct sha256 part = reference_root(range.size, range.size + width);
            tree_range_add_subtree(&range, height, &part);
        }
        while (range.size < REFERENCE_MAX)
            tree_range_add(&range, &leaves.levels[0][range.size]);
        struct sha256 expected = reference_root(0, REFERENCE_MAX);
        struct sha256 root = tree_range_root(&range);
        same_hash(&root, &expected, REFERENCE_MAX);
    }
}
END_TEST

static void prove_each_leaf(int64_t size)
{
    struct tree_proof expected;
    struct tree_proof proof;
    struct tree_source source = leaf_log_see(&leaves, size);
    struct sha256 root = reference_root(0, size);
    for (int64_t index = 0; index < size; index++) {
        reference_path(index, size, &expected);
        if (tree_inclusion(&source, index, size, &proof, &fault) != ERR_OK)
            ck_abort_msg("no proof of %ld in %ld", (long)index, (long)size);
        same_proof(&proof, &expected, index, size);
        if (!tree_inclusion_holds(&proof, &leaves.levels[0][index], index, size, &root))
            ck_abort_msg("no inclusion of %ld in %ld", (long)index, (long)size);
    }
}

START_TEST(inclusion_of_every_leaf_in_every_size_is_that_of_the_rfc_and_holds)
{
    int64_t all =
        (int64_t)test_size("sizes of trees whose every leaf is proved", 270, REFERENCE_MAX);
    for (int64_t size = 1; size <= all; size++)
        prove_each_leaf(size);
    for (int64_t size = 511; size <= 514; size++)
        prove_each_leaf(size);
    prove_each_leaf(REFERENCE_MAX);
}
END_TEST

static void compare_consistency(int64_t old_size, int64_t size)
{
    struct tree_proof expected;
    struct tree_proof proof;
    struct tree_source source = leaf_log_see(&leaves, size);
    struct sha256 old_root = reference_root(0, old_size);
    struct sha256 root = reference_root(0, size);
    reference_proof(old_size, size, &expected);
    ck_assert_int_eq(tree_consistency(&source, old_size, size, &proof, &fault), ERR_OK);
    same_proof(&proof, &expected, old_size, size);
    ck_assert(tree_consistency_holds(&proof, old_size, &old_root, size, &root));
}

START_TEST(consistency_of_every_pair_of_sizes_is_that_of_the_rfc_and_holds)
{
    int64_t all = (int64_t)test_size("sizes of trees of which all pairs are proved", 140, 300);
    for (int64_t size = 1; size <= all; size++) {
        for (int64_t old_size = 1; old_size <= size; old_size++)
            compare_consistency(old_size, size);
    }
    for (int64_t old_size = 1; old_size <= REFERENCE_MAX; old_size++)
        compare_consistency(old_size, REFERENCE_MAX);
    for (int64_t size = 256; size <= REFERENCE_MAX; size++)
        compare_consistency(256, size);
}
END_TEST

START_TEST(every_tree_extends_the_empty_one_without_a_hash)
{
    struct sha256 empty = tree_empty_root();
    for (int64_t size = 0; size <= 3; size++) {
        struct tree_source source = leaf_log_see(&leaves, size);
        struct sha256 root = reference_root(0, size);
        struct tree_proof proof = {.count = 1};
        ck_assert_int_eq(tree_consistency(&source, 0, size, &proof, &fault), ERR_OK);
        ck_assert_uint_eq(proof.count, 0);
        ck_assert(tree_consistency_holds(&proof, 0, &empty, size, &root));
        ck_assert(!tree_consistency_holds(&proof, 0, &leaves.levels[0][0], size, &root));
    }
}
END_TEST

START_TEST(sizes_and_indexes_that_do_not_exist_are_refused_unasked)
{
    static const int64_t sizes[] = {-1, INT64_MIN, TREE_SIZE_MAX + 1, INT64_MAX};
    struct tree_source nobody = {.read = NULL};
    struct tree_proof proof;
    struct sha256 root;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert_int_eq(tree_root(&nobody, sizes[i], &root, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "tree-size");
        ck_assert_int_eq(tree_inclusion(&nobody, 0, sizes[i], &proof, &fault), ERR_BAD_REQUEST);
        ck_assert_int_eq(tree_inclusion(&nobody, sizes[i], 7, &proof, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "leaf-index");
        ck_assert_int_eq(tree_consistency(&nobody, 1, sizes[i], &proof, &fault), ERR_BAD_REQUEST);
        ck_assert_int_eq(tree_consistency(&nobody, sizes[i], 7, &proof, &fault), ERR_BAD_REQUEST);
    }
    ck_assert_int_eq(tree_inclusion(&nobody, 0, 0, &proof, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(tree_inclusion(&nobody, 7, 7, &proof, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(tree_consistency(&nobody, 8, 7, &proof, &fault), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(fault_of_the_source_is_the_answer_and_nothing_is_returned)
{
    struct tree_source source = leaf_log_see(&leaves, 513);
    struct tree_proof proof = {.count = 77};
    struct sha256 root = {.bytes = {77}};
    for (unsigned at = 1; at <= 2; at++) {
        leaves.reads = 0;
        leaves.fail_at = at;
        ck_assert_int_eq(tree_root(&source, 513, &root, &fault), ERR_LEDGER_UNAVAILABLE);
        ck_assert_str_eq(fault.reason, "test");
        leaves.reads = 0;
        ck_assert_int_eq(tree_inclusion(&source, 3, 513, &proof, &fault), ERR_LEDGER_UNAVAILABLE);
        leaves.reads = 0;
        ck_assert_int_eq(tree_consistency(&source, 3, 513, &proof, &fault), ERR_LEDGER_UNAVAILABLE);
    }
    ck_assert_uint_eq(proof.count, 77);
    ck_assert_uint_eq(root.bytes[0], 77);
}
END_TEST

/* ---- trees of up to 2^40 leaves ---- */

/* All leaves are equal, so that a level has one hash everywhere. */
struct uniform {
    struct sha256 levels[TREE_LEVELS];
    int64_t size;
    unsigned reads[TREE_LEVELS];
    size_t hashes[TREE_LEVELS];
};

static enum error read_uniform(void *context, unsigned level, int64_t first, size_t count,
                               struct sha256 *out, struct fault *ret_fault)
{
    struct uniform *tree = context;
    (void)ret_fault;
    ck_assert_uint_lt(level, TREE_LEVELS);
    ck_assert_int_le(first + (int64_t)count, tree->size >> (TREE_TILE_HEIGHT * level));
    ck_assert_int_eq(first / TREE_TILE_WIDTH, (first + (int64_t)count - 1) / TREE_TILE_WIDTH);
    tree->reads[level]++;
    tree->hashes[level] += count;
    for (size_t i = 0; i < count; i++)
        out[i] = tree->levels[level];
    return ERR_OK;
}

static struct tree_source uniform_make(struct uniform *tree, int64_t size)
{
    *tree = (struct uniform){.size = size};
    tree->levels[0] = tree_leaf_hash(bytes_of("x", 1));
    for (unsigned level = 1; level < TREE_LEVELS; level++) {
        struct sha256 hash = tree->levels[level - 1];
        for (unsigned i = 0; i < TREE_TILE_HEIGHT; i++)
            hash = tree_node_hash(&hash, &hash);
        tree->levels[level] = hash;
    }
    return (struct tree_source){.read = read_uniform, .context = tree};
}

static void reads_were_at_most(struct uniform *tree, unsigned reads, size_t hashes)
{
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        ck_assert_uint_le(tree->reads[level], reads);
        ck_assert_uint_le(tree->hashes[level], hashes);
        tree->reads[level] = 0;
        tree->hashes[level] = 0;
    }
}

static const int64_t LARGE[] = {
    65535,
    65536,
    65537,
    1000000,
    (INT64_C(1) << 32) - 1,
    1099511627775,
    TREE_SIZE_MAX,
    1099511562239,
    (INT64_C(1) << 32) + 1,
    1095233437695,
    4311810304 - 1,
};

static void prove_large(struct uniform *tree, int64_t part, const struct sha256 *root)
{
    struct tree_source source = {.read = read_uniform, .context = tree};
    struct tree_proof proof;
    struct sha256 old_root;
    ck_assert_int_eq(tree_inclusion(&source, part - 1, tree->size, &proof, &fault), ERR_OK);
    reads_were_at_most(tree, 2, 511 + (tree->size == TREE_SIZE_MAX ? 1 : 0));
    ck_assert(tree_inclusion_holds(&proof, &tree->levels[0], part - 1, tree->size, root));
    ck_assert_int_eq(tree_root(&source, part, &old_root, &fault), ERR_OK);
    reads_were_at_most(tree, 1, part == TREE_SIZE_MAX ? 256 : 255);
    ck_assert_int_eq(tree_consistency(&source, part, tree->size, &proof, &fault), ERR_OK);
    reads_were_at_most(tree, 2, 511 + (tree->size == TREE_SIZE_MAX ? 1 : 0));
    ck_assert(tree_consistency_holds(&proof, part, &old_root, tree->size, root));
}

START_TEST(largest_trees_are_proved_with_two_reads_per_level)
{
    struct uniform tree;
    int64_t size = LARGE[_i];
    struct tree_source source = uniform_make(&tree, size);
    struct sha256 root;
    ck_assert_int_eq(tree_root(&source, size, &root, &fault), ERR_OK);
    reads_were_at_most(&tree, 1, size == TREE_SIZE_MAX ? 256 : 255);
    for (int64_t part = 1; part < size; part = part * 7 / 3 + 1)
        prove_large(&tree, part, &root);
    for (int64_t part = 1; part < size; part *= 2)
        prove_large(&tree, size - part, &root);
    prove_large(&tree, size, &root);
}
END_TEST

/* The roots over equal leaves are known without a tree: each height doubles the one below. */
START_TEST(root_of_the_largest_tree_is_the_fortieth_doubling)
{
    struct uniform tree;
    struct tree_source source = uniform_make(&tree, TREE_SIZE_MAX);
    struct tree_range range = {.count = 0};
    struct sha256 doubled = tree.levels[0];
    struct sha256 root;
    for (int i = 0; i < 40; i++)
        doubled = tree_node_hash(&doubled, &doubled);
    ck_assert_int_eq(tree_root(&source, TREE_SIZE_MAX, &root, &fault), ERR_OK);
    same_hash(&root, &doubled, TREE_SIZE_MAX);
    tree_range_add_subtree(&range, 40, &doubled);
    root = tree_range_root(&range);
    same_hash(&root, &doubled, TREE_SIZE_MAX);
}
END_TEST

static void add_tests(TCase *tree)
{
    tcase_add_test(tree, known_answers_of_certificate_transparency);
    tcase_add_test(tree, empty_tree_has_the_hash_of_nothing);
    tcase_add_test(tree, every_byte_of_an_entry_is_hashed);
    tcase_add_test(tree, threads_hash_alike);
    tcase_add_test(tree, root_of_every_size_is_that_of_the_rfc);
    tcase_add_test(tree, range_has_the_root_of_the_rfc_after_every_leaf);
    tcase_add_test(tree, range_of_subtrees_has_the_same_root);
    tcase_add_test(tree, inclusion_of_every_leaf_in_every_size_is_that_of_the_rfc_and_holds);
    tcase_add_test(tree, consistency_of_every_pair_of_sizes_is_that_of_the_rfc_and_holds);
    tcase_add_test(tree, every_tree_extends_the_empty_one_without_a_hash);
    tcase_add_test(tree, sizes_and_indexes_that_do_not_exist_are_refused_unasked);
    tcase_add_test(tree, fault_of_the_source_is_the_answer_and_nothing_is_returned);
    tcase_add_loop_test(tree, largest_trees_are_proved_with_two_reads_per_level, 0,
                        sizeof LARGE / sizeof LARGE[0]);
    tcase_add_test(tree, root_of_the_largest_tree_is_the_fortieth_doubling);
}

int main(void)
{
    Suite *suite = suite_create("journal tree");
    TCase *tree = tcase_create("tree");
    tcase_add_checked_fixture(tree, set_up, tear_down);
    tcase_set_timeout(tree, 600);
    add_tests(tree);
    suite_add_tcase(suite, tree);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
