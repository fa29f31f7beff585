/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The program itself: arguments, port file, a passed socket, signals. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front.h"
#include "suites.h"

#define LISTEN_FD 3 /* SD_LISTEN_FDS_START */

static char config_path[TEMP_PATH_MAX];
static char port_path[TEMP_PATH_MAX];

static void start(void)
{
    front_configure();
    temp_dir_path(&front.dir, "conf", config_path);
    temp_dir_path(&front.dir, "port", port_path);
    FILE *file = fopen(config_path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file,
                  "[vault]\nsocket = %s\n[api]\nlisten = 127.0.0.1:0\ncertificate = %s\nkey = "
                  "%s\nclient_ca = %s\n",
                  front.config.vault.socket, front.config.api.certificate, front.config.api.key,
                  front.config.api.client_ca);
    ck_assert_int_eq(fclose(file), 0);
}

/* In the child: never returns. socket is passed as the service manager does, or -1. */
static void become_provisiond(const char *config, int socket)
{
    char program[512];
    char pid[16];
    const char *folder = getenv("PROVISIOND_BIN");
    (void)snprintf(program, sizeof program, "%s/provisiond", folder != NULL ? folder : ".");
    if (socket >= 0) {
        (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
        (void)setenv("LISTEN_PID", pid, 1);
        (void)setenv("LISTEN_FDS", "1", 1);
        if (socket == LISTEN_FD)
            (void)fcntl(socket, F_SETFD, 0);
        else
            (void)dup2(socket, LISTEN_FD);
    }
    int quiet = open("/dev/null", O_WRONLY);
    (void)dup2(quiet, STDERR_FILENO);
    (void)execl(program, program, "--config", config, "--port-file", port_path, (char *)NULL);
    _exit(127);
}

static pid_t run(const char *config, int socket)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_provisiond(config, socket);
    return pid;
}

static int exit_status_of(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static unsigned wait_for_port(void)
{
    unsigned port = 0;
    for (;;) {
        FILE *file = fopen(port_path, "re");
        if (file != NULL) {
            ck_assert_int_eq(fscanf(file, "%u", &port), 1);
            (void)fclose(file);
            return port;
        }
        (void)usleep(10 * 1000);
    }
}

static bool is_served(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return is_connected;
}

START_TEST(the_port_file_names_a_served_port_and_a_signal_stops_the_program)
{
    pid_t pid = run(config_path, -1);
    unsigned port = wait_for_port();
    ck_assert(is_served(port));
    ck_assert_int_eq(kill(pid, SIGHUP), 0); /* no reason to stop */
    ck_assert(is_served(port));
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(exit_status_of(pid), EXIT_SUCCESS);
    ck_assert(!is_served(port));
}
END_TEST

START_TEST(a_socket_of_the_service_manager_is_served)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    pid_t pid = run(config_path, fd);
    ck_assert_uint_eq(wait_for_port(), ntohs(address.sin_port));
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(exit_status_of(pid), EXIT_SUCCESS);
    (void)close(fd);
}
END_TEST

START_TEST(a_wrong_configuration_ends_the_program_with_failure)
{
    ck_assert_int_eq(exit_status_of(run("/nonexistent", -1)), EXIT_FAILURE);
    ck_assert_int_eq(truncate(front_pki_path("server", "key"), 10), 0);
    ck_assert_int_eq(exit_status_of(run(config_path, -1)), EXIT_FAILURE);
    ck_assert_int_ne(access(port_path, F_OK), 0);
}
END_TEST

Suite *program_suite(void)
{
    Suite *suite = suite_create("api/program");
    TCase *tcase = tcase_create("program");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, the_port_file_names_a_served_port_and_a_signal_stops_the_program);
    tcase_add_test(tcase, a_socket_of_the_service_manager_is_served);
    tcase_add_test(tcase, a_wrong_configuration_ends_the_program_with_failure);
    suite_add_tcase(suite, tcase);
    return suite;
}
