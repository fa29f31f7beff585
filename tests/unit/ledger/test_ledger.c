/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger's life: open, refuse, bind, close, and what the next start says of the last stop. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make_empty(&world);
}

static void teardown(void)
{
    world_end(&world);
}

static void close_world(void)
{
    ledger_close(world.ledger);
    world.ledger = NULL;
}

/* Opening must fail with this code and reason. */
static void assert_refused(const char *path, enum error code, const char *reason)
{
    struct ledger *ledger = NULL;
    struct fault fault = {0};
    ck_assert_int_eq(ledger_open(path, &ledger, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_int_eq(fault.code, code);
    ck_assert_ptr_null(ledger);
}

START_TEST(a_new_ledger_is_not_initialised_and_has_one_leaf)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    ck_assert(!info.is_initialised);
    ck_assert_int_eq(info.journal_size, 1);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 0), "\"type\":\"start\""));
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 0), "\"clean\":true"));
}
END_TEST

START_TEST(binding_again_with_the_same_values_is_no_change)
{
    const struct sha256 hsm = world_digest('h', 1);
    struct ledger_info info;
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-7", &hsm, NULL, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-7", &hsm, NULL, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    ck_assert(info.is_initialised);
    ck_assert_str_eq(info.site, "factory-7");
    ck_assert(sha256_equal(&info.hsm_identity, &hsm));
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"initialised\""), 1);
}
END_TEST

START_TEST(binding_to_another_site_or_hsm_is_a_conflict)
{
    const struct sha256 hsm = world_digest('h', 1);
    const struct sha256 other = world_digest('h', 2);
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-7", &hsm, NULL, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-8", &hsm, NULL, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "other-site");
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-7", &other, NULL, &world.fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(world.fault.reason, "other-hsm");
    ck_assert_int_eq(ledger_initialise(world.ledger, "fac tory", &hsm, NULL, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(the_people_of_the_ceremony_are_in_the_leaf)
{
    const struct sha256 hsm = world_digest('h', 1);
    const struct ledger_people people = {"Ada", "Grace \xc3\xa9"};
    ck_assert_int_eq(ledger_initialise(world.ledger, "factory-7", &hsm, &people, &world.fault),
                     ERR_OK);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 1), "\"officer\":\"Ada\""));
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 1), "\"witness\":\"Grace \\u00E9\""));
}
END_TEST

START_TEST(one_person_is_no_ceremony)
{
    static const struct ledger_people wrong[] = {
        {"Ada", ""}, {"", "Grace"}, {"Ada", "ada"}, {"A\nda", "Grace"}, {"\xff", "Grace"}};
    const struct sha256 hsm = world_digest('h', 1);
    struct ledger_info info;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_eq(
            ledger_initialise(world.ledger, "factory-7", &hsm, &wrong[i], &world.fault),
            ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "people");
    }
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    ck_assert(!info.is_initialised);
}
END_TEST

START_TEST(a_clean_stop_is_called_clean)
{
    world_reopen(&world);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 1), "\"type\":\"stop\""));
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 2), "\"clean\":true"));
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 2), "\"type\":\"start\""));
}
END_TEST

START_TEST(a_killed_process_leaves_an_unclean_start)
{
    close_world();
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = NULL;
        struct fault fault;
        _exit(ledger_open(world.path, &ledger, &fault) == ERR_OK ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"clean\":true"), 2);
    ck_assert_ptr_nonnull(strstr(world_leaf(&world, 3), "\"clean\":false"));
}
END_TEST

