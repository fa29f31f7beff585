/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The drop-in routes of ST's early license server, as an old station calls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_limits.h"
#include "call.h"
#include "front.h"
#include "suites.h"

#define FIELD      "dev_certificate_file"
#define TYPE       "multipart/form-data; boundary=XYZ"
#define HEAD       "--XYZ\r\nContent-Disposition: form-data; name=\"" FIELD "\"\r\n\r\n"
#define TAIL       "\r\n--XYZ--\r\n"
#define GOOD       HEAD "certificate" TAIL
#define IMAGE_PATH "/fw/sfi/pump-7.2/get/image"
#define DIGEST     "sha256:abababababababababababababababababababababababababababababababab"
#define ETAG       "\"" DIGEST "\""

static struct answer answer;

static void post(const char *path, const char *body)
{
    call_send(&(struct call){.path = path, .body = body, .media_type = TYPE}, &answer);
}

static void expect_refusal(long status, const char *name, const char *path)
{
    answer_expect_problem(&answer, status, name);
    ck_assert_str_eq(answer_text(&answer, "path"), path);
    answer_clear(&answer);
}

/* ---- the license ---- */

START_TEST(a_license_comes_as_its_bytes_with_the_headers)
{
    post("/fw/sfi/pump-7.2/get/license?user=ann", GOOD);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    ck_assert_uint_eq(answer.length, 300);
    ck_assert_int_eq(answer.body[299], 0x5a);
    ck_assert_str_eq(answer_header(&answer, "Provision-License-Id"),
                     "lic-77777777-7777-7777-b777-777777777777");
    ck_assert_str_eq(answer_header(&answer, "Provision-Install-Id"),
                     "ins-77777777-7777-7777-b777-777777777777");
    ck_assert_str_eq(answer_header(&answer, "Provision-Image"), DIGEST);
    ck_assert_str_eq(answer_header(&answer, "Provision-Profile"), "cms");
    ck_assert_str_eq(answer_header(&answer, "Provision-Charged"), "true");
    ck_assert_str_eq(answer_header(&answer, "Provision-Attempt"), "1");
    ck_assert_str_eq(answer_header(&answer, "Provision-Remaining"), "41");
    ck_assert_str_eq(answer_header(&answer, "Provision-Journal-Index"), "7");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    answer_clear(&answer);
}
END_TEST

START_TEST(alias_certificate_and_user_reach_the_vault_and_nothing_else)
{
    post("/fw/sfi/pump-7.2/get/license?user=J%C3%B6rg%20K+1&x=y", GOOD);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_str_eq(seen.alias, "pump-7.2");
    ck_assert_str_eq(seen.product, "");
    ck_assert_uint_eq(seen.image_length, 0);
    ck_assert_uint_eq(seen.chain_length, 0);
    ck_assert_uint_eq(seen.st_length, 11);
    ck_assert_int_eq(memcmp(seen.st_certificate, "certificate", 11), 0);
    ck_assert_str_eq(seen.operator_name, "J\xc3\xb6rg K 1");
    ck_assert_str_eq(seen.lot, "");
    ck_assert_uint_eq(seen.spki_length, SHA256_SIZE);
}
END_TEST

START_TEST(a_repeated_license_is_ok)
{
    post("/fw/sfi/again/get/license", GOOD);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_header(&answer, "Provision-Charged"), "false");
    answer_clear(&answer);
    ck_assert_str_eq(vault_peer_seen(front.vault).operator_name, "");
}
END_TEST

START_TEST(accept_does_not_matter)
{
    static const char *const accepts[] = {"Accept:", "Accept: */*", "Accept: application/json",
                                          "Accept: text/html"};
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        call_send(&(struct call){.path = "/fw/sfi/a/get/license",
                                 .body = GOOD,
                                 .media_type = TYPE,
                                 .headers = {accepts[i]}},
                  &answer);
        ck_assert_int_eq(answer.status, 201);
        ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
        answer_clear(&answer);
    }
}
END_TEST

