/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* bench/crowd.h with a seat for each connection; who was refused rests for a moment. */
#include "e2e/steady.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "bench/crowd.h"
#include "bench/stations.h"
#include "core/clock.h"
#include "e2e/opener.h"
#include "e2e/steady_judge.h"

#define STATIONS      4
#define LINE          ((size_t)2 * STATIONS) /* the vault gives each two threads */
#define SEAT_REPEATS  LINE
#define SEAT_BATCH    (LINE + 1)
#define SEAT_READY    (LINE + 2)
#define SEAT_METRICS  (LINE + 3)
#define SEATS         (LINE + 4)
#define BATCH         6
#define BATCH_MAX     ((size_t)16 * 1024)
#define DEVICES_MAX   200000
#define FIRST_DEVICES 16
#define DRIVE_MS      5
#define REST_MS       20 /* of who was refused, and between two looks */
#define PATIENCE_MS   60000
#define PROBLEM_MAX   64

struct unit {
    struct pki *device;
    char *body;
    char *license; /* base64; NULL before */
};

struct steady {
    const struct rig *rig;
    struct crowd *crowd;
    struct stations stations;
    struct pki *known;
    struct pki *metrics;
    struct pki *device_ca;
    struct opener *opener;
    struct unit *units;
    size_t unit_count;
    size_t licensed[DEVICES_MAX]; /* places of those that have a license */
    size_t asked[SEATS];          /* place of the unit that a seat asks for */
    deadline_ms rests[SEATS];     /* until then */
    size_t batch[BATCH];          /* places of the units in the batch */
    char batch_body[BATCH_MAX];
    size_t next_repeat;
    char problems[PROBLEM_MAX];
    struct steady_view view;
};

/* ---- units ---- */

static size_t new_unit(struct steady *steady)
{
    char serial[32];
    size_t place = steady->unit_count++;
    struct unit *unit = &steady->units[place];
    ck_assert_uint_lt(place, DEVICES_MAX);
    (void)snprintf(serial, sizeof serial, "steady-%zu", place);
    unit->device = pki_device(steady->device_ca, serial);
    unit->body = device_body(steady->rig, unit->device, NULL, NULL);
    return place;
}

static void take_license(struct steady *steady, size_t place, const char *license, long status)
{
    struct unit *unit = &steady->units[place];
    if (unit->license != NULL) {
        ck_assert_int_eq(status, 200);
        ck_assert_str_eq(license, unit->license);
        steady->view.repeats++;
        return;
    }
    ck_assert_int_eq(status, 201);
    ck_assert_msg(opener_opens(steady->opener, license, unit->device),
                  "a license does not open to the firmware");
    unit->license = strdup(license);
    ck_assert_ptr_nonnull(unit->license);
    steady->licensed[steady->view.issued++] = place;
}

/* ---- answers ---- */

static void note_refusal(struct steady *steady, const json_t *problem, size_t seat)
{
    judge_problem(problem, steady->problems);
    steady->view.refused++;
    steady->rests[seat] = deadline_in(REST_MS);
}

static void take_line(struct steady *steady, const struct crowd_answer *answer)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const char *license = judge_text(json, "license");
    if (license[0] != '\0') {
        take_license(steady, steady->asked[answer->member], license, answer->status);
        steady->asked[answer->member] = DEVICES_MAX;
    } else {
        ck_assert_msg(answer->status == 503, "status %ld: %.600s", answer->status, answer->body);
        ck_assert_ptr_nonnull(strcasestr(answer->headers, "\nRetry-After: "));
        note_refusal(steady, json, answer->member);
    }
    json_decref(json);
}

static void take_repeat(struct steady *steady, const struct crowd_answer *answer)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    ck_assert_msg(answer->status == 200, "a stored license: status %ld: %.600s", answer->status,
                  answer->body);
    take_license(steady, steady->asked[answer->member], judge_text(json, "license"),
                 answer->status);
    json_decref(json);
}

