/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The outer forms of a signed document, as the openssl command line writes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ceremony.h"
#include "documents.h"
#include "support/run.h"

static struct ceremony ceremony;
static struct authority_set *set;
static struct signed_document *document;
static struct signers signers;
static struct fault fault;

/* g.json is a document of 5000 units, as people write it; "one" is the only authority. */
static void set_up(void)
{
    json_t *json = document_new(GRANT_INSTALL, NULL, 0);
    char *text = document_text(json);
    document = NULL;
    ceremony_begin(&ceremony);
    ceremony_write(&ceremony, "g.json", text, strlen(text));
    ceremony_run(&ceremony, "echo >>g.json");
    ceremony_officer_p256(&ceremony, "one");
    set = CEREMONY_SET(&ceremony, 1, "one");
    free(text);
    json_decref(json);
}

static void tear_down(void)
{
    signed_document_free(document);
    authority_set_free(set);
    ceremony_end(&ceremony);
}

static enum error open_file(const char *file)
{
    signed_document_free(document);
    document = NULL;
    return signed_document_open(ceremony_read(&ceremony, file), &document, &fault);
}

#define SIGN(options) \
    ceremony_run(     \
        &ceremony,    \
        "openssl cms -sign -in g.json -signer one.pem -inkey one.key -out g.out " options)

static void claim_counts(const char *what)
{
    enum error e = open_file("g.out");
    ck_assert_msg(e == ERR_OK, "%s: %s", what, fault.detail);
    e = signed_document_check(document, set, &signers, &fault);
    ck_assert_msg(e == ERR_OK, "%s: %s", what, fault.detail);
    ck_assert_uint_eq(signers.count, 1);
    ck_assert_int_eq(signed_document_grant(document)->units, 5000);
}

static void claim_refused(const char *file, enum error expected, const char *reason)
{
    enum error e = open_file(file);
    ck_assert_msg(e == expected, "%s: %d", file, (int)e);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_ptr_null(document);
}

#define NOT_SIGNED_DATA(file) claim_refused((file), ERR_BAD_REQUEST, "not-signed-data")

/* ---- forms ---- */

START_TEST(der_pem_and_smime_count_with_their_content)
{
    static const char *const forms[] = {"DER", "PEM", "SMIME"};
    static const char *const options[] = {
        "-binary", "", "-binary -stream", "-stream", "-binary -indef", "-md sha384", "-md sha512"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        for (size_t j = 0; j < sizeof options / sizeof options[0]; j++) {
            char line[128];
            (void)snprintf(line, sizeof line, "-nodetach -outform %s %s", forms[i], options[j]);
            ceremony_run(
                &ceremony,
                "openssl cms -sign -in g.json -signer one.pem -inkey one.key -out g.out %s", line);
            claim_counts(line);
        }
    }
}
END_TEST

START_TEST(multipart_smime_counts_in_both_line_ends)
{
    SIGN("-outform SMIME");
    claim_counts("CR LF were signed");
    SIGN("-outform SMIME -binary");
    claim_counts("LF were signed");
    SIGN("-outform SMIME -crlfeol");
    claim_counts("the file has CR LF");
}
END_TEST

START_TEST(what_opens_is_what_was_signed_whatever_the_line_ends)
{
    SIGN("-outform SMIME -binary -md sha512");
    ceremony_run(&ceremony, "sed -i 's/$/\\r/' g.out"); /* as a mail program would */
    claim_counts("LF were signed, CR LF arrived");
    SIGN("-outform SMIME");
    ceremony_run(&ceremony, "tr -d '\\r' <g.out >g.lf && mv g.lf g.out");
    claim_counts("CR LF were signed, LF arrived");
}
END_TEST

START_TEST(document_with_windows_line_ends_counts)
{
    ceremony_run(&ceremony, "sed -i 's/$/\\r/' g.json");
    SIGN("-nodetach -binary -outform DER");
    claim_counts("DER");
    SIGN("-outform SMIME -binary");
    claim_counts("multipart");
}
END_TEST

START_TEST(pem_counts_under_both_labels_and_with_cr_lf)
{
    SIGN("-nodetach -binary -outform PEM");
    ceremony_run(&ceremony, "sed -i 's/$/\\r/' g.out");
    claim_counts("CR LF");
    SIGN("-nodetach -binary -outform PEM");
    ceremony_run(&ceremony, "sed -i 's/ CMS-/ PKCS7-/' g.out");
    claim_counts("PKCS7");
}
END_TEST

START_TEST(smime_tool_of_openssl_counts_too)
{
    ceremony_run(&ceremony, "openssl smime -sign -nodetach -binary -outform DER -in g.json"
                            " -signer one.pem -inkey one.key -out g.out");
    claim_counts("openssl smime, DER");
    ceremony_run(&ceremony, "openssl smime -sign -in g.json -signer one.pem -inkey one.key"
                            " -out g.out");
    claim_counts("openssl smime, multipart");
}
END_TEST

