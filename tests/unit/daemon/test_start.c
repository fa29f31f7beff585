/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A start that fails is one line with its cause and its remedy, the exit status 1, and no file that
 * was not there before. CLOCK_AHEAD is a library that sets a program's clock ten years ahead.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

#define COMMAND_MAX 1024

/* Runs it until it is ready, then ends it. */
static void serve(const char *command)
{
    char text[COMMAND_MAX];
    (void)snprintf(text, sizeof text,
                   "%s & pid=$!; until grep -q '\"event\":\"ready\"' output || ! kill -0 $pid; do "
                   "sleep 0.02; done; kill $pid; wait $pid",
                   command);
    ck_assert_msg(program_run(text) == EXIT_SUCCESS, "%s", program_output);
}

static void expect_failure(const char *command, const char *sentence)
{
    program_write_site();
    ck_assert_int_eq(program_run(command), EXIT_FAILURE);
    ck_assert_msg(program_count("\"event\":\"start-failed\"") == 1, "%s", program_output);
    ck_assert_msg(program_count("\n") == 1, "%s", program_output);
    ck_assert_msg(program_count(sentence) == 1, "%s", program_output);
    ck_assert_int_eq(program_run("rmdir vault && mkdir vault"), 0);
}

START_TEST(too_few_descriptors_for_the_connections_are_told)
{
    expect_failure(
        "ulimit -n 1000; exec $BIN/provisiond --config conf",
        "\"reason\":\"few-descriptors\",\"detail\":\"[api] connections = 2048 needs 4352 "
        "descriptors, and this process may have 1000: set it to 372 at most");
}
END_TEST

START_TEST(port_in_use_is_said_to_be_in_use)
{
    char listen_at[32];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(listen_at, sizeof listen_at, "127.0.0.1:%u", ntohs(address.sin_port));
    site.listen = listen_at;
    expect_failure("$BIN/provisiond --config conf",
                   "The port of [api] listen is in use by another program: end that one");
    (void)close(fd);
}
END_TEST

