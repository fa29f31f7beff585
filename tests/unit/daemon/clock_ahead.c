/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Loaded before libc into a program whose clock shall run ten years ahead. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEN_YEARS_S (10 * 365 * 86400L)

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, time);
    if (rc == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += TEN_YEARS_S;
    return rc;
}
