/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the reader takes, and the line that it prints about everything else. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "config/config.h"
#include "support/temp_dir.h"

#define TEXT_MAX ((size_t)128 * 1024)

static struct temp_dir folder;
static char path[TEMP_PATH_MAX];
static struct config config;
static char problem[CONFIG_PROBLEM_MAX];

static void set_up(void)
{
    temp_dir_make(&folder);
    temp_dir_path(&folder, "conf", path);
}

static void tear_down(void)
{
    temp_dir_remove(&folder);
}

static enum error load_bytes(const void *data, size_t length, enum config_program program)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
    ck_assert_int_eq(close(fd), 0);
    return config_load(path, program, &config, problem);
}

/* For the vault, which requires no key. */
static enum error load(const char *text)
{
    return load_bytes(text, strlen(text), CONFIG_VAULT);
}

/* The text is refused with exactly "FILE:line: what". */
static void claim_problem(const char *text, unsigned line, const char *what)
{
    char expected[CONFIG_PROBLEM_MAX];
    (void)snprintf(expected, sizeof expected, "%s:%u: %s", path, line, what);
    ck_assert_int_eq(load(text), ERR_CONFIG);
    ck_assert_str_eq(problem, expected);
}

START_TEST(empty_file_is_all_defaults)
{
    ck_assert_int_eq(load(""), ERR_OK);
    ck_assert_str_eq(config.hsm.socket, "/run/provision-hsm/hsm.sock");
    ck_assert_str_eq(config.hsm.client_user, "provision-vault");
    ck_assert_uint_eq(config.hsm.workers, 2);
    ck_assert_uint_eq(config.hsm.call_timeout_ms, 2000);
    ck_assert_uint_eq(config.hsm.recycle_after, 200000);
    ck_assert_uint_eq(config.hsm.recycle_mb, 8);
    ck_assert_int_eq(config.hsm.sandbox, CONFIG_SANDBOX_STRICT);
    ck_assert_str_eq(config.hsm.pin_credential, "hsm-pin");
    ck_assert_str_eq(config.hsm.state, "/var/lib/provision-hsm");
    ck_assert_str_eq(config.hsm.module_arguments, "");
    ck_assert_str_eq(config.vault.socket, "/run/provision-vault/station.sock");
    ck_assert_str_eq(config.vault.client_user, "provisiond");
    ck_assert_str_eq(config.vault.admin_socket, "/run/provision-vault/admin.sock");
    ck_assert_str_eq(config.vault.admin_group, "provision-admin");
    ck_assert_str_eq(config.vault.ledger, "/var/lib/provision-vault/ledger.db");
    ck_assert_str_eq(config.vault.images, "/var/lib/provision-vault/images");
    ck_assert_uint_eq(config.vault.threads, 32);
    ck_assert_uint_eq(config.vault.queue, 1024);
    ck_assert_str_eq(config.api.listen, "[::]:8443");
    ck_assert_uint_eq(config.api.connections, 2048);
    ck_assert_uint_eq(config.api.idle_timeout_s, 60);
    ck_assert_uint_eq(config.api.vault_timeout_ms, 10000);
    ck_assert_int_eq(config.log_level, LOG_LEVEL_INFO);
}
END_TEST

START_TEST(values_are_read_into_their_places)
{
    ck_assert_int_eq(load("# a comment\n; another\n\n[hsm]\nworkers = 64\n  token=My Token #1\n"
                          "module_arguments = configdir='sql:/etc/nss' ; flags=readOnly\n"
                          "[vault]\r\nadmin_group =\r\nthreads\t=\t7\n[log]\nlevel = error\n"
                          "[hsm]\nmodule = /usr/lib/x.so"),
                     ERR_OK);
    ck_assert_uint_eq(config.hsm.workers, 64);
    ck_assert_str_eq(config.hsm.token, "My Token #1");
    ck_assert_str_eq(config.hsm.module_arguments, "configdir='sql:/etc/nss' ; flags=readOnly");
    ck_assert_str_eq(config.hsm.module, "/usr/lib/x.so");
    ck_assert_str_eq(config.vault.admin_group, "");
    ck_assert_uint_eq(config.vault.threads, 7);
    ck_assert_int_eq(config.log_level, LOG_LEVEL_ERROR);
}
END_TEST