/* Who has a license leaves its place in the batch to a new one. */
static void take_result(struct steady *steady, size_t place, const json_t *result)
{
    const char *license = judge_text(json_object_get(result, "license"), "license");
    json_int_t status = json_integer_value(json_object_get(result, "status"));
    if (license[0] == '\0') {
        note_refusal(steady, json_object_get(result, "problem"), SEAT_BATCH);
        return;
    }
    take_license(steady, steady->batch[place], license, (long)status);
    steady->batch[place] = DEVICES_MAX;
}

static void take_batch(struct steady *steady, const struct crowd_answer *answer)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const json_t *results = json_object_get(json, "results");
    if (answer->status == 200) {
        ck_assert_uint_eq(json_array_size(results), BATCH);
        for (size_t i = 0; i < BATCH; i++)
            take_result(steady, i, json_array_get(results, i));
    } else {
        note_refusal(steady, json, answer->member);
    }
    json_decref(json);
}

static void take_look(struct steady *steady, const struct crowd_answer *answer)
{
    if (answer->member == SEAT_READY)
        judge_ready(answer, &steady->view);
    else
        judge_metrics(answer, &steady->view);
    steady->rests[answer->member] = deadline_in(REST_MS);
}

static void take(void *context, const struct crowd_answer *answer)
{
    struct steady *steady = context;
    switch (answer->member) {
    case SEAT_REPEATS:
        take_repeat(steady, answer);
        break;
    case SEAT_BATCH:
        take_batch(steady, answer);
        break;
    case SEAT_READY:
    case SEAT_METRICS:
        take_look(steady, answer);
        break;
    default:
        take_line(steady, answer);
    }
}

/* ---- questions ---- */

static void ask_license(struct steady *steady, size_t seat)
{
    crowd_send(steady->crowd, seat, "/v1/licenses", steady->units[steady->asked[seat]].body);
}

static void ask_batch(struct steady *steady)
{
    char *at = stpcpy(steady->batch_body, "{\"licenses\":[");
    for (size_t i = 0; i < BATCH; i++) {
        if (steady->batch[i] == DEVICES_MAX)
            steady->batch[i] = new_unit(steady);
        const char *body = steady->units[steady->batch[i]].body;
        size_t used = (size_t)(at - steady->batch_body);
        ck_assert_uint_lt(used + strlen(body) + sizeof ",]}", BATCH_MAX);
        at = stpcpy(stpcpy(at, i == 0 ? "" : ","), body);
    }
    (void)stpcpy(at, "]}");
    crowd_send(steady->crowd, SEAT_BATCH, "/v1/licenses/batch", steady->batch_body);
}

static void ask(struct steady *steady, size_t seat)
{
    if (seat < LINE && steady->asked[seat] == DEVICES_MAX)
        steady->asked[seat] = new_unit(steady);
    if (seat < LINE) {
        ask_license(steady, seat);
    } else if (seat == SEAT_REPEATS && steady->view.issued > 0) {
        steady->asked[seat] = steady->licensed[steady->next_repeat++ % steady->view.issued];
        ask_license(steady, seat);
    } else if (seat == SEAT_BATCH) {
        ask_batch(steady);
    } else if (seat == SEAT_READY) {
        crowd_send(steady->crowd, seat, "/readyz", NULL);
    } else if (seat == SEAT_METRICS) {
        crowd_send(steady->crowd, seat, "/metrics", NULL);
    }
}

void steady_drive(struct steady *steady)
{
    for (size_t seat = 0; seat < SEATS; seat++) {
        if (!crowd_is_waiting(steady->crowd, seat) && deadline_left_ms(steady->rests[seat]) == 0)
            ask(steady, seat);
    }
    crowd_drive(steady->crowd, DRIVE_MS);
}

void steady_await_issued(struct steady *steady, size_t more)
{
    size_t wanted = steady->view.issued + more;
    for (deadline_ms end = deadline_in(PATIENCE_MS); steady->view.issued < wanted;) {
        ck_assert_msg(deadline_left_ms(end) > 0, "no more licenses; the HSM: %s, %s",
                      steady->view.hsm, steady->view.detail);
        steady_drive(steady);
    }
}

