/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The main job over real TLS: licenses that openssl opens, counted once. */
#include "e2e/floor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "support/run.h"

static struct rig rig;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 60);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    rig_down(&rig);
}

START_TEST(license_opens_with_the_devices_key_and_no_other)
{
    struct floor_device device;
    struct floor_device other;
    struct http_answer answer;
    floor_device_make(&rig, "one", NULL, &device);
    floor_device_make(&rig, "two", NULL, &other);
    http_license(&rig, device.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(http_text(&answer, "profile"), "cms");
    ck_assert_str_eq(http_text(&answer, "image"), rig.image);
    ck_assert_int_eq(http_number(&answer, "charged"), 1);
    ck_assert_int_eq(http_number(&answer, "attempt"), 1);
    ck_assert_int_eq(http_number(&answer, "remaining"), 59);
    ck_assert_int_eq(floor_opens(&rig, http_text(&answer, "license"), "one"), 1);
    ck_assert_int_eq(floor_opens(&rig, http_text(&answer, "license"), "two"), 0);
    http_answer_clear(&answer);
}
END_TEST

START_TEST(same_request_again_is_the_same_bytes_and_no_charge)
{
    struct floor_device device;
    struct http_answer first;
    struct http_answer again;
    floor_device_make(&rig, "one", NULL, &device);
    http_license(&rig, device.pem, NULL, &first);
    http_license(&rig, device.pem, rig.image, &again);
    ck_assert_int_eq(first.status, 201);
    ck_assert_int_eq(again.status, 200);
    ck_assert_str_eq(http_text(&first, "license"), http_text(&again, "license"));
    ck_assert_str_eq(http_text(&first, "install_id"), http_text(&again, "install_id"));
    ck_assert_int_eq(http_number(&again, "charged"), 0);
    ck_assert_int_eq(http_number(&again, "attempt"), 2);
    ck_assert_int_eq(http_number(&again, "remaining"), 59);
    http_answer_clear(&first);
    http_answer_clear(&again);
}
END_TEST

START_TEST(raw_license_comes_with_its_facts_in_headers)
{
    struct floor_device device;
    struct http_answer json;
    struct http_answer raw;
    char body[FLOOR_PEM_MAX * 2];
    floor_device_make(&rig, "one", NULL, &device);
    http_license(&rig, device.pem, NULL, &json);
    json_t *question =
        json_pack("{ss s{ss}}", "product", rig.product, "device", "certificate_chain", device.pem);
    char *request = json_dumps(question, 0);
    (void)snprintf(body, sizeof body, "%s", request);
    json_decref(question);
    free(request);
    http_send(&rig,
              &(struct http_request){.method = "POST",
                                     .path = "/v1/licenses",
                                     .body = body,
                                     .accept = "application/octet-stream"},
              &raw);
    ck_assert_int_eq(raw.status, 200);
    ck_assert_int_eq((unsigned char)raw.body[0], 0x30); /* a DER SEQUENCE */
    ck_assert_ptr_nonnull(strstr(raw.headers, http_text(&json, "license_id")));
    ck_assert_ptr_nonnull(strstr(raw.headers, http_text(&json, "install_id")));
    ck_assert_ptr_nonnull(strstr(raw.headers, rig.image));
    http_answer_clear(&json);
    http_answer_clear(&raw);
}
END_TEST

/* One of many requests sent at the same time. */
struct shot {
    pthread_t thread;
    const struct floor_device *device;
    struct http_answer answer;
};

#define SHOTS_MAX     100
#define SHOT_PAUSE_US 100000

/* As a station does: a 503 is asked again. */
static void *shoot(void *argument)
{
    struct shot *shot = argument;
    for (int i = 0; i < SHOTS_MAX; i++) {
        http_license(&rig, shot->device->pem, NULL, &shot->answer);
        if (shot->answer.status != 503)
            break;
        http_answer_clear(&shot->answer);
        (void)usleep(SHOT_PAUSE_US);
    }
    return NULL;
}

#define RACE_DEVICES 100
#define RACE_QUOTA   60

static void race(struct shot shots[2 * RACE_DEVICES], const struct floor_device *devices)
{
    for (size_t i = 0; i < 2 * RACE_DEVICES; i++) {
        shots[i] = (struct shot){.device = &devices[i % RACE_DEVICES]};
        ck_assert_int_eq(pthread_create(&shots[i].thread, NULL, shoot, &shots[i]), 0);
    }
    for (size_t i = 0; i < 2 * RACE_DEVICES; i++)
        ck_assert_int_eq(pthread_join(shots[i].thread, NULL), 0);
}

/* Both answers of a device: a license twice, one of them charged; or quota-spent twice. */
static int judge_pair(struct http_answer *a, struct http_answer *b)
{
    if (a->status == 409) {
        ck_assert_str_eq(http_problem(a), "quota-spent");
        ck_assert_int_eq(b->status, 409);
        ck_assert_str_eq(http_problem(b), "quota-spent");
        return 0;
    }
    ck_assert_int_eq(a->status + b->status, 200 + 201);
    ck_assert_str_eq(http_text(a, "license"), http_text(b, "license"));
    ck_assert_int_eq(http_number(a, "charged") + http_number(b, "charged"), 1);
    return 1;
}

START_TEST(two_hundred_requests_for_a_hundred_devices_charge_the_quota_exactly)
{
    static struct floor_device devices[RACE_DEVICES];
    static struct shot shots[2 * RACE_DEVICES];
    int licensed = 0;
    floor_devices_make(&rig, "race", RACE_DEVICES, devices);
    race(shots, devices);
    for (size_t i = 0; i < RACE_DEVICES; i++)
        licensed += judge_pair(&shots[i].answer, &shots[RACE_DEVICES + i].answer);
    ck_assert_int_eq(licensed, RACE_QUOTA);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), RACE_QUOTA);
    for (size_t i = 0; i < 2 * RACE_DEVICES; i++)
        http_answer_clear(&shots[i].answer);
}
END_TEST

