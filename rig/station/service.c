/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the service is asked about one chip. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "rig/station/work.h"

#define KEPT_MAX 8 /* images that one chip may have a license for here */

/* ---- the image that is wanted ---- */

static bool wanted_image(struct station_shared *shared, struct sha256 *ret_image)
{
    (void)pthread_mutex_lock(&shared->lock);
    bool has_image = shared->has_image;
    *ret_image = shared->image;
    (void)pthread_mutex_unlock(&shared->lock);
    return has_image;
}

/* What "latest" was for the first chip, it is for all of this run. */
static void set_wanted_image(struct station_shared *shared, const struct sha256 *image)
{
    (void)pthread_mutex_lock(&shared->lock);
    if (!shared->has_image) {
        shared->image = *image;
        shared->has_image = true;
    }
    (void)pthread_mutex_unlock(&shared->lock);
}

/* ---- how a question ended ---- */

static enum verdict judge_fault(struct work *work, const struct fault *fault)
{
    if (fault->code == ERR_TIMEOUT)
        return work_end(work, STATION_STOPPED, "stopped");
    if (fault->code == ERR_VAULT_UNAVAILABLE || fault->code == ERR_BUSY ||
        strcmp(fault->reason, "tls-refused") == 0)
        return work_end(work, STATION_UNREACHABLE, fault->reason);
    return work_end(work, STATION_FAILED, fault->reason);
}

static enum verdict judge_problem(struct work *work, const struct station_rest_answer *answer)
{
    static const char *const aside[] = {"device-not-genuine", "device-identity-conflict",
                                        "device-scrapped"};
    struct station_problem problem;
    station_answer_problem(answer->status, answer->body, &problem);
    if (strcmp(problem.name, "quota-spent") == 0)
        return work_end(work, STATION_QUOTA_SPENT, problem.name);
    for (size_t i = 0; i < sizeof aside / sizeof aside[0]; i++) {
        if (strcmp(problem.name, aside[i]) == 0)
            return work_end(work, STATION_ASIDE,
                            problem.check[0] != '\0' ? problem.check : problem.name);
    }
    return work_end(work, STATION_FAILED, problem.name);
}

/* ---- licenses ---- */

/* The request's body, which the caller frees. */
static char *format_request(const struct work *work, const struct sha256 *image)
{
    char reference[IMAGE_REFERENCE_SIZE] = "latest";
    char socket[24];
    char *certificate = NULL;
    if (image != NULL)
        image_reference_format(image, reference);
    (void)snprintf(socket, sizeof socket, "socket-%02u", work->bench->number);
    if (base64_encode(bytes_of(work->certificate, sizeof work->certificate), &certificate) !=
        ERR_OK)
        return NULL;
    json_t *json =
        json_pack("{s:s, s:s, s:{s:s}, s:{s:s}}", "product", work->bench->shared->product, "image",
                  reference, "device", "st_certificate", certificate, "context", "socket", socket);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    free(certificate);
    return text;
}

static enum verdict keep_license(struct work *work, const struct station_license *license)
{
    struct fault fault = {.code = ERR_OK};
    const struct station_shared *shared = work->bench->shared;
    struct station_kept *kept = &work->kept;
    (void)snprintf(kept->product, sizeof kept->product, "%s", shared->product);
    (void)snprintf(kept->install_id, sizeof kept->install_id, "%s", license->install_id);
    kept->image = license->image;
    memcpy(kept->certificate, work->certificate, sizeof kept->certificate);
    memcpy(kept->license, license->license, sizeof kept->license);
    if (station_memory_keep(shared->memory, kept, &fault) != ERR_OK)
        return judge_fault(work, &fault);
    work->has_license = true;
    station_event(work->bench->number, work->seat->name, "licensed",
                  "charged=%s repeat=%s remaining=%" PRId64, license->is_charged ? "yes" : "no",
                  license->is_repeat ? "yes" : "no", license->remaining);
    return VERDICT_GO_ON;
}

