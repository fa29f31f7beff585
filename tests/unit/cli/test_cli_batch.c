/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Licenses of many devices: the real program against a TLS server that says what a test wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "provctl.h"
#include "server.h"
#include "suite.h"
#include "support/pki.h"

#define IMAGE   "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define INSTALL "ins-01900000-0000-7000-8000-000000000001"
#define LICENSED                                                                              \
    "{\"status\":201,\"license\":{\"license_id\":\"lic-1\",\"install_id\":\"" INSTALL         \
    "\",\"license\":\"bGljZW5zZSE=\",\"profile\":\"cms\",\"charged\":true,\"image\":\"" IMAGE \
    "\",\"attempt\":1,\"remaining\":41,\"journal_index\":7}}"
#define PROBLEM(status, type, title, retryable)                                               \
    "{\"status\":" #status ",\"problem\":{\"type\":\"/problems/" type "\",\"title\":\"" title \
    "\",\"status\":" #status ",\"retryable\":" retryable "}}"
#define SPENT               PROBLEM(409, "quota-spent", "The quota is spent", "false")
#define STRANGER            PROBLEM(422, "device-not-genuine", "It is a stranger", "false")
#define LATER               PROBLEM(503, "hsm-unavailable", "The HSM is away", "true")
#define RESULTS(...)        "{\"results\":[" __VA_ARGS__ "]}"
#define LICENSED_LINE(name) name " " INSTALL " charged=yes remaining=41\n"

static struct temp_dir dir;
static struct temp_dir out;
static struct server server;
static struct provctl run;
static char source[TEMP_PATH_MAX];

static void set_up(void)
{
    (void)unsetenv("PROVCTL_PRODUCT");
    temp_dir_make(&dir);
    temp_dir_make(&out);
    server_start(&server, &dir);
    temp_dir_path(&dir, "devices.jsonl", source);
}

static void tear_down(void)
{
    server_stop(&server);
    temp_dir_remove(&out);
    temp_dir_remove(&dir);
}

#define BATCH(from, ...) \
    PROVCTL(&dir, &run, "license", "batch", from, "--out-dir", out.path, ##__VA_ARGS__)

static void write_lines(const char *lines)
{
    write_file(&dir, "devices.jsonl", lines, strlen(lines));
}

#define DEVICE(name) "{\"name\":\"" name "\",\"device\":{\"st_certificate\":\"QQ==\"}}\n"

static void claim_failed(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s%s", run.exit, run.err, run.out);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
}

/* The body of a request as JSON; the caller frees it. */
static json_t *body_of(size_t index)
{
    ck_assert_uint_gt(server.request_count, index);
    return json_loadb(server.requests[index].body, server.requests[index].body_length, 0, NULL);
}

static size_t devices_of(size_t index)
{
    json_t *body = body_of(index);
    size_t count = json_array_size(json_object_get(body, "licenses"));
    json_decref(body);
    return count;
}

/* ---- what is asked ---- */

START_TEST(a_folder_of_certificates_is_one_question)
{
    char pem[4096];
    char path[TEMP_PATH_MAX];
    struct pki *root = pki_root("Devices");
    struct pki *chip = pki_device(root, "SN-1");
    struct temp_dir folder;
    temp_dir_make(&folder);
    temp_dir_path(&folder, "b.pem", path);
    pki_write_certificate(chip, path);
    temp_dir_path(&folder, "a.pem", path);
    pki_write_certificate(chip, path);
    write_file(&folder, "notes.txt", "x", 1);
    server_say(&server, 200, RESULTS(LICENSED "," LICENSED));
    BATCH(folder.path, "--product", "meter", "--lot", "L1");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, LICENSED_LINE("a") LICENSED_LINE("b"));
    ck_assert_str_eq(server.requests[0].url, "/v1/licenses/batch");
    ck_assert_int_gt((int)read_file(&folder, "a.pem", pem, sizeof pem), 0);
    json_t *body = body_of(0);
    json_t *expected = json_pack("{ss ss s{ss} s{ss}}", "product", "meter", "image", "latest",
                                 "device", "certificate_chain", pem, "context", "lot", "L1");
    ck_assert(json_equal(json_array_get(json_object_get(body, "licenses"), 0), expected));
    json_decref(expected);
    json_decref(body);
    ck_assert_int_eq((int)read_file(&out, "b.bin", pem, sizeof pem), 8);
    ck_assert_uint_eq(count_files(&out), 2);
    temp_dir_remove(&folder);
    pki_free(chip);
    pki_free(root);
}
END_TEST

