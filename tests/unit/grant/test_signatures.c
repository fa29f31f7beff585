/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who signed: signatures of the openssl command line, judged by sets of authorities. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ceremony.h"
#include "core/clock.h"
#include "documents.h"
#include "ed25519.h"
#include "support/run.h"

#define P256      "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
#define THREADS   4
#define CHECKS    200
#define PROMPT_MS 2000
#define MANY      4000 /* digest algorithms that a document announces */

static struct ceremony ceremony;
static struct authority_set *set;
static struct signed_document *document;
static struct signers signers;
static struct fault fault;

/* g.json is a document of 5000 units; one, two and three are officers. */
static void set_up(void)
{
    json_t *json = document_new(GRANT_INSTALL, NULL, 0);
    char *text = document_text(json);
    set = NULL;
    document = NULL;
    ceremony_begin(&ceremony);
    ceremony_write(&ceremony, "g.json", text, strlen(text));
    ceremony_officer_p256(&ceremony, "one");
    ceremony_officer_p256(&ceremony, "two");
    ceremony_officer_p256(&ceremony, "three");
    free(text);
    json_decref(json);
}

static void tear_down(void)
{
    signed_document_free(document);
    authority_set_free(set);
    ceremony_end(&ceremony);
}

/* g.json becomes g.p7s. */
static void sign(const char *name, const char *options)
{
    ceremony_run(&ceremony,
                 "openssl cms -sign -nodetach -binary -outform DER -in g.json -signer %s.pem"
                 " -inkey %s.key %s -out g.p7s",
                 name, name, options);
}

/* g.p7s has one more signature. */
static void resign(const char *name, const char *options)
{
    ceremony_run(&ceremony,
                 "openssl cms -resign -inform DER -outform DER -in g.p7s -signer %s.pem"
                 " -inkey %s.key %s -out g.more && mv g.more g.p7s",
                 name, name, options);
}

static enum error check_bytes(struct bytes data)
{
    signed_document_free(document);
    document = NULL;
    enum error e = signed_document_open(data, &document, &fault);
    return e == ERR_OK ? signed_document_check(document, set, &signers, &fault) : e;
}

static enum error check_file(void)
{
    return check_bytes(ceremony_read(&ceremony, "g.p7s"));
}

static void choose(struct authority_set *chosen)
{
    authority_set_free(set);
    set = chosen;
}

static void claim_counts(size_t count)
{
    enum error e = check_file();
    ck_assert_msg(e == ERR_OK, "%s: %s", fault.reason, fault.detail);
    ck_assert_uint_eq(signers.count, count);
}

static void claim_refused(const char *reason, size_t count)
{
    enum error e = check_file();
    ck_assert_int_eq(e, ERR_GRANT_REFUSED);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_uint_eq(signers.count, count);
}

/* ---- algorithms ---- */

START_TEST(every_kind_of_key_counts)
{
    static const char *const keys[] = {P256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
                                       "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
                                       "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
                                       "-algorithm RSA -pkeyopt rsa_keygen_bits:3072"};
    static const char *const options[] = {"",       "-md sha256", "-md sha384", "-md sha512",
                                          "-keyid", "-nocerts",   "-nosmimecap"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        ceremony_officer(&ceremony, "four", keys[i], "");
        choose(CEREMONY_SET(&ceremony, 1, "four"));
        for (size_t j = 0; j < sizeof options / sizeof options[0]; j++) {
            sign("four", options[j]);
            claim_counts(1);
        }
    }
}
END_TEST

START_TEST(rsa_pss_signatures_count)
{
    ceremony_officer(&ceremony, "four", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    sign("four", "-keyopt rsa_padding_mode:pss");
    claim_counts(1);
    sign("four", "-md sha512 -keyopt rsa_padding_mode:pss");
    claim_counts(1);
}
END_TEST

START_TEST(ed25519_signature_of_rfc_8419_counts)
{
    ceremony_officer(&ceremony, "four", "-algorithm ED25519", "");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    ed25519_sign(&ceremony, "four", &(struct ed25519_options){.digests = 1});
    claim_counts(1);
}
END_TEST

START_TEST(ed25519_signature_of_another_content_is_refused)
{
    ceremony_officer(&ceremony, "four", "-algorithm ED25519", "");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    ed25519_sign(&ceremony, "four",
                 &(struct ed25519_options){.digests = 1, .signs_other_content = true});
    claim_refused("signature-invalid", 0);
    ed25519_sign(&ceremony, "four",
                 &(struct ed25519_options){.digests = 1, .signs_other_attributes = true});
    claim_refused("signature-invalid", 0);
}
END_TEST

START_TEST(attributes_for_another_content_type_are_refused)
{
    ceremony_officer(&ceremony, "four", "-algorithm ED25519", "");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    ed25519_sign(&ceremony, "four",
                 &(struct ed25519_options){.digests = 1, .content_type = "1.2.3.4"});
    claim_refused("signature-invalid", 0);
}
END_TEST

START_TEST(weak_digests_are_refused_by_name)
{
    static const char *const digests[] = {"-md sha1", "-md sha224"};
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        sign("one", digests[i]);
        claim_refused("signature-invalid", 0);
        ck_assert_ptr_nonnull(strstr(fault.detail, "SHA-256, SHA-384 or SHA-512"));
    }
}
END_TEST

