/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Progress. One lock guards is_done; the offset is the kernel's. */
#include "cli/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

#define FIRST_SHOWN_MS 1000
#define REDRAW_MS      200
#define MS_PER_S       1000
#define BAR_WIDTH      40
#define READ_BYTES     65536
#define MIB            (INT64_C(1024) * 1024)

struct job {
    void (*work)(void *context);
    void *context;
    pthread_mutex_t lock; /* guards is_done */
    pthread_cond_t ended;
    bool is_done;
};

static void *job_main(void *argument)
{
    struct job *job = argument;
    job->work(job->context);
    (void)pthread_mutex_lock(&job->lock);
    job->is_done = true;
    (void)pthread_cond_signal(&job->ended);
    (void)pthread_mutex_unlock(&job->lock);
    return NULL;
}

/* True when the job ended within timeout_ms. */
static bool job_wait(struct job *job, int64_t timeout_ms)
{
    const struct timespec until = deadline_timespec(deadline_in(timeout_ms));
    int result = 0;
    (void)pthread_mutex_lock(&job->lock);
    while (!job->is_done && result == 0)
        result = pthread_cond_clockwait(&job->ended, &job->lock, CLOCK_MONOTONIC, &until);
    bool is_done = job->is_done;
    (void)pthread_mutex_unlock(&job->lock);
    return is_done;
}

void progress_format(int64_t done, int64_t size, char out[PROGRESS_LINE_MAX])
{
    char bar[BAR_WIDTH + 1];
    if (done < 0 || size <= 0)
        done = 0;
    if (done > size)
        done = size;
    size_t filled = size > 0 ? (size_t)((double)done / (double)size * BAR_WIDTH) : 0;
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    (void)snprintf(out, PROGRESS_LINE_MAX, "[%s] %3d %%  %" PRId64 " of %" PRId64 " MiB", bar,
                   size > 0 ? (int)((double)done / (double)size * 100) : 0, done / MIB,
                   (size + MIB - 1) / MIB);
}

void progress_format_written(int64_t lines, int64_t bytes, char out[PROGRESS_LINE_MAX])
{
    (void)snprintf(out, PROGRESS_LINE_MAX, "%" PRId64 " lines, %" PRId64 " MiB", lines,
                   bytes / MIB);
}

/* What is looked at while the work goes on. */
struct view {
    const char *what; /* of work that has no descriptor; NULL: fd */
    int64_t begun_ms;
    int fd;
    int64_t size;    /* of a file that is read; -1: it is written */
    int64_t counted; /* bytes of a file that is written, whose lines are counted */
    int64_t lines;
};

/* Counts what came since the last look, as far as it can be read. */
static void count_lines(struct view *view)
{
    char block[READ_BYTES];
    ssize_t n = 0;
    while ((n = pread(view->fd, block, sizeof block, view->counted)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            view->lines += block[i] == '\n';
        view->counted += n;
    }
}

static void draw(struct view *view)
{
    char line[PROGRESS_LINE_MAX];
    if (view->what != NULL) {
        (void)snprintf(line, sizeof line, "%s, %" PRId64 " s", view->what,
                       (clock_monotonic_ms() - view->begun_ms) / MS_PER_S);
    } else if (view->size >= 0) {
        progress_format(lseek(view->fd, 0, SEEK_CUR), view->size, line);
    } else {
        count_lines(view);
        progress_format_written(view->lines, view->counted, line);
    }
    (void)fprintf(stderr, "\r%s", line);
    (void)fflush(stderr);
}

static void run(void (*work)(void *context), void *context, struct view *view)
{
    struct job job = {.work = work,
                      .context = context,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .ended = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    bool is_drawn = false;
    if (!isatty(STDERR_FILENO) || pthread_create(&thread, NULL, job_main, &job) != 0) {
        work(context);
        return;
    }
    for (int64_t pause = FIRST_SHOWN_MS; !job_wait(&job, pause); pause = REDRAW_MS) {
        draw(view);
        is_drawn = true;
    }
    (void)pthread_join(thread, NULL);
    if (is_drawn)
        (void)fputs("\r\033[K", stderr);
}

void progress_run(void (*work)(void *context), void *context, int fd, int64_t size)
{
    struct view view = {.fd = fd, .size = size};
    run(work, context, &view);
}

void progress_run_writing(void (*work)(void *context), void *context, int fd)
{
    struct view view = {.fd = fd, .size = -1};
    run(work, context, &view);
}

void progress_run_unsized(void (*work)(void *context), void *context, const char *what)
{
    struct view view = {.what = what, .begun_ms = clock_monotonic_ms()};
    run(work, context, &view);
}
