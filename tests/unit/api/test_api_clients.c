/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who may call, what each answer carries, and a server that is set up wrongly. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "api/api_limits.h"
#include "call.h"
#include "front.h"
#include "suites.h"

static struct answer answer;

struct bad_client {
    const char *name;
    const char *sentence; /* in the problem's detail */
};

static const struct bad_client BAD_CLIENTS[] = {
    {"", "sent no certificate"}, {"stranger", "not issued by"},          {"expired", "has expired"},
    {"early", "not valid yet"},  {"server-only", "not for TLS clients"}, {"forged", "not valid"},
};
#define BAD_CLIENT_COUNT (int)(sizeof BAD_CLIENTS / sizeof BAD_CLIENTS[0])

START_TEST(a_client_without_a_valid_certificate_is_unauthenticated_everywhere_but_livez)
{
    static const char *const paths[] = {"/readyz",
                                        "/v1/products/widget/usage",
                                        "/v1/nothing",
                                        "/v1/images/sha256:00/content",
                                        "/v1/journal/checkpoint",
                                        "/v1/journal/tile/0/000",
                                        "/v1/journal/key",
                                        "/v1/licenses/lic-0/receipt"};
    const struct bad_client *bad = &BAD_CLIENTS[_i];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        call_send(&(struct call){.path = paths[i], .client = bad->name}, &answer);
        answer_expect_problem(&answer, 401, "unauthenticated");
        ck_assert_msg(strstr(answer_text(&answer, "detail"), bad->sentence) != NULL, "%s",
                      answer_text(&answer, "detail"));
        answer_clear(&answer);
    }
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez", .client = bad->name}), 200);
    ck_assert_int_eq(call_status(&(struct call){.path = "/v1/licenses",
                                                .client = bad->name,
                                                .body = call_license_body("widget")}),
                     401);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(a_valid_client_is_known_to_the_vault_by_its_key)
{
    static const struct peer_seen nobody;
    call_license("widget", &answer);
    ck_assert_int_eq(answer.status, 201);
    struct peer_seen seen = vault_peer_seen(front.vault);
    ck_assert_uint_eq(seen.spki_length, SHA256_SIZE);
    ck_assert_int_ne(memcmp(seen.spki, nobody.spki, SHA256_SIZE), 0);
    ck_assert_str_eq(seen.request_id, answer_header(&answer, "X-Request-Id"));
    answer_clear(&answer);
}
END_TEST

START_TEST(the_key_hash_is_that_of_openssl)
{
    char command[512];
    char wanted[SHA256_HEX_SIZE] = "";
    char got[SHA256_HEX_SIZE];
    (void)snprintf(command, sizeof command,
                   "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | "
                   "openssl dgst -sha256 -r",
                   front_pki_path("station", "pem"));
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(fread(wanted, 1, SHA256_HEX_SIZE - 1, pipe), SHA256_HEX_SIZE - 1);
    (void)pclose(pipe);
    ck_assert_int_eq(call_status(&(struct call){.path = "/v1/products/widget/usage"}), 200);
    hex_encode(bytes_of(vault_peer_seen(front.vault).spki, SHA256_SIZE), got);
    ck_assert_str_eq(got, wanted);
}
END_TEST

START_TEST(stations_may_have_the_usual_kinds_of_keys_on_tls_1_2_and_1_3)
{
    static const char *const clients[] = {"station", "rsa", "p384", "ed25519"};
    static const long versions[] = {CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
                                    CURL_SSLVERSION_TLSv1_3};
    for (size_t i = 0; i < 8; i++) {
        struct call call = {
            .path = "/v1/products/widget/usage", .client = clients[i / 2], .tls = versions[i % 2]};
        ck_assert_msg(call_status(&call) == 200, "%s, version %zu", call.client, i % 2);
        call.client = "stranger";
        ck_assert_int_eq(call_status(&call), 401);
    }
}
END_TEST

START_TEST(old_versions_and_weak_suites_get_no_connection)
{
    static const struct call calls[] = {
        {.path = "/livez",
         .tls = CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1,
         .ciphers = "ALL:@SECLEVEL=0"},
        {.path = "/livez",
         .tls = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
         .ciphers = "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"},
        {.path = "/livez",
         .tls = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
         .ciphers = "ECDHE-ECDSA-AES256-SHA384"},
    };
    struct call good = calls[1];
    good.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        ck_assert_int_eq(call_status(&calls[i]), 0);
    ck_assert_int_eq(call_status(&good), 200);
}
END_TEST

