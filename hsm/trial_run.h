/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The parent's side of a trial. Internal to hsm/: trial.c, trial_watch.c, trial_verdict.c. */
#ifndef HSM_TRIAL_RUN_H
#define HSM_TRIAL_RUN_H

#include <sys/types.h>

#include "hsm/trial_probe.h"

#define TRIAL_PROBES_MAX  64
#define TRIAL_VERDICT_MAX 1200

struct trial_result {
    enum trial_state state;
    int64_t took_ms;
    int64_t number; /* trial_say_number; -1: none */
    char reason[TRIAL_REASON_MAX];
    char finding[TRIAL_TEXT_MAX];
    char advice[TRIAL_TEXT_MAX];
};

/* Works, limited or not. */
bool trial_is_good(const struct trial_result *result);

/* ---- trial_watch.c: one child ---- */

struct trial_watch {
    const struct trial_probe *probe;
    pid_t pid;
    int pipe;    /* what the child says */
    int signals; /* signalfd: an interrupt */
    int out;     /* where details go */
    unsigned deadline_s;
    /* set by trial_watch_child */
    unsigned logging_in; /* processes that are in C_Login */
    bool has_logged_in;
    bool was_tried; /* C_Login was called */
    bool is_interrupted;
};

/*
 * Listens until the child has ended, its time is over or somebody interrupts, ends it and its
 * helpers, and says how it went. Nobody is killed in the middle of a login: SoftHSM would lose its
 * token.
 */
void trial_watch_child(struct trial_watch *watch, struct trial_result *ret_result);

/* ---- trial_verdict.c ---- */

enum trial_verdict {
    TRIAL_VERDICT_GOVERNED,
    TRIAL_VERDICT_LOCAL,
    TRIAL_VERDICT_NONE,
    TRIAL_VERDICT_UNTRIED,
    TRIAL_VERDICT_INTERRUPTED
};

/* results has one element for each probe. */
enum trial_verdict trial_judge(const struct trial_result *results, bool is_interrupted,
                               char ret_sentences[TRIAL_VERDICT_MAX]);
const char *trial_verdict_word(enum trial_verdict verdict);

#endif
