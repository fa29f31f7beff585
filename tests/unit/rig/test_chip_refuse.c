/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a chip refuses: each changed bit, and images that were put together differently. */
#include <string.h>

#include <check.h>

#include "bench.h"
#include "support/run.h"
#include "support/sizes.h"

#define EVERY_BIT 8

static struct bench bench;
static struct firmware firmware;
static struct sfi_keys keys;
static struct sfi_image image;
static uint8_t license[CHIP_LICENSE_BYTES];

static void set_up(void)
{
    struct sfi_terms terms = sfi_reference();
    keys = sfi_keys_new();
    bench_set_up(&bench);
    firmware_make(&firmware);
    sfi_image_make(&image, &keys, firmware.areas, FIRMWARE_AREAS);
    sfi_license_make(&terms, &keys, bench.certificate, license);
    bench_start(&bench, NULL, NULL);
}

static void tear_down(void)
{
    bench_tear_down(&bench);
}

/*
 * The install fails, and flash is empty then; at once when the chip said no, or after the next boot
 * when it still waits for more. The first error, or 0.
 */
static int expect_failure(const char *what, size_t at)
{
    int answer = bench_install(&bench, license, &image);
    struct chip_frame status = bench_status(&bench);
    ck_assert_msg(status.payload[0] != CHIP_CLOSED, "%s %zu was accepted", what, at);
    if (status.payload[0] == CHIP_INSTALLING) {
        bench_connect(&bench);
        status = bench_status(&bench);
        ck_assert_uint_eq(status.payload[1], 1);
    }
    ck_assert_uint_eq(status.payload[0], CHIP_OPEN);
    ck_assert_msg(bench_is_erased(&bench), "%s %zu left something in flash", what, at);
    return answer;
}

static void expect_success(void)
{
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    firmware_expect_installed(&bench, &firmware, &image);
}

/* ---- changed bits ---- */

static void flip_each(const char *what, uint8_t *bytes, size_t length, size_t stride)
{
    size_t bits = test_size(what, 1, EVERY_BIT);
    for (size_t i = 0; i < length; i += stride) {
        for (size_t bit = 0; bit < bits; bit++) {
            uint8_t mask = (uint8_t)(1U << (bits == 1 ? i % EVERY_BIT : bit));
            bytes[i] ^= mask;
            (void)expect_failure(what, i);
            bytes[i] ^= mask;
        }
    }
}

START_TEST(changed_bit_in_the_license_is_refused)
{
    flip_each("bits changed per byte of a license", license, sizeof license, 1);
    expect_success();
}
END_TEST

START_TEST(changed_bit_in_the_header_is_refused)
{
    flip_each("bits changed per byte of a header", image.header, CHIP_HEADER_BYTES, 1);
    expect_success();
}
END_TEST

START_TEST(changed_bit_in_an_area_header_is_refused)
{
    static const size_t which[] = {0, 3, 16, 17, 20, FIRMWARE_AREAS - 1};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++)
        flip_each("bits changed per byte of an area's header", image.parts[which[i]].header,
                  CHIP_AREA_HEADER_BYTES, 1);
    expect_success();
}
END_TEST

START_TEST(changed_bit_in_an_areas_content_is_refused)
{
    for (size_t i = 0; i < image.count; i++)
        flip_each("bits changed in sampled bytes of content", image.parts[i].content,
                  image.parts[i].size, 97);
    expect_success();
}
END_TEST

START_TEST(last_areas_change_is_refused_with_all_the_others_in_flash)
{
    image.parts[FIRMWARE_AREAS - 1].content[0] ^= 1;
    ck_assert_int_eq(expect_failure("content", 0), CHIP_TAG_MISMATCH);
    image.parts[FIRMWARE_AREAS - 1].content[0] ^= 1;
    expect_success();
}
END_TEST

/* ---- areas in another order ---- */

static void swap_parts(size_t a, size_t b)
{
    static struct sfi_part saved;
    saved = image.parts[a];
    image.parts[a] = image.parts[b];
    image.parts[b] = saved;
}

START_TEST(swapped_dropped_and_repeated_areas_are_refused)
{
    static struct sfi_image whole;
    whole = image;
    for (size_t i = 0; i + 1 < image.count; i++) {
        swap_parts(i, i + 1);
        ck_assert_int_eq(expect_failure("swapped area", i), CHIP_AREA_REFUSED);
        image = whole;
        memmove(&image.parts[i], &image.parts[i + 1],
                (image.count - i - 1) * sizeof image.parts[0]);
        image.count--;
        ck_assert_int_eq(expect_failure("dropped area", i), CHIP_AREA_REFUSED);
        image = whole;
        image.parts[i + 1] = image.parts[i];
        ck_assert_int_eq(expect_failure("repeated area", i), CHIP_AREA_REFUSED);
        image = whole;
    }
    expect_success();
}
END_TEST