void steady_await_word(struct steady *steady, const char *word)
{
    const struct steady_view *view = &steady->view;
    for (deadline_ms end = deadline_in(PATIENCE_MS);
         strcmp(view->hsm, word) != 0 || strcmp(view->metrics_hsm, word) != 0;) {
        ck_assert_msg(deadline_left_ms(end) > 0, "%s is due; /readyz says %s, /metrics %s", word,
                      view->hsm, view->metrics_hsm);
        steady_drive(steady);
    }
}

void steady_expect(struct steady *steady, const char *problems)
{
    (void)snprintf(steady->problems, sizeof steady->problems, "%s", problems);
}

void steady_forget_counts(struct steady *steady)
{
    steady->view.restarts = 0;
}

const struct steady_view *steady_view(const struct steady *steady)
{
    return &steady->view;
}

/* ---- begin and end ---- */

static struct crowd_member member_of(const struct pki *caller)
{
    return (struct crowd_member){.certificate = pki_certificate(caller), .key = pki_key(caller)};
}

static void join(struct steady *steady)
{
    struct crowd_member member;
    for (size_t seat = 0; seat < LINE; seat++) {
        member = member_of(steady->stations.list[seat % STATIONS]);
        crowd_join(steady->crowd, &member);
        steady->asked[seat] = DEVICES_MAX;
    }
    for (size_t i = 0; i < BATCH; i++)
        steady->batch[i] = DEVICES_MAX;
    member = member_of(steady->known);
    crowd_join(steady->crowd, &member);
    member = member_of(steady->stations.list[STATIONS]);
    crowd_join(steady->crowd, &member);
    member = member_of(steady->known);
    crowd_join(steady->crowd, &member);
    member = member_of(steady->metrics);
    crowd_join(steady->crowd, &member);
}

struct steady *steady_new(const struct rig *rig)
{
    char metrics_cert[RIG_VALUE_MAX];
    char metrics_key[RIG_VALUE_MAX];
    struct steady *steady = calloc(1, sizeof *steady);
    ck_assert_ptr_nonnull(steady);
    steady->units = calloc(DEVICES_MAX, sizeof *steady->units);
    ck_assert_ptr_nonnull(steady->units);
    steady->rig = rig;
    rig_value(rig, "RIG_METRICS_CERT", metrics_cert);
    rig_value(rig, "RIG_METRICS_KEY", metrics_key);
    stations_enrol(rig, "steady", STATIONS + 1, &steady->stations);
    steady->known = pki_load(rig->station_cert, rig->station_key);
    steady->metrics = pki_load(metrics_cert, metrics_key);
    steady->device_ca = pki_load(rig->device_ca_cert, rig->device_ca_key);
    steady->opener = opener_new(rig);
    steady->crowd = crowd_new(rig->url, rig->ca, take, steady);
    join(steady);
    steady_await_issued(steady, FIRST_DEVICES);
    steady_await_word(steady, "ok");
    return steady;
}

static void finish_answers(struct steady *steady)
{
    while (crowd_busy(steady->crowd) > 0)
        crowd_drive(steady->crowd, DRIVE_MS);
}

static void repeat_all(struct steady *steady)
{
    for (size_t i = 0; i < steady->view.issued; i++) {
        steady->asked[SEAT_REPEATS] = steady->licensed[i];
        ask_license(steady, SEAT_REPEATS);
        finish_answers(steady);
    }
    ck_assert_int_eq(rig_query(steady->rig, "SELECT count(*) FROM charge"),
                     (int64_t)steady->view.issued);
}

void steady_end(struct steady *steady)
{
    finish_answers(steady);
    repeat_all(steady);
    (void)printf("steady: %zu licenses, %zu repeats, %zu told to ask later\n", steady->view.issued,
                 steady->view.repeats, steady->view.refused);
    crowd_free(steady->crowd);
    for (size_t i = 0; i < steady->unit_count; i++) {
        pki_free(steady->units[i].device);
        free(steady->units[i].body);
        free(steady->units[i].license);
    }
    opener_free(steady->opener);
    pki_free(steady->device_ca);
    pki_free(steady->metrics);
    pki_free(steady->known);
    stations_clear(&steady->stations);
    free(steady->units);
    free(steady);
}
