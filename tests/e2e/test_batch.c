/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A gang programmer's batch: each device its own answer in the order of the request, one commit for
 * all, and the same account as if they had asked one by one; also when the vault dies in between.
 */
#include "e2e/floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/stations.h"
#include "core/bytes.h"
#include "support/run.h"
#include "support/sizes.h"

#define BATCH        64
#define QUOTA        40
#define FORGED       10
#define REPEATED     11
#define REPEATED_OF  3
#define UNKNOWN      12
#define LATE_REPEAT  50 /* the quota is spent by then */
#define LATE_UNKNOWN 51
#define LATE_FORGED  52
#define NO_IMAGE     "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static struct rig rig;
static struct pki *device_ca;

static void set_up(void)
{
    http_init();
    (void)signal(SIGPIPE, SIG_IGN);
    rig_up(&rig, QUOTA);
    device_ca = pki_load(rig.device_ca_cert, rig.device_ca_key);
}

static void tear_down(void)
{
    rig_check_invariants(&rig);
    pki_free(device_ca);
    rig_down(&rig);
}

static char *join(char *const *bodies, size_t count)
{
    size_t length = 64;
    for (size_t i = 0; i < count; i++)
        length += strlen(bodies[i]) + 1;
    char *text = malloc(length);
    ck_assert_ptr_nonnull(text);
    char *at = stpcpy(text, "{\"licenses\":[");
    for (size_t i = 0; i < count; i++)
        at = stpcpy(stpcpy(at, i == 0 ? "" : ","), bodies[i]);
    (void)stpcpy(at, "]}");
    return text;
}

static void send_batch(char *const *bodies, size_t count, struct http_answer *ret_answer)
{
    char *text = join(bodies, count);
    http_send(&rig,
              &(struct http_request){.method = "POST", .path = "/v1/licenses/batch", .body = text},
              ret_answer);
    free(text);
}

/* ---- 64 exact results ---- */

/* A device at each place, with its key for later; the repeated one is the same again. */
static void make_bodies(struct pki *devices[BATCH], char *bodies[BATCH])
{
    for (size_t i = 0; i < BATCH; i++) {
        char serial[32];
        bool is_repeat = i == REPEATED || i == LATE_REPEAT;
        (void)snprintf(serial, sizeof serial, "gang-%zu", i);
        devices[i] =
            pki_new(device_ca, &(struct pki_options){.name = "Device",
                                                     .serial = serial,
                                                     .is_forged = i == FORGED || i == LATE_FORGED});
        bodies[i] = device_body(&rig, is_repeat ? devices[REPEATED_OF] : devices[i],
                                i == UNKNOWN || i == LATE_UNKNOWN ? NO_IMAGE : NULL, NULL);
    }
}

/* What each place must say: status, and problem or whether it was charged. */
struct expected {
    json_int_t status;
    const char *problem; /* NULL: a license */
    const char *check;   /* of the problem, or "" */
    json_int_t remaining;
};

