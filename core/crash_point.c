/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Test builds only: kills the own process at a chosen step, or stops the thread there. The counter
 * is process-wide. */
#include "core/crash_point.h"

#ifdef PROVISIOND_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US 10000

static bool is_label(const char *wanted, const char *label, long *ret_passing)
{
    size_t length = strlen(label);
    if (strncmp(wanted, label, length) != 0)
        return false;
    *ret_passing = wanted[length] == ':' ? strtol(wanted + length + 1, NULL, 10) : 1;
    return wanted[length] == '\0' || wanted[length] == ':';
}

static void wait_until_gone(const char *path)
{
    while (access(path, F_OK) == 0)
        (void)usleep(LOOK_US);
}

void crash_point(const char *label)
{
    static atomic_long passings;
    long passing = 0;
    const char *wanted = getenv("PROVISIOND_CRASH_AT");
    const char *once = getenv("PROVISIOND_CRASH_ONCE");
    if (wanted == NULL || !is_label(wanted, label, &passing))
        return;
    if (atomic_fetch_add(&passings, 1) + 1 != passing)
        return;
    if (once != NULL && open(once, O_CREAT | O_EXCL | O_CLOEXEC, 0600) < 0)
        return;
    const char *how = getenv("PROVISIOND_CRASH_HOW");
    while (how != NULL && strcmp(how, "hang") == 0)
        (void)pause();
    if (how != NULL && once != NULL && strcmp(how, "wait") == 0) {
        wait_until_gone(once);
        return;
    }
    (void)kill(getpid(), how != NULL && strcmp(how, "stop") == 0 ? SIGSTOP : SIGKILL);
}

#endif
