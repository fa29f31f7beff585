/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The real program as a child. */
#include "provctl.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define ARGV_MAX  64
#define OUT_NAME  "provctl.out"
#define ERR_NAME  "provctl.err"
#define FILE_MODE 0600

extern char **environ;

static pid_t spawn(const char *const *argv, posix_spawn_file_actions_t *actions)
{
    const char *folder = getenv("PROVISIOND_BIN");
    char *full[ARGV_MAX] = {(char[]){"provctl"}};
    char path[512];
    pid_t pid = -1;
    size_t count = 1;
    ck_assert_msg(folder != NULL, "PROVISIOND_BIN is not set");
    (void)snprintf(path, sizeof path, "%s/provctl", folder);
    for (; argv[count - 1] != NULL; count++) {
        ck_assert_uint_lt(count, ARGV_MAX - 1);
        full[count] = (char *)argv[count - 1];
    }
    ck_assert_int_eq(posix_spawn(&pid, path, actions, NULL, full, environ), 0);
    (void)posix_spawn_file_actions_destroy(actions);
    return pid;
}

static void open_at(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags)
{
    ck_assert_int_eq(posix_spawn_file_actions_addopen(actions, fd, path, flags, FILE_MODE), 0);
}

int provctl_wait(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

pid_t provctl_start(const struct temp_dir *dir, int err_fd, const char *const *argv)
{
    posix_spawn_file_actions_t actions;
    char out[TEMP_PATH_MAX];
    temp_dir_path(dir, OUT_NAME, out);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    open_at(&actions, STDIN_FILENO, "/dev/null", O_RDONLY);
    open_at(&actions, STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO), 0);
    return spawn(argv, &actions);
}

void provctl_run(const struct temp_dir *dir, const char *input, const char *const *argv,
                 struct provctl *ret_run)
{
    posix_spawn_file_actions_t actions;
    char out[TEMP_PATH_MAX];
    char err[TEMP_PATH_MAX];
    temp_dir_path(dir, OUT_NAME, out);
    temp_dir_path(dir, ERR_NAME, err);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    open_at(&actions, STDIN_FILENO, input != NULL ? input : "/dev/null", O_RDONLY);
    open_at(&actions, STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
    open_at(&actions, STDERR_FILENO, err, O_WRONLY | O_CREAT | O_TRUNC);
    ret_run->exit = provctl_wait(spawn(argv, &actions));
    ck_assert_int_ge((int)read_file(dir, OUT_NAME, ret_run->out, sizeof ret_run->out), 0);
    ck_assert_int_ge((int)read_file(dir, ERR_NAME, ret_run->err, sizeof ret_run->err), 0);
}

void write_file(const struct temp_dir *dir, const char *name, const void *data, size_t length)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(dir, name, path);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

ssize_t read_file(const struct temp_dir *dir, const char *name, char *out, size_t size)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(dir, name, path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    size_t length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    (void)fclose(file);
    return (ssize_t)length;
}

size_t count_files(const struct temp_dir *dir)
{
    size_t count = 0;
    DIR *folder = opendir(dir->path);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        bool is_own = strcmp(entry->d_name, OUT_NAME) == 0 || strcmp(entry->d_name, ERR_NAME) == 0;
        bool is_link = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        count += !is_own && !is_link;
    }
    (void)closedir(folder);
    return count;
}