static struct expected expect_at(size_t i, int *left)
{
    if (i == FORGED || i == LATE_FORGED)
        return (struct expected){422, "device-not-genuine", "signature-invalid", 0};
    if (i == UNKNOWN || i == LATE_UNKNOWN)
        return (struct expected){404, "image-unknown", "", 0};
    if (i == REPEATED || i == LATE_REPEAT)
        return (struct expected){200, NULL, "", *left};
    if (*left == 0)
        return (struct expected){409, "quota-spent", "", 0};
    (*left)--;
    return (struct expected){201, NULL, "", *left};
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static void check_result(const json_t *result, size_t i, const struct expected *expected)
{
    const json_t *license = json_object_get(result, "license");
    const json_t *problem = json_object_get(result, "problem");
    const char *type = text_of(problem, "type");
    const char *slash = strrchr(type, '/');
    json_int_t status = json_integer_value(json_object_get(result, "status"));
    ck_assert_msg(status == expected->status, "device %zu: status %lld %s", i, (long long)status,
                  type);
    ck_assert_str_eq(slash != NULL ? slash + 1 : "",
                     expected->problem != NULL ? expected->problem : "");
    ck_assert_str_eq(text_of(problem, "check"), expected->check);
    ck_assert_int_eq(json_integer_value(json_object_get(problem, "status")),
                     problem != NULL ? status : 0);
    ck_assert_int_eq(license != NULL, expected->problem == NULL);
    if (license == NULL)
        return;
    ck_assert_int_eq(json_is_true(json_object_get(license, "charged")), status == 201);
    ck_assert_msg(json_integer_value(json_object_get(license, "remaining")) == expected->remaining,
                  "device %zu: remaining %lld", i,
                  (long long)json_integer_value(json_object_get(license, "remaining")));
}

static void check_results(const struct http_answer *answer)
{
    int left = QUOTA;
    const json_t *results = json_object_get(answer->json, "results");
    ck_assert_msg(answer->status == 200, "status %ld: %.300s", answer->status, answer->body);
    ck_assert_uint_eq(json_array_size(results), BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        struct expected expected = expect_at(i, &left);
        check_result(json_array_get(results, i), i, &expected);
    }
}

static const char *license_at(const struct http_answer *answer, size_t i)
{
    const json_t *result = json_array_get(json_object_get(answer->json, "results"), i);
    return text_of(json_object_get(result, "license"), "license");
}

/* Whose license that is, the service is asked: else two that changed places would go unnoticed. */
static void check_device(const json_t *license, size_t i)
{
    char path[128];
    char serial[32];
    struct http_answer answer;
    (void)snprintf(path, sizeof path, "/v1/licenses/%s", text_of(license, "license_id"));
    (void)snprintf(serial, sizeof serial, "gang-%zu",
                   i == REPEATED || i == LATE_REPEAT ? (size_t)REPEATED_OF : i);
    http_send(&rig, &(struct http_request){.method = "GET", .path = path}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(http_text(&answer, "device_serial"), serial);
    http_answer_clear(&answer);
}

static void check_devices(const struct http_answer *answer)
{
    const json_t *results = json_object_get(answer->json, "results");
    for (size_t i = 0; i < BATCH; i++) {
        const json_t *license = json_object_get(json_array_get(results, i), "license");
        if (license != NULL)
            check_device(license, i);
    }
}

/* Asked again, who has a license gets it, and who was refused is refused as before. */
static void check_again(const struct http_answer *answer, const struct http_answer *again)
{
    const json_t *results = json_object_get(answer->json, "results");
    const json_t *repeats = json_object_get(again->json, "results");
    ck_assert_uint_eq(json_array_size(repeats), BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        json_int_t first =
            json_integer_value(json_object_get(json_array_get(results, i), "status"));
        json_int_t then = json_integer_value(json_object_get(json_array_get(repeats, i), "status"));
        ck_assert_int_eq(then, first == 201 ? 200 : first);
        ck_assert_str_eq(license_at(again, i), license_at(answer, i));
    }
}

/* Under the name that floor_opens knows. */
static void expect_opens(const struct pki *device, const char *license)
{
    char path[TEMP_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/gang.pem", rig.dir);
    pki_write_certificate(device, path);
    (void)snprintf(path, sizeof path, "%s/gang.key", rig.dir);
    pki_write_key(device, path);
    ck_assert_int_eq(floor_opens(&rig, license, "gang"), 1);
}

/* Whoever looks at the ledger meanwhile sees nothing of a batch or all of it. */
struct onlooker {
    pthread_t thread;
    atomic_bool is_over;
    atomic_size_t looks;
};

static void *look_on(void *argument)
{
    struct onlooker *onlooker = argument;
    while (!onlooker->is_over) {
        int64_t charges = rig_query(&rig, "SELECT count(*) FROM charge");
        ck_assert_msg(charges == 0 || charges == QUOTA, "%lld of the batch are committed",
                      (long long)charges);
        onlooker->looks++;
    }
    return NULL;
}

START_TEST(batch_of_64_gives_each_device_its_exact_answer_in_one_commit)
{
    struct pki *devices[BATCH];
    char *bodies[BATCH];
    struct http_answer answer;
    struct http_answer again;
    struct onlooker onlooker = {0};
    make_bodies(devices, bodies);
    ck_assert_int_eq(pthread_create(&onlooker.thread, NULL, look_on, &onlooker), 0);
    send_batch(bodies, BATCH, &answer);
    onlooker.is_over = true;
    (void)pthread_join(onlooker.thread, NULL);
    ck_assert_uint_gt(onlooker.looks, 0);
    check_results(&answer);
    check_devices(&answer);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), QUOTA);
    ck_assert_str_eq(license_at(&answer, REPEATED), license_at(&answer, REPEATED_OF));
    expect_opens(devices[0], license_at(&answer, 0));
    expect_opens(devices[REPEATED_OF], license_at(&answer, LATE_REPEAT));
    send_batch(bodies, BATCH, &again);
    check_again(&answer, &again);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), QUOTA);
    http_answer_clear(&answer);
    http_answer_clear(&again);
    for (size_t i = 0; i < BATCH; i++) {
        pki_free(devices[i]);
        free(bodies[i]);
    }
}
END_TEST