START_TEST(digest_is_that_of_the_bytes_given)
{
    SIGN("-nodetach -binary -outform PEM");
    claim_counts("PEM");
    struct sha256 expected = sha256_of(ceremony_read(&ceremony, "g.out"));
    struct sha256 digest = signed_document_digest(document);
    ck_assert(sha256_equal(&digest, &expected));
}
END_TEST

/* ---- what is refused ---- */

START_TEST(content_beside_the_document_is_missed)
{
    SIGN("-binary -outform DER");
    claim_refused("g.out", ERR_BAD_REQUEST, "content-detached");
    SIGN("-binary -outform PEM");
    claim_refused("g.out", ERR_BAD_REQUEST, "content-detached");
    ceremony_run(&ceremony, "openssl crl2pkcs7 -nocrl -certfile one.pem -outform DER -out g.out");
    claim_refused("g.out", ERR_BAD_REQUEST, "content-detached");
}
END_TEST

START_TEST(other_kinds_of_cms_are_no_signed_data)
{
    static const char *const lines[] = {
        "-encrypt -in g.json -outform DER -out g.out -aes256 one.pem",
        "-EncryptedData_encrypt -in g.json -outform DER -out g.out -aes256"
        " -secretkey 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "-digest_create -in g.json -outform DER -out g.out",
        "-data_create -in g.json -outform DER -out g.out",
        "-sign -nodetach -econtent_type 1.2.3.4 -in g.json -outform DER -out g.out"
        " -signer one.pem -inkey one.key",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ceremony_run(&ceremony, "openssl cms %s", lines[i]);
        NOT_SIGNED_DATA("g.out");
    }
}
END_TEST

