/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Revocation lists by openssl, put in place while the server runs; and its own certificate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/keeper.h"
#include "call.h"
#include "caught_log.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "front.h"
#include "odd_crl.h"

#define IN_FORCE_MS 1000 /* a new list, on open connections too */
#define SOON_S      5
#define LOOKS_MS    (4 * KEEPER_PACE_MS)

static struct answer answer;
static char crl_path[TEMP_PATH_MAX];

/* ---- making lists ---- */

static void run(const char *command)
{
    ck_assert_msg(system(command) == 0, "%s", command);
}

/* More lines of openssl's configuration: of its section "d", and those behind it. */
static const char *more_settings = "";

/* A list of issuer that holds the certificates of clients, names with spaces between: "new". */
static void make_list(const char *issuer, const char *clients, const char *times)
{
    char command[4096];
    (void)snprintf(
        command, sizeof command,
        "set -e; cd %s; : >index; for c in %s; do s=$(openssl x509 -noout -serial -in "
        "%s/$c.pem); printf 'R\\t350101000000Z\\t260101000000Z\\t%%s\\tunknown\\t/CN=x\\n' "
        "\"${s#serial=}\" >>index; done; printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=%s/index\\n"
        "default_md=sha256\\n%s' >conf; openssl ca -config conf -gencrl %s -cert %s -keyfile %s "
        "-out new 2>/dev/null",
        front.dir.path, clients, front_pki_folder(), front.dir.path, more_settings, times,
        front_pki_path(issuer, "pem"), front_pki_path(issuer, "key"));
    run(command);
}

/* "new" takes the place of what is there. */
static void put_list(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&front.dir, "new", path);
    ck_assert_int_eq(rename(path, crl_path), 0);
}

static void put_list_of(const char *clients)
{
    make_list("ca", clients, "-crldays 1");
    put_list();
}

static void write_crl(const char *text)
{
    FILE *file = fopen(crl_path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- the server ---- */

static void configure(void)
{
    front_configure();
    temp_dir_path(&front.dir, "crl", crl_path);
    strcpy(front.config.api.client_crl, crl_path);
    caught_log_start();
}

static void start(void)
{
    configure();
    put_list_of("rsa");
    front_start_api();
    front_start_vault();
}

static void stop(void)
{
    front_stop();
    caught_log_stop();
}

static long status_of(const char *client)
{
    return call_status(&(struct call){.path = "/readyz", .client = client});
}

/* The answer is /readyz's, of that status, and has that check. */
static void take_check(const char *name, const char *word, long status)
{
    ck_assert_int_eq(answer.status, status);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(answer.json, "checks"), name)), word);
    if (strcmp(word, "ok") != 0)
        ck_assert_str_ne(answer_text(&answer, "detail"), "");
    answer_clear(&answer);
}

static void expect_check(const char *name, const char *word, long status)
{
    call_send(&(struct call){.path = "/readyz"}, &answer);
    take_check(name, word, status);
}

static void let_it_look(void)
{
    (void)usleep(LOOKS_MS * 1000);
}

/* ---- revocation ---- */

START_TEST(a_revoked_client_is_refused_and_others_are_served)
{
    call_send(&(struct call){.path = "/readyz", .client = "rsa"}, &answer);
    answer_expect_problem(&answer, 401, "unauthenticated");
    ck_assert_ptr_nonnull(strstr(answer_text(&answer, "detail"), "was revoked"));
    answer_clear(&answer);
    ck_assert_uint_eq(vault_peer_seen(front.vault).count, 0);
    ck_assert_int_eq(status_of("station"), 200);
    ck_assert_int_eq(status_of("station-chain"), 200);
}
END_TEST

static long kept_status(struct kept *kept)
{
    kept_send(kept, &answer);
    long status = answer.status;
    answer_clear(&answer);
    return status;
}

/* Until the answer is that status. Returns the milliseconds that it took. */
static int64_t time_until(struct kept *kept, long status)
{
    int64_t started = clock_monotonic_ms();
    while (kept_status(kept) != status)
        ck_assert_int_lt(clock_monotonic_ms() - started, 10000);
    return clock_monotonic_ms() - started;
}

START_TEST(a_new_list_is_in_force_within_a_second_on_open_connections_too)
{
    struct kept *kept = kept_open("/readyz");
    ck_assert_int_eq(kept_status(kept), 200);
    put_list_of("rsa station");
    ck_assert_int_le(time_until(kept, 401), IN_FORCE_MS);
    ck_assert_int_eq(status_of("station"), 401);
    put_list_of("rsa");
    ck_assert_int_le(time_until(kept, 200), IN_FORCE_MS);
    kept_close(kept);
}
END_TEST

