/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An install from license to closed chip, and what a programmer may see of it meanwhile. */
#include <string.h>

#include <check.h>

#include "bench.h"
#include "support/run.h"

static struct bench bench;
static struct firmware firmware;
static struct sfi_image image;
static uint8_t license[CHIP_LICENSE_BYTES];

static void set_up(void)
{
    struct sfi_keys keys = sfi_keys_new();
    struct sfi_terms terms = sfi_reference();
    bench_set_up(&bench);
    firmware_make(&firmware);
    sfi_image_make(&image, &keys, firmware.areas, FIRMWARE_AREAS);
    sfi_license_make(&terms, &keys, bench.certificate, license);
}

static void tear_down(void)
{
    bench_tear_down(&bench);
}

static int read_error(void)
{
    struct chip_frame reply;
    return bench_read(&bench, CHIP_FLASH_ADDRESS, 16, &reply);
}

START_TEST(install_programs_the_firmware_and_closes_the_chip)
{
    bench_start(&bench, NULL, NULL);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    struct chip_frame status = bench_status(&bench);
    ck_assert_uint_eq(status.payload[0], CHIP_CLOSED);
    ck_assert_uint_eq(status.payload[2], 0);
    ck_assert_mem_eq(status.payload + 3, image.header + 12, CHIP_TAG_BYTES);
    firmware_expect_installed(&bench, &firmware, &image);
}
END_TEST

START_TEST(debug_port_is_shut_from_the_license_on_and_for_ever_after_closing)
{
    bench_start(&bench, NULL, NULL);
    bench_expect_nothing_to_read(&bench);
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
    ck_assert_int_eq(read_error(), CHIP_DEBUG_CLOSED);
    ck_assert_int_eq(bench_tell(&bench, CHIP_HEADER, bytes_of(image.header, CHIP_HEADER_BYTES)), 0);
    for (size_t i = 0; i < image.count; i++) {
        ck_assert_int_eq(read_error(), CHIP_DEBUG_CLOSED);
        ck_assert_int_eq(bench_send_area(&bench, &image.parts[i]), 0);
    }
    ck_assert_int_eq(read_error(), CHIP_DEBUG_CLOSED);
    (void)bench_stop(&bench);
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(read_error(), CHIP_DEBUG_CLOSED);
    ck_assert_int_eq(bench_tell(&bench, CHIP_RESET, bytes_of(NULL, 0)), 0);
    bench_connect(&bench);
    ck_assert_int_eq(read_error(), CHIP_DEBUG_CLOSED);
}
END_TEST

START_TEST(closed_chip_refuses_every_command_of_an_install_and_stays_as_it_is)
{
    static const uint8_t payload[CHIP_LICENSE_BYTES];
    static const enum chip_command commands[] = {CHIP_LICENSE, CHIP_HEADER,      CHIP_AREA,
                                                 CHIP_DATA,    CHIP_CMS_LICENSE, CHIP_CMS_DATA,
                                                 CHIP_CMS_END};
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        ck_assert_int_eq(bench_tell(&bench, commands[i], bytes_of(payload, sizeof payload)),
                         CHIP_WRONG_PHASE);
    ck_assert_int_eq(bench_install(&bench, license, &image), CHIP_WRONG_PHASE);
    firmware_expect_installed(&bench, &firmware, &image);
}
END_TEST

START_TEST(commands_of_an_install_need_a_license_first)
{
    static const uint8_t payload[CHIP_HEADER_BYTES];
    static const enum chip_command commands[] = {CHIP_HEADER, CHIP_AREA, CHIP_DATA, CHIP_CMS_DATA,
                                                 CHIP_CMS_END};
    bench_start(&bench, NULL, NULL);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        ck_assert_int_eq(bench_tell(&bench, commands[i], bytes_of(payload, sizeof payload)),
                         CHIP_WRONG_PHASE);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
}
END_TEST

START_TEST(license_erases_what_was_there_before_it)
{
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
    ck_assert_int_eq(bench_tell(&bench, CHIP_HEADER, bytes_of(image.header, CHIP_HEADER_BYTES)), 0);
    ck_assert_int_eq(bench_send_area(&bench, &image.parts[0]), 0);
    ck_assert(!bench_is_erased(&bench));
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)),
                     CHIP_OUT_OF_ORDER);
    ck_assert(bench_is_erased(&bench));
    ck_assert_uint_eq(bench_status(&bench).payload[1], 0);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
}
END_TEST

