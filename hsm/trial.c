/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parent of a trial: starts a child for each probe, says what came of it, counts tries of the
 * PIN. It loads no module, and clears up whatever happens.
 */
#include "hsm/trial.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "hsm/pin_guard.h"
#include "hsm/token_lock.h"
#include "hsm/trial_run.h"

#define HANGS_MAX    3 /* a module that hangs again and again is not waited for */
#define RANDOM_BYTES 6

struct run {
    const struct trial_options *options;
    struct trial trial;      /* what each child begins with */
    struct pin_guard *guard; /* NULL: there is no folder to remember in */
    int signals;
    bool is_interrupted;
    unsigned hangs;
    const char *stop; /* why nothing more is tried; NULL: nothing stops */
    struct trial_result results[TRIAL_PROBES_MAX];
};

/* ---- one probe ---- */

static _Noreturn void run_child(struct run *run, const struct trial_probe *probe, int out)
{
    (void)setpgid(0, 0); /* an interrupt from the terminal is the parent's alone */
    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* what a module prints is no line of ours */
    run->trial.probe = probe;
    run->trial.out = out;
    probe->run(&run->trial);
    _exit(EXIT_SUCCESS);
}

static void fail_child(struct trial_result *result)
{
    result->state = TRIAL_NO;
    (void)snprintf(result->reason, sizeof result->reason, "process");
    (void)snprintf(result->finding, sizeof result->finding, "no process: %s", strerror(errno));
}

static void try_probe(struct run *run, const struct trial_probe *probe,
                      struct trial_result *ret_result, struct trial_watch *ret_watch)
{
    int ends[2] = {-1, -1};
    struct trial_watch watch = {.probe = probe,
                                .signals = run->signals,
                                .out = run->options->out,
                                .deadline_s = run->options->deadline_s};
    if (pipe2(ends, O_CLOEXEC) == 0)
        watch.pid = fork();
    if (watch.pid == 0 && ends[0] >= 0)
        run_child(run, probe, ends[1]);
    (void)close(ends[1]);
    watch.pipe = ends[0];
    if (watch.pid > 0) {
        (void)setpgid(watch.pid, watch.pid); /* whichever of the two comes first */
        trial_watch_child(&watch, ret_result);
    } else {
        fail_child(ret_result);
    }
    (void)close(ends[0]);
    *ret_watch = watch;
}

/* ---- the PIN ---- */

/* True when the PIN may be spent; else the probe's result says why not. */
static bool enter_login(struct run *run, struct trial_result *result)
{
    struct fault fault = {0};
    if (run->guard == NULL || pin_guard_enter(run->guard, &fault) == ERR_OK)
        return true;
    result->state = TRIAL_NO;
    (void)snprintf(result->reason, sizeof result->reason, "%s", fault.reason);
    (void)snprintf(result->finding, sizeof result->finding, "%s", fault.reason);
    (void)snprintf(result->advice, sizeof result->advice, "%s", fault.detail);
    return false;
}

static void leave_login(struct run *run, const struct trial_watch *watch,
                        const struct trial_result *result)
{
    const bool is_refusal = strncmp(result->reason, "pin-", strlen("pin-")) == 0;
    struct fault fault = {.code = is_refusal ? ERR_HSM_PIN_REFUSED : ERR_HSM_UNAVAILABLE,
                          .reason = "login",
                          .detail = ""};
    if (run->guard == NULL)
        return;
    if (watch->has_logged_in)
        pin_guard_confirm(run->guard);
    else if (pin_guard_fail(run->guard, watch->was_tried, &fault) == ERR_HSM_PIN_REFUSED)
        run->stop = "the PIN is not tried again"; /* kept for the next start as well */
}

static void try_login(struct run *run, const struct trial_probe *probe,
                      struct trial_result *ret_result)
{
    struct trial_watch watch = {.pid = 0};
    const bool has_pin = run->options->pin->length > 0;
    if (has_pin && !enter_login(run, ret_result))
        return;
    try_probe(run, probe, ret_result, &watch);
    if (has_pin)
        leave_login(run, &watch, ret_result);
    run->is_interrupted = run->is_interrupted || watch.is_interrupted;
}

/* ---- all of them ---- */

static bool is(const struct trial_probe *probe, const char *id)
{
    return strcmp(probe->id, id) == 0;
}

static const struct trial_result *result_of(const struct run *run, const char *id)
{
    unsigned i = 0;
    while (!is(&TRIAL_PROBES[i], id))
        i++;
    return &run->results[i];
}

static const char *title_of(const char *id)
{
    unsigned i = 0;
    while (!is(&TRIAL_PROBES[i], id))
        i++;
    return TRIAL_PROBES[i].title;
}

/* What stops the others leaves the last probe: it clears up. */
static bool is_untried(const struct run *run, const struct trial_probe *probe,
                       struct trial_result *result)
{
    const bool is_last = probe == &TRIAL_PROBES[TRIAL_PROBES_COUNT - 1];
    *result = (struct trial_result){.state = TRIAL_UNTRIED, .number = -1};
    if (probe->after != NULL && !trial_is_good(result_of(run, probe->after)))
        (void)snprintf(result->finding, sizeof result->finding, "wants: %s",
                       title_of(probe->after));
    else if (run->is_interrupted && !is_last)
        (void)snprintf(result->finding, sizeof result->finding, "interrupted");
    else if (probe->section == TRIAL_SPEED && run->options->has_no_speeds)
        (void)snprintf(result->finding, sizeof result->finding, "left out");
    else if (run->stop != NULL && !is_last)
        (void)snprintf(result->finding, sizeof result->finding, "%s", run->stop);
    return result->finding[0] != '\0';
}