START_TEST(a_revoked_intermediate_takes_its_clients_along)
{
    ck_assert_int_eq(status_of("below"), 200);
    put_list_of("middle");
    let_it_look();
    ck_assert_int_eq(status_of("below"), 401);
    ck_assert_int_eq(status_of("station"), 200);
}
END_TEST

START_TEST(a_file_that_cannot_be_used_leaves_the_old_list_and_is_logged_once)
{
    static const char *const texts[] = {
        "no list", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_crl(texts[i]);
        let_it_look();
        ck_assert_int_eq(status_of("rsa"), 401);
        ck_assert_int_eq(status_of("station"), 200);
        ck_assert_uint_eq(caught_log_count("client-crl-kept"), i + 1);
    }
    ck_assert_int_eq(unlink(crl_path), 0);
    let_it_look();
    expect_check("crl", "file-unusable", 200);
    ck_assert_int_eq(status_of("rsa"), 401);
    ck_assert_uint_eq(caught_log_count("client-crl-kept"), 4);
    put_list_of("");
    let_it_look();
    expect_check("crl", "ok", 200);
    ck_assert_int_eq(status_of("rsa"), 200);
}
END_TEST

#define OVERDUE "-crl_lastupdate 20250101000000Z -crl_nextupdate 20250201000000Z"

static void spoil_signature(void)
{
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "set -e; cd %s; openssl crl -in new -outform DER -out der; printf '\\0\\0\\0' | "
                   "dd of=der bs=1 seek=$(($(stat -c %%s der) - 3)) conv=notrunc 2>/dev/null; "
                   "openssl crl -inform DER -in der -out new 2>/dev/null",
                   front.dir.path);
    run(command);
}

START_TEST(a_list_whose_signature_is_wrong_leaves_the_old_one)
{
    static const char *const times[] = {"-crldays 1", OVERDUE};
    for (size_t i = 0; i < 2; i++) {
        make_list("ca", "station", times[i]);
        spoil_signature();
        put_list();
        let_it_look();
        ck_assert_int_eq(status_of("rsa"), 401);
        ck_assert_int_eq(status_of("station"), 200);
        ck_assert_uint_eq(caught_log_count("client-crl-kept"), i + 1);
    }
}
END_TEST

START_TEST(a_list_that_a_stranger_signed_leaves_the_old_one)
{
    make_list("other-ca", "station", "-crldays 1");
    put_list();
    let_it_look();
    ck_assert_int_eq(status_of("station"), 200);
    ck_assert_int_eq(status_of("rsa"), 401);
    ck_assert_uint_eq(caught_log_count("client-crl-kept"), 1);
}
END_TEST

static void start_overdue(void)
{
    configure();
    make_list("ca", "rsa p384", OVERDUE);
    put_list();
    front_start_api();
    front_start_vault();
    let_it_look();
}

START_TEST(a_list_that_is_overdue_stays_in_force_and_is_told)
{
    ck_assert_int_eq(status_of("p384"), 401);
    ck_assert_int_eq(status_of("station"), 200);
    expect_check("crl", "expired", 200);
    ck_assert_uint_eq(caught_log_count("client-crl-expired"), 1);
    let_it_look();
    ck_assert_uint_eq(caught_log_count("client-crl-expired"), 1);
}
END_TEST

/* ---- lists that are not taken at their word ---- */

/* "new" is put there, which revokes "station", and is not taken for that reason. */
static void expect_kept(const char *reason)
{
    char wanted[128];
    put_list();
    let_it_look();
    ck_assert_int_eq(status_of("rsa"), 401);
    ck_assert_int_eq(status_of("station"), 200);
    expect_check("crl", "file-unusable", 200);
    (void)snprintf(wanted, sizeof wanted, "\"reason\":\"%s\"", reason);
    ck_assert_ptr_nonnull(strstr(caught_log_last("client-crl-kept"), wanted));
}

START_TEST(a_list_that_is_older_than_the_one_in_force_is_not_taken)
{
    make_list("ca", "station", "-crl_lastupdate 20250101000000Z -crl_nextupdate 20450101000000Z");
    expect_kept("client-crl-older");
}
END_TEST