/* The socket at a free port, as the service manager passes one; listen_at is where it is. */
static int socket_to_pass(char listen_at[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(listen_at, 32, "127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

static unsigned times_told_when_passed(int fd)
{
    char command[COMMAND_MAX];
    (void)snprintf(
        command, sizeof command,
        "BIN=$BIN sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec $BIN/provisiond --config conf' 3<&%d", fd);
    program_write_site();
    serve(command);
    return program_count("listen-not-used");
}

START_TEST(socket_of_the_service_manager_counts_and_that_is_told)
{
    char listen_at[32];
    int fd = socket_to_pass(listen_at);
    site.listen = "127.0.0.1:1";
    ck_assert_uint_eq(times_told_when_passed(fd), 1);
    site.listen = listen_at;
    ck_assert_uint_eq(times_told_when_passed(fd), 0);
    (void)close(fd);
}
END_TEST

START_TEST(foreign_address_is_said_to_be_foreign)
{
    site.listen = "192.0.2.1:8443";
    expect_failure("$BIN/provisiond --config conf",
                   "The address of [api] listen is not one of this machine: correct it");
}
END_TEST

START_TEST(expired_server_certificate_is_said_to_be_expired)
{
    site.certificate = "expired.pem";
    site.key = "expired.key";
    expect_failure("$BIN/provisiond --config conf", "has expired: put a renewed one there");
}
END_TEST

START_TEST(state_folder_that_cannot_be_written_is_named)
{
    expect_failure("chmod 555 vault; $AS_NOBODY ./provision-vault --config conf",
                   "The folder of [vault] ledger is missing, or the user of provision-vault may "
                   "not write there: make it and give it to that user.\",\"cause\":\"Permission "
                   "denied\"");
}
END_TEST

START_TEST(state_folder_of_the_hsm_that_cannot_be_written_is_named)
{
    expect_failure("STATE_DIRECTORY=$PWD/none:$PWD $BIN/provision-hsm --config conf",
                   "The state folder of provision-hsm (StateDirectory= of its unit) cannot be "
                   "written: give it to the user of provision-hsm, on a disk that is not");
}
END_TEST

START_TEST(images_that_have_no_place_leave_no_ledger_behind)
{
    site.images = "server.pem";
    expect_failure("$BIN/provision-vault --config conf",
                   "The folder of [vault] images may not be written");
}
END_TEST

START_TEST(memory_that_may_not_be_locked_is_told_with_both_remedies)
{
    expect_failure(
        "chmod 777 vault; prlimit --memlock=0 $AS_NOBODY ./provision-vault --config conf",
        "allow 256 KiB or more of locked memory (LimitMEMLOCK=), and in a container the "
        "system calls of @memlock.");
}
END_TEST

START_TEST(pin_that_cannot_be_read_is_told)
{
    static const char *const commands[] = {"mkdir -p pins/hsm-pin", "mkdir pins; : >pins/hsm-pin"};
    static const char *const sentences[] = {
        "The PIN cannot be read: is the credential a file with the PIN in it?",
        "The PIN is empty: write it into the credential"};
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof command,
                   "%s; CREDENTIALS_DIRECTORY=$PWD/pins $BIN/provision-hsm --config conf",
                   commands[_i]);
    expect_failure(command, sentences[_i]);
}
END_TEST

/* It may come back, as an HSM may: the program waits for it, and says so once. */
static void expect_patience(const char *command, const char *word, const char *sentence)
{
    char text[COMMAND_MAX];
    program_write_site();
    (void)snprintf(text, sizeof text,
                   "%s & pid=$!; until grep -q %s output; do sleep 0.02; done; sleep 1; kill $pid; "
                   "wait $pid",
                   command, word);
    ck_assert_int_eq(program_run(text), EXIT_SUCCESS);
    ck_assert_uint_eq(program_count(word), 1);
    ck_assert_uint_eq(program_count(sentence), 1);
}

START_TEST(missing_module_is_one_line_and_no_end)
{
    site.module = "none.so";
    expect_patience("$BIN/provision-hsm --config conf", "module-missing",
                    "install the vendor's PKCS#11 module, or correct the path");
}
END_TEST

START_TEST(vault_says_that_it_starts_and_how_long_the_ledger_took)
{
    serve("$BIN/provision-vault --config conf");
    ck_assert_uint_eq(program_count("\"event\":\"starting\""), 1);
    ck_assert_uint_eq(program_count("\"event\":\"ledger-opened\",\"leaves\":0,\"duration_us\":"),
                      1);
    ck_assert_uint_eq(program_count("clock-set-back"), 0);
}
END_TEST

START_TEST(clock_that_was_set_back_is_told_at_the_start)
{
    serve("LD_PRELOAD=" CLOCK_AHEAD " $BIN/provision-vault --config conf");
    serve("$BIN/provision-vault --config conf");
    ck_assert_msg(program_count("\"event\":\"clock-set-back\",\"behind_s\":3153") == 1, "%s",
                  program_output);
    ck_assert_uint_eq(program_count("The clock is behind the newest leaf of the journal: set it"),
                      1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/start");
    TCase *tcase = tcase_create("start");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, program_set_up, program_tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, too_few_descriptors_for_the_connections_are_told);
    tcase_add_test(tcase, port_in_use_is_said_to_be_in_use);
    tcase_add_test(tcase, socket_of_the_service_manager_counts_and_that_is_told);
    tcase_add_test(tcase, foreign_address_is_said_to_be_foreign);
    tcase_add_test(tcase, expired_server_certificate_is_said_to_be_expired);
    tcase_add_test(tcase, state_folder_that_cannot_be_written_is_named);
    tcase_add_test(tcase, images_that_have_no_place_leave_no_ledger_behind);
    tcase_add_test(tcase, memory_that_may_not_be_locked_is_told_with_both_remedies);
    tcase_add_loop_test(tcase, pin_that_cannot_be_read_is_told, 0, 2);
    tcase_add_test(tcase, missing_module_is_one_line_and_no_end);
    tcase_add_test(tcase, state_folder_of_the_hsm_that_cannot_be_written_is_named);
    tcase_add_test(tcase, vault_says_that_it_starts_and_how_long_the_ledger_took);
    tcase_add_test(tcase, clock_that_was_set_back_is_told_at_the_start);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
