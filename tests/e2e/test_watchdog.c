/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The signs of life that the service manager gets: they come while requests are answered, and end
 * when a program runs on but answers nobody.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "support/manager.h"
#include "support/run.h"

#define INTERVAL_MS 2400  /* a look each 600 ms; a hung event loop is asked within two looks */
#define PATIENT_MS  12000 /* a look each 3 s: longer than the vault waits for a hung HSM side */
#define SOON_MS     30000 /* for a machine that is busy */
#define BEAT        "WATCHDOG=1"
#define LOOK_MS     200
#define BEATS       3 /* each event loop of two has been asked */

static struct rig rig;
static struct manager manager;

static void set_up(void)
{
    http_init();
    rig_up(&rig, 10);
    manager_open(&manager, INTERVAL_MS);
}

static void tear_down(void)
{
    manager_close(&manager);
    rig_down(&rig);
}

/* Anew, for this manager. hang_at: a step at which one thread stops for ever, or NULL. */
static void restart(enum rig_program program, const char *hang_at)
{
    rig_kill(&rig, program, SIGTERM);
    manager_forget(&manager);
    if (hang_at != NULL)
        ck_assert_int_eq(setenv("PROVISIOND_CRASH_HOW", "hang", 1), 0);
    rig_start(&rig, program, hang_at);
    (void)unsetenv("PROVISIOND_CRASH_HOW");
}

static void expect_beats(void)
{
    for (int i = 0; i < BEATS; i++)
        ck_assert(manager_hears(&manager, BEAT, SOON_MS));
}

/* What was under way is over after one interval; from then on there is none. */
static void expect_silence(void)
{
    (void)manager_hears(&manager, "nothing like this", INTERVAL_MS);
    ck_assert(!manager_hears(&manager, BEAT, INTERVAL_MS));
}

static void expect_line(const char *program)
{
    ck_assert_int_eq(
        rig_shell(&rig, "grep -q '\"event\":\"watchdog-silent\"' $DIR/log/%s.log", program), 0);
}

/* A request that goes all the way, and whose answer may never come. */
static void ask_for_a_license(void)
{
    struct floor_device device;
    struct http_answer answer;
    floor_device_make(&rig, "one", NULL, &device);
    json_t *json = json_pack("{ss ss s{ss}}", "product", rig.product, "image", "latest", "device",
                             "certificate_chain", device.pem);
    char *body = json_dumps(json, 0);
    ck_assert_ptr_nonnull(body);
    http_send(&rig,
              &(struct http_request){
                  .method = "POST", .path = "/v1/licenses", .body = body, .timeout_s = 3},
              &answer);
    http_answer_clear(&answer);
    json_decref(json);
    free(body);
}

static bool is_said_at_readyz(const char *word)
{
    deadline_ms deadline = deadline_in(SOON_MS);
    bool is_said = false;
    while (!is_said && deadline_left_ms(deadline) > 0) {
        struct http_answer answer;
        http_send(&rig, &(struct http_request){.method = "GET", .path = "/readyz", .timeout_s = 3},
                  &answer);
        is_said = answer.status == 503 && strstr(answer.body, word) != NULL;
        http_answer_clear(&answer);
        (void)usleep(LOOK_MS * 1000);
    }
    return is_said;
}

START_TEST(beats_come_from_each_program_and_end_with_its_stop)
{
    restart((enum rig_program)_i, NULL);
    ck_assert(manager_hears(&manager, "READY=1", SOON_MS));
    expect_beats();
    ck_assert_int_eq(kill(rig.pids[_i], SIGSTOP), 0);
    expect_silence();
    ck_assert_int_eq(kill(rig.pids[_i], SIGCONT), 0);
    expect_beats();
}
END_TEST

START_TEST(vault_whose_threads_hang_is_silent)
{
    ck_assert_int_eq(rig_shell(&rig, "printf '[vault]\\nthreads = 1\\n' >>$RIG_CONFIG"), 0);
    restart(RIG_VAULT, "vault.before-reply");
    rig_wait_ready(&rig);
    expect_beats();
    ask_for_a_license();
    expect_silence();
    expect_line("provision-vault");
    rig_kill(&rig, RIG_VAULT, SIGKILL);
}
END_TEST

/* What only reads is answered; /readyz says that the rest is not, and a stop does not wait for it.
 */
START_TEST(vault_whose_commit_hangs_is_silent_and_ends_when_told_to)
{
    restart(RIG_VAULT, "ledger.before-commit:3");
    expect_beats();
    ask_for_a_license();
    ask_for_a_license();
    ck_assert(is_said_at_readyz("commit-hangs"));
    expect_silence();
    expect_line("provision-vault");
    ck_assert_int_eq(kill(rig.pids[RIG_VAULT], SIGTERM), 0);
    rig_wait_for_death(&rig, RIG_VAULT);
}
END_TEST

/* One of the event loops, or the thread that takes the vault's answers. */
START_TEST(front_end_with_one_hung_thread_is_silent)
{
    static const char *const steps[] = {"api.before-vault", "api.before-answer"};
    restart(RIG_API, steps[_i]);
    rig_wait_ready(&rig);
    expect_beats();
    ask_for_a_license();
    expect_silence();
    expect_line("provisiond");
    rig_kill(&rig, RIG_API, SIGKILL);
}
END_TEST

START_TEST(vault_and_front_end_live_while_the_hsm_side_hangs)
{
    manager_close(&manager);
    manager_open(&manager, PATIENT_MS);
    ck_assert_int_eq(kill(rig.pids[RIG_HSM], SIGSTOP), 0);
    restart(RIG_VAULT, NULL);
    expect_beats();
    restart(RIG_API, NULL);
    manager_forget(&manager);
    expect_beats();
    ck_assert_int_eq(kill(rig.pids[RIG_HSM], SIGCONT), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/watchdog");
    TCase *tcase = tcase_create("watchdog");
    SRunner *runner = srunner_create(suite);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, beats_come_from_each_program_and_end_with_its_stop, 0, RIG_PROGRAMS);
    tcase_add_test(tcase, vault_whose_threads_hang_is_silent);
    tcase_add_test(tcase, vault_whose_commit_hangs_is_silent_and_ends_when_told_to);
    tcase_add_loop_test(tcase, front_end_with_one_hung_thread_is_silent, 0, 2);
    tcase_add_test(tcase, vault_and_front_end_live_while_the_hsm_side_hangs);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