START_TEST(a_line_says_more_than_the_options)
{
    write_lines("{\"product\":\"pump\",\"image\":\"" IMAGE "\",\"device\":{\"x\":1},"
                "\"context\":{\"lot\":\"L2\"},\"new\":true}\n\n"
                "{\"device\":{\"x\":2}}\n");
    server_say(&server, 200, RESULTS(LICENSED "," LICENSED));
    BATCH(source, "--product", "meter", "--lot", "L1");
    ck_assert_str_eq(run.out, LICENSED_LINE("1") LICENSED_LINE("3"));
    json_t *body = body_of(0);
    json_t *expected =
        json_pack("{s[{ss ss s{si} s{ss} sb}{ss ss s{si} s{ss}}]}", "licenses", "product", "pump",
                  "image", IMAGE, "device", "x", 1, "context", "lot", "L2", "new", 1, "product",
                  "meter", "image", "latest", "device", "x", 2, "context", "lot", "L1");
    ck_assert(json_equal(body, expected));
    json_decref(expected);
    json_decref(body);
}
END_TEST

START_TEST(lines_that_cannot_be_asked_cost_nothing)
{
    static const struct {
        const char *lines;
        const char *words;
    } rows[] = {{"{}\n", ":1: there is no product"},
                {"[]\n", ":1: this is no JSON object"},
                {"\n{\"a\":1,\"a\":2}\n", ":2: this is no JSON object"},
                {"{\"product\":\"m\"}\n", ":1: there is no device"},
                {"{\"name\":1}\n", ":1: the name is no text"},
                {"{\"name\":\"../x\"}\n", ":1: \"../x\" is no name for a device"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[TEMP_PATH_MAX + 128];
        write_lines(rows[i].lines);
        BATCH(source);
        claim_failed(1, "1 of 1 devices got no license");
        (void)snprintf(words, sizeof words, " refused bad-request: %s%s", source, rows[i].words);
        ck_assert_msg(strstr(run.out, words) != NULL, "%s", run.out);
    }
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_source_that_is_none_is_refused_whole)
{
    write_lines("");
    BATCH(source);
    claim_failed(64, "devices.jsonl has no device");
    write_lines("{\"product\":\"m\",\"name\":\"a\",\"device\":{}}\n\n"
                "{\"product\":\"m\",\"name\":\"a\",\"device\":{}}\n");
    BATCH(source);
    claim_failed(64, "devices.jsonl:3: the device of line 1 is called a too");
    PROVCTL(&dir, &run, "license", "batch", source, "--out-dir", "/nonexistent");
    claim_failed(1, "/nonexistent is no folder that can be written");
    BATCH(dir.path);
    claim_failed(64, "The option --product NAME is missing");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named_and_the_others_go_on)
{
    char path[TEMP_PATH_MAX];
    struct pki *root = pki_root("Devices");
    struct pki *chip = pki_device(root, "SN-1");
    struct temp_dir folder;
    temp_dir_make(&folder);
    temp_dir_path(&folder, "c.pem", path);
    pki_write_certificate(chip, path);
    write_file(&folder, "a.pem", "x", 1);
    write_file(&folder, "b b.pem", "x", 1);
    temp_dir_path(&folder, "d.pem", path);
    ck_assert_int_eq(symlink("/nonexistent", path), 0);
    server_say(&server, 200, RESULTS(LICENSED));
    BATCH(folder.path, "--product", "meter");
    claim_failed(1, "3 of 4 devices got no license.");
    ck_assert_ptr_nonnull(strstr(run.out, "/a.pem holds no PEM certificate"));
    ck_assert_ptr_nonnull(strstr(run.out, "- refused bad-request: "));
    ck_assert_ptr_nonnull(strstr(run.out, "/b b.pem: \"b b\" is no name for a device"));
    ck_assert_ptr_nonnull(strstr(run.out, "/d.pem cannot be read: No such file"));
    ck_assert_ptr_nonnull(strstr(run.out, LICENSED_LINE("c")));
    ck_assert_uint_eq(count_files(&out), 1);
    temp_dir_remove(&folder);
    pki_free(chip);
    pki_free(root);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_one_device_that_gets_none)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "devices.jsonl", path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < 300000; i++)
        (void)fputc('x', file);
    (void)fputs("\n" DEVICE("b"), file);
    ck_assert_int_eq(fclose(file), 0);
    server_say(&server, 200, RESULTS(LICENSED));
    BATCH(source, "--product", "meter");
    claim_failed(1, "1 of 2 devices got no license.");
    ck_assert_ptr_nonnull(strstr(run.out, "devices.jsonl:1: too long"));
    ck_assert_ptr_nonnull(strstr(run.out, LICENSED_LINE("b")));
}
END_TEST

