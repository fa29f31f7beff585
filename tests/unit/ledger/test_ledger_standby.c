/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Standby HSMs, what was wrapped for them, and images that come from another HSM's ledger. */
#include <string.h>

#include "maker.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 10);
}

static void setup_governed(void)
{
    maker_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct ledger_standby standby_of(const char *name, int64_t n)
{
    struct ledger_standby standby = {.hsm = world_digest('h', n), .spki_length = 91};
    strcpy(standby.name, name);
    memset(standby.spki, (int)n, standby.spki_length);
    return standby;
}

static enum error add(const char *name, int64_t n)
{
    const struct ledger_standby standby = standby_of(name, n);
    return ledger_standby_add(world.ledger, &standby, WORLD_BY, &world.fault);
}

static void claim_conflict(enum error e, const char *reason)
{
    ck_assert_int_eq(e, ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, reason);
}

/* ---- which there are ---- */

START_TEST(standby_is_known_by_name_until_it_is_removed)
{
    struct ledger_standby found;
    const struct ledger_standby wanted = standby_of("b", 1);
    ck_assert_int_eq(add("b", 1), ERR_OK);
    ck_assert_int_eq(add("b", 1), ERR_OK); /* the same again */
    world_reopen(&world);
    ck_assert_int_eq(ledger_standby_get(world.ledger, "b", &found, &world.fault), ERR_OK);
    ck_assert(sha256_equal(&found.hsm, &wanted.hsm));
    ck_assert_mem_eq(found.spki, wanted.spki, wanted.spki_length);
    ck_assert_int_eq(ledger_standby_remove(world.ledger, "b", WORLD_BY, &world.fault), ERR_OK);
    claim_conflict(ledger_standby_get(world.ledger, "b", &found, &world.fault), "standby-unknown");
    claim_conflict(ledger_standby_remove(world.ledger, "b", WORLD_BY, &world.fault),
                   "standby-unknown");
    ck_assert_int_eq(world_leaves_with(&world, "\"standby-added\""), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"standby-removed\""), 1);
    ck_assert_int_eq(add("b", 2), ERR_OK);
}
END_TEST

START_TEST(name_and_hsm_are_taken_once)
{
    ck_assert_int_eq(add("b", 1), ERR_OK);
    claim_conflict(add("b", 2), "standby-exists");
    claim_conflict(add("c", 1), "standby-exists");
    ck_assert_int_eq(world_leaves_with(&world, "\"standby-added\""), 1);
}
END_TEST

START_TEST(there_are_sixteen_at_most)
{
    char name[8] = "x0";
    for (int n = 0; n < LEDGER_STANDBYS_MAX; n++) {
        name[1] = (char)('a' + n);
        ck_assert_int_eq(add(name, n + 1), ERR_OK);
    }
    claim_conflict(add("more", 99), "too-many-standbys");
}
END_TEST

