/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ledger of an older version becomes one of this version: with every row, kept as it was under
 * another name, and whole whenever the program is killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "old_ledger.h"
#include "ledger/sqlite_schema.h"
#include "support/sizes.h"
#include "world.h"

#define FULL_AT_BYTES   65536
#define USER_VERSION_AT 60    /* of a database, in four bytes */
#define MANY            16000 /* installs with the longest licenses: 64 MB of them */
#define MEMORY_MAX      ((sqlite3_int64)96 * 1024 * 1024)

static struct world world;
static char modern[TEMP_PATH_MAX]; /* what was there before it was made old */
static char kept[TEMP_PATH_MAX + 16];
static char copy[TEMP_PATH_MAX + 16];

static void close_world(void)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
}

/* Two images of one device, outcomes, a spare station, and a quota that is nearly spent. */
static void setup(void)
{
    struct ledger_issued issued;
    world_make(&world, 4);
    temp_dir_path(&world.dir, "modern.db", modern);
    (void)snprintf(kept, sizeof kept, "%s.v3", world.path);
    (void)snprintf(copy, sizeof copy, "%s.migrating", world.path);
    int64_t second = world_add_image(&world, 2);
    const struct ledger_device device = world_device(1);
    for (int64_t n = 1; n <= 3; n++) {
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
        ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
    }
    ck_assert_int_eq(world_issue_image(&world, &device, second, &issued), ERR_OK);
    ck_assert_int_eq(world_switch(&world, "st-2", false), ERR_OK);
    close_world();
    old_ledger_make(3, world.path, modern);
}

static void teardown(void)
{
    world_end(&world);
}

