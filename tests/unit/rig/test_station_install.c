/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One chip on a bench, between a scripted chip and a scripted service: what is told to whom when
 * the chip refuses, lies, or is gone.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/clock.h"
#include "rig/station/control.h"
#include "rig/station/install.h"
#include "support/run.h"
#include "support/temp_dir.h"
#include "unit/cli/server.h"

#define PRODUCT     "rig-mcu"
#define INSTALL     "ins-018f3c6e-0b7a-7a5c-9c3d-2f6f0a1b2c3d"
#define IMAGE_BYTES (CHIP_HEADER_BYTES + CHIP_AREA_HEADER_BYTES + 5000)
#define TIMEOUT_MS  5000

/* A chip that answers as it is told. The fields are set before it is switched on. */
struct fake_chip {
    uint8_t phase;
    uint8_t tag;         /* of its installed image, all bytes */
    uint8_t refused;     /* the command that it refuses; 0: none */
    uint8_t error;       /* with which word */
    uint8_t hangs_up_at; /* the command at which the connection ends; 0: none */
    bool says_garbage;
    atomic_uint requests;
    atomic_uint connections;
    int listener;
    pthread_t thread;
};

static struct temp_dir dir;
static struct server server;
static struct station_rest *rest;
static struct station_memory *memory;
static struct station_shared shared;
static struct station_bench bench;
static struct station_seat seat = {.name = "chip"};
static struct fake_chip chip;
static uint8_t image[IMAGE_BYTES];
static char license_answer[1024];

/* ---- the chip ---- */

static bool reply(int link, const struct chip_frame *request)
{
    uint8_t certificate[CHIP_CERTIFICATE_BYTES] = {1, 2, 3};
    uint8_t status[CHIP_STATUS_BYTES] = {chip.phase, 0, 1};
    deadline_ms deadline = deadline_in(TIMEOUT_MS);
    memset(status + 3, chip.tag, CHIP_TAG_BYTES);
    if (request->code == chip.hangs_up_at)
        return false;
    if (chip.says_garbage)
        return write(link, "\x7fgarbage, and more of it", 23) == 23;
    if (request->code == chip.refused)
        return chip_link_send(link, CHIP_NACK, bytes_of(&chip.error, 1), deadline) == ERR_OK;
    struct bytes payload = bytes_of(NULL, 0);
    if (request->code == CHIP_STATUS)
        payload = bytes_of(status, sizeof status);
    if (request->code == CHIP_CERTIFICATE)
        payload = bytes_of(certificate, sizeof certificate);
    return chip_link_send(link, CHIP_ACK, payload, deadline) == ERR_OK;
}

static void *run_chip(void *context)
{
    int link = -1;
    (void)context;
    while ((link = accept(chip.listener, NULL, NULL)) >= 0) {
        struct chip_frame request;
        atomic_fetch_add(&chip.connections, 1);
        while (chip_link_receive(link, deadline_in(TIMEOUT_MS), &request) == ERR_OK) {
            atomic_fetch_add(&chip.requests, 1);
            if (!reply(link, &request))
                break;
        }
        (void)close(link);
    }
    return NULL;
}

static void chip_on(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", seat.path);
    chip.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(chip.listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(chip.listener, 8), 0);
    ck_assert_int_eq(pthread_create(&chip.thread, NULL, run_chip, NULL), 0);
}

static void chip_off(void)
{
    (void)shutdown(chip.listener, SHUT_RDWR);
    (void)pthread_join(chip.thread, NULL);
    (void)close(chip.listener);
}

/* ---- the station ---- */

/* An image that is on the disk already, so that only licenses and outcomes are asked for. */
static void keep_image(void)
{
    char name[SHA256_HEX_SIZE];
    memcpy(image, "SFIMAGIC", 8);
    chip_put_u32(image + CHIP_HEADER_BYTES + 4, 5000);
    memset(image + 12, 9, CHIP_TAG_BYTES);
    shared.image = sha256_of(bytes_of(image, sizeof image));
    shared.has_image = true;
    hex_encode(bytes_of(shared.image.bytes, SHA256_SIZE), name);
    int fd = openat(station_memory_images(memory), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, image, sizeof image), (ssize_t)sizeof image);
    (void)close(fd);
}