/* Of the same second as the one in force. */
START_TEST(a_list_with_a_lower_number_is_not_taken)
{
    static const char times[] = "-crl_lastupdate 20400101000000Z -crl_nextupdate 20450101000000Z";
    char settings[TEMP_PATH_MAX + 32];
    (void)snprintf(settings, sizeof settings, "crlnumber=%s/number\\n", front.dir.path);
    more_settings = settings;
    char command[TEMP_PATH_MAX + 32];
    (void)snprintf(command, sizeof command, "echo 0100 >%s/number", front.dir.path);
    run(command);
    make_list("ca", "rsa", times);
    put_list();
    let_it_look();
    expect_check("crl", "ok", 200);
    (void)snprintf(command, sizeof command, "echo FF >%s/number", front.dir.path);
    run(command);
    make_list("ca", "station", times);
    expect_kept("client-crl-older");
    more_settings = "";
    make_list("ca", "station", times); /* without any number */
    expect_kept("client-crl-older");
}
END_TEST

START_TEST(a_list_that_speaks_for_other_issuers_is_not_taken)
{
    more_settings = "crl_extensions=e\\n[e]\\nissuingDistributionPoint=critical,@p\\n[p]\\n"
                    "fullname=URI:http://x/\\nindirectCRL=TRUE\\n";
    make_list("ca", "station", "-crldays 1");
    expect_kept("client-crl-indirect");
}
END_TEST

START_TEST(a_list_with_an_extension_that_nobody_knows_is_not_taken)
{
    more_settings = "crl_extensions=e\\n[e]\\n1.2.3.4=critical,DER:0500\\n";
    make_list("ca", "station", "-crldays 1");
    expect_kept("client-crl-kind");
}
END_TEST

START_TEST(a_list_with_a_critical_extension_in_an_entry_is_not_taken)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&front.dir, "new", path);
    make_list("ca", "station", "-crldays 1");
    odd_crl_add_critical_entry(path, front_pki_path("ca", "key"));
    expect_kept("client-crl-entry");
}
END_TEST

/* Stations of two CAs, each with its list. */
static void start_with_two_lists(void)
{
    char command[4096];
    configure();
    (void)snprintf(command, sizeof command, "cat %s %s >%s/cas", front_pki_path("ca", "pem"),
                   front_pki_path("middle", "pem"), front.dir.path);
    run(command);
    temp_dir_path(&front.dir, "cas", front.config.api.client_ca);
    make_list("middle", "below", "-crldays 1");
    (void)snprintf(command, sizeof command, "mv %s/new %s/middle-list", front.dir.path,
                   front.dir.path);
    run(command);
    make_list("ca", "rsa", "-crldays 1");
    (void)snprintf(command, sizeof command, "cat %s/middle-list >>%s/new", front.dir.path,
                   front.dir.path);
    run(command);
    put_list();
    front_start_api();
    front_start_vault();
}

START_TEST(a_file_that_has_lost_the_list_of_an_issuer_is_not_taken)
{
    ck_assert_int_eq(status_of("below"), 401);
    make_list("ca", "station", "-crldays 1");
    expect_kept("client-crl-missing");
    ck_assert_int_eq(status_of("below"), 401);
}
END_TEST

START_TEST(a_list_of_ten_thousand_is_read)
{
    char command[2048];
    (void)snprintf(command, sizeof command,
                   "cd %s; i=4096; while [ $i -lt 14096 ]; do printf "
                   "'R\\t350101000000Z\\t260101000000Z\\t%%X\\tunknown\\t/CN=x\\n' $i; "
                   "i=$((i+1)); done >>index; openssl ca -config conf -gencrl -crldays 1 -cert %s "
                   "-keyfile %s -out new 2>/dev/null; mv new crl",
                   front.dir.path, front_pki_path("ca", "pem"), front_pki_path("ca", "key"));
    run(command);
    while (caught_log_count("client-crl") < 2)
        let_it_look();
    ck_assert_uint_eq(caught_log_count("client-crl-kept"), 0);
    ck_assert_int_eq(status_of("rsa"), 401);
    ck_assert_int_eq(status_of("station"), 200);
}
END_TEST

START_TEST(a_list_that_cannot_be_used_is_refused_at_start)
{
    struct fault fault = {0};
    struct api *none = NULL;
    ck_assert_int_eq(api_new(&front.config, -1, &none, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "client-crl-file");
    write_crl("no list");
    ck_assert_int_eq(api_new(&front.config, -1, &none, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "client-crl-invalid");
    make_list("other-ca", "station", "-crldays 1");
    put_list();
    ck_assert_int_eq(api_new(&front.config, -1, &none, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "client-crl-signature");
}
END_TEST

/* ---- the server's own certificate ---- */

static const char *served_serial(const char *version)
{
    static char text[128];
    char command[512];
    (void)snprintf(command, sizeof command,
                   "openssl s_client %s -connect 127.0.0.1:%u </dev/null 2>/dev/null | openssl "
                   "x509 -noout -serial",
                   version, (unsigned)api_port(front.api));
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    memset(text, 0, sizeof text);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, pipe), 8);
    (void)pclose(pipe);
    return text;
}

static void start_with_own_certificate(void)
{
    char command[1024];
    configure();
    put_list_of("rsa");
    (void)snprintf(command, sizeof command, "cp %s %s/cert; cp %s %s/key",
                   front_pki_path("server", "pem"), front.dir.path, front_pki_path("server", "key"),
                   front.dir.path);
    run(command);
    temp_dir_path(&front.dir, "cert", front.config.api.certificate);
    temp_dir_path(&front.dir, "key", front.config.api.key);
    front_start_api();
    front_start_vault();
}

static void put(const char *from, const char *ending, const char *to)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "cp %s %s/new; mv %s/new %s/%s",
                   front_pki_path(from, ending), front.dir.path, front.dir.path, front.dir.path,
                   to);
    run(command);
}

