/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table and the file of a run. */
#include "bench/report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/report_keys.h"
#include "support/run.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static char path[TEMP_PATH_MAX];
static struct report *report;
static json_t *file;

static void setup(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "bench.json", path);
    report = report_new();
    ck_assert_ptr_nonnull(report);
}

static void teardown(void)
{
    json_decref(file);
    temp_dir_remove(&dir);
}

static void write_and_read(void)
{
    ck_assert(report_write(report, path));
    file = json_load_file(path, 0, NULL);
    ck_assert_ptr_nonnull(file);
}

START_TEST(what_was_not_measured_is_null_under_its_name)
{
    static const char *const NAMES[] = {"cpu_ratio_single",
                                        "cpu_ratio_batch",
                                        "licenses_per_s",
                                        "bare_chain_per_s",
                                        "peer_process_ratio",
                                        "peer_tang_ratio",
                                        "scale_ratio_1e7",
                                        "rss_growth_1e6",
                                        "hsm_model_utilisation",
                                        "load",
                                        "devices",
                                        "memory"};
    write_and_read();
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        ck_assert_msg(json_is_null(json_object_get(file, NAMES[i])), "%s", NAMES[i]);
}
END_TEST

START_TEST(every_key_and_series_has_a_name_of_its_own)
{
    write_and_read();
    ck_assert_uint_eq(json_object_size(file), REPORT_KEYS + REPORT_SERIES + 1);
}
END_TEST

START_TEST(numbers_and_rows_are_written_as_they_were_taken_down)
{
    report_set(report, REPORT_CPU_RATIO_SINGLE, 1.25);
    report_set(report, REPORT_SCALE_RATIO_1E7, NAN);
    report_add(report, REPORT_LOAD, "50 %", (const double[]){600, 599.5, 2.5, NAN});
    write_and_read();
    ck_assert_double_eq(json_real_value(json_object_get(file, "cpu_ratio_single")), 1.25);
    ck_assert(json_is_null(json_object_get(file, "scale_ratio_1e7")));
    json_t *row = json_array_get(json_object_get(file, "load"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(row, "share_of_maximum")), "50 %");
    ck_assert_double_eq(json_real_value(json_object_get(row, "served_per_s")), 599.5);
    ck_assert(json_is_null(json_object_get(row, "p99_ms")));
}
END_TEST

START_TEST(machine_is_in_the_file)
{
    write_and_read();
    json_t *machine = json_object_get(file, "machine");
    ck_assert_int_eq(json_integer_value(json_object_get(machine, "processors")),
                     sysconf(_SC_NPROCESSORS_ONLN));
    ck_assert_int_gt(json_integer_value(json_object_get(machine, "memory_bytes")), 0);
    ck_assert_str_ne(json_string_value(json_object_get(machine, "processor")), "");
    ck_assert_str_ne(json_string_value(json_object_get(machine, "kernel")), "");
    ck_assert(json_is_real(json_object_get(machine, "load_before")));
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(machine, "at"))), 20);
}
END_TEST

static void fill_series(void)
{
    static const double values[REPORT_COLUMNS_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    for (int i = 0; i < REPORT_KEYS; i++)
        report_set(report, (enum report_key)i, i + 1);
    for (int i = 0; i < REPORT_SERIES; i++)
        report_add(report, (enum report_series)i, "first", values);
}

/* The picture of the file; how many of its panels say that there is nothing to show. */
static size_t draw(void)
{
    char command[4 * TEMP_PATH_MAX];
    char svg[65536] = "";
    size_t empty = 0;
    ck_assert(report_write(report, path));
    (void)snprintf(command, sizeof command, "/usr/bin/python3 '%s/bench/plot.py' '%s'",
                   PROVISIOND_SOURCE_DIR, path);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    size_t length = fread(svg, 1, sizeof svg - 1, pipe);
    ck_assert_int_eq(pclose(pipe), 0);
    ck_assert_uint_gt(length, 0);
    ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
    for (const char *at = strstr(svg, "not measured"); at != NULL;
         at = strstr(at + 1, "not measured"))
        empty++;
    return empty;
}

START_TEST(a_picture_of_any_file_can_be_drawn)
{
    ck_assert_uint_eq(draw(), 6);
    fill_series();
    ck_assert_uint_eq(draw(), 0);
}
END_TEST

START_TEST(a_part_in_another_process_fills_the_same_report)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        report_set(report, REPORT_LICENSES_PER_S, 2500);
        report_add(report, REPORT_STATIONS, "16", (const double[]){16, 2500, 400, 0, 5, 9});
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_double_eq(report_get(report, REPORT_LICENSES_PER_S), 2500);
    ck_assert_uint_eq(report_rows(report, REPORT_STATIONS), 1);
}
END_TEST

START_TEST(rows_beyond_the_room_are_left_out)
{
    for (int i = 0; i < REPORT_ROWS_MAX + 1; i++)
        report_add(report, REPORT_PRODUCTS, "1", (const double[]){1, 2, 3, 4, 5});
    ck_assert_uint_eq(report_rows(report, REPORT_PRODUCTS), REPORT_ROWS_MAX);
}
END_TEST

START_TEST(the_table_has_the_ratios_first_and_a_dash_for_what_is_missing)
{
    char table[16384] = "";
    report_set(report, REPORT_CPU_RATIO_SINGLE, 1.25);
    FILE *out = fmemopen(table, sizeof table, "w");
    report_print(report, out);
    (void)fclose(out);
    const char *ratio = strstr(table, "1.25   wanted <= 1.5");
    const char *missing = strstr(table, " -   wanted <= 1.25");
    const char *rate = strstr(table, "licenses per second, single");
    ck_assert_ptr_nonnull(ratio);
    ck_assert_ptr_nonnull(missing);
    ck_assert_ptr_nonnull(rate);
    ck_assert(ratio < missing && missing < rate);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {what_was_not_measured_is_null_under_its_name,
                            every_key_and_series_has_a_name_of_its_own,
                            numbers_and_rows_are_written_as_they_were_taken_down,
                            machine_is_in_the_file,
                            a_part_in_another_process_fills_the_same_report,
                            a_picture_of_any_file_can_be_drawn,
                            rows_beyond_the_room_are_left_out,
                            the_table_has_the_ratios_first_and_a_dash_for_what_is_missing,
                            NULL};
    return run_suite(&(struct run_case){
        .name = "report", .set_up = setup, .tear_down = teardown, .timeout_s = 20, .tests = tests});
}
