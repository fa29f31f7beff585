/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that are no frames, or no commands: the chip answers, and serves the next programmer. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "bench.h"
#include "support/run.h"
#include "support/sizes.h"

#define SEED_STEP 7919U

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
    bench_start(&bench, NULL, NULL);
}

static void tear_down(void)
{
    bench_tear_down(&bench);
}

static void send_raw(const void *data, size_t length)
{
    (void)send(bench.link, data, length, MSG_NOSIGNAL);
}

/* The next reply's error, 0 for ACK, or BENCH_LOST. */
static int receive(void)
{
    struct chip_frame reply;
    enum error e = chip_link_receive(bench.link, deadline_in(10000), &reply);
    if (e == ERR_LINK_CLOSED)
        return BENCH_LOST;
    ck_assert_int_eq(e, ERR_OK);
    return reply.code == CHIP_ACK ? 0 : chip_link_refusal(&reply).error;
}

static void expect_end_with(int error)
{
    ck_assert_int_eq(receive(), error);
    ck_assert_int_eq(receive(), BENCH_LOST);
    bench_connect(&bench);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
}

START_TEST(bytes_that_are_no_frame_are_refused_and_end_the_connection)
{
    send_raw("GET / HTTP/1.1\r\n\r\n", 18);
    expect_end_with(CHIP_BAD_FRAME);
    send_raw("\x7f\x01\x00\x00\x02", 5); /* STATUS with a wrong check */
    expect_end_with(CHIP_BAD_FRAME);
    send_raw("\x7f\x01\x01\x10\x00", 5); /* 4097 bytes */
    expect_end_with(CHIP_TOO_LARGE);
    send_raw("\x7f\x06\xff\xff", 4);
    expect_end_with(CHIP_TOO_LARGE);
}
END_TEST

START_TEST(frame_that_does_not_end_is_given_up)
{
    send_raw("\x7f\x03\x88\x00half", 8);
    expect_end_with(CHIP_BAD_FRAME);
}
END_TEST

START_TEST(frame_cut_off_at_any_byte_is_no_command)
{
    uint8_t frame[5 + CHIP_LICENSE_BYTES] = {0x7f, CHIP_LICENSE, CHIP_LICENSE_BYTES, 0};
    memcpy(frame + 4, license, sizeof license);
    for (size_t length = 0; length < sizeof frame; length++) {
        send_raw(frame, length);
        bench_connect(&bench);
        struct chip_frame status = bench_status(&bench);
        ck_assert_uint_eq(status.payload[0], CHIP_OPEN);
        ck_assert_uint_eq(status.payload[1], 0);
    }
}
END_TEST

START_TEST(garbage_during_an_install_is_a_lost_line)
{
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
    send_raw("garbage", 7);
    ck_assert_int_eq(receive(), CHIP_BAD_FRAME);
    ck_assert_int_eq(receive(), BENCH_LOST);
    bench_connect(&bench);
    ck_assert_uint_eq(bench_status(&bench).payload[1], 1);
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
}
END_TEST

START_TEST(commands_that_do_not_exist_are_refused_and_change_nothing)
{
    for (unsigned code = 0; code < 256; code++) {
        if (code == 0 || code > CHIP_CMS_END)
            ck_assert_int_eq(bench_tell(&bench, (enum chip_command)code, bytes_of("x", 1)),
                             CHIP_BAD_COMMAND);
    }
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)), 0);
    ck_assert_int_eq(bench_tell(&bench, (enum chip_command)0xee, bytes_of(NULL, 0)),
                     CHIP_BAD_COMMAND);
    ck_assert_int_eq(bench_tell(&bench, CHIP_HEADER, bytes_of(image.header, CHIP_HEADER_BYTES)), 0);
}
END_TEST

/* ---- random frames ---- */

/* A well-formed frame of a random command: often a real one, with bytes that it does not like. */
static bool send_random_command(void)
{
    uint8_t payload[CHIP_PAYLOAD_MAX_BYTES];
    static const size_t lengths[] = {0, 6, CHIP_HEADER_BYTES, CHIP_AREA_HEADER_BYTES,
                                     CHIP_LICENSE_BYTES};
    size_t length = random() % 4 == 0 ? (size_t)random() % 200 : lengths[random() % 5];
    uint8_t code = (uint8_t)(random() % 4 == 0 ? random() % 256 : random() % 14);
    random_fill(payload, sizeof payload);
    if (random() % 3 == 0) { /* go further than the license */
        memcpy(payload, license, sizeof license);
        code = CHIP_LICENSE;
        length = sizeof license;
    }
    return chip_link_send(bench.link, code, bytes_of(payload, length), deadline_in(10000)) ==
           ERR_OK;
}

/* Bytes that are anything; the frame's start is right in half of them. */
static bool send_random_bytes(void)
{
    uint8_t bytes[64];
    random_fill(bytes, sizeof bytes);
    if (random() % 2 == 0)
        bytes[0] = 0x7f;
    if (random() % 2 == 0)
        bytes[3] = 0;
    send_raw(bytes, sizeof bytes);
    (void)shutdown(bench.link, SHUT_WR); /* so that the chip need not wait for the rest */
    return false;
}

START_TEST(random_frames_neither_crash_nor_hang_the_chip)
{
    size_t frames = test_size("random frames to a chip", 1500, 10000);
    srandom((unsigned)frames * SEED_STEP);
    for (size_t i = 0; i < frames; i++) {
        bool goes_on = random() % 8 == 0 ? send_random_bytes() : send_random_command();
        if (receive() == BENCH_LOST || !goes_on)
            bench_connect(&bench);
    }
    bench_connect(&bench);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    ck_assert(bench_is_erased(&bench));
    ck_assert_int_eq(bench_install(&bench, license, &image), 0);
    firmware_expect_installed(&bench, &firmware, &image);
}
END_TEST

/* ---- two programmers ---- */

START_TEST(second_programmer_waits_until_the_first_one_is_gone)
{
    int second = -1;
    struct chip_frame reply;
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    ck_assert_int_eq(chip_link_connect(bench.socket, &second), ERR_OK);
    ck_assert_int_eq(chip_link_send(second, CHIP_STATUS, bytes_of(NULL, 0), deadline_in(1000)),
                     ERR_OK);
    ck_assert_int_eq(poll(&(struct pollfd){.fd = second, .events = POLLIN}, 1, 200), 0);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    bench_disconnect(&bench);
    ck_assert_int_eq(chip_link_receive(second, deadline_in(10000), &reply), ERR_OK);
    ck_assert_int_eq(reply.code, CHIP_ACK);
    ck_assert_int_eq(close(second), 0);
}
END_TEST

START_TEST(second_process_cannot_run_the_same_chip)
{
    char other[TEMP_PATH_MAX];
    temp_dir_path(&bench.temp, "other", other);
    ck_assert_int_eq(
        bench_run(&bench, (const char *[]){"run", "--state", bench.chip, "--socket", other, NULL}),
        1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        bytes_that_are_no_frame_are_refused_and_end_the_connection,
        frame_that_does_not_end_is_given_up,
        frame_cut_off_at_any_byte_is_no_command,
        garbage_during_an_install_is_a_lost_line,
        commands_that_do_not_exist_are_refused_and_change_nothing,
        random_frames_neither_crash_nor_hang_the_chip,
        second_programmer_waits_until_the_first_one_is_gone,
        second_process_cannot_run_the_same_chip,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: frames",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