static void expect_usage(const char *member, json_int_t value)
{
    struct http_answer answer;
    char path[RIG_VALUE_MAX + 64];
    (void)snprintf(path, sizeof path, "/v1/products/%s/usage", rig.product);
    http_send(&rig, &(struct http_request){.method = "GET", .path = path}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_msg(http_number(&answer, member) == value, "%s is %lld, not %lld", member,
                  (long long)http_number(&answer, member), (long long)value);
    http_answer_clear(&answer);
}

static void spend_quota_of_one(struct floor_device *charged)
{
    struct http_answer answer;
    floor_device_make(&rig, "charged", NULL, charged);
    http_license(&rig, charged->pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 201);
    http_answer_clear(&answer);
}

START_TEST(spent_quota_still_serves_a_charged_device_also_with_a_new_image)
{
    struct floor_device charged;
    struct floor_device fresh;
    struct http_answer answer;
    rig_down(&rig);
    rig_up(&rig, 1);
    spend_quota_of_one(&charged);
    floor_device_make(&rig, "fresh", NULL, &fresh);
    http_license(&rig, fresh.pem, NULL, &answer);
    ck_assert_str_eq(http_problem(&answer), "quota-spent");
    http_answer_clear(&answer);
    http_license(&rig, charged.pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    http_answer_clear(&answer);
    ck_assert_int_eq(rig_shell(&rig, "$BIN/provctl --config $RIG_CONFIG image encrypt --product "
                                     "$RIG_PRODUCT --label next $RIG_FIRMWARE >/dev/null"),
                     0);
    http_license(&rig, charged.pem, "latest", &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_int_eq(http_number(&answer, "charged"), 0);
    ck_assert_str_ne(http_text(&answer, "image"), rig.image);
    http_answer_clear(&answer);
    expect_usage("licensed", 2);
    expect_usage("charged", 1);
}
END_TEST

static void license_and_report(const struct floor_device *device, const char *result, long status)
{
    struct http_answer license;
    struct http_answer outcome;
    http_license(&rig, device->pem, NULL, &license);
    http_outcome(&rig, http_text(&license, "install_id"), result, &outcome);
    ck_assert_int_eq(outcome.status, status);
    http_answer_clear(&license);
    http_answer_clear(&outcome);
}

START_TEST(outcomes_move_the_account_and_scrapped_is_final)
{
    struct floor_device devices[3];
    struct http_answer answer;
    floor_devices_make(&rig, "d", 3, devices);
    license_and_report(&devices[0], "failed", 200);
    license_and_report(&devices[0], "succeeded", 200);
    license_and_report(&devices[1], "failed", 200);
    license_and_report(&devices[2], "scrapped", 200);
    expect_usage("succeeded", 1);
    expect_usage("failed", 1);
    expect_usage("scrapped", 1);
    expect_usage("unreported", 0);
    http_license(&rig, devices[2].pem, NULL, &answer);
    ck_assert_int_eq(answer.status, 409);
    ck_assert_str_eq(http_problem(&answer), "device-scrapped");
    http_answer_clear(&answer);
}
END_TEST

START_TEST(image_content_is_served_whole_and_in_ranges)
{
    char path[RIG_VALUE_MAX + 32];
    struct http_answer whole;
    struct http_answer part;
    (void)snprintf(path, sizeof path, "/v1/images/%s/content", rig.image);
    http_send(&rig, &(struct http_request){.method = "GET", .path = path}, &whole);
    http_send(&rig, &(struct http_request){.method = "GET", .path = path, .range = "1000-1999"},
              &part);
    ck_assert_int_eq(whole.status, 200);
    ck_assert_int_eq(part.status, 206);
    ck_assert_uint_eq(part.length, 1000);
    ck_assert_mem_eq(part.body, whole.body + 1000, 1000);
    struct sha256 digest = sha256_of(bytes_of(whole.body, whole.length));
    char reference[IMAGE_REFERENCE_SIZE];
    image_reference_format(&digest, reference);
    ck_assert_str_eq(reference, rig.image);
    http_answer_clear(&whole);
    http_answer_clear(&part);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        license_opens_with_the_devices_key_and_no_other,
        same_request_again_is_the_same_bytes_and_no_charge,
        raw_license_comes_with_its_facts_in_headers,
        two_hundred_requests_for_a_hundred_devices_charge_the_quota_exactly,
        spent_quota_still_serves_a_charged_device_also_with_a_new_image,
        outcomes_move_the_account_and_scrapped_is_final,
        image_content_is_served_whole_and_in_ranges,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "license, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 180,
                                        .tests = tests});
}