/* Answers that license count devices; the caller frees it. */
static char *license_all(size_t count)
{
    char *answer = malloc(count * sizeof LICENSED + 64);
    char *end = stpcpy(answer, "{\"results\":[");
    for (size_t i = 0; i < count; i++)
        end = stpcpy(stpcpy(end, i > 0 ? "," : ""), LICENSED);
    (void)stpcpy(end, "]}");
    return answer;
}

static void write_devices(size_t count)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "devices.jsonl", path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(file, "{\"device\":{\"x\":%zu}}\n", i);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(more_than_256_devices_are_several_questions)
{
    char *first = license_all(256);
    char *second = license_all(44);
    write_devices(300);
    server_say(&server, 200, first);
    server_say(&server, 200, second);
    BATCH(source, "--product", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(devices_of(0), 256);
    ck_assert_uint_eq(devices_of(1), 44);
    ck_assert_uint_eq(count_files(&out), 300);
    free(first);
    free(second);
}
END_TEST

START_TEST(a_server_that_takes_less_is_asked_for_less)
{
    char *half = license_all(2);
    write_devices(4);
    server_say(&server, 413, "{\"type\":\"/problems/too-large\",\"title\":\"Too large\"}");
    server_say(&server, 200, half);
    BATCH(source, "--product", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(devices_of(0), 4);
    ck_assert_uint_eq(devices_of(1), 2);
    ck_assert_uint_eq(devices_of(2), 2);
    free(half);
}
END_TEST

/* ---- what is answered ---- */

START_TEST(each_device_has_its_own_answer)
{
    write_lines(DEVICE("a") DEVICE("b") DEVICE("c"));
    server_say(&server, 200, RESULTS(STRANGER "," LICENSED "," SPENT));
    BATCH(source, "--product", "meter");
    claim_failed(12, "2 of 3 devices got no license.");
    ck_assert_str_eq(run.out, "a refused device-not-genuine: It is a stranger\n" LICENSED_LINE(
                                  "b") "c refused quota-spent: The quota is spent\n");
    ck_assert_uint_eq(count_files(&out), 1);
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(results_are_a_line_of_json_each)
{
    char *line = NULL;
    write_lines(DEVICE("a") DEVICE("b"));
    server_say(&server, 200, RESULTS(LICENSED "," SPENT));
    BATCH(source, "--product", "meter", "--json");
    ck_assert_int_eq(run.exit, 10);
    json_t *first = json_loads(strtok_r(run.out, "\n", &line), 0, NULL);
    json_t *second = json_loads(strtok_r(NULL, "\n", &line), 0, NULL);
    ck_assert_ptr_null(strtok_r(NULL, "\n", &line));
    ck_assert_str_eq(json_string_value(json_object_get(first, "name")), "a");
    ck_assert_ptr_nonnull(json_object_get(first, "license"));
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(first, "file")), "/a.bin"));
    json_t *error = json_object_get(second, "error");
    ck_assert_str_eq(json_string_value(json_object_get(error, "code")), "quota-spent");
    ck_assert_int_eq((int)json_integer_value(json_object_get(error, "exit")), 10);
    json_decref(first);
    json_decref(second);
}
END_TEST

START_TEST(a_device_that_was_told_later_is_asked_for_again_alone)
{
    write_lines(DEVICE("a") DEVICE("b"));
    server_say(&server, 200, RESULTS(LATER "," LICENSED));
    server_say(&server, 200, RESULTS(LICENSED));
    BATCH(source, "--product", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, LICENSED_LINE("b") LICENSED_LINE("a"));
    ck_assert_uint_eq(devices_of(1), 1);
}
END_TEST

