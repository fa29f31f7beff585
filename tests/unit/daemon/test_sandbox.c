/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the sandbox must leave open, and its two answers to a socket that is put to another use,
 * each by itself: together one would hide that the other is missing. What each program cannot do is
 * tried by tests/e2e/sandbox.sh.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <link.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox_calls.h"
#include "daemon/sandbox_files.h"
#include "daemon/sandbox_try.h"
#include "program.h"
#include "support/softhsm.h"

#define PROGRAM_MAX_BYTES (64U << 20)
#define ABI_WITH_NETWORK  4
#define OWN_LOADER        "./ld.so"
#define TOKEN_CONFIG      "[hsm]\nmodule = " SOFTHSM_MODULE "\ntoken = " SOFTHSM_LABEL "\nworkers = 1\n"

/* ---- updates while it runs ---- */

/* Where the program says which loader it wants; length is the room for another name. */
static char *loader_of(char *program, size_t *ret_length)
{
    const ElfW(Ehdr) *head = (void *)program;
    const ElfW(Phdr) *parts = (void *)(program + head->e_phoff);
    for (unsigned i = 0; i < head->e_phnum; i++) {
        if (parts[i].p_type == PT_INTERP) {
            *ret_length = parts[i].p_filesz;
            return program + parts[i].p_offset;
        }
    }
    ck_abort_msg("the program has no loader");
}

