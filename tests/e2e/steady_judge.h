/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the answers to a steady load must be; anything else fails the test. Internal to steady.c. */
#ifndef TESTS_E2E_STEADY_JUDGE_H
#define TESTS_E2E_STEADY_JUDGE_H

#include <jansson.h>

#include "bench/crowd.h"
#include "e2e/steady.h"

/* A member as text, or "". Borrowed. */
const char *judge_text(const json_t *json, const char *member);
/* A problem of status 503 whose name is one of those ("a b"). */
void judge_problem(const json_t *problem, const char *problems);
/* GET /readyz and GET /metrics, into *view. */
void judge_ready(const struct crowd_answer *answer, struct steady_view *view);
void judge_metrics(const struct crowd_answer *answer, struct steady_view *view);

#endif