START_TEST(reset_and_lost_connection_erase_an_install_and_the_boot_says_so)
{
    bench_start(&bench, NULL, NULL);
    for (int is_reset = 0; is_reset < 2; is_reset++) {
        ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
        ck_assert_int_eq(bench_tell(&bench, CHIP_HEADER, bytes_of(image.header, CHIP_HEADER_BYTES)),
                         0);
        ck_assert_int_eq(bench_send_area(&bench, &image.parts[0]), 0);
        if (is_reset) {
            ck_assert_int_eq(bench_tell(&bench, CHIP_RESET, bytes_of(NULL, 0)), 0);
            ck_assert_int_eq(bench_tell(&bench, CHIP_STATUS, bytes_of(NULL, 0)), BENCH_LOST);
        }
        bench_connect(&bench);
        struct chip_frame status = bench_status(&bench);
        ck_assert_uint_eq(status.payload[0], CHIP_OPEN);
        ck_assert_uint_eq(status.payload[1], 1);
        bench_expect_nothing_to_read(&bench);
    }
    ck_assert_int_eq(bench_tell(&bench, CHIP_RESET, bytes_of(NULL, 0)), 0);
    bench_connect(&bench);
    ck_assert_uint_eq(bench_status(&bench).payload[1], 0);
}
END_TEST

/* ---- licenses ---- */

static int try_license(const struct sfi_terms *terms)
{
    uint8_t other[CHIP_LICENSE_BYTES];
    sfi_license_make(terms, &image.keys, bench.certificate, other);
    int answer = bench_tell(&bench, CHIP_LICENSE, bytes_of(other, sizeof other));
    if (answer == 0)
        ck_assert_int_eq(bench_tell(&bench, CHIP_STATUS, bytes_of(NULL, 0)), 0);
    return answer;
}

START_TEST(license_with_other_terms_than_the_chips_is_refused)
{
    struct sfi_terms wrong[9];
    for (size_t i = 0; i < 9; i++)
        wrong[i] = sfi_reference();
    wrong[0].type = "SSP.";
    wrong[1].session = 1;
    wrong[2].version = 2;
    wrong[3].boot_version = 1;
    wrong[4].reserved = 1;
    wrong[5].kdf_info = "provisiond-st-sfi-reference-2";
    wrong[6].key_offset = 16;
    wrong[6].iv_offset = 0;
    wrong[7].iv_bytes = 16;
    wrong[8].nonce_tail = 1;
    bench_start(&bench, NULL, NULL);
    for (size_t i = 0; i < 9; i++)
        ck_assert_msg(try_license(&wrong[i]) == CHIP_LICENSE_REFUSED, "terms %zu", i);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
}
END_TEST

/* The same settings on both sides, one after the other, each in a chip's life of its own. */
START_TEST(chip_takes_the_settings_that_its_boot_rom_was_given)
{
    static const char *const options[][2] = {{"--kdf-info", "6f74686572"},
                                             {"--kdf-layout", "16,0,16"},
                                             {"--license-type", "SSP."},
                                             {"--boot-version", "7"}};
    struct sfi_terms terms[4];
    for (size_t i = 0; i < 4; i++)
        terms[i] = sfi_reference();
    terms[0].kdf_info = "other";
    terms[1].key_offset = 16;
    terms[1].iv_offset = 0;
    terms[1].iv_bytes = 16;
    terms[2].type = "SSP.";
    terms[3].boot_version = 7;
    for (size_t i = 0; i < 4; i++) {
        bench_start(&bench, options[i][0], options[i][1]);
        ck_assert_msg(try_license(&terms[i]) == 0, "%s", options[i][0]);
        (void)bench_stop(&bench);
    }
}
END_TEST

START_TEST(license_of_another_length_is_refused)
{
    static uint8_t longer[CHIP_PAYLOAD_MAX_BYTES];
    memcpy(longer, license, sizeof license);
    bench_start(&bench, NULL, NULL);
    for (size_t length = 0; length <= sizeof license + 8; length++) {
        if (length != sizeof license)
            ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(longer, length)),
                             CHIP_LICENSE_REFUSED);
    }
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(longer, sizeof longer)),
                     CHIP_LICENSE_REFUSED);
}
END_TEST