static enum verdict take_license(struct work *work, const struct sha256 *wanted,
                                 const struct station_rest_answer *answer)
{
    struct station_license license;
    if (answer->status != 200 && answer->status != 201)
        return judge_problem(work, answer);
    if (station_answer_license(answer->body, &license) != ERR_OK ||
        (wanted != NULL && !sha256_equal(wanted, &license.image)))
        return work_end(work, STATION_FAILED, "answer-wrong");
    set_wanted_image(work->bench->shared, &license.image);
    return keep_license(work, &license);
}

static enum verdict ask_license(struct work *work, const struct sha256 *wanted)
{
    struct station_rest_answer answer;
    struct fault fault = {.code = ERR_OK};
    char *body = format_request(work, wanted);
    if (body == NULL)
        return work_end(work, STATION_FAILED, "memory");
    enum error e = station_rest_ask(work->bench->rest, "/v1/licenses", body, &answer, &fault);
    free(body);
    return e == ERR_OK ? take_license(work, wanted, &answer) : judge_fault(work, &fault);
}

enum verdict service_get_license(struct work *work)
{
    struct sha256 image;
    struct station_shared *shared = work->bench->shared;
    bool has_image = wanted_image(shared, &image);
    if (has_image && station_memory_find(shared->memory, shared->product, work->certificate, &image,
                                         &work->kept)) {
        work->has_license = true;
        station_event(work->bench->number, work->seat->name, "licensed",
                      "charged=no repeat=yes kept=yes");
        return VERDICT_GO_ON;
    }
    return ask_license(work, has_image ? &image : NULL);
}

/* ---- images ---- */

enum verdict service_get_image(struct work *work)
{
    struct fault fault = {.code = ERR_OK};
    const struct station_bench *bench = work->bench;
    if (station_images_get(bench->shared->images, bench->rest, &work->kept.image, &work->image,
                           &fault) != ERR_OK)
        return judge_fault(work, &fault);
    return VERDICT_GO_ON;
}

enum verdict service_recognise_closed(struct work *work)
{
    struct station_kept list[KEPT_MAX];
    const struct station_shared *shared = work->bench->shared;
    size_t count =
        station_memory_list(shared->memory, shared->product, work->certificate, list, KEPT_MAX);
    for (size_t i = 0; i < count; i++) {
        work->kept = list[i];
        enum verdict verdict = service_get_image(work);
        if (verdict != VERDICT_GO_ON)
            return verdict;
        if (memcmp(work->image->tag, work->tag, sizeof work->tag) == 0) {
            work->has_license = true;
            work->is_proven = true;
            return work_end(work, STATION_SUCCEEDED, "closed-before");
        }
    }
    return work_end(work, STATION_ASIDE, "closed-elsewhere");
}

/* ---- outcomes ---- */

static enum verdict judge_report(struct work *work, const struct station_rest_answer *answer)
{
    struct station_problem problem;
    if (answer->status == 200) {
        station_event(work->bench->number, work->seat->name, "reported", "%s",
                      work->end == STATION_SUCCEEDED ? "succeeded" : "failed");
        return VERDICT_GO_ON;
    }
    station_answer_problem(answer->status, answer->body, &problem);
    bool is_scrapped = strcmp(problem.name, "device-scrapped") == 0;
    return work_end(work, is_scrapped ? STATION_ASIDE : STATION_FAILED, problem.name);
}

static char *format_outcome(const struct work *work)
{
    json_t *json = work->end == STATION_SUCCEEDED
                       ? json_pack("{s:s}", "result", "succeeded")
                       : json_pack("{s:s, s:s}", "result", "failed", "code", work->reason);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

enum verdict service_report(struct work *work)
{
    char path[96];
    struct station_rest_answer answer;
    struct fault fault = {.code = ERR_OK};
    bool is_outcome = work->end == STATION_SUCCEEDED || work->end == STATION_FAILED;
    if (!is_outcome || !work->has_license || !work->is_proven)
        return VERDICT_GO_ON;
    char *body = format_outcome(work);
    if (body == NULL)
        return work_end(work, STATION_FAILED, "memory");
    (void)snprintf(path, sizeof path, "/v1/installs/%s/outcome", work->kept.install_id);
    enum error e = station_rest_ask(work->bench->rest, path, body, &answer, &fault);
    free(body);
    return e == ERR_OK ? judge_report(work, &answer) : judge_fault(work, &fault);
}
