/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The answers of a batch, device by device. Owns no state. */
#include "cli/batch_run.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/file_output.h"
#include "cli/license_request.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/text.h"

#define CHUNK_PATH     "$.licenses["
#define FOREVER_STATUS 500
#define FILE_END       ".bin"

static enum error write_license(const struct batch_run *run, const char *name,
                                const struct answer_license *license, char path[PATH_MAX],
                                struct failure *failure)
{
    FILE_OUTPUT_AUTO output = {.path = NULL};
    const char *folder = arguments_get(run->arguments, OPTION_NEW_DIR);
    if (snprintf(path, PATH_MAX, "%s/%s" FILE_END, folder, name) >= PATH_MAX)
        return failure_set_usage(failure, "The path of --out-dir is too long");
    enum error e = file_output_open(path, &output, failure);
    return e == ERR_OK ? file_output_commit(
                             &output, bytes_of(license->license, license->license_length), failure)
                       : e;
}

static enum error print_license(const struct batch_run *run, const struct batch_device *device,
                                const struct answer_license *license, const char *path,
                                json_t *result, struct failure *failure)
{
    if (arguments_has(run->arguments, OPTION_JSON)) {
        (void)json_object_set_new(result, "name", json_string(device->name));
        (void)json_object_set_new(result, "file", output_text(path));
        return output_json(json_incref(result), failure);
    }
    (void)printf("%s %s charged=%s remaining=%" PRId64 "\n", device->name, license->install_id,
                 license->is_charged ? "yes" : "no", license->remaining);
    return ERR_OK;
}

static enum error take_license(struct batch_run *run, struct batch_device *device, json_t *result,
                               struct failure *failure)
{
    struct answer_license license;
    char path[PATH_MAX];
    char *text = json_dumps(json_object_get(result, "license"), JSON_COMPACT);
    if (text == NULL)
        return failure_set_memory(failure);
    enum error e = answer_read_license(bytes_of(text, strlen(text)), &license, failure);
    free(text);
    if (e == ERR_OK)
        e = license_check_answer(device->image, &license, failure);
    if (e == ERR_OK)
        e = write_license(run, device->name, &license, path, failure);
    if (e == ERR_OK)
        e = print_license(run, device, &license, path, result, failure);
    if (e != ERR_OK)
        return e;
    device->is_done = true;
    device->failure = (struct failure){.code = ERR_OK};
    run->licensed++;
    return ERR_OK;
}

void batch_print_refused(const struct batch_run *run, const struct batch_device *device)
{
    char what[2 * FAILURE_WHAT_MAX];
    struct failure unprinted = {.code = ERR_OK};
    if (arguments_has(run->arguments, OPTION_JSON)) {
        /* What cannot be printed is noted on the stream, and found when it is flushed. */
        (void)!output_json(json_pack("{s:s, s:o}", "name", device->name, "error",
                                     failure_to_json(&device->failure)),
                           &unprinted);
        return;
    }
    text_escape(device->failure.what, what, sizeof what);
    (void)printf("%s refused %s: %s\n", device->name, error_name(device->failure.code), what);
}

/* What will never be is said at once; "later" is said when no round is left. */
static enum error take_problem(struct batch_run *run, struct batch_device *device, long status,
                               const json_t *result, struct failure *failure)
{
    bool is_retryable = false;
    char *text = json_dumps(json_object_get(result, "problem"), JSON_COMPACT);
    if (text == NULL)
        return failure_set_memory(failure);
    (void)problem_to_failure(status, bytes_of(text, strlen(text)), &is_retryable, &device->failure);
    free(text);
    device->is_done = !is_retryable;
    if (device->is_done)
        batch_print_refused(run, device);
    return ERR_OK;
}

/* "$.licenses[3].device" is "$.device" of that device's own request. */
static void drop_index(char *text)
{
    char *at = strstr(text, CHUNK_PATH);
    const char *end = at != NULL ? strchr(at, ']') : NULL;
    if (end != NULL)
        memmove(at + 1, end + 1, strlen(end + 1) + 1);
}

/* The place in the chunk that "$.licenses[N]" names; BATCH_CHUNK_DEVICES for another path. */
static size_t read_index(const char *path)
{
    char *end = NULL;
    if (strncmp(path, CHUNK_PATH, sizeof CHUNK_PATH - 1) != 0)
        return BATCH_CHUNK_DEVICES;
    path += sizeof CHUNK_PATH - 1;
    const size_t index = strtoul(path, &end, 10);
    return end > path && *end == ']' ? index : BATCH_CHUNK_DEVICES;
}

bool batch_refuse_named(struct batch_run *run, const struct batch_chunk *chunk,
                        struct failure *failure)
{
    char where[BATCH_WHERE_MAX];
    const size_t index =
        failure->code == ERR_BAD_REQUEST ? read_index(failure->path) : BATCH_CHUNK_DEVICES;
    if (index >= chunk->count)
        return false;
    struct batch_device *device = &run->batch.devices[chunk->devices[index]];
    drop_index(failure->path);
    drop_index(failure->what);
    batch_where(&run->batch, device, where);
    device->failure = *failure;
    (void)snprintf(device->failure.what, sizeof device->failure.what, "%s: %.180s", where,
                   failure->what);
    device->is_done = true;
    batch_print_refused(run, device);
    (void)fflush(stdout);
    return true;
}

enum error batch_take_results(struct batch_run *run, const struct batch_chunk *chunk,
                              json_t *answer, struct failure *failure)
{
    json_t *results = json_object_get(answer, "results");
    enum error e = ERR_OK;
    if (json_array_size(results) != chunk->count)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The server's answer cannot be understood (results). Are the "
                                 "versions equal?");
    for (size_t i = 0; i < chunk->count && e == ERR_OK; i++) {
        json_t *result = json_array_get(results, i);
        struct batch_device *device = &run->batch.devices[chunk->devices[i]];
        long status = (long)json_integer_value(json_object_get(result, "status"));
        e = json_object_get(result, "license") != NULL
                ? take_license(run, device, result, failure)
                : take_problem(run, device, status >= 400 ? status : FOREVER_STATUS, result,
                               failure);
    }
    (void)fflush(stdout);
    return e;
}