static void make_license_answer(const struct sha256 *digest)
{
    char reference[IMAGE_REFERENCE_SIZE];
    uint8_t license[STATION_LICENSE_BYTES] = {0};
    char *base64 = NULL;
    image_reference_format(digest, reference);
    ck_assert_int_eq(base64_encode(bytes_of(license, sizeof license), &base64), ERR_OK);
    (void)snprintf(license_answer, sizeof license_answer,
                   "{\"install_id\":\"" INSTALL "\",\"license\":\"%s\",\"profile\":\"st-sfi\","
                   "\"charged\":true,\"image\":\"%s\",\"attempt\":1,\"remaining\":7}",
                   base64, reference);
    free(base64);
}

static void connect_rest(void)
{
    char ca[TEMP_PATH_MAX];
    char certificate[TEMP_PATH_MAX];
    char key[TEMP_PATH_MAX];
    struct fault fault;
    temp_dir_path(&dir, "ca.pem", ca);
    temp_dir_path(&dir, "station.pem", certificate);
    temp_dir_path(&dir, "station.key", key);
    struct station_rest_options options = {
        .url = server.url, .ca = ca, .certificate = certificate, .key = key, .retry_ms = 300};
    ck_assert_int_eq(station_rest_new(&options, &rest, &fault), ERR_OK);
}

static void set_up(void)
{
    char work[TEMP_PATH_MAX];
    char path[TEMP_PATH_MAX];
    struct fault fault;
    temp_dir_make(&dir);
    temp_dir_path(&dir, "work", work);
    temp_dir_path(&dir, "chip", path);
    (void)snprintf(seat.path, sizeof seat.path, "%.100s", path);
    ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    ck_assert_int_eq(station_control_init(0), ERR_OK);
    ck_assert_int_eq(station_memory_open(work, &memory, &fault), ERR_OK);
    shared.product = PRODUCT;
    shared.tries = 3;
    shared.memory = memory;
    (void)pthread_mutex_init(&shared.lock, NULL);
    ck_assert_int_eq(station_images_new(memory, 1000, &shared.images), ERR_OK);
    server_start(&server, &dir);
    connect_rest();
    bench = (struct station_bench){.shared = &shared, .rest = rest, .number = 1};
    keep_image();
    make_license_answer(&shared.image);
    server_say(&server, 201, license_answer);
    server_say(&server, 200, "{\"install_id\":\"" INSTALL "\",\"result\":\"succeeded\"}");
}

static void tear_down(void)
{
    station_images_free(shared.images);
    station_memory_free(memory);
    station_rest_free(rest);
    server_stop(&server);
    temp_dir_remove(&dir);
}

static enum station_end install(void)
{
    chip_on();
    enum station_end end = station_install_chip(&bench, &seat);
    chip_off();
    return end;
}

static bool body_holds(size_t request, const char *text)
{
    return request < server.request_count && strstr(server.requests[request].body, text) != NULL;
}

START_TEST(a_chip_that_takes_everything_is_reported_as_succeeded)
{
    ck_assert_int_eq(install(), STATION_SUCCEEDED);
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert(body_holds(0, "\"st_certificate\":\"AQIDAAAA"));
    ck_assert(body_holds(0, "\"socket\":\"socket-01\""));
    ck_assert_str_eq(server.requests[1].url, "/v1/installs/" INSTALL "/outcome");
    ck_assert(body_holds(1, "succeeded"));
    /* status, certificate, license, header, area, two pieces */
    ck_assert_uint_eq(chip.requests, 7);
}
END_TEST

START_TEST(nothing_is_reported_for_a_chip_that_refuses_its_license)
{
    chip.refused = CHIP_LICENSE;
    chip.error = CHIP_LICENSE_REFUSED;
    ck_assert_int_eq(install(), STATION_ASIDE);
    ck_assert_uint_eq(server.request_count, 1);
    ck_assert_uint_eq(chip.connections, 1);
}
END_TEST

START_TEST(a_broken_install_is_reported_with_the_chips_word)
{
    chip.refused = CHIP_DATA;
    chip.error = CHIP_FLASH_VERIFY;
    ck_assert_int_eq(install(), STATION_FAILED);
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert(body_holds(1, "\"code\":\"flash-verify\""));
}
END_TEST

START_TEST(a_chip_without_a_connection_is_tried_three_times_with_one_license)
{
    chip.hangs_up_at = CHIP_AREA;
    ck_assert_int_eq(install(), STATION_FAILED);
    ck_assert_uint_eq(chip.connections, 3);
    ck_assert_uint_eq(server.request_count, 2); /* one license, one outcome */
    ck_assert(body_holds(1, "\"code\":\"connection-lost\""));
}
END_TEST

