/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The station's commands, the real program against a TLS server that says what a test wants. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/bytes.h"
#include "provctl.h"
#include "server.h"
#include "suite.h"
#include "support/pki.h"

#define IMAGE                 "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define INSTALL               "ins-01900000-0000-7000-8000-000000000001"
#define LICENSE_ID_OF_INSTALL "lic-01900000-0000-7000-8000-000000000001"
#define LICENSE_OF(members)                                                         \
    "{\"license_id\":\"lic-1\",\"install_id\":\"" INSTALL "\",\"profile\":\"cms\"," \
    "\"charged\":true,\"attempt\":1,\"remaining\":41,\"journal_index\":7," members "}"
#define GOOD LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"bGljZW5zZSE=\"")
#define UNAVAILABLE                                                                                \
    "{\"type\":\"/problems/hsm-unavailable\",\"title\":\"The HSM does not answer\",\"retryable\":" \
    "true,\"request_id\":\"r-9\"}"

static struct temp_dir dir;
static struct server server;
static struct provctl run;
static char device[TEMP_PATH_MAX];
static char out[TEMP_PATH_MAX];
static size_t files_before;

static void set_up(void)
{
    (void)unsetenv("PROVCTL_PRODUCT");
    struct pki *root = pki_root("Devices");
    struct pki *chip = pki_device(root, "SN-1");
    temp_dir_make(&dir);
    server_start(&server, &dir);
    temp_dir_path(&dir, "device.pem", device);
    temp_dir_path(&dir, "license.bin", out);
    pki_write_certificate(chip, device);
    pki_free(chip);
    pki_free(root);
    files_before = count_files(&dir);
}

static void tear_down(void)
{
    server_stop(&server);
    temp_dir_remove(&dir);
}

/* The usual question, with more options. */
#define LICENSE(...)                                                                            \
    PROVCTL(&dir, &run, "license", "--product", "meter", "--device-cert", device, "--out", out, \
            ##__VA_ARGS__)

/* It failed with that code, said that on one line, and left no file. */
static void claim_refused(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_int_eq(strncmp(run.err, "provctl: ", 9), 0);
    ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
    ck_assert_uint_eq(count_files(&dir), files_before);
}

/* ---- license ---- */

START_TEST(a_license_is_written_and_one_line_is_printed)
{
    char found[64];
    server_say(&server, 201, GOOD);
    LICENSE();
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, INSTALL " charged=yes remaining=41\n");
    ck_assert_str_eq(run.err, "");
    ck_assert_int_eq((int)read_file(&dir, "license.bin", found, sizeof found), 8);
    ck_assert_str_eq(found, "license!");
    ck_assert_uint_eq(count_files(&dir), files_before + 1);
}
END_TEST

START_TEST(the_request_carries_device_image_and_context)
{
    char pem[4096];
    server_say(&server, 201, GOOD);
    LICENSE("--lot", "L1", "--line", "3", "--work-order", "W", "--operator", "o\"o",
            "--socket-name", "s2", "--image", IMAGE);
    ck_assert_int_eq(run.exit, 0);
    const struct server_request *request = &server.requests[0];
    json_t *body = json_loadb(request->body, request->body_length, 0, NULL);
    json_t *expected = NULL;
    ck_assert_int_gt((int)read_file(&dir, "device.pem", pem, sizeof pem), 0);
    expected = json_pack("{ss ss s{ss} s{ss ss ss ss ss}}", "product", "meter", "image", IMAGE,
                         "device", "certificate_chain", pem, "context", "lot", "L1", "line", "3",
                         "work_order", "W", "operator", "o\"o", "socket", "s2");
    ck_assert(json_equal(body, expected));
    ck_assert_str_eq(request->method, "POST");
    ck_assert_str_eq(request->url, "/v1/licenses");
    ck_assert(request->has_certificate);
    json_decref(body);
    json_decref(expected);
}
END_TEST

START_TEST(json_prints_the_whole_answer)
{
    server_say(&server, 200,
               LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"bGljZW5zZSE=\","
                          "\"new\":[1,\"\\u001b\"]"));
    LICENSE("--json");
    ck_assert_int_eq(run.exit, 0);
    json_t *answer = json_loads(run.out, 0, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "journal_index")), 7);
    ck_assert(json_is_array(json_object_get(answer, "new")));
    ck_assert_ptr_null(strchr(run.out, '\033'));
    json_decref(answer);
}
END_TEST

START_TEST(dash_reads_the_device_from_stdin_and_writes_to_stdout)
{
    server_say(&server, 200, GOOD);
    provctl_run(&dir, device,
                (const char *const[]){"license", "--product", "meter", "--device-cert", "-",
                                      "--out", "-", NULL},
                &run);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, "license!");
    ck_assert_str_eq(run.err, INSTALL " charged=yes remaining=41\n");
}
END_TEST

/* ---- ST chips ---- */

static const uint8_t chip[] = "45002000\x01\xff\x00 and what else it says";

static const char *write_chip(size_t length)
{
    static uint8_t bytes[1025];
    static char path[TEMP_PATH_MAX];
    memset(bytes, 0xa5, sizeof bytes);
    memcpy(bytes, chip, sizeof chip);
    temp_dir_path(&dir, "chip.bin", path);
    write_file(&dir, "chip.bin", bytes, length);
    files_before = count_files(&dir);
    return path;
}

START_TEST(one_short_line_licenses_a_chip)
{
    char *text = NULL;
    server_say(&server, 201, GOOD);
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "chip", 1), 0);
    PROVCTL(&dir, &run, "license", "--st-certificate", write_chip(sizeof chip), "--out", out);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, INSTALL " charged=yes remaining=41\n");
    const struct server_request *request = &server.requests[0];
    json_t *body = json_loadb(request->body, request->body_length, 0, NULL);
    ck_assert_int_eq(base64_encode(bytes_of(chip, sizeof chip), &text), ERR_OK);
    json_t *expected = json_pack("{ss ss s{ss}}", "product", "chip", "image", "latest", "device",
                                 "st_certificate", text);
    ck_assert(json_equal(body, expected));
    json_decref(body);
    json_decref(expected);
    free(text);
}
END_TEST

