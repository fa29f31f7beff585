/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What is written is read back, and nothing else is read. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "export_sample.h"
#include "journal/export.h"
#include "support/sizes.h"
#include "support/temp_dir.h"

#define DOCUMENTS 5
#define LEAVES    9

static struct temp_dir dir;
static char path[TEMP_PATH_MAX];
static struct signer signer;
static struct fault fault;
static struct export_file *file;
static char *text; /* a whole sample */
static size_t length;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "export", path);
    signer_make(&signer, "P-256");
    FILE *out = open_memstream(&text, &length);
    export_sample_write(out, &signer, DOCUMENTS, LEAVES);
    (void)fclose(out);
}

static void tear_down(void)
{
    export_close(file);
    free(text);
    signer_clear(&signer);
    temp_dir_remove(&dir);
}

static void put(const char *bytes, size_t count)
{
    FILE *out = fopen(path, "we");
    ck_assert_uint_eq(fwrite(bytes, 1, count, out), count);
    ck_assert_int_eq(fclose(out), 0);
}

static enum error open_bytes(const char *bytes, size_t count)
{
    put(bytes, count);
    return export_open(path, NULL, NULL, &file, &fault);
}

static void refused(enum error e, const char *reason)
{
    ck_assert_int_eq(e, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_ptr_null(file);
}

/* The beginning of line number, from 1. */
static char *line(int number)
{
    char *at = text;
    while (--number > 0)
        at = strchr(at, '\n') + 1;
    return at;
}

/* ---- what is written is read ---- */

static void same_account(const struct export_account *a, const struct export_account *b)
{
    ck_assert_str_eq(a->product, b->product);
    ck_assert_mem_eq(&a->accepted, &b->accepted,
                     sizeof *a - offsetof(struct export_account, accepted));
}

START_TEST(header_reads_back_as_it_was)
{
    struct export_account accounts[SAMPLE_ACCOUNTS];
    struct export_header made;
    export_sample_header(&signer, DOCUMENTS, LEAVES, accounts, &made);
    ck_assert_int_eq(open_bytes(text, length), ERR_OK);
    const struct export_header *got = export_header(file);
    ck_assert_str_eq(got->key, made.key);
    ck_assert_int_eq(got->documents, DOCUMENTS);
    ck_assert_int_eq(got->leaves, LEAVES);
    ck_assert_int_eq(got->made_unix_ms, made.made_unix_ms);
    ck_assert_uint_eq(got->challenge_length, made.challenge_length);
    ck_assert_mem_eq(got->challenge, made.challenge, made.challenge_length);
    ck_assert_uint_eq(got->account_count, SAMPLE_ACCOUNTS);
    for (size_t i = 0; i < SAMPLE_ACCOUNTS; i++)
        same_account(&got->accounts[i], &accounts[i]);
}
END_TEST

START_TEST(checkpoint_in_the_header_opens_with_its_key)
{
    struct checkpoint checkpoint;
    ck_assert_int_eq(open_bytes(text, length), ERR_OK);
    const char *note = export_header(file)->checkpoint;
    ck_assert_int_eq(
        checkpoint_open(bytes_of(note, strlen(note)), signer_spki(&signer), &checkpoint, &fault),
        ERR_OK);
    ck_assert_int_eq(checkpoint.size, LEAVES);
}
END_TEST

START_TEST(documents_and_leaves_read_back_as_they_were)
{
    char entry[512];
    uint8_t document[512];
    export_sample_file(path, &signer, 600, 1000);
    ck_assert_int_eq(export_open(path, NULL, NULL, &file, &fault), ERR_OK);
    for (int64_t i = 0; i < 600; i++) {
        uint8_t *data = NULL;
        size_t count = 0;
        ck_assert_int_eq(export_document(file, i, &data, &count, &fault), ERR_OK);
        ck_assert(bytes_equal(bytes_of(data, count), export_sample_document(i, document)));
        free(data);
    }
    for (int64_t i = 0; i < 1000; i++)
        ck_assert(bytes_equal(export_leaf(file, i), export_sample_leaf(i, entry)));
}
END_TEST

START_TEST(text_has_the_documented_form)
{
    char entry[512];
    static const char begin[] = "provisiond-journal/1\n{\"checkpoint\":\"rig/provisiond/";
    ck_assert_int_eq(strncmp(text, begin, strlen(begin)), 0);
    struct bytes leaf = export_sample_leaf(0, entry);
    ck_assert_ptr_nonnull(strstr(text, "\"documents\":5,\"leaves\":9,"
                                       "\"made\":\"2026-11-27T14:05:36.123Z\","));
    ck_assert_ptr_nonnull(strstr(text, "\"challenge\":\"01020304050607ff\"}\n"));
    static const char documents[] = "AA==\nAQE=\nAgIC\nAwMDAw==\nBAQEBAQ=\n{";
    ck_assert_int_eq(strncmp(line(3), documents, strlen(documents)), 0);
    ck_assert_mem_eq(line(8), leaf.data, leaf.length);
    ck_assert_int_eq(text[length - 1], '\n');
}
END_TEST

START_TEST(empty_journal_without_accounts_and_challenge_is_an_export)
{
    struct export_account accounts[SAMPLE_ACCOUNTS];
    struct export_header header;
    export_sample_header(&signer, 0, 0, accounts, &header);
    header.account_count = 0;
    header.challenge_length = 0;
    FILE *out = fopen(path, "we");
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_OK);
    (void)fclose(out);
    ck_assert_int_eq(export_open(path, NULL, NULL, &file, &fault), ERR_OK);
    ck_assert_uint_eq(export_header(file)->account_count, 0);
    ck_assert_uint_eq(export_header(file)->challenge_length, 0);
}
END_TEST