static int64_t version_of(const char *path)
{
    struct world other = world;
    (void)snprintf(other.path, sizeof other.path, "%s", path);
    return world_number(&other, "PRAGMA user_version");
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Nothing is missing or changed but the leaves and the log of the starts since. */
static void assert_rows_as_before(void)
{
    static const char *const TABLES[] = {"product",       "anchors",  "image",       "principal",
                                         "principal_key", "device",   "charge",      "install",
                                         "budget",        "document", "firmware_key"};
    char sql[512];
    sqlite3 *db = world_raw(&world);
    sqlite3_stmt *row = NULL;
    (void)sqlite3_snprintf(sizeof sql, sql, "ATTACH %Q AS modern", modern);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        (void)sqlite3_snprintf(sizeof sql, sql,
                               "SELECT (SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT "
                               "* FROM modern.%s)) + (SELECT count(*) FROM (SELECT * FROM "
                               "modern.%s EXCEPT SELECT * FROM main.%s))",
                               TABLES[i], TABLES[i], TABLES[i], TABLES[i]);
        ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
        ck_assert_msg(sqlite3_column_int(row, 0) == 0, "%s: %d rows differ", TABLES[i],
                      sqlite3_column_int(row, 0));
        (void)sqlite3_finalize(row);
    }
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(older_ledger_goes_on_with_every_row)
{
    struct ledger_issued issued;
    ck_assert_int_eq(version_of(world.path), 3);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    assert_rows_as_before();
    world_check_account(&world);
    ck_assert_int_eq(version_of(world.path), SCHEMA_VERSION);
    ck_assert(!exists(copy));
    /* It serves: a stored license, the last unit, and none beyond. */
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
    ck_assert_int_eq(world_issue(&world, 4, &issued), ERR_OK);
    ck_assert_int_eq(world_issue(&world, 5, &issued), ERR_QUOTA_SPENT);
    world_reopen(&world);
    world_check_account(&world);
}
END_TEST

START_TEST(ledger_of_one_version_before_goes_on_with_every_row)
{
    struct ledger_issued issued;
    ck_assert_int_eq(unlink(world.path), 0);
    ck_assert_int_eq(rename(modern, world.path), 0);
    old_ledger_make(4, world.path, modern);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    assert_rows_as_before();
    world_check_account(&world);
    ck_assert_int_eq(version_of(world.path), SCHEMA_VERSION);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
}
END_TEST

/* A step and the tables of a new ledger say the same in the same words. */
START_TEST(migrated_tables_are_those_of_a_new_ledger)
{
    /* schema_3.sql has line ends where the program has none. */
    static const char SCHEMA[] =
        "WITH here AS (SELECT type, name, tbl_name, replace(sql, char(10), '') FROM "
        "main.sqlite_schema), there AS (SELECT type, name, tbl_name, replace(sql, char(10), '') "
        "FROM modern.sqlite_schema) SELECT (SELECT count(*) FROM (SELECT * FROM here EXCEPT SELECT "
        "* FROM there)) + (SELECT count(*) FROM (SELECT * FROM there EXCEPT SELECT * FROM here))";
    char sql[512];
    ck_assert_int_eq(world_open(&world), ERR_OK);
    sqlite3 *db = world_raw(&world);
    sqlite3_stmt *row = NULL;
    (void)sqlite3_snprintf(sizeof sql, sql, "ATTACH %Q AS modern", modern);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, SCHEMA, -1, &row, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int(row, 0), 0);
    (void)sqlite3_finalize(row);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(old_file_is_kept_and_is_the_way_back)
{
    ck_assert_int_eq(world_open(&world), ERR_OK);
    close_world();
    ck_assert_int_eq(version_of(kept), 3);
    /* The way back, as docs/disaster.md has it; and forth once more. */
    ck_assert_int_eq(rename(kept, world.path), 0);
    ck_assert_int_eq(version_of(world.path), 3);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    assert_rows_as_before();
    ck_assert_int_eq(version_of(kept), 3);
}
END_TEST

START_TEST(another_file_under_the_kept_name_is_not_replaced)
{
    int fd = open(kept, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(world_open(&world), ERR_CONFIG);
    ck_assert_str_eq(world.fault.reason, "schema-kept");
    ck_assert_int_eq(version_of(world.path), 3);
    ck_assert(!exists(copy));
    ck_assert_int_eq(unlink(kept), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
}
END_TEST

START_TEST(ledger_that_cannot_be_migrated_stays_as_it_was)
{
    ck_assert_int_eq(world_execute(&world, "DROP TABLE install"), SQLITE_OK);
    ck_assert_int_eq(world_open(&world), ERR_CONFIG);
    ck_assert_str_eq(world.fault.reason, "migration-failed");
    ck_assert_int_eq(version_of(world.path), 3);
    ck_assert(!exists(copy));
    ck_assert(!exists(kept));
    ck_assert_int_eq(rename(modern, world.path), 0);
}
END_TEST

/* One device with an install of each of many images. */
static void make_large(void)
{
    char sql[2048];
    (void)snprintf(
        sql, sizeof sql,
        "CREATE TEMP TABLE number AS WITH RECURSIVE n (i) AS (VALUES (100) UNION ALL SELECT i + 1 "
        "FROM n WHERE i < %d) SELECT i FROM n;"
        "INSERT INTO image (id, product_id, digest, size, label, session_key, iv, tag, "
        "created_unix_ms, is_enabled) SELECT i, m.product_id, randomblob(32), 1, 'many', "
        "randomblob(16), x'00', zeroblob(16), 1, 1 FROM number, image m WHERE m.id = 1;"
        "INSERT INTO install (uuid, device_id, image_id, principal_id, charge_id, leaf, license, "
        "licensed_unix_ms, attempted_unix_ms, lot, line, work_order, operator, socket) SELECT "
        "randomblob(16), o.device_id, i, o.principal_id, o.charge_id, o.leaf, randomblob(4096), "
        "o.licensed_unix_ms, o.attempted_unix_ms, '', '', '', '', '' FROM number, install o WHERE "
        "o.id = 1",
        MANY + 99);
    ck_assert_int_eq(world_execute(&world, sql), SQLITE_OK);
}

START_TEST(memory_is_bounded_however_large_the_ledger_is)
{
    make_large();
    (void)sqlite3_memory_highwater(1);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    sqlite3_int64 used = sqlite3_memory_highwater(0);
    ck_assert_int_gt(used, 0);
    ck_assert_int_lt(used, MEMORY_MAX);
    ck_assert_int_eq(world_number(&world, "SELECT count(*) >= 16000 AND sum(is_charged) = 3 AND "
                                          "sum(id = 1 AND is_charged) = 1 FROM install"),
                     1);
}
END_TEST

/* ---- killed and full ---- */

static int open_in_child(void (*prepare)(const char *label), const char *label, useconds_t kill_us)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = NULL;
        struct fault fault;
        prepare(label);
        enum error e = ledger_open(world.path, &ledger, &fault);
        _exit(e == ERR_OK ? 0 : 1);
    }
    if (kill_us > 0) {
        (void)usleep(kill_us);
        (void)kill(child, SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void crash_at(const char *label)
{
    (void)setenv("PROVISIOND_CRASH_AT", label, 1);
}

static void let_live(const char *label)
{
    (void)label;
}

/* A disk on which no file becomes larger. */
static void fill_disk(const char *label)
{
    const struct rlimit limit = {FULL_AT_BYTES, FULL_AT_BYTES};
    (void)label;
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

/* Old again, for the next time. */
static void make_old_again(void)
{
    char names[4][TEMP_PATH_MAX + 16];
    static const char *const ENDS[] = {"", "-wal", "-shm", ".v3"};
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s%s", world.path, ENDS[i]);
        (void)unlink(names[i]);
    }
    ck_assert_int_eq(rename(modern, world.path), 0);
    old_ledger_make(3, world.path, modern);
}

/* Its header's user version, which nothing but the file itself tells: SQLite would mend it first.
 */
static int version_in_file(const char *path)
{
    uint8_t version[4] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, version, sizeof version, USER_VERSION_AT), sizeof version);
    (void)close(fd);
    ck_assert_int_eq(version[0] | version[1] | version[2], 0);
    return version[3];
}

/* Before anything opens it: what a program of either version would find. */
static void assert_old_or_new(void)
{
    int version = version_in_file(world.path);
    ck_assert(version == 3 || version == SCHEMA_VERSION);
    ck_assert(version == 3 || version_in_file(kept) == 3);
}

static void assert_opens_whole(void)
{
    ck_assert_int_eq(world_open(&world), ERR_OK);
    assert_rows_as_before();
    world_check_account(&world);
    close_world();
    ck_assert_int_eq(version_of(world.path), SCHEMA_VERSION);
    ck_assert_int_eq(version_of(kept), 3);
    ck_assert(!exists(copy));
}

START_TEST(killed_at_each_step_it_is_the_old_or_the_new_ledger)
{
    static const char *const LABELS[] = {"migrate.copied", "migrate.before-commit",
                                         "migrate.before-keep", "migrate.before-rename",
                                         "migrate.after-rename"};
    for (size_t i = 0; i < sizeof LABELS / sizeof LABELS[0]; i++) {
        int status = open_in_child(crash_at, LABELS[i], 0);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not reached",
                      LABELS[i]);
        assert_old_or_new();
        assert_opens_whole();
        make_old_again();
    }
}
END_TEST

START_TEST(killed_at_random_moments_it_is_the_old_or_the_new_ledger)
{
    size_t cuts = test_size("random kills of migrations", 20, 1000);
    int64_t begin = clock_monotonic_us();
    ck_assert_int_eq(open_in_child(let_live, NULL, 0), 0);
    int64_t whole = clock_monotonic_us() - begin;
    make_old_again();
    srandom((unsigned)getpid());
    for (size_t i = 0; i < cuts; i++) {
        (void)open_in_child(let_live, NULL, (useconds_t)(random() % (whole + 1)) + 1);
        assert_old_or_new();
        assert_opens_whole();
        make_old_again();
    }
}
END_TEST

START_TEST(full_disk_leaves_the_old_ledger)
{
    int status = open_in_child(fill_disk, NULL, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ck_assert_int_eq(version_of(world.path), 3);
    ck_assert(!exists(copy));
    ck_assert(!exists(kept));
    assert_opens_whole();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migration");
    (void)sqlite3_initialize(); /* so that the ledger cannot turn the statistics off */
    TCase *tcase = tcase_create("migration");
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, older_ledger_goes_on_with_every_row);
    tcase_add_test(tcase, ledger_of_one_version_before_goes_on_with_every_row);
    tcase_add_test(tcase, migrated_tables_are_those_of_a_new_ledger);
    tcase_add_test(tcase, old_file_is_kept_and_is_the_way_back);
    tcase_add_test(tcase, another_file_under_the_kept_name_is_not_replaced);
    tcase_add_test(tcase, ledger_that_cannot_be_migrated_stays_as_it_was);
    tcase_add_test(tcase, memory_is_bounded_however_large_the_ledger_is);
    tcase_add_test(tcase, killed_at_each_step_it_is_the_old_or_the_new_ledger);
    tcase_add_test(tcase, killed_at_random_moments_it_is_the_old_or_the_new_ledger);
    tcase_add_test(tcase, full_disk_leaves_the_old_ledger);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
