/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Where the PIN is, where it is not, and that a refused one is tried once. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "hsm/ckr.h"
#include "hsm_rig.h"
#include "support/hsm_faults.h"
#include "token.h"

#define REFUSALS 7 /* values of the table that are about the PIN */

static struct hsm_rig rig;
static struct hsm_faults *faults;
static char wrong_pin_file[TEMP_PATH_MAX];

static void set_up(void)
{
    hsm_rig_make(&rig);
    rig.workers = 4;
    softhsm_write_file(&rig.dir, "wrong-pin", "0000-wrong\n", wrong_pin_file);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
    hsm_faults_free(faults);
}

START_TEST(a_wrong_pin_is_tried_exactly_once)
{
    struct hsm_status status;
    struct fault fault;
    rig.pin_file = wrong_pin_file;
    hsm_rig_start(&rig);
    fault = hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_str_eq(fault.reason, "pin-refused");
    ck_assert_int_eq(fault.native, CKR_PIN_INCORRECT);
    hsm_rig_pause(1000); /* a second try would come after 100 ms */
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_HSM_PIN_REFUSED);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-started"), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-pin-refused"), 1);
}
END_TEST

START_TEST(a_pin_that_was_never_accepted_is_not_spent_on_a_module_that_dies_in_login)
{
    char logins[TEMP_PATH_MAX];
    struct stat info;
    temp_dir_path(&rig.dir, "logins", logins);
    ck_assert_int_eq(setenv("TEST_LOGINS", logins, 1), 0);
    rig.module = MODULE_LOGIN_DIES;
    hsm_rig_start(&rig);
    struct fault fault = hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_str_eq(fault.reason, "pin-not-confirmed");
    hsm_rig_pause(1000); /* a third try would come after 200 ms */
    ck_assert_int_eq(stat(logins, &info), 0);
    ck_assert_int_eq(info.st_size, 2);
}
END_TEST

START_TEST(a_refused_pin_refuses_every_operation)
{
    struct hsm_key_id id = {{0}};
    struct hsm_spki spki;
    struct hsm_wrapped_key key;
    struct fault fault;
    rig.pin_file = wrong_pin_file;
    hsm_rig_start(&rig);
    (void)hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_int_eq(hsm_init(rig.client, &spki, &spki, &fault), ERR_HSM_PIN_REFUSED);
    ck_assert_int_eq(hsm_generate_firmware_key(rig.client, &id, "x", &fault), ERR_HSM_PIN_REFUSED);
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &id, 32, &key, &fault),
                     ERR_HSM_PIN_REFUSED);
}
END_TEST

/* ---- over restarts ---- */

static void restart(void)
{
    hsm_rig_kill_master(&rig);
    hsm_rig_start(&rig);
}

static void count_logins(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&rig.dir, "faults", path);
    faults = hsm_faults_new(path);
    rig.module = MODULE_FAULTS;
}

static void state_path(char path[TEMP_PATH_MAX])
{
    temp_dir_path(&rig.dir, "pin-state", path);
}

START_TEST(a_wrong_pin_is_tried_once_in_however_many_starts)
{
    char path[TEMP_PATH_MAX];
    count_logins();
    rig.pin_file = wrong_pin_file;
    hsm_rig_start(&rig);
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).reason, "pin-refused");
    for (int i = 0; i < 5; i++) {
        restart();
        ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).reason,
                         "pin-refused-before");
    }
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
    /* The right PIN alone is not enough: nothing of a PIN is kept, so nobody knows that it is new.
     */
    rig.pin_file = rig.token.pin_file;
    restart();
    (void)hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
    state_path(path);
    ck_assert_int_eq(unlink(path), 0);
    restart();
    hsm_rig_await_workers(&rig, 4);
}
END_TEST

/* Whatever the token has against the PIN: wrong, locked, expired, of a length that cannot be. */
START_TEST(each_refusal_of_the_table_is_tried_once)
{
    unsigned index = 0;
    for (int met = 0; met <= _i; index++)
        met += ckr_meaning(ckr_value(index))->action == CKR_GIVE_UP;
    unsigned long rv = ckr_value(index - 1);
    count_logins();
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_Login",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_RETURN,
                                               .value = (uint32_t)rv});
    hsm_rig_start(&rig);
    ck_assert_int_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).native, (long)rv);
    restart();
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).reason, "pin-refused-before");
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
}
END_TEST

