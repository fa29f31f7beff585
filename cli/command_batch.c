/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl license batch: the licenses of many devices, a file and a line for each.
 *
 * They are asked for in as few requests as the server takes. Devices whose answer was "later" are
 * asked for again in rounds, within --timeout from the last one that got its license. Asking again
 * costs nothing, so that the whole command may be repeated too. Owns no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch_run.h"
#include "cli/commands.h"
#include "cli/license_request.h"
#include "cli/rest_retry.h"
#include "cli/station.h"

#define CHUNK_BYTES    ((size_t)1000 * 1000)
#define CHUNK_BEGIN    "{\"licenses\":["
#define CHUNK_END      "]}"
#define CHUNK_OVERHEAD (sizeof CHUNK_BEGIN + sizeof CHUNK_END)

/* ---- one request ---- */

/* Fills the chunk with devices that are not done, from *at on, which moves behind them. */
static void fill_chunk(const struct batch_run *run, size_t *at, struct batch_chunk *chunk)
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

static char *make_body(const struct batch_run *run, const struct batch_chunk *chunk)
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

static enum error ask_chunk(struct batch_run *run, const struct batch_chunk *chunk,
                            struct failure *failure)
{
    struct rest_answer answer = {0};
    char *body = make_body(run, chunk);
    if (body == NULL)
        return failure_set_memory(failure);
    enum error e = rest_ask(run->rest, "/v1/licenses/batch", body, &answer, failure);
    free(body);
    if (e != ERR_OK)
        return e;
    json_t *object = json_loadb(answer.body, answer.length, JSON_REJECT_DUPLICATES, NULL);
    free(answer.body);
    e = batch_take_results(run, chunk, object, failure);
    json_decref(object);
    return e;
}

/* ---- rounds ---- */

static void show_progress(const struct batch_run *run, size_t at)
{
    if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
        (void)fprintf(stderr, "\r\033[K%zu of %zu devices%s", at, run->batch.count,
                      at == run->batch.count ? "\r\033[K" : "");
}

/* Asks for every device that is not done; a server that takes smaller batches gets them. */
static enum error ask_round(struct batch_run *run, struct failure *failure)
{
    struct batch_chunk chunk;
    size_t at = 0;
    enum error e = ERR_OK;
    while (e == ERR_OK && at < run->batch.count) {
        size_t from = at;
        fill_chunk(run, &at, &chunk);
        if (chunk.count > 0)
            e = ask_chunk(run, &chunk, failure);
        const bool is_smaller = e == ERR_TOO_LARGE && chunk.count > 1;
        if (is_smaller)
            run->chunk_devices = chunk.count / 2;
        if (is_smaller || (e != ERR_OK && batch_refuse_named(run, &chunk, failure))) {
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

static enum error ask_all(struct batch_run *run, int64_t timeout_s, struct failure *failure)
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
static enum error judge(const struct batch_run *run, struct failure *failure)
{
    const struct batch_device *first = NULL;
    size_t waiting = 0;
    size_t refused = 0;
    for (size_t i = 0; i < run->batch.count; i++) {
        const struct batch_device *device = &run->batch.devices[i];
        if (!device->is_done)
            batch_print_refused(run, device);
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

/* Those that could not be read are told first. */
static void print_unread(const struct batch_run *run)
{
    for (size_t i = 0; i < run->batch.count; i++) {
        if (run->batch.devices[i].is_done)
            batch_print_refused(run, &run->batch.devices[i]);
    }
    (void)fflush(stdout);
}

static enum error run_batch(struct batch_run *run, struct failure *failure)
{
    int64_t timeout_s = REST_TIMEOUT_DEFAULT_S;
    enum error e = batch_read(run->arguments, run->arguments->operands[0], &run->batch, failure);
    if (e == ERR_OK)
        e = station_connect(run->arguments, &run->rest, failure);
    if (e == ERR_OK && arguments_has(run->arguments, OPTION_TIMEOUT))
        e = arguments_get_number(run->arguments, OPTION_TIMEOUT, 1, REST_TIMEOUT_MAX_S, &timeout_s,
                                 failure);
    if (e == ERR_OK) {
        print_unread(run);
        e = ask_all(run, timeout_s, failure);
    }
    return e == ERR_OK ? judge(run, failure) : e;
}

enum error command_license_batch(const struct arguments *arguments, struct failure *failure)
{
    struct batch_run run = {.arguments = arguments, .chunk_devices = BATCH_CHUNK_DEVICES};
    enum error e = license_check_image(arguments, failure);
    if (e == ERR_OK)
        e = check_folder(arguments, failure);
    if (e == ERR_OK)
        e = run_batch(&run, failure);
    batch_clear(&run.batch);
    rest_free(&run.rest);
    return e;
}