/* Whether the length is right is the server's to say. */
START_TEST(a_chips_certificate_has_1_to_1024_bytes)
{
    static const size_t lengths[] = {1, 135, 137, 1024};
    server_say(&server, 422,
               "{\"type\":\"/problems/device-not-genuine\",\"detail\":\"It is no certificate.\","
               "\"check\":\"st-length\"}");
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "chip", 1), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        PROVCTL(&dir, &run, "license", "--st-certificate", write_chip(lengths[i]), "--out", out);
        claim_refused(12, "(check st-length)");
        ck_assert_uint_eq(server.request_count, i + 1);
    }
    PROVCTL(&dir, &run, "license", "--st-certificate", write_chip(0), "--out", out);
    claim_refused(1, "chip.bin is empty");
    PROVCTL(&dir, &run, "license", "--st-certificate", write_chip(1025), "--out", out);
    claim_refused(1, "chip.bin is larger than 1 KiB");
    ck_assert_uint_eq(server.request_count, sizeof lengths / sizeof lengths[0]);
}
END_TEST

START_TEST(a_device_shows_exactly_one_certificate)
{
    server_say(&server, 201, GOOD);
    LICENSE("--st-certificate", write_chip(sizeof chip));
    claim_refused(64, "--device-cert, --st-certificate and --device-key: give one of them");
    PROVCTL(&dir, &run, "license", "--product", "meter", "--out", out);
    claim_refused(64, "The device's certificate is missing: --device-cert FILE");
    PROVCTL(&dir, &run, "license", "--product", "meter", "--st-certificate",
            write_chip(sizeof chip), "--out", write_chip(sizeof chip));
    claim_refused(64, "would replace a file that this command reads");
    PROVCTL(&dir, &run, "license", "--st-certificate", write_chip(sizeof chip), "--out", out);
    claim_refused(64, "The option --product NAME is missing (or set PROVCTL_PRODUCT)");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(options_win_over_the_environment)
{
    char key[TEMP_PATH_MAX];
    server_say(&server, 200, GOOD);
    temp_dir_path(&dir, "station.key", key);
    ck_assert_int_eq(setenv("PROVCTL_KEY", "/nowhere", 1), 0);
    ck_assert_int_eq(setenv("PROVCTL_URL", "https://127.0.0.1:1", 1), 0);
    LICENSE("--key", key, "--url", server.url);
    ck_assert_msg(run.exit == 0, "%s", run.err);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_costs_no_unit)
{
    server_say(&server, 201, GOOD);
    PROVCTL(&dir, &run, "license", "--product", "meter", "--device-cert", device, "--out",
            "/proc/license.bin");
    claim_refused(1, "/proc/license.bin cannot be written");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(an_output_never_replaces_an_input)
{
    char alias[TEMP_PATH_MAX];
    server_say(&server, 201, GOOD);
    temp_dir_path(&dir, "alias.pem", alias);
    ck_assert_int_eq(symlink(device, alias), 0);
    files_before = count_files(&dir);
    PROVCTL(&dir, &run, "license", "--product", "meter", "--device-cert", device, "--out", alias);
    claim_refused(64, "would replace a file that this command reads");
    PROVCTL(&dir, &run, "license", "--product", "meter", "--device-cert", device, "--out",
            getenv("PROVCTL_KEY"));
    claim_refused(64, "would replace a file that this command reads");
    PROVCTL(&dir, &run, "image", "fetch", IMAGE, "--out", getenv("PROVCTL_CERT"));
    claim_refused(64, "would replace a file that this command reads");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

/* ---- refusals ---- */

struct refusal {
    unsigned status;
    const char *name;
    int exit;
};

START_TEST(problems_decide_the_exit_code)
{
    static const struct refusal refusals[] = {{409, "quota-spent", 10},
                                              {403, "forbidden", 11},
                                              {401, "unauthenticated", 11},
                                              {422, "device-not-genuine", 12},
                                              {409, "device-identity-conflict", 13},
                                              {409, "device-scrapped", 13},
                                              {404, "route-unknown", 1},
                                              {503, "not-initialised", 1},
                                              {500, "internal", 1}};
    char body[256];
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        (void)snprintf(body, sizeof body,
                       "{\"type\":\"/problems/%s\",\"detail\":\"Because. Do that.\","
                       "\"request_id\":\"r-1\",\"retryable\":false}",
                       refusals[i].name);
        server.answer_count = 0;
        server_say(&server, refusals[i].status, body);
        LICENSE();
        claim_refused(refusals[i].exit, "provctl: Because. Do that. (request r-1)\n");
    }
    ck_assert_uint_eq(server.request_count, sizeof refusals / sizeof refusals[0]);
}
END_TEST

START_TEST(json_gives_the_failure_as_an_object)
{
    server_say(&server, 409, "{\"type\":\"/problems/quota-spent\",\"title\":\"Spent\"}");
    LICENSE("--json");
    claim_refused(10, "Spent. Ask the product's owner");
    json_t *answer = json_loads(run.out, 0, NULL);
    json_t *error = json_object_get(answer, "error");
    ck_assert_str_eq(json_string_value(json_object_get(error, "code")), "quota-spent");
    ck_assert_int_eq(json_integer_value(json_object_get(error, "exit")), 10);
    json_decref(answer);
}
END_TEST

START_TEST(json_tells_the_failed_check_and_what_to_do)
{
    server_say(&server, 422,
               "{\"type\":\"/problems/device-not-genuine\",\"detail\":\"It is expired. Set the "
               "device aside; \\u001b.\",\"check\":\"new-check\",\"path\":\"$.device\","
               "\"retryable\":false}");
    LICENSE("--json");
    claim_refused(12, "provctl: It is expired (at $.device). Set the device aside; \\x1b.\n");
    json_t *answer = json_loads(run.out, 0, NULL);
    json_t *expected =
        json_pack("{s{ss ss ss ss ss sb sn ss si}}", "error", "code", "device-not-genuine",
                  "message", "It is expired (at $.device).", "advice",
                  "Set the device aside; \\x1b.", "check", "new-check", "path", "$.device",
                  "retryable", 0, "retry_after", "request_id", "", "exit", 12);
    ck_assert_msg(json_equal(answer, expected), "%s", run.out);
    json_decref(answer);
    json_decref(expected);
}
END_TEST

/* What the answer's error object says of a member; the caller frees nothing. */
static void claim_error_member(const char *member, const char *text)
{
    json_t *answer = json_loads(run.out, 0, NULL);
    const json_t *found = json_object_get(json_object_get(answer, "error"), member);
    ck_assert_msg(json_is_string(found) && strcmp(json_string_value(found), text) == 0, "%s",
                  run.out);
    json_decref(answer);
}

START_TEST(a_failure_for_machines_never_lacks_what_to_do)
{
    LICENSE("--json", "--ca", "/nonexistent");
    claim_error_member("message", "--ca /nonexistent cannot be read: No such file or directory");
    claim_error_member("advice", "Mend what the message names.");
    LICENSE("--json", "--url", "http://x");
    claim_error_member("advice", "See provctl help, or --help behind the command.");
    server_say(&server, 400, "{\"type\":\"/problems/bad-request\",\"title\":\"Wrong\"}");
    LICENSE("--json");
    claim_error_member("message", "Wrong");
    claim_error_member("advice", "Mend what the message names.");
    server_say(&server, 200, "{}");
    server.answer_count = 1;
    server.answers[0] = (struct server_answer){.status = 200, .body = "{}"};
    LICENSE("--json");
    claim_error_member("message", "The server's answer cannot be understood (license_id).");
    claim_error_member("advice", "Is --url the address of provisiond, and are the versions equal?");
}
END_TEST

START_TEST(what_a_server_says_to_programs_is_said_in_our_words)
{
    static const struct {
        unsigned status;
        const char *body;
        const char *words;
    } rows[] = {
        {400,
         "{\"type\":\"/problems/bad-request\",\"detail\":\"It is no name. Correct the "
         "station's software; the same request will fail again.\",\"path\":\"$.product\"}",
         "provctl: It is no name (at $.product). If that is right, are the versions of provctl and "
         "the server equal?\n"},
        {413,
         "{\"type\":\"/problems/too-large\",\"detail\":\"It is too long. Split it. Correct "
         "the station's software; the same request will fail again.\"}",
         "provctl: It is too long. Split it.\n"},
        {405,
         "{\"type\":\"/problems/method-not-allowed\",\"title\":\"No\",\"detail\":\""
         "Correct the station's software; see the Allow header.\"}",
         "provctl: No. Check --url; are the versions equal?\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        server.answer_count = 0;
        server_say(&server, rows[i].status, rows[i].body);
        LICENSE();
        claim_refused(1, rows[i].words);
    }
}
END_TEST

START_TEST(a_problem_says_when_to_try_again)
{
    static const struct {
        struct server_answer answer;
        int exit;
        const char *words;
    } rows[] = {
        {{503,
          "{\"type\":\"/problems/busy\",\"detail\":\"The queue is full. Retry after the time in "
          "Retry-After.\"}",
          0, "40", SERVER_WHOLE},
         20,
         "provctl: The queue is full. Try again in 40 s.\n"},
        {{503, "{\"type\":\"/problems/timeout\",\"title\":\"Late\"}", 0, "130", SERVER_WHOLE},
         20,
         "provctl: Late. Try again in 3 min: a repeat costs nothing.\n"},
        {{409, "{\"type\":\"/problems/budget-spent\",\"title\":\"Spent\"}", 0, "11500",
          SERVER_WHOLE},
         10,
         "provctl: Spent. Wait for its next period, or ask the administrator; see provctl budget "
         "list. Try again in 3 h 12 min.\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        server.answer_count = 0;
        server_say_how(&server, &rows[i].answer);
        LICENSE("--no-retry");
        claim_refused(rows[i].exit, rows[i].words);
    }
    LICENSE("--no-retry", "--json");
    ck_assert_msg(strstr(run.out, "\"retry_after\": 11500") != NULL, "%s", run.out);
}
END_TEST

START_TEST(control_characters_of_a_server_are_escaped)
{
    server_say(&server, 409,
               "{\"type\":\"/problems/quota-spent\",\"detail\":\"\\u001b[2J\\nfake: ok\","
               "\"request_id\":\"\\u001b]0;x\"}");
    LICENSE();
    claim_refused(10, "\\x1b[2J\\x0afake: ok");
    ck_assert_ptr_null(strchr(run.err, '\033'));
}
END_TEST

/* ---- hostile answers ---- */

START_TEST(a_wrong_answer_writes_no_file)
{
    static const char *const bodies[] = {
        "",
        "null",
        "<html>hello</html>",
        "{}",
        GOOD "x",
        LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":7"),
        LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"\""),
        LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"bGlj ZW5zZSE=\""),
        LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"bGljZW5zZSE\""),
        LICENSE_OF("\"image\":\"sha256:00\",\"license\":\"bGljZW5zZSE=\""),
        LICENSE_OF("\"image\":null,\"license\":\"bGljZW5zZSE=\""),
        LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"bGljZW5zZSE=\",\"charged\":true"),
        "{\"license_id\":\"l\",\"install_id\":\"../x\",\"charged\":true,\"attempt\":1,"
        "\"remaining\":1,\"journal_index\":1,\"image\":\"" IMAGE "\",\"license\":\"bGlj\"}",
        "{\"license_id\":\"l\",\"install_id\":\"i\",\"charged\":\"yes\",\"attempt\":1,"
        "\"remaining\":1,\"journal_index\":1,\"image\":\"" IMAGE "\",\"license\":\"bGlj\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        server.answer_count = 0;
        server_say(&server, 201, bodies[i]);
        LICENSE();
        claim_refused(1, "The server's answer cannot be understood");
    }
}
END_TEST