START_TEST(anything_else_is_no_signed_data)
{
    static const char *const texts[] = {"x",
                                        "-----BEGIN",
                                        "-----BEGIN CMS-----\n",
                                        "0",
                                        "\x30\x80",
                                        "MIME-Version: 1.0\n\n",
                                        "Content-Type: multipart/signed\n\n"};
    NOT_SIGNED_DATA("g.json");
    NOT_SIGNED_DATA("one.pem");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ceremony_write(&ceremony, "g.out", texts[i], strlen(texts[i]));
        NOT_SIGNED_DATA("g.out");
    }
    ck_assert_int_eq(signed_document_open(bytes_of(NULL, 0), &document, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-signed-data");
}
END_TEST

START_TEST(bytes_behind_the_document_are_refused)
{
    SIGN("-nodetach -binary -outform DER");
    ceremony_run(&ceremony, "printf x >>g.out");
    NOT_SIGNED_DATA("g.out");
    SIGN("-nodetach -binary -outform PEM");
    ceremony_run(&ceremony, "cat g.out one.pem >g.two");
    NOT_SIGNED_DATA("g.two");
    ceremony_run(&ceremony, "cat one.pem g.out >g.two");
    NOT_SIGNED_DATA("g.two");
}
END_TEST

START_TEST(locked_pem_is_refused_without_a_question)
{
    SIGN("-nodetach -binary -outform PEM");
    ceremony_run(&ceremony,
                 "sed -i '1a Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-256-CBC,00112233445566"
                 "778899AABBCCDDEEFF\\n' g.out");
    NOT_SIGNED_DATA("g.out");
}
END_TEST

START_TEST(content_that_is_no_grant_is_malformed)
{
    ceremony_run(&ceremony, "sed -i s/5000/0/ g.json");
    SIGN("-nodetach -binary -outform DER");
    claim_refused("g.out", ERR_BAD_REQUEST, "grant-malformed");
    ck_assert_str_eq(fault.detail, "units must be a whole number from 1 to 1000000000000.");
    ceremony_write(&ceremony, "g.json", "", 0);
    SIGN("-nodetach -binary -outform DER");
    claim_refused("g.out", ERR_BAD_REQUEST, "grant-malformed");
    ceremony_write(&ceremony, "g.json", "{}", 2);
    SIGN("-outform SMIME -text");
    claim_refused("g.out", ERR_BAD_REQUEST, "grant-malformed");
}
END_TEST

/* ---- sizes ---- */

/* g.json is padded to that many bytes. */
static void pad(size_t size)
{
    ceremony_run(&ceremony, "printf '%%*s' %zu '' >>g.json && truncate -s %zu g.json", size, size);
}

START_TEST(document_of_eighty_eight_kib_counts_and_a_byte_more_does_not)
{
    pad(GRANT_JSON_MAX);
    SIGN("-nodetach -binary -outform DER");
    claim_counts("88 KiB");
    SIGN("-binary -outform SMIME");
    claim_counts("88 KiB, multipart");
    ceremony_run(&ceremony, "printf ' ' >>g.json");
    SIGN("-nodetach -binary -outform DER");
    claim_refused("g.out", ERR_TOO_LARGE, "grant-malformed");
    SIGN("-binary -outform SMIME");
    claim_refused("g.out", ERR_TOO_LARGE, "grant-malformed");
}
END_TEST

START_TEST(more_than_a_hundred_and_twelve_kib_are_not_parsed)
{
    SIGN("-nodetach -binary -outform PEM");
    ceremony_run(&ceremony, "printf '%%114688s' '' | cat g.out - | head -c 114688 >g.pad");
    ck_assert_int_eq(open_file("g.pad"), ERR_OK);
    ceremony_run(&ceremony, "printf '\\n' >>g.pad");
    claim_refused("g.pad", ERR_TOO_LARGE, "not-signed-data");
}
END_TEST

START_TEST(sixty_four_signers_are_read_and_one_more_is_not)
{
    ceremony_run(&ceremony,
                 "s=; for i in $(seq 64); do s=\"$s -signer one.pem -inkey one.key\"; done;"
                 "openssl cms -sign -nodetach -binary -nocerts -outform DER -in g.json $s"
                 " -out g.out");
    claim_counts("64 signers");
    ceremony_run(&ceremony, "openssl cms -resign -inform DER -outform DER -in g.out -signer one.pem"
                            " -inkey one.key -out g.more");
    NOT_SIGNED_DATA("g.more");
}
END_TEST

/* ---- who says to have signed ---- */

START_TEST(signers_are_named_by_the_certificates_in_the_document)
{
    struct document_signer found[SIGNED_DOCUMENT_SIGNERS_MAX];
    struct sha256 key = authority_set_key(set, 0);
    ceremony_officer_p256(&ceremony, "stranger");
    SIGN("-nodetach -binary -outform DER");
    ceremony_run(&ceremony, "openssl cms -resign -inform DER -outform DER -in g.out -nocerts"
                            " -signer stranger.pem -inkey stranger.key -out g.two");
    ck_assert_int_eq(open_file("g.two"), ERR_OK);
    ck_assert_uint_eq(signed_document_signers(document, NULL, found), 2);
    size_t known = found[0].has_key ? 0 : 1;
    ck_assert(found[known].has_key);
    ck_assert_str_eq(found[known].name, "CN=one");
    ck_assert(sha256_equal(&found[known].key, &key));
    ck_assert(!found[1 - known].has_key);
    ck_assert_str_eq(found[1 - known].name, "");
    ck_assert_int_eq(found[0].state, SIGNER_UNCHECKED);
    ck_assert_int_eq(found[1].state, SIGNER_UNCHECKED);
}
END_TEST

/* How often each state is among the signers of the open document. */
static void count_states(size_t counts[SIGNER_HOLDS + 1])
{
    struct document_signer found[SIGNED_DOCUMENT_SIGNERS_MAX];
    size_t count = signed_document_signers(document, set, found);
    memset(counts, 0, (SIGNER_HOLDS + 1) * sizeof counts[0]);
    for (size_t i = 0; i < count; i++)
        counts[found[i].state]++;
}

START_TEST(signers_are_told_apart_by_the_set)
{
    size_t counts[SIGNER_HOLDS + 1];
    ceremony_officer_p256(&ceremony, "stranger");
    SIGN("-nodetach -binary -nocerts -outform DER");
    ceremony_run(&ceremony, "openssl cms -resign -inform DER -outform DER -in g.out"
                            " -signer stranger.pem -inkey stranger.key -out g.two");
    ck_assert_int_eq(open_file("g.two"), ERR_OK);
    count_states(counts);
    ck_assert_uint_eq(counts[SIGNER_HOLDS], 1);
    ck_assert_uint_eq(counts[SIGNER_STRANGER], 1);
    ceremony_run(&ceremony, "sed -i s/5000/9000/ g.two");
    ck_assert_int_eq(open_file("g.two"), ERR_OK);
    count_states(counts);
    ck_assert_uint_eq(counts[SIGNER_WRONG], 1);
    ck_assert_uint_eq(counts[SIGNER_STRANGER], 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        der_pem_and_smime_count_with_their_content,
        multipart_smime_counts_in_both_line_ends,
        what_opens_is_what_was_signed_whatever_the_line_ends,
        document_with_windows_line_ends_counts,
        pem_counts_under_both_labels_and_with_cr_lf,
        smime_tool_of_openssl_counts_too,
        digest_is_that_of_the_bytes_given,
        content_beside_the_document_is_missed,
        other_kinds_of_cms_are_no_signed_data,
        anything_else_is_no_signed_data,
        bytes_behind_the_document_are_refused,
        locked_pem_is_refused_without_a_question,
        content_that_is_no_grant_is_malformed,
        document_of_eighty_eight_kib_counts_and_a_byte_more_does_not,
        more_than_a_hundred_and_twelve_kib_are_not_parsed,
        sixty_four_signers_are_read_and_one_more_is_not,
        signers_are_named_by_the_certificates_in_the_document,
        signers_are_told_apart_by_the_set,
        NULL,
    };
    return run_suite(&(struct run_case){"grant: forms", set_up, tear_down, 300, tests});
}
