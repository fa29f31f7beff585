/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant inspect: what a file says before and after officers signed it with openssl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../grant/ceremony.h"
#include "provctl.h"
#include "suite.h"

#define HSM   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID    "0197c0de-0000-7000-8000-000000000001"
#define HEAD                                                                          \
    "{\"type\": \"provisiond-grant/1\", \"id\": \"" ID "\", \"product\": \"widget\"," \
    " \"site\": \"factory-7\", \"hsm\": \"" HSM "\", \"issued\": \"2026-11-27T10:00:00Z\","
#define INSTALL HEAD "\"kind\": \"install\", \"units\": 5000}\n"
#define TAIL                    \
    "For the site  factory-7\n" \
    "For the HSM   " HSM "\n"   \
    "Id            " ID "\n"    \
    "Issued        2026-11-27T10:00:00.000Z\n"

static struct ceremony ceremony;
static struct provctl run;
static char unsigned_file[TEMP_PATH_MAX];
static char signed_file[TEMP_PATH_MAX];
static char authorities[TEMP_PATH_MAX];
static char one[SHA256_HEX_SIZE]; /* digests of the officers' keys */
static char two[SHA256_HEX_SIZE];

static void find_key(const char *name, char out[SHA256_HEX_SIZE])
{
    struct authority_set *set = CEREMONY_SET(&ceremony, 1, name);
    const struct sha256 key = authority_set_key(set, 0);
    hex_encode(bytes_of(key.bytes, SHA256_SIZE), out);
    authority_set_free(set);
}

/* one and two may sign: all.pem. g.json is a document of 5000 units. */
static void set_up(void)
{
    ceremony_begin(&ceremony);
    ceremony_officer_p256(&ceremony, "one");
    ceremony_officer_p256(&ceremony, "two");
    ceremony_officer_p256(&ceremony, "three");
    ceremony_run(&ceremony, "cat one.pem two.pem >all.pem");
    ceremony_write(&ceremony, "g.json", INSTALL, strlen(INSTALL));
    temp_dir_path(&ceremony.dir, "g.json", unsigned_file);
    temp_dir_path(&ceremony.dir, "g.p7s", signed_file);
    temp_dir_path(&ceremony.dir, "all.pem", authorities);
    find_key("one", one);
    find_key("two", two);
}

static void tear_down(void)
{
    ceremony_end(&ceremony);
}

#define INSPECT(file, ...) PROVCTL(&ceremony.dir, &run, "grant", "inspect", file, __VA_ARGS__)
#define JUDGED(threshold)  "--authorities", authorities, "--threshold", (threshold)

/* g.json becomes g.p7s. */
static void sign(const char *name)
{
    ceremony_run(&ceremony,
                 "openssl cms -sign -nodetach -binary -outform DER -in g.json -signer %s.pem"
                 " -inkey %s.key -out g.p7s",
                 name, name);
}

static void resign(const char *name)
{
    ceremony_run(&ceremony,
                 "openssl cms -resign -inform DER -outform DER -in g.p7s -signer %s.pem"
                 " -inkey %s.key -out g.more && mv g.more g.p7s",
                 name, name);
}