START_TEST(byte_order_mark_is_skipped)
{
    ck_assert_int_eq(load("\xef\xbb\xbf[hsm]\nworkers = 5\n"), ERR_OK);
    ck_assert_uint_eq(config.hsm.workers, 5);
    ck_assert_int_eq(load("[hsm]\n\xef\xbb\xbfworkers = 5\n"), ERR_CONFIG);
}
END_TEST

START_TEST(unknown_names_are_answered_with_the_nearest_known_one)
{
    claim_problem("[hsm]\nworker = 3\n", 2,
                  "unknown key `worker` in [hsm]; did you mean `workers`?");
    claim_problem("[hsm]\nWorkers = 3\n", 2,
                  "unknown key `Workers` in [hsm]; did you mean `workers`?");
    claim_problem("[api]\nlsiten = x\n", 2,
                  "unknown key `lsiten` in [api]; did you mean `listen`?");
    claim_problem("\n[volt]\n", 2, "unknown section [volt]; did you mean [vault]?");
    claim_problem("[hsm]\nlisten = :1\n", 2, "unknown key `listen` in [hsm]; it belongs to [api]");
    claim_problem("[hsm]\npin = 1234\n", 2, "unknown key `pin` in [hsm]");
    claim_problem("[pkcs11]\n", 1, "unknown section [pkcs11]; there are hsm, vault, api and log");
    claim_problem("workers = 3\n", 1, "`workers` stands before the first [section]");
}
END_TEST

START_TEST(key_twice_names_both_lines)
{
    claim_problem("[hsm]\nworkers = 3\n[vault]\n[hsm]\nworkers = 3\n", 5,
                  "`workers` stands here a second time; the first is in line 2");
}
END_TEST

START_TEST(numbers_are_whole_and_within_their_limits)
{
    static const char *const wrong[] = {"0",     "65",  "-1",  "+2",
                                        "2.0",   "0x2", "2 3", "two",
                                        "2 # 3", "2;3", "",    "99999999999999999999"};
    char text[100];
    char what[100];
    (void)snprintf(text, sizeof text, "[hsm]\nworkers = %s\n", wrong[_i]);
    (void)snprintf(what, sizeof what, "`workers` = `%s`: must be a whole number from 1 to 64",
                   wrong[_i]);
    claim_problem(text, 2, what);
}
END_TEST

START_TEST(limits_themselves_are_allowed)
{
    ck_assert_int_eq(load("[hsm]\nworkers=1\ncall_timeout_ms=100\n"), ERR_OK);
    ck_assert_int_eq(load("[hsm]\nworkers=64\ncall_timeout_ms=600000\n"), ERR_OK);
    ck_assert_int_eq(load("[hsm]\ncall_timeout_ms=99\n"), ERR_CONFIG);
    ck_assert_int_eq(load("[hsm]\ncall_timeout_ms=600001\n"), ERR_CONFIG);
}
END_TEST

START_TEST(paths_are_absolute_and_short_enough)
{
    char text[400] = "[vault]\nsocket = /";
    claim_problem("[hsm]\nmodule = x.so\n", 2, "`module` = `x.so`: must be an absolute path");
    claim_problem("[hsm]\nmodule =\n", 2, "`module` = ``: must not be empty");
    claim_problem("[api]\nkey = /a ; the key\n", 2,
                  "`key` = `/a ; the key`: ends in a comment; put comments on lines of their own");
    memset(text + strlen(text), 'a', 106);
    ck_assert_int_eq(load(text), ERR_OK);
    ck_assert_uint_eq(strlen(config.vault.socket), 107);
    text[strlen(text)] = 'a';
    ck_assert_int_eq(load(text), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, ": is longer than 107 bytes"));
}
END_TEST

START_TEST(token_label_has_at_most_32_bytes)
{
    ck_assert_int_eq(load("[hsm]\ntoken = 12345678901234567890123456789012\n"), ERR_OK);
    ck_assert_str_eq(config.hsm.token, "12345678901234567890123456789012");
    ck_assert_int_eq(load("[hsm]\ntoken = 123456789012345678901234567890123\n"), ERR_CONFIG);
}
END_TEST