/* Also when it was right for years. */
START_TEST(a_pin_that_is_wrong_after_it_was_right_is_tried_once)
{
    count_logins();
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
    rig.pin_file = wrong_pin_file;
    unsigned before = atomic_load(&faults->logins);
    for (int i = 0; i < 3; i++) {
        restart();
        (void)hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    }
    ck_assert_uint_eq(atomic_load(&faults->logins), before + 1);
}
END_TEST

/* A master that is killed while the token checks a PIN that it never accepted. */
START_TEST(lost_logins_are_counted_over_restarts)
{
    count_logins();
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_Login",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_HANG});
    for (unsigned tries = 1; tries <= 2; tries++) {
        hsm_rig_start(&rig);
        while (atomic_load(&faults->logins) < tries)
            hsm_rig_pause(10);
        hsm_rig_kill_master(&rig);
    }
    hsm_faults_clear(faults);
    hsm_rig_start(&rig);
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).reason, "pin-not-confirmed");
    ck_assert_uint_eq(atomic_load(&faults->logins), 2);
}
END_TEST

START_TEST(a_pin_that_was_accepted_once_survives_any_number_of_kills)
{
    count_logins();
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_Login",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_HANG});
    for (unsigned i = 0; i < 5; i++) {
        unsigned before = atomic_load(&faults->logins);
        restart();
        while (atomic_load(&faults->logins) == before)
            hsm_rig_pause(10);
    }
    hsm_faults_clear(faults);
    restart();
    hsm_rig_await_workers(&rig, 4);
}
END_TEST

/* A server that starts while its HSM is not well yet: the module says so, and that is no refusal.
 */
START_TEST(a_pin_that_was_accepted_once_outlasts_an_hsm_that_fails_in_login)
{
    count_logins();
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_Login",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_RETURN,
                                               .value = CKR_DEVICE_ERROR});
    unsigned before = atomic_load(&faults->logins);
    restart();
    for (deadline_ms end = deadline_in(RIG_WAIT_MS); atomic_load(&faults->logins) < before + 4;) {
        ck_assert_msg(deadline_left_ms(end) > 0, "the PIN is not tried any more");
        hsm_rig_pause(10);
    }
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE).reason, "token-lost");
    hsm_faults_clear(faults);
    hsm_rig_await_workers(&rig, 4);
}
END_TEST

START_TEST(a_start_that_spends_no_try_counts_none)
{
    const char *label = rig.label;
    count_logins();
    rig.label = "no such token";
    for (int i = 0; i < 3; i++) {
        hsm_rig_start(&rig);
        ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE).reason, "token-not-found");
        hsm_rig_kill_master(&rig);
    }
    rig.label = label;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
}
END_TEST

/* Whatever stands in the file that is no count: also one that somebody made by hand. */
/* ---- starts that stand still ---- */

START_TEST(a_start_that_is_replaced_has_spent_no_try)
{
    count_logins();
    hsm_faults_add(faults, &(struct hsm_fault){
                               .function = "C_OpenSession", .times = 1, .action = HSM_FAULT_STUCK});
    rig.pin_file = wrong_pin_file;
    hsm_rig_start(&rig);
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED).reason, "pin-refused");
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-stuck"), 1);
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
}
END_TEST

