/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Firmware keys in the ledger: rotations, and the end of what they retire. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "maker.h"
#include "support/sizes.h"
#include "world.h"

#define IMAGES       3
#define REFUSED_TEXT 2048

static struct world world;
static struct ledger_rewrapped rewrapped[LEDGER_ROTATION_MAX + 1];

static void setup(void)
{
    fault_vfs_register();
    world_make(&world, 10);
    for (int64_t n = 2; n <= IMAGES; n++)
        (void)world_add_image(&world, n);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- rotations ---- */

static const uint8_t first_key[LEDGER_KEY_ID_BYTES] = {1, 2, 3};

static void key_of(int64_t generation, uint8_t out[LEDGER_KEY_ID_BYTES])
{
    memset(out, 0, LEDGER_KEY_ID_BYTES);
    out[0] = (uint8_t)(generation >> 8);
    out[1] = (uint8_t)generation;
    if (generation == 1)
        memcpy(out, first_key, LEDGER_KEY_ID_BYTES);
}

static struct ledger_product product(void)
{
    struct ledger_product found;
    ck_assert_int_eq(ledger_product_get(world.ledger, WORLD_PRODUCT, &found, &world.fault), ERR_OK);
    return found;
}

struct collecting {
    size_t count;
    int64_t generation;
};

static bool collect(void *context, const struct ledger_image *image)
{
    struct collecting *collecting = context;
    struct ledger_rewrapped *next = &rewrapped[collecting->count++];
    *next = (struct ledger_rewrapped){.image_id = image->id, .length = image->session_key_length};
    memcpy(next->was, image->session_key, next->length);
    memcpy(next->is, image->session_key, next->length);
    next->is[next->length - 1] ^= (uint8_t)collecting->generation;
    next->is[next->length - 2] ^= 0x80;
    return true;
}

/* The next rotation of the product, as a vault would ask for it. */
static struct ledger_rotation next_rotation(void)
{
    struct ledger_product found = product();
    struct collecting collecting = {.generation = found.generation + 1};
    ck_assert_int_eq(ledger_images_each(world.ledger, found.id, collect, &collecting, &world.fault),
                     ERR_OK);
    struct ledger_rotation rotation = {.product = WORLD_PRODUCT,
                                       .generation = found.generation + 1,
                                       .images = rewrapped,
                                       .count = collecting.count};
    memcpy(rotation.old_key, found.firmware_key, LEDGER_KEY_ID_BYTES);
    key_of(rotation.generation, rotation.new_key);
    return rotation;
}

static enum error rotate(const struct ledger_rotation *rotation)
{
    return ledger_firmware_key_rotate(world.ledger, rotation, WORLD_BY, &world.fault);
}

static void rotate_well(void)
{
    const struct ledger_rotation rotation = next_rotation();
    ck_assert_msg(rotate(&rotation) == ERR_OK, "%s", world.fault.reason);
}

static int64_t rotated_leaves(void)
{
    return world_leaves_with(&world, "\"type\":\"firmware-key-rotated\"");
}

/* Product, images and keys are as before any rotation. */
static void check_untouched(void)
{
    ck_assert_int_eq(product().generation, 1);
    ck_assert_mem_eq(product().firmware_key, first_key, LEDGER_KEY_ID_BYTES);
    ck_assert_int_eq(rotated_leaves(), 0);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM firmware_key"), 1);
    ck_assert_int_eq(world_number(&world, "SELECT max(generation) FROM image"), 1);
}

static void check_conflict(const struct ledger_rotation *rotation, const char *reason)
{
    ck_assert_int_eq(rotate(rotation), ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, reason);
}

struct keys {
    struct ledger_firmware_key list[8];
    size_t count;
};

static bool take_key(void *context, const struct ledger_firmware_key *key)
{
    struct keys *keys = context;
    keys->list[keys->count++] = *key;
    return true;
}

static struct keys keys_of(const char *name)
{
    struct keys keys = {.count = 0};
    ck_assert_int_eq(ledger_firmware_keys_each(world.ledger, name, take_key, &keys, &world.fault),
                     ERR_OK);
    return keys;
}

START_TEST(a_product_begins_with_its_first_key)
{
    struct keys keys = keys_of(WORLD_PRODUCT);
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_int_eq(keys.list[0].generation, 1);
    ck_assert_mem_eq(keys.list[0].id, first_key, LEDGER_KEY_ID_BYTES);
    ck_assert_int_eq(keys.list[0].images, IMAGES);
    ck_assert(!keys.list[0].is_retired && !keys.list[0].is_destroyed);
    check_untouched();
    ck_assert_int_eq(ledger_firmware_keys_each(world.ledger, "none", take_key, &keys, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
}
END_TEST

START_TEST(a_rotation_exchanges_every_session_key_and_leaves_one_leaf)
{
    struct ledger_image image;
    rotate_well();
    struct ledger_product found = product();
    struct keys keys = keys_of(NULL);
    ck_assert_int_eq(found.generation, 2);
    ck_assert_uint_eq(keys.count, 2);
    ck_assert(keys.list[0].is_retired && !keys.list[1].is_retired);
    ck_assert_int_eq(keys.list[0].images, 0);
    ck_assert_int_eq(keys.list[1].images, IMAGES);
    ck_assert_mem_eq(found.firmware_key, keys.list[1].id, LEDGER_KEY_ID_BYTES);
    for (int64_t n = 1; n <= IMAGES; n++) {
        struct ledger_image made = world_image(n);
        ck_assert_int_eq(
            ledger_image_get(world.ledger, found.id, &made.digest, &image, &world.fault), ERR_OK);
        ck_assert_int_eq(image.generation, 2);
        ck_assert_mem_eq(image.session_key, rewrapped[n - 1].is, image.session_key_length);
    }
    ck_assert_int_eq(rotated_leaves(), 1);
    const char *leaf = world_leaf(&world, keys.list[0].retired_leaf);
    ck_assert_ptr_nonnull(strstr(leaf, "\"generation\":2,\"images\":3,"
                                       "\"new_key\":\"00020000000000000000000000000000\","
                                       "\"old_key\":\"01020300000000000000000000000000\","
                                       "\"product\":\"widget\""));
    ck_assert_ptr_nonnull(strstr(leaf, "\"type\":\"firmware-key-rotated\""));
    ck_assert_ptr_nonnull(strstr(leaf, "\"by\":\"uid:0\""));
}
END_TEST

START_TEST(licenses_stay_as_they_are_and_new_ones_go_on)
{
    struct ledger_issued before;
    struct ledger_issued after;
    ck_assert_int_eq(world_issue(&world, 1, &before), ERR_OK);
    rotate_well();
    ck_assert_int_eq(world_issue(&world, 1, &after), ERR_OK);
    ck_assert(after.is_repeat);
    ck_assert_uint_eq(after.license_length, before.license_length);
    ck_assert_mem_eq(after.license, before.license, before.license_length);
    ck_assert_int_eq(world_issue(&world, 2, &after), ERR_OK);
    ck_assert(!after.is_repeat);
}
END_TEST

START_TEST(the_same_rotation_again_changes_nothing)
{
    const struct ledger_rotation rotation = next_rotation();
    ck_assert_int_eq(rotate(&rotation), ERR_OK);
    ck_assert_int_eq(rotate(&rotation), ERR_OK);
    ck_assert_int_eq(rotated_leaves(), 1);
    ck_assert_uint_eq(keys_of(WORLD_PRODUCT).count, 2);
}
END_TEST

START_TEST(keys_are_rotated_as_often_as_one_likes)
{
    for (int i = 0; i < 5; i++)
        rotate_well();
    world_reopen(&world);
    ck_assert_int_eq(product().generation, 6);
    ck_assert_int_eq(rotated_leaves(), 5);
    struct keys keys = keys_of(WORLD_PRODUCT);
    ck_assert_uint_eq(keys.count, 6);
    for (size_t i = 0; i < keys.count; i++)
        ck_assert_int_eq(keys.list[i].is_retired, i + 1 < keys.count);
}
END_TEST

START_TEST(a_rotation_of_a_list_that_is_not_exact_changes_nothing)
{
    struct ledger_rotation rotation = next_rotation();
    rotation.count = IMAGES - 1;
    check_conflict(&rotation, "images-changed");
    rotation = next_rotation();
    rewrapped[1].was[0] ^= 1;
    check_conflict(&rotation, "images-changed");
    rotation = next_rotation();
    rewrapped[2] = rewrapped[1];
    check_conflict(&rotation, "images-changed");
    rotation = next_rotation();
    rewrapped[0].image_id = 99;
    check_conflict(&rotation, "images-changed");
    rotation = next_rotation();
    (void)world_add_image(&world, IMAGES + 1); /* came in between */
    check_conflict(&rotation, "images-changed");
    check_untouched();
    rotate_well();
}
END_TEST

START_TEST(a_rotation_from_another_key_or_past_a_generation_changes_nothing)
{
    struct ledger_rotation rotation = next_rotation();
    rotation.old_key[15] ^= 1;
    check_conflict(&rotation, "firmware-key-changed");
    rotation = next_rotation();
    rotation.generation = 3;
    check_conflict(&rotation, "firmware-key-changed");
    check_untouched();
    rotation = next_rotation();
    ck_assert_int_eq(rotate(&rotation), ERR_OK);
    rotation.new_key[15] ^= 1; /* the same generation under another key */
    check_conflict(&rotation, "firmware-key-changed");
}
END_TEST

START_TEST(a_rotation_outside_the_limits_is_refused)
{
    struct ledger_rotation rotation = next_rotation();
    rotation.count = LEDGER_ROTATION_MAX + 1;
    ck_assert_int_eq(rotate(&rotation), ERR_BAD_REQUEST);
    rotation = next_rotation();
    rotation.generation = 1;
    ck_assert_int_eq(rotate(&rotation), ERR_BAD_REQUEST);
    rotation = next_rotation();
    rewrapped[1].length = LEDGER_WRAPPED_KEY_MAX + 1;
    ck_assert_int_eq(rotate(&rotation), ERR_BAD_REQUEST);
    rotation = next_rotation();
    rotation.product = "none";
    ck_assert_int_eq(rotate(&rotation), ERR_PRODUCT_UNKNOWN);
    check_untouched();
}
END_TEST

START_TEST(an_image_under_the_old_key_does_not_slip_in)
{
    struct ledger_image image = world_image(IMAGES + 1);
    rotate_well();
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "firmware-key-changed");
    image.generation = 3;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_CONFLICT);
    image.generation = 0;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_BAD_REQUEST);
    image.generation = 2;
    ck_assert_int_eq(ledger_image_add(world.ledger, WORLD_PRODUCT, &image, WORLD_BY, &world.fault),
                     ERR_OK);
}
END_TEST