START_TEST(license_for_one_chip_opens_nowhere_else)
{
    char other[TEMP_PATH_MAX];
    char st_ca[TEMP_PATH_MAX];
    uint8_t certificate[CHIP_CERTIFICATE_BYTES];
    temp_dir_path(&bench.temp, "other", other);
    temp_dir_path(&bench.temp, "st.key", st_ca);
    ck_assert_int_eq(bench_run(&bench, (const char *[]){"make", "--state", other, "--st-ca", st_ca,
                                                        "--product-id", BENCH_PRODUCT_ID, NULL}),
                     0);
    ck_assert_uint_eq(
        bench_read_file(&bench, "other/certificate.bin", certificate, sizeof certificate),
        sizeof certificate);
    struct sfi_terms terms = sfi_reference();
    sfi_license_make(&terms, &image.keys, certificate, license);
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_install(&bench, license, &image), CHIP_LICENSE_REFUSED);
}
END_TEST

/* ---- the debug probe's commands ---- */

START_TEST(probe_commands_read_an_open_chip_and_show_the_state_of_a_closed_one)
{
    static uint8_t out[1024];
    char file[TEMP_PATH_MAX];
    temp_dir_path(&bench.temp, "dump", file);
    const char *const read_words[] = {"read",      "--socket", bench.socket, "--address",
                                      "0x8000000", "--length", "10000",      "--out",
                                      file,        NULL};
    bench_start(&bench, NULL, NULL);
    bench_disconnect(&bench);
    ck_assert_int_eq(bench_run(&bench, read_words), 0);
    static uint8_t dump[20000];
    ck_assert_uint_eq(bench_read_file(&bench, "dump", dump, sizeof dump), 10000);
    bench_connect(&bench);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    bench_disconnect(&bench);
    ck_assert_int_eq(bench_run(&bench, read_words), 1);
    ck_assert_int_eq(bench_run(&bench, (const char *[]){"status", "--socket", bench.socket, NULL}),
                     0);
    ck_assert_uint_gt(bench_read_file(&bench, "out", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr((const char *)out, "phase=closed note=0 debug=0 tag="));
    ck_assert_int_eq(
        bench_run(&bench, (const char *[]){"show", "--state", bench.chip, "--json", NULL}), 0);
    memset(out, 0, sizeof out);
    ck_assert_uint_gt(bench_read_file(&bench, "out", out, sizeof out), 0);
    ck_assert_ptr_nonnull(strstr((const char *)out, "\"phase\":\"closed\""));
}
END_TEST

START_TEST(read_stays_inside_the_memories)
{
    static const struct {
        uint32_t address;
        uint16_t length;
        int error;
    } cases[] = {{CHIP_FLASH_ADDRESS - 1, 1, CHIP_ADDRESS},
                 {CHIP_FLASH_ADDRESS, 0, CHIP_ADDRESS},
                 {CHIP_FLASH_ADDRESS, 4097, CHIP_TOO_LARGE},
                 {CHIP_FLASH_ADDRESS + CHIP_MEMORY_BYTES - 1, 1, 0},
                 {CHIP_FLASH_ADDRESS + CHIP_MEMORY_BYTES - 1, 2, CHIP_ADDRESS},
                 {CHIP_FLASH_ADDRESS + CHIP_MEMORY_BYTES, 1, CHIP_ADDRESS},
                 {CHIP_EXTERNAL_ADDRESS + CHIP_MEMORY_BYTES - 4096, 4096, 0},
                 {0, 1, CHIP_ADDRESS},
                 {UINT32_MAX, 4096, CHIP_ADDRESS}};
    struct chip_frame reply;
    bench_start(&bench, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_int_eq(bench_read(&bench, cases[i].address, cases[i].length, &reply),
                         cases[i].error);
    ck_assert_int_eq(bench_tell(&bench, CHIP_READ, bytes_of("12345", 5)), CHIP_BAD_FRAME);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        install_programs_the_firmware_and_closes_the_chip,
        debug_port_is_shut_from_the_license_on_and_for_ever_after_closing,
        closed_chip_refuses_every_command_of_an_install_and_stays_as_it_is,
        commands_of_an_install_need_a_license_first,
        license_erases_what_was_there_before_it,
        reset_and_lost_connection_erase_an_install_and_the_boot_says_so,
        license_with_other_terms_than_the_chips_is_refused,
        chip_takes_the_settings_that_its_boot_rom_was_given,
        license_of_another_length_is_refused,
        license_for_one_chip_opens_nowhere_else,
        probe_commands_read_an_open_chip_and_show_the_state_of_a_closed_one,
        read_stays_inside_the_memories,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: install",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
