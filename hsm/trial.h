/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The trial of a module: does it do what the service asks of it? For `provctl hsm check`.
 *
 * The process that calls trial_run loads no module. Each probe is a child process with a deadline,
 * which opens the module, makes the service's own calls and says what came of them; one that hangs
 * or crashes is a finding, and the others go on. The PIN is tried once; when it is refused, or the
 * first login gets no answer, nothing follows. What a probe makes in the token has a label that
 * begins with TRIAL_LABEL_PREFIX; the first probe destroys what a killed run has left there, the
 * last one what this run has.
 *
 * What is said goes to `out`, a line each, its fields apart by tabs, printable ASCII only:
 *
 *     begin    ID TITLE SECTION                    a probe begins
 *     detail   ID NAME VALUE                       something of its finding, for machines
 *     result   ID STATE MS REASON FINDING ADVICE   a probe's end, also of those that were not tried
 *     verdict  WORD SENTENCES                      the last line
 *
 * STATE: works, limited, no, hangs, crashes, untried. WORD: governed, local, none, untried,
 * interrupted. REASON is a stable word, "" for what works. Threads: main thread, and no other one.
 */
#ifndef HSM_TRIAL_H
#define HSM_TRIAL_H

#include <stdbool.h>

#include "config/config.h"
#include "core/error.h"
#include "core/secret.h"

#define TRIAL_LABEL_PREFIX "provisiond-check-"

struct trial_options {
    const struct config_hsm *config; /* module, token, module_arguments; state may be "" */
    const struct secret *pin;        /* may be empty */
    unsigned deadline_s;             /* of one probe, 1 to 3600 */
    bool has_no_speeds;              /* nothing is measured */
    int out;
};

/*
 * Runs all probes and says the verdict. SIGINT and SIGTERM, blocked by the caller, end it early:
 * it clears up. ERR_INTERNAL: no verdict was said.
 */
enum error trial_run(const struct trial_options *options, struct fault *fault) MUST_USE;

#endif
