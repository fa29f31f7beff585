/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The closing account: what the service says was used, against what the chips themselves hold.
 * A few rig-chip processes at a time look into the chips.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "rig/chip/link.h"
#include "rig/line/checks.h"
#include "rig/line/state.h"

#define LOOKS_AT_ONCE   4
#define LOOK_MAX_BYTES  16384
#define LOOK_TIMEOUT_MS 30000
#define DETAIL_SIZE     300

/* What a chip's memory shall be. */
struct expectation {
    char firmware[SHA256_HEX_SIZE];
    char erased[SHA256_HEX_SIZE];
};

/* ---- the service ---- */

/* What a person reads of a refusal: its detail, or its name. Every byte may be hostile. */
static void format_refusal(const struct station_rest_answer *answer, char out[DETAIL_SIZE])
{
    struct station_problem problem;
    json_t *json = json_loadb((const char *)answer->body.data, answer->body.length,
                              JSON_REJECT_DUPLICATES, NULL);
    const char *detail = json_string_value(json_object_get(json, "detail"));
    station_answer_problem(answer->status, answer->body, &problem);
    (void)snprintf(out, DETAIL_SIZE, "%s", detail != NULL ? detail : problem.name);
    for (char *p = out; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
    json_decref(json);
}

/* The answer's account; false after a complaint. */
static bool take_account(const struct line *line, const struct station_rest_answer *answer,
                         struct station_usage *ret_usage)
{
    char detail[DETAIL_SIZE] = "the answer is no account";
    if (answer->status == 200 && station_answer_usage(answer->body, ret_usage) == ERR_OK)
        return true;
    if (answer->status != 200)
        format_refusal(answer, detail);
    line_complain("the account of %s cannot be read: %s", line->options.product, detail);
    return false;
}

bool line_account_read(const struct line *line, int64_t retry_ms, struct station_usage *ret_usage)
{
    char path[128];
    struct station_rest_options options = line->options.rest;
    struct station_rest *rest = NULL;
    struct station_rest_answer answer = {.status = 0};
    struct fault fault = {.code = ERR_OK};
    options.retry_ms = retry_ms;
    (void)snprintf(path, sizeof path, "/v1/products/%s/usage", line->options.product);
    enum error e = station_rest_new(&options, &rest, &fault);
    if (e == ERR_OK)
        e = station_rest_ask(rest, path, NULL, &answer, &fault);
    if (e != ERR_OK)
        line_complain("the account of %s cannot be read: %s", line->options.product, fault.detail);
    bool is_read = e == ERR_OK && take_account(line, &answer, ret_usage);
    station_rest_free(rest);
    return is_read;
}

/* ---- the memory of a chip ---- */

static void sum(const uint8_t *memory, char out[SHA256_HEX_SIZE])
{
    struct sha256 digest = sha256_of(bytes_of(memory, CHIP_MEMORY_BYTES));
    hex_encode(bytes_of(digest.bytes, sizeof digest.bytes), out);
}

static bool expect(const struct line *line, struct expectation *ret_expectation)
{
    uint8_t *memory = malloc(CHIP_MEMORY_BYTES);
    int fd = open(line->options.firmware, O_RDONLY | O_CLOEXEC);
    if (memory == NULL || fd < 0) {
        line_complain("%s cannot be read: %s", line->options.firmware, strerror(errno));
        free(memory);
        return false;
    }
    memset(memory, 0xff, CHIP_MEMORY_BYTES);
    sum(memory, ret_expectation->erased);
    ssize_t n = read(fd, memory, CHIP_MEMORY_BYTES);
    (void)close(fd);
    sum(memory, ret_expectation->firmware);
    free(memory);
    return n > 0;
}

/* ---- one look into a chip ---- */

struct look {
    struct line_chip *chip;
    struct line_process process;
    char text[LOOK_MAX_BYTES];
    size_t length;
};

static bool start_look(const struct line *line, struct line_chip *chip, struct look *look)
{
    char tool[LINE_PATH_MAX];
    char state[LINE_PATH_MAX + 64];
    (void)snprintf(tool, sizeof tool, "%s/rig-chip", line->options.bin);
    (void)snprintf(state, sizeof state, "%s/chips/%s", line->dir, chip->name);
    const char *const argv[] = {tool, "show", "--state", state, "--json", NULL};
    const struct line_process_options options = {
        .argv = argv, .has_output = true, .error = line->log};
    *look = (struct look){.chip = chip, .process = LINE_PROCESS_NONE};
    return line_process_start(&options, &look->process) == ERR_OK;
}

/* All that it prints, until it ends. */
static void read_look(struct look *look)
{
    deadline_ms deadline = deadline_in(LOOK_TIMEOUT_MS);
    struct pollfd wait = {.fd = look->process.output, .events = POLLIN};
    while (look->length < sizeof look->text && poll(&wait, 1, deadline_left_ms(deadline)) > 0) {
        ssize_t n =
            read(look->process.output, look->text + look->length, sizeof look->text - look->length);
        if (n <= 0)
            return;
        look->length += (size_t)n;
    }
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

static bool finish_look(struct look *look, const struct expectation *expectation)
{
    read_look(look);
    if (!line_process_wait(&look->process))
        return false;
    json_t *json = json_loadb(look->text, look->length, JSON_REJECT_DUPLICATES, NULL);
    const char *flash = text_of(json, "flash_sha256");
    bool is_external_erased = strcmp(text_of(json, "external_sha256"), expectation->erased) == 0;
    bool is_read = json_is_object(json) && flash[0] != '\0';
    look->chip->is_closed = strcmp(text_of(json, "phase"), "closed") == 0;
    look->chip->holds_firmware = is_external_erased && strcmp(flash, expectation->firmware) == 0;
    look->chip->is_erased = is_external_erased && strcmp(flash, expectation->erased) == 0;
    json_decref(json);
    return is_read;
}

/* The loop's signals are still blocked, and nobody reads them any more. */
static bool is_signalled(void)
{
    sigset_t set;
    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1 ||
            sigismember(&set, SIGHUP) == 1);
}

/* Looks into every chip that was made, a few at a time. */
static bool look_into_chips(struct line *line, const struct expectation *expectation)
{
    static struct look looks[LOOKS_AT_ONCE];
    bool is_read = true;
    for (size_t next = 0; is_read && next < line->chip_count;) {
        size_t count = 0;
        line->is_interrupted = is_signalled();
        if (line->is_interrupted)
            return false;
        for (; next < line->chip_count && count < LOOKS_AT_ONCE; next++) {
            if (!line->chips[next].is_made)
                continue;
            if (!start_look(line, &line->chips[next], &looks[count++]))
                is_read = false;
        }
        for (size_t i = 0; i < count; i++)
            is_read = finish_look(&looks[i], expectation) && is_read;
    }
    if (!is_read)
        line_complain("rig-chip cannot show a chip; see %s/log", line->dir);
    return is_read;
}

/* ---- the account ---- */

bool line_account_close(struct line *line)
{
    struct expectation expectation;
    struct line_checks checks = {.count = 0};
    (void)printf("\n  looking into every chip and asking for the account ...\n");
    (void)fflush(stdout);
    if (!line_account_read(line, line->options.rest.retry_ms, &line->after) ||
        !expect(line, &expectation) || !look_into_chips(line, &expectation))
        return false;
    line_checks_make(line, &checks);
    line_checks_print(line, &checks);
    bool is_written = line_checks_write_json(line, &checks);
    return is_written && line_checks_hold(&checks);
}
