/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Long journals: how fast they are verified, how much memory that takes, and on how many cores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <check.h>

#include "audit/verify.h"
#include "bulk.h"
#include "core/clock.h"
#include "support/run.h"
#include "support/sizes.h"

#define RATE_MIN          100000 /* leaves a second, of the optimised build on two cores */
#define MEMORY_PER_LEAF   700    /* bytes: the file in the page cache, and the books */
#define MEMORY_BASE_BYTES ((size_t)64 * 1024 * 1024)

static struct temp_dir dir;
static char path[TEMP_PATH_MAX];
static struct signer signer;
static struct audit_report report;
static struct fault fault;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "export", path);
    signer_make(&signer, "P-256");
}

static void tear_down(void)
{
    audit_report_clear(&report);
    signer_clear(&signer);
    temp_dir_remove(&dir);
}

static void verify(unsigned threads)
{
    const struct audit_request request = {.path = path, .key_pem = signer.pem, .threads = threads};
    audit_report_clear(&report);
    ck_assert_int_eq(audit_verify(&request, &report, &fault), ERR_OK);
}

static void assert_holds(void)
{
    ck_assert_msg(report.finding_total == 0, "%s", report.findings[0].text);
}

/* Below, at and above the limits of tiles and chunks. */
START_TEST(every_length_holds)
{
    static const int64_t LENGTHS[] = {16,   255,  256,  257,  511,   1023,  1024,
                                      1025, 2047, 4096, 8191, 65535, 65536, 65537};
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        bulk_write(&signer, path, LENGTHS[i]);
        verify(0);
        assert_holds();
        ck_assert_int_eq(report.leaves, LENGTHS[i]);
    }
}
END_TEST

/* The rate is a claim about the optimised build; others print theirs. */
START_TEST(long_journal_is_verified_fast_and_in_little_memory)
{
    int64_t count = (int64_t)test_size("leaves of an export", 50000, 1000000);
    struct rusage usage;
    bulk_write(&signer, path, count);
    int64_t begin = clock_monotonic_us();
    verify(0);
    int64_t us = clock_monotonic_us() - begin;
    assert_holds();
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    int64_t rate = count * 1000000 / (us > 0 ? us : 1);
    (void)printf("size: %lld leaves in %lld ms: %lld a second, %ld MiB\n", (long long)count,
                 (long long)us / 1000, (long long)rate, usage.ru_maxrss / 1024);
#ifdef __OPTIMIZE__
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
    ck_assert_int_ge(rate, RATE_MIN);
#endif
#endif
#if !defined(__clang__)
    ck_assert_uint_le((size_t)usage.ru_maxrss * 1024,
                      MEMORY_BASE_BYTES + (size_t)count * MEMORY_PER_LEAF);
#endif
}
END_TEST

static char *text_of_report(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; i < report.finding_count; i++)
        (void)fprintf(out, "%s %lld %s\n", report.findings[i].word,
                      (long long)report.findings[i].leaf, report.findings[i].text);
    for (size_t i = 0; i < report.kind_count; i++)
        (void)fprintf(out, "%s %lld\n", report.kinds[i].word, (long long)report.kinds[i].count);
    (void)fclose(out);
    return text;
}

/* With a thousand wrong leaves. */
START_TEST(report_is_the_same_with_any_number_of_threads)
{
    char command[512];
    char *first = NULL;
    bulk_write(&signer, path, 20000);
    (void)snprintf(command, sizeof command,
                   "sed -i -e '3000,4000s/\"attempt\":1/\"attempt\":7/' "
                   "-e '9000,9100s/\"charged\":true/\"charged\": true/' %s",
                   path);
    ck_assert_int_eq(system(command), 0);
    for (unsigned threads = 1; threads <= 8; threads++) {
        verify(threads);
        ck_assert_int_gt(report.finding_total, 200);
        char *text = text_of_report();
        if (first != NULL)
            ck_assert_str_eq(text, first);
        free(first);
        first = text;
    }
    free(first);
}
END_TEST

static uint64_t newest;
static unsigned calls;

static void note_progress(void *context, uint64_t done, uint64_t all)
{
    ck_assert_ptr_eq(context, &dir);
    ck_assert_uint_le(done, all);
    ck_assert_uint_ge(done, newest);
    newest = done;
    calls++;
}

START_TEST(progress_goes_up_to_its_end)
{
    const struct audit_request request = {.path = path,
                                          .key_pem = signer.pem,
                                          .on_progress = note_progress,
                                          .progress_context = &dir};
    bulk_write(&signer, path, 20000);
    ck_assert_int_eq(audit_verify(&request, &report, &fault), ERR_OK);
    ck_assert_uint_gt(calls, 10);
    ck_assert_uint_eq(newest, 1000);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_length_holds,
        long_journal_is_verified_fast_and_in_little_memory,
        report_is_the_same_with_any_number_of_threads,
        progress_goes_up_to_its_end,
        NULL,
    };
    return run_suite(&(struct run_case){"size", set_up, tear_down, 300, tests});
}
