/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* proc(5), and raw PKCS#11. */
#include "meter.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"
#include "rig_token.h"

#define SECOND_US             1000000
#define STAT_MAX              1024
#define PATH_SIZE             320
#define FIRST_FIELD           3
#define USER_FIELD            14
#define CHILDREN_SYSTEM_FIELD 17
#define PSS_FIELD             "Pss:"
#define PID_SIZE              16
#define KIB                   1024
#define WRAP_TIME_MS          1000
#define WRAPPED_MAX           64

/* What stands behind the closing bracket of /proc/PID/stat, or "" when it is gone. */
static void read_stat(pid_t pid, char out[STAT_MAX])
{
    char path[PATH_SIZE];
    char text[STAT_MAX] = "";
    out[0] = '\0';
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(text, sizeof text, file) != NULL && strrchr(text, ')') != NULL)
        (void)snprintf(out, STAT_MAX, "%s", strrchr(text, ')') + 2);
    (void)fclose(file);
}

/* Fields 14 to 17 of proc_pid_stat(5): its own time, and that of the children it has waited for.
 * The text begins with the third. */
static int64_t cpu_us_of(pid_t pid)
{
    char text[STAT_MAX];
    char *rest = NULL;
    int64_t ticks = 0;
    int number = FIRST_FIELD;
    read_stat(pid, text);
    for (char *field = strtok_r(text, " ", &rest); field != NULL;
         field = strtok_r(NULL, " ", &rest), number++) {
        if (number >= USER_FIELD && number <= CHILDREN_SYSTEM_FIELD)
            ticks += strtoll(field, NULL, 10);
    }
    return ticks * SECOND_US / sysconf(_SC_CLK_TCK);
}

/* The share of it in memory: what several have in common is divided among them. */
static int64_t pss_bytes_of(pid_t pid)
{
    char path[PATH_SIZE];
    char line[STAT_MAX];
    int64_t kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, PSS_FIELD, strlen(PSS_FIELD)) == 0)
            kib += strtoll(line + strlen(PSS_FIELD), NULL, 10);
    }
    if (file != NULL)
        (void)fclose(file);
    return kib * KIB;
}

/* Of those that one thread of the program has forked. */
static int64_t sum_children(pid_t pid, const char *thread, int64_t (*measure)(pid_t pid))
{
    char path[PATH_SIZE];
    char child[PID_SIZE];
    int64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%s/children", (long)pid, thread);
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%15s", child) == 1)
        sum += measure((pid_t)strtol(child, NULL, 10));
    if (children != NULL)
        (void)fclose(children);
    return sum;
}

static int64_t sum_of(pid_t pid, int64_t (*measure)(pid_t pid))
{
    char path[PATH_SIZE];
    int64_t sum = measure(pid);
    struct dirent *thread = NULL;
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *threads = opendir(path);
    while (threads != NULL && (thread = readdir(threads)) != NULL)
        sum += sum_children(pid, thread->d_name, measure);
    if (threads != NULL)
        (void)closedir(threads);
    return sum;
}

int64_t meter_process_cpu_us(pid_t pid)
{
    return sum_of(pid, cpu_us_of);
}

int64_t meter_program_cpu_us(const struct rig *rig, enum rig_program program)
{
    return sum_of(rig->pids[program], cpu_us_of);
}

int64_t meter_cpu_us(const struct rig *rig)
{
    int64_t sum = 0;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        sum += meter_program_cpu_us(rig, (enum rig_program)i);
    return sum;
}

int64_t meter_program_pss_bytes(const struct rig *rig, enum rig_program program)
{
    return sum_of(rig->pids[program], pss_bytes_of);
}

/* ---- the bare token ---- */

double meter_bare_wraps_per_s(const struct rig *rig)
{
    struct token token;
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    unsigned char wrapped[WRAPPED_MAX];
    int64_t wraps = 0;
    rig_token_open(rig, &token);
    CK_OBJECT_HANDLE kek = rig_token_make_key(&token, CKA_WRAP, false);
    CK_OBJECT_HANDLE key = rig_token_make_key(&token, CKA_ENCRYPT, true);
    int64_t start = clock_monotonic_us();
    for (deadline_ms end = deadline_in(WRAP_TIME_MS); deadline_left_ms(end) > 0; wraps++) {
        CK_ULONG length = sizeof wrapped;
        ck_assert_uint_eq(
            token.call->C_WrapKey(token.session, &mechanism, kek, key, wrapped, &length), CKR_OK);
    }
    int64_t took_us = clock_monotonic_us() - start;
    token_close(&token);
    return (double)wraps * SECOND_US / (double)took_us;
}