/* ---- what the reader would refuse is not written ---- */

START_TEST(line_that_is_no_line_is_not_written)
{
    static uint8_t large[EXPORT_LINE_MAX + 1];
    FILE *out = fopen(path, "we");
    memset(large, 'a', sizeof large);
    ck_assert_int_eq(export_write_leaf(out, bytes_of("a\nb", 3), &fault), ERR_INTERNAL);
    ck_assert_int_eq(export_write_leaf(out, bytes_of("", 0), &fault), ERR_TOO_LARGE);
    ck_assert_int_eq(export_write_leaf(out, bytes_of(large, sizeof large), &fault), ERR_TOO_LARGE);
    ck_assert_int_eq(export_write_document(out, bytes_of(large, 0), &fault), ERR_TOO_LARGE);
    ck_assert_int_eq(
        export_write_document(out, bytes_of(large, EXPORT_LINE_MAX / 4 * 3 + 1), &fault),
        ERR_TOO_LARGE);
    ck_assert_int_eq(ftell(out), 0);
    ck_assert_int_eq(export_write_document(out, bytes_of(large, EXPORT_LINE_MAX / 4 * 3), &fault),
                     ERR_OK);
    ck_assert_int_eq(ftell(out), EXPORT_LINE_MAX + 1);
    ck_assert_int_eq(export_write_leaf(out, bytes_of(large, EXPORT_LINE_MAX), &fault), ERR_OK);
    (void)fclose(out);
}
END_TEST

START_TEST(header_beyond_the_limit_is_not_written)
{
    struct export_account accounts[SAMPLE_ACCOUNTS];
    struct export_header header;
    export_sample_header(&signer, 0, 0, accounts, &header);
    header.account_count = 90000;
    header.accounts = calloc(header.account_count, sizeof *header.accounts);
    for (size_t i = 0; i < header.account_count; i++)
        (void)snprintf(header.accounts[i].product, 65, "product-%zu", i);
    FILE *out = fopen(path, "we");
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_TOO_LARGE);
    ck_assert_int_eq(ftell(out), 0);
    header.account_count /= 2;
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_OK);
    (void)fclose(out);
    free(header.accounts);
    ck_assert_int_eq(export_open(path, NULL, NULL, &file, &fault), ERR_OK);
    ck_assert_uint_eq(export_header(file)->account_count, 45000);
}
END_TEST