START_TEST(names_have_no_slash)
{
    claim_problem("[hsm]\npin_credential = ../pin\n", 2,
                  "`pin_credential` = `../pin`: must be letters, digits, `.`, `_` and `-` only");
    ck_assert_int_eq(load("[vault]\nclient_user = _prov-1.x\n"), ERR_OK);
}
END_TEST

START_TEST(listen_is_an_address_and_a_port)
{
    static const char *const right[] = {"[::]:8443", "0.0.0.0:1", "localhost:0", "[::1]:65535",
                                        "gate-1.example:443"};
    char text[100];
    (void)snprintf(text, sizeof text, "[api]\nlisten = %s\n", right[_i]);
    ck_assert_int_eq(load(text), ERR_OK);
    ck_assert_str_eq(config.api.listen, right[_i]);
}
END_TEST

START_TEST(other_forms_of_listen_are_refused)
{
    static const char *const wrong[] = {"8443", ":8443",   "::1:8443",     "[::1]",  "[]:1",
                                        "a:",   "a:65536", "a b:1",        "[::1:1", "::1]:1",
                                        "a:-1", "a:1x",    "https://a:443"};
    char text[100];
    (void)snprintf(text, sizeof text, "[api]\nlisten = %s\n", wrong[_i]);
    ck_assert_int_eq(load(text), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, "must be address:port"));
}
END_TEST

START_TEST(log_level_is_one_of_four_words)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};
    char text[100];
    (void)snprintf(text, sizeof text, "[log]\nlevel = %s\n", words[_i]);
    ck_assert_int_eq(load(text), ERR_OK);
    ck_assert_int_eq(config.log_level, _i);
    claim_problem("[log]\nlevel = Info\n", 2,
                  "`level` = `Info`: must be debug, info, warning or error");
}
END_TEST

START_TEST(sandbox_is_strict_or_module)
{
    ck_assert_int_eq(load("[hsm]\nsandbox = module\n"), ERR_OK);
    ck_assert_int_eq(config.hsm.sandbox, CONFIG_SANDBOX_MODULE);
    ck_assert_int_eq(load("[hsm]\nsandbox = strict\n"), ERR_OK);
    ck_assert_int_eq(config.hsm.sandbox, CONFIG_SANDBOX_STRICT);
    claim_problem("[hsm]\nsandbox = off\n", 2, "`sandbox` = `off`: must be strict or module");
}
END_TEST

START_TEST(lines_of_another_form_are_refused)
{
    claim_problem("[hsm]\nworkers\n", 2, "neither a [section], a `key = value` nor a comment");
    claim_problem("[hsm]\nworkers = 2\n  3\n", 3,
                  "neither a [section], a `key = value` nor a comment");
    claim_problem("[hsm\n", 1, "a section ends in `]`");
    claim_problem("[hsm] # the HSM\n", 1,
                  "text behind a section; put comments on lines of their own");
    claim_problem("[hsm]\ntoken = a\x1b[2J\n", 2, "control characters are not allowed");
}
END_TEST

START_TEST(line_that_is_too_long_is_refused_and_not_split)
{
    static char text[2000];
    strcpy(text, "[hsm]\n#");
    memset(text + strlen(text), ' ', 509);
    strcat(text, "\nworkers = 3\n");
    ck_assert_int_eq(load(text), ERR_OK);
    strcpy(text, "[hsm]\n#");
    memset(text + strlen(text), ' ', 510);
    memset(text + 517, 0, sizeof text - 517);
    strcat(text, "workers = 3\n");
    claim_problem(text, 2, "the line is longer than 510 bytes");
}
END_TEST

START_TEST(file_that_is_too_large_or_binary_is_refused)
{
    static char text[TEXT_MAX];
    memset(text, '\n', sizeof text);
    ck_assert_int_eq(load_bytes(text, (size_t)64 * 1024, CONFIG_VAULT), ERR_OK);
    ck_assert_int_eq(load_bytes(text, (size_t)64 * 1024 + 1, CONFIG_VAULT), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, "the file is longer than 65536 bytes"));
    ck_assert_int_eq(load_bytes("[hsm]\n\0workers = x\n", 19, CONFIG_VAULT), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, "NUL"));
}
END_TEST