START_TEST(standby_outside_its_limits_is_refused)
{
    struct ledger_standby standby = standby_of("b", 1);
    ck_assert_int_eq(add("-b", 1), ERR_BAD_REQUEST);
    ck_assert_int_eq(add("", 1), ERR_BAD_REQUEST);
    standby.spki_length = 0;
    ck_assert_int_eq(ledger_standby_add(world.ledger, &standby, WORLD_BY, &world.fault),
                     ERR_BAD_REQUEST);
    standby.spki_length = LEDGER_SPKI_MAX + 1;
    ck_assert_int_eq(ledger_standby_add(world.ledger, &standby, WORLD_BY, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

/* ---- what was wrapped for them ---- */

static bool keep_row(void *context, const struct ledger_handed_over *row)
{
    struct ledger_handed_over *kept = context;
    if (strcmp(row->product, WORLD_PRODUCT) == 0 && strcmp(row->standby, "b") == 0)
        *kept = *row;
    return true;
}

static struct ledger_handed_over has(void)
{
    struct ledger_handed_over row = {.images = -1};
    ck_assert_int_eq(ledger_handed_over_each(world.ledger, keep_row, &row, &world.fault), ERR_OK);
    return row;
}

static enum error note(const struct ledger_standby *standby, int64_t images)
{
    const struct ledger_handover handover = {.product = WORLD_PRODUCT,
                                             .standby = standby,
                                             .images = images,
                                             .file = world_digest('f', 1)};
    return ledger_handover_note(world.ledger, &handover, WORLD_BY, &world.fault);
}

START_TEST(what_a_standby_lacks_is_counted)
{
    const struct ledger_standby standby = standby_of("b", 1);
    ck_assert_int_eq(has().images, -1);
    ck_assert_int_eq(add("b", 1), ERR_OK);
    ck_assert_int_eq(has().images, 1);
    ck_assert_int_eq(has().exported, 0);
    ck_assert_int_eq(has().exported_unix_ms, 0);
    ck_assert_int_eq(note(&standby, 1), ERR_OK);
    (void)world_add_image(&world, 2);
    world_reopen(&world);
    ck_assert_int_eq(has().images, 2);
    ck_assert_int_eq(has().exported, 1);
    ck_assert_int_gt(has().exported_unix_ms, 0);
    ck_assert_int_eq(note(&standby, 2), ERR_OK);
    ck_assert_int_eq(has().exported, 2);
    ck_assert_int_eq(world_leaves_with(&world, "\"session-keys-exported\""), 2);
}
END_TEST

/* What was wrapped for a key that is not let any more must not be given away. */
START_TEST(standby_that_was_removed_or_exchanged_meanwhile_gets_no_leaf)
{
    const struct ledger_standby standby = standby_of("b", 1);
    ck_assert_int_eq(add("b", 1), ERR_OK);
    ck_assert_int_eq(ledger_standby_remove(world.ledger, "b", WORLD_BY, &world.fault), ERR_OK);
    claim_conflict(note(&standby, 1), "standby-unknown");
    ck_assert_int_eq(add("b", 2), ERR_OK);
    claim_conflict(note(&standby, 1), "standby-unknown");
    ck_assert_int_eq(has().exported, 0);
    ck_assert_int_eq(world_leaves_with(&world, "\"session-keys-exported\""), 0);
}
END_TEST

/* ---- images from another HSM ---- */

static enum error import(const struct ledger_image *image, bool *ret_is_new)
{
    const struct sha256 hsm = world_digest('h', 9);
    return ledger_image_import(world.ledger, WORLD_PRODUCT, image, &hsm, WORLD_BY, ret_is_new,
                               &world.fault);
}

START_TEST(image_comes_in_once_with_its_name_and_switch)
{
    struct ledger_image image = world_image(2);
    struct ledger_alias alias;
    bool is_new = false;
    strcpy(image.alias, "stable");
    image.is_enabled = false;
    ck_assert_int_eq(import(&image, &is_new), ERR_OK);
    ck_assert(is_new);
    ck_assert_int_eq(ledger_alias_get(world.ledger, "stable", &alias, &world.fault), ERR_OK);
    ck_assert(sha256_equal(&alias.digest, &image.digest));
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM image WHERE is_enabled = 0"), 1);
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    strcpy(image.alias, "other"); /* what is there stays as it is */
    ck_assert_int_eq(import(&image, &is_new), ERR_OK);
    ck_assert(!is_new);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    ck_assert_int_eq(world_leaves_with(&world, "\"session-keys-imported\""), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"image-alias\""), 1);
}
END_TEST

START_TEST(one_key_is_one_image_and_one_image_is_one_key)
{
    struct ledger_image image = world_image(1);
    struct ledger_image twin = world_image(3);
    bool is_new = true;
    image.session_key[0] ^= 1;
    claim_conflict(import(&image, &is_new), "image-other-key");
    const struct ledger_image there = world_image(1);
    memcpy(twin.session_key, there.session_key, there.session_key_length);
    twin.session_key_length = there.session_key_length;
    claim_conflict(import(&twin, &is_new), "session-key-used");
    ck_assert_int_eq(world_leaves_with(&world, "\"session-keys-imported\""), 0);
}
END_TEST

/* Under the key of before, the same session key would look like another one. */
START_TEST(key_from_before_a_rotation_is_not_taken_for_another_one)
{
    const int64_t present = 2;
    struct ledger_image image = world_image(1);
    struct ledger_image fresh = world_image(2);
    bool is_new = true;
    image.generation = present;
    claim_conflict(import(&image, &is_new), "firmware-key-changed");
    fresh.generation = present;
    claim_conflict(import(&fresh, &is_new), "firmware-key-changed");
    ck_assert_int_eq(world_leaves_with(&world, "\"session-keys-imported\""), 0);
    image.generation = 1;
    ck_assert_int_eq(import(&image, &is_new), ERR_OK);
    ck_assert(!is_new);
}
END_TEST

/* Row, key and name come together or not at all. */
START_TEST(name_that_cannot_be_given_undoes_the_whole)
{
    struct ledger_image image = world_image(2);
    const struct ledger_naming naming = {
        .product = WORLD_PRODUCT, .digest = world_image(1).digest, .alias = "Stable"};
    bool is_new = false;
    ck_assert_int_eq(ledger_image_alias(world.ledger, &naming, WORLD_BY, NULL, &world.fault),
                     ERR_OK);
    strcpy(image.alias, "stable");
    claim_conflict(import(&image, &is_new), "alias-case");
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM image"), 1);
    ck_assert_int_eq(world_leaves_with(&world, "\"image-added\""), 1);
    strcpy(image.alias, "-");
    ck_assert_int_eq(import(&image, &is_new), ERR_BAD_REQUEST);
    image.alias[0] = '\0';
    ck_assert_int_eq(import(&image, &is_new), ERR_OK);
}
END_TEST

/* ---- documents ---- */

/* It may be the one that takes the standby back. */
START_TEST(document_that_came_meanwhile_keeps_the_keys_here)
{
    const struct ledger_standby standby = standby_of("b", 1);
    struct ledger_handover handover = {
        .product = WORLD_PRODUCT, .standby = &standby, .sequence = 1, .images = 1};
    struct ledger_grant grant = maker_document(LEDGER_GRANT_STANDBY);
    ck_assert_int_eq(add("b", 1), ERR_OK);
    ck_assert_int_eq(ledger_handover_note(world.ledger, &handover, WORLD_BY, &world.fault), ERR_OK);
    grant.sequence = 2;
    (void)maker_must(&world, &grant);
    claim_conflict(ledger_handover_note(world.ledger, &handover, WORLD_BY, &world.fault),
                   "product-changed");
    handover.sequence = 2;
    ck_assert_int_eq(ledger_handover_note(world.ledger, &handover, WORLD_BY, &world.fault), ERR_OK);
}
END_TEST

START_TEST(document_that_names_a_standby_is_numbered)
{
    struct ledger_grant grant = maker_document(LEDGER_GRANT_STANDBY);
    struct ledger_granted granted;
    grant.standby = (struct ledger_standby_key){world_digest('h', 1), world_digest('t', 1), true};
    grant.sequence = 3;
    ck_assert_int_eq(ledger_grant_apply(world.ledger, &grant, WORLD_BY, &granted, &world.fault),
                     ERR_GRANT_REFUSED);
    ck_assert_str_eq(world.fault.reason, "sequence");
    grant.sequence = 2;
    granted = maker_must(&world, &grant);
    ck_assert_int_eq(granted.sequence, 2);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, granted.journal_index), "\"allowed\":true"));
    grant = maker_document(LEDGER_GRANT_STANDBY);
    grant.sequence = 0;
    ck_assert_int_eq(ledger_grant_apply(world.ledger, &grant, WORLD_BY, &granted, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("standbys");
    TCase *local = tcase_create("local");
    TCase *governed = tcase_create("governed");
    tcase_add_checked_fixture(local, setup, teardown);
    tcase_add_test(local, standby_is_known_by_name_until_it_is_removed);
    tcase_add_test(local, name_and_hsm_are_taken_once);
    tcase_add_test(local, there_are_sixteen_at_most);
    tcase_add_test(local, standby_outside_its_limits_is_refused);
    tcase_add_test(local, what_a_standby_lacks_is_counted);
    tcase_add_test(local, standby_that_was_removed_or_exchanged_meanwhile_gets_no_leaf);
    tcase_add_test(local, image_comes_in_once_with_its_name_and_switch);
    tcase_add_test(local, one_key_is_one_image_and_one_image_is_one_key);
    tcase_add_test(local, key_from_before_a_rotation_is_not_taken_for_another_one);
    tcase_add_test(local, name_that_cannot_be_given_undoes_the_whole);
    suite_add_tcase(suite, local);
    tcase_add_checked_fixture(governed, setup_governed, teardown);
    tcase_add_test(governed, document_that_came_meanwhile_keeps_the_keys_here);
    tcase_add_test(governed, document_that_names_a_standby_is_numbered);
    suite_add_tcase(suite, governed);
    return world_run(suite);
}