START_TEST(full_disk_is_a_fault)
{
    FILE *out = fopen("/dev/full", "we");
    (void)setvbuf(out, NULL, _IONBF, 0);
    ck_assert_int_eq(export_write_leaf(out, bytes_of("{}", 2), &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "export-file");
    ck_assert_int_eq(fault.native, ENOSPC);
    ck_assert_int_eq(export_write_document(out, bytes_of("{}", 2), &fault), ERR_BAD_REQUEST);
    (void)fclose(out);
}
END_TEST

/* ---- files ---- */

START_TEST(file_that_cannot_be_read_is_told_from_one_that_is_no_export)
{
    static const char *const others[] = {"", "\n", "provisiond-journal/2\n{}\n", "provisiond"};
    ck_assert_int_eq(export_open(path, NULL, NULL, &file, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "file");
    ck_assert_int_eq(fault.native, ENOENT);
    refused(export_open(dir.path, NULL, NULL, &file, &fault), "not-an-export");
    refused(export_open("/dev/zero", NULL, NULL, &file, &fault), "not-an-export");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        refused(open_bytes(others[i], strlen(others[i])), "not-an-export");
}
END_TEST

START_TEST(pipe_without_a_writer_does_not_hang_the_reader)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(export_open(path, NULL, NULL, &file, &fault), "not-an-export");
}
END_TEST

static void append_once(void *context, uint64_t done, uint64_t all)
{
    FILE *out = fopen(path, "ae");
    (void)context;
    (void)done;
    (void)all;
    (void)fputs("{}\n", out);
    (void)fclose(out);
}

START_TEST(file_that_grows_while_it_is_read_is_refused)
{
    put(text, length);
    ck_assert_int_eq(export_open(path, append_once, NULL, &file, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "file-changed");
    ck_assert_ptr_null(file);
}
END_TEST

/* ---- speed ---- */

struct progress {
    uint64_t done;
    uint64_t all;
    unsigned calls;
};

static void note_progress(void *context, uint64_t done, uint64_t all)
{
    struct progress *progress = context;
    ck_assert_uint_gt(done, progress->done);
    ck_assert_uint_le(done, all);
    *progress = (struct progress){done, all, progress->calls + 1};
}

START_TEST(million_lines_are_found_within_a_second_and_progress_is_told)
{
    int64_t leaves = (int64_t)test_size("leaves of a large export", 200000, 3000000);
    struct progress progress = {.calls = 0};
    struct rusage usage;
    export_sample_file(path, &signer, 1, leaves);
    int64_t begin = clock_monotonic_ms();
    ck_assert_int_eq(export_open(path, note_progress, &progress, &file, &fault), ERR_OK);
    int64_t ms = clock_monotonic_ms() - begin;
    ck_assert_uint_eq(progress.done, progress.all);
    ck_assert_uint_eq(progress.calls, (unsigned)((leaves + 1) / 65536 + 1));
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    printf("%" PRId64 " lines found in %" PRId64 " ms, %ld MiB\n", leaves, ms,
           usage.ru_maxrss / 1024);
    ck_assert_int_lt(ms, 200 + leaves / 500);
}
END_TEST

static void add_tests(TCase *exports)
{
    tcase_add_test(exports, header_reads_back_as_it_was);
    tcase_add_test(exports, checkpoint_in_the_header_opens_with_its_key);
    tcase_add_test(exports, documents_and_leaves_read_back_as_they_were);
    tcase_add_test(exports, text_has_the_documented_form);
    tcase_add_test(exports, empty_journal_without_accounts_and_challenge_is_an_export);
    tcase_add_test(exports, line_that_is_no_line_is_not_written);
    tcase_add_test(exports, header_beyond_the_limit_is_not_written);
    tcase_add_test(exports, full_disk_is_a_fault);
    tcase_add_test(exports, file_that_cannot_be_read_is_told_from_one_that_is_no_export);
    tcase_add_test(exports, pipe_without_a_writer_does_not_hang_the_reader);
    tcase_add_test(exports, file_that_grows_while_it_is_read_is_refused);
    tcase_add_test(exports, million_lines_are_found_within_a_second_and_progress_is_told);
}

int main(void)
{
    Suite *suite = suite_create("journal export");
    TCase *exports = tcase_create("exports");
    tcase_add_checked_fixture(exports, set_up, tear_down);
    tcase_set_timeout(exports, 600);
    add_tests(exports);
    suite_add_tcase(suite, exports);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
