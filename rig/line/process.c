/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* fork and exec. Owns no state. */
#include "rig/line/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both ends of a pipe, or of nothing. */
struct ends {
    int ours;
    int theirs;
};

static bool open_input(bool wanted, struct ends *ret_ends)
{
    int fds[2];
    if (!wanted) {
        *ret_ends = (struct ends){.ours = -1, .theirs = open("/dev/null", O_RDONLY | O_CLOEXEC)};
        return ret_ends->theirs >= 0;
    }
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    *ret_ends = (struct ends){.ours = fds[1], .theirs = fds[0]};
    return true;
}

static bool open_output(bool wanted, struct ends *ret_ends)
{
    int fds[2];
    if (!wanted) {
        *ret_ends = (struct ends){.ours = -1, .theirs = open("/dev/null", O_WRONLY | O_CLOEXEC)};
        return ret_ends->theirs >= 0;
    }
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *ret_ends = (struct ends){.ours = fds[0], .theirs = fds[1]};
    return true;
}

static void close_end(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

_Noreturn static void become(const struct line_process_options *options, int input, int output,
                             pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    /* Who was orphaned before the line below took effect must not run. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || setpgid(0, 0) != 0 ||
        dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(options->error, STDERR_FILENO) < 0)
        _exit(127);
    (void)execv(options->argv[0], (char *const *)options->argv);
    _exit(127);
}

enum error line_process_start(const struct line_process_options *options,
                              struct line_process *ret_process)
{
    struct ends input = {.ours = -1, .theirs = -1};
    struct ends output = {.ours = -1, .theirs = -1};
    pid_t parent = getpid();
    pid_t pid = -1;
    if (open_input(options->has_input, &input) && open_output(options->has_output, &output))
        pid = fork();
    if (pid == 0)
        become(options, input.theirs, output.theirs, parent);
    if (pid > 0)
        (void)setpgid(pid, pid); /* so that its group exists from here on, whoever is faster */
    close_end(input.theirs);
    close_end(output.theirs);
    if (pid < 0) {
        close_end(input.ours);
        close_end(output.ours);
        return ERR_INTERNAL;
    }
    *ret_process = (struct line_process){.pid = pid, .input = input.ours, .output = output.ours};
    return ERR_OK;
}

void line_process_clear(struct line_process *process)
{
    close_end(process->input);
    close_end(process->output);
    *process = LINE_PROCESS_NONE;
}

static int reap(const struct line_process *process)
{
    int status = -1;
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

void line_process_kill(struct line_process *process)
{
    if (process->pid > 0) {
        (void)kill(-process->pid, SIGKILL);
        (void)reap(process);
    }
    line_process_clear(process);
}

bool line_process_wait(struct line_process *process)
{
    int status = process->pid > 0 ? reap(process) : -1;
    line_process_clear(process);
    return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