START_TEST(signature_without_attributes_is_refused_by_name)
{
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    sign("one", "-noattr");
    claim_refused("signature-invalid", 0);
    ck_assert_ptr_nonnull(strstr(fault.detail, "-noattr"));
}
END_TEST

/* ---- m of n ---- */

START_TEST(threshold_is_reached_by_any_of_the_members)
{
    static const char *const pairs[][2] = {{"one", "two"}, {"two", "three"}, {"three", "one"}};
    choose(CEREMONY_SET(&ceremony, 2, "one", "two", "three"));
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        sign(pairs[i][0], "");
        claim_refused("too-few-signers", 1);
        resign(pairs[i][1], "");
        claim_counts(2);
    }
    resign("two", "");
    claim_counts(3);
    choose(CEREMONY_SET(&ceremony, 3, "one", "two", "three"));
    claim_counts(3);
}
END_TEST

START_TEST(counted_signers_are_those_who_signed)
{
    choose(CEREMONY_SET(&ceremony, 1, "one", "two", "three"));
    sign("three", "");
    claim_counts(1);
    struct sha256 third = authority_set_key(set, 2);
    ck_assert(sha256_equal(&signers.keys[0], &third));
}
END_TEST

START_TEST(one_member_who_signs_twice_counts_once)
{
    choose(CEREMONY_SET(&ceremony, 2, "one", "two"));
    sign("one", "");
    resign("one", "-nocerts");
    resign("one", "-nocerts -keyid");
    claim_refused("too-few-signers", 1);
    resign("two", "");
    claim_counts(2);
}
END_TEST

START_TEST(strangers_are_ignored)
{
    choose(CEREMONY_SET(&ceremony, 2, "one", "two"));
    sign("three", "");
    claim_refused("too-few-signers", 0);
    resign("one", "");
    claim_refused("too-few-signers", 1);
    resign("two", "");
    claim_counts(2);
}
END_TEST

START_TEST(document_without_signers_has_too_few)
{
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    sign("one", "");
    ed25519_sign(&ceremony, NULL, &(struct ed25519_options){.digests = 1});
    claim_refused("too-few-signers", 0);
}
END_TEST

/* ---- certificates of one issuer and serial number ---- */

START_TEST(members_of_one_issuer_and_serial_number_both_count)
{
    ceremony_officer(&ceremony, "four", P256, "-set_serial 7 -subj /CN=Same");
    ceremony_officer(&ceremony, "five", P256, "-set_serial 7 -subj /CN=Same");
    choose(CEREMONY_SET(&ceremony, 2, "four", "five"));
    sign("five", "");
    claim_refused("too-few-signers", 1);
    resign("four", "");
    claim_counts(2);
}
END_TEST

START_TEST(stranger_in_a_members_name_does_not_count)
{
    ceremony_officer(&ceremony, "four", P256, "-set_serial 7 -subj /CN=Same");
    ceremony_officer(&ceremony, "five", P256, "-set_serial 7 -subj /CN=Same");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    sign("five", "");
    claim_refused("signature-invalid", 0);
    sign("four", "");
    claim_counts(1);
}
END_TEST

/* ---- what was altered ---- */

/* Replaces the first occurrence of a text in g.p7s. */
static void replace(const char *from, const char *to)
{
    struct bytes data = ceremony_read(&ceremony, "g.p7s");
    uint8_t *at = memmem(data.data, data.length, from, strlen(from));
    ck_assert_ptr_nonnull(at);
    memcpy(at, to, strlen(to));
    ceremony_write(&ceremony, "g.p7s", data.data, data.length);
}

START_TEST(altered_content_is_refused)
{
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    sign("one", "");
    replace("5000", "9000");
    claim_refused("signature-invalid", 0);
    ck_assert_int_eq(signed_document_grant(document)->units, 9000);
}
END_TEST