static void claim_page(int exit, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void claim_page(int exit, const char *format, ...)
{
    char expected[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_str_eq(run.out, expected);
}

static void claim_has(const char *words)
{
    ck_assert_msg(strstr(run.out, words) != NULL, "%s\nhas not: %s", run.out, words);
}

static void claim_error(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
}

#define SAYS_INSTALL "Kind          install\nProduct       widget\nUnits         5000\n" TAIL

/* ---- for people ---- */

START_TEST(document_is_shown_before_it_is_signed)
{
    INSPECT(unsigned_file, NULL);
    claim_page(0, SAYS_INSTALL "Signatures    not signed\n");
    ck_assert_str_eq(run.err, "");
}
END_TEST

START_TEST(signers_are_named_but_not_believed_without_authorities)
{
    sign("one");
    resign("three");
    INSPECT(signed_file, NULL);
    ck_assert_int_eq(run.exit, 0);
    claim_has(SAYS_INSTALL);
    claim_has("CN=one: not checked\n");
    claim_has("CN=three: not checked\n");
    claim_has("Signatures    not checked: give --authorities and --threshold\n");
}
END_TEST

START_TEST(document_that_enough_authorities_signed_counts)
{
    char row[256];
    sign("one");
    resign("two");
    INSPECT(signed_file, JUDGED("2"));
    ck_assert_msg(run.exit == 0, "%s", run.err);
    (void)snprintf(row, sizeof row, "Signed by     %s  CN=one: holds\n", one);
    claim_has(row);
    (void)snprintf(row, sizeof row, "Signed by     %s  CN=two: holds\n", two);
    claim_has(row);
    claim_has("Signatures    2 of the authorities signed, 2 must: it counts\n");
}
END_TEST

START_TEST(document_that_too_few_signed_is_shown_and_fails)
{
    sign("one");
    resign("three");
    INSPECT(signed_file, JUDGED("2"));
    claim_has(SAYS_INSTALL);
    claim_has("CN=three: not one of the authorities, does not count\n");
    claim_has("Signatures    1 of the authorities signed, 2 must: it does not count\n");
    claim_error(1, "does not count: Fewer of the product's authorities signed than must.");
}
END_TEST

START_TEST(altered_document_is_shown_and_fails)
{
    sign("one");
    ceremony_run(&ceremony, "sed -i s/5000/9000/ g.p7s");
    INSPECT(signed_file, JUDGED("1"));
    claim_has("Units         9000\n");
    claim_has("CN=one: WRONG\n");
    claim_error(1, "The signature of one of the product's authorities is wrong");
}
END_TEST

START_TEST(nobody_signed_what_is_not_signed)
{
    INSPECT(unsigned_file, JUDGED("1"));
    claim_has("Signatures    not signed\n");
    claim_error(1, "Nobody signed it yet.");
}
END_TEST

START_TEST(signer_without_a_certificate_is_said_to_be_so)
{
    ceremony_run(&ceremony, "openssl cms -sign -nodetach -binary -nocerts -outform PEM -in g.json"
                            " -signer three.pem -inkey three.key -out g.p7s");
    INSPECT(signed_file, NULL);
    claim_has("Signed by     (its certificate is not in the document)  not checked\n");
}
END_TEST

/* Replaces g.json. */
static void write_document(const char *own)
{
    char text[8192];
    (void)snprintf(text, sizeof text, HEAD "%s}\n", own);
    ceremony_write(&ceremony, "g.json", text, strlen(text));
}

START_TEST(times_of_acceptance_are_told_by_the_clock)
{
    write_document("\"kind\": \"scrap\", \"units\": 7, \"lot\": \"L 1\","
                   " \"not_before\": \"2001-01-01T00:00:00Z\","
                   " \"not_after\": \"2002-01-01T00:00:00Z\"");
    INSPECT(unsigned_file, NULL);
    claim_page(0, "Kind          scrap\nProduct       widget\nUnits         7\n"
                  "Lot           L 1\n" TAIL "Not before    2001-01-01T00:00:00.000Z\n"
                  "Not after     2002-01-01T00:00:00.000Z (over)\n"
                  "Signatures    not signed\n");
    write_document("\"kind\": \"scrap\", \"units\": 7,"
                   " \"not_before\": \"9001-01-01T00:00:00Z\","
                   " \"not_after\": \"9002-01-01T00:00:00Z\"");
    INSPECT(unsigned_file, NULL);
    claim_has("Not before    9001-01-01T00:00:00.000Z (not yet)\n");
    claim_has("Not after     9002-01-01T00:00:00.000Z\n");
}
END_TEST

START_TEST(override_and_rebind_are_shown_whole)
{
    write_document("\"kind\": \"override\", \"anchor\": {\"size\": 40, \"root\": \"" HSM "\"},"
                   " \"head\": {\"size\": 12, \"root\": \"" OTHER "\"}");
    INSPECT(unsigned_file, NULL);
    claim_has("The HSM remembers     40:" HSM "\n");
    claim_has("The ledger was found  12:" OTHER "\n");
    write_document("\"kind\": \"rebind\", \"sequence\": 3, \"serial\": \"SN 1\","
                   " \"old_key\": \"" HSM "\", \"new_key\": \"" OTHER "\"");
    INSPECT(unsigned_file, NULL);
    claim_has("Sequence      3\nSerial        SN 1\nOld key       " HSM "\nNew key       " OTHER
              "\n");
    write_document("\"kind\": \"standby\", \"sequence\": 4, \"standby\": \"" OTHER
                   "\", \"transport_key\": \"" HSM "\", \"allowed\": true");
    INSPECT(unsigned_file, NULL);
    claim_has("Standby HSM                 " OTHER "\n");
    claim_has("Its transport key, SHA-256  " HSM "\n");
    claim_has("Gets session keys           yes, all of this product\n");
}
END_TEST

/* As provctl grant new writes it. */
static void write_policy(void)
{
    char anchors[TEMP_PATH_MAX];
    ceremony_run(&ceremony, "openssl pkey -in one.key -pubout -out st.pub");
    temp_dir_path(&ceremony.dir, "st.pub", anchors);
    PROVCTL(&ceremony.dir, &run, "grant", "new", "--kind", "policy", "--product", "chip", "--site",
            "factory-7", "--hsm", HSM, "--out", unsigned_file, "--sequence", "2", "--anchors",
            anchors, "--authorities", authorities, "--threshold", "1", "--profile", "st-sfi",
            "--st-product-id", "45002001", "--allow-session-key-exposure", "--attempts-max", "20");
    ck_assert_msg(run.exit == 0, "%s", run.err);
}

START_TEST(policy_is_shown_with_everything_that_it_sets)
{
    char row[256];
    write_policy();
    INSPECT(unsigned_file, NULL);
    claim_has("Sequence                2\n"
              "Profile                 st-sfi\n"
              "Policy                  per-device: one unit pays for one device\n");
    claim_has("Session key exposure    allowed\n"
              "Attempts per device     20\n"
              "Chips                   chip ID 450, security counter 02 (from 45002001)\n");
    claim_has("Must sign from then on  1 of 2\n");
    (void)snprintf(row, sizeof row, "May sign                %s  CN=two\n", two);
    claim_has(row);
    ceremony_run(&ceremony, "sha256sum <st.pub | cut -c 1-64 >st.sum");
    (void)snprintf(row, sizeof row, "Trust anchors, SHA-256  %.64s\n",
                   (const char *)ceremony_read(&ceremony, "st.sum").data);
    claim_has(row);
}
END_TEST

START_TEST(texts_of_a_document_never_steer_the_terminal)
{
    ceremony_officer(&ceremony, "evil", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                     "-utf8 -subj \"/CN=$(printf 'a\\302\\233b\\342\\200\\256')\"");
    write_document("\"kind\": \"install\", \"units\": 7, \"lot\": \"L\\u009b\\u202e\"");
    sign("evil");
    INSPECT(signed_file, NULL);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_null(strstr(run.out, "\xc2\x9b"));
    ck_assert_ptr_null(strstr(run.out, "\xe2\x80\xae"));
    claim_has("Lot           L\\x");
}
END_TEST

/* ---- for machines ---- */

static json_t *parse_output(void)
{
    json_t *object = json_loads(run.out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(object != NULL, "%s", run.out);
    return object;
}

static void claim_member(const json_t *object, const char *name, const char *value)
{
    json_t *expected = json_loads(value, JSON_DECODE_ANY, NULL);
    ck_assert_msg(json_equal(json_object_get(object, name), expected), "%s", run.out);
    json_decref(expected);
}

START_TEST(machines_get_the_document_itself)
{
    INSPECT(unsigned_file, "--json");
    ck_assert_int_eq(run.exit, 0);
    json_t *object = parse_output();
    json_t *document = json_loads(INSTALL, 0, NULL);
    ck_assert_int_eq(
        json_object_set_new(document, "issued", json_string("2026-11-27T10:00:00.000Z")), 0);
    ck_assert(json_equal(json_object_get(object, "document"), document));
    claim_member(object, "signed", "false");
    claim_member(object, "signers", "[]");
    claim_member(object, "counts", "null");
    claim_member(object, "reason", "\"\"");
    json_decref(document);
    json_decref(object);
}
END_TEST

START_TEST(machines_get_each_signer_and_the_verdict)
{
    char signers[512];
    sign("one");
    INSPECT(signed_file, JUDGED("2"), "--json");
    json_t *object = parse_output(); /* one object, though it fails */
    claim_error(1, "Fewer of the product's authorities");
    (void)snprintf(signers, sizeof signers,
                   "[{\"key\": \"%s\", \"name\": \"CN=one\", \"state\": \"holds\"}]", one);
    claim_member(object, "signed", "true");
    claim_member(object, "signers", signers);
    claim_member(object, "counts", "false");
    claim_member(object, "reason", "\"too-few-signers\"");
    json_decref(object);
    INSPECT(signed_file, JUDGED("1"), "--json");
    ck_assert_int_eq(run.exit, 0);
    object = parse_output();
    claim_member(object, "counts", "true");
    json_decref(object);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(authorities_and_threshold_belong_together)
{
    INSPECT(unsigned_file, "--authorities", authorities);
    claim_error(64, "--authorities and --threshold belong together");
    INSPECT(unsigned_file, "--threshold", "1");
    claim_error(64, "--authorities and --threshold belong together");
}
END_TEST

START_TEST(file_that_is_no_document_says_why)
{
    INSPECT(authorities, NULL);
    claim_error(1, "This is no CMS SignedData as openssl cms -sign makes it.");
    write_document("\"kind\": \"install\", \"units\": 0");
    INSPECT(unsigned_file, NULL);
    claim_error(1, "g.json: units must be a whole number from 1 to 1000000000000.");
    sign("one");
    INSPECT(signed_file, NULL);
    claim_error(1, "g.p7s: units must be a whole number from 1 to 1000000000000.");
    ceremony_run(&ceremony, "openssl cms -sign -binary -outform DER -in g.json -signer one.pem"
                            " -inkey one.key -out g.p7s");
    INSPECT(signed_file, NULL);
    claim_error(1, "sign with -nodetach");
    INSPECT("/nowhere", NULL);
    claim_error(1, "/nowhere cannot be read");
    ceremony_run(&ceremony, "head -c 114689 /dev/zero >g.p7s");
    INSPECT(signed_file, NULL);
    claim_error(1, "is larger than 112 KiB");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        document_is_shown_before_it_is_signed,
        signers_are_named_but_not_believed_without_authorities,
        document_that_enough_authorities_signed_counts,
        document_that_too_few_signed_is_shown_and_fails,
        altered_document_is_shown_and_fails,
        nobody_signed_what_is_not_signed,
        signer_without_a_certificate_is_said_to_be_so,
        times_of_acceptance_are_told_by_the_clock,
        override_and_rebind_are_shown_whole,
        policy_is_shown_with_everything_that_it_sets,
        texts_of_a_document_never_steer_the_terminal,
        machines_get_the_document_itself,
        machines_get_each_signer_and_the_verdict,
        authorities_and_threshold_belong_together,
        file_that_is_no_document_says_why,
        NULL,
    };
    return suite_run("cli: grant inspect", set_up, tear_down, tests);
}