START_TEST(a_new_server_certificate_is_shown_without_a_restart)
{
    char old[128];
    strcpy(old, served_serial("-tls1_3"));
    ck_assert_str_eq(old, served_serial("-tls1_2"));
    struct kept *kept = kept_open("/readyz");
    ck_assert_int_eq(kept_status(kept), 200);
    put("server-2", "pem", "cert");
    let_it_look(); /* the key does not belong to it */
    ck_assert_str_eq(served_serial("-tls1_3"), old);
    ck_assert_uint_eq(caught_log_count("server-certificate-kept"), 1);
    expect_check("certificate", "file-unusable", 200);
    put("server-2", "key", "key");
    let_it_look();
    ck_assert_str_ne(served_serial("-tls1_3"), old);
    ck_assert_str_eq(served_serial("-tls1_3"), served_serial("-tls1_2"));
    expect_check("certificate", "ok", 200);
    ck_assert_int_eq(kept_status(kept), 200);
    ck_assert_int_eq(status_of("station"), 200);
    kept_close(kept);
}
END_TEST

START_TEST(a_server_certificate_that_expired_is_not_taken)
{
    char old[128];
    strcpy(old, served_serial("-tls1_3"));
    put("expired", "pem", "cert");
    put("expired", "key", "key");
    let_it_look();
    ck_assert_str_eq(served_serial("-tls1_3"), old);
}
END_TEST

START_TEST(a_server_certificate_that_expires_soon_is_told)
{
    front_make_server("server-soon", time(NULL) + SOON_S);
    put("server-soon", "pem", "cert");
    put("server-soon", "key", "key");
    let_it_look();
    struct kept *kept = kept_open("/readyz");
    kept_send(kept, &answer);
    take_check("certificate", "expiring", 200);
    (void)sleep(1 + SOON_S);
    kept_send(kept, &answer); /* a new client would refuse the certificate */
    take_check("certificate", "expired", 503);
    kept_close(kept);
}
END_TEST

Suite *revoked_suite(void)
{
    Suite *suite = suite_create("api/revoked");
    TCase *tcase = tcase_create("revoked");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_revoked_client_is_refused_and_others_are_served);
    tcase_add_test(tcase, a_new_list_is_in_force_within_a_second_on_open_connections_too);
    tcase_add_test(tcase, a_revoked_intermediate_takes_its_clients_along);
    tcase_add_test(tcase, a_file_that_cannot_be_used_leaves_the_old_list_and_is_logged_once);
    tcase_add_test(tcase, a_list_whose_signature_is_wrong_leaves_the_old_one);
    tcase_add_test(tcase, a_list_that_a_stranger_signed_leaves_the_old_one);
    tcase_add_test(tcase, a_list_of_ten_thousand_is_read);
    tcase_add_test(tcase, a_list_that_is_older_than_the_one_in_force_is_not_taken);
    tcase_add_test(tcase, a_list_with_a_lower_number_is_not_taken);
    tcase_add_test(tcase, a_list_that_speaks_for_other_issuers_is_not_taken);
    tcase_add_test(tcase, a_list_with_an_extension_that_nobody_knows_is_not_taken);
    tcase_add_test(tcase, a_list_with_a_critical_extension_in_an_entry_is_not_taken);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("overdue");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_overdue, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_list_that_is_overdue_stays_in_force_and_is_told);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("two");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_with_two_lists, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_file_that_has_lost_the_list_of_an_issuer_is_not_taken);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("start");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, configure, stop);
    tcase_add_test(tcase, a_list_that_cannot_be_used_is_refused_at_start);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("server");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_with_own_certificate, stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_new_server_certificate_is_shown_without_a_restart);
    tcase_add_test(tcase, a_server_certificate_that_expired_is_not_taken);
    tcase_add_test(tcase, a_server_certificate_that_expires_soon_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