START_TEST(later_to_the_end_exits_with_20_whatever_the_others_were_told)
{
    write_lines(DEVICE("a") DEVICE("b"));
    server_say(&server, 200, RESULTS(STRANGER "," LATER));
    server_say(&server, 200, RESULTS(LATER));
    BATCH(source, "--product", "meter", "--timeout", "1");
    claim_failed(20, "2 of 2 devices got no license; asking again costs nothing.");
    ck_assert_str_eq(run.out, "a refused device-not-genuine: It is a stranger\n"
                              "b refused hsm-unavailable: The HSM is away\n");
    ck_assert_uint_gt(server.request_count, 1);
    write_lines(DEVICE("b"));
    size_t before = server.request_count;
    BATCH(source, "--product", "meter", "--no-retry");
    ck_assert_int_eq(run.exit, 20);
    ck_assert_uint_eq(server.request_count, before + 1);
}
END_TEST

START_TEST(a_device_that_the_server_cannot_read_is_named_and_the_others_go_on)
{
    write_lines(DEVICE("a") "\n" DEVICE("b") DEVICE("c"));
    server_say(&server, 400,
               "{\"type\":\"/problems/bad-request\",\"detail\":\"It is no certificate.\","
               "\"path\":\"$.licenses[1].device\"}");
    server_say(&server, 200, RESULTS(LICENSED "," LICENSED));
    BATCH(source, "--product", "meter");
    claim_failed(1, "1 of 3 devices got no license.");
    ck_assert_ptr_nonnull(
        strstr(run.out, "devices.jsonl:3: It is no certificate (at $.device).\n" LICENSED_LINE("a")
                            LICENSED_LINE("c")));
    ck_assert_ptr_eq(strstr(run.out, "b refused bad-request: "), run.out);
    ck_assert_uint_eq(devices_of(1), 2);
}
END_TEST

START_TEST(a_batch_that_is_refused_without_a_place_is_refused_whole)
{
    static const char *const paths[] = {"$.licenses", "$.licenses[7].device", "", "$.licenses[x"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *body = NULL;
        ck_assert_int_gt(asprintf(&body,
                                  "{\"type\":\"/problems/bad-request\",\"detail\":\"No.\","
                                  "\"path\":\"%s\"}",
                                  paths[i]),
                         0);
        write_lines(DEVICE("a") DEVICE("b"));
        server_say(&server, 400, body);
        BATCH(source, "--product", "meter");
        free(body);
    }
    ck_assert_int_eq(run.exit, 1);
    ck_assert_uint_eq(server.request_count, sizeof paths / sizeof paths[0]);
    ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(an_answer_that_does_not_fit_writes_nothing)
{
    static const char *const bodies[] = {RESULTS(LICENSED), "{}", "<html>",
                                         RESULTS("{\"status\":201,\"license\":{}},{}")};
    write_lines(DEVICE("a") DEVICE("b"));
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        server_say(&server, 200, bodies[i]);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        BATCH(source, "--product", "meter");
        claim_failed(1, "cannot be understood");
    }
    ck_assert_uint_eq(count_files(&out), 0);
}
END_TEST

START_TEST(a_license_for_another_image_is_refused)
{
    write_lines("{\"image\":\"sha256:"
                "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
                "\"device\":{}}\n");
    server_say(&server, 200, RESULTS(LICENSED));
    BATCH(source, "--product", "meter");
    claim_failed(1, "license for another image");
    ck_assert_uint_eq(count_files(&out), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_folder_of_certificates_is_one_question,
        a_line_says_more_than_the_options,
        lines_that_cannot_be_asked_cost_nothing,
        a_source_that_is_none_is_refused_whole,
        a_file_that_cannot_be_read_is_named_and_the_others_go_on,
        a_line_that_is_too_long_is_one_device_that_gets_none,
        more_than_256_devices_are_several_questions,
        a_server_that_takes_less_is_asked_for_less,
        each_device_has_its_own_answer,
        results_are_a_line_of_json_each,
        a_device_that_was_told_later_is_asked_for_again_alone,
        later_to_the_end_exits_with_20_whatever_the_others_were_told,
        a_device_that_the_server_cannot_read_is_named_and_the_others_go_on,
        a_batch_that_is_refused_without_a_place_is_refused_whole,
        an_answer_that_does_not_fit_writes_nothing,
        a_license_for_another_image_is_refused,
        NULL};
    return suite_run("cli batch", set_up, tear_down, tests);
}