START_TEST(a_client_certificate_that_may_not_sign_is_refused_with_an_alert)
{
    static const char *const versions[] = {"-tls1_2", "-tls1_3"};
    for (size_t i = 0; i < 2; i++) {
        char command[512];
        char text[16384] = "";
        (void)snprintf(command, sizeof command,
                       "openssl s_client %s -quiet -connect 127.0.0.1:%u -cert %s "
                       "-key %s 2>&1 </dev/null",
                       versions[i], (unsigned)api_port(front.api),
                       front_pki_path("agreement-only", "pem"),
                       front_pki_path("agreement-only", "key"));
        FILE *pipe = popen(command, "re");
        ck_assert_ptr_nonnull(pipe);
        ck_assert_uint_gt(fread(text, 1, sizeof text - 1, pipe), 0);
        (void)pclose(pipe);
        ck_assert_msg(strstr(text, "unsupported certificate") != NULL, "%s: %s", versions[i], text);
    }
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

START_TEST(livez_never_asks_the_vault)
{
    call_send(&(struct call){.path = "/livez"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "{\"status\":\"live\"}");
    ck_assert_str_eq(answer_header(&answer, "Cache-Control"), "no-store");
    ck_assert_str_eq(answer_header(&answer, "Server"), "");
    answer_clear(&answer);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez", .method = "HEAD"}), 200);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
}
END_TEST

START_TEST(unknown_paths_and_wrong_methods_are_told_apart)
{
    call_send(&(struct call){.path = "/v1/secrets"}, &answer);
    answer_expect_problem(&answer, 404, "route-unknown");
    answer_clear(&answer);
    call_send(&(struct call){.path = "/v1/licenses", .method = "DELETE"}, &answer);
    answer_expect_problem(&answer, 405, "method-not-allowed");
    ck_assert_str_eq(answer_header(&answer, "Allow"), "POST, GET, HEAD");
    answer_clear(&answer);
}
END_TEST

START_TEST(a_well_formed_request_id_and_trace_are_taken_over)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    call_send(
        &(struct call){.path = "/livez",
                       .headers = {"X-Request-Id: line7.42-a_B",
                                   "traceparent: "
                                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
        &answer);
    ck_assert_str_eq(answer_header(&answer, "X-Request-Id"), "line7.42-a_B");
    ck_assert_str_eq(answer_header(&answer, "traceparent"), trace);
    answer_clear(&answer);
}
END_TEST

START_TEST(a_malformed_request_id_or_trace_is_replaced_or_dropped)
{
    static char long_id[API_REQUEST_ID_MAX + 32] = "X-Request-Id: ";
    static const char *const ids[] = {"X-Request-Id: a b", "X-Request-Id: \"quoted\"",
                                      "X-Request-Id: \xc3\xa4", long_id};
    memset(long_id + strlen(long_id), 'a', API_REQUEST_ID_MAX + 1);
    static const char *const traces[] = {
        "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
    for (size_t i = 0; i < 4; i++) {
        call_send(&(struct call){.path = "/livez", .headers = {ids[i], traces[i]}}, &answer);
        ck_assert_uint_eq(strlen(answer_header(&answer, "X-Request-Id")), 32);
        ck_assert_str_eq(answer_header(&answer, "traceparent"), "");
        answer_clear(&answer);
    }
}
END_TEST

START_TEST(readyz_tells_each_check)
{
    call_send(&(struct call){.path = "/readyz"}, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body,
                     "{\"status\":\"ready\",\"checks\":{\"vault\":\"ok\",\"hsm\":"
                     "\"ok\",\"ledger\":\"ok\",\"anchor\":\"ok\",\"certificate\":\"ok\",\"crl\":"
                     "\"none\"}}");
    answer_clear(&answer);
    vault_peer_stop(front.vault);
    front.vault = vault_peer_start(front.config.vault.socket, front.image_path, "pin-refused");
    call_send(&(struct call){.path = "/readyz"}, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(answer_text(&answer, "status"), "not-ready");
    ck_assert_ptr_nonnull(strstr(answer.body, "\"hsm\":\"pin-refused\""));
    ck_assert_str_eq(answer_text(&answer, "detail"), "The peer's HSM is away.");
    ck_assert_str_ne(answer_header(&answer, "Retry-After"), "");
    answer_clear(&answer);
}
END_TEST

static void ask_ready(const char *word_header)
{
    call_send(&(struct call){.path = "/readyz", .headers = {word_header}}, &answer);
}

START_TEST(readyz_tells_of_the_anchor_and_does_without_where_none_is_kept)
{
    ask_ready("X-Request-Id: anchor-none");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer_text(&answer, "status"), "ready");
    ck_assert_ptr_nonnull(strstr(answer.body, "\"anchor\":\"none\""));
    answer_clear(&answer);
    ask_ready("X-Request-Id: anchor-mismatch");
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(answer_text(&answer, "status"), "not-ready");
    ck_assert_ptr_nonnull(strstr(answer.body, "\"anchor\":\"mismatch\""));
    ck_assert_str_eq(answer_text(&answer, "detail"), "The peer's anchor is odd.");
    answer_clear(&answer);
}
END_TEST

START_TEST(readyz_knows_nothing_when_the_vaults_answer_is_none)
{
    static const char *const words[] = {"X-Request-Id: no-anchor", "X-Request-Id: anchor-.bad",
                                        "X-Request-Id: other-type"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        ask_ready(words[i]);
        ck_assert_int_eq(answer.status, 503);
        ck_assert_ptr_nonnull(strstr(answer.body, "\"vault\":\"internal\",\"hsm\":\"unknown\","
                                                  "\"ledger\":\"unknown\","
                                                  "\"anchor\":\"unknown\""));
        answer_clear(&answer);
    }
}
END_TEST

/* ---- set up wrongly ---- */

static void expect_config_fault(const char *reason)
{
    struct fault fault = {0};
    struct api *api = NULL;
    ck_assert_int_eq(api_new(&front.config, -1, &api, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
    ck_assert_ptr_null(api);
}

START_TEST(wrong_files_are_configuration_faults_at_start)
{
    struct config good = front.config;
    strcpy(front.config.api.certificate, "/nonexistent.pem");
    expect_config_fault("certificate-file");
    strcpy(front.config.api.certificate, front_pki_path("station", "key"));
    expect_config_fault("certificate-invalid");
    strcpy(front.config.api.certificate, front_pki_path("station", "pem"));
    expect_config_fault("key-mismatch");
    front.config = good;
    strcpy(front.config.api.key, "/nonexistent.key");
    expect_config_fault("key-file");
    strcpy(front.config.api.key, front_pki_path("server", "pem"));
    expect_config_fault("key-invalid");
    front.config = good;
    strcpy(front.config.api.client_ca, "/nonexistent.pem");
    expect_config_fault("client-ca-file");
    strcpy(front.config.api.client_ca, front_pki_path("ca", "key"));
    expect_config_fault("client-ca-invalid");
    strcpy(front.config.api.client_ca, front_pki_path("station", "pem"));
    expect_config_fault("client-ca-is-no-ca");
}
END_TEST

START_TEST(an_expired_server_certificate_is_refused_at_start)
{
    strcpy(front.config.api.certificate, front_pki_path("expired", "pem"));
    strcpy(front.config.api.key, front_pki_path("expired", "key"));
    expect_config_fault("certificate-expired");
    strcpy(front.config.api.certificate, front_pki_path("early", "pem"));
    strcpy(front.config.api.key, front_pki_path("early", "key"));
    expect_config_fault("certificate-not-yet-valid");
}
END_TEST

START_TEST(an_address_that_cannot_be_used_is_refused_at_start)
{
    static const char *const wrong[] = {"8443",           "127.0.0.1",  "localhost:8443", ":8443",
                                        "127.0.0.1:http", "127.0.0.1:", "[::1:8443"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        strcpy(front.config.api.listen, wrong[i]);
        expect_config_fault("listen-address");
    }
    strcpy(front.config.api.listen, "192.0.2.1:0");
    expect_config_fault("listen");
}
END_TEST

START_TEST(a_passed_socket_is_used_and_anything_else_refused)
{
    struct fault fault = {0};
    struct api *none = NULL;
    int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(api_new(&front.config, plain, &none, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "passed-socket");
    ck_assert_int_eq(fcntl(plain, F_GETFD), -1); /* taken over, also on failure */
    int passed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(listen(passed, 16), 0); /* binds to any port */
    ck_assert_int_eq(api_new(&front.config, passed, &front.api, &fault), ERR_OK);
    ck_assert_int_eq(call_status(&(struct call){.path = "/livez"}), 200);
}
END_TEST

Suite *clients_suite(void)
{
    Suite *suite = suite_create("api/clients");
    TCase *tcase = tcase_create("clients");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_start, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(
        tcase, a_client_without_a_valid_certificate_is_unauthenticated_everywhere_but_livez, 0,
        BAD_CLIENT_COUNT);
    tcase_add_test(tcase, a_valid_client_is_known_to_the_vault_by_its_key);
    tcase_add_test(tcase, the_key_hash_is_that_of_openssl);
    tcase_add_test(tcase, stations_may_have_the_usual_kinds_of_keys_on_tls_1_2_and_1_3);
    tcase_add_test(tcase, old_versions_and_weak_suites_get_no_connection);
    tcase_add_test(tcase, a_client_certificate_that_may_not_sign_is_refused_with_an_alert);
    tcase_add_test(tcase, livez_never_asks_the_vault);
    tcase_add_test(tcase, unknown_paths_and_wrong_methods_are_told_apart);
    tcase_add_test(tcase, a_well_formed_request_id_and_trace_are_taken_over);
    tcase_add_test(tcase, a_malformed_request_id_or_trace_is_replaced_or_dropped);
    tcase_add_test(tcase, readyz_tells_each_check);
    tcase_add_test(tcase, readyz_tells_of_the_anchor_and_does_without_where_none_is_kept);
    tcase_add_test(tcase, readyz_knows_nothing_when_the_vaults_answer_is_none);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("start");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, front_configure, front_stop);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, wrong_files_are_configuration_faults_at_start);
    tcase_add_test(tcase, an_expired_server_certificate_is_refused_at_start);
    tcase_add_test(tcase, an_address_that_cannot_be_used_is_refused_at_start);
    tcase_add_test(tcase, a_passed_socket_is_used_and_anything_else_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
