/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A ledger that does not extend the HSM's anchor: what is noted, and who may go on. */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "maker.h"
#include "world.h"

static struct world world;

static void setup(void)
{
    const struct sha256 identity = world_digest('h', 1);
    world_make(&world, 10);
    ck_assert_int_eq(ledger_initialise(world.ledger, "site-1", &identity, NULL, &world.fault),
                     ERR_OK);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* The HSM remembers the n-th anchor; the ledger was found as it is. */
static struct ledger_heads heads_of(int64_t n)
{
    struct ledger_heads heads = {.anchor = {.size = 1000 + n, .root = world_digest('a', n)}};
    ck_assert_int_eq(ledger_head(world.ledger, &heads.found, &world.fault), ERR_OK);
    return heads;
}

static struct ledger_breach note(const struct ledger_heads *heads)
{
    struct ledger_breach breach;
    ck_assert_int_eq(ledger_breach_note(world.ledger, heads, &breach, &world.fault), ERR_OK);
    return breach;
}

static void assert_same(const struct ledger_heads *a, const struct ledger_heads *b)
{
    ck_assert_int_eq(a->anchor.size, b->anchor.size);
    ck_assert(sha256_equal(&a->anchor.root, &b->anchor.root));
    ck_assert_int_eq(a->found.size, b->found.size);
    ck_assert(sha256_equal(&a->found.root, &b->found.root));
}

static enum error override(const struct ledger_heads *heads, const char *reason)
{
    int64_t index = -1;
    enum error e = ledger_override(world.ledger, heads, WORLD_BY, &index, &world.fault);
    if (e != ERR_OK)
        ck_assert_str_eq(world.fault.reason, reason);
    return e;
}

static int64_t size_now(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

static int64_t rows(void)
{
    return world_number(&world, "SELECT count(*) FROM breach");
}

/* ---- noting ---- */

START_TEST(a_breach_is_noted_without_a_leaf)
{
    const struct ledger_heads heads = heads_of(1);
    int64_t size = size_now();
    struct ledger_breach breach = note(&heads);
    assert_same(&breach.heads, &heads);
    ck_assert(!breach.is_overridden);
    ck_assert_int_eq(size_now(), size);
}
END_TEST

/* The start leaf moved the head; what is signed for the first heads must go on holding. */
START_TEST(a_restart_finds_the_same_breach_with_its_first_heads)
{
    const struct ledger_heads first = heads_of(1);
    (void)note(&first);
    for (int i = 0; i < 3; i++) {
        world_reopen(&world);
        const struct ledger_heads later = heads_of(1);
        ck_assert_int_gt(later.found.size, first.found.size);
        struct ledger_breach breach = note(&later);
        assert_same(&breach.heads, &first);
    }
    ck_assert_int_eq(rows(), 1);
}
END_TEST

START_TEST(another_anchor_is_another_breach)
{
    const struct ledger_heads one = heads_of(1);
    const struct ledger_heads two = heads_of(2);
    struct ledger_heads root = one;
    root.anchor.root = world_digest('a', 3);
    (void)note(&one);
    struct ledger_breach breach = note(&two);
    assert_same(&breach.heads, &two);
    breach = note(&root);
    assert_same(&breach.heads, &root);
    ck_assert_int_eq(rows(), 3);
}
END_TEST

/* Another copy of the database came back, in which other leaves follow. */
START_TEST(a_head_that_the_ledger_does_not_extend_is_not_found_again)
{
    struct ledger_heads heads = heads_of(1);
    struct ledger_heads longer = heads;
    heads.found.root = world_digest('r', 1);
    (void)note(&heads);
    const struct ledger_heads later = heads_of(1);
    struct ledger_breach breach = note(&later);
    assert_same(&breach.heads, &later);
    longer.found.size += 100;
    longer.anchor.size++;
    (void)note(&longer);
    ck_assert_int_eq(rows(), 3);
    const struct ledger_heads last = {.anchor = longer.anchor, .found = later.found};
    breach = note(&last);
    assert_same(&breach.heads, &last);
}
END_TEST

/* ---- overriding ---- */

START_TEST(an_override_is_a_leaf_that_names_both_heads)
{
    char expected[400];
    char anchor[SHA256_HEX_SIZE];
    char found[SHA256_HEX_SIZE];
    int64_t index = -1;
    const struct ledger_heads heads = heads_of(1);
    (void)note(&heads);
    ck_assert_int_eq(ledger_override(world.ledger, &heads, "uid:9", &index, &world.fault), ERR_OK);
    ck_assert_int_eq(index, size_now() - 1);
    hex_encode(bytes_of(heads.anchor.root.bytes, SHA256_SIZE), anchor);
    hex_encode(bytes_of(heads.found.root.bytes, SHA256_SIZE), found);
    (void)snprintf(expected, sizeof expected,
                   "{\"anchor_root\":\"%s\",\"anchor_size\":%lld,\"by\":\"uid:9\","
                   "\"head_root\":\"%s\",\"head_size\":%lld,\"time\":\"",
                   anchor, (long long)heads.anchor.size, found, (long long)heads.found.size);
    const char *leaf = world_leaf(&world, index);
    ck_assert_int_eq(strncmp(leaf, expected, strlen(expected)), 0);
    ck_assert_ptr_nonnull(strstr(leaf, "\"type\":\"override\""));
}
END_TEST

START_TEST(an_override_ages_the_documents_before_it)
{
    char time[TIMESTAMP_SIZE];
    const struct ledger_heads heads = heads_of(1);
    ck_assert_int_eq(world_number(&world, "SELECT overridden_unix_ms FROM meta"), 0);
    (void)note(&heads);
    ck_assert_int_eq(override(&heads, ""), ERR_OK);
    timestamp_format(world_number(&world, "SELECT overridden_unix_ms FROM meta"), time);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, size_now() - 1), time));
}
END_TEST