START_TEST(renumbered_area_is_refused_by_its_tag)
{
    static struct sfi_image whole;
    whole = image;
    swap_parts(0, 2);
    chip_put_u16(image.parts[0].header + 2, 1);
    ck_assert_int_eq(expect_failure("renumbered area", 0), CHIP_TAG_MISMATCH);
    image = whole;
    expect_success();
}
END_TEST

START_TEST(image_that_ends_early_does_not_close_the_chip)
{
    for (size_t count = 0; count < FIRMWARE_AREAS; count++) {
        image.count = count;
        ck_assert_int_eq(expect_failure("image cut off after area", count), 0);
    }
    image.count = FIRMWARE_AREAS;
    expect_success();
}
END_TEST

/* ---- parts of another image ---- */

static void mix_with(const struct sfi_keys *other_keys)
{
    static struct sfi_image other;
    static struct sfi_image whole;
    whole = image;
    sfi_image_make(&other, other_keys, firmware.areas, FIRMWARE_AREAS);
    for (size_t i = 0; i < image.count; i++) {
        image.parts[i] = other.parts[i];
        ck_assert_int_eq(expect_failure("another image's area", i), CHIP_TAG_MISMATCH);
        image = whole;
    }
    memcpy(image.header, other.header, sizeof image.header);
    ck_assert_int_eq(expect_failure("another image's header", 0), CHIP_TAG_MISMATCH);
    image = whole;
    expect_success();
}

START_TEST(areas_of_an_image_with_another_key_are_refused)
{
    struct sfi_keys other = sfi_keys_new();
    memcpy(other.nonce, keys.nonce, sizeof other.nonce);
    mix_with(&other);
}
END_TEST

START_TEST(areas_of_an_image_with_another_nonce_are_refused)
{
    struct sfi_keys other = keys;
    other.nonce[0] ^= 1;
    mix_with(&other);
}
END_TEST

/* ---- images that are genuine, but wrong ---- */

static int install_areas(const struct sfi_area *areas, size_t count)
{
    sfi_image_make(&image, &keys, areas, count);
    int answer = bench_install(&bench, license, &image);
    if (answer != 0)
        ck_assert(bench_is_erased(&bench));
    return answer;
}

#define F CHIP_FLASH_ADDRESS
#define E CHIP_EXTERNAL_ADDRESS
#define M CHIP_MEMORY_BYTES

