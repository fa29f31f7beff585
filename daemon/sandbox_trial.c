/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Test builds only: one small function for each forbidden thing, and the table of all. Main thread
 * only. */
#include "daemon/sandbox_trial.h"

#ifdef PROVISIOND_CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "daemon/sandbox_try.h"

#define TRIALS_MAX_BYTES 4096
#define PATH_MAX_BYTES   256
#define PAGE_BYTES       4096
#define CHILD_LIMIT_S    10

static const char PROGRAM[] = "/bin/true";
static pid_t parent; /* of the program; set before the first trial */

/* about: a process, or the word for the program's parent */
static pid_t process(const char *about)
{
    return strcmp(about, "parent") == 0 ? parent : (pid_t)strtol(about, NULL, 10);
}

static long open_of_process(const char *about, const char *name)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)process(about), name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Each returns 0 when it could be done, else -1 with errno. `about` is what comes after the colon.
 */

static long try_read(const char *about)
{
    return open(about, O_RDONLY | O_CLOEXEC);
}

static long try_write(const char *about)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s/trial", about);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : unlink(path);
}

static long try_ptrace(const char *about)
{
    return ptrace(PTRACE_SEIZE, process(about), NULL, NULL);
}

static long try_read_memory(const char *about)
{
    return open_of_process(about, "mem");
}

static long try_read_environment(const char *about)
{
    return open_of_process(about, "environ");
}

static long try_process_vm(const char *about)
{
    char byte = 0;
    const struct iovec here = {.iov_base = &byte, .iov_len = 1};
    const struct iovec there = {.iov_base = (void *)(uintptr_t)PROGRAM, .iov_len = 1};
    return process_vm_readv(process(about), &here, 1, &there, 1, 0);
}

static long try_dumpable(const char *about)
{
    (void)about;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* The one that did what it wanted when its parent sees a core file. */
static long try_core(const char *about)
{
    (void)about;
    abort();
}

/* To the user that it is already, which is always allowed elsewhere. */
static long try_setuid(const char *about)
{
    (void)about;
    return syscall(SYS_setuid, getuid());
}

static long try_setgid(const char *about)
{
    (void)about;
    return syscall(SYS_setresgid, getgid(), getgid(), getgid());
}

static long try_unshare(const char *about)
{
    (void)about;
    return unshare(CLONE_NEWUSER);
}

static long try_clone(const char *about)
{
    (void)about;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return pid;
}

/* Where it can be done, it is undone: the machine goes on to use that folder. */
static long try_mount(const char *about)
{
    long result = mount("none", about, "tmpfs", 0, NULL);
    if (result == 0)
        (void)umount2(about, MNT_DETACH);
    return result;
}

static long try_module(const char *about)
{
    (void)about;
    return syscall(SYS_init_module, PROGRAM, sizeof PROGRAM, "");
}

static long try_keyctl(const char *about)
{
    (void)about;
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
}

static long try_bpf(const char *about)
{
    char attribute[PAGE_BYTES] = {0};
    (void)about;
    return syscall(SYS_bpf, 0, attribute, 0);
}

static long try_perf(const char *about)
{
    char attribute[PAGE_BYTES] = {0};
    (void)about;
    return syscall(SYS_perf_event_open, attribute, 0, -1, -1, 0);
}

static long try_userfaultfd(const char *about)
{
    (void)about;
    return syscall(SYS_userfaultfd, 1 /* for user mode only: no privilege is asked */);
}

static long try_io_uring(const char *about)
{
    char parameters[PAGE_BYTES] = {0};
    (void)about;
    return syscall(SYS_io_uring_setup, 1, parameters);
}

static long try_clock(const char *about)
{
    struct timespec now;
    (void)about;
    return clock_gettime(CLOCK_REALTIME, &now) != 0 ? -1 : clock_settime(CLOCK_REALTIME, &now);
}

static const struct trial {
    const char *word;
    long (*try)(const char *about);
} TRIALS[] = {
    {"execve", try_execve},
    {"execveat", try_execveat},
    {"execve-loader", try_execve_loader},
    {"connect", try_connect},
    {"connect-unix", try_connect_unix},
    {"socket-inet6", try_socket_inet6},
    {"socket-netlink", try_socket_netlink},
    {"reconnect", try_reconnect},
    {"fastopen", try_fastopen},
    {"fastopen-message", try_fastopen_message},
    {"rebind", try_rebind},
    {"relisten", try_relisten},
    {"read", try_read},
    {"write", try_write},
    {"ptrace", try_ptrace},
    {"read-memory", try_read_memory},
    {"read-environment", try_read_environment},
    {"process-vm", try_process_vm},
    {"dumpable", try_dumpable},
    {"core", try_core},
    {"writable-code", try_writable_code},
    {"made-code", try_made_code},
    {"memory-code", try_memory_code},
    {"file-code", try_file_code},
    {"patched-code", try_patched_code},
    {"setuid", try_setuid},
    {"setgid", try_setgid},
    {"unshare", try_unshare},
    {"clone", try_clone},
    {"mount", try_mount},
    {"module", try_module},
    {"keyctl", try_keyctl},
    {"bpf", try_bpf},
    {"perf", try_perf},
    {"userfaultfd", try_userfaultfd},
    {"io-uring", try_io_uring},
    {"clock", try_clock},
};

static const struct trial *find(const char *text)
{
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < sizeof TRIALS / sizeof *TRIALS; i++) {
        if (strlen(TRIALS[i].word) == length && strncmp(TRIALS[i].word, text, length) == 0)
            return &TRIALS[i];
    }
    return NULL;
}

static const char *outcome_of(int status, int *ret_native)
{
    *ret_native = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return WCOREDUMP(status) ? "done" : "refused";
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? "killed" : "failed";
    switch (WEXITSTATUS(status)) {
    case 0:
        return "done";
    case EPERM:
    case EACCES:
    case EROFS:
    case ENOSYS:
    case EAFNOSUPPORT:
        return "refused";
    case ENOENT:
    case ESRCH:
        return "absent";
    default:
        return "failed";
    }
}

static const char *run(const struct trial *trial, const char *about, int *ret_native)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(CHILD_LIMIT_S);
        errno = 0;
        _exit(trial->try(about) >= 0 ? 0 : errno);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return "failed";
    return outcome_of(status, ret_native);
}

void sandbox_trial(void)
{
    char text[TRIALS_MAX_BYTES];
    char *rest = text;
    const char *wanted = getenv("PROVISIOND_TRIALS");
    if (wanted == NULL || strlen(wanted) >= sizeof text)
        return;
    (void)strcpy(text, wanted);
    parent = getppid();
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        int native = 0;
        const struct trial *trial = find(word);
        const char *colon = strchr(word, ':');
        const char *outcome =
            trial == NULL ? "unknown" : run(trial, colon == NULL ? "" : colon + 1, &native);
        log_event(LOG_LEVEL_ERROR, "trial", LOG_TEXT("what", word), LOG_TEXT("outcome", outcome),
                  LOG_NUMBER("native", native));
    }
}

#endif
