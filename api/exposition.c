/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Text. Owns no state. */
#include "api/exposition.h"

#include <inttypes.h>

#define US_PER_S 1000000

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_gauge(FILE *out, const char *name, const char *help)
{
    write_head(out, name, "gauge", help);
}

void exposition_counter(FILE *out, const char *name, const char *help)
{
    write_head(out, name, "counter", help);
}

void exposition_histogram(FILE *out, const char *name, const char *help)
{
    write_head(out, name, "histogram", help);
}

static void write_name(FILE *out, const char *name, const char *ending, const char *labels)
{
    if (labels[0] == '\0')
        (void)fprintf(out, "%s%s ", name, ending);
    else
        (void)fprintf(out, "%s%s{%s} ", name, ending, labels);
}

void exposition_sample(FILE *out, const char *name, const char *labels, int64_t value)
{
    write_name(out, name, "", labels);
    (void)fprintf(out, "%" PRId64 "\n", value);
}

/* Microseconds as seconds; exact, and without a locale's decimal comma. */
static void write_seconds(FILE *out, uint64_t us)
{
    (void)fprintf(out, "%" PRIu64 ".%06" PRIu64, us / US_PER_S, us % US_PER_S);
}

void exposition_buckets(FILE *out, const char *name, const char *labels,
                        const struct histogram_counts *counts)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    uint64_t total = 0;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        total += counts->counts[i];
        (void)fprintf(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        write_seconds(out, (uint64_t)HISTOGRAM_BOUNDS_US[i]);
        (void)fprintf(out, "\"} %" PRIu64 "\n", total);
    }
    total += counts->counts[HISTOGRAM_BOUNDS];
    (void)fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, total);
    write_name(out, name, "_sum", labels);
    write_seconds(out, counts->sum_us);
    (void)fputc('\n', out);
    write_name(out, name, "_count", labels);
    (void)fprintf(out, "%" PRIu64 "\n", total);
}

void exposition_gauge_of(FILE *out, const char *name, const char *help, int64_t value)
{
    exposition_gauge(out, name, help);
    exposition_sample(out, name, "", value);
}

void exposition_counter_of(FILE *out, const char *name, const char *help, uint64_t value)
{
    exposition_counter(out, name, help);
    (void)fprintf(out, "%s %" PRIu64 "\n", name, value);
}
