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

#define SECOND_US    1000000
#define STAT_MAX     1024
#define PATH_SIZE    320
#define FIRST_FIELD  3
#define USER_FIELD   14
#define SYSTEM_FIELD 15
#define WRAP_TIME_MS 1000
#define WRAPPED_MAX  64

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

/* Fields 14 and 15 of proc_pid_stat(5); the text begins with the third. */
static void add_usage(pid_t pid, int64_t *cpu_us)
{
    char text[STAT_MAX];
    char *rest = NULL;
    int number = FIRST_FIELD;
    read_stat(pid, text);
    for (char *field = strtok_r(text, " ", &rest); field != NULL;
         field = strtok_r(NULL, " ", &rest), number++) {
        if (number == USER_FIELD || number == SYSTEM_FIELD)
            *cpu_us += strtoll(field, NULL, 10) * SECOND_US / sysconf(_SC_CLK_TCK);
    }
}

/* Of those that one thread of the program has forked. */
static void add_children(pid_t pid, const char *thread, int64_t *cpu_us)
{
    char path[PATH_SIZE];
    char text[STAT_MAX] = "";
    char *rest = NULL;
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%s/children", (long)pid, thread);
    FILE *children = fopen(path, "re");
    if (children == NULL)
        return;
    if (fgets(text, sizeof text, children) != NULL) {
        for (char *child = strtok_r(text, " ", &rest); child != NULL;
             child = strtok_r(NULL, " ", &rest))
            add_usage((pid_t)strtol(child, NULL, 10), cpu_us);
    }
    (void)fclose(children);
}

static int64_t usage_of(pid_t pid)
{
    char path[PATH_SIZE];
    int64_t cpu_us = 0;
    struct dirent *thread = NULL;
    add_usage(pid, &cpu_us);
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return cpu_us;
    while ((thread = readdir(threads)) != NULL)
        add_children(pid, thread->d_name, &cpu_us);
    (void)closedir(threads);
    return cpu_us;
}

int64_t meter_program_cpu_us(const struct rig *rig, enum rig_program program)
{
    return usage_of(rig->pids[program]);
}

int64_t meter_cpu_us(const struct rig *rig)
{
    int64_t sum = 0;
    for (int i = 0; i < RIG_PROGRAMS; i++)
        sum += usage_of(rig->pids[i]);
    return sum;
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