START_TEST(a_license_for_another_image_is_refused)
{
    server_say(&server, 201, GOOD);
    LICENSE("--image", "sha256:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    claim_refused(1, "a license for another image");
}
END_TEST

START_TEST(a_license_of_more_than_4096_bytes_is_refused)
{
    static uint8_t large[4097];
    char body[8192];
    char *text = NULL;
    ck_assert_int_eq(base64_encode(bytes_of(large, sizeof large), &text), ERR_OK);
    (void)snprintf(body, sizeof body, LICENSE_OF("\"image\":\"" IMAGE "\",\"license\":\"%s\""),
                   text);
    server_say(&server, 201, body);
    LICENSE();
    claim_refused(1, "The server's answer cannot be understood (license)");
    free(text);
}
END_TEST

START_TEST(an_answer_of_more_than_four_mebibytes_is_refused)
{
    size_t length = (size_t)5 * 1024 * 1024;
    char *body = malloc(length);
    memset(body, ' ', length);
    server_say_how(&server,
                   &(struct server_answer){.status = 201, .body = body, .body_length = length});
    LICENSE();
    claim_refused(1, "The server's answer is too large");
    ck_assert_uint_eq(server.request_count, 1);
    free(body);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    size_t length = (size_t)512 * 1024;
    char *body = malloc(length);
    memset(body, '[', length);
    server_say_how(&server,
                   &(struct server_answer){.status = 201, .body = body, .body_length = length});
    LICENSE();
    claim_refused(1, "The server's answer cannot be understood");
    free(body);
}
END_TEST

/* ---- repeating ---- */

START_TEST(a_503_is_asked_again)
{
    server_say(&server, 503, UNAVAILABLE);
    server_say(&server, 429, "");
    server_say(&server, 201, GOOD);
    LICENSE();
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(server.request_count, 3);
    ck_assert_str_eq(server.requests[2].url, "/v1/licenses");
    ck_assert_uint_eq(server.requests[2].body_length, server.requests[0].body_length);
}
END_TEST

START_TEST(a_lost_connection_is_asked_again)
{
    server_say_how(&server, &(struct server_answer){.manner = SERVER_CLOSE});
    server_say_how(&server,
                   &(struct server_answer){.status = 201, .body = GOOD, .manner = SERVER_CUT});
    server_say(&server, 201, GOOD);
    LICENSE();
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(server.request_count, 3);
}
END_TEST

START_TEST(repeating_ends_with_the_time)
{
    server_say(&server, 503, UNAVAILABLE);
    LICENSE("--timeout", "1");
    claim_refused(20, "The HSM does not answer. Try again in a moment. (request r-9)");
    ck_assert_uint_ge(server.request_count, 2);
}
END_TEST

START_TEST(a_long_retry_after_ends_it_at_once)
{
    server_say_how(&server, &(struct server_answer){
                                .status = 503, .body = UNAVAILABLE, .retry_after = "86400"});
    LICENSE("--timeout", "20");
    claim_refused(20, "The HSM does not answer");
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_server_that_is_not_there_exits_with_20)
{
    LICENSE("--url", "https://127.0.0.1:1", "--timeout", "1");
    claim_refused(20, "https://127.0.0.1:1 cannot be reached");
}
END_TEST

/* A host that hangs up on everybody, as provisiond does beyond its limits of connections. */
static void *turn_away(void *context)
{
    const int listener = *(const int *)context;
    for (int peer = accept(listener, NULL, NULL); peer >= 0; peer = accept(listener, NULL, NULL))
        (void)close(peer);
    return NULL;
}

START_TEST(a_connection_that_is_turned_away_says_what_the_cause_may_be)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    pthread_t thread;
    char url[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, turn_away, &listener), 0);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u", ntohs(address.sin_port));
    LICENSE("--url", url, "--no-retry");
    claim_refused(20, "closed the connection before it was asked");
    claim_refused(20, "too many connections from this address");
    (void)shutdown(listener, SHUT_RDWR);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    (void)close(listener);
}
END_TEST