START_TEST(a_product_without_images_and_a_governed_one_rotate_as_well)
{
    world_end(&world);
    maker_make(&world, 5);
    ck_assert(product().is_governed);
    rotate_well();
    ck_assert_int_eq(product().generation, 2);
    const struct ledger_product_new empty = {.name = "empty",
                                             .profile = "sealed-v1",
                                             .policy = LEDGER_PER_DEVICE,
                                             .anchors = bytes_of("PEM", 3)};
    ck_assert_int_eq(ledger_product_create(world.ledger, &empty, WORLD_BY, &world.fault), ERR_OK);
    struct ledger_rotation rotation = {.product = "empty", .generation = 2, .new_key = {7}};
    ck_assert_int_eq(rotate(&rotation), ERR_OK);
    ck_assert_uint_eq(keys_of("empty").count, 2);
}
END_TEST

START_TEST(a_product_of_many_images_is_rotated_in_one_transaction)
{
    char sql[REFUSED_TEXT];
    size_t images = test_size("images of a rotated product", 10000, LEDGER_ROTATION_MAX - IMAGES);
    ledger_close(world.ledger);
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < "
                   "%zu) INSERT INTO image (product_id, digest, size, label, session_key, iv, tag, "
                   "created_unix_ms, is_enabled) SELECT 1, randomblob(32), 1, '', randomblob(40), "
                   "x'00', zeroblob(16), 1, 1 FROM n",
                   images);
    ck_assert_int_eq(world_execute(&world, sql), SQLITE_OK);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    const struct ledger_rotation rotation = next_rotation();
    int64_t began_ms = clock_monotonic_ms();
    ck_assert_msg(rotate(&rotation) == ERR_OK, "%s", world.fault.reason);
    (void)printf("%zu images: the transaction took %lld ms\n", rotation.count,
                 (long long)(clock_monotonic_ms() - began_ms));
    ck_assert_uint_eq((size_t)keys_of(WORLD_PRODUCT).list[1].images, images + IMAGES);
}
END_TEST

