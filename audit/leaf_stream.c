/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The threads and their ring of chunks. `lock` guards all numbers of struct run and is_ready; a
 * chunk's leaves belong to whoever claimed it until it is ready, and then to the caller's thread
 * until `taken` has passed it. Whoever waits for a chunk waits for work that another thread is
 * doing.
 */
#include "audit/leaf_stream.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define CHUNK_TILES  4
#define CHUNK_LEAVES ((int64_t)CHUNK_TILES * TREE_TILE_WIDTH)
#define THREADS_MAX  32
#define RING_SPARE   2 /* chunks beyond two for each thread */
#define RING_MAX     (2 * THREADS_MAX + RING_SPARE)

struct chunk {
    struct leaf *leaves; /* CHUNK_LEAVES */
    size_t count;
    bool is_ready;
};

struct run {
    const struct leaf_stream *stream;
    int64_t leaves;
    int64_t chunks; /* in all */
    struct chunk ring[RING_MAX];
    int64_t ring_size;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a chunk became ready, or taken moved, or the run is over */
    int64_t claimed;      /* chunks below have somebody who reads them */
    int64_t taken;        /* chunks below were given to the caller */
    bool is_over;
    pthread_t threads[THREADS_MAX];
    unsigned thread_count;
};

/* ---- one chunk ---- */

static struct chunk *chunk_of(struct run *run, int64_t number)
{
    return &run->ring[number % run->ring_size];
}

static void read_tile(const struct run *run, int64_t first, size_t count, struct leaf *leaves)
{
    struct sha256 hashes[TREE_TILE_WIDTH];
    const struct leaf_stream *stream = run->stream;
    for (size_t i = 0; i < count; i++) {
        struct bytes entry = export_leaf(stream->file, first + (int64_t)i);
        leaf_read(entry, first + (int64_t)i, &leaves[i]);
        if (stream->checks_receipts)
            leaf_check_receipt(&leaves[i]);
        if (stream->tree != NULL)
            hashes[i] = tree_leaf_hash(entry);
    }
    if (stream->tree != NULL)
        log_tree_set(stream->tree, first / TREE_TILE_WIDTH, hashes, count);
}

static void read_chunk(struct run *run, int64_t number)
{
    struct chunk *chunk = chunk_of(run, number);
    int64_t first = number * CHUNK_LEAVES;
    int64_t rest = run->leaves - first;
    chunk->count = (size_t)(rest < CHUNK_LEAVES ? rest : CHUNK_LEAVES);
    for (size_t at = 0; at < chunk->count; at += TREE_TILE_WIDTH) {
        size_t left = chunk->count - at;
        read_tile(run, first + (int64_t)at, left < TREE_TILE_WIDTH ? left : TREE_TILE_WIDTH,
                  &chunk->leaves[at]);
    }
}

/* Under lock: the next chunk that may be read, or -1. */
static int64_t claim(struct run *run)
{
    if (run->claimed == run->chunks || run->claimed >= run->taken + run->ring_size)
        return -1;
    return run->claimed++;
}

/* Under lock, which is let go meanwhile. */
static void read_claimed(struct run *run, int64_t number)
{
    (void)pthread_mutex_unlock(&run->lock);
    read_chunk(run, number);
    (void)pthread_mutex_lock(&run->lock);
    chunk_of(run, number)->is_ready = true;
    (void)pthread_cond_broadcast(&run->moved);
}

/* ---- threads ---- */

static void *thread_main(void *argument)
{
    struct run *run = argument;
    (void)pthread_mutex_lock(&run->lock);
    while (!run->is_over && run->claimed < run->chunks) {
        int64_t number = claim(run);
        if (number >= 0)
            read_claimed(run, number);
        else
            (void)pthread_cond_wait(&run->moved, &run->lock);
    }
    (void)pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* The caller's thread reads too when nothing is ready for it, so that fewer threads than wished, or
 * none, are no mistake. */
static struct chunk *wait_for(struct run *run, int64_t number)
{
    struct chunk *chunk = chunk_of(run, number);
    (void)pthread_mutex_lock(&run->lock);
    while (!chunk->is_ready) {
        int64_t claimed = claim(run);
        if (claimed >= 0)
            read_claimed(run, claimed);
        else
            (void)pthread_cond_wait(&run->moved, &run->lock);
    }
    (void)pthread_mutex_unlock(&run->lock);
    return chunk;
}

static void give_back(struct run *run, struct chunk *chunk)
{
    (void)pthread_mutex_lock(&run->lock);
    chunk->is_ready = false;
    run->taken++;
    (void)pthread_cond_broadcast(&run->moved);
    (void)pthread_mutex_unlock(&run->lock);
}

static enum error take_chunk(struct run *run, int64_t number, struct fault *fault)
{
    const struct leaf_stream *stream = run->stream;
    struct chunk *chunk = wait_for(run, number);
    enum error e = ERR_OK;
    for (size_t i = 0; i < chunk->count && e == ERR_OK; i++)
        e = stream->take(stream->context, &chunk->leaves[i], fault);
    int64_t done = number * CHUNK_LEAVES + (int64_t)chunk->count;
    give_back(run, chunk);
    if (e == ERR_OK && stream->on_progress != NULL)
        stream->on_progress(stream->progress_context, (uint64_t)done, (uint64_t)run->leaves);
    return e;
}

/* ---- the run ---- */

static unsigned count_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&cores);
}

static void start_threads(struct run *run, unsigned wished)
{
    while (run->thread_count + 1 < wished &&
           pthread_create(&run->threads[run->thread_count], NULL, thread_main, run) == 0)
        run->thread_count++;
}

static void stop_threads(struct run *run)
{
    (void)pthread_mutex_lock(&run->lock);
    run->is_over = true;
    (void)pthread_cond_broadcast(&run->moved);
    (void)pthread_mutex_unlock(&run->lock);
    for (unsigned i = 0; i < run->thread_count; i++)
        (void)pthread_join(run->threads[i], NULL);
}

static bool make_ring(struct run *run, unsigned threads)
{
    run->ring_size = 2 * (int64_t)threads + RING_SPARE;
    for (int64_t i = 0; i < run->ring_size; i++) {
        run->ring[i].leaves = calloc((size_t)CHUNK_LEAVES, sizeof *run->ring[i].leaves);
        if (run->ring[i].leaves == NULL)
            return false;
    }
    return true;
}

static enum error run_threads(struct run *run, unsigned threads, struct fault *fault)
{
    enum error e = ERR_OK;
    start_threads(run, threads);
    for (int64_t number = 0; number < run->chunks && e == ERR_OK; number++)
        e = take_chunk(run, number, fault);
    stop_threads(run);
    return e;
}

enum error leaf_stream_run(const struct leaf_stream *stream, struct fault *fault)
{
    unsigned threads = stream->threads != 0 ? stream->threads : count_cores();
    struct run run = {.stream = stream,
                      .leaves = export_header(stream->file)->leaves,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .moved = PTHREAD_COND_INITIALIZER};
    run.chunks = (run.leaves + CHUNK_LEAVES - 1) / CHUNK_LEAVES;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    enum error e = make_ring(&run, threads)
                       ? run_threads(&run, threads, fault)
                       : fault_set(fault, ERR_INTERNAL, "memory",
                                   "There is not enough memory for the audit.", 0);
    for (int64_t i = 0; i < run.ring_size; i++)
        free(run.ring[i].leaves);
    return e;
}