START_TEST(a_certificate_that_cannot_sign_is_named_before_anybody_is_asked)
{
    char path[TEMP_PATH_MAX];
    struct pki *root = pki_root("Root");
    struct pki *client = pki_new(
        root, &(struct pki_options){.name = "line-3", .key_usage = "critical,keyAgreement"});
    temp_dir_path(&dir, "station.pem", path);
    pki_write_certificate(client, path);
    LICENSE();
    claim_refused(1, "its key usage is without digitalSignature. Have it issued anew");
    ck_assert_uint_eq(server.request_count, 0);
    pki_free(client);
    pki_free(root);
}
END_TEST

/* ---- trust ---- */

START_TEST(a_server_of_another_ca_is_not_trusted)
{
    server_say(&server, 201, GOOD);
    struct pki *stranger = pki_root("Stranger");
    char path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "ca.pem", path);
    pki_write_certificate(stranger, path);
    LICENSE();
    claim_refused(1, "does not prove itself by the CA");
    ck_assert_uint_eq(server.request_count, 0);
    pki_free(stranger);
}
END_TEST

START_TEST(a_server_of_another_name_is_not_trusted)
{
    char url[80];
    server_say(&server, 201, GOOD);
    (void)snprintf(url, sizeof url, "https://127.0.0.2%s", strrchr(server.url, ':'));
    LICENSE("--url", url, "--timeout", "1");
    ck_assert_int_ne(run.exit, 0);
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(plain_http_is_refused)
{
    LICENSE("--url", "http://127.0.0.1:80");
    claim_refused(64, "does not begin with https://");
}
END_TEST

START_TEST(an_address_is_a_host_and_a_port_alone)
{
    static const char *const wrong[] = {"/v1", "/?x", "?x=1", "#x", "//v1"};
    char url[96];
    server_say(&server, 201, GOOD);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(url, sizeof url, "%s%s", server.url, wrong[i]);
        LICENSE("--url", url);
        claim_refused(64, "has a path or a query. Give https://HOST[:PORT] alone.");
    }
    ck_assert_uint_eq(server.request_count, 0);
    (void)snprintf(url, sizeof url, "%s/", server.url);
    LICENSE("--url", url);
    ck_assert_msg(run.exit == 0, "%s", run.err);
}
END_TEST

