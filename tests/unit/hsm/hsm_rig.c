/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Runs provision-hsm for tests. */
#include "hsm_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIN_FD   9
#define PAUSE_MS 20

void hsm_rig_pause(int ms)
{
    (void)poll(NULL, 0, ms);
}

void hsm_rig_make(struct hsm_rig *rig)
{
    *rig = (struct hsm_rig){.workers = 2,
                            .recycle_after = 200000,
                            .recycle_mb = 128,
                            .call_timeout_ms = 2000,
                            .module_arguments = ""};
    temp_dir_make(&rig->dir);
    softhsm_make(&rig->dir, &rig->token);
    rig->module = rig->token.module;
    rig->label = rig->token.token;
    rig->state = rig->dir.path;
    rig->pin_file = rig->token.pin_file;
    temp_dir_path(&rig->dir, "hsm.sock", rig->socket);
    temp_dir_path(&rig->dir, "log", rig->log);
}

static void write_config(struct hsm_rig *rig)
{
    char text[2048];
    int n = snprintf(text, sizeof text,
                     "[hsm]\nmodule = %s\ntoken = %s\nsocket = %s\nclient_user = root\n"
                     "workers = %u\ncall_timeout_ms = %u\nrecycle_after = %u\n"
                     "recycle_mb = %u\nstate = %s\n%s%s\n",
                     rig->module, rig->label, rig->socket, rig->workers, rig->call_timeout_ms,
                     rig->recycle_after, rig->recycle_mb, rig->state,
                     rig->module_arguments[0] ? "module_arguments = " : "", rig->module_arguments);
    ck_assert_int_lt(n, (int)sizeof text);
    softhsm_write_file(&rig->dir, "provisiond.conf", text, rig->config);
}

