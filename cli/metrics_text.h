/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The text format of /metrics as JSON, for machines that have no scraper. Comments are passed over.
 * Threads: pure functions.
 */
#ifndef CLI_METRICS_TEXT_H
#define CLI_METRICS_TEXT_H

#include <jansson.h>

#include "cli/failure.h"

/*
 * [{"name": "...", "labels": {"...": "..."}, "value": N}]; a value that JSON has no number for is
 * the text as it came ("+Inf"). ERR_INTERNAL for a line that is none of the format.
 */
enum error metrics_text_read(const char *text, json_t **ret_samples,
                             struct failure *failure) MUST_USE;

#endif
