/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `./dev bench`: how fast a rig is on this machine (docs/benchmarks.md). Absolute numbers belong to
 * the machine and to what else it does; the ratios are what can be compared, so each is taken
 * within one run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "guard.h"
#include "options.h"
#include "parts.h"
#include "report.h"

#define QUICK_S 170 /* and what is left to clean up and print: three minutes */

struct bench {
    struct options options;
    struct report *report;
};

static bool is_asked(const struct options *options, size_t part)
{
    if (options->has_words)
        return options->is_chosen[part];
    return !options->is_quick || parts_is_quick(part);
}

/* What fails does not keep the others from being measured. */
static int run_parts(void *context)
{
    const struct bench *bench = context;
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < PARTS_COUNT; i++) {
        if (is_asked(&bench->options, i) &&
            parts_run(i, bench->options.is_quick, bench->report) != 0)
            status = EXIT_FAILURE;
    }
    report_progress("done");
    if (isatty(STDERR_FILENO) == 1)
        (void)fputc('\n', stderr);
    return status;
}

/* Before an hour of work; leaves no empty file behind. */
static bool can_write(const char *path)
{
    if (path == NULL)
        return true;
    bool is_new = access(path, F_OK) != 0;
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return false;
    (void)fclose(file);
    if (is_new)
        (void)unlink(path);
    return true;
}

static int print_usage(void)
{
    (void)fputs("usage: ./dev bench [", stderr);
    for (size_t i = 0; i < PARTS_COUNT; i++)
        (void)fprintf(stderr, "%s%s", i > 0 ? "|" : "", PARTS_WORDS[i]);
    (void)fputs("]... [--quick] [--json FILE]\n", stderr);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    struct bench bench = {.report = report_new()};
    if (!options_take(argc, (const char *const *)argv, PARTS_WORDS, PARTS_COUNT, &bench.options))
        return print_usage();
    if (bench.report == NULL || !can_write(bench.options.json)) {
        (void)fputs("bench: the file of --json cannot be written\n", stderr);
        return EX_CANTCREAT;
    }
    int status = guard_run(run_parts, &bench, bench.options.is_quick ? QUICK_S : 0);
    if (status == GUARD_LATE) {
        report_progress("the three minutes are over: what is missing was not measured\n");
        status = EXIT_SUCCESS;
    }
    if (status >= GUARD_INTERRUPTED)
        return status;
    report_print(bench.report, stdout);
    if (bench.options.json != NULL && !report_write(bench.report, bench.options.json)) {
        (void)fprintf(stderr, "bench: %s cannot be written\n", bench.options.json);
        return EX_CANTCREAT;
    }
    return status;
}
