/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A clock that somebody sets while the vault runs: it is told once, and whoever asks is told. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "../ledger/set_clock.h"
#include "core/clock.h"
#include "core/log.h"
#include "vault_rig.h"

#define TEN_YEARS_MS INT64_C(315360000000)
#define PATIENCE_MS  20000
#define POLL_US      20000
#define LINE_SIZE    4096

static struct vault_rig rig;
static char path[TEMP_PATH_MAX];

static void set_up(void)
{
    set_clock_shift(0);
    vault_rig_make(&rig);
    temp_dir_path(&rig.hsm.dir, "vault.log", path);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)close(file);
    log_init("test", LOG_LEVEL_INFO);
    vault_rig_start(&rig);
}

static void tear_down(void)
{
    vault_rig_remove(&rig);
}

static unsigned count_lines(const char *part)
{
    char line[LINE_SIZE];
    unsigned count = 0;
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, part) != NULL;
    (void)fclose(file);
    return count;
}

static void await_line(const char *part)
{
    deadline_ms end = deadline_in(PATIENCE_MS);
    while (count_lines(part) == 0 && deadline_left_ms(end) > 0)
        (void)usleep(POLL_US);
    ck_assert_uint_eq(count_lines(part), 1);
}

static void expect_ready(const char *word, const char *remedy)
{
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    Provisiond__StationReply *reply =
        vault_rig_question(&rig, &rig.station, PROVISIOND__STATION_REQUEST__OP_READY, &ready);
    vault_rig_expect(reply, ERR_OK, NULL);
    ck_assert_str_eq(reply->ready->ledger, word);
    ck_assert_ptr_nonnull(strstr(reply->ready->ledger_detail, remedy));
    vault_rig_free(reply);
}

START_TEST(clock_that_is_set_back_meanwhile_is_told_once_and_answered)
{
    expect_ready("ok", "");
    set_clock_shift(-TEN_YEARS_MS);
    expect_ready("clock-set-back", "set it right (`timedatectl`)");
    await_line("\"event\":\"clock-set-back\",\"behind_s\":3153");
    set_clock_shift(0);
    expect_ready("ok", "");
    await_line("\"event\":\"clock-right\"");
    ck_assert_uint_eq(count_lines("clock-set-back"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vault/clock");
    TCase *tcase = tcase_create("clock");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, clock_that_is_set_back_meanwhile_is_told_once_and_answered);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
