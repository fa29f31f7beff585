/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Sets of those who may sign, from certificates that the openssl command line made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ceremony.h"
#include "support/run.h"

#define P256 "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"

static struct ceremony ceremony;
static struct authority_set *set;
static struct fault fault;

static void set_up(void)
{
    ceremony_begin(&ceremony);
    set = NULL;
}

static void tear_down(void)
{
    authority_set_free(set);
    ceremony_end(&ceremony);
}

static enum error make_one(const char *pem)
{
    authority_set_free(set);
    set = NULL;
    return authority_set_new(&pem, 1, 1, &set, &fault);
}

static enum error make_of_file(const char *file)
{
    return make_one((const char *)ceremony_read(&ceremony, file).data);
}

static void claim_refused(enum error e, const char *reason)
{
    ck_assert_int_eq(e, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_ptr_null(set);
}

/* ---- keys ---- */

START_TEST(strong_keys_are_taken)
{
    static const char *const keys[] = {
        P256,
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "-algorithm ED25519",
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        ceremony_officer(&ceremony, "one", keys[i], "");
        ck_assert_msg(make_of_file("one.pem") == ERR_OK, "%s: %s", keys[i], fault.detail);
    }
}
END_TEST

START_TEST(weak_and_unknown_keys_are_refused)
{
    static const char *const keys[] = {
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2047",
        "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-224",
        "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "-algorithm ED448",
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        ceremony_officer(&ceremony, "one", keys[i], "");
        claim_refused(make_of_file("one.pem"), "authority-key");
    }
}
END_TEST

/* The set of NAME.pem and other.pem. */
static enum error make_pair(const char *file, const char *other)
{
    char *first = strdup((const char *)ceremony_read(&ceremony, file).data);
    const char *const pems[] = {first, (const char *)ceremony_read(&ceremony, other).data};
    enum error e = authority_set_new(pems, 2, 1, &set, &fault);
    free(first);
    return e;
}

START_TEST(one_key_in_two_certificates_is_refused)
{
    ceremony_officer(&ceremony, "one", P256, "-set_serial 1");
    ceremony_run(&ceremony,
                 "openssl req -new -x509 -key one.key -subj /CN=two -set_serial 2 -out two.pem");
    claim_refused(make_pair("one.pem", "two.pem"), "authority-twice");
}
END_TEST

START_TEST(one_key_with_its_point_in_two_encodings_is_refused)
{
    ceremony_officer(&ceremony, "one", P256, "");
    ceremony_run(&ceremony, "openssl ec -in one.key -conv_form compressed -out two.key");
    ceremony_run(&ceremony, "openssl req -new -x509 -key two.key -subj /CN=two -out two.pem");
    ck_assert_int_eq(make_of_file("one.pem"), ERR_OK);
    struct sha256 key = authority_set_key(set, 0);
    ck_assert_int_eq(make_of_file("two.pem"), ERR_OK);
    struct sha256 other = authority_set_key(set, 0);
    ck_assert(!sha256_equal(&key, &other)); /* or this test shows nothing */
    authority_set_free(set);
    set = NULL;
    claim_refused(make_pair("one.pem", "two.pem"), "authority-twice");
}
END_TEST

START_TEST(two_keys_of_one_issuer_and_serial_number_are_two_members)
{
    ceremony_officer(&ceremony, "one", P256, "-set_serial 7 -subj /CN=Same");
    ceremony_officer(&ceremony, "two", P256, "-set_serial 7 -subj /CN=Same");
    ck_assert_int_eq(make_pair("one.pem", "two.pem"), ERR_OK);
    ck_assert_uint_eq(authority_set_count(set), 2);
}
END_TEST

START_TEST(expired_certificate_is_as_good_as_another)
{
    ceremony_run(&ceremony, "openssl genpkey %s -out one.key", P256);
    ceremony_run(&ceremony, "openssl req -new -key one.key -subj /CN=one -out one.csr");
    ceremony_run(&ceremony, "openssl x509 -req -in one.csr -signkey one.key -days -1 -out one.pem");
    ck_assert_int_eq(make_of_file("one.pem"), ERR_OK);
}
END_TEST

/* ---- numbers ---- */

START_TEST(threshold_is_one_to_the_number_of_members)
{
    ceremony_officer_p256(&ceremony, "one");
    const char *pem = (const char *)ceremony_read(&ceremony, "one.pem").data;
    claim_refused(authority_set_new(&pem, 1, 0, &set, &fault), "threshold");
    claim_refused(authority_set_new(&pem, 1, 2, &set, &fault), "threshold");
    ck_assert_int_eq(authority_set_new(&pem, 1, 1, &set, &fault), ERR_OK);
    ck_assert_uint_eq(authority_set_threshold(set), 1);
}
END_TEST

START_TEST(set_has_one_to_sixteen_members)
{
    static char *pems[AUTHORITY_KEYS_MAX + 1];
    for (size_t i = 0; i <= AUTHORITY_KEYS_MAX; i++) {
        ceremony_officer_p256(&ceremony, "one");
        pems[i] = strdup((const char *)ceremony_read(&ceremony, "one.pem").data);
    }
    const char *const *texts = (const char *const *)pems;
    claim_refused(authority_set_new(texts, 0, 1, &set, &fault), "authority-certificate");
    claim_refused(authority_set_new(texts, AUTHORITY_KEYS_MAX + 1, 1, &set, &fault),
                  "authority-certificate");
    ck_assert_int_eq(authority_set_new(texts, AUTHORITY_KEYS_MAX, 3, &set, &fault), ERR_OK);
    ck_assert_uint_eq(authority_set_count(set), AUTHORITY_KEYS_MAX);
    for (size_t i = 0; i <= AUTHORITY_KEYS_MAX; i++)
        free(pems[i]);
}
END_TEST

/* ---- texts ---- */

/* "before", the certificate one.pem, "after". */
static const char *framed(const char *before, const char *after)
{
    static char text[4 * AUTHORITY_PEM_MAX];
    int length = snprintf(text, sizeof text, "%s%s%s", before,
                          (const char *)ceremony_read(&ceremony, "one.pem").data, after);
    ck_assert_int_lt(length, (int)sizeof text);
    return text;
}

START_TEST(anything_but_one_certificate_is_refused)
{
    ceremony_officer_p256(&ceremony, "one");
    ceremony_run(&ceremony, "openssl x509 -in one.pem -trustout -out trusted.pem &&"
                            "openssl x509 -in one.pem -text -out text.pem &&"
                            "cat one.pem one.key >key.pem && cat one.pem one.pem >two.pem &&"
                            "head -c 300 one.pem >cut.pem && sed s/A/B/ one.pem >other.pem &&"
                            "openssl x509 -in one.pem -outform DER -out der.pem &&"
                            "sed '1a Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-256-CBC,00112233445566"
                            "778899AABBCCDDEEFF\\n' one.pem >locked.pem");
    static const char *const files[] = {"trusted.pem", "text.pem",   "key.pem",
                                        "two.pem",     "cut.pem",    "other.pem",
                                        "der.pem",     "locked.pem", "one.key"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        claim_refused(make_of_file(files[i]), "authority-certificate");
    claim_refused(make_one(""), "authority-certificate");
    claim_refused(make_one(framed("x\n", "")), "authority-certificate");
    claim_refused(make_one(framed("", "x\n")), "authority-certificate");
    claim_refused(make_one(framed("", "-----BEGIN CERTIFICATE-----\n")), "authority-certificate");
}
END_TEST

START_TEST(white_space_behind_a_certificate_is_fine_up_to_the_limit)
{
    char text[AUTHORITY_PEM_MAX + 2];
    ceremony_officer_p256(&ceremony, "one");
    ck_assert_int_eq(make_one(framed("", "\r\n \t\n")), ERR_OK);
    int length = snprintf(text, sizeof text, "%s", framed("", ""));
    memset(text + length, '\n', sizeof text - (size_t)length);
    text[AUTHORITY_PEM_MAX + 1] = '\0';
    claim_refused(make_one(text), "authority-certificate");
    text[AUTHORITY_PEM_MAX] = '\0';
    ck_assert_int_eq(make_one(text), ERR_OK);
}
END_TEST

/* ---- digests and names ---- */

static void claim_hex(struct sha256 digest, const char *file)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    ck_assert_mem_eq(ceremony_read(&ceremony, file).data, hex, SHA256_HEX_SIZE - 1);
}

START_TEST(digests_are_those_that_other_programs_compute)
{
    static const char *const names[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++) {
        ceremony_officer_p256(&ceremony, names[i]);
        ceremony_run(&ceremony,
                     "openssl x509 -in %s.pem -pubkey -noout | openssl pkey -pubin -outform DER |"
                     " sha256sum | cut -c 1-64 >%s.hex",
                     names[i], names[i]);
    }
    ceremony_run(&ceremony, "{ printf 'provisiond-authorities/1\\n2\\n'; sort *.hex; } >set.txt &&"
                            "sha256sum <set.txt >set.sum");
    set = CEREMONY_SET(&ceremony, 2, "one", "two", "three");
    struct authority_set *turned = CEREMONY_SET(&ceremony, 2, "three", "one", "two");
    for (size_t i = 0; i < 3; i++) {
        char file[16];
        (void)snprintf(file, sizeof file, "%s.hex", names[i]);
        claim_hex(authority_set_key(set, i), file);
    }
    claim_hex(authority_set_digest(set), "set.sum");
    claim_hex(authority_set_digest(turned), "set.sum");
    authority_set_free(turned);
}
END_TEST

START_TEST(digest_tells_thresholds_and_members_apart)
{
    ceremony_officer_p256(&ceremony, "one");
    ceremony_officer_p256(&ceremony, "two");
    set = CEREMONY_SET(&ceremony, 2, "one", "two");
    struct authority_set *lower = CEREMONY_SET(&ceremony, 1, "one", "two");
    struct authority_set *fewer = CEREMONY_SET(&ceremony, 1, "one");
    struct sha256 digests[] = {authority_set_digest(set), authority_set_digest(lower),
                               authority_set_digest(fewer)};
    ck_assert(!sha256_equal(&digests[0], &digests[1]));
    ck_assert(!sha256_equal(&digests[1], &digests[2]));
    authority_set_free(lower);
    authority_set_free(fewer);
}
END_TEST

static void claim_name(const char *subject, const char *expected)
{
    char name[AUTHORITY_NAME_SIZE];
    ceremony_run(&ceremony, "openssl genpkey %s -out one.key", P256);
    ceremony_run(&ceremony, "openssl req -new -x509 -utf8 -key one.key -subj '%s' -out one.pem",
                 subject);
    ck_assert_int_eq(make_of_file("one.pem"), ERR_OK);
    authority_set_name(set, 0, name);
    ck_assert_str_eq(name, expected);
}

#define U_UMLAUT "\xc3\xbc"
#define TEN_UMLAUT \
    U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT
#define SIXTY_UMLAUT TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT

START_TEST(name_is_the_subject_for_people)
{
    claim_name("/CN=Officer 1/O=Maker", "CN=Officer 1, O=Maker");
    claim_name("/O=M" U_UMLAUT "ller/CN=x", "O=M" U_UMLAUT "ller, CN=x");
    claim_name("/CN=a\033b", "CN=a\\1Bb");
    claim_name("/", "");
}
END_TEST

/* "CN=" and 60 of two bytes, ", O=" at 123: one more character fits, and not half of the next. */
START_TEST(long_name_is_cut_at_a_whole_character)
{
    claim_name("/CN=" SIXTY_UMLAUT "/O=" U_UMLAUT U_UMLAUT, "CN=" SIXTY_UMLAUT ", O=");
    claim_name("/CN=x" SIXTY_UMLAUT "/O=abc", "CN=x" SIXTY_UMLAUT ", O");
    claim_name("/CN=" SIXTY_UMLAUT "/O=abc", "CN=" SIXTY_UMLAUT ", O=");
    claim_name("/C=DE/CN=" TEN_UMLAUT "/OU=" SIXTY_UMLAUT,
               "C=DE, CN=" TEN_UMLAUT ", OU=" TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT TEN_UMLAUT U_UMLAUT
                   U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT U_UMLAUT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        strong_keys_are_taken,
        weak_and_unknown_keys_are_refused,
        one_key_in_two_certificates_is_refused,
        one_key_with_its_point_in_two_encodings_is_refused,
        two_keys_of_one_issuer_and_serial_number_are_two_members,
        expired_certificate_is_as_good_as_another,
        threshold_is_one_to_the_number_of_members,
        set_has_one_to_sixteen_members,
        anything_but_one_certificate_is_refused,
        white_space_behind_a_certificate_is_fine_up_to_the_limit,
        digests_are_those_that_other_programs_compute,
        digest_tells_thresholds_and_members_apart,
        name_is_the_subject_for_people,
        long_name_is_cut_at_a_whole_character,
        NULL,
    };
    return run_suite(&(struct run_case){"grant: authority", set_up, tear_down, 300, tests});
}
