/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* prctl(2): a subreaper gets the orphans of its descendants. */
#include "guard.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER     "/provisiond-bench-XXXXXX"
#define PLACE      "/var/tmp"
#define PATH_SIZE  256
#define PID_SIZE   16
#define OPEN_MAX   16
#define ROUND_US   20000
#define ROUNDS_MAX 500 /* ten seconds: a process in the kernel's hands dies late */

static volatile sig_atomic_t caught;

static void note_signal(int signal)
{
    caught = signal;
}

static void catch_all(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    (void)sigaction(SIGALRM, &action, NULL);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/* True while there was one. */
static bool kill_children(void)
{
    char path[PATH_SIZE];
    char pid[PID_SIZE];
    bool is_found = false;
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%15s", pid) == 1) {
        is_found = true;
        (void)kill((pid_t)strtol(pid, NULL, 10), SIGKILL);
    }
    if (children != NULL)
        (void)fclose(children);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    return is_found;
}

/* Whose children become ours when they die: as long as there are any. */
static void end_descendants(void)
{
    for (int i = 0; i < ROUNDS_MAX && kill_children(); i++)
        (void)usleep(ROUND_US);
}

static bool make_folder(char folder[PATH_SIZE])
{
    const char *place = getenv("TMPDIR");
    (void)snprintf(folder, PATH_SIZE, "%s" FOLDER,
                   place != NULL && place[0] != '\0' ? place : PLACE);
    if (mkdtemp(folder) != NULL)
        return true;
    (void)fprintf(stderr, "bench: %s cannot be made: %s\n", folder, strerror(errno));
    return false;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (caught == 0 && waitpid(pid, &status, 0) != pid)
        continue;
    if (caught != 0)
        return GUARD_INTERRUPTED + caught;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static void be_worker(int (*work)(void *context), void *context, const char *folder)
{
    catch_all(SIG_DFL);
    (void)setpgid(0, 0); /* Ctrl-C is for this process's parent, who ends it in order */
    if (setenv("PROVISIOND_TEST_DIR", folder, 1) != 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(EXIT_FAILURE);
    int status = work(context);
    (void)fflush(NULL);
    _exit(status);
}

int guard_run(int (*work)(void *context), void *context, unsigned seconds)
{
    char folder[PATH_SIZE];
    caught = 0;
    if (!make_folder(folder))
        return EXIT_FAILURE;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    catch_all(note_signal);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_worker(work, context, folder);
    (void)alarm(seconds);
    int status = pid > 0 ? wait_for(pid) : EXIT_FAILURE;
    (void)alarm(0);
    end_descendants();
    (void)nftw(folder, remove_entry, OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    catch_all(SIG_DFL);
    return status;
}
