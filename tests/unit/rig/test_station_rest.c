/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Questions to a service that is slow, away, or lies; images that come in pieces. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "core/clock.h"
#include "rig/station/control.h"
#include "rig/station/image.h"
#include "rig/station/rest.h"
#include "support/run.h"
#include "support/temp_dir.h"
#include "unit/cli/server.h"

#define AREA_BYTES  (CHIP_AREA_HEADER_BYTES + 100)
#define IMAGE_BYTES (CHIP_HEADER_BYTES + (3 * AREA_BYTES))

static struct temp_dir dir;
static struct server server;
static struct station_rest *rest;
static struct station_memory *memory;
static struct station_images *images;
static struct fault fault;
static char image[IMAGE_BYTES];
static struct sha256 digest;

static void make_image(void)
{
    memset(image, 7, sizeof image);
    memcpy(image, "SFIMAGIC", 8);
    for (size_t i = 0; i < 3; i++)
        chip_put_u32((uint8_t *)image + CHIP_HEADER_BYTES + (i * AREA_BYTES) + 4, 100);
    digest = sha256_of(bytes_of(image, sizeof image));
}

static void connect_rest(int64_t retry_ms)
{
    char ca[TEMP_PATH_MAX];
    char certificate[TEMP_PATH_MAX];
    char key[TEMP_PATH_MAX];
    temp_dir_path(&dir, "ca.pem", ca);
    temp_dir_path(&dir, "station.pem", certificate);
    temp_dir_path(&dir, "station.key", key);
    struct station_rest_options options = {
        .url = server.url, .ca = ca, .certificate = certificate, .key = key, .retry_ms = retry_ms};
    station_rest_free(rest);
    ck_assert_int_eq(station_rest_new(&options, &rest, &fault), ERR_OK);
}

static void set_up(void)
{
    char work[TEMP_PATH_MAX];
    make_image();
    temp_dir_make(&dir);
    temp_dir_path(&dir, "work", work);
    ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    ck_assert_int_eq(station_control_init(0), ERR_OK);
    ck_assert_int_eq(station_memory_open(work, &memory, &fault), ERR_OK);
    ck_assert_int_eq(station_images_new(memory, 1000, &images), ERR_OK);
    server_start(&server, &dir);
    connect_rest(3000);
}

static void tear_down(void)
{
    station_images_free(images);
    station_memory_free(memory);
    station_rest_free(rest);
    server_stop(&server);
    temp_dir_remove(&dir);
}

static enum error ask(struct station_rest_answer *ret_answer)
{
    return station_rest_ask(rest, "/v1/licenses", "{}", ret_answer, &fault);
}

/* ---- questions ---- */

START_TEST(a_refusal_is_an_answer)
{
    struct station_rest_answer answer;
    server_say(&server, 409, "{\"type\":\"/problems/quota-spent\",\"retryable\":false}");
    ck_assert_int_eq(ask(&answer), ERR_OK);
    ck_assert_int_eq(answer.status, 409);
    ck_assert_uint_eq(server.request_count, 1);
    ck_assert(server.requests[0].has_certificate);
}
END_TEST

START_TEST(a_busy_service_is_asked_again)
{
    struct station_rest_answer answer;
    server_say(&server, 503, "{\"type\":\"/problems/busy\",\"retryable\":true}");
    server_say_how(&server, &(struct server_answer){.manner = SERVER_CLOSE, .body = ""});
    server_say(&server, 200, "{}");
    ck_assert_int_eq(ask(&answer), ERR_OK);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(server.request_count, 3);
}
END_TEST

START_TEST(retry_after_is_waited_for)
{
    struct station_rest_answer answer;
    int64_t start = clock_monotonic_ms();
    server_say_how(&server,
                   &(struct server_answer){.status = 503, .body = "{}", .retry_after = "1"});
    server_say(&server, 200, "{}");
    ck_assert_int_eq(ask(&answer), ERR_OK);
    ck_assert_int_ge(clock_monotonic_ms() - start, 1000);
}
END_TEST

START_TEST(patience_ends)
{
    struct station_rest_answer answer;
    int64_t start = clock_monotonic_ms();
    server_say(&server, 503, "{}");
    connect_rest(500);
    ck_assert_int_eq(ask(&answer), ERR_VAULT_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "unavailable");
    ck_assert_int_lt(clock_monotonic_ms() - start, 2000);
}
END_TEST

START_TEST(an_endless_answer_is_cut_off)
{
    struct station_rest_answer answer;
    size_t size = STATION_ANSWER_MAX_BYTES + 1;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', size);
    server_say_how(&server,
                   &(struct server_answer){.status = 200, .body = body, .body_length = size});
    ck_assert_int_eq(ask(&answer), ERR_TOO_LARGE);
    free(body);
}
END_TEST

START_TEST(a_stopping_station_asks_no_more)
{
    struct station_rest_answer answer;
    server_say(&server, 200, "{}");
    station_control_stop();
    ck_assert_int_eq(ask(&answer), ERR_TIMEOUT);
    ck_assert_str_eq(fault.reason, "stopped");
}
END_TEST