START_TEST(batch_that_is_wrong_anywhere_charges_nobody)
{
    struct devices devices;
    struct http_answer answer;
    devices_make(&rig, "wrong", 4, &devices);
    free(devices.bodies[3]);
    devices.bodies[3] = strdup("{\"product\":\"rig-gateway\",\"device\":7}");
    send_batch(devices.bodies, 4, &answer);
    ck_assert_int_eq(answer.status, 400);
    ck_assert_str_eq(http_text(&answer, "path"), "$.licenses[3].device");
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), 0);
    http_answer_clear(&answer);
    devices_clear(&devices);
}
END_TEST

/* ---- kill -9 in the middle ---- */

#define CRASH_BATCH    16
#define CRASH_BATCHES  60
#define KILL_AFTER_US  400000
#define RETRY_AFTER_US 10000

/* Asks for each batch until it was answered, and keeps the licenses. */
struct gang {
    struct devices devices;
    char *held[CRASH_BATCH * CRASH_BATCHES];
    size_t batches;
    atomic_size_t done;
    atomic_size_t lost; /* no answer, or one that says "later" to some */
};

/* What a station holds in its hands must never change; whether it now holds all of the batch. */
static bool keep_licenses(struct gang *gang, size_t first, const struct http_answer *answer)
{
    bool has_all = true;
    const json_t *results = json_object_get(answer->json, "results");
    for (size_t i = 0; i < CRASH_BATCH; i++) {
        json_int_t status =
            json_integer_value(json_object_get(json_array_get(results, i), "status"));
        const char *license = license_at(answer, i);
        ck_assert_msg(status == 200 || status == 201 || status == 503, "device %zu: %.300s",
                      first + i, answer->body);
        if (status == 503)
            has_all = false;
        else if (gang->held[first + i] == NULL)
            gang->held[first + i] = strdup(license);
        else
            ck_assert_str_eq(license, gang->held[first + i]);
    }
    return has_all;
}

static void *ask_for_all(void *argument)
{
    struct gang *gang = argument;
    while (gang->done < gang->batches) {
        struct http_answer answer;
        size_t first = gang->done * CRASH_BATCH;
        send_batch(gang->devices.bodies + first, CRASH_BATCH, &answer);
        ck_assert_msg(answer.status == 200 || answer.status == 503 || answer.status == 0,
                      "status %ld: %.300s", answer.status, answer.body);
        if (answer.status == 200 && keep_licenses(gang, first, &answer)) {
            gang->done++;
        } else {
            gang->lost++;
            (void)usleep(RETRY_AFTER_US);
        }
        http_answer_clear(&answer);
    }
    return NULL;
}

static void kill_the_vault_until_done(struct gang *gang)
{
    while (gang->done < gang->batches) {
        (void)usleep((useconds_t)(random() % KILL_AFTER_US));
        rig_kill(&rig, RIG_VAULT, SIGKILL);
        rig_start(&rig, RIG_VAULT, NULL);
        rig_wait_ready(&rig);
    }
}

/* Whatever was answered is what the ledger has, and is not charged again. */
static void expect_the_same_again(struct gang *gang)
{
    for (size_t first = 0; first < gang->devices.count; first += CRASH_BATCH) {
        struct http_answer answer;
        send_batch(gang->devices.bodies + first, CRASH_BATCH, &answer);
        ck_assert_int_eq(answer.status, 200);
        for (size_t i = 0; i < CRASH_BATCH; i++)
            ck_assert_str_eq(license_at(&answer, i), gang->held[first + i]);
        http_answer_clear(&answer);
    }
}

START_TEST(vault_that_is_killed_during_batches_loses_and_doubles_no_charge)
{
    pthread_t thread;
    struct gang *gang = calloc(1, sizeof *gang);
    ck_assert_ptr_nonnull(gang);
    ck_assert_int_eq(rig_shell(&rig,
                               "$BIN/provctl --config $RIG_CONFIG quota add $RIG_PRODUCT "
                               "--units %d >/dev/null",
                               CRASH_BATCH * CRASH_BATCHES),
                     0);
    gang->batches = test_size("batches while the vault is killed", 12, CRASH_BATCHES);
    devices_make(&rig, "crash", gang->batches * CRASH_BATCH, &gang->devices);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_all, gang), 0);
    kill_the_vault_until_done(gang);
    (void)pthread_join(thread, NULL);
    (void)printf("%zu requests were lost on the way\n", (size_t)gang->lost);
    expect_the_same_again(gang);
    ck_assert_int_eq(rig_query(&rig, "SELECT count(*) FROM charge"), (int64_t)gang->devices.count);
    for (size_t i = 0; i < gang->devices.count; i++)
        free(gang->held[i]);
    devices_clear(&gang->devices);
    free(gang);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        batch_of_64_gives_each_device_its_exact_answer_in_one_commit,
        batch_that_is_wrong_anywhere_charges_nobody,
        vault_that_is_killed_during_batches_loses_and_doubles_no_charge,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "batches, end to end",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
