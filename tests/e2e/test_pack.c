/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Firmware files of every kind become the same image, and wrong ones are refused with the reason.
 */
#include "e2e/chip.h"
#include "e2e/floor.h"

#include <stdio.h>
#include <string.h>

#include "support/run.h"

#define CTL    "$RIG_BIN/provctl --config $RIG_CONFIG "
#define PACK   CTL "image encrypt --product $RIG_ST_PRODUCT --format st-sfi --json "
#define DIGEST "sed -n 's/.*\"image\": *\"sha256:\\([0-9a-f]*\\)\".*/\\1/p'"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 30);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- what a chip finds in the newest image ---- */

static struct chip_memory memory;
static uint8_t expected[CHIP_FLASH_BYTES];

/* Licenses a fresh chip for the newest image and lets it install that. */
static void install_newest(void)
{
    struct chip chip;
    struct http_answer answer;
    uint8_t license[ST_CHIP_LICENSE_BYTES];
    char path[2 * RIG_VALUE_MAX];
    chip_make(&rig, NULL, &chip);
    http_st_license(&rig, chip_certificate(&chip), &answer);
    ck_assert_int_eq(answer.status, 201);
    chip_take_license(&answer, license);
    (void)snprintf(path, sizeof path, "%s/vault/images/%s", rig.dir,
                   http_text(&answer, "image") + strlen("sha256:"));
    chip_install(&chip, license, path, &memory);
    http_answer_clear(&answer);
    chip_clear(&chip);
}

static void assert_newest_is_firmware(void)
{
    FILE *file = fopen(rig.firmware, "re");
    ck_assert_ptr_nonnull(file);
    memset(expected, 0xff, sizeof expected);
    ck_assert_uint_gt(fread(expected, 1, sizeof expected, file), 100000);
    (void)fclose(file);
    install_newest();
    ck_assert_mem_eq(memory.flash, expected, sizeof expected);
}

static void pack(const char *commands)
{
    ck_assert_int_eq(rig_shell(&rig,
                               "cd $DIR && printf options >options.bin && %s && " PACK
                               "--option-bytes options.bin firmware.file >packed",
                               commands),
                     0);
}

START_TEST(intel_hex_gives_the_firmware)
{
    pack("objcopy -I binary -O ihex --change-addresses 0x08000000 $RIG_FIRMWARE firmware.file");
    assert_newest_is_firmware();
}
END_TEST

START_TEST(s_records_give_the_firmware)
{
    pack("objcopy -I binary -O srec --change-addresses 0x08000000 $RIG_FIRMWARE firmware.file");
    assert_newest_is_firmware();
}
END_TEST

START_TEST(elf_gives_the_firmware_at_its_load_address)
{
    pack(
        "objcopy -I binary -O elf64-x86-64 --change-section-address .data=0x08000000 $RIG_FIRMWARE "
        "firmware.file");
    assert_newest_is_firmware();
}
END_TEST

/* ELF for AArch64, as far as its header tells: no tool for that processor is needed. */
START_TEST(elf_of_another_processor_is_read_too)
{
    pack("objcopy -I binary -O elf64-x86-64 --change-section-address .data=0x08000000 "
         "$RIG_FIRMWARE firmware.file && "
         "printf '\\267' | dd of=firmware.file bs=1 seek=18 conv=notrunc 2>/dev/null && "
         "! objdump -f firmware.file | grep -q x86");
    assert_newest_is_firmware();
}
END_TEST

START_TEST(two_segments_keep_their_addresses_and_the_gap_stays_erased)
{
    pack("printf 'first part' >a && printf 'second part' >b && "
         "objcopy -I binary -O ihex --change-addresses 0x08000000 a a.hex && "
         "objcopy -I binary -O ihex --change-addresses 0x08010000 b b.hex && "
         "{ grep -v '^:00000001' a.hex; cat b.hex; } >firmware.file");
    install_newest();
    memset(expected, 0xff, sizeof expected);
    memcpy(expected, "first part", 10);
    memcpy(expected + 0x10000, "second part", 11);
    ck_assert_mem_eq(memory.flash, expected, sizeof expected);
    ck_assert_uint_eq(memory.areas, 3);
    ck_assert_uint_eq(memory.options_length, 7);
}
END_TEST

/* ---- refusals ---- */

/* The command must fail, say words, and add no image. */
static void expect_refusal(const char *commands, const char *words)
{
    int64_t images = rig_query(&rig, "SELECT count(*) FROM image");
    int status = rig_shell(&rig,
                           "cd $DIR && printf options >options.bin && %s 2>complaint >packed && "
                           "exit 99; cat complaint >&2; grep -qiE '%s' complaint",
                           commands, words);
    ck_assert_msg(status == 0, "not refused with %s (%d): %s", words, status, commands);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM image"), images);
}

START_TEST(overlapping_segments_are_refused)
{
    expect_refusal("printf '0123456789abcdef0123' >a && "
                   "objcopy -I binary -O ihex --change-addresses 0x08000000 a a.hex && "
                   "objcopy -I binary -O ihex --change-addresses 0x08000010 a b.hex && "
                   "{ grep -v '^:00000001' a.hex; cat b.hex; } >f && " PACK
                   "--option-bytes options.bin f",
                   "overlap");
}
END_TEST

START_TEST(an_unaligned_segment_is_refused)
{
    expect_refusal(PACK "--option-bytes options.bin --address 0x08000004 $RIG_FIRMWARE",
                   "align|multiple");
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
    expect_refusal(": >f && " PACK "--option-bytes options.bin --address 0x08000000 f", "empty");
}
END_TEST

START_TEST(addresses_beyond_four_gibibytes_are_refused)
{
    expect_refusal("printf 0123456789abcdef0123 >f && " PACK
                   "--option-bytes options.bin --address 0xfffffff0 f",
                   "2\\^32|4 GiB|4294967296|2³²");
    expect_refusal("objcopy -I binary -O elf64-x86-64 --change-section-address .data=0x100000000 "
                   "$RIG_FIRMWARE f && " PACK "--option-bytes options.bin f",
                   "out of range|2\\^32|4 GiB|2³²");
}
END_TEST

START_TEST(a_damaged_hex_file_is_refused_with_its_line)
{
    expect_refusal("objcopy -I binary -O ihex $RIG_FIRMWARE f && sed -i '3s/.$/X/' f && " PACK
                   "--option-bytes options.bin f",
                   "objcopy|line");
}
END_TEST

START_TEST(a_file_of_no_known_kind_asks_for_its_address)
{
    expect_refusal(PACK "--option-bytes options.bin $RIG_FIRMWARE", "address");
}
END_TEST

START_TEST(a_format_that_is_not_the_products_is_refused)
{
    expect_refusal(CTL "image encrypt --product $RIG_ST_PRODUCT $RIG_FIRMWARE", "st-sfi|format");
    expect_refusal(CTL "image encrypt --product $RIG_PRODUCT --format st-sfi --address 0x08000000 "
                       "--option-bytes options.bin $RIG_FIRMWARE",
                   "format");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        intel_hex_gives_the_firmware,
        s_records_give_the_firmware,
        elf_gives_the_firmware_at_its_load_address,
        elf_of_another_processor_is_read_too,
        two_segments_keep_their_addresses_and_the_gap_stays_erased,
        overlapping_segments_are_refused,
        an_unaligned_segment_is_refused,
        an_empty_file_is_refused,
        addresses_beyond_four_gibibytes_are_refused,
        a_damaged_hex_file_is_refused_with_its_line,
        a_file_of_no_known_kind_asks_for_its_address,
        a_format_that_is_not_the_products_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "pack",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
