/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One child, its standard error, its end. Owns no state. */
#include "cli/objcopy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

#define FD_FOLDER    "/proc/self/fd/"
#define FD_PATH_SIZE 32
#define SAID_MAX     256
#define CHILD_FAILED 127
#define PROGRAM      "objcopy"

struct child {
    pid_t pid;
    int pid_fd;
    int errors; /* the reading end of its standard error */
    deadline_ms deadline;
};

/* ---- the child's side ---- */

/* Its descriptors: the two files, standard error; all others close at exec, ours or inherited. */
static _Noreturn void run_objcopy(int in_fd, int out_fd, int errors)
{
    char in[FD_PATH_SIZE];
    char out[FD_PATH_SIZE];
    char *const argv[] = {(char *)PROGRAM, (char *)"-O", (char *)"ihex", in, out, NULL};
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)snprintf(in, sizeof in, FD_FOLDER "%d", in_fd);
    (void)snprintf(out, sizeof out, FD_FOLDER "%d", out_fd);
    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 &&
        dup2(errors, STDERR_FILENO) >= 0 && fcntl(in_fd, F_SETFD, 0) == 0 &&
        fcntl(out_fd, F_SETFD, 0) == 0 && setenv("LC_ALL", "C", 1) == 0)
        (void)execvp(PROGRAM, argv);
    static const char missing[] = PROGRAM ": cannot be run\n";
    (void)!write(STDERR_FILENO, missing, sizeof missing - 1);
    _exit(CHILD_FAILED);
}

/* ---- our side ---- */

static enum error fail_start(struct failure *failure)
{
    return failure_set_plain(failure, ERR_CONFIG, "objcopy cannot be run: %s", strerror(errno));
}

/* The child's deadline is the caller's to set. */
static enum error start(int in_fd, int out_fd, struct child *ret_child, struct failure *failure)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_start(failure);
    pid_t pid = fork();
    if (pid == 0)
        run_objcopy(in_fd, out_fd, ends[1]);
    (void)close(ends[1]);
    int pid_fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pid_fd < 0) {
        enum error e = fail_start(failure);
        (void)close(ends[0]);
        if (pid > 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
        }
        return e;
    }
    *ret_child = (struct child){.pid = pid, .pid_fd = pid_fd, .errors = ends[0]};
    return ERR_OK;
}

/* False when the deadline passed first. */
static bool wait_for(const struct child *child, int fd)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    int ready = 0;
    do {
        ready = poll(&watched, 1, deadline_left_ms(child->deadline));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Keeps the beginning of what it says; what follows is read and forgotten, so that it never waits
 * for us. */
static bool listen_until_closed(const struct child *child, char said[SAID_MAX])
{
    char rest[SAID_MAX];
    size_t length = 0;
    ssize_t n = 1;
    said[0] = '\0';
    while (n > 0) {
        bool is_full = length == SAID_MAX - 1;
        if (!wait_for(child, child->errors))
            return false;
        n = is_full ? read(child->errors, rest, sizeof rest)
                    : read(child->errors, said + length, SAID_MAX - 1 - length);
        if (n > 0 && !is_full)
            length += (size_t)n;
        said[length] = '\0';
    }
    return true;
}

/* The exit status as waitpid gives it; -1 after the deadline. */
static int finish(struct child *child, char said[SAID_MAX])
{
    int status = -1;
    bool is_ended = listen_until_closed(child, said) && wait_for(child, child->pid_fd);
    if (!is_ended)
        (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)close(child->errors);
    (void)close(child->pid_fd);
    return is_ended ? status : -1;
}

/* The first line, without the program's name and with words for the names of descriptors. */
static void make_readable(const char *said, char out[SAID_MAX])
{
    static const char own_name[] = PROGRAM ": ";
    size_t length = 0;
    if (strncmp(said, own_name, sizeof own_name - 1) == 0)
        said += sizeof own_name - 1;
    while (*said != '\0' && *said != '\n' && length < SAID_MAX - sizeof "the file") {
        if (strncmp(said, FD_FOLDER, sizeof FD_FOLDER - 1) != 0) {
            out[length++] = *said++;
            continue;
        }
        said += sizeof FD_FOLDER - 1;
        said += strspn(said, "0123456789");
        length += (size_t)snprintf(out + length, SAID_MAX - length, "the file");
    }
    out[length] = '\0';
}

enum error objcopy_to_hex(int in_fd, int out_fd, const char *name, int timeout_ms,
                          struct failure *failure)
{
    struct child child = {0};
    char said[SAID_MAX] = "";
    char words[SAID_MAX];
    enum error e = start(in_fd, out_fd, &child, failure);
    if (e != ERR_OK)
        return e;
    child.deadline = deadline_in(timeout_ms);
    int status = finish(&child, said);
    make_readable(said, words);
    if (status == -1)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "objcopy did not turn %s into Intel HEX within %d s; it was ended",
                                 name, timeout_ms / 1000);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FAILED)
        return failure_set_plain(failure, ERR_CONFIG,
                                 "objcopy is needed to read %s, and is not in PATH. Install the "
                                 "package binutils, or give a flat binary with --address",
                                 name);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST,
                                 "objcopy cannot turn %s into Intel HEX: %s", name,
                                 words[0] != '\0' ? words : "it gave no reason");
    return ERR_OK;
}
