/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The packer: what becomes of segments, and which are refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "sfi.h"

#define FLASH       0x08000000U
#define CONTENT_MAX (5 * ST_SFI_AREA_BYTES)
#define GIB_4       (UINT64_C(1) << 32)

static struct st_sfi_plan *plan;
static struct fault fault;
static uint8_t content[CONTENT_MAX];

static void set_up(void)
{
    ck_assert_int_eq(st_sfi_plan_new(&plan), ERR_OK);
    random_fill(content, sizeof content);
    fault = (struct fault){0};
}

static void tear_down(void)
{
    st_sfi_plan_free(plan);
}

static struct bytes some(size_t length)
{
    return bytes_of(length > 0 ? content : NULL, length);
}

static enum error try_add(enum st_sfi_type type, uint64_t address, size_t length)
{
    fault = (struct fault){0};
    return st_sfi_plan_add(plan, &(struct st_sfi_segment){type, address, some(length)}, &fault);
}

static void added(enum st_sfi_type type, uint64_t address, size_t length)
{
    sfi_add(plan, type, address, some(length));
}

static void refused(enum error code, const char *reason)
{
    ck_assert_int_eq(code, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
}

/* The image of the plan, accepted by the reader and opened by the chip. */
static struct st_sfi_opened opened(void)
{
    struct st_sfi_summary summary = {0};
    struct st_sfi_opened image_parts = {0};
    struct st_sfi_text image = sfi_image(plan);
    struct bytes view = bytes_of(image.data, image.length);
    ck_assert_int_eq(sfi_check(view, &summary, &fault), ERR_OK);
    ck_assert(st_sfi_open(view, SFI_KEY, SFI_NONCE, &image_parts));
    ck_assert_uint_eq(summary.areas, image_parts.count);
    free(image.data);
    return image_parts;
}

/* ---- what is made ---- */

START_TEST(records_are_the_documented_bytes)
{
    static const uint8_t expected[] = {
        12,   0,    0,    0,    0,    0,    0,    0,    'S',  'F',  'I',  'M',
        'A',  'G',  'I',  'C',  1,    0,    3,    0, /* */
        14,   0,    0,    0,    16,   0,    0,    0,    'F',  1,    1,    0,
        16,   0,    0,    0,    0x10, 0x32, 0x54, 0x76, 3,    0, /* */
        'a',  'b',  'c',  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, /* */
        14,   0,    0,    0,    1,    0,    0,    0,    'K',  1,    2,    0,
        1,    0,    0,    0,    0x78, 0x56, 0x34, 0x12, 3,    0,    'k', /* */
        14,   0,    0,    0,    2,    0,    0,    0,    'C',  1,    3,    0,
        2,    0,    0,    0,    0,    0,    0,    0,    3,    0,    'o',  'b'};
    sfi_add(plan, ST_SFI_OPTIONS, 0, bytes_of("ob", 2));
    sfi_add(plan, ST_SFI_FIRMWARE, 0x76543210, bytes_of("abc", 3));
    sfi_add(plan, ST_SFI_KEYS, 0x12345678, bytes_of("k", 1));
    struct st_sfi_text records = sfi_records(plan);
    ck_assert_uint_eq(records.length, sizeof expected);
    ck_assert_mem_eq(records.data, expected, sizeof expected);
    free(records.data);
}
END_TEST

START_TEST(segment_is_cut_into_areas_and_its_end_is_filled)
{
    static const size_t lengths[] = {1,    15,   16,    17,    8191,  8192,
                                     8193, 8208, 16383, 16384, 24581, CONTENT_MAX};
    size_t length = lengths[_i];
    added(ST_SFI_FIRMWARE, FLASH, length);
    added(ST_SFI_OPTIONS, 0, 8);
    struct st_sfi_opened image = opened();
    size_t done = 0;
    for (size_t i = 0; i + 1 < image.count; i++) {
        const struct st_sfi_part *part = &image.parts[i];
        size_t left = length - done;
        size_t clear = left < ST_SFI_AREA_BYTES ? left : ST_SFI_AREA_BYTES;
        ck_assert_uint_eq(part->type, 'F');
        ck_assert_uint_eq(part->address, FLASH + done);
        ck_assert_uint_eq(part->content.length, (clear + 15) / 16 * 16);
        ck_assert_mem_eq(part->content.data, content + done, clear);
        for (size_t k = clear; k < part->content.length; k++)
            ck_assert_uint_eq(part->content.data[k], 0xff);
        done += clear;
    }
    ck_assert_uint_eq(done, length);
    st_sfi_opened_clear(&image);
}
END_TEST

START_TEST(areas_keep_their_order_and_the_configuration_goes_last)
{
    added(ST_SFI_OPTIONS, 0, ST_SFI_OPTIONS_MAX_BYTES);
    added(ST_SFI_EXTERNAL, 0x90000000, 20);
    added(ST_SFI_PAUSE, 0, 0);
    added(ST_SFI_RESUME, 0, 0);
    added(ST_SFI_MODULE, 0x20000001, ST_SFI_AREA_BYTES + 3);
    added(ST_SFI_FIRMWARE, FLASH, ST_SFI_AREA_BYTES + 1);
    added(ST_SFI_KEYS, 7, 5);
    struct st_sfi_opened image = opened();
    static const char types[] = "EPRMFFKC";
    static const size_t sizes[] = {32, 0, 0, ST_SFI_AREA_BYTES + 3, ST_SFI_AREA_BYTES, 16, 5, 4096};
    ck_assert_uint_eq(image.count, sizeof types - 1);
    for (size_t i = 0; i < image.count; i++) {
        ck_assert_uint_eq(image.parts[i].type, (uint8_t)types[i]);
        ck_assert_uint_eq(image.parts[i].content.length, sizes[i]);
    }
    ck_assert_uint_eq(image.parts[3].address, 0x20000001);
    ck_assert_mem_eq(image.parts[3].content.data, content, sizes[3]);
    ck_assert_mem_eq(image.parts[7].content.data, content, sizes[7]);
    st_sfi_opened_clear(&image);
}
END_TEST

START_TEST(records_begin_at_the_present_offset)
{
    int fd = sfi_file(bytes_of("before", 6));
    added(ST_SFI_FIRMWARE, FLASH, 16);
    added(ST_SFI_OPTIONS, 0, 1);
    ck_assert_int_eq(st_sfi_plan_write(plan, fd, &fault), ERR_OK);
    struct st_sfi_text alone = sfi_records(plan);
    struct st_sfi_text behind = sfi_read(fd);
    ck_assert_uint_eq(behind.length, alone.length + 6);
    ck_assert_mem_eq(behind.data, "before", 6);
    ck_assert_mem_eq(behind.data + 6, alone.data, alone.length);
    free(alone.data);
    free(behind.data);
    (void)close(fd);
}
END_TEST

START_TEST(image_fits_into_the_whole_address_space)
{
    added(ST_SFI_FIRMWARE, 0, 16);
    added(ST_SFI_EXTERNAL, GIB_4 - 16, 16);
    added(ST_SFI_MODULE, GIB_4 - 1, 1);
    added(ST_SFI_OPTIONS, 0, 1);
    struct st_sfi_opened image = opened();
    ck_assert_uint_eq(image.count, 4);
    ck_assert_uint_eq(image.parts[1].address, 0xfffffff0);
    st_sfi_opened_clear(&image);
}
END_TEST

/* ---- segments ---- */

START_TEST(segment_without_content_is_empty)
{
    static const enum st_sfi_type types[] = {ST_SFI_FIRMWARE, ST_SFI_EXTERNAL, ST_SFI_MODULE,
                                             ST_SFI_KEYS, ST_SFI_OPTIONS};
    refused(try_add(types[_i], 0, 0), "segment-empty");
    ck_assert_int_eq(try_add(types[_i], 0, 1), ERR_OK);
}
END_TEST

START_TEST(segment_in_flash_is_aligned)
{
    for (unsigned offset = 1; offset < ST_SFI_ALIGNMENT; offset++) {
        refused(try_add(ST_SFI_FIRMWARE, FLASH + offset, 1), "segment-unaligned");
        refused(try_add(ST_SFI_EXTERNAL, FLASH + offset, 1), "segment-unaligned");
        ck_assert_int_eq(try_add(ST_SFI_MODULE, FLASH + offset, 1), ERR_OK);
        ck_assert_int_eq(try_add(ST_SFI_KEYS, FLASH + offset, 1), ERR_OK);
    }
    ck_assert_int_eq(try_add(ST_SFI_FIRMWARE, FLASH + ST_SFI_ALIGNMENT, 1), ERR_OK);
}
END_TEST

START_TEST(segment_ends_within_4_gib)
{
    refused(try_add(ST_SFI_FIRMWARE, GIB_4 - 16, 17), "segment-beyond-4gib");
    refused(try_add(ST_SFI_FIRMWARE, GIB_4, 1), "segment-beyond-4gib");
    refused(try_add(ST_SFI_EXTERNAL, GIB_4 + 16, 1), "segment-beyond-4gib");
    refused(try_add(ST_SFI_EXTERNAL, UINT64_MAX - 15, 16), "segment-beyond-4gib");
    refused(try_add(ST_SFI_MODULE, GIB_4 - 1, 2), "segment-beyond-4gib");
    refused(try_add(ST_SFI_KEYS, UINT64_MAX, 1), "segment-beyond-4gib");
    ck_assert_int_eq(try_add(ST_SFI_FIRMWARE, GIB_4 - 16, 16), ERR_OK);
    ck_assert_int_eq(try_add(ST_SFI_EXTERNAL, GIB_4 - 32, 1), ERR_OK);
    ck_assert_int_eq(try_add(ST_SFI_MODULE, GIB_4 - 2, 2), ERR_OK);
}
END_TEST

START_TEST(segments_in_flash_overlap_as_they_are_filled)
{
    added(ST_SFI_FIRMWARE, FLASH, 17);
    refused(try_add(ST_SFI_FIRMWARE, FLASH, 1), "segment-overlap");
    refused(try_add(ST_SFI_EXTERNAL, FLASH + 16, 1), "segment-overlap");
    refused(try_add(ST_SFI_FIRMWARE, FLASH - 16, 17), "segment-overlap");
    refused(try_add(ST_SFI_FIRMWARE, FLASH - 16, 1000), "segment-overlap");
    ck_assert_int_eq(try_add(ST_SFI_EXTERNAL, FLASH + 32, 1), ERR_OK);
    ck_assert_int_eq(try_add(ST_SFI_FIRMWARE, FLASH - 16, 16), ERR_OK);
    ck_assert_int_eq(try_add(ST_SFI_MODULE, FLASH, 17), ERR_OK);
    ck_assert_int_eq(try_add(ST_SFI_KEYS, FLASH, 17), ERR_OK);
}
END_TEST

/* Against the plain rule: any two that share a block of 16 bytes. */
START_TEST(overlaps_are_found_in_any_order)
{
    bool is_taken[64] = {0};
    for (int i = 0; i < 400; i++) {
        uint8_t random[2];
        random_fill(random, sizeof random);
        size_t begin = random[0] % 60;
        size_t blocks = 1 + random[1] % 4;
        bool is_free = true;
        for (size_t k = begin; k < begin + blocks; k++)
            is_free = is_free && !is_taken[k];
        enum error code = try_add(ST_SFI_FIRMWARE, FLASH + 16 * begin, 16 * blocks - 3);
        ck_assert_int_eq(code, is_free ? ERR_OK : ERR_BAD_REQUEST);
        for (size_t k = begin; k < begin + blocks && is_free; k++)
            is_taken[k] = true;
    }
}
END_TEST

START_TEST(configuration_pause_and_resume_have_no_address)
{
    refused(try_add(ST_SFI_OPTIONS, 1, 1), "segment-address");
    refused(try_add(ST_SFI_PAUSE, 1, 0), "segment-address");
    refused(try_add(ST_SFI_RESUME, GIB_4, 0), "segment-address");
}
END_TEST

START_TEST(pause_and_resume_have_no_content)
{
    refused(try_add(ST_SFI_PAUSE, 0, 1), "segment-content");
    added(ST_SFI_PAUSE, 0, 0);
    refused(try_add(ST_SFI_RESUME, 0, 1), "segment-content");
    ck_assert_int_eq(try_add(ST_SFI_RESUME, 0, 0), ERR_OK);
}
END_TEST

START_TEST(resume_follows_each_pause_and_nothing_else)
{
    refused(try_add(ST_SFI_RESUME, 0, 0), "pause-order");
    added(ST_SFI_PAUSE, 0, 0);
    refused(try_add(ST_SFI_PAUSE, 0, 0), "pause-order");
    refused(try_add(ST_SFI_FIRMWARE, FLASH, 16), "pause-order");
    refused(try_add(ST_SFI_KEYS, 0, 16), "pause-order");
    added(ST_SFI_OPTIONS, 0, 1); /* goes last, wherever it is added */
    added(ST_SFI_RESUME, 0, 0);
    refused(try_add(ST_SFI_RESUME, 0, 0), "pause-order");
    added(ST_SFI_FIRMWARE, FLASH, 16);
    refused(try_add(ST_SFI_RESUME, 0, 0), "pause-order");
    added(ST_SFI_PAUSE, 0, 0);
    refused(st_sfi_plan_write(plan, 1, &fault), "pause-order");
    added(ST_SFI_RESUME, 0, 0);
    struct st_sfi_opened image = opened();
    st_sfi_opened_clear(&image);
}
END_TEST

START_TEST(configuration_is_added_once)
{
    added(ST_SFI_OPTIONS, 0, 1);
    refused(try_add(ST_SFI_OPTIONS, 0, 1), "configuration-twice");
}
END_TEST

START_TEST(configuration_has_a_size_limit)
{
    refused(try_add(ST_SFI_OPTIONS, 0, ST_SFI_OPTIONS_MAX_BYTES + 1), "configuration-size");
    ck_assert_int_eq(try_add(ST_SFI_OPTIONS, 0, ST_SFI_OPTIONS_MAX_BYTES), ERR_OK);
}
END_TEST

START_TEST(module_and_keys_have_a_size_limit)
{
    static uint8_t large[ST_SFI_AREA_MAX_BYTES + 1];
    struct st_sfi_segment segment = {_i == 0 ? ST_SFI_MODULE : ST_SFI_KEYS, 0,
                                     bytes_of(large, sizeof large)};
    refused(st_sfi_plan_add(plan, &segment, &fault), "segment-too-large");
    segment.content.length--;
    ck_assert_int_eq(st_sfi_plan_add(plan, &segment, &fault), ERR_OK);
    added(ST_SFI_FIRMWARE, 0, 1);
    added(ST_SFI_OPTIONS, 0, 1);
    struct st_sfi_opened image = opened();
    ck_assert_uint_eq(image.parts[0].content.length, ST_SFI_AREA_MAX_BYTES);
    st_sfi_opened_clear(&image);
}
END_TEST

/* ---- counts ---- */

static void too_many(enum error code)
{
    ck_assert_int_eq(code, ERR_TOO_LARGE);
    ck_assert_str_eq(fault.reason, "too-many-areas");
}

START_TEST(image_of_65535_areas_is_made_and_one_more_is_refused)
{
    if (_i == 0)
        added(ST_SFI_OPTIONS, 0, 1);
    for (unsigned i = 0; i < ST_SFI_AREAS_MAX - 1; i++)
        added(ST_SFI_FIRMWARE, FLASH + 16 * (uint64_t)i, 1);
    too_many(try_add(ST_SFI_FIRMWARE, 0, 1));
    too_many(try_add(ST_SFI_KEYS, 0, 1));
    too_many(try_add(ST_SFI_PAUSE, 0, 0));
    if (_i == 1)
        added(ST_SFI_OPTIONS, 0, 1);
    struct st_sfi_opened image = opened();
    ck_assert_uint_eq(image.count, ST_SFI_AREAS_MAX);
    ck_assert_uint_eq(image.parts[65533].address, FLASH + 16 * 65533U);
    st_sfi_opened_clear(&image);
}
END_TEST

START_TEST(segments_from_the_top_down_are_not_slow)
{
    for (unsigned i = ST_SFI_AREAS_MAX - 2; i > 0; i--)
        added(ST_SFI_FIRMWARE, FLASH + 16 * (uint64_t)i, 16);
    refused(try_add(ST_SFI_FIRMWARE, FLASH + 16 * 40000U, 1), "segment-overlap");
}
END_TEST

START_TEST(one_segment_may_fill_all_areas)
{
    size_t length = (size_t)(ST_SFI_AREAS_MAX - 1) * ST_SFI_AREA_BYTES;
    void *large =
        mmap(NULL, length + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(large, MAP_FAILED);
    struct st_sfi_segment segment = {ST_SFI_FIRMWARE, 0, bytes_of(large, length + 1)};
    too_many(st_sfi_plan_add(plan, &segment, &fault));
    segment.content.length = SIZE_MAX; /* is refused before it is looked at */
    refused(st_sfi_plan_add(plan, &segment, &fault), "segment-beyond-4gib");
    segment.content.length = length;
    ck_assert_int_eq(st_sfi_plan_add(plan, &segment, &fault), ERR_OK);
    (void)munmap(large, length + 1);
}
END_TEST

/* ---- writing ---- */

START_TEST(plan_without_firmware_or_configuration_is_not_written)
{
    int fd = sfi_file(bytes_of(NULL, 0));
    refused(st_sfi_plan_write(plan, fd, &fault), "no-firmware");
    added(ST_SFI_OPTIONS, 0, 1);
    added(ST_SFI_KEYS, 0, 1);
    refused(st_sfi_plan_write(plan, fd, &fault), "no-firmware");
    tear_down();
    set_up();
    added(ST_SFI_EXTERNAL, FLASH, 1);
    refused(st_sfi_plan_write(plan, fd, &fault), "no-configuration");
    added(ST_SFI_OPTIONS, 0, 1);
    struct st_sfi_text nothing = sfi_read(fd);
    ck_assert_uint_eq(nothing.length, 0);
    ck_assert_int_eq(st_sfi_plan_write(plan, fd, &fault), ERR_OK);
    free(nothing.data);
    (void)close(fd);
}
END_TEST

START_TEST(refused_segment_changes_nothing)
{
    added(ST_SFI_FIRMWARE, FLASH, 100);
    added(ST_SFI_OPTIONS, 0, 10);
    struct st_sfi_text before = sfi_records(plan);
    refused(try_add(ST_SFI_FIRMWARE, FLASH, 100), "segment-overlap");
    refused(try_add(ST_SFI_OPTIONS, 0, 9), "configuration-twice");
    refused(try_add(ST_SFI_RESUME, 0, 0), "pause-order");
    struct st_sfi_text after = sfi_records(plan);
    ck_assert_uint_eq(after.length, before.length);
    ck_assert_mem_eq(after.data, before.data, before.length);
    free(before.data);
    free(after.data);
}
END_TEST

START_TEST(file_that_cannot_be_written_is_an_error_with_its_number)
{
    static const struct {
        const char *path;
        int flags;
        int number;
    } wrong[] = {{"/dev/full", O_WRONLY, ENOSPC}, {"/dev/null", O_RDONLY, EBADF}};
    int fd = open(wrong[_i].path, wrong[_i].flags | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    added(ST_SFI_FIRMWARE, FLASH, 100);
    added(ST_SFI_OPTIONS, 0, 10);
    ck_assert_int_eq(st_sfi_plan_write(plan, fd, &fault), ERR_CONFIG);
    ck_assert_int_eq(fault.native, wrong[_i].number);
    (void)close(fd);
}
END_TEST

START_TEST(nothing_can_be_freed)
{
    st_sfi_plan_free(NULL);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, records_are_the_documented_bytes);
    tcase_add_loop_test(all, segment_is_cut_into_areas_and_its_end_is_filled, 0, 12);
    tcase_add_test(all, areas_keep_their_order_and_the_configuration_goes_last);
    tcase_add_test(all, records_begin_at_the_present_offset);
    tcase_add_test(all, image_fits_into_the_whole_address_space);
    tcase_add_loop_test(all, segment_without_content_is_empty, 0, 5);
    tcase_add_test(all, segment_in_flash_is_aligned);
    tcase_add_test(all, segment_ends_within_4_gib);
    tcase_add_test(all, segments_in_flash_overlap_as_they_are_filled);
    tcase_add_test(all, overlaps_are_found_in_any_order);
    tcase_add_test(all, configuration_pause_and_resume_have_no_address);
    tcase_add_test(all, pause_and_resume_have_no_content);
    tcase_add_test(all, resume_follows_each_pause_and_nothing_else);
    tcase_add_test(all, configuration_is_added_once);
    tcase_add_test(all, configuration_has_a_size_limit);
    tcase_add_loop_test(all, module_and_keys_have_a_size_limit, 0, 2);
    tcase_add_loop_test(all, image_of_65535_areas_is_made_and_one_more_is_refused, 0, 2);
    tcase_add_test(all, segments_from_the_top_down_are_not_slow);
    tcase_add_test(all, one_segment_may_fill_all_areas);
    tcase_add_test(all, plan_without_firmware_or_configuration_is_not_written);
    tcase_add_test(all, refused_segment_changes_nothing);
    tcase_add_loop_test(all, file_that_cannot_be_written_is_an_error_with_its_number, 0, 2);
    tcase_add_test(all, nothing_can_be_freed);
}

int main(void)
{
    Suite *suite = suite_create("image st-sfi plan");
    TCase *all = tcase_create("plan");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