START_TEST(a_host_that_cannot_exist_is_no_reason_to_try_again)
{
    LICENSE("--url", "https://a..b");
    claim_refused(1, "There is no host of the name in https://a..b. Check --url.");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named_with_its_option)
{
    LICENSE("--cert", "/nowhere.pem");
    claim_refused(1, "--cert /nowhere.pem cannot be read: No such file or directory.");
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
    server_say(&server, 302, "");
    LICENSE();
    claim_refused(1, "(HTTP status 302)");
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_key_that_is_no_key_is_named_at_once)
{
    server_say(&server, 201, GOOD);
    LICENSE("--key", device);
    claim_refused(1, "A TLS file cannot be used");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

/* openssl s_server demands a certificate of a CA that is not the station's. */
static FILE *start_strict_server(char *ret_url, size_t size)
{
    char command[1024];
    char line[256] = "";
    unsigned port = 0;
    struct pki *stranger = pki_root("Stranger");
    char stranger_path[TEMP_PATH_MAX];
    temp_dir_path(&dir, "stranger.pem", stranger_path);
    pki_write_certificate(stranger, stranger_path);
    pki_free(stranger);
    (void)snprintf(command, sizeof command,
                   "cd %s && exec openssl s_server -accept 127.0.0.1:0 -cert server.pem -key "
                   "server.key -CAfile stranger.pem -Verify 1 -verify_return_error -www "
                   "-naccept 1 2>/dev/null",
                   dir.path);
    FILE *strict = popen(command, "r");
    ck_assert_ptr_nonnull(strict);
    while (port == 0 && fgets(line, sizeof line, strict) != NULL)
        (void)sscanf(line, "ACCEPT 127.0.0.1:%u", &port);
    (void)snprintf(ret_url, size, "https://127.0.0.1:%u", port);
    return strict;
}

START_TEST(a_certificate_refused_by_tls_exits_with_11)
{
    char url[64];
    char path[TEMP_PATH_MAX];
    struct pki *root = pki_root("Another");
    struct pki *own = pki_server(root);
    temp_dir_path(&dir, "server.pem", path);
    pki_write_certificate(own, path);
    temp_dir_path(&dir, "server.key", path);
    pki_write_key(own, path);
    temp_dir_path(&dir, "ca.pem", path);
    pki_write_certificate(root, path);
    FILE *strict = start_strict_server(url, sizeof url);
    files_before = count_files(&dir);
    LICENSE("--url", url, "--timeout", "5");
    claim_refused(11, "The server refused the certificate");
    (void)pclose(strict);
    pki_free(own);
    pki_free(root);
}
END_TEST

/* ---- outcome and usage ---- */

START_TEST(an_outcome_is_reported)
{
    server_say(&server, 200, "{}");
    PROVCTL(&dir, &run, "outcome", INSTALL, "failed", "--code", "E7", "--detail", "no answer");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, INSTALL " failed\n");
    ck_assert_str_eq(server.requests[0].url, "/v1/installs/" INSTALL "/outcome");
    ck_assert_str_eq(server.requests[0].body,
                     "{\"result\":\"failed\",\"code\":\"E7\",\"detail\":\"no answer\"}");
}
END_TEST

START_TEST(an_outcome_takes_the_id_of_the_license_too)
{
    server_say(&server, 200, "{\"install_id\":\"" INSTALL "\",\"result\":\"failed\"}");
    PROVCTL(&dir, &run, "outcome", LICENSE_ID_OF_INSTALL, "failed");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, INSTALL " failed\n");
    ck_assert_str_eq(server.requests[0].url, "/v1/installs/" INSTALL "/outcome");
}
END_TEST

START_TEST(an_outcome_that_does_not_exist_is_a_usage_error)
{
    PROVCTL(&dir, &run, "outcome", INSTALL, "broken");
    claim_refused(64, "broken is no result");
    PROVCTL(&dir, &run, "outcome", "../../x", "failed");
    claim_refused(64, "../../x is no id of a license or an install. provctl license prints one");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_devices_receipt_goes_along_and_is_answered)
{
    char path[TEMP_PATH_MAX];
    server_say(&server, 200,
               "{\"install_id\":\"" INSTALL "\",\"result\":\"succeeded\",\"proven\":true,"
               "\"attempt\":1}");
    temp_dir_path(&dir, "receipt.der", path);
    write_file(&dir, "receipt.der", "0\x06\x02\x01\xff\x02\x01\x01", 8);
    PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded", "--device-receipt", path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, INSTALL " succeeded proven=yes\n");
    ck_assert_str_eq(server.requests[0].body,
                     "{\"result\":\"succeeded\",\"device_receipt\":\"MAYCAf8CAQE=\"}");
    PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded", "--device-receipt", path, "--json");
    ck_assert_str_eq(run.out, "{\"install_id\": \"" INSTALL "\", \"result\": \"succeeded\", "
                              "\"proven\": true}\n");
}
END_TEST

