/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A trial of an HSM's module: executes provision-hsm --trial and hears what it says. provctl loads
 * no module itself.
 *
 * What is heard is passed on line by line while the trial runs; the texts are of the module too, so
 * they are escaped before they are shown. Threads: main thread.
 */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "cli/arguments.h"
#include "cli/failure.h"

#define TRIAL_FIELDS_MAX 7

/* One line: field[0] is its kind (begin, detail, result, verdict); what is missing is "". */
struct trial_line {
    const char *field[TRIAL_FIELDS_MAX];
};

/* Fields of a "result". */
enum { RESULT_ID = 1, RESULT_STATE, RESULT_MS, RESULT_REASON, RESULT_FINDING, RESULT_ADVICE };

struct trial_ear {
    void (*hear)(void *context, const struct trial_line *line);
    /* Nothing came for another second. */
    void (*wait)(void *context);
    void *context;
};

/*
 * Runs it to its end. An interrupt (SIGINT, SIGTERM) is handed on, so that the trial clears up;
 * then it ends early, with its verdict. A usage failure when the options do not fit; ERR_CONFIG
 * when the program is not there or gave no verdict.
 */
enum error trial_execute(const struct arguments *arguments, const struct trial_ear *ear,
                         struct failure *failure) MUST_USE;

#endif
