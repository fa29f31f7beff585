/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl hsm check, with modules that work, half work, and misbehave. After each run the token has
 * the objects that it had before.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/clock.h"
#include "support/hsm_faults.h"
#include "support/softhsm.h"
#include "token.h"
#include "unit/cli/provctl.h"
#include "unit/hsm/hsm_rig.h"

#define COLUMNS       80
#define EXIT_OTHER    1
#define EXIT_LOCAL    15
#define EXIT_UNFIT    16
#define LEFT_LABEL    "provisiond-check-0123456789ab"
#define FOREIGN_LABEL "somebody else's"
#define WRONG_PIN     "0000-wrong\n"

static struct temp_dir dir;
static struct softhsm softhsm;
static struct hsm_faults *faults;
static struct provctl run;
static json_t *said; /* of the newest run */
static char nss_parameters[512];

static void set_up(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_make(&dir);
    softhsm_make(&dir, &softhsm);
    temp_dir_path(&dir, "faults", path);
    faults = hsm_faults_new(path);
}

static void tear_down(void)
{
    json_decref(said);
    hsm_faults_free(faults);
    temp_dir_remove(&dir);
}

/* ---- objects, counted in SoftHSM's own folder ---- */

static size_t count_objects_in(const char *folder)
{
    char path[512];
    size_t count = 0;
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        const char *ending = strrchr(entry->d_name, '.');
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            count += count_objects_in(path);
        else if (ending != NULL && strcmp(ending, ".object") == 0 &&
                 strcmp(entry->d_name, "token.object") != 0)
            count++;
    }
    (void)closedir(entries);
    return count;
}

static size_t count_objects(void)
{
    return count_objects_in(softhsm.tokens);
}

/* What a user of the token has there, and what a check left that was killed. */
static void make_objects(void)
{
    struct token token;
    const struct hsm_key_id id = {.bytes = {1}};
    token_open(&token, softhsm.module, softhsm.token, softhsm.pin);
    token_make_data(&token, FOREIGN_LABEL, bytes_of("x", 1), true);
    token_import_key(&token, &id, FOREIGN_LABEL);
    token_make_data(&token, LEFT_LABEL, bytes_of("x", 1), true);
    token_import_key(&token, &id, LEFT_LABEL);
    token_close(&token);
}

/* ---- running it ---- */

/* Root would become provision-hsm where that is installed, and could not read the test's folder. */
static const char *own_name(void)
{
    const struct passwd *user = getpwuid(geteuid());
    ck_assert_ptr_nonnull(user);
    return user->pw_name;
}

static void check_module(const char *module, const char *timeout, const char *pin_file)
{
    PROVCTL(&dir, &run, "hsm", "check", "--json", "--no-speeds", "--user", own_name(), "--module",
            module, "--token", SOFTHSM_LABEL, "--timeout", timeout, "--pin-file", pin_file);
    json_decref(said);
    said = json_loads(run.out, 0, NULL);
    ck_assert_msg(json_is_object(said), "%s %s", run.out, run.err);
}

static void check_softhsm(void)
{
    check_module(softhsm.module, "60", softhsm.pin_file);
}

static void check_faulty(const char *timeout)
{
    check_module(MODULE_FAULTS, timeout, softhsm.pin_file);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text != NULL, "%s", key);
    return text;
}

static const json_t *result_of(const char *id)
{
    const json_t *results = json_object_get(said, "results");
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        if (strcmp(text_of(result, "id"), id) == 0)
            return result;
    }
    ck_abort_msg("no result of %s: %.2000s", id, run.out);
}

static void claim_state(const char *id, const char *state)
{
    const json_t *result = result_of(id);
    ck_assert_msg(strcmp(text_of(result, "state"), state) == 0, "%s is %s: %s", id,
                  text_of(result, "state"), text_of(result, "finding"));
}

static void claim_verdict(const char *verdict, int exit)
{
    ck_assert_msg(strcmp(text_of(said, "verdict"), verdict) == 0, "%.2000s", run.out);
    ck_assert_int_eq(run.exit, exit);
    ck_assert_int_eq(json_integer_value(json_object_get(said, "exit")), exit);
}

static void claim_says(const char *id, const char *key, const char *words)
{
    ck_assert_msg(strstr(text_of(result_of(id), key), words) != NULL, "%s says %s", id,
                  text_of(result_of(id), key));
}

