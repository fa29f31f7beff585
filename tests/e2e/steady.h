/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A factory that works without a break, and watches what it gets. Four stations ask for licenses of
 * new devices over kept connections, a fifth in batches; a sixth asks again and again for devices
 * that have theirs; two more callers read /readyz and /metrics. Each answer is judged when it
 * comes:
 *
 * - a license must open, with the device's own key, to the firmware;
 * - a license that was given before must come back byte by byte, whatever the HSM does;
 * - any other answer must be the problem of steady_expect, in full, and is asked for again;
 * - /readyz is 200 when the HSM is well, and then alone; no counter of /metrics goes back.
 *
 * Anything else fails the test. Threads: one.
 */
#ifndef TESTS_E2E_STEADY_H
#define TESTS_E2E_STEADY_H

#include <stddef.h>

#include "support/rig.h"

#define STEADY_WORD_MAX 64

struct steady;

struct steady_view {
    size_t issued;  /* first licenses of devices, each opened */
    size_t refused; /* problems, each as expected */
    size_t repeats; /* licenses that were given again */
    /* The newest GET /readyz. */
    size_t looks;
    long ready; /* its status */
    char hsm[STEADY_WORD_MAX];
    char detail[512];
    /* The newest GET /metrics. */
    size_t scrapes;
    char metrics_hsm[STEADY_WORD_MAX];
    unsigned idle;
    unsigned busy;
    unsigned starting;
    unsigned long restarts;
    unsigned long calls; /* of the vault to provision-hsm, for licenses */
};

/* Enrols the stations and licenses the first devices. */
struct steady *steady_new(const struct rig *rig);
/* Asks for every licensed device once more: the same bytes. Then ends the connections. */
void steady_end(struct steady *steady);

/* What a refusal is from now on: one of these problems ("hsm-unavailable busy"), with status 503.
 * "": there is none. */
void steady_expect(struct steady *steady, const char *problems);
/* Goes on for a moment. */
void steady_drive(struct steady *steady);
/* Goes on until it has issued so many more licenses. */
void steady_await_issued(struct steady *steady, size_t more);
/* The same until /readyz and /metrics both show this word for the HSM. */
void steady_await_word(struct steady *steady, const char *word);
/* provision-hsm was started anew, and counts from 0. */
void steady_forget_counts(struct steady *steady);
const struct steady_view *steady_view(const struct steady *steady);

#endif