START_TEST(nothing_is_reported_for_a_chip_that_never_opened_its_license)
{
    chip.hangs_up_at = CHIP_LICENSE;
    ck_assert_int_eq(install(), STATION_FAILED);
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(garbage_from_a_chip_is_no_answer)
{
    chip.says_garbage = true;
    ck_assert_int_eq(install(), STATION_FAILED);
    ck_assert_uint_eq(server.request_count, 0);
    ck_assert_uint_eq(chip.connections, 3);
}
END_TEST

START_TEST(a_closed_chip_of_ours_whose_outcome_was_lost_is_reported)
{
    ck_assert_int_eq(install(), STATION_SUCCEEDED);
    (void)unlink(seat.path);
    chip.phase = CHIP_CLOSED;
    chip.tag = 9;
    ck_assert_int_eq(install(), STATION_SUCCEEDED);
    ck_assert_uint_eq(server.request_count, 3);
    ck_assert_str_eq(server.requests[2].url, "/v1/installs/" INSTALL "/outcome");
}
END_TEST

START_TEST(a_closed_chip_with_another_image_is_set_aside)
{
    ck_assert_int_eq(install(), STATION_SUCCEEDED);
    (void)unlink(seat.path);
    chip.phase = CHIP_CLOSED;
    chip.tag = 8;
    ck_assert_int_eq(install(), STATION_ASIDE);
    ck_assert_uint_eq(server.request_count, 2);
}
END_TEST

START_TEST(a_closed_chip_that_nobody_knows_is_set_aside_and_costs_nothing)
{
    chip.phase = CHIP_CLOSED;
    chip.tag = 9;
    ck_assert_int_eq(install(), STATION_ASIDE);
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_license_for_another_image_is_not_used)
{
    const struct sha256 other = {.bytes = {1}};
    make_license_answer(&other);
    ck_assert_int_eq(install(), STATION_FAILED);
    ck_assert_uint_eq(server.request_count, 1);
    ck_assert_uint_eq(chip.requests, 2);
}
END_TEST

static void say_first(unsigned status, const char *body)
{
    server.answer_count = 0;
    server_say(&server, status, body);
}

START_TEST(refusals_of_the_service_end_where_they_belong)
{
    static const struct {
        unsigned status;
        const char *body;
        enum station_end end;
    } rows[] = {
        {409, "{\"type\":\"/problems/quota-spent\"}", STATION_QUOTA_SPENT},
        {422, "{\"type\":\"/problems/device-not-genuine\",\"check\":\"st-family\"}", STATION_ASIDE},
        {409, "{\"type\":\"/problems/device-identity-conflict\"}", STATION_ASIDE},
        {409, "{\"type\":\"/problems/device-scrapped\"}", STATION_ASIDE},
        {404, "{\"type\":\"/problems/product-unknown\"}", STATION_FAILED},
        {503, "{\"type\":\"/problems/busy\"}", STATION_UNREACHABLE},
        {201, "{\"license\":\"\"}", STATION_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say_first(rows[i].status, rows[i].body);
        ck_assert_msg(install() == rows[i].end, "%s", rows[i].body);
        (void)unlink(seat.path);
    }
    ck_assert_uint_eq(chip.requests, 2 * sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(a_kept_license_is_used_again_without_a_question)
{
    chip.hangs_up_at = CHIP_AREA;
    ck_assert_int_eq(install(), STATION_FAILED);
    (void)unlink(seat.path);
    chip.hangs_up_at = 0;
    ck_assert_int_eq(install(), STATION_SUCCEEDED);
    ck_assert_uint_eq(server.request_count, 3);
    ck_assert_str_eq(server.requests[2].url, "/v1/installs/" INSTALL "/outcome");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_chip_that_takes_everything_is_reported_as_succeeded,
                                  nothing_is_reported_for_a_chip_that_refuses_its_license,
                                  a_broken_install_is_reported_with_the_chips_word,
                                  a_chip_without_a_connection_is_tried_three_times_with_one_license,
                                  nothing_is_reported_for_a_chip_that_never_opened_its_license,
                                  garbage_from_a_chip_is_no_answer,
                                  a_closed_chip_of_ours_whose_outcome_was_lost_is_reported,
                                  a_closed_chip_with_another_image_is_set_aside,
                                  a_closed_chip_that_nobody_knows_is_set_aside_and_costs_nothing,
                                  a_license_for_another_image_is_not_used,
                                  refusals_of_the_service_end_where_they_belong,
                                  a_kept_license_is_used_again_without_a_question,
                                  NULL};
    return run_suite(&(struct run_case){.name = "station_install",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