/* One mode is enough, and most devices have no KDF. */
static void comfort(const struct run *run, const struct trial_probe *probe,
                    struct trial_result *result)
{
    if (is(probe, "token-mode") && !trial_is_good(result) &&
        trial_is_good(result_of(run, "host-mode")))
        (void)snprintf(result->advice, sizeof result->advice,
                       "Not needed: host mode works. In token mode the key of a license would "
                       "never be in the server's memory.");
}

/* What the probes that follow must know. */
static void learn(struct run *run, const struct trial_probe *probe,
                  const struct trial_result *result)
{
    const bool is_good = trial_is_good(result);
    if (is(probe, "host-mode") && is_good)
        run->trial.mode = HSM_HOST_MODE;
    if (is(probe, "token-mode") && is_good)
        run->trial.mode = HSM_TOKEN_MODE; /* as a worker prefers it */
    if (is(probe, "leftovers") && is_good)
        run->trial.object_count = result->number;
    if (result->state == TRIAL_HANGS && ++run->hangs >= HANGS_MAX)
        run->stop = "it hangs again and again";
    if (strcmp(result->reason, "pin-refused") == 0)
        run->stop = "the PIN was refused"; /* it was changed meanwhile */
}

static void say_result(struct run *run, const struct trial_probe *probe,
                       const struct trial_result *result)
{
    static const char *const words[] = {"untried", "works", "limited", "no", "hangs", "crashes"};
    if (dprintf(run->options->out, "result\t%s\t%s\t%" PRId64 "\t%s\t%s\t%s\n", probe->id,
                words[result->state], result->took_ms, result->reason, result->finding,
                result->advice) < 0)
        run->is_interrupted = true; /* nobody listens any more */
}

static void run_probe(struct run *run, unsigned index)
{
    const struct trial_probe *probe = &TRIAL_PROBES[index];
    struct trial_result *result = &run->results[index];
    struct trial_watch watch = {.pid = 0};
    (void)dprintf(run->options->out, "begin\t%s\t%s\t%s\n", probe->id, probe->title,
                  probe->section);
    if (!is_untried(run, probe, result)) {
        if (is(probe, "login"))
            try_login(run, probe, result);
        else
            try_probe(run, probe, result, &watch);
        run->is_interrupted = run->is_interrupted || watch.is_interrupted;
        comfort(run, probe, result);
        learn(run, probe, result);
    }
    say_result(run, probe, result);
}

/* Without a login nothing follows, and nobody wants to read twenty times why. */
static void run_probes(struct run *run)
{
    for (unsigned i = 0; i < TRIAL_PROBES_COUNT; i++) {
        const struct trial_probe *probe = &TRIAL_PROBES[i];
        run_probe(run, i);
        if (is(probe, "login") && !trial_is_good(&run->results[i]))
            return;
    }
}

static void say_verdict(struct run *run)
{
    char sentences[TRIAL_VERDICT_MAX];
    enum trial_verdict verdict = trial_judge(run->results, run->is_interrupted, sentences);
    (void)dprintf(run->options->out, "verdict\t%s\t%s\n", trial_verdict_word(verdict), sentences);
}

/* ---- start ---- */

static void name_objects(struct trial *trial)
{
    uint8_t bytes[RANDOM_BYTES];
    char hex[2 * RANDOM_BYTES + 1];
    random_fill(bytes, sizeof bytes);
    hex_encode(bytes_of(bytes, sizeof bytes), hex);
    (void)snprintf(trial->label, sizeof trial->label, TRIAL_LABEL_PREFIX "%s", hex);
    (void)snprintf(trial->probe_label, sizeof trial->probe_label, "%s.probe", trial->label);
}

static enum error begin(struct run *run, struct fault *fault)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    run->signals = signalfd(-1, &signals, SFD_CLOEXEC);
    if (run->signals < 0)
        return fault_set(fault, ERR_INTERNAL, "signals", "Signals cannot be waited for.", errno);
    enum error e = token_lock_new(&run->trial.token_lock, fault);
    if (e == ERR_OK && run->options->config->state[0] != '\0' &&
        pin_guard_new(run->options->config->state, &run->guard) != ERR_OK)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}

static void end(struct run *run)
{
    pin_guard_free(run->guard);
    if (run->signals >= 0)
        (void)close(run->signals);
    if (run->trial.token_lock >= 0)
        (void)close(run->trial.token_lock);
}

enum error trial_run(const struct trial_options *options, struct fault *fault)
{
    static struct run run; /* large, and there is one */
    assert(TRIAL_PROBES_COUNT <= TRIAL_PROBES_MAX);
    run = (struct run){
        .options = options,
        .signals = -1,
        .trial = {
            .config = options->config, .pin = options->pin, .token_lock = -1, .object_count = -1}};
    name_objects(&run.trial);
    enum error e = begin(&run, fault);
    if (e == ERR_OK) {
        run_probes(&run);
        say_verdict(&run);
    }
    end(&run);
    return e;
}