static void spawn_master(struct hsm_rig *rig)
{
    static char config_option[] = "--config";
    static char pin_option[] = "--pin-fd";
    static char pin_number[] = "9";
    char program[512];
    const char *folder = getenv("PROVISIOND_BIN");
    ck_assert_ptr_nonnull(folder);
    (void)snprintf(program, sizeof program, "%s/provision-hsm", folder);
    char *arguments[] = {program, config_option, rig->config, pin_option, pin_number, NULL};
    if (rig->pin_file == NULL)
        arguments[3] = NULL;
    posix_spawn_file_actions_t actions;
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, rig->log,
                                           O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (rig->pin_file != NULL)
        (void)posix_spawn_file_actions_addopen(&actions, PIN_FD, rig->pin_file, O_RDONLY, 0);
    ck_assert_int_eq(posix_spawn(&rig->master, program, &actions, NULL, arguments, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
}

/* The socket file is there a moment before anybody listens. */
static bool is_listening(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    bool is_open = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return is_open;
}

void hsm_rig_start(struct hsm_rig *rig)
{
    write_config(rig);
    spawn_master(rig);
    if (rig->client == NULL)
        ck_assert_int_eq(hsm_client_new(rig->socket, &rig->client), ERR_OK);
    for (int waited = 0; !is_listening(rig->socket); waited += PAUSE_MS) {
        ck_assert_int_lt(waited, RIG_WAIT_MS);
        hsm_rig_pause(PAUSE_MS);
    }
}

void hsm_rig_run(struct hsm_rig *rig)
{
    hsm_rig_make(rig);
    hsm_rig_start(rig);
    hsm_rig_await_workers(rig, rig->workers);
}

void hsm_rig_kill_master(struct hsm_rig *rig)
{
    ck_assert_int_eq(kill(rig->master, SIGKILL), 0);
    ck_assert_int_eq(waitpid(rig->master, NULL, 0), rig->master);
    (void)unlink(rig->socket);
    rig->master = 0;
}

void hsm_rig_await_crash(struct hsm_rig *rig)
{
    int status = 0;
    for (int waited = 0; waitpid(rig->master, &status, WNOHANG) == 0; waited += PAUSE_MS) {
        ck_assert_msg(waited < RIG_WAIT_MS, "the master did not crash");
        hsm_rig_pause(PAUSE_MS);
    }
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)unlink(rig->socket);
    rig->master = 0;
}

static void print_log(const struct hsm_rig *rig)
{
    char line[1024];
    FILE *log = fopen(rig->log, "re");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        (void)fputs(line, stderr);
    if (log != NULL)
        (void)fclose(log);
}

void hsm_rig_remove(struct hsm_rig *rig)
{
    int status = 0;
    hsm_client_free(rig->client);
    if (rig->master != 0) {
        ck_assert_int_eq(kill(rig->master, SIGTERM), 0);
        ck_assert_int_eq(waitpid(rig->master, &status, 0), rig->master);
    }
    if (status != 0)
        print_log(rig);
    ck_assert_int_eq(status, 0);
    /* A sanitizer's report of a worker would be there too. */
    ck_assert_uint_eq(hsm_rig_count_events(rig, "Sanitizer"), 0);
    temp_dir_remove(&rig->dir);
}

void hsm_rig_await_workers(struct hsm_rig *rig, unsigned ready)
{
    struct hsm_status status = {0};
    struct fault fault;
    for (int waited = 0; waited < RIG_WAIT_MS; waited += PAUSE_MS) {
        if (hsm_status(rig->client, &status, &fault) == ERR_OK && status.workers_ready == ready)
            return;
        hsm_rig_pause(PAUSE_MS);
    }
    print_log(rig);
    ck_abort_msg("only %u workers are ready", status.workers_ready);
}

struct fault hsm_rig_await_code(struct hsm_rig *rig, enum error code)
{
    struct hsm_status status;
    struct fault fault;
    for (int waited = 0; waited < RIG_WAIT_MS; waited += PAUSE_MS) {
        if (hsm_status(rig->client, &status, &fault) == code && fault.reason[0] == 't')
            return fault;
        if (fault.code == code && strcmp(fault.reason, "no-worker") != 0 &&
            strcmp(fault.reason, "hsm-unreachable") != 0)
            return fault;
        hsm_rig_pause(PAUSE_MS);
    }
    print_log(rig);
    ck_abort_msg("the code never came");
}

size_t hsm_rig_workers(const struct hsm_rig *rig, pid_t workers[RIG_WORKERS_MAX])
{
    char path[64];
    size_t count = 0;
    long child = 0;
    /* Any thread of the master may be the one that started a worker: ask the whole table. */
    (void)snprintf(path, sizeof path, "ps -o pid= --ppid %d", (int)rig->master);
    FILE *list = popen(path, "re");
    ck_assert_ptr_nonnull(list);
    while (count < RIG_WORKERS_MAX && fscanf(list, "%ld", &child) == 1)
        workers[count++] = (pid_t)child;
    (void)pclose(list);
    return count;
}

void hsm_rig_await_end(pid_t process)
{
    for (int waited = 0; kill(process, 0) == 0; waited += PAUSE_MS) {
        ck_assert_int_lt(waited, RIG_WAIT_MS);
        hsm_rig_pause(PAUSE_MS);
    }
    ck_assert_int_eq(errno, ESRCH);
}

unsigned hsm_rig_count_events(const struct hsm_rig *rig, const char *event)
{
    char line[4096];
    unsigned count = 0;
    FILE *log = fopen(rig->log, "re");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        count += strstr(line, event) != NULL;
    if (log != NULL)
        (void)fclose(log);
    return count;
}

void hsm_rig_await_event(const struct hsm_rig *rig, const char *event)
{
    for (int waited = 0; hsm_rig_count_events(rig, event) == 0; waited += PAUSE_MS) {
        ck_assert_msg(waited < RIG_WAIT_MS, "no %s in the log", event);
        hsm_rig_pause(PAUSE_MS);
    }
}

void hsm_rig_make_keys(struct hsm_rig *rig, unsigned key_bytes, struct rig_keys *ret_keys)
{
    struct fault fault = {0};
    memset(&ret_keys->firmware_key, 0x41, sizeof ret_keys->firmware_key);
    ck_assert_msg(hsm_generate_firmware_key(rig->client, &ret_keys->firmware_key,
                                            "provisiond-fk:test", &fault) == ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    ck_assert_msg(hsm_generate_session_key(rig->client, &ret_keys->firmware_key, key_bytes,
                                           &ret_keys->session_key, &fault) == ERR_OK,
                  "%s %lx", fault.reason, fault.native);
}

struct hsm_encryption hsm_rig_encryption(const struct rig_keys *keys, int clear_fd, int cipher_fd)
{
    return (struct hsm_encryption){.firmware_key = keys->firmware_key,
                                   .session_key = keys->session_key,
                                   .cipher = HSM_AES_GCM,
                                   .clear_fd = clear_fd,
                                   .cipher_fd = cipher_fd};
}

int hsm_rig_make_file(const void *data, size_t length)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

int hsm_rig_run_tests(TCase *tests)
{
    Suite *suite = suite_create("hsm");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 240);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
