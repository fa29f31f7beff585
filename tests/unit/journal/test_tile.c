/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Names of tiles: each tile has one, and no other text is a name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "journal/tile.h"
#include "journal/tree.h"
#include "support/sizes.h"

#define INDEX_MAX ((INT64_C(1) << 32) - 1) /* of a log of 2^40 leaves */

static const int64_t INDEXES[] = {
    0,       1,         9,          10,         99,         100,       255,        256,
    999,     1000,      1001,       1067,       9999,       10000,     999999,     1000000,
    1234067, 999999999, 1000000000, 4294967295, 4294967294, 123456789, 1000000001,
};

static void reads_back(const struct tile *tile)
{
    char name[TILE_NAME_SIZE];
    struct tile got;
    tile_name(tile, name);
    if (!tile_parse(name, &got) || got.is_entries != tile->is_entries || got.level != tile->level ||
        got.index != tile->index || got.width != tile->width)
        ck_abort_msg("%s is another tile", name);
}

/* The form of a name, whatever the text: it names a tile whose name it is, or it is refused. */
static bool is_name(const char *text)
{
    struct tile tile;
    char name[TILE_NAME_SIZE];
    if (!tile_parse(text, &tile))
        return false;
    tile_name(&tile, name);
    if (strcmp(name, text) != 0 || tile.level >= TREE_LEVELS || tile.index < 0 ||
        tile.index > INDEX_MAX || tile.width < 1 || tile.width > TREE_TILE_WIDTH ||
        (tile.is_entries && tile.level != 0))
        ck_abort_msg("%s is taken for %s", text, name);
    return true;
}

START_TEST(names_are_those_of_the_specification)
{
    static const struct {
        struct tile tile;
        const char *name;
    } known[] = {
        {{.level = 0, .index = 0, .width = 256}, "0/000"},
        {{.level = 0, .index = 67, .width = 256}, "0/067"},
        {{.level = 3, .index = 1234067, .width = 256}, "3/x001/x234/067"},
        {{.level = 4, .index = 999, .width = 1}, "4/999.p/1"},
        {{.level = 1, .index = 1000, .width = 255}, "1/x001/000.p/255"},
        {{.is_entries = true, .index = 67, .width = 12}, "entries/067.p/12"},
        {{.is_entries = true, .index = INDEX_MAX, .width = 256}, "entries/x004/x294/x967/295"},
    };
    char name[TILE_NAME_SIZE];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        tile_name(&known[i].tile, name);
        ck_assert_str_eq(name, known[i].name);
        reads_back(&known[i].tile);
    }
}
END_TEST

START_TEST(every_tile_reads_back_from_its_name)
{
    for (unsigned level = 0; level <= TREE_LEVELS; level++) {
        struct tile tile = {.is_entries = level == TREE_LEVELS, .level = level % TREE_LEVELS};
        for (size_t i = 0; i < sizeof INDEXES / sizeof INDEXES[0]; i++) {
            tile.index = INDEXES[i];
            for (tile.width = 1; tile.width <= TREE_TILE_WIDTH; tile.width++)
                reads_back(&tile);
        }
        tile.width = TREE_TILE_WIDTH;
        for (tile.index = 0; tile.index <= 100000; tile.index++)
            reads_back(&tile);
    }
}
END_TEST

START_TEST(near_misses_are_no_names)
{
    static const char *const texts[] = {
        "",
        "/",
        "0",
        "0/",
        "0/0",
        "0/00",
        "0/0000",
        "0/67",
        "/0/067",
        "0//067",
        "0/067/",
        "0/ 67",
        "0/+67",
        "0/-67",
        "0/0x1",
        "0/000/067", /* leading groups without x */
        "0/x000/067",
        "0/x000/x001/067",
        "0/x067",
        "0/X001/067",
        "0/x001/x067",
        "0/x01/067",
        "0/x0001/067",
        "0/x001",
        "0/x001/",
        "0/x001x067",
        "00/067",
        "01/067",
        "5/000",
        "9/000",
        "10/000",
        "-1/067",
        "a/067",
        "0/067.p",
        "0/067.p/",
        "0/067.p/0",
        "0/067.p/00",
        "0/067.p/01",
        "0/067.p/256",
        "0/067.p/257",
        "0/067.p/1000",
        "0/067.p/4294967297",
        "0/067.p/18446744073709551617",
        "0/067.p/+1",
        "0/067.p/ 1",
        "0/067.p/1 ",
        "0/067.p/1/",
        "0/067.p/1.p/1",
        "0/067.P/1",
        "0/067p/1",
        "0/067./1",
        "0.p/1/067",
        "0/x001.p/1/067",
        "entries",
        "entries/",
        "entries/67",
        "entries/0/067",
        "Entries/067",
        "entries//067",
        "entriesx/067",
        "data/067",
        "tile/0/067",
        "0/../0/067",
        "0/x004/x294/x967/296", /* one more than the largest */
        "0/x999/x999/x999/999",
        "0/x001/x000/x000/x000/000",
        "0/x018/x446/x744/x073/x709/x551/616", /* 2^64 */
        "0/x001/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/000",
        "0/067\n",
        "0/067?",
        "0/%3067",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tile tile = {.index = 77};
        ck_assert_msg(!tile_parse(texts[i], &tile), "%s is a name", texts[i]);
        ck_assert_int_eq(tile.index, 77);
    }
}
END_TEST

