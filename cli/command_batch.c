/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl license batch: the licenses of many devices, a file and a line for each.
 *
 * They are asked for in as few requests as the server takes. Devices whose answer was "later" are
 * asked for again in rounds, within --timeout from the last one that got its license. Asking again
 * costs nothing, so that the whole command may be repeated too. Owns no state.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/license_request.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/rest_retry.h"
#include "cli/station.h"
#include "cli/text.h"

#define CHUNK_DEVICES  256 /* what the server takes */
#define CHUNK_BYTES    ((size_t)1000 * 1000)
#define CHUNK_BEGIN    "{\"licenses\":["
#define CHUNK_END      "]}"
#define CHUNK_OVERHEAD (sizeof CHUNK_BEGIN + sizeof CHUNK_END)
#define FOREVER_STATUS 500
#define FILE_END       ".bin"

struct run {
    const struct arguments *arguments;
    struct batch batch;
    struct rest *rest;
    size_t chunk_devices; /* shrinks when a server takes less */
    size_t licensed;
};

/* Indexes of the devices that are asked for together. */
struct chunk {
    size_t devices[CHUNK_DEVICES];
    size_t count;
};

/* ---- one device's result ---- */

static enum error write_license(const struct run *run, const char *name,
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

static enum error print_license(const struct run *run, const struct batch_device *device,
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

static enum error take_license(struct run *run, struct batch_device *device, json_t *result,
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

static void print_refused(const struct run *run, const struct batch_device *device)
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
static enum error take_problem(struct run *run, struct batch_device *device, long status,
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
        print_refused(run, device);
    return ERR_OK;
}

/* ---- one request ---- */

/* Fills the chunk with devices that are not done, from *at on, which moves behind them. */
static void fill_chunk(const struct run *run, size_t *at, struct chunk *chunk)
{
    size_t bytes = CHUNK_OVERHEAD;
    chunk->count = 0;
    for (; *at < run->batch.count && chunk->count < run->chunk_devices; (*at)++) {
        const struct batch_device *device = &run->batch.devices[*at];
        if (device->is_done)
            continue;
        if (chunk->count > 0 && bytes + device->length + 1 > CHUNK_BYTES)
            return;
        bytes += device->length + 1;
        chunk->devices[chunk->count++] = *at;
    }
}

static char *make_body(const struct run *run, const struct chunk *chunk)
{
    size_t size = CHUNK_OVERHEAD;
    for (size_t i = 0; i < chunk->count; i++)
        size += run->batch.devices[chunk->devices[i]].length + 1;
    char *body = malloc(size);
    char *end = body != NULL ? stpcpy(body, CHUNK_BEGIN) : NULL;
    for (size_t i = 0; body != NULL && i < chunk->count; i++) {
        end = stpcpy(end, i > 0 ? "," : "");
        end = stpcpy(end, run->batch.devices[chunk->devices[i]].request);
    }
    if (body != NULL)
        (void)stpcpy(end, CHUNK_END);
    return body;
}

/* A batch that is wrong anywhere is refused whole: says which device it was. */
static void name_device(const struct run *run, const struct chunk *chunk, struct failure *failure)
{
    static const char prefix[] = "$.licenses[";
    char what[FAILURE_WHAT_MAX];
    size_t index = CHUNK_DEVICES;
    if (strncmp(failure->path, prefix, sizeof prefix - 1) == 0)
        index = strtoul(failure->path + sizeof prefix - 1, NULL, 10);
    if (index >= chunk->count)
        return;
    (void)snprintf(what, sizeof what, "%s", failure->what);
    (void)snprintf(failure->what, sizeof failure->what, "%s: %.400s",
                   run->batch.devices[chunk->devices[index]].name, what);
}

static enum error take_results(struct run *run, const struct chunk *chunk, json_t *answer,
                               struct failure *failure)
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

static enum error ask_chunk(struct run *run, const struct chunk *chunk, struct failure *failure)
{
    struct rest_answer answer = {0};
    char *body = make_body(run, chunk);
    if (body == NULL)
        return failure_set_memory(failure);
    enum error e = rest_ask(run->rest, "/v1/licenses/batch", body, &answer, failure);
    free(body);
    if (e != ERR_OK) {
        name_device(run, chunk, failure);
        return e;
    }
    json_t *object = json_loadb(answer.body, answer.length, JSON_REJECT_DUPLICATES, NULL);
    free(answer.body);
    e = take_results(run, chunk, object, failure);
    json_decref(object);
    return e;
}

/* ---- rounds ---- */

static void show_progress(const struct run *run, size_t at)
{
    if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
        (void)fprintf(stderr, "\r\033[K%zu of %zu devices%s", at, run->batch.count,
                      at == run->batch.count ? "\r\033[K" : "");
}

/* Asks for every device that is not done; a server that takes smaller batches gets them. */
static enum error ask_round(struct run *run, struct failure *failure)
{
    struct chunk chunk;
    size_t at = 0;
    enum error e = ERR_OK;
    while (e == ERR_OK && at < run->batch.count) {
        size_t from = at;
        fill_chunk(run, &at, &chunk);
        if (chunk.count > 0)
            e = ask_chunk(run, &chunk, failure);
        if (e == ERR_TOO_LARGE && chunk.count > 1) {
            run->chunk_devices = chunk.count / 2;
            at = from;
            e = ERR_OK;
        }
        show_progress(run, at);
    }
    return e;
}

static bool is_waiting(const struct batch *batch)
{
    bool is_found = false;
    for (size_t i = 0; i < batch->count && !is_found; i++)
        is_found = !batch->devices[i].is_done;
    return is_found;
}

static enum error ask_all(struct run *run, int64_t timeout_s, struct failure *failure)
{
    struct rest_retry retry = rest_retry_start(timeout_s * 1000);
    const bool is_single = arguments_has(run->arguments, OPTION_NO_RETRY);
    size_t licensed = 0;
    enum error e = ERR_OK;
    do {
        e = ask_round(run, failure);
        if (run->licensed > licensed)
            rest_retry_renew(&retry);
        licensed = run->licensed;
    } while (e == ERR_OK && is_waiting(&run->batch) && !is_single && rest_retry_wait(&retry, 0));
    return e;
}

/* ---- the end ---- */

/* "Try again" when that helps any of them, else what the first of them was told. */
static enum error judge(const struct run *run, struct failure *failure)
{
    const struct batch_device *first = NULL;
    size_t waiting = 0;
    size_t refused = 0;
    for (size_t i = 0; i < run->batch.count; i++) {
        const struct batch_device *device = &run->batch.devices[i];
        if (!device->is_done)
            print_refused(run, device);
        waiting += !device->is_done;
        refused += device->failure.code != ERR_OK;
        if (device->failure.code != ERR_OK &&
            (first == NULL || (first->is_done && !device->is_done)))
            first = device;
    }
    if (first == NULL)
        return ERR_OK;
    (void)failure_set_plain(failure, first->failure.code, "%zu of %zu devices got no license%s",
                            refused, run->batch.count,
                            waiting > 0 ? "; asking again costs nothing" : "");
    failure->exit = first->failure.exit;
    failure->is_told = true;
    return failure->code;
}

static enum error check_folder(const struct arguments *arguments, struct failure *failure)
{
    const char *folder = arguments_get(arguments, OPTION_NEW_DIR);
    return access(folder, W_OK | X_OK) == 0
               ? ERR_OK
               : failure_set_plain(failure, ERR_CONFIG, "%s is no folder that can be written",
                                   folder);
}

static enum error run_batch(struct run *run, struct failure *failure)
{
    int64_t timeout_s = REST_TIMEOUT_DEFAULT_S;
    enum error e = batch_read(run->arguments, run->arguments->operands[0], &run->batch, failure);
    if (e == ERR_OK)
        e = station_connect(run->arguments, &run->rest, failure);
    if (e == ERR_OK && arguments_has(run->arguments, OPTION_TIMEOUT))
        e = arguments_get_number(run->arguments, OPTION_TIMEOUT, 1, REST_TIMEOUT_MAX_S, &timeout_s,
                                 failure);
    if (e == ERR_OK)
        e = ask_all(run, timeout_s, failure);
    return e == ERR_OK ? judge(run, failure) : e;
}

enum error command_license_batch(const struct arguments *arguments, struct failure *failure)
{
    struct run run = {.arguments = arguments, .chunk_devices = CHUNK_DEVICES};
    enum error e = license_check_image(arguments, failure);
    if (e == ERR_OK)
        e = check_folder(arguments, failure);
    if (e == ERR_OK)
        e = run_batch(&run, failure);
    batch_clear(&run.batch);
    rest_free(&run.rest);
    return e;
}