static void post_user(const char *query)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "/fw/sfi/a/get/license?%s", query);
    post(path, GOOD);
}

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(a_wrong_user_is_refused_and_not_asked)
{
    static const char *const wrong[] = {
        "user=a%00b",  "user=a%0Ab",    "user=%7f",       "user=%1b[2J",         "user=%ff",
        "user=%c0%80", "user=%C3",      "user=%ed%a0%80", "user=100%",           "user=%4",
        "user=%zz",    "user=a&user=b", "user&user",      "user=" SIXTY_FOUR "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        post_user(wrong[i]);
        expect_refusal(400, "bad-request", "?user");
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(a_user_may_have_sixty_four_bytes_or_none)
{
    static const char *const good[][2] = {{"user=" SIXTY_FOUR, SIXTY_FOUR},
                                          {"user=%30123456789abcdef" SIXTY_FOUR, NULL},
                                          {"user=", ""},
                                          {"user", ""},
                                          {"User=x", ""},
                                          {"user=a%2Bb%26", "a+b&"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        post_user(good[i][0]);
        ck_assert_int_eq(answer.status, good[i][1] != NULL ? 201 : 400);
        answer_clear(&answer);
        if (good[i][1] != NULL)
            ck_assert_str_eq(vault_peer_seen(front.vault).operator_name, good[i][1]);
    }
}
END_TEST

static const char *const NO_ALIASES[] = {
    ".hidden", "-x", "a:b", "a%3Ab", "a~b", SIXTY_FOUR "x",
};
#define NO_ALIAS_COUNT (sizeof NO_ALIASES / sizeof NO_ALIASES[0])

START_TEST(a_firmware_id_that_is_no_alias_is_an_unknown_image)
{
    char path[256];
    for (size_t i = 0; i < NO_ALIAS_COUNT; i++) {
        (void)snprintf(path, sizeof path, "/fw/sfi/%s/get/license", NO_ALIASES[i]);
        post(path, GOOD);
        expect_refusal(404, "image-unknown", "");
        (void)snprintf(path, sizeof path, "/fw/sfi/%s/get/image", NO_ALIASES[i]);
        call_send(&(struct call){.path = path}, &answer);
        expect_refusal(404, "image-unknown", "");
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
    ck_assert_int_eq(call_status(&(struct call){.path = "/fw/sfi/" SIXTY_FOUR "/get/image"}), 200);
}
END_TEST

START_TEST(the_vaults_refusals_arrive_and_name_the_part_when_it_is_wrong)
{
    post("/fw/sfi/fault-bad-request/get/license", GOOD);
    expect_refusal(400, "bad-request", FIELD);
    post("/fw/sfi/fault-image-unknown/get/license", GOOD);
    expect_refusal(404, "image-unknown", "");
    post("/fw/sfi/fault-device-not-genuine/get/license", GOOD);
    ck_assert_str_eq(answer_text(&answer, "check"), "peer-reason");
    expect_refusal(422, "device-not-genuine", "");
    post("/fw/sfi/fault-quota-spent/get/license", GOOD);
    expect_refusal(409, "quota-spent", "");
    post("/fw/sfi/other-type/get/license", GOOD);
    expect_refusal(500, "internal", "");
}
END_TEST

START_TEST(a_wrong_form_is_told_its_part_and_never_asked)
{
    post("/fw/sfi/a/get/license", "");
    expect_refusal(400, "bad-request", FIELD);
    post("/fw/sfi/a/get/license", HEAD "certificate");
    expect_refusal(400, "bad-request", "");
    post("/fw/sfi/a/get/license", HEAD TAIL);
    expect_refusal(400, "bad-request", FIELD);
    post("/fw/sfi/a/get/license",
         "--XYZ\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx" TAIL);
    expect_refusal(400, "bad-request", "other");
    call_send(&(struct call){.path = "/fw/sfi/a/get/license",
                             .body = GOOD,
                             .media_type = "multipart/form-data"},
              &answer);
    expect_refusal(400, "bad-request", "");
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(another_media_type_is_told_the_right_one)
{
    static const char *const wrong[] = {"application/json", "application/octet-stream",
                                        "application/x-www-form-urlencoded",
                                        "multipart/form-datax; boundary=XYZ"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        call_send(
            &(struct call){.path = "/fw/sfi/a/get/license", .body = GOOD, .media_type = wrong[i]},
            &answer);
        ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "multipart/form-data"));
        expect_refusal(415, "unsupported-media-type", "");
    }
    call_send(
        &(struct call){.path = "/fw/sfi/a/get/license", .body = GOOD, .has_no_media_type = true},
        &answer);
    expect_refusal(415, "unsupported-media-type", "");
}
END_TEST

/* ---- sizes and speeds ---- */

/* A form whose part has that many bytes. */
static void post_part_of(size_t length, size_t piece)
{
    size_t size = strlen(HEAD) + length + strlen(TAIL);
    char *form = malloc(size + 1);
    ck_assert_ptr_nonnull(form);
    memcpy(form, HEAD, strlen(HEAD));
    memset(form + strlen(HEAD), 0xfe, length);
    strcpy(form + strlen(HEAD) + length, TAIL);
    call_send(&(struct call){.path = "/fw/sfi/a/get/license",
                             .body = form,
                             .body_length = size,
                             .media_type = TYPE,
                             .piece = piece},
              &answer);
    free(form);
}

START_TEST(a_certificate_may_have_1024_bytes_and_not_one_more)
{
    post_part_of(1024, 0);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).st_length, 1024);
    post_part_of(1025, 0);
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "1024 bytes"));
    expect_refusal(413, "request-too-large", FIELD);
}
END_TEST