START_TEST(a_devices_receipt_has_1_to_144_bytes_and_belongs_to_a_success)
{
    static const char bytes[145] = "0";
    char path[TEMP_PATH_MAX];
    server_say(&server, 200, "{\"proven\":false}");
    temp_dir_path(&dir, "receipt.der", path);
    write_file(&dir, "receipt.der", bytes, 145);
    files_before = count_files(&dir);
    PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded", "--device-receipt", path);
    claim_refused(1, "receipt.der is larger than 144 bytes.");
    PROVCTL(&dir, &run, "outcome", INSTALL, "failed", "--device-receipt", path);
    claim_refused(64, "--device-receipt belongs to the result succeeded");
    write_file(&dir, "receipt.der", bytes, 0);
    PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded", "--device-receipt", path);
    claim_refused(1, "receipt.der is empty");
    ck_assert_uint_eq(server.request_count, 0);
    write_file(&dir, "receipt.der", bytes, 144);
    PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded", "--device-receipt", path);
    ck_assert_str_eq(run.out, INSTALL " succeeded proven=no\n");
}
END_TEST

START_TEST(a_scrapped_device_is_told_whether_a_unit_was_drawn)
{
    server_say(&server, 200, "{\"proven\":false,\"scrap_drawn\":true}");
    server_say(&server, 200, "{\"proven\":false,\"scrap_drawn\":false}");
    PROVCTL(&dir, &run, "outcome", INSTALL, "scrapped");
    ck_assert_str_eq(run.out, INSTALL " scrapped scrap_drawn=yes\n");
    PROVCTL(&dir, &run, "outcome", INSTALL, "scrapped", "--json");
    ck_assert_str_eq(run.out, "{\"install_id\": \"" INSTALL "\", \"result\": \"scrapped\", "
                              "\"proven\": false, \"scrap_drawn\": false}\n");
}
END_TEST

START_TEST(an_answer_to_an_outcome_that_is_none_is_refused)
{
    static const char *const bodies[] = {
        "",   "null", "[]", "{\"proven\":\"yes\"}", "{\"scrap_drawn\":1}", "{\"proven\":null}",
        "{}x"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        server.answer_count = 0;
        server_say(&server, 200, bodies[i]);
        PROVCTL(&dir, &run, "outcome", INSTALL, "succeeded");
        claim_refused(1, "The server's answer cannot be understood");
        ck_assert_str_eq(run.out, "");
    }
}
END_TEST

START_TEST(usage_is_asked_over_rest_when_there_is_an_address)
{
    static const char golden[] =
        "Product  meter\n"
        "Policy   per-device: one unit pays for one device\n"
        "Rule     governed: documents signed by its authorities decide\n"
        "Anchor   none: this HSM cannot remember the journal; an older ledger would not be "
        "noticed\n"
        "\n"
        "  Accepted     1000\n"
        "- Revoked         0\n"
        "+ Scrap drawn     0  of an allowance of 20\n"
        "= Granted      1000\n"
        "\n"
        "  Remaining     960\n"
        "+ Charged        40\n"
        "= Granted      1000\n"
        "\n"
        "  Succeeded      39  of them proven by the device: 3\n"
        "+ Failed          1\n"
        "+ Scrapped        0\n"
        "+ Unreported      0\n"
        "= Charged        40\n"
        "\n"
        "  Licenses       41  one device may have several, one for each image\n";
    server_say(&server, 200,
               "{\"product\":\"meter\",\"granted\":1000,\"charged\":40,\"remaining\":960,"
               "\"licensed\":41,\"succeeded\":39,\"failed\":1,\"scrapped\":0,\"unreported\":0,"
               "\"accepted\":1000,\"revoked\":0,\"scrap_allowance\":20,\"scrap_drawn\":0,"
               "\"proven\":3,\"governed\":true,\"policy\":\"per-device\",\"anchor\":\"none\","
               "\"unreported_age\":{\"under_1h\":0,\"under_1d\":0,\"under_7d\":0,\"older\":0}}");
    PROVCTL(&dir, &run, "usage", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, golden);
    ck_assert_str_eq(server.requests[0].method, "GET");
    ck_assert_str_eq(server.requests[0].url, "/v1/products/meter/usage");
}
END_TEST

/* ---- receipt ---- */

#define LICENSE_ID "lic-01900000-0000-7000-8000-000000000001"
#define HASH       "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define RECEIPT_OF(members)         \
    "{\"license_id\":\"" LICENSE_ID \
    "\",\"leaf\":\"{\\\"v\\\":1}\",\"checkpoint\":\"plant\\n2\"," members "}"
/* Without leaf and checkpoint. */
#define BARE_OF(id, members) \
    "{\"license_id\":\"" id "\",\"index\":0,\"tree_size\":1,\"proof\":[]," members "}"
#define RECEIPT              RECEIPT_OF("\"index\":7,  \"tree_size\":1042,\"proof\":[\"" HASH "\"]")

#define GET_RECEIPT(id, ...) PROVCTL(&dir, &run, "receipt", id, "--out", out, ##__VA_ARGS__)

START_TEST(a_receipt_is_written_as_it_came)
{
    char found[1024];
    server_say(&server, 200, RECEIPT);
    GET_RECEIPT(LICENSE_ID);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.out, LICENSE_ID " leaf=7 checkpoint=1042\n");
    ck_assert_int_gt((int)read_file(&dir, "license.bin", found, sizeof found), 0);
    ck_assert_str_eq(found, RECEIPT);
    ck_assert_str_eq(server.requests[0].method, "GET");
    ck_assert_str_eq(server.requests[0].url, "/v1/licenses/" LICENSE_ID "/receipt");
}
END_TEST

START_TEST(a_receipt_is_had_by_the_install_id_too)
{
    server_say(&server, 200, RECEIPT_OF("\"index\":0,\"tree_size\":1,\"proof\":[]"));
    GET_RECEIPT("ins-01900000-0000-7000-8000-000000000001", "--json");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(server.requests[0].url, "/v1/licenses/" LICENSE_ID "/receipt");
    json_t *answer = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(answer, "license_id")), LICENSE_ID);
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "index")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "tree_size")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(answer, "file")), out);
    json_decref(answer);
}
END_TEST

