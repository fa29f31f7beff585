/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What provisiond counts, and the text that /metrics shows (Prometheus text format 0.0.4).
 *
 * docs/metrics.md says what each one means. Label values come from tables of the program, and from
 * the vault after a check: nothing that a client made up is ever a label. Threads: counting is safe
 * from any thread; a text is a moment's, and its numbers need not fit each other exactly.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "api/route.h"
#include "core/error.h"
#include "vault.pb-c.h"

struct api;
struct metrics;

enum error metrics_new(struct metrics **ret_metrics) MUST_USE;
/* NULL is allowed. */
void metrics_free(struct metrics *metrics);

/* A request has ended. route: of route_table, NULL for none; status 0: nothing was answered. */
void metrics_note(struct metrics *metrics, const struct route *route, const char *method,
                  unsigned status, int64_t duration_us);

/* Writes provisiond's own. */
void metrics_write_own(struct api *api, FILE *out);

/* Whether the vault's answer can be shown. */
bool metrics_is_sound(const Provisiond__MetricsReply *reply);
/* Writes the vault's, which is sound. */
void metrics_write_vault(const Provisiond__MetricsReply *reply, FILE *out);

#endif
