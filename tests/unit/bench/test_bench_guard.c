/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What is left of a bench that ends, fails or is interrupted. */
#include "bench/guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/run.h"
#include "support/temp_dir.h"

#define LOOK_US 10000
#define LOOKS   1000

static struct temp_dir dir;
static char note[TEMP_PATH_MAX];

static void setup(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "note", note);
    ck_assert_int_eq(setenv("TMPDIR", dir.path, 1), 0);
}

static void teardown(void)
{
    temp_dir_remove(&dir);
}

static size_t count_folders(void)
{
    size_t count = 0;
    struct dirent *entry = NULL;
    DIR *folder = opendir(dir.path);
    ck_assert_ptr_nonnull(folder);
    while ((entry = readdir(folder)) != NULL)
        count += strncmp(entry->d_name, "provisiond-bench-", strlen("provisiond-bench-")) == 0;
    (void)closedir(folder);
    return count;
}

static long noted_pid(void)
{
    long pid = 0;
    FILE *file = fopen(note, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld.", &pid) != 1)
        pid = 0;
    (void)fclose(file);
    return pid;
}

static bool lives(long pid)
{
    return kill((pid_t)pid, 0) == 0;
}

/* A grandchild in a session of its own, as a rig's programs are. */
static void leave_a_program(void)
{
    char command[TEMP_PATH_MAX + 128];
    (void)snprintf(command, sizeof command,
                   "touch $PROVISIOND_TEST_DIR/file; setsid sh -c 'echo $$ >%s; exec sleep 600' &",
                   note);
    ck_assert_int_eq(system(command), 0);
    for (int i = 0; i < LOOKS && noted_pid() == 0; i++)
        (void)usleep(LOOK_US);
}

static int work_and_fail(void *context)
{
    leave_a_program();
    return *(int *)context;
}

static int work_for_ever(void *context)
{
    leave_a_program();
    (void)kill(*(pid_t *)context, SIGINT);
    (void)pause();
    return 0;
}

START_TEST(work_that_fails_leaves_no_process_and_no_folder)
{
    int status = 7;
    ck_assert_int_eq(guard_run(work_and_fail, &status, 0), 7);
    ck_assert_int_gt(noted_pid(), 0);
    ck_assert(!lives(noted_pid()));
    ck_assert_uint_eq(count_folders(), 0);
}
END_TEST

START_TEST(interrupted_work_leaves_no_process_and_no_folder)
{
    pid_t self = getpid();
    ck_assert_int_eq(guard_run(work_for_ever, &self, 0), GUARD_INTERRUPTED + SIGINT);
    ck_assert_int_gt(noted_pid(), 0);
    ck_assert(!lives(noted_pid()));
    ck_assert_uint_eq(count_folders(), 0);
}
END_TEST

START_TEST(work_whose_time_is_up_leaves_no_process_and_no_folder)
{
    pid_t nobody = 0x7fffffff;
    ck_assert_int_eq(guard_run(work_for_ever, &nobody, 1), GUARD_LATE);
    ck_assert(noted_pid() == 0 || !lives(noted_pid()));
    ck_assert_uint_eq(count_folders(), 0);
}
END_TEST

START_TEST(no_work_is_done_without_a_folder)
{
    int status = 0;
    ck_assert_int_eq(setenv("TMPDIR", "/nowhere", 1), 0);
    ck_assert_int_eq(guard_run(work_and_fail, &status, 0), EXIT_FAILURE);
    ck_assert_int_eq(noted_pid(), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {work_that_fails_leaves_no_process_and_no_folder,
                            interrupted_work_leaves_no_process_and_no_folder,
                            work_whose_time_is_up_leaves_no_process_and_no_folder,
                            no_work_is_done_without_a_folder, NULL};
    return run_suite(&(struct run_case){
        .name = "guard", .set_up = setup, .tear_down = teardown, .timeout_s = 30, .tests = tests});
}
