/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* proc_pid_smaps(5): Private_Dirty counts no page of a program's file and none of the kernel's. */
#include "e2e/memory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#define PATH_SIZE         320
#define LINE_SIZE         256
#define FIELD             "Private_Dirty:"
#define KIB               1024

#define FLAT_ROUNDS       2
#define MAPPED_FROM_BYTES "65536"
#define SETTLE_US         500000

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

static const char *const NAMES[MEMORY_PARTS] = {"provision-hsm", "provision-hsm's workers",
                                                "provision-vault", "provisiond"};

/* -1: there is no such process, or no more. */
static int64_t find_private_dirty(long pid)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    int64_t kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && kib < 0 && fgets(line, sizeof line, file) != NULL)
        kib =
            strncmp(line, FIELD, strlen(FIELD)) == 0 ? strtoll(line + strlen(FIELD), NULL, 10) : -1;
    if (file != NULL)
        (void)fclose(file);
    return kib < 0 ? -1 : kib * KIB;
}

static int64_t private_dirty(long pid)
{
    int64_t bytes = find_private_dirty(pid);
    ck_assert_msg(bytes >= 0, "process %ld has no " FIELD, pid);
    return bytes;
}

/* Of those that one thread of the program has forked; one that ends meanwhile has none. */
static int64_t private_dirty_of_children(long pid, const char *thread)
{
    char path[PATH_SIZE];
    char child[16];
    int64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%s/children", pid, thread);
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%15s", child) == 1) {
        int64_t bytes = find_private_dirty(strtol(child, NULL, 10));
        sum += bytes > 0 ? bytes : 0;
    }
    if (children != NULL)
        (void)fclose(children);
    return sum;
}

static int64_t private_dirty_of_workers(long pid)
{
    char path[PATH_SIZE];
    struct dirent *thread = NULL;
    int64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", pid);
    DIR *threads = opendir(path);
    ck_assert_ptr_nonnull(threads);
    while ((thread = readdir(threads)) != NULL)
        sum += private_dirty_of_children(pid, thread->d_name);
    (void)closedir(threads);
    return sum;
}

bool memory_is_measurable(void)
{
    return !IS_SANITIZED;
}

void memory_set_up(void)
{
    ck_assert_int_eq(setenv("MALLOC_ARENA_MAX", "1", 1), 0);
    ck_assert_int_eq(setenv("MALLOC_MMAP_THRESHOLD_", MAPPED_FROM_BYTES, 1), 0);
}

void memory_read(const struct rig *rig, struct memory *ret_memory)
{
    *ret_memory =
        (struct memory){.bytes = {
                            [MEMORY_HSM] = private_dirty(rig->pids[RIG_HSM]),
                            [MEMORY_WORKERS] = private_dirty_of_workers(rig->pids[RIG_HSM]),
                            [MEMORY_VAULT] = private_dirty(rig->pids[RIG_VAULT]),
                            [MEMORY_API] = private_dirty(rig->pids[RIG_API]),
                        }};
}

/* ---- rounds ---- */

static void print_round(size_t round, const struct memory *memory)
{
    (void)printf("memory after round %zu:", round);
    for (int i = 0; i < MEMORY_PARTS; i++)
        (void)printf(" %s %" PRId64 " KiB;", NAMES[i], memory->bytes[i] / KIB);
    (void)printf("\n");
    (void)fflush(stdout);
}

/* Beyond what is known to leak. */
static int64_t growth(const struct memory *before, const struct memory *after,
                      enum memory_part part, size_t requests)
{
    int64_t known = part == MEMORY_WORKERS ? MEMORY_SOFTHSM_BYTES * (int64_t)requests : 0;
    return after->bytes[part] - before->bytes[part] - known;
}

bool memory_is_grown(const struct memory *before, const struct memory *after, enum memory_part part,
                     size_t requests)
{
    return growth(before, after, part, requests) > MEMORY_SLACK_BYTES * (int64_t)requests;
}

/* Otherwise names the first part that has changed. */
static bool is_flat(const struct memory *before, const struct memory *after, size_t requests,
                    enum memory_part *changed)
{
    for (enum memory_part i = 0; i < MEMORY_PARTS; i++) {
        if (llabs(growth(before, after, i, requests)) > MEMORY_SLACK_BYTES * (int64_t)requests) {
            *changed = i;
            return false;
        }
    }
    return true;
}

void memory_expect_flat(const struct rig *rig, size_t requests, void (*ask)(size_t round))
{
    struct memory before = {0};
    struct memory after = {0};
    enum memory_part changed = MEMORY_HSM;
    int flat_rounds = 0;
    for (size_t i = 0; i < MEMORY_ROUNDS_MAX && flat_rounds < FLAT_ROUNDS; i++) {
        before = after;
        ask(i);
        (void)usleep(SETTLE_US);
        memory_read(rig, &after);
        print_round(i, &after);
        flat_rounds = is_flat(&before, &after, requests, &changed) ? flat_rounds + 1 : 0;
    }
    ck_assert_msg(flat_rounds == FLAT_ROUNDS, "the memory of %s changes with each round",
                  NAMES[changed]);
}
