/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product crls: what it reads, what it asks for, what it says of the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin_case.h"
#include "core/bytes.h"
#include "suite.h"
#include "support/pki.h"

#define UNTIL_MS   1764288000000
#define UNTIL_TEXT "2025-11-28T00:00:00.000Z"

static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__ProductCrlsReply kept = PROVISIOND__PRODUCT_CRLS_REPLY__INIT;
static char paths[3][TEMP_PATH_MAX + 32];

static void say_kept(uint32_t lists, bool is_wanted, int64_t until_unix_ms)
{
    kept.lists = lists;
    kept.wanted = is_wanted;
    kept.until_unix_ms = until_unix_ms;
    SAY(&reply, PRODUCT_CRLS, product_crls, &kept);
}

static const char *put(unsigned place, const char *name, const char *text)
{
    write_file(&dir, name, text, strlen(text));
    (void)snprintf(paths[place], sizeof paths[place], "%s/%s", dir.path, name);
    return paths[place];
}

static void claim_sent(const ProtobufCBinaryData *sent, const char *text)
{
    ck_assert_uint_eq(sent->len, strlen(text));
    ck_assert_mem_eq(sent->data, text, sent->len);
}

START_TEST(lists_and_certificates_are_sorted_out_of_their_files)
{
    struct pki *root = pki_root("Root");
    char *crl = pki_crl(root, NULL, time(NULL), 0);
    char *both = malloc(strlen(crl) + strlen(pki_certificate(root)) + 1);
    strcpy(both, pki_certificate(root));
    strcat(both, crl);
    say_kept(2, true, UNTIL_MS);
    ADMIN("product", "crls", "meter", "--file", put(0, "a.pem", both), "--file",
          put(1, "b.crl", crl), "--accept-older");
    claim_done("Product meter has 2 revocation lists, good until " UNTIL_TEXT ".\n");
    const Provisiond__ProductCrlsRequest *asked = vault.request->product_crls;
    ck_assert_str_eq(asked->product, "meter");
    ck_assert(asked->accept_older);
    claim_sent(&asked->issuers, pki_certificate(root));
    ck_assert_uint_eq(asked->crls.len, 2 * strlen(crl));
    ck_assert_mem_eq(asked->crls.data, crl, strlen(crl));
    free(both);
    free(crl);
    pki_free(root);
}
END_TEST

/* The bytes inside of a PEM text with one block, into a file. */
static const char *put_der(unsigned place, const char *name, const char *pem)
{
    uint8_t der[4096];
    char base64[sizeof der];
    size_t length = 0;
    size_t used = 0;
    for (const char *c = strchr(pem, '\n'); *c != '-'; c++) {
        if (*c != '\n')
            base64[used++] = *c;
    }
    base64[used] = '\0';
    ck_assert_int_eq(base64_decode(base64, der, sizeof der, &length), ERR_OK);
    write_file(&dir, name, der, length);
    (void)snprintf(paths[place], sizeof paths[place], "%s/%s", dir.path, name);
    return paths[place];
}

START_TEST(list_in_der_is_sent_as_pem)
{
    struct pki *root = pki_root("Root");
    char *crl = pki_crl(root, NULL, time(NULL), 0);
    say_kept(1, false, 0);
    ADMIN("product", "crls", "meter", "--file", put_der(0, "a.der", crl));
    claim_done(
        "Product meter has 1 revocation list. It does not ask for them (--crl-hours-max).\n");
    claim_sent(&vault.request->product_crls->crls, crl);
    ck_assert(!vault.request->product_crls->accept_older);
    free(crl);
    pki_free(root);
}
END_TEST

START_TEST(none_takes_them_away_and_says_what_that_means)
{
    say_kept(0, true, 0);
    ADMIN("product", "crls", "meter", "--none");
    claim_done(
        "Product meter has 0 revocation lists: every device is refused until it has some.\n");
    ck_assert_uint_eq(vault.request->product_crls->crls.len, 0);
    ADMIN("product", "crls", "meter", "--none", "--json");
    claim_done("{\"product\": \"meter\", \"crls\": 0, \"crls_wanted\": true}\n");
    say_kept(1, true, UNTIL_MS);
    ADMIN("product", "crls", "meter", "--none", "--json");
    claim_done("{\"product\": \"meter\", \"crls\": 1, \"crls_wanted\": true, \"crls_valid_until\": "
               "\"" UNTIL_TEXT "\"}\n");
}
END_TEST

START_TEST(files_or_none_and_not_both)
{
    const char *file = put(0, "a.crl", "text");
    ADMIN("product", "crls", "meter");
    claim_failed(64, "--none to take them away");
    ADMIN("product", "crls", "meter", "--none", "--file", file);
    claim_failed(64, "--none to take them away");
}
END_TEST

START_TEST(file_that_is_no_list_is_named)
{
    struct pki *root = pki_root("Root");
    char *crl = pki_crl(root, NULL, time(NULL), 0);
    ADMIN("product", "crls", "meter", "--file", put(0, "a.crl", "text"));
    claim_failed(1, "a.crl is no revocation list");
    ADMIN("product", "crls", "meter", "--file", put(0, "a.key", pki_key(root)));
    claim_failed(1, "a.key is no revocation list");
    ADMIN("product", "crls", "meter", "--file", put(0, "ca.pem", pki_certificate(root)));
    claim_failed(1, "There is no revocation list in");
    ADMIN("product", "crls", "meter", "--file", "/nowhere.crl");
    claim_failed(1, "/nowhere.crl cannot be read");
    crl[strlen(crl) - 40] = '\0';
    ADMIN("product", "crls", "meter", "--file", put(0, "cut.crl", crl));
    claim_failed(1, "cut.crl is no revocation list");
    ck_assert_uint_eq(vault.request_count, 0);
    free(crl);
    pki_free(root);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lists_and_certificates_are_sorted_out_of_their_files,
        list_in_der_is_sent_as_pem,
        none_takes_them_away_and_says_what_that_means,
        files_or_none_and_not_both,
        file_that_is_no_list_is_named,
        NULL,
    };
    return suite_run("cli revocation lists", admin_case_set_up, admin_case_tear_down, tests);
}