/* ---- cut and full ---- */

static void check_old_or_new(void)
{
    bool is_new = product().generation == 2;
    if (!is_new)
        check_untouched();
    ck_assert_int_eq(rotated_leaves(), is_new);
    ck_assert_int_eq(world_number(&world, "SELECT count(DISTINCT generation) FROM image"), 1);
}

START_TEST(killed_around_the_commit_it_is_the_old_or_the_new_key)
{
    static const char *const LABELS[] = {"ledger.before-commit:2", "ledger.after-commit:2"};
    int status = 0;
    ledger_close(world.ledger);
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("PROVISIOND_CRASH_AT", LABELS[_i], 1);
        if (world_open(&world) != ERR_OK)
            _exit(1);
        const struct ledger_rotation rotation = next_rotation();
        (void)rotate(&rotation);
        _exit(2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: %x", LABELS[_i], status);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    check_old_or_new();
    ck_assert_int_eq(product().generation, 1 + _i);
    rotate_well();
}
END_TEST

START_TEST(a_disk_that_is_full_leaves_the_old_key)
{
    const struct ledger_rotation rotation = next_rotation();
    fault_vfs_arm(FAULT_WRITE, 1, SQLITE_FULL, true);
    ck_assert_int_eq(rotate(&rotation), ERR_LEDGER_UNAVAILABLE);
    fault_vfs_arm(FAULT_WRITE, 0, 0, false);
    check_untouched();
    world_reopen(&world);
    check_untouched();
    rotate_well();
}
END_TEST

/* ---- the end of a key ---- */

static struct ledger_key_end end_of(int64_t generation)
{
    struct ledger_key_end end = {.product = WORLD_PRODUCT,
                                 .no_backup_before_unix_ms = clock_unix_ms()};
    key_of(generation, end.key);
    return end;
}

static void rotate_long_ago(void)
{
    rotate_well();
    int64_t retired = keys_of(WORLD_PRODUCT).list[0].retired_unix_ms;
    while (clock_unix_ms() <= retired)
        (void)usleep(500);
}

static void check_stays(const struct ledger_key_end *end, enum error code, const char *reason)
{
    struct ledger_firmware_key key;
    ck_assert_int_eq(ledger_firmware_key_may_end(world.ledger, end, &key, &world.fault), code);
    ck_assert_str_eq(world.fault.reason, reason);
    world.fault = (struct fault){0};
    ck_assert_int_eq(ledger_firmware_key_ended(world.ledger, end, WORLD_BY, &world.fault), code);
    ck_assert_str_eq(world.fault.reason, reason);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"firmware-key-destroyed\""), 0);
}

