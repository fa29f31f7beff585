/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Power and link are cut at every step of an install: nothing of the firmware can ever be read, and
 * the next install succeeds.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "bench.h"
#include "support/run.h"
#include "support/sizes.h"

#define ERASE_STEPS     16 /* sectors of both memories */
#define LAST_STEPS      8  /* of an install, that are cut one by one */
#define RECORD_STRIDE   173
#define SWEEP_TIMEOUT_S 1200

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

/* How many steps an install has that nothing cuts. */
static unsigned long count_steps(void)
{
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    unsigned long steps = bench_stop(&bench);
    bench_renew(&bench);
    return steps;
}

static void number(unsigned long value, char out[24])
{
    (void)snprintf(out, 24, "%lu", value);
}

/* Whatever the cut left: an open chip shows nothing, a closed one has all and refuses. */
static void expect_no_firmware(bool was_begun)
{
    struct chip_frame reply;
    struct chip_frame status = bench_status(&bench);
    if (status.payload[0] == CHIP_CLOSED) {
        ck_assert_int_eq(bench_read(&bench, CHIP_FLASH_ADDRESS, 16, &reply), CHIP_DEBUG_CLOSED);
        firmware_expect_installed(&bench, &firmware, &image);
        return;
    }
    ck_assert_uint_eq(status.payload[0], CHIP_OPEN);
    ck_assert_uint_eq(status.payload[1], was_begun);
    bench_expect_nothing_to_read(&bench);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    firmware_expect_installed(&bench, &firmware, &image);
}

static void cut_power_at(unsigned long step)
{
    char text[24];
    number(step, text);
    bench_start(&bench, "--cut-at-step", text);
    ck_assert_msg(bench_install(&bench, license, &image) == BENCH_LOST, "step %lu", step);
    bench_wait_for_cut(&bench);
    bool was_begun = bench_phase(&bench) == CHIP_INSTALLING;
    bench_start(&bench, NULL, NULL);
    expect_no_firmware(was_begun);
    (void)bench_stop(&bench);
    bench_renew(&bench);
}

START_TEST(power_cut_at_any_step_leaves_nothing_to_read_and_the_retry_succeeds)
{
    unsigned long steps = count_steps();
    size_t cuts = test_size("power cuts in an install", 60, steps);
    ck_assert_uint_gt(steps, 300);
    for (size_t i = 0; i < cuts; i++)
        cut_power_at(1 + i * steps / cuts);
}
END_TEST

static void cut_link_at(unsigned long step)
{
    char text[24];
    number(step, text);
    bench_start(&bench, "--cut-link-at-step", text);
    ck_assert_msg(bench_install(&bench, license, &image) == BENCH_LOST, "step %lu", step);
    const char *ready = bench_expect_line(&bench, "ready ");
    ck_assert_ptr_nonnull(ready);
    bool was_begun = strstr(ready, "note=1") != NULL;
    bench_connect(&bench);
    expect_no_firmware(was_begun);
    (void)bench_stop(&bench);
    bench_renew(&bench);
}

START_TEST(link_cut_at_any_step_leaves_nothing_to_read_and_the_retry_succeeds)
{
    unsigned long steps = count_steps();
    size_t cuts = test_size("link cuts in an install", 40, steps);
    for (size_t i = 0; i < cuts; i++)
        cut_link_at(1 + i * steps / cuts);
}
END_TEST

/* The last step is the ACK of a chip that is closed already, the one before follows the write. */
START_TEST(chip_closes_in_one_step)
{
    unsigned long steps = count_steps();
    for (unsigned long step = steps - LAST_STEPS; step <= steps; step++) {
        char text[24];
        number(step, text);
        bench_start(&bench, "--cut-at-step", text);
        ck_assert_int_eq(bench_install(&bench, license, &image), BENCH_LOST);
        bench_wait_for_cut(&bench);
        ck_assert_int_eq(bench_phase(&bench), step < steps - 1 ? CHIP_INSTALLING : CHIP_CLOSED);
        bench_start(&bench, NULL, NULL);
        expect_no_firmware(step < steps - 1);
        (void)bench_stop(&bench);
        bench_renew(&bench);
    }
}
END_TEST

/* An install that was cut off with half of the areas in flash. */
static void interrupt_install(unsigned long steps)
{
    char text[24];
    number(steps / 2 + ERASE_STEPS / 2, text);
    bench_start(&bench, "--cut-at-step", text);
    ck_assert_int_eq(bench_install(&bench, license, &image), BENCH_LOST);
    bench_wait_for_cut(&bench);
    ck_assert(!bench_is_erased(&bench));
}

START_TEST(cut_during_the_erase_of_a_boot_is_found_by_the_next_boot)
{
    unsigned long steps = count_steps();
    for (unsigned long step = 1; step <= ERASE_STEPS + 2; step++) {
        char text[24];
        number(step, text);
        interrupt_install(steps);
        bench_power(&bench, "--cut-at-step", text);
        ck_assert_ptr_null(bench_expect_line(&bench, "ready "));
        bench_wait_for_cut(&bench);
        bool was_begun = bench_phase(&bench) == CHIP_INSTALLING;
        ck_assert(was_begun == (step < ERASE_STEPS + 2));
        bench_start(&bench, NULL, NULL);
        expect_no_firmware(was_begun);
        (void)bench_stop(&bench);
        bench_renew(&bench);
    }
}
END_TEST

/* The worst mixture: half of a firmware in flash, and a record that says "open" almost rightly. */
START_TEST(record_that_is_torn_counts_as_an_interrupted_install)
{
    uint8_t record[CHIP_PAYLOAD_MAX_BYTES + 64];
    char path[TEMP_PATH_MAX];
    temp_dir_path(&bench.temp, "chip/state", path);
    size_t size = bench_read_file(&bench, "new", record, sizeof record);
    unsigned long steps = count_steps();
    for (size_t at = 0; at < size; at += RECORD_STRIDE) {
        interrupt_install(steps);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        record[at] ^= 0x04;
        ck_assert_int_eq(pwrite(fd, record, size, 0), (ssize_t)size);
        record[at] ^= 0x04;
        ck_assert_int_eq(close(fd), 0);
        bench_start(&bench, NULL, NULL);
        ck_assert_uint_eq(bench_status(&bench).payload[1], 1);
        ck_assert(bench_is_erased(&bench));
        (void)bench_stop(&bench);
        bench_renew(&bench);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        power_cut_at_any_step_leaves_nothing_to_read_and_the_retry_succeeds,
        link_cut_at_any_step_leaves_nothing_to_read_and_the_retry_succeeds,
        chip_closes_in_one_step,
        cut_during_the_erase_of_a_boot_is_found_by_the_next_boot,
        record_that_is_torn_counts_as_an_interrupted_install,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: cuts",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = SWEEP_TIMEOUT_S,
                                        .tests = tests});
}
