/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies of a ledger, and what is left when one is put back and the hand fails between two files:
 * what there is opens as one ledger, or is refused and stays as it was.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/copy.h"
#include "world.h"

#define BLOCK_BYTES 65536

static struct world world;
static char log_path[TEMP_PATH_MAX + 8];
static char shm_path[TEMP_PATH_MAX + 8];
static char copy_path[TEMP_PATH_MAX];
static char away[TEMP_PATH_MAX];

static void setup(void)
{
    struct ledger_issued issued;
    world_make(&world, 20);
    (void)snprintf(log_path, sizeof log_path, "%s-wal", world.path);
    (void)snprintf(shm_path, sizeof shm_path, "%s-shm", world.path);
    temp_dir_path(&world.dir, "copy.db", copy_path);
    temp_dir_path(&world.dir, "away.db", away);
    for (int64_t n = 1; n <= 3; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
}

static void teardown(void)
{
    world_end(&world);
}

static void write_copy(const struct ledger_copy *copy)
{
    static uint8_t block[BLOCK_BYTES];
    int out = open(copy_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = 0;
    ck_assert_int_ge(out, 0);
    for (int64_t at = 0; (n = pread(copy->file, block, sizeof block, at)) > 0; at += n)
        ck_assert_int_eq(write(out, block, (size_t)n), n);
    ck_assert_int_eq(close(out), 0);
}

static void make_copy(void)
{
    struct ledger_copy copy = {.file = -1};
    ck_assert_int_eq(ledger_copy(world.ledger, &copy, &world.fault), ERR_OK);
    write_copy(&copy);
    ledger_copy_clear(&copy);
}

static int64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

/* One more license, by a program that dies and leaves its log. */
static void die_with_a_log(int64_t n)
{
    int status = 0;
    ledger_close(world.ledger);
    world.ledger = NULL;
    pid_t child = fork();
    if (child == 0) {
        struct ledger_issued issued;
        bool is_done = world_open(&world) == ERR_OK && world_issue(&world, n, &issued) == ERR_OK;
        _exit(is_done ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(size_of(log_path), 0);
}

static void refused_for(const char *reason)
{
    int64_t log = size_of(log_path);
    int64_t ledger = size_of(world.path);
    ck_assert_int_eq(world_open(&world), ERR_CONFIG);
    ck_assert_str_eq(world.fault.reason, reason);
    ck_assert_int_eq(size_of(log_path), log);
    ck_assert_int_eq(size_of(world.path), ledger);
}

START_TEST(copy_is_one_file_with_all_that_was_there)
{
    make_copy();
    ledger_close(world.ledger);
    ck_assert_int_eq(rename(copy_path, world.path), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    world_check_account(&world);
    ck_assert_int_eq(world_usage(&world).charged, 3);
}
END_TEST

START_TEST(copy_that_is_put_back_has_a_log_of_its_own_again)
{
    make_copy();
    ledger_close(world.ledger);
    ck_assert_int_eq(rename(copy_path, world.path), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    die_with_a_log(4);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 4);
}
END_TEST

/* SQLite would throw it away, with the license in it. */
START_TEST(log_without_its_ledger_is_refused_and_kept)
{
    die_with_a_log(4);
    ck_assert_int_eq(rename(world.path, away), 0);
    refused_for("log-without-ledger");
    int file = open(world.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(close(file), 0);
    refused_for("log-without-ledger");
    ck_assert_int_eq(rename(away, world.path), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 4);
}
END_TEST

/* SQLite would mix it in. */
START_TEST(log_of_the_ledger_before_is_refused_until_it_is_moved_away)
{
    make_copy();
    die_with_a_log(4);
    ck_assert_int_eq(rename(world.path, away), 0);
    ck_assert_int_eq(rename(copy_path, world.path), 0);
    refused_for("log-of-another");
    ck_assert_int_eq(unlink(log_path), 0);
    ck_assert_int_eq(unlink(shm_path), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 3);
    world_check_account(&world);
}
END_TEST

START_TEST(one_copy_at_a_time_and_what_a_crash_left_goes_at_the_next_start)
{
    char name[TEMP_PATH_MAX + 8];
    struct ledger_copy copy = {.file = -1};
    (void)snprintf(name, sizeof name, "%s.copy", world.path);
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(ledger_copy(world.ledger, &copy, &world.fault), ERR_BUSY);
    ck_assert_str_eq(world.fault.reason, "copy-under-way");
    world_reopen(&world);
    make_copy();
    ck_assert_int_eq(size_of(name), -1);
}
END_TEST

START_TEST(copy_leaves_the_reserve_alone)
{
    struct ledger_copy copy = {.file = -1};
    ledger_set_reserve(world.ledger, INT64_MAX / 4);
    ck_assert_int_eq(ledger_copy(world.ledger, &copy, &world.fault), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, LEDGER_DISK_NEARLY_FULL);
    ck_assert_int_eq(copy.file, -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("put back");
    TCase *tcase = tcase_create("put back");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, copy_is_one_file_with_all_that_was_there);
    tcase_add_test(tcase, copy_that_is_put_back_has_a_log_of_its_own_again);
    tcase_add_test(tcase, log_without_its_ledger_is_refused_and_kept);
    tcase_add_test(tcase, log_of_the_ledger_before_is_refused_until_it_is_moved_away);
    tcase_add_test(tcase, one_copy_at_a_time_and_what_a_crash_left_goes_at_the_next_start);
    tcase_add_test(tcase, copy_leaves_the_reserve_alone);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