START_TEST(a_retired_key_ends_once)
{
    struct ledger_firmware_key key;
    rotate_long_ago();
    const struct ledger_key_end end = end_of(1);
    ck_assert_int_eq(ledger_firmware_key_may_end(world.ledger, &end, &key, &world.fault), ERR_OK);
    ck_assert_int_eq(key.generation, 1);
    ck_assert(!key.is_destroyed);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ledger_firmware_key_ended(world.ledger, &end, WORLD_BY, &world.fault),
                         ERR_OK);
    ck_assert_int_eq(ledger_firmware_key_may_end(world.ledger, &end, &key, &world.fault), ERR_OK);
    ck_assert(key.is_destroyed);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"firmware-key-destroyed\""), 1);
    const char *leaf = world_leaf(&world, key.destroyed_leaf);
    ck_assert_ptr_nonnull(strstr(leaf, "\"generation\":1,"
                                       "\"key\":\"01020300000000000000000000000000\","
                                       "\"no_backup_before\":\"20"));
}
END_TEST

START_TEST(a_key_in_use_or_of_nobody_does_not_end)
{
    struct ledger_key_end end = end_of(1);
    check_stays(&end, ERR_CONFLICT, "key-in-use");
    rotate_long_ago();
    end = end_of(2);
    check_stays(&end, ERR_CONFLICT, "key-in-use");
    end = end_of(3);
    check_stays(&end, ERR_CONFLICT, "key-unknown");
    end.product = "none";
    check_stays(&end, ERR_PRODUCT_UNKNOWN, "product-unknown");
}
END_TEST

START_TEST(a_key_that_a_backup_may_need_does_not_end)
{
    rotate_long_ago();
    struct ledger_key_end end = end_of(1);
    end.no_backup_before_unix_ms = keys_of(WORLD_PRODUCT).list[0].retired_unix_ms;
    check_stays(&end, ERR_BAD_REQUEST, "no-backup-before");
    end.no_backup_before_unix_ms = clock_unix_ms() + 60000;
    check_stays(&end, ERR_BAD_REQUEST, "no-backup-before");
}
END_TEST

/* ---- what the database refuses by itself ---- */