START_TEST(addresses_with_a_path_or_without_tls_are_refused)
{
    static const char *const urls[] = {"http://localhost", "https://",    "https://h/x",
                                       "https://h?x",      "https://h#x", ""};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct station_rest *none = NULL;
        struct station_rest_options options = {
            .url = urls[i], .ca = "x", .certificate = "x", .key = "x"};
        ck_assert_msg(station_rest_new(&options, &none, &fault) == ERR_CONFIG, "%s", urls[i]);
    }
}
END_TEST

/* ---- images ---- */

static enum error get(const struct station_image **ret_image)
{
    return station_images_get(images, rest, &digest, ret_image, &fault);
}

static void write_part(const void *content, size_t length)
{
    char name[SHA256_HEX_SIZE + 8];
    hex_encode(bytes_of(digest.bytes, sizeof digest.bytes), name);
    strcat(name, ".part");
    int fd = openat(station_memory_images(memory), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, length), (ssize_t)length);
    (void)close(fd);
}

START_TEST(an_image_is_fetched_once_for_all)
{
    const struct station_image *first = NULL;
    const struct station_image *second = NULL;
    server.content = image;
    server.content_length = sizeof image;
    ck_assert_int_eq(get(&first), ERR_OK);
    ck_assert_int_eq(get(&second), ERR_OK);
    ck_assert_ptr_eq(first, second);
    ck_assert_uint_eq(server.request_count, 1);
    ck_assert_mem_eq(first->content.data, image, sizeof image);
}
END_TEST

START_TEST(the_next_station_has_the_image_already)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image;
    ck_assert_int_eq(get(&found), ERR_OK);
    station_images_free(images);
    ck_assert_int_eq(station_images_new(memory, 1000, &images), ERR_OK);
    ck_assert_int_eq(get(&found), ERR_OK);
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_download_that_breaks_off_goes_on_where_it_ended)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image;
    server.content_cut = 50;
    ck_assert_int_eq(get(&found), ERR_OK);
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert_str_eq(server.requests[1].range, "bytes=50-");
}
END_TEST

START_TEST(the_part_of_a_killed_station_is_completed)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image;
    write_part(image, 60);
    ck_assert_int_eq(get(&found), ERR_OK);
    ck_assert_str_eq(server.requests[0].range, "bytes=60-");
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_part_of_something_else_is_thrown_away)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image;
    write_part("nonsense", 8);
    ck_assert_int_eq(get(&found), ERR_OK);
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert_str_eq(server.requests[1].range, "");
}
END_TEST

START_TEST(a_range_that_begins_elsewhere_is_not_taken)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image;
    server.shifts_ranges = true;
    write_part(image, 60);
    ck_assert_int_eq(get(&found), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "range-wrong");
}
END_TEST

START_TEST(content_of_another_digest_is_not_an_image)
{
    const struct station_image *found = NULL;
    server.content = image;
    server.content_length = sizeof image - 1;
    ck_assert_int_eq(get(&found), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "image-digest");
}
END_TEST

START_TEST(every_cut_of_an_image_leaves_its_layout)
{
    for (size_t cut = 0; cut < sizeof image; cut++) {
        bool is_between_areas =
            cut > CHIP_HEADER_BYTES && (cut - CHIP_HEADER_BYTES) % AREA_BYTES == 0;
        uint8_t *copy = malloc(cut + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, image, cut);
        ck_assert_int_eq(station_image_is_whole(bytes_of(copy, cut)), is_between_areas);
        free(copy);
    }
    ck_assert(station_image_is_whole(bytes_of(image, sizeof image)));
}
END_TEST

START_TEST(an_area_larger_than_the_image_leaves_its_layout)
{
    static const uint32_t sizes[] = {101, 65536, 65537, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        chip_put_u32((uint8_t *)image + sizeof image - AREA_BYTES + 4, sizes[i]);
        ck_assert(!station_image_is_whole(bytes_of(image, sizeof image)));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_refusal_is_an_answer,
                                  a_busy_service_is_asked_again,
                                  retry_after_is_waited_for,
                                  patience_ends,
                                  an_endless_answer_is_cut_off,
                                  a_stopping_station_asks_no_more,
                                  addresses_with_a_path_or_without_tls_are_refused,
                                  an_image_is_fetched_once_for_all,
                                  the_next_station_has_the_image_already,
                                  a_download_that_breaks_off_goes_on_where_it_ended,
                                  the_part_of_a_killed_station_is_completed,
                                  a_part_of_something_else_is_thrown_away,
                                  a_range_that_begins_elsewhere_is_not_taken,
                                  content_of_another_digest_is_not_an_image,
                                  every_cut_of_an_image_leaves_its_layout,
                                  an_area_larger_than_the_image_leaves_its_layout,
                                  NULL};
    return run_suite(&(struct run_case){.name = "station_rest",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