START_TEST(file_that_cannot_be_read_is_an_error)
{
    ck_assert_int_eq(config_load("/none/conf", CONFIG_VAULT, &config, problem), ERR_CONFIG);
    ck_assert_str_eq(problem, "/none/conf:0: cannot be read: No such file or directory");
    ck_assert_int_eq(config_load("/", CONFIG_VAULT, &config, problem), ERR_CONFIG);
    ck_assert_str_eq(problem, "/:0: cannot be read: Is a directory");
}
END_TEST

START_TEST(each_program_requires_its_own_keys_only)
{
    static const char hsm[] = "[hsm]\nmodule = /m.so\ntoken = t\n";
    static const char api[] = "[api]\ncertificate = /c\nkey = /k\nclient_ca = /a\n";
    ck_assert_int_eq(load_bytes(hsm, sizeof hsm - 1, CONFIG_HSM), ERR_OK);
    ck_assert_int_eq(load_bytes(hsm, sizeof hsm - 1, CONFIG_API), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, ":3: `certificate` is missing in [api]"));
    ck_assert_int_eq(load_bytes(api, sizeof api - 1, CONFIG_API), ERR_OK);
    ck_assert_int_eq(load_bytes(api, sizeof api - 1, CONFIG_HSM), ERR_CONFIG);
    ck_assert_int_eq(load_bytes(api, sizeof api - 1, CONFIG_VAULT), ERR_OK);
    ck_assert_int_eq(load_bytes("", 0, CONFIG_CLI), ERR_OK);
}
END_TEST

START_TEST(refused_file_leaves_the_output_alone)
{
    struct config before;
    memset(&config, 0x5a, sizeof config);
    before = config;
    ck_assert_int_eq(load("[hsm]\nworkers = 3\nx = 1\n"), ERR_CONFIG);
    ck_assert_mem_eq(&config, &before, sizeof config);
}
END_TEST

START_TEST(problem_with_a_very_long_path_still_says_what_is_wrong)
{
    char long_path[1000];
    memset(long_path, 'a', sizeof long_path);
    long_path[0] = '/';
    long_path[999] = '\0';
    ck_assert_int_eq(config_load(long_path, CONFIG_VAULT, &config, problem), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(problem, "a:0: cannot be read: File name too long"));
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, empty_file_is_all_defaults);
    tcase_add_test(all, values_are_read_into_their_places);
    tcase_add_test(all, byte_order_mark_is_skipped);
    tcase_add_test(all, unknown_names_are_answered_with_the_nearest_known_one);
    tcase_add_test(all, key_twice_names_both_lines);
    tcase_add_loop_test(all, numbers_are_whole_and_within_their_limits, 0, 12);
    tcase_add_test(all, limits_themselves_are_allowed);
    tcase_add_test(all, paths_are_absolute_and_short_enough);
    tcase_add_test(all, token_label_has_at_most_32_bytes);
    tcase_add_test(all, names_have_no_slash);
    tcase_add_loop_test(all, listen_is_an_address_and_a_port, 0, 5);
    tcase_add_loop_test(all, other_forms_of_listen_are_refused, 0, 13);
    tcase_add_loop_test(all, log_level_is_one_of_four_words, 0, 4);
    tcase_add_test(all, sandbox_is_strict_or_module);
    tcase_add_test(all, lines_of_another_form_are_refused);
    tcase_add_test(all, line_that_is_too_long_is_refused_and_not_split);
    tcase_add_test(all, file_that_is_too_large_or_binary_is_refused);
    tcase_add_test(all, file_that_cannot_be_read_is_an_error);
    tcase_add_test(all, each_program_requires_its_own_keys_only);
    tcase_add_test(all, refused_file_leaves_the_output_alone);
    tcase_add_test(all, problem_with_a_very_long_path_still_says_what_is_wrong);
}

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *all = tcase_create("config");
    tcase_add_checked_fixture(all, set_up, tear_down);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