START_TEST(a_second_open_is_refused_in_this_and_another_process)
{
    assert_refused(world.path, ERR_CONFIG, "ledger-in-use");
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = NULL;
        struct fault fault = {0};
        enum error e = ledger_open(world.path, &ledger, &fault);
        _exit(e == ERR_CONFIG && strcmp(fault.reason, "ledger-in-use") == 0 ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    world_fill(&world, 1);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
    close_world();
    ck_assert_int_eq(world_execute(&world, "PRAGMA user_version = 10"), SQLITE_OK);
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    assert_refused(world.path, ERR_CONFIG, "schema-newer");
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    ck_assert_int_eq(world_execute(&world, "PRAGMA user_version = 9"), SQLITE_OK);
    ck_assert_int_eq(world_open(&world), ERR_OK);
}
END_TEST

START_TEST(an_older_schema_is_refused_and_left_alone)
{
    close_world();
    int64_t leaves = world_number(&world, "SELECT count(*) FROM journal");
    for (int version = 0; version < 3; version++) {
        static const char *const OLD[] = {"PRAGMA user_version = 0", "PRAGMA user_version = 1",
                                          "PRAGMA user_version = 2", "PRAGMA user_version = 3"};
        ck_assert_int_eq(world_execute(&world, OLD[version]), SQLITE_OK);
        assert_refused(world.path, ERR_CONFIG, "schema-older");
        ck_assert_int_eq(world_number(&world, "PRAGMA user_version"), version);
    }
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM journal"), leaves);
    ck_assert_int_eq(world_execute(&world, "PRAGMA user_version = 9"), SQLITE_OK);
    ck_assert_int_eq(world_open(&world), ERR_OK);
}
END_TEST

START_TEST(another_programs_file_is_refused)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&world.dir, "text", path);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 100; i++)
        (void)fprintf(file, "this is no database but a letter to somebody\n");
    (void)fclose(file);
    assert_refused(path, ERR_CONFIG, "not-a-ledger");

    temp_dir_path(&world.dir, "other.db", path);
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_refused(path, ERR_CONFIG, "not-a-ledger");
}
END_TEST

START_TEST(a_path_that_cannot_be_used_is_a_configuration_error)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&world.dir, "none/ledger.db", path);
    assert_refused(path, ERR_CONFIG, "ledger-path");
    assert_refused("", ERR_CONFIG, "ledger-path");
    assert_refused(":memory:", ERR_CONFIG, "ledger-path");
    assert_refused("file:/tmp/x.db?vfs=unix-none", ERR_CONFIG, "ledger-path");
}
END_TEST

START_TEST(every_file_belongs_to_the_owner_alone)
{
    static const char *const NAMES[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm",
                                        "ledger.db.lock"};
    char path[TEMP_PATH_MAX];
    struct stat info;
    (void)umask(0);
    close_world();
    ck_assert_int_eq(chmod(world.path, 0644), 0);
    ck_assert_int_eq(world_open(&world), ERR_OK);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        temp_dir_path(&world.dir, NAMES[i], path);
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_msg((info.st_mode & 0777) == 0600, "%s: %o", NAMES[i], info.st_mode & 0777);
    }
}
END_TEST

START_TEST(state_survives_close_and_open)
{
    struct ledger_issued first;
    struct ledger_issued again;
    world_fill(&world, 5);
    ck_assert_int_eq(world_issue(&world, 1, &first), ERR_OK);
    world_reopen(&world);
    ck_assert_int_eq(world_issue(&world, 1, &again), ERR_OK);
    ck_assert(again.is_repeat);
    ck_assert_mem_eq(again.license, first.license, first.license_length);
    ck_assert_int_eq(world_usage(&world).charged, 1);
}
END_TEST

START_TEST(closing_nothing_is_allowed)
{
    ledger_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger");
    TCase *life = tcase_create("life");
    tcase_add_checked_fixture(life, setup, teardown);
    tcase_add_test(life, a_new_ledger_is_not_initialised_and_has_one_leaf);
    tcase_add_test(life, the_people_of_the_ceremony_are_in_the_leaf);
    tcase_add_test(life, one_person_is_no_ceremony);
    tcase_add_test(life, binding_again_with_the_same_values_is_no_change);
    tcase_add_test(life, binding_to_another_site_or_hsm_is_a_conflict);
    tcase_add_test(life, a_clean_stop_is_called_clean);
    tcase_add_test(life, a_killed_process_leaves_an_unclean_start);
    tcase_add_test(life, a_second_open_is_refused_in_this_and_another_process);
    tcase_add_test(life, a_newer_schema_is_refused_and_left_alone);
    tcase_add_test(life, an_older_schema_is_refused_and_left_alone);
    tcase_add_test(life, another_programs_file_is_refused);
    tcase_add_test(life, a_path_that_cannot_be_used_is_a_configuration_error);
    tcase_add_test(life, every_file_belongs_to_the_owner_alone);
    tcase_add_test(life, state_survives_close_and_open);
    tcase_add_test(life, closing_nothing_is_allowed);
    suite_add_tcase(suite, life);
    return world_run(suite);
}