/* Its own answer may still come, and a PIN that is wrong would be tried twice. */
START_TEST(beside_a_login_that_hangs_there_is_no_other)
{
    count_logins();
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_Login",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_HANG});
    hsm_rig_start(&rig);
    hsm_rig_await_event(&rig, "hsm-worker-started");
    hsm_rig_pause(4000); /* a start that hangs elsewhere is replaced after 2 s */
    ck_assert_uint_eq(hsm_faults_done(faults), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-started"), 1);
    hsm_faults_clear(faults);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-stuck"), 0);
}
END_TEST

START_TEST(a_state_that_cannot_be_read_is_a_refusal)
{
    static const char *const texts[] = {
        "", "refused", "tries", "tries 1", "tries 1\n\n", "tries -1\n", "tries 99\n", "accepted"};
    char path[TEMP_PATH_MAX];
    count_logins();
    softhsm_write_file(&rig.dir, "pin-state", texts[_i], path);
    hsm_rig_start(&rig);
    (void)hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_uint_eq(atomic_load(&faults->logins), 0);
}
END_TEST

START_TEST(without_the_folder_the_pin_is_not_tried)
{
    count_logins();
    rig.state = "/nonexistent";
    hsm_rig_start(&rig);
    ck_assert_str_eq(hsm_rig_await_code(&rig, ERR_HSM_UNAVAILABLE).reason, "pin-state-unusable");
    ck_assert_uint_eq(atomic_load(&faults->logins), 0);
}
END_TEST

START_TEST(the_state_says_nothing_of_the_pin)
{
    char path[TEMP_PATH_MAX];
    char text[64] = "";
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
    state_path(path);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    (void)fclose(file);
    ck_assert_str_eq(text, "accepted\n");
}
END_TEST

START_TEST(a_token_that_wants_a_pin_is_not_asked_without_one)
{
    struct fault fault;
    rig.pin_file = NULL;
    hsm_rig_start(&rig);
    fault = hsm_rig_await_code(&rig, ERR_HSM_PIN_REFUSED);
    ck_assert_str_eq(fault.reason, "pin-missing");
}
END_TEST

START_TEST(the_pin_comes_from_a_systemd_credential)
{
    char credential[TEMP_PATH_MAX];
    softhsm_write_file(&rig.dir, "hsm-pin", SOFTHSM_PIN, credential);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", rig.dir.path, 1), 0);
    rig.pin_file = NULL;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
}
END_TEST

static bool contains(const char *data, size_t length, const char *text)
{
    return memmem(data, length, text, strlen(text)) != NULL;
}

static void check_process_file(pid_t process, const char *name)
{
    static char data[1 << 20];
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        return; /* not dumpable: nobody but root may look */
    ck_assert_int_ge(fd, 0);
    ssize_t length = read(fd, data, sizeof data);
    (void)close(fd);
    /* Reading what a hardened process shows may be refused at read(2), too. */
    ck_assert(length >= 0 || errno == EACCES);
    ck_assert(length < 0 || !contains(data, (size_t)length, SOFTHSM_PIN));
}

START_TEST(the_pin_is_in_no_argument_no_environment_and_no_log)
{
    pid_t workers[RIG_WORKERS_MAX];
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 4);
    ck_assert_uint_eq(hsm_rig_workers(&rig, workers), 4);
    check_process_file(rig.master, "cmdline");
    check_process_file(rig.master, "environ");
    for (int i = 0; i < 4; i++) {
        check_process_file(workers[i], "cmdline");
        check_process_file(workers[i], "environ");
    }
    ck_assert_uint_eq(hsm_rig_count_events(&rig, SOFTHSM_PIN), 0);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-ready"), 4);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pin");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_wrong_pin_is_tried_exactly_once);
    tcase_add_test(tests,
                   a_pin_that_was_never_accepted_is_not_spent_on_a_module_that_dies_in_login);
    tcase_add_test(tests, a_refused_pin_refuses_every_operation);
    tcase_add_test(tests, a_wrong_pin_is_tried_once_in_however_many_starts);
    tcase_add_loop_test(tests, each_refusal_of_the_table_is_tried_once, 0, REFUSALS);
    tcase_add_test(tests, a_pin_that_is_wrong_after_it_was_right_is_tried_once);
    tcase_add_test(tests, lost_logins_are_counted_over_restarts);
    tcase_add_test(tests, a_pin_that_was_accepted_once_survives_any_number_of_kills);
    tcase_add_test(tests, a_pin_that_was_accepted_once_outlasts_an_hsm_that_fails_in_login);
    tcase_add_test(tests, a_start_that_spends_no_try_counts_none);
    tcase_add_test(tests, a_start_that_is_replaced_has_spent_no_try);
    tcase_add_test(tests, beside_a_login_that_hangs_there_is_no_other);
    tcase_add_loop_test(tests, a_state_that_cannot_be_read_is_a_refusal, 0, 8);
    tcase_add_test(tests, without_the_folder_the_pin_is_not_tried);
    tcase_add_test(tests, the_state_says_nothing_of_the_pin);
    tcase_add_test(tests, a_token_that_wants_a_pin_is_not_asked_without_one);
    tcase_add_test(tests, the_pin_comes_from_a_systemd_credential);
    tcase_add_test(tests, the_pin_is_in_no_argument_no_environment_and_no_log);
    return hsm_rig_run_tests(tests);
}