/* Each is followed by a configuration; what is refused may stand anywhere. */
static const struct {
    struct sfi_area areas[3];
    int answer;
} GEOMETRY[] = {
    {{{'F', F - 16, 32, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F + M - 16, 32, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F + M, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', E, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'E', F, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'E', E + M - 16, 17, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', 0xfffffff0, 32, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', 0, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F + 8, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F, 32, NULL}, {'F', F + 16, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F + 16, 16, NULL}, {'F', F, 17, NULL}}, CHIP_AREA_REFUSED},
    {{{'F', F, 16, NULL}, {'F', F, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'M', F, 16, NULL}}, CHIP_AREA_UNSUPPORTED},
    {{{'K', 0, 16, NULL}}, CHIP_AREA_UNSUPPORTED},
    {{{'F', F, 16, NULL}, {'M', F, 16, NULL}}, CHIP_AREA_UNSUPPORTED},
    {{{'X', F, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'R', 0, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', 0, 0, NULL}, {'F', F, 16, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', 0, 0, NULL}, {'P', 0, 0, NULL}, {'R', 0, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', 0, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', 0, 1, NULL}, {'R', 0, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', F, 0, NULL}, {'R', 0, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'P', 0, 0, NULL}, {'R', 16, 0, NULL}}, CHIP_AREA_REFUSED},
    {{{'C', 0, 16, NULL}}, CHIP_AREA_REFUSED},
};

static size_t copy_areas(size_t row, struct sfi_area out[4])
{
    static const uint8_t content[SFI_CONTENT_MAX];
    size_t count = 0;
    for (; count < 3 && GEOMETRY[row].areas[count].type != 0; count++) {
        out[count] = GEOMETRY[row].areas[count];
        out[count].content = content;
    }
    out[count] = (struct sfi_area){'C', 0, 16, content};
    return count + 1;
}

START_TEST(genuine_image_with_a_wrong_geometry_or_order_is_refused)
{
    for (size_t i = 0; i < sizeof GEOMETRY / sizeof GEOMETRY[0]; i++) {
        struct sfi_area areas[4];
        size_t count = copy_areas(i, areas);
        int answer = install_areas(areas, count);
        ck_assert_msg(answer == GEOMETRY[i].answer, "row %zu: %d", i, answer);
    }
}
END_TEST

START_TEST(image_needs_a_configuration_at_its_end)
{
    static const uint8_t content[SFI_CONTENT_MAX];
    static const struct sfi_area last[] = {
        {'F', F, 16, content}, {'C', 16, 16, content}, {'C', 0, 0, NULL}, {'C', 0, 4097, content}};
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++)
        ck_assert_int_eq(install_areas(&last[i], 1), CHIP_AREA_REFUSED);
    ck_assert_int_eq(install_areas(NULL, 0), CHIP_HEADER_REFUSED);
}
END_TEST

START_TEST(areas_of_any_size_up_to_the_memories_ends_are_programmed)
{
    static uint8_t content[SFI_CONTENT_MAX];
    static uint8_t flash[CHIP_MEMORY_BYTES];
    const struct sfi_area areas[] = {{'F', F + M - 16, 16, content},
                                     {'F', F, 17, content},
                                     {'F', F + 32, SFI_CONTENT_MAX, content},
                                     {'E', E + M - 16, 1, content},
                                     {'C', 0, 4096, content}};
    random_fill(content, sizeof content);
    ck_assert_int_eq(install_areas(areas, sizeof areas / sizeof areas[0]), 0);
    ck_assert_uint_eq(bench_read_file(&bench, "chip/flash.bin", flash, sizeof flash), sizeof flash);
    ck_assert_mem_eq(flash, content, 17);
    ck_assert_uint_eq(flash[17], 0xff);
    ck_assert_mem_eq(flash + 32, content, SFI_CONTENT_MAX);
    ck_assert_mem_eq(flash + M - 16, content, 16);
}
END_TEST

START_TEST(flash_that_does_not_hold_the_firmware_is_noticed_and_erased)
{
    char address[24];
    const struct sfi_area *area = &firmware.areas[3];
    (void)snprintf(address, sizeof address, "%u", area->address + 271);
    firmware.content[3][271] = 0x5a;
    sfi_image_make(&image, &keys, firmware.areas, FIRMWARE_AREAS);
    (void)bench_stop(&bench);
    bench_start(&bench, "--worn-at", address);
    ck_assert_int_eq(expect_failure("worn flash", 0), CHIP_FLASH_VERIFY);
}
END_TEST

/* ---- commands out of their order ---- */

START_TEST(command_that_the_install_does_not_expect_ends_it)
{
    static const enum chip_command commands[] = {CHIP_LICENSE,     CHIP_AREA,     CHIP_DATA,
                                                 CHIP_CMS_LICENSE, CHIP_CMS_DATA, CHIP_CMS_END};
    static const uint8_t payload[CHIP_AREA_HEADER_BYTES];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
        ck_assert_int_eq(bench_tell(&bench, commands[i], bytes_of(payload, sizeof payload)),
                         CHIP_OUT_OF_ORDER);
        ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
        ck_assert(bench_is_erased(&bench));
    }
    expect_success();
}
END_TEST

START_TEST(more_content_than_the_area_has_is_refused)
{
    static const uint8_t content[CHIP_PAYLOAD_MAX_BYTES];
    for (size_t is_empty = 0; is_empty < 2; is_empty++) {
        size_t length = is_empty ? 0 : image.parts[0].size + 1;
        ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
        ck_assert_int_eq(bench_tell(&bench, CHIP_HEADER, bytes_of(image.header, CHIP_HEADER_BYTES)),
                         0);
        ck_assert_int_eq(
            bench_tell(&bench, CHIP_AREA, bytes_of(image.parts[0].header, CHIP_AREA_HEADER_BYTES)),
            0);
        ck_assert_int_eq(bench_tell(&bench, CHIP_DATA, bytes_of(content, length)),
                         is_empty ? CHIP_BAD_FRAME : CHIP_TOO_LARGE);
        ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    }
    expect_success();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        changed_bit_in_the_license_is_refused,
        changed_bit_in_the_header_is_refused,
        changed_bit_in_an_area_header_is_refused,
        changed_bit_in_an_areas_content_is_refused,
        last_areas_change_is_refused_with_all_the_others_in_flash,
        swapped_dropped_and_repeated_areas_are_refused,
        renumbered_area_is_refused_by_its_tag,
        image_that_ends_early_does_not_close_the_chip,
        areas_of_an_image_with_another_key_are_refused,
        areas_of_an_image_with_another_nonce_are_refused,
        genuine_image_with_a_wrong_geometry_or_order_is_refused,
        image_needs_a_configuration_at_its_end,
        areas_of_any_size_up_to_the_memories_ends_are_programmed,
        flash_that_does_not_hold_the_firmware_is_noticed_and_erased,
        command_that_the_install_does_not_expect_ends_it,
        more_content_than_the_area_has_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: refusals",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