START_TEST(altered_signature_is_refused)
{
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    sign("one", "");
    struct bytes data = ceremony_read(&ceremony, "g.p7s");
    ((uint8_t *)data.data)[data.length - 1] ^= 1; /* nothing is behind the signature */
    ceremony_write(&ceremony, "g.p7s", data.data, data.length);
    claim_refused("signature-invalid", 0);
}
END_TEST

START_TEST(altered_attribute_is_refused)
{
    static const uint8_t signing_time[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05};
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    sign("one", "");
    struct bytes data = ceremony_read(&ceremony, "g.p7s");
    uint8_t *at = memmem(data.data, data.length, signing_time, sizeof signing_time);
    ck_assert_ptr_nonnull(at);
    at += sizeof signing_time + 4 + 11; /* SET, UTCTime, and its last digit */
    *at = *at == '9' ? '0' : (uint8_t)(*at + 1);
    ceremony_write(&ceremony, "g.p7s", data.data, data.length);
    claim_refused("signature-invalid", 0);
}
END_TEST

START_TEST(signature_moved_to_another_document_is_refused)
{
    choose(CEREMONY_SET(&ceremony, 1, "one"));
    ceremony_run(&ceremony, "cp g.json small.json && sed -i s/5000/9000/ g.json");
    sign("one", "");
    ceremony_run(&ceremony, "mv g.p7s large.p7s && mv small.json g.json");
    sign("one", "");
    struct bytes data = ceremony_read(&ceremony, "large.p7s");
    size_t length = data.length;
    uint8_t *large = malloc(length);
    memcpy(large, data.data, length);
    data = ceremony_read(&ceremony, "g.p7s");
    uint8_t *content = memmem(large, length, "{\n", 2);
    const uint8_t *small = memmem(data.data, data.length, "{\n", 2);
    memcpy(content, small, (size_t)((const uint8_t *)strstr((const char *)small, "\n}") - small));
    ceremony_write(&ceremony, "g.p7s", large, length);
    free(large);
    claim_refused("signature-invalid", 0);
    ck_assert_int_eq(signed_document_grant(document)->units, 5000);
}
END_TEST

START_TEST(one_wrong_signature_refuses_what_enough_others_signed)
{
    ceremony_officer(&ceremony, "four", P256, "-set_serial 7 -subj /CN=Same");
    ceremony_officer(&ceremony, "five", P256, "-set_serial 7 -subj /CN=Same");
    choose(CEREMONY_SET(&ceremony, 1, "one", "four"));
    sign("one", "");
    claim_counts(1);
    resign("five", "");
    claim_refused("signature-invalid", 1);
}
END_TEST

/* ---- limits ---- */

START_TEST(announcing_thousands_of_digests_costs_nothing)
{
    ceremony_officer(&ceremony, "four", "-algorithm ED25519", "");
    choose(CEREMONY_SET(&ceremony, 1, "four"));
    ed25519_sign(&ceremony, "four", &(struct ed25519_options){.digests = MANY});
    int64_t begin = clock_monotonic_ms();
    claim_counts(1);
    ck_assert_int_lt(clock_monotonic_ms() - begin, PROMPT_MS);
}
END_TEST

static void *check_often(void *context)
{
    size_t *good = context;
    for (size_t i = 0; i < CHECKS; i++) {
        struct signers found;
        *good += signed_document_check(document, set, &found, NULL) == ERR_OK && found.count == 2;
    }
    return NULL;
}

START_TEST(one_document_may_be_checked_by_many_threads)
{
    pthread_t threads[THREADS];
    size_t good[THREADS] = {0};
    choose(CEREMONY_SET(&ceremony, 2, "one", "two"));
    sign("one", "");
    resign("two", "");
    claim_counts(2);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_often, &good[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(good[i], CHECKS);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_kind_of_key_counts,
        rsa_pss_signatures_count,
        ed25519_signature_of_rfc_8419_counts,
        ed25519_signature_of_another_content_is_refused,
        attributes_for_another_content_type_are_refused,
        weak_digests_are_refused_by_name,
        signature_without_attributes_is_refused_by_name,
        threshold_is_reached_by_any_of_the_members,
        counted_signers_are_those_who_signed,
        one_member_who_signs_twice_counts_once,
        strangers_are_ignored,
        document_without_signers_has_too_few,
        members_of_one_issuer_and_serial_number_both_count,
        stranger_in_a_members_name_does_not_count,
        altered_content_is_refused,
        altered_signature_is_refused,
        altered_attribute_is_refused,
        signature_moved_to_another_document_is_refused,
        one_wrong_signature_refuses_what_enough_others_signed,
        announcing_thousands_of_digests_costs_nothing,
        one_document_may_be_checked_by_many_threads,
        NULL,
    };
    return run_suite(&(struct run_case){"grant: signatures", set_up, tear_down, 300, tests});
}