/* Copies loader and program to ./ld.so and ./hsm, which is then loaded by that. */
static void copy_program(void)
{
    char path[TEMP_PATH_MAX];
    char command[TEMP_PATH_MAX];
    size_t room = 0;
    char *program = malloc(PROGRAM_MAX_BYTES);
    ck_assert_int_eq(program_run("cp $BIN/provision-hsm hsm"), 0);
    temp_dir_path(&program_dir, "hsm", path);
    FILE *file = fopen(path, "r+e");
    ck_assert(program != NULL && file != NULL);
    size_t length = fread(program, 1, PROGRAM_MAX_BYTES, file);
    char *loader = loader_of(program, &room);
    (void)snprintf(command, sizeof command, "cp %s ld.so", loader);
    ck_assert_int_eq(program_run(command), 0);
    ck_assert_uint_ge(room, sizeof OWN_LOADER);
    (void)strcpy(loader, OWN_LOADER);
    rewind(file);
    ck_assert_uint_eq(fwrite(program, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    free(program);
}

static void make_token(void)
{
    struct softhsm token;
    char path[TEMP_PATH_MAX];
    char text[sizeof TOKEN_CONFIG + 2 * TEMP_PATH_MAX];
    softhsm_make(&program_dir, &token);
    (void)snprintf(text, sizeof text, TOKEN_CONFIG "socket = %s/hsm.sock\nstate = %s\n",
                   program_dir.path, program_dir.path);
    softhsm_write_file(&program_dir, "conf", text, path);
}

/* As a package is unpacked: beside, then renamed. A worker that dies is replaced. */
START_TEST(worker_starts_after_the_loader_and_the_program_were_replaced)
{
    make_token();
    copy_program();
    int status = program_run(
        "./hsm --config conf --pin-fd 0 <pin & pid=$!; ready() { grep -c hsm-worker-ready output; "
        "};"
        "until [ $(ready) = 1 ]; do kill -0 $pid && ! grep -q start-failed output || exit 1; sleep "
        "0.02; done;"
        "for name in ld.so hsm; do cp $name new; mv new $name; done;"
        "kill -9 $(sed -n 's/.*\"hsm-worker-ready\",\"pid\":\\([0-9]*\\).*/\\1/p' output);"
        "until [ $(ready) = 2 ] || grep -q worker-not-startable output; do sleep 0.02; done;"
        "kill $pid; wait $pid");
    ck_assert_msg(status == EXIT_SUCCESS, "%s", program_output);
    ck_assert_msg(program_count("hsm-worker-ready") == 2, "%s", program_output);
}
END_TEST

/* ---- links ---- */

START_TEST(key_to_which_a_link_leads_is_read_at_the_start_as_with_check)
{
    char command[TEMP_PATH_MAX * 2];
    struct temp_dir other;
    temp_dir_make(&other);
    (void)snprintf(command, sizeof command, "mv server.key %s && ln -s %s/server.key .", other.path,
                   other.path);
    ck_assert_int_eq(program_run(command), 0);
    program_write_site();
    ck_assert_int_eq(program_run("$BIN/provisiond --check --config conf"), 0);
    int status = program_run("$BIN/provisiond --config conf & pid=$!; until grep -q "
                             "'\"event\":\"ready\"' output || ! kill -0 $pid; do sleep 0.02; done; "
                             "kill $pid; wait $pid");
    temp_dir_remove(&other);
    ck_assert_msg(status == EXIT_SUCCESS, "%s", program_output);
}
END_TEST

/* ---- a socket that is put to another use ---- */

static char port[8]; /* at which another socket listens */

static int listening(int family)
{
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr_in four = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = family == AF_INET ? (const void *)&four : (const void *)&six;
    ck_assert_int_eq(bind(fd, address, family == AF_INET ? sizeof four : sizeof six), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

static void make_sockets(int family)
{
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    (void)listening(family); /* the one that is found first */
    ck_assert_int_eq(getsockname(listening(family), (struct sockaddr *)&address, &size), 0);
    (void)snprintf(port, sizeof port, "%u", ntohs(address.sin6_port)); /* as in sockaddr_in */
}

/* errno of what was tried by a process that closed this for itself; 0: it could be done. */
static int try_after(unsigned calls, unsigned files, long (*try)(const char *about))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct fault fault = {0};
        bool is_closed = false;
        if (files != 0 && files_close(files, NULL, 0, &is_closed, &fault) != ERR_OK)
            _exit(EXIT_FAILURE + 200);
        if (calls != 0 && calls_close(calls, &fault) != ERR_OK)
            _exit(EXIT_FAILURE + 200);
        _exit(try(port) >= 0 ? 0 : errno);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const int FAMILIES[] = {AF_INET, AF_INET6};

START_TEST(listening_socket_is_put_to_no_other_use_by_calls)
{
    make_sockets(FAMILIES[_i]);
    ck_assert_int_eq(try_after(CALLS_NO_REUSE, 0, try_reconnect), EPERM);
    ck_assert_int_eq(try_after(CALLS_NO_REUSE, 0, try_fastopen), EPERM);
    ck_assert_int_eq(try_after(CALLS_NO_REUSE, 0, try_fastopen_message), EPERM);
    ck_assert_int_eq(try_after(CALLS_NO_REUSE, 0, try_rebind), EPERM);
    ck_assert_int_eq(try_after(CALLS_NO_REUSE, 0, try_relisten), EPERM);
    ck_assert_int_eq(try_after(0, 0, try_reconnect), 0);
}
END_TEST

START_TEST(listening_socket_is_connected_nowhere_where_landlock_knows_networks)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) <
        ABI_WITH_NETWORK)
        return;
    make_sockets(FAMILIES[_i]);
    ck_assert_int_eq(try_after(0, FILES_NETWORK, try_reconnect), EACCES);
    ck_assert_int_eq(try_after(0, FILES_NETWORK, try_rebind), EACCES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/sandbox");
    TCase *tcase = tcase_create("sandbox");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, program_set_up, program_tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, worker_starts_after_the_loader_and_the_program_were_replaced);
    tcase_add_test(tcase, key_to_which_a_link_leads_is_read_at_the_start_as_with_check);
    tcase_add_loop_test(tcase, listening_socket_is_put_to_no_other_use_by_calls, 0, 2);
    tcase_add_loop_test(tcase, listening_socket_is_connected_nowhere_where_landlock_knows_networks,
                        0, 2);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