START_TEST(a_form_has_at_most_8_kib)
{
    size_t most = API_FORM_MAX_BYTES - strlen(HEAD) - strlen(TAIL);
    post_part_of(most, 0);
    expect_refusal(413, "request-too-large", FIELD);
    static const size_t too_many[] = {1, 100000, 7 * 1024 * 1024};
    for (size_t i = 0; i < sizeof too_many / sizeof too_many[0]; i++) {
        post_part_of(most + too_many[i], 0);
        ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "8192 bytes"));
        expect_refusal(413, "request-too-large", "");
    }
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(a_form_of_unknown_length_is_limited_too)
{
    static char form[200000];
    memset(form, '-', sizeof form);
    call_send(&(struct call){.path = "/fw/sfi/a/get/license",
                             .body = form,
                             .body_length = sizeof form,
                             .media_type = TYPE,
                             .is_chunked = true},
              &answer);
    expect_refusal(413, "request-too-large", "");
    call_send(
        &(struct call){
            .path = "/fw/sfi/a/get/license", .body = GOOD, .media_type = TYPE, .is_chunked = true},
        &answer);
    ck_assert_int_eq(answer.status, 201);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_form_that_comes_in_small_pieces_is_read)
{
    static const size_t pieces[] = {1, 2, 7, 50};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        post_part_of(136, pieces[i]);
        ck_assert_int_eq(answer.status, 201);
        answer_clear(&answer);
        ck_assert_uint_eq(vault_peer_seen(front.vault).st_length, 136);
    }
}
END_TEST

/* ---- the command line tool ---- */

/* Runs curl with these arguments for the path; what it prints is the status. */
static long run_curl(const char *arguments, const char *path)
{
    char command[1024];
    long status = 0;
    (void)snprintf(command, sizeof command,
                   "curl -s --cacert %s --cert %s --key %s -w '%%{http_code}' %s "
                   "'https://127.0.0.1:%u%s'",
                   front_pki_path("ca", "pem"), front_pki_path("station", "pem"),
                   front_pki_path("station", "key"), arguments, (unsigned)api_port(front.api),
                   path);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%ld", &status), 1);
    (void)pclose(pipe);
    return status;
}

