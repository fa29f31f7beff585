/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A bar of the work done. Owns no state. */
#include "cli/audit_progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

#define FIRST_SHOWN_MS 1000
#define REDRAW_MS      200
#define BAR_WIDTH      40

static void draw(void *context, uint64_t done, uint64_t all)
{
    struct audit_progress *progress = context;
    int64_t now = clock_monotonic_ms();
    if (now < progress->next_ms || all == 0)
        return;
    char bar[BAR_WIDTH + 1];
    double part = (double)done / (double)all;
    size_t filled = (size_t)(part * BAR_WIDTH);
    progress->next_ms = now + REDRAW_MS;
    progress->is_drawn = true;
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r[%s] %3d %%", bar, (int)(part * 100));
    (void)fflush(stderr);
}

audit_progress_call audit_progress_begin(struct audit_progress *progress)
{
    *progress = (struct audit_progress){.next_ms = clock_monotonic_ms() + FIRST_SHOWN_MS};
    return isatty(STDERR_FILENO) == 1 ? draw : NULL;
}

void audit_progress_end(struct audit_progress *progress)
{
    if (progress->is_drawn)
        (void)fputs("\r\033[K", stderr);
}