START_TEST(nothing_is_overridden_when_nothing_is_wrong)
{
    const struct ledger_heads heads = heads_of(1);
    int64_t size = size_now();
    ck_assert_int_eq(override(&heads, "no-mismatch"), ERR_CONFLICT);
    (void)note(&heads);
    ck_assert_int_eq(override(&heads, ""), ERR_OK);
    ck_assert_int_eq(override(&heads, "no-mismatch"), ERR_CONFLICT);
    ck_assert_int_eq(size_now(), size + 1);
}
END_TEST

START_TEST(an_override_of_other_heads_is_refused)
{
    const struct ledger_heads heads = heads_of(1);
    (void)note(&heads);
    for (int i = 0; i < 4; i++) {
        struct ledger_heads other = heads;
        struct ledger_head *head = i < 2 ? &other.anchor : &other.found;
        head->size += i % 2;
        head->root.bytes[31] ^= (uint8_t)(1 - i % 2);
        ck_assert_int_eq(override(&other, "other-heads"), ERR_ANCHOR_MISMATCH);
    }
    ck_assert_int_eq(override(&heads, ""), ERR_OK);
}
END_TEST

/* Between the override and the new anchor lies a moment in which the process may die. */
START_TEST(an_overridden_breach_is_found_again_as_such)
{
    const struct ledger_heads heads = heads_of(1);
    (void)note(&heads);
    ck_assert_int_eq(override(&heads, ""), ERR_OK);
    world_reopen(&world);
    const struct ledger_heads later = heads_of(1);
    struct ledger_breach breach = note(&later);
    ck_assert(breach.is_overridden);
    assert_same(&breach.heads, &heads);
    const struct ledger_heads other = heads_of(2);
    breach = note(&other);
    ck_assert(!breach.is_overridden);
}
END_TEST

/* An older breach comes back after a newer one was settled: it is not settled by that. */
START_TEST(an_override_settles_the_newest_breach_only)
{
    const struct ledger_heads one = heads_of(1);
    const struct ledger_heads two = heads_of(2);
    (void)note(&one);
    ck_assert_int_eq(override(&one, ""), ERR_OK);
    (void)note(&two);
    ck_assert_int_eq(override(&one, "other-heads"), ERR_ANCHOR_MISMATCH);
    struct ledger_breach breach = note(&one);
    ck_assert(!breach.is_overridden);
}
END_TEST

/* Who switches a product off does not get around its maker. */
START_TEST(a_disabled_products_maker_must_agree_as_well)
{
    world_end(&world);
    maker_make(&world, 10);
    ck_assert_int_eq(world_execute(&world, "UPDATE product SET is_enabled = 0"), 0);
    world_reopen(&world);
    const struct ledger_heads heads = heads_of(1);
    const struct ledger_grant grant = maker_override(&heads);
    (void)note(&heads);
    ck_assert_int_eq(override(&heads, "product-governed"), ERR_FORBIDDEN);
    ck_assert_int_eq(world_number(&world, "SELECT overridden_unix_ms FROM meta"), 0);
    (void)maker_must(&world, &grant);
    ck_assert_int_eq(override(&heads, ""), ERR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("breach");
    TCase *tcase = tcase_create("breach");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_breach_is_noted_without_a_leaf);
    tcase_add_test(tcase, a_restart_finds_the_same_breach_with_its_first_heads);
    tcase_add_test(tcase, another_anchor_is_another_breach);
    tcase_add_test(tcase, a_head_that_the_ledger_does_not_extend_is_not_found_again);
    tcase_add_test(tcase, an_override_is_a_leaf_that_names_both_heads);
    tcase_add_test(tcase, an_override_ages_the_documents_before_it);
    tcase_add_test(tcase, nothing_is_overridden_when_nothing_is_wrong);
    tcase_add_test(tcase, an_override_of_other_heads_is_refused);
    tcase_add_test(tcase, an_overridden_breach_is_found_again_as_such);
    tcase_add_test(tcase, an_override_settles_the_newest_breach_only);
    tcase_add_test(tcase, a_disabled_products_maker_must_agree_as_well);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