static void write_chip(const char *path, size_t length)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < length; i++)
        (void)fputc((int)(i * 5 % 256), file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(curl_gets_a_license_for_a_file)
{
    char chip[TEMP_PATH_MAX];
    char license[TEMP_PATH_MAX];
    char arguments[512];
    temp_dir_path(&front.dir, "chip.bin", chip);
    temp_dir_path(&front.dir, "license.bin", license);
    write_chip(chip, 136);
    (void)snprintf(arguments, sizeof arguments, "-o %s -F " FIELD "=@%s", license, chip);
    ck_assert_int_eq(run_curl(arguments, "/fw/sfi/pump/get/license?user=ann"), 201);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_str_eq(seen.alias, "pump");
    ck_assert_str_eq(seen.operator_name, "ann");
    ck_assert_uint_eq(seen.st_length, 136);
    ck_assert_uint_eq(seen.st_certificate[135], 135 * 5 % 256);
    ck_assert_int_eq(truncate(license, 300), 0); /* it exists */
    (void)snprintf(arguments, sizeof arguments, "-o /dev/null -F '" FIELD "=<%s'", chip);
    ck_assert_int_eq(run_curl(arguments, "/fw/sfi/pump/get/license"), 201);
    ck_assert_uint_eq(vault_peer_seen(front.vault).st_length, 136);
    (void)snprintf(arguments, sizeof arguments, "-o /dev/null -F " FIELD "=@%s -F user=ann", chip);
    ck_assert_int_eq(run_curl(arguments, "/fw/sfi/pump/get/license"), 400);
    write_chip(chip, 1025); /* with Expect: 100-continue in older versions of curl */
    (void)snprintf(arguments, sizeof arguments, "-o /dev/null -F " FIELD "=@%s", chip);
    ck_assert_int_eq(run_curl(arguments, "/fw/sfi/pump/get/license"), 413);
}
END_TEST

/* ---- the image ---- */

static void get(const char *header, const char *second_header)
{
    call_send(&(struct call){.path = IMAGE_PATH, .headers = {header, second_header}}, &answer);
}

static void expect_bytes(size_t first, size_t length)
{
    ck_assert_uint_eq(answer.length, length);
    for (size_t i = 0; i < length; i++)
        ck_assert_int_eq((unsigned char)answer.body[i], (int)((first + i) % 251));
}

START_TEST(an_image_comes_whole_under_its_alias)
{
    call_send(&(struct call){.path = IMAGE_PATH "?user=ann"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    expect_bytes(0, FRONT_IMAGE_BYTES);
    ck_assert_str_eq(answer_header(&answer, "ETag"), ETAG);
    ck_assert_str_eq(answer_header(&answer, "Accept-Ranges"), "bytes");
    ck_assert_str_eq(answer_header(&answer, "Content-Type"), "application/octet-stream");
    /* The alias may move to another image: a cache has to ask. */
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "private, no-cache");
    answer_clear(&answer);
    ck_assert_str_eq(vault_peer_seen(front.vault).alias, "pump-7.2");
    ck_assert_uint_eq(vault_peer_seen(front.vault).image_length, 0);
}
END_TEST

START_TEST(an_image_has_head_ranges_and_conditions_under_its_alias)
{
    call_send(&(struct call){.path = IMAGE_PATH, .method = "HEAD"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.length, 0);
    ck_assert_str_eq(answer_header(&answer, "Content-Length"), "100000");
    ck_assert_str_eq(answer_header(&answer, "ETag"), ETAG);
    answer_clear(&answer);
    get("Range: bytes=1000-51999", "If-Range: " ETAG);
    ck_assert_int_eq(answer.status, 206);
    expect_bytes(1000, 51000);
    ck_assert_str_eq(answer_header(&answer, "Content-Range"), "bytes 1000-51999/100000");
    answer_clear(&answer);
    get("Range: bytes=1000-51999", "If-Range: \"other\"");
    ck_assert_int_eq(answer.status, 200);
    answer_clear(&answer);
    get("Range: bytes=100000-", "If-Range: " ETAG);
    ck_assert_str_eq(answer_header(&answer, "Content-Range"), "bytes */100000");
    expect_refusal(416, "range-not-satisfiable", "");
    get("If-None-Match: " ETAG, NULL);
    ck_assert_int_eq(answer.status, 304);
    answer_clear(&answer);
}
END_TEST

/* The alias may have moved since the first bytes came: two images must not become one file. */
START_TEST(a_range_of_an_alias_that_names_no_etag_gets_the_whole_image)
{
    static const char *const ranges[] = {"Range: bytes=1000-51999", "Range: bytes=0-",
                                         "Range: bytes=-10", "Range: bytes=100000-"};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        get(ranges[i], NULL);
        ck_assert_int_eq(answer.status, 200);
        expect_bytes(0, FRONT_IMAGE_BYTES);
        ck_assert_str_eq(answer_header(&answer, "Content-Range"), "");
        answer_clear(&answer);
    }
}
END_TEST

START_TEST(an_alias_that_the_vault_does_not_know_or_resolve_is_a_problem)
{
    call_send(&(struct call){.path = "/fw/sfi/fault-image-unknown/get/image"}, &answer);
    expect_refusal(404, "image-unknown", "");
    call_send(&(struct call){.path = "/fw/sfi/no-digest/get/image"}, &answer);
    expect_refusal(500, "internal", "");
}
END_TEST

START_TEST(the_routes_have_one_method_each_and_want_a_certificate)
{
    call_send(&(struct call){.path = "/fw/sfi/a/get/license"}, &answer);
    ck_assert_str_eq(answer_header(&answer, "Allow"), "POST");
    expect_refusal(405, "method-not-allowed", "");
    call_send(&(struct call){.path = IMAGE_PATH, .body = GOOD, .media_type = TYPE}, &answer);
    ck_assert_str_eq(answer_header(&answer, "Allow"), "GET, HEAD");
    expect_refusal(405, "method-not-allowed", "");
    call_send(&(struct call){.path = IMAGE_PATH, .client = ""}, &answer);
    expect_refusal(401, "unauthenticated", "");
    call_send(&(struct call){.path = "/fw/sfi/a/get/license",
                             .body = GOOD,
                             .media_type = TYPE,
                             .client = "stranger"},
              &answer);
    expect_refusal(401, "unauthenticated", "");
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

Suite *fw_suite(void)
{
    Suite *suite = suite_create("api/fw");
    TCase *tcase = tcase_create("fw");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_license_comes_as_its_bytes_with_the_headers);
    tcase_add_test(tcase, alias_certificate_and_user_reach_the_vault_and_nothing_else);
    tcase_add_test(tcase, a_repeated_license_is_ok);
    tcase_add_test(tcase, accept_does_not_matter);
    tcase_add_test(tcase, a_wrong_user_is_refused_and_not_asked);
    tcase_add_test(tcase, a_user_may_have_sixty_four_bytes_or_none);
    tcase_add_test(tcase, a_firmware_id_that_is_no_alias_is_an_unknown_image);
    tcase_add_test(tcase, the_vaults_refusals_arrive_and_name_the_part_when_it_is_wrong);
    tcase_add_test(tcase, a_wrong_form_is_told_its_part_and_never_asked);
    tcase_add_test(tcase, another_media_type_is_told_the_right_one);
    tcase_add_test(tcase, a_certificate_may_have_1024_bytes_and_not_one_more);
    tcase_add_test(tcase, a_form_has_at_most_8_kib);
    tcase_add_test(tcase, a_form_of_unknown_length_is_limited_too);
    tcase_add_test(tcase, a_form_that_comes_in_small_pieces_is_read);
    tcase_add_test(tcase, curl_gets_a_license_for_a_file);
    tcase_add_test(tcase, an_image_comes_whole_under_its_alias);
    tcase_add_test(tcase, an_image_has_head_ranges_and_conditions_under_its_alias);
    tcase_add_test(tcase, a_range_of_an_alias_that_names_no_etag_gets_the_whole_image);
    tcase_add_test(tcase, an_alias_that_the_vault_does_not_know_or_resolve_is_a_problem);
    tcase_add_test(tcase, the_routes_have_one_method_each_and_want_a_certificate);
    suite_add_tcase(suite, tcase);
    return suite;
}