static void assert_refused(const char *sql, int code)
{
    char text[REFUSED_TEXT];
    (void)sqlite3_snprintf(sizeof text, text, "BEGIN; %s COMMIT;", sql);
    int rc = world_execute(&world, text);
    ck_assert_msg(rc == code, "%s: %d, not %d", sql, rc, code);
}

START_TEST(the_database_keeps_images_under_the_newest_key)
{
    static const char NEW_KEY[] =
        "INSERT INTO firmware_key (product_id, generation, key_id) VALUES (1, 2, zeroblob(16));";
    char text[REFUSED_TEXT];
    assert_refused("UPDATE image SET session_key = x'01' WHERE id = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE image SET session_key = x'01', generation = 2 WHERE id = 1;",
                   SQLITE_CONSTRAINT_TRIGGER);
    (void)sqlite3_snprintf(sizeof text, text,
                           "%s UPDATE firmware_key SET retired_leaf = 1, retired_unix_ms = 1 WHERE "
                           "generation = 1;",
                           NEW_KEY);
    assert_refused(text, SQLITE_CONSTRAINT_TRIGGER); /* images need it */
    (void)sqlite3_snprintf(sizeof text, text,
                           "%s INSERT INTO image (product_id, digest, size, label, session_key, "
                           "iv, tag, created_unix_ms, is_enabled, generation) SELECT 1, "
                           "zeroblob(32), 1, '', x'01', iv, tag, 0, 1, 1 FROM image WHERE id = 1;",
                           NEW_KEY);
    assert_refused(text, SQLITE_CONSTRAINT_TRIGGER);
    check_untouched();
}
END_TEST

START_TEST(the_database_keeps_the_keys_and_their_order)
{
    rotate_well();
    assert_refused("UPDATE product SET firmware_key = zeroblob(16);", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("INSERT INTO firmware_key (product_id, generation, key_id) VALUES (1, 4, "
                   "zeroblob(16));",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE firmware_key SET key_id = zeroblob(16) WHERE generation = 1;",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE firmware_key SET retired_leaf = 1, retired_unix_ms = 1 WHERE generation "
                   "= 2;",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE firmware_key SET destroyed_leaf = 99, destroyed_unix_ms = 1 WHERE "
                   "generation = 2;",
                   SQLITE_CONSTRAINT_CHECK);
    assert_refused("UPDATE firmware_key SET destroyed_leaf = 99, destroyed_unix_ms = 1 WHERE "
                   "generation = 1; UPDATE firmware_key SET destroyed_leaf = NULL, "
                   "destroyed_unix_ms = NULL WHERE generation = 1;",
                   SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("DELETE FROM firmware_key WHERE generation = 1;", SQLITE_CONSTRAINT_TRIGGER);
    assert_refused("UPDATE image SET generation = 1;", SQLITE_CONSTRAINT_TRIGGER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("firmware keys");
    TCase *tcase = tcase_create("firmware keys");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_product_begins_with_its_first_key);
    tcase_add_test(tcase, a_rotation_exchanges_every_session_key_and_leaves_one_leaf);
    tcase_add_test(tcase, licenses_stay_as_they_are_and_new_ones_go_on);
    tcase_add_test(tcase, the_same_rotation_again_changes_nothing);
    tcase_add_test(tcase, keys_are_rotated_as_often_as_one_likes);
    tcase_add_test(tcase, a_rotation_of_a_list_that_is_not_exact_changes_nothing);
    tcase_add_test(tcase, a_rotation_from_another_key_or_past_a_generation_changes_nothing);
    tcase_add_test(tcase, a_rotation_outside_the_limits_is_refused);
    tcase_add_test(tcase, an_image_under_the_old_key_does_not_slip_in);
    tcase_add_test(tcase, a_product_without_images_and_a_governed_one_rotate_as_well);
    tcase_add_test(tcase, a_product_of_many_images_is_rotated_in_one_transaction);
    tcase_add_loop_test(tcase, killed_around_the_commit_it_is_the_old_or_the_new_key, 0, 2);
    tcase_add_test(tcase, a_disk_that_is_full_leaves_the_old_key);
    tcase_add_test(tcase, a_retired_key_ends_once);
    tcase_add_test(tcase, a_key_in_use_or_of_nobody_does_not_end);
    tcase_add_test(tcase, a_key_that_a_backup_may_need_does_not_end);
    tcase_add_test(tcase, the_database_keeps_images_under_the_newest_key);
    tcase_add_test(tcase, the_database_keeps_the_keys_and_their_order);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
