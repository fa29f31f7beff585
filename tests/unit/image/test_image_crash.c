/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A process that dies between the last byte of an image and its name. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "image/draft.h"
#include "image/image_store.h"
#include "support/temp_dir.h"

static struct temp_dir folder;
static char path[TEMP_PATH_MAX];

static void set_up(void)
{
    temp_dir_make(&folder);
    temp_dir_path(&folder, "images", path);
}

static void tear_down(void)
{
    temp_dir_remove(&folder);
}

/* Stores "firmware" with the given kind of draft; runs in a child. */
static int store_firmware(enum error (*draft_new)(struct image_store *, struct image_draft **,
                                                  struct fault *))
{
    struct image_store *store = NULL;
    struct image_draft *draft = NULL;
    struct sha256 digest;
    uint64_t size = 0;
    bool is_stored = image_store_open(path, &store, NULL) == ERR_OK &&
                     draft_new(store, &draft, NULL) == ERR_OK &&
                     write(image_draft_fd(draft), "firmware", 8) == 8 &&
                     image_draft_finish(&draft, &digest, &size, NULL) == ERR_OK;
    image_store_close(store);
    return is_stored ? 0 : 1;
}

/* The wait status of a child that stores, dying at label (NULL: nowhere). */
static int run_child(int kind, const char *label)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (label != NULL)
            (void)setenv("PROVISIOND_CRASH_AT", label, 1);
        _exit(store_firmware(kind == 0 ? image_draft_new_nameless : image_draft_new_named));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static enum error look_up(void)
{
    struct image_store *store = NULL;
    struct sha256 digest = sha256_of(bytes_of("firmware", 8));
    int fd = -1;
    uint64_t size = 0;
    ck_assert_int_eq(image_store_open(path, &store, NULL), ERR_OK);
    enum error code = image_store_open_image(store, &digest, &fd, &size, NULL);
    if (code == ERR_OK)
        ck_assert_int_eq(close(fd), 0);
    image_store_close(store);
    return code;
}

START_TEST(image_is_whole_or_not_there_when_its_writer_dies)
{
    int status = run_child(_i, "image.before-link");
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    ck_assert_int_eq(look_up(), ERR_IMAGE_UNKNOWN);
    ck_assert_int_eq(rmdir(path), 0); /* looking it up removed what was left */
    status = run_child(_i, NULL);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(look_up(), ERR_OK);
}
END_TEST

START_TEST(damaged_image_is_replaced_whole_or_stays_when_its_writer_dies)
{
    struct sha256 digest = sha256_of(bytes_of("firmware", 8));
    char name[SHA256_HEX_SIZE];
    char file[TEMP_PATH_MAX + SHA256_HEX_SIZE];
    struct stat info;
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    (void)snprintf(file, sizeof file, "%s/%s", path, name);
    ck_assert_int_eq(run_child(_i, NULL), 0);
    ck_assert_int_eq(truncate(file, 3), 0);
    int status = run_child(_i, "image.before-replace");
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(look_up(), ERR_OK); /* removes what was left */
    ck_assert_int_eq(stat(file, &info), 0);
    ck_assert_int_eq(info.st_size, 3);
    ck_assert_int_eq(run_child(_i, NULL), 0);
    ck_assert_int_eq(stat(file, &info), 0);
    ck_assert_int_eq(info.st_size, 8);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rmdir(path), 0); /* no draft is left */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image crash");
    TCase *all = tcase_create("crash");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, image_is_whole_or_not_there_when_its_writer_dies, 0, 2);
    tcase_add_loop_test(all, damaged_image_is_replaced_whole_or_stays_when_its_writer_dies, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
