/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* --check: each kind of mistake is one line on standard error and the exit status 1. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "support/run.h"

static const char *const PROGRAMS[] = {"provision-hsm", "provision-vault", "provisiond"};

static int check_with(const char *program)
{
    char command[100];
    program_write_site();
    (void)snprintf(command, sizeof command, "$BIN/%s --check --config conf", program);
    return program_run(command);
}

/* One line that ends as told. */
static void expect_line(const char *end)
{
    size_t length = strlen(program_output);
    ck_assert_uint_eq(program_count("\n"), 1);
    program_output[length - 1] = '\0';
    ck_assert_msg(length > strlen(end) &&
                      strcmp(program_output + length - 1 - strlen(end), end) == 0,
                  "%s", program_output);
}

START_TEST(right_file_is_said_to_be_right_and_nothing_is_made)
{
    ck_assert_int_eq(check_with(PROGRAMS[_i]), EXIT_SUCCESS);
    expect_line("conf: no mistake found");
    ck_assert_int_eq(program_run("rmdir vault"), 0);
}
END_TEST

/* 2048 connections, the default, need twice as many descriptors and some more. */
START_TEST(connections_beyond_the_descriptors_are_refused_with_both_numbers)
{
    program_write_site();
    ck_assert_int_eq(program_run("ulimit -n 4351; $BIN/provisiond --check --config conf"),
                     EXIT_FAILURE);
    expect_line(": [api] connections = 2048 needs 4352 descriptors, and this process may have "
                "4351: set it to 2047 at most, or raise LimitNOFILE= of the unit (ulimit -n in a "
                "shell).");
    ck_assert_int_eq(program_run("ulimit -n 4352; $BIN/provisiond --check --config conf"),
                     EXIT_SUCCESS);
}
END_TEST

struct mistake {
    const char *more;
    const char *line;
};

/* The whole file, whichever program looks. */
START_TEST(mistake_in_any_section_is_found_by_every_program)
{
    static const struct mistake mistakes[] = {
        {"requets_per_second = 2",
         ":15: unknown key `requets_per_second` in [api]; did you mean `requests_per_second`?"},
        {"[hsn]", ":15: unknown section [hsn]; did you mean [hsm]?"},
        {"workers = 2", ":15: unknown key `workers` in [api]; it belongs to [hsm]"},
        {"listen = :1", ":15: `listen` stands here a second time; the first is in line 11"},
        {"connections = 0", ":15: `connections` = `0`: must be a whole number from 1 to 65536"},
        {"[vault]\nthreads = many",
         ":16: `threads` = `many`: must be a whole number from 1 to 256"},
        {"idle_timeout_s", ":15: neither a [section], a `key = value` nor a comment"},
    };
    const struct mistake *mistake = &mistakes[(size_t)_i / 3];
    site.more = mistake->more;
    ck_assert_int_eq(check_with(PROGRAMS[_i % 3]), EXIT_FAILURE);
    expect_line(mistake->line);
}
END_TEST

START_TEST(missing_key_is_named_with_the_program_that_needs_it)
{
    site.module = NULL;
    ck_assert_int_eq(check_with(PROGRAMS[_i]), EXIT_FAILURE);
    expect_line("`module` is missing in [hsm]; provision-hsm needs it");
}
END_TEST

START_TEST(files_of_the_front_end_are_read_and_must_fit)
{
    static const struct {
        const char *certificate;
        const char *key;
        const char *client_ca;
        const char *more;
        const char *sentence;
    } cases[] = {
        {"none.pem", "server.key", "ca.pem", "",
         "The server certificate ([api] certificate) cannot be read: the user of provisiond must "
         "be able to read the file and its folders. Cause: No such file or directory"},
        {"server.pem", "other.key", "ca.pem", "",
         "The server key ([api] key) does not belong to the first certificate of [api] "
         "certificate: put the two there that were made together."},
        {"server.pem", "server.pem", "ca.pem", "",
         "The server key ([api] key) is no PEM key without a passphrase: put the key there that "
         "the certificate was made with; `openssl pkey` takes a passphrase off."},
        {"expired.pem", "expired.key", "ca.pem", "",
         "The server certificate ([api] certificate) has expired: put a renewed one there, and "
         "its key at [api] key, and start again."},
        {"server.pem", "server.key", "server.key", "",
         "The client CA ([api] client_ca) holds no PEM certificate: put those of the CAs there "
         "that sign the stations' certificates."},
        {"server.pem", "server.key", "server.pem", "",
         "The client CA ([api] client_ca) holds a certificate that is no CA's: leave only those "
         "there that sign the stations' certificates."},
        {"server.pem", "server.key", "ca.pem", "client_crl = /none.crl",
         "The revocation lists ([api] client_crl) cannot be read: the user of provisiond must be "
         "able to read the file and its folders. Cause: No such file or directory"},
    };
    site.certificate = cases[_i].certificate;
    site.key = cases[_i].key;
    site.client_ca = cases[_i].client_ca;
    site.more = cases[_i].more;
    ck_assert_int_eq(check_with("provisiond"), EXIT_FAILURE);
    expect_line(cases[_i].sentence);
}
END_TEST

START_TEST(module_must_be_a_file)
{
    site.module = "none.so";
    ck_assert_int_eq(check_with("provision-hsm"), EXIT_FAILURE);
    ck_assert_uint_eq(program_count("There is no such file as [hsm] module: install"), 1);
    site.module = "vault";
    ck_assert_int_eq(check_with("provision-hsm"), EXIT_FAILURE);
    ck_assert_uint_eq(program_count("[hsm] module is no file"), 1);
}
END_TEST

START_TEST(ledger_and_images_must_have_folders)
{
    site.ledger = "none/ledger.db";
    ck_assert_int_eq(check_with("provision-vault"), EXIT_FAILURE);
    ck_assert_uint_eq(program_count("The folder of [vault] ledger is missing"), 1);
    site.ledger = "vault/ledger.db";
    site.images = "server.pem";
    ck_assert_int_eq(check_with("provision-vault"), EXIT_FAILURE);
    ck_assert_uint_eq(program_count("The folder of [vault] images may not be written"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/check");
    TCase *tcase = tcase_create("check");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, program_set_up, program_tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, right_file_is_said_to_be_right_and_nothing_is_made, 0, 3);
    tcase_add_loop_test(tcase, mistake_in_any_section_is_found_by_every_program, 0, 7 * 3);
    tcase_add_loop_test(tcase, missing_key_is_named_with_the_program_that_needs_it, 0, 3);
    tcase_add_loop_test(tcase, files_of_the_front_end_are_read_and_must_fit, 0, 7);
    tcase_add_test(tcase, connections_beyond_the_descriptors_are_refused_with_both_numbers);
    tcase_add_test(tcase, module_must_be_a_file);
    tcase_add_test(tcase, ledger_and_images_must_have_folders);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