START_TEST(a_receipt_goes_to_stdout_when_that_is_asked_for)
{
    server_say(&server, 200, RECEIPT);
    PROVCTL(&dir, &run, "receipt", LICENSE_ID, "--out", "-");
    ck_assert_str_eq(run.out, RECEIPT);
    ck_assert_str_eq(run.err, LICENSE_ID " leaf=7 checkpoint=1042\n");
    PROVCTL(&dir, &run, "receipt", LICENSE_ID, "--out", "-", "--json");
    claim_refused(64, "--json and --out - both want standard output");
}
END_TEST

#define NOT_COVERED                                                                        \
    "{\"type\":\"/problems/not-covered-yet\",\"title\":\"No checkpoint covers this yet\"," \
    "\"retryable\":true}"

START_TEST(a_receipt_is_waited_for)
{
    server_say(&server, 503, NOT_COVERED);
    server_say_how(&server,
                   &(struct server_answer){.status = 503, .body = NOT_COVERED, .retry_after = "1"});
    server_say(&server, 200, RECEIPT);
    GET_RECEIPT(LICENSE_ID);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(server.request_count, 3);
}
END_TEST

START_TEST(waiting_for_a_receipt_ends_with_the_time)
{
    server_say(&server, 503, NOT_COVERED);
    GET_RECEIPT(LICENSE_ID, "--timeout", "1");
    claim_refused(20, "No checkpoint covers this yet");
    ck_assert_uint_ge(server.request_count, 2);
}
END_TEST

START_TEST(a_receipt_that_is_none_writes_no_file)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        RECEIPT "x",
        RECEIPT_OF("\"index\":7,\"tree_size\":7,\"proof\":[]"),
        RECEIPT_OF("\"index\":-1,\"tree_size\":7,\"proof\":[]"),
        RECEIPT_OF("\"index\":1.5,\"tree_size\":7,\"proof\":[]"),
        RECEIPT_OF("\"index\":0,\"tree_size\":1"),
        RECEIPT_OF("\"index\":0,\"tree_size\":1,\"proof\":{}"),
        RECEIPT_OF("\"index\":0,\"tree_size\":2,\"proof\":[7]"),
        RECEIPT_OF("\"index\":0,\"tree_size\":2,\"proof\":[\"AAEC\"]"),
        RECEIPT_OF("\"index\":0,\"tree_size\":2,\"proof\":[\"" HASH "AAEC\"]"),
        RECEIPT_OF("\"index\":0,\"tree_size\":1,\"proof\":[],\"leaf\":\"x\""),
        BARE_OF(LICENSE_ID, "\"leaf\":\"\",\"checkpoint\":\"x\""),
        BARE_OF(LICENSE_ID, "\"leaf\":\"x\",\"checkpoint\":\"\""),
        BARE_OF(LICENSE_ID, "\"leaf\":\"x\""),
        BARE_OF(LICENSE_ID, "\"leaf\":7,\"checkpoint\":\"x\""),
        BARE_OF("../x", "\"leaf\":\"x\",\"checkpoint\":\"x\"")};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        server.answer_count = 0;
        server_say(&server, 200, bodies[i]);
        GET_RECEIPT(LICENSE_ID);
        claim_refused(1, "The server's answer cannot be understood");
    }
}
END_TEST

START_TEST(a_receipt_of_another_license_is_refused)
{
    server_say(&server, 200, RECEIPT);
    GET_RECEIPT("lic-01900000-0000-7000-8000-000000000002");
    claim_refused(1, "The server answered with the receipt of another license");
    GET_RECEIPT("../../x");
    claim_refused(64, "../../x is no id of a license or an install");
    PROVCTL(&dir, &run, "receipt", LICENSE_ID, "--out", getenv("PROVCTL_KEY"));
    claim_refused(64, "would replace a file that this command reads");
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

/* ---- image fetch ---- */

#define CONTENT_BYTES ((size_t)300 * 1000)
static char content[CONTENT_BYTES];
static char reference[IMAGE_REFERENCE_SIZE];

static void serve_content(void)
{
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 2654435761U >> 13);
    struct sha256 digest = sha256_of(bytes_of(content, sizeof content));
    image_reference_format(&digest, reference);
    server.content = content;
    server.content_length = sizeof content;
}

#define FETCH(...) PROVCTL(&dir, &run, "image", "fetch", reference, "--out", out, ##__VA_ARGS__)

static void claim_fetched(void)
{
    static char found[CONTENT_BYTES + 1];
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_eq((int)read_file(&dir, "license.bin", found, sizeof found), (int)CONTENT_BYTES);
    ck_assert_int_eq(memcmp(found, content, CONTENT_BYTES), 0);
    ck_assert_uint_eq(count_files(&dir), files_before + 1);
}

START_TEST(an_image_is_fetched_and_checked)
{
    serve_content();
    FETCH();
    claim_fetched();
    ck_assert_int_eq(strncmp(server.requests[0].url, "/v1/images/sha256:", 18), 0);
}
END_TEST

START_TEST(a_lost_download_continues_where_it_stopped)
{
    serve_content();
    server.content_cut = 123456;
    FETCH();
    claim_fetched();
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert_str_eq(server.requests[0].range, "");
    ck_assert_str_eq(server.requests[1].range, "bytes=123456-");
}
END_TEST

START_TEST(a_part_of_an_earlier_run_is_continued)
{
    serve_content();
    write_file(&dir, "license.bin.part", content, 1000);
    FETCH();
    claim_fetched();
    ck_assert_str_eq(server.requests[0].range, "bytes=1000-");
}
END_TEST