/* All texts of these characters up to a length: as many are names as tiles have such a name. */
START_TEST(of_all_short_texts_only_names_are_names)
{
    static const char alphabet[] = "0125/x.p";
    char text[16];
    size_t length = test_size("characters of all texts that may be a tile's name", 7, 9);
    size_t names = 0;
    for (size_t n = 1; n <= length; n++) {
        text[n] = '\0';
        for (size_t i = 0; i < (size_t)1 << (3 * n); i++) {
            for (size_t k = 0; k < n; k++)
                text[k] = alphabet[i >> 3 * k & 7];
            names += is_name(text) ? 1 : 0;
        }
    }
    /* Levels 0, 1 and 2, three digits of four; and with nine characters the widths 1, 2 and 5. */
    ck_assert_uint_eq(names, length < 9 ? 3 * 64 : 3 * 64 * 4);
}
END_TEST

/* Replaces removed characters at a place of a name, at its end too, by the text. */
static bool is_name_with(const char *name, size_t at, size_t removed, const char *inserted)
{
    char text[TILE_NAME_SIZE];
    if (at + removed > strlen(name))
        return false;
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)at, name, inserted, name + at + removed);
    return is_name(text);
}

static void change_each_character(const char *name)
{
    size_t names = 0;
    for (size_t at = 0; at <= strlen(name); at++) {
        names += is_name_with(name, at, 1, "") ? 1 : 0;
        for (int c = 1; c < 256; c++) {
            const char text[2] = {(char)c, '\0'};
            names += is_name_with(name, at, 0, text) ? 1 : 0;
            names += is_name_with(name, at, 1, text) ? 1 : 0;
        }
    }
    ck_assert_uint_ge(names, 20); /* other digits, and the name itself */
}

START_TEST(changed_name_is_the_name_of_another_tile_or_none)
{
    change_each_character("0/067");
    change_each_character("entries/x001/x234/067.p/200");
    change_each_character("4/x004/x294/x967/295.p/255");
    change_each_character("3/x004/x294/x967/295");
}
END_TEST

START_TEST(name_longer_than_its_buffer_is_none)
{
    char text[4096];
    struct tile tile;
    memset(text, '0', sizeof text);
    text[1] = '/';
    text[sizeof text - 1] = '\0';
    ck_assert(!tile_parse(text, &tile));
    for (size_t i = 2; i + 5 < sizeof text; i += 5)
        memcpy(text + i, "x001/", 5);
    ck_assert(!tile_parse(text, &tile));
}
END_TEST

/* ---- what exists ---- */

START_TEST(tile_exists_once_the_log_has_all_of_it)
{
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        int64_t unit = INT64_C(1) << (TREE_TILE_HEIGHT * level);
        struct tile tile = {.level = level, .index = 3, .width = 7};
        int64_t needed = (3 * 256 + 7) * unit;
        if (needed > TREE_SIZE_MAX)
            tile.index = 0, needed = 7 * unit;
        ck_assert(tile_exists(&tile, needed));
        ck_assert(!tile_exists(&tile, needed - 1));
        ck_assert(tile_exists(&tile, TREE_SIZE_MAX));
        ck_assert(!tile_exists(&tile, 0));
    }
}
END_TEST

START_TEST(entries_exist_as_leaves_do)
{
    struct tile tile = {.is_entries = true, .index = 1, .width = 256};
    ck_assert(tile_exists(&tile, 512));
    ck_assert(!tile_exists(&tile, 511));
    tile.width = 1;
    ck_assert(tile_exists(&tile, 257));
    ck_assert(!tile_exists(&tile, 256));
}
END_TEST

START_TEST(tile_out_of_range_never_exists)
{
    static const struct tile tiles[] = {
        {.width = 0},
        {.width = 257},
        {.width = 1, .index = -1},
        {.width = 1, .index = INDEX_MAX + 1},
        {.width = 1, .index = INT64_MAX},
        {.width = 1, .index = INT64_MIN},
        {.width = 1, .level = TREE_LEVELS},
        {.width = 1, .level = 64},
        {.width = 1, .level = 1, .is_entries = true},
    };
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++)
        ck_assert_msg(!tile_exists(&tiles[i], TREE_SIZE_MAX), "tile %zu", i);
    ck_assert(!tile_exists(&(struct tile){.width = 1}, -1));
    ck_assert(!tile_exists(&(struct tile){.width = 1}, INT64_MIN));
}
END_TEST

static void add_tests(TCase *tiles)
{
    tcase_add_test(tiles, names_are_those_of_the_specification);
    tcase_add_test(tiles, every_tile_reads_back_from_its_name);
    tcase_add_test(tiles, near_misses_are_no_names);
    tcase_add_test(tiles, of_all_short_texts_only_names_are_names);
    tcase_add_test(tiles, changed_name_is_the_name_of_another_tile_or_none);
    tcase_add_test(tiles, name_longer_than_its_buffer_is_none);
    tcase_add_test(tiles, tile_exists_once_the_log_has_all_of_it);
    tcase_add_test(tiles, entries_exist_as_leaves_do);
    tcase_add_test(tiles, tile_out_of_range_never_exists);
}

int main(void)
{
    Suite *suite = suite_create("journal tile");
    TCase *tiles = tcase_create("tiles");
    tcase_set_timeout(tiles, 120);
    add_tests(tiles);
    suite_add_tcase(suite, tiles);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
