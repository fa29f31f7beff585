/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shared memory, a table and a JSON file. */
#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "core/clock.h"
#include "report_keys.h"

#define TITLE_WIDTH  48
#define NUMBER_WIDTH 11
#define LABEL_WIDTH  18
#define LINE_MAX     256
#define WORD_MAX     24
#define MS_PER_S     1000

struct row {
    char label[REPORT_LABEL_MAX];
    double values[REPORT_COLUMNS_MAX];
};

struct report {
    struct report_machine machine;
    double values[REPORT_KEYS];
    size_t rows[REPORT_SERIES];
    struct row series[REPORT_SERIES][REPORT_ROWS_MAX];
};

/* ---- the machine ---- */

static void read_processor(char *out, size_t size)
{
    char line[LINE_MAX];
    FILE *file = fopen("/proc/cpuinfo", "re");
    (void)snprintf(out, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(out, size, "%s", colon + 2);
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

static void read_machine(struct report_machine *machine)
{
    struct utsname name = {0};
    (void)uname(&name);
    (void)snprintf(machine->kernel, sizeof machine->kernel, "%s", name.release);
    read_processor(machine->processor, sizeof machine->processor);
    machine->processors = sysconf(_SC_NPROCESSORS_ONLN);
    machine->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    (void)getloadavg(&machine->load, 1);
    machine->at_unix_s = clock_unix_ms() / MS_PER_S;
}

/* ---- taking down ---- */

struct report *report_new(void)
{
    struct report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return NULL;
    for (int i = 0; i < REPORT_KEYS; i++)
        report->values[i] = NAN;
    read_machine(&report->machine);
    return report;
}

const struct report_machine *report_machine(const struct report *report)
{
    return &report->machine;
}

void report_set(struct report *report, enum report_key key, double value)
{
    report->values[key] = value;
}

double report_get(const struct report *report, enum report_key key)
{
    return report->values[key];
}

void report_add(struct report *report, enum report_series series, const char *label,
                const double *values)
{
    if (report->rows[series] == REPORT_ROWS_MAX)
        return;
    struct row *row = &report->series[series][report->rows[series]++];
    (void)snprintf(row->label, sizeof row->label, "%s", label);
    memcpy(row->values, values, report_columns(series) * sizeof *values);
}

size_t report_rows(const struct report *report, enum report_series series)
{
    return report->rows[series];
}

/* ---- the table ---- */

static void put_number(FILE *out, double value, int decimals)
{
    if (isfinite(value))
        (void)fprintf(out, "%*.*f", NUMBER_WIDTH, decimals, value);
    else
        (void)fprintf(out, "%*s", NUMBER_WIDTH, "-");
}

static void put_want(FILE *out, const struct report_key_name *key)
{
    static const char *const SIGNS[] = {
        [REPORT_AT_LEAST] = ">=", [REPORT_AT_MOST] = "<=", [REPORT_WITHIN] = "+-"};
    if (key->want != REPORT_NO_WANT)
        (void)fprintf(out, "   wanted %s %g", SIGNS[key->want], key->bound);
}

static void put_keys(const struct report *report, FILE *out)
{
    for (int i = 0; i < REPORT_KEYS; i++) {
        const struct report_key_name *key = report_key_name((enum report_key)i);
        (void)fprintf(out, "  %-*s", TITLE_WIDTH, key->title);
        put_number(out, report->values[i], key->decimals);
        put_want(out, key);
        (void)fputc('\n', out);
    }
}

static void put_series(const struct report *report, enum report_series series, FILE *out)
{
    const struct report_series_name *name = report_series_name(series);
    size_t columns = report_columns(series);
    (void)fprintf(out, "%s\n  %-*s", name->title, LABEL_WIDTH, "");
    for (size_t i = 0; i < columns; i++)
        (void)fprintf(out, "%*s", NUMBER_WIDTH, name->columns[i].title);
    (void)fputc('\n', out);
    for (size_t i = 0; i < report->rows[series]; i++) {
        const struct row *row = &report->series[series][i];
        (void)fprintf(out, "  %-*s", LABEL_WIDTH, row->label);
        for (size_t j = 0; j < columns; j++)
            put_number(out, row->values[j], name->columns[j].decimals);
        (void)fputc('\n', out);
    }
}

void report_print(const struct report *report, FILE *out)
{
    const struct report_machine *machine = &report->machine;
    (void)fprintf(out, "%s, %ld processors, %.0f GiB, Linux %s, load before %.1f\n",
                  machine->processor, machine->processors,
                  (double)machine->memory_bytes / (1 << 30), machine->kernel, machine->load);
    put_keys(report, out);
    for (int i = 0; i < REPORT_SERIES; i++) {
        if (report->rows[i] > 0)
            put_series(report, (enum report_series)i, out);
    }
    (void)fflush(out);
}

/* ---- the file ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *row_object(enum report_series series, const struct row *row)
{
    const struct report_series_name *name = report_series_name(series);
    json_t *object = json_pack("{ss}", name->label, row->label);
    for (size_t i = 0; i < report_columns(series); i++)
        (void)json_object_set_new(object, name->columns[i].name, number(row->values[i]));
    return object;
}

static json_t *series_array(const struct report *report, enum report_series series)
{
    if (report->rows[series] == 0)
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; i < report->rows[series]; i++)
        (void)json_array_append_new(array, row_object(series, &report->series[series][i]));
    return array;
}

static json_t *machine_object(const struct report_machine *machine)
{
    char at[WORD_MAX] = "";
    time_t seconds = (time_t)machine->at_unix_s;
    struct tm utc;
    (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    return json_pack("{ss ss si sI sf ss}", "processor", machine->processor, "kernel",
                     machine->kernel, "processors", (int)machine->processors, "memory_bytes",
                     (json_int_t)machine->memory_bytes, "load_before", machine->load, "at", at);
}

bool report_write(const struct report *report, const char *path)
{
    json_t *all = json_object();
    for (int i = 0; i < REPORT_KEYS; i++)
        (void)json_object_set_new(all, report_key_name((enum report_key)i)->name,
                                  number(report->values[i]));
    for (int i = 0; i < REPORT_SERIES; i++)
        (void)json_object_set_new(all, report_series_name((enum report_series)i)->name,
                                  series_array(report, (enum report_series)i));
    (void)json_object_set_new(all, "machine", machine_object(&report->machine));
    bool is_written = json_dump_file(all, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
    json_decref(all);
    return is_written;
}

/* ---- progress ---- */

void report_progress(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    (void)fputs(is_terminal ? "\r\033[K" : "bench: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    if (!is_terminal)
        (void)fputc('\n', stderr);
    (void)fflush(stderr);
    va_end(arguments);
}