START_TEST(a_whole_part_needs_no_more_bytes)
{
    serve_content();
    write_file(&dir, "license.bin.part", content, sizeof content);
    FETCH();
    claim_fetched();
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_server_without_ranges_begins_anew)
{
    serve_content();
    server.ignores_ranges = true;
    write_file(&dir, "license.bin.part", content + 5, 1000);
    FETCH();
    claim_fetched();
    ck_assert_uint_eq(server.request_count, 1);
}
END_TEST

START_TEST(a_range_that_was_not_asked_for_is_refused)
{
    serve_content();
    server.shifts_ranges = true;
    write_file(&dir, "license.bin.part", content, 1000);
    files_before = count_files(&dir);
    FETCH();
    claim_refused(1, "another part of the content than was asked for");
}
END_TEST

START_TEST(a_part_of_another_image_is_thrown_away)
{
    serve_content();
    write_file(&dir, "license.bin.part", "something else", 14);
    FETCH();
    claim_fetched();
    ck_assert_uint_eq(server.request_count, 2);
    ck_assert_str_eq(server.requests[1].range, "");
}
END_TEST

START_TEST(content_of_another_digest_is_never_named_so)
{
    serve_content();
    content[77]++;
    FETCH();
    claim_refused(1, "content of another digest");
}
END_TEST

START_TEST(an_image_that_is_there_is_not_fetched_again)
{
    serve_content();
    write_file(&dir, "license.bin", content, sizeof content);
    FETCH();
    claim_fetched();
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_file_with_other_content_is_not_replaced_by_an_image)
{
    char found[32];
    serve_content();
    write_file(&dir, "license.bin", "a certificate", 13);
    files_before = count_files(&dir);
    FETCH();
    claim_refused(1, "license.bin is there already with other content");
    ck_assert_int_eq((int)read_file(&dir, "license.bin", found, sizeof found), 13);
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(an_image_that_is_unknown_leaves_no_content)
{
    server_say(&server, 404, "{\"type\":\"/problems/image-unknown\",\"title\":\"Unknown\"}");
    (void)snprintf(reference, sizeof reference, "%s", IMAGE);
    FETCH();
    claim_refused(1, "provctl: Unknown. See provctl image list.");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_license_is_written_and_one_line_is_printed,
                                  the_request_carries_device_image_and_context,
                                  json_prints_the_whole_answer,
                                  dash_reads_the_device_from_stdin_and_writes_to_stdout,
                                  one_short_line_licenses_a_chip,
                                  a_chips_certificate_has_1_to_1024_bytes,
                                  a_device_shows_exactly_one_certificate,
                                  options_win_over_the_environment,
                                  a_folder_that_cannot_be_written_costs_no_unit,
                                  an_output_never_replaces_an_input,
                                  problems_decide_the_exit_code,
                                  json_gives_the_failure_as_an_object,
                                  json_tells_the_failed_check_and_what_to_do,
                                  a_failure_for_machines_never_lacks_what_to_do,
                                  what_a_server_says_to_programs_is_said_in_our_words,
                                  a_problem_says_when_to_try_again,
                                  control_characters_of_a_server_are_escaped,
                                  a_wrong_answer_writes_no_file,
                                  a_license_for_another_image_is_refused,
                                  a_license_of_more_than_4096_bytes_is_refused,
                                  an_answer_of_more_than_four_mebibytes_is_refused,
                                  deep_nesting_is_refused,
                                  a_503_is_asked_again,
                                  a_lost_connection_is_asked_again,
                                  repeating_ends_with_the_time,
                                  a_long_retry_after_ends_it_at_once,
                                  a_server_that_is_not_there_exits_with_20,
                                  a_connection_that_is_turned_away_says_what_the_cause_may_be,
                                  a_certificate_that_cannot_sign_is_named_before_anybody_is_asked,
                                  a_server_of_another_ca_is_not_trusted,
                                  a_server_of_another_name_is_not_trusted,
                                  plain_http_is_refused,
                                  an_address_is_a_host_and_a_port_alone,
                                  a_host_that_cannot_exist_is_no_reason_to_try_again,
                                  a_file_that_cannot_be_read_is_named_with_its_option,
                                  a_redirect_is_not_followed,
                                  a_key_that_is_no_key_is_named_at_once,
                                  a_certificate_refused_by_tls_exits_with_11,
                                  an_outcome_is_reported,
                                  an_outcome_takes_the_id_of_the_license_too,
                                  an_outcome_that_does_not_exist_is_a_usage_error,
                                  a_devices_receipt_goes_along_and_is_answered,
                                  a_devices_receipt_has_1_to_144_bytes_and_belongs_to_a_success,
                                  a_scrapped_device_is_told_whether_a_unit_was_drawn,
                                  an_answer_to_an_outcome_that_is_none_is_refused,
                                  usage_is_asked_over_rest_when_there_is_an_address,
                                  a_receipt_is_written_as_it_came,
                                  a_receipt_is_had_by_the_install_id_too,
                                  a_receipt_goes_to_stdout_when_that_is_asked_for,
                                  a_receipt_is_waited_for,
                                  waiting_for_a_receipt_ends_with_the_time,
                                  a_receipt_that_is_none_writes_no_file,
                                  a_receipt_of_another_license_is_refused,
                                  an_image_is_fetched_and_checked,
                                  a_lost_download_continues_where_it_stopped,
                                  a_part_of_an_earlier_run_is_continued,
                                  a_whole_part_needs_no_more_bytes,
                                  a_server_without_ranges_begins_anew,
                                  a_range_that_was_not_asked_for_is_refused,
                                  a_part_of_another_image_is_thrown_away,
                                  content_of_another_digest_is_never_named_so,
                                  an_image_that_is_there_is_not_fetched_again,
                                  a_file_with_other_content_is_not_replaced_by_an_image,
                                  an_image_that_is_unknown_leaves_no_content,
                                  NULL};
    return suite_run("cli station", set_up, tear_down, tests);
}