/* Every probe that has this state, so that nothing else went wrong. */
static void claim_only(const char *state, const char *const *ids)
{
    const json_t *results = json_object_get(said, "results");
    size_t wanted = 0;
    size_t found = 0;
    for (; ids[wanted] != NULL; wanted++)
        claim_state(ids[wanted], state);
    for (size_t i = 0; i < json_array_size(results); i++)
        found += strcmp(text_of(json_array_get(results, i), "state"), state) == 0;
    ck_assert_msg(found == wanted, "%zu are %s: %.2000s", found, state, run.out);
}
#define CLAIM_ONLY(state, ...) claim_only(state, (const char *const[]){__VA_ARGS__, NULL})

static void add_fault(const char *function, uint32_t action, uint32_t value)
{
    struct hsm_fault fault = {.times = HSM_FAULTS_ALWAYS, .action = action, .value = value};
    (void)snprintf(fault.function, sizeof fault.function, "%s", function);
    hsm_faults_add(faults, &fault);
}

/* ---- modules that do what they say ---- */

START_TEST(softhsm_is_told_to_serve_governed_products)
{
    check_softhsm();
    claim_verdict("governed", 0);
    CLAIM_ONLY("no", "token-mode");
    CLAIM_ONLY("hangs", NULL);
    CLAIM_ONLY("crashes", NULL);
    claim_says("token-mode", "finding", "CKR_MECHANISM_PARAM_INVALID (0x71), though it is listed");
    claim_says("token-mode", "advice", "Not needed: host mode works");
    claim_says("rsa", "finding", "OAEP with SHA-1, and PKCS#1 v1.5, opened");
    claim_says("p384", "finding", "in host mode, opened");
    claim_says("hkdf", "finding", "in host mode, opened");
    claim_says("concat", "finding", "in host mode, opened");
    claim_says("x25519", "finding", "sealed");
    claim_says("image-cbc", "finding", "CKM_AES_CBC_PAD");
    claim_says("image-ctr", "finding", "CKM_AES_CTR");
    claim_says("image-gcm16", "finding", "an IV of 16 bytes");
    claim_says("anchor", "finding", "by two processes");
    claim_says("as-before", "finding", "0 objects, as at the beginning");
    claim_says("speed-licenses", "finding", "left out");
    const json_t *audit = json_object_get(result_of("firmware-key"), "details");
    ck_assert_str_eq(text_of(audit, "CKA_EXTRACTABLE"), "false");
    ck_assert_str_eq(text_of(audit, "CKA_SENSITIVE"), "true");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(speeds_are_measured_in_one_process_and_in_two)
{
    static const char *const ids[] = {"speed-licenses", "speed-unwraps", "speed-keys",
                                      "speed-signatures", "speed-images"};
    PROVCTL(&dir, &run, "hsm", "check", "--json", "--user", own_name(), "--module", softhsm.module,
            "--token", SOFTHSM_LABEL, "--pin-file", softhsm.pin_file);
    said = json_loads(run.out, 0, NULL);
    claim_verdict("governed", 0);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const json_t *details = json_object_get(result_of(ids[i]), "details");
        ck_assert_double_gt(json_number_value(json_object_get(details, "one_process")), 0);
        ck_assert_double_gt(json_number_value(json_object_get(details, "two_processes")), 0);
    }
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(what_a_killed_run_left_is_destroyed_and_other_objects_are_not)
{
    make_objects();
    ck_assert_uint_eq(count_objects(), 4);
    check_softhsm();
    claim_verdict("governed", 0);
    claim_says("leftovers", "finding", "2 of an ended run destroyed");
    claim_says("as-before", "finding", "2 objects, as at the beginning");
    ck_assert_uint_eq(count_objects(), 2);
    struct token token;
    token_open(&token, softhsm.module, softhsm.token, softhsm.pin);
    ck_assert_uint_eq(token_count_data(&token, FOREIGN_LABEL), 1);
    ck_assert_uint_eq(token_count_data(&token, LEFT_LABEL), 0);
    token_close(&token);
}
END_TEST

static void make_nss(void)
{
    char folder[TEMP_PATH_MAX];
    temp_dir_path(&dir, "nss", folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    token_make_nss(folder, nss_parameters, sizeof nss_parameters);
}

static void check_nss(const char *module)
{
    PROVCTL(&dir, &run, "hsm", "check", "--json", "--no-speeds", "--user", own_name(), "--module",
            module, "--token", TOKEN_NSS_LABEL, "--module-arguments", nss_parameters);
    json_decref(said);
    said = json_loads(run.out, 0, NULL);
    ck_assert_msg(json_is_object(said), "%s %s", run.out, run.err);
}

START_TEST(nss_is_told_to_serve_local_products_only_in_token_mode)
{
    make_nss();
    check_nss(TOKEN_NSS_MODULE);
    claim_verdict("local", EXIT_LOCAL);
    claim_state("token-mode", "works");
    CLAIM_ONLY("no", "stays-inside", "data");
    claim_says("stays-inside", "advice", "whoever has the PIN gets the firmware key");
    claim_says("login", "finding", "asks for no PIN");
    claim_says("p384", "finding", "in token mode, opened");
    claim_says("hkdf", "finding", "in token mode, opened");
    claim_says("concat", "finding", "in host mode, opened");
    claim_state("image-ctr", "works");
    claim_says("image-large", "finding", "up to 16 MiB");
    claim_state("anchor", "untried");
    claim_says("as-before", "finding", "0 objects, as at the beginning");
    ck_assert_ptr_nonnull(strstr(text_of(said, "text"), "local products only"));
}
END_TEST

/* ---- modules that misbehave ---- */

START_TEST(a_module_that_hangs_in_one_call_is_told_and_the_others_go_on)
{
    add_fault("C_Sign", HSM_FAULT_HANG, 0);
    check_faulty("5");
    claim_verdict("none", EXIT_UNFIT);
    CLAIM_ONLY("hangs", "checkpoint-key");
    claim_says("checkpoint-key", "finding", "no answer within 5 s");
    claim_state("license", "works");
    claim_state("anchor", "works");
    claim_state("as-before", "works");
    ck_assert_ptr_nonnull(strstr(text_of(said, "text"), "Checkpoint key"));
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(a_module_that_crashes_where_it_is_not_needed_still_serves)
{
    add_fault("C_DeriveKey", HSM_FAULT_CRASH, 0);
    check_faulty("60");
    claim_verdict("governed", 0);
    CLAIM_ONLY("crashes", "token-mode");
    claim_says("token-mode", "finding", "SIGSEGV");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(a_module_that_hangs_everywhere_is_not_waited_for_each_time)
{
    add_fault("C_GenerateKey", HSM_FAULT_HANG, 0);
    check_faulty("4");
    claim_verdict("none", EXIT_UNFIT);
    CLAIM_ONLY("hangs", "session-keys", "firmware-key", "stays-inside");
    claim_says("key-wrap", "finding", "it hangs again and again");
    claim_state("as-before", "works");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(what_a_module_prints_is_no_finding)
{
    add_fault("C_GenerateRandom", HSM_FAULT_PRINT, 0);
    check_faulty("60");
    claim_verdict("governed", 0);
    claim_state("random", "works");
    ck_assert_ptr_nonnull(strstr(run.err, "half a line"));
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(a_refused_mechanism_is_explained_in_plain_words)
{
    add_fault("C_EncryptInit", HSM_FAULT_RETURN, CKR_MECHANISM_INVALID);
    check_faulty("60");
    claim_verdict("none", EXIT_UNFIT);
    CLAIM_ONLY("no", "token-mode", "license", "image-records");
    claim_says("license", "finding", "CKR_MECHANISM_INVALID (0x70)");
    claim_says("license", "advice", "The module has no such mechanism");
    claim_says("image-parts", "finding", "wants: Image and license, opened");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(a_module_that_says_a_key_is_extractable_is_refused)
{
    add_fault("C_GetAttributeValue", HSM_FAULT_GARBLE, CKA_EXTRACTABLE);
    check_faulty("60");
    claim_verdict("none", EXIT_UNFIT);
    CLAIM_ONLY("no", "firmware-key", "checkpoint-key", "transport-key", "token-mode");
    claim_says("firmware-key", "finding", "CKA_EXTRACTABLE is true");
    claim_says("firmware-key", "reason", "key-weak");
    claim_says("firmware-key", "advice", "ignores a part of what was asked for");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

START_TEST(a_kdf_that_is_another_is_no_token_mode)
{
    make_nss();
    ck_assert_int_eq(setenv(HSM_FAULTS_REAL, TOKEN_NSS_MODULE, 1), 0);
    add_fault("C_DeriveKey", HSM_FAULT_GARBLE, 0);
    check_nss(MODULE_FAULTS);
    claim_verdict("local", EXIT_LOCAL);
    CLAIM_ONLY("no", "token-mode", "stays-inside", "data");
    claim_says("token-mode", "finding", "wrap-not-standard");
    claim_state("host-mode", "works");
    claim_says("rsa", "finding", "OAEP with SHA-256, and PKCS#1 v1.5, opened");
}
END_TEST

START_TEST(a_key_wrap_that_is_another_does_not_work)
{
    add_fault("C_WrapKey", HSM_FAULT_GARBLE, 0);
    check_faulty("60");
    claim_verdict("none", EXIT_UNFIT);
    claim_state("key-wrap", "no");
    claim_state("host-mode", "no");
    claim_state("license", "no");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

/* ---- the PIN ---- */

START_TEST(a_wrong_pin_is_tried_once)
{
    char wrong[TEMP_PATH_MAX];
    softhsm_write_file(&dir, "wrong", WRONG_PIN, wrong);
    check_module(MODULE_FAULTS, "60", wrong);
    claim_verdict("untried", EXIT_OTHER);
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
    claim_says("login", "finding", "CKR_PIN_INCORRECT (0xa0)");
    claim_says("login", "advice", "tokens lock after a few");
    ck_assert_uint_eq(json_array_size(json_object_get(said, "results")), 3);
}
END_TEST

static void write_config(const char *state, char out[TEMP_PATH_MAX])
{
    char text[4 * TEMP_PATH_MAX];
    char socket[TEMP_PATH_MAX];
    temp_dir_path(&dir, "hsm.sock", socket);
    (void)snprintf(text, sizeof text,
                   "[hsm]\nmodule = %s\ntoken = %s\nsocket = %s\nstate = %s\nclient_user = root\n",
                   MODULE_FAULTS, SOFTHSM_LABEL, socket, state);
    softhsm_write_file(&dir, "provisiond.conf", text, out);
}

START_TEST(a_refused_pin_is_remembered_where_the_configuration_keeps_its_state)
{
    char wrong[TEMP_PATH_MAX];
    char config[TEMP_PATH_MAX];
    char kept[64];
    softhsm_write_file(&dir, "wrong", WRONG_PIN, wrong);
    write_config(dir.path, config);
    for (int i = 0; i < 2; i++)
        PROVCTL(&dir, &run, "hsm", "check", "--json", "--user", own_name(), "--config", config,
                "--pin-file", wrong);
    said = json_loads(run.out, 0, NULL);
    claim_verdict("untried", EXIT_OTHER);
    ck_assert_uint_eq(atomic_load(&faults->logins), 1);
    claim_says("login", "finding", "pin-refused-before");
    ck_assert_int_gt((int)read_file(&dir, "pin-state", kept, sizeof kept), 0);
    ck_assert_str_eq(kept, "refused\n");
}
END_TEST

/* ---- what cannot be begun ---- */

START_TEST(without_the_module_or_the_token_it_says_so)
{
    check_module("/nonexistent/module.so", "60", softhsm.pin_file);
    claim_verdict("untried", EXIT_OTHER);
    ck_assert_ptr_nonnull(strstr(text_of(said, "text"), "There is no such file"));
    PROVCTL(&dir, &run, "hsm", "check", "--json", "--user", own_name(), "--module", softhsm.module,
            "--token", "another", "--pin-file", softhsm.pin_file);
    json_decref(said);
    said = json_loads(run.out, 0, NULL);
    claim_verdict("untried", EXIT_OTHER);
    claim_says("token", "reason", "token-not-found");
    claim_state("load", "works");
}
END_TEST

START_TEST(a_token_that_is_served_now_is_left_alone)
{
    struct hsm_rig rig = {.workers = 0};
    hsm_rig_run(&rig);
    PROVCTL(&dir, &run, "hsm", "check", "--json", "--user", own_name(), "--config", rig.config,
            "--pin-file", rig.token.pin_file);
    said = json_loads(run.out, 0, NULL);
    claim_verdict("untried", EXIT_OTHER);
    ck_assert_ptr_nonnull(strstr(text_of(said, "text"), "stop it first"));
    ck_assert_uint_eq(json_array_size(json_object_get(said, "results")), 0);
    hsm_rig_remove(&rig);
}
END_TEST

START_TEST(options_that_do_not_fit_are_a_wrong_line)
{
    static const char *const lines[][5] = {{"--module", "x", NULL},
                                           {"--token", "x", NULL},
                                           {"--module-arguments", "x", NULL},
                                           {"--timeout", "0", NULL}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        PROVCTL(&dir, &run, "hsm", "check", lines[i][0], lines[i][1]);
        ck_assert_msg(run.exit == 64, "%s: %d", lines[i][0], run.exit);
    }
    PROVCTL(&dir, &run, "hsm", "check", "--module", "x", "--token", "x", "--config", "x");
    ck_assert_int_eq(run.exit, 64);
}
END_TEST

/* ---- an interrupt ---- */

static void await_fault(void)
{
    deadline_ms deadline = deadline_in(RIG_WAIT_MS);
    while (hsm_faults_done(faults) == 0 && deadline_left_ms(deadline) > 0)
        (void)poll(NULL, 0, 5);
    ck_assert_uint_ge(hsm_faults_done(faults), 1);
    ck_assert_uint_eq(count_objects(), 2);
}

/* In the middle of a probe that has a key pair in the token. */
START_TEST(an_interrupted_check_clears_up)
{
    const char *const line[] = {"hsm",         "check",      "--json",         "--user",
                                own_name(),    "--module",   MODULE_FAULTS,    "--token",
                                SOFTHSM_LABEL, "--pin-file", softhsm.pin_file, NULL};
    char out[PROVCTL_OUTPUT_MAX];
    int err_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    add_fault("C_Sign", HSM_FAULT_HANG, 0);
    pid_t pid = provctl_start(&dir, err_fd, line);
    await_fault();
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(provctl_wait(pid), EXIT_OTHER);
    (void)close(err_fd);
    ck_assert_int_gt((int)read_file(&dir, "provctl.out", out, sizeof out), 0);
    said = json_loads(out, 0, NULL);
    ck_assert_str_eq(text_of(said, "verdict"), "interrupted");
    claim_says("as-before", "finding", "0 objects, as at the beginning");
    ck_assert_uint_eq(count_objects(), 0);
}
END_TEST

/* ---- the page ---- */

START_TEST(the_page_fits_80_columns_without_colours_in_a_file)
{
    PROVCTL(&dir, &run, "hsm", "check", "--no-speeds", "--user", own_name(), "--module",
            softhsm.module, "--token", SOFTHSM_LABEL, "--pin-file", softhsm.pin_file);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_null(strchr(run.out, '\033'));
    ck_assert_str_eq(run.err, "");
    for (char *rest = run.out, *at = strsep(&rest, "\n"); at != NULL; at = strsep(&rest, "\n")) {
        ck_assert_msg(strlen(at) <= COLUMNS, "%s", at);
        if (strncmp(at, "  ", 2) == 0 && at[2] != ' ' && strstr(at, " works ") != NULL)
            ck_assert_msg(strncmp(at + 28, "works    ", 9) == 0, "%s", at);
        if (rest != NULL && rest[0] == '\0')
            ck_assert_str_eq(at, "It works for governed products and for local ones.");
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("trial");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, softhsm_is_told_to_serve_governed_products);
    tcase_add_test(tests, speeds_are_measured_in_one_process_and_in_two);
    tcase_add_test(tests, what_a_killed_run_left_is_destroyed_and_other_objects_are_not);
    tcase_add_test(tests, nss_is_told_to_serve_local_products_only_in_token_mode);
    tcase_add_test(tests, a_module_that_hangs_in_one_call_is_told_and_the_others_go_on);
    tcase_add_test(tests, a_module_that_crashes_where_it_is_not_needed_still_serves);
    tcase_add_test(tests, a_module_that_hangs_everywhere_is_not_waited_for_each_time);
    tcase_add_test(tests, what_a_module_prints_is_no_finding);
    tcase_add_test(tests, a_refused_mechanism_is_explained_in_plain_words);
    tcase_add_test(tests, a_module_that_says_a_key_is_extractable_is_refused);
    tcase_add_test(tests, a_kdf_that_is_another_is_no_token_mode);
    tcase_add_test(tests, a_key_wrap_that_is_another_does_not_work);
    tcase_add_test(tests, a_wrong_pin_is_tried_once);
    tcase_add_test(tests, a_refused_pin_is_remembered_where_the_configuration_keeps_its_state);
    tcase_add_test(tests, without_the_module_or_the_token_it_says_so);
    tcase_add_test(tests, a_token_that_is_served_now_is_left_alone);
    tcase_add_test(tests, options_that_do_not_fit_are_a_wrong_line);
    tcase_add_test(tests, an_interrupted_check_clears_up);
    tcase_add_test(tests, the_page_fits_80_columns_without_colours_in_a_file);
    return hsm_rig_run_tests(tests);
}
