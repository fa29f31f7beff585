/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a station may send as JSON, and where a wrong body is said to be wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/body.h"
#include "suites.h"
#include "support/sizes.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DEVICE "\"device\":{\"certificate_chain\":\"PEM\"}"

static struct license_body body;
static struct outcome_body outcome;
static struct json_path path;
static struct fault fault;

static enum error read_license(const char *text)
{
    return license_body_read(bytes_of(text, strlen(text)), &body, &path, &fault);
}

static enum error read_outcome(const char *text)
{
    return outcome_body_read(bytes_of(text, strlen(text)), &outcome, &path, &fault);
}

struct refusal {
    const char *text;
    const char *path;
    const char *reason;
};

static void expect_refused(enum error (*read)(const char *text), const struct refusal *refusal)
{
    ck_assert_msg(read(refusal->text) == ERR_BAD_REQUEST, "accepted: %s", refusal->text);
    ck_assert_msg(strcmp(path.text, refusal->path) == 0, "%s: path %s", refusal->text, path.text);
    ck_assert_msg(strcmp(fault.reason, refusal->reason) == 0, "%s: reason %s", refusal->text,
                  fault.reason);
}

#define EXPECT_REFUSED(read, cases)                                     \
    do {                                                                \
        for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) \
            expect_refused((read), &(cases)[i]);                        \
    } while (0)

START_TEST(a_full_license_request_is_read)
{
    ck_assert_int_eq(
        read_license("{\"product\":\"widget\",\"image\":\"" DIGEST "\"," DEVICE
                     ",\"context\":{\"lot\":\"L1\",\"line\":\"2\",\"work_order\":\"W\","
                     "\"operator\":\"J\\u00f6rg\",\"socket\":\"4\"}}"),
        ERR_OK);
    ck_assert_str_eq(path.text, "");
    ck_assert_str_eq(body.product, "widget");
    ck_assert(!body.is_latest);
    ck_assert_uint_eq(body.digest.bytes[0], 0x01);
    ck_assert_str_eq(body.certificate_chain, "PEM");
    ck_assert_str_eq(body.context.work_order, "W");
    ck_assert_str_eq(body.context.operator_name, "J\xc3\xb6rg");
    ck_assert_str_eq(body.context.socket, "4");
}
END_TEST

START_TEST(a_request_without_image_or_for_latest_asks_for_the_latest)
{
    ck_assert_int_eq(read_license("{\"product\":\"w\"," DEVICE "}"), ERR_OK);
    ck_assert(body.is_latest);
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"image\":\"latest\"," DEVICE "}"), ERR_OK);
    ck_assert(body.is_latest);
}
END_TEST

START_TEST(every_wrong_type_is_refused_at_its_place)
{
    static const struct refusal cases[] = {
        {"[]", "$", "wrong-type"},
        {"{\"product\":1," DEVICE "}", "$.product", "wrong-type"},
        {"{\"product\":null," DEVICE "}", "$.product", "wrong-type"},
        {"{\"product\":[\"w\"]," DEVICE "}", "$.product", "wrong-type"},
        {"{\"product\":{}," DEVICE "}", "$.product", "wrong-type"},
        {"{\"product\":\"w\",\"image\":true," DEVICE "}", "$.image", "wrong-type"},
        {"{\"product\":\"w\",\"device\":\"PEM\"}", "$.device", "wrong-type"},
        {"{\"product\":\"w\",\"device\":{\"certificate_chain\":7}}", "$.device.certificate_chain",
         "wrong-type"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":[]}", "$.context", "wrong-type"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":{\"lot\":1.5}}", "$.context.lot", "wrong-type"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

START_TEST(missing_and_unknown_members_are_refused_at_their_place)
{
    static const struct refusal cases[] = {
        {"{}", "$.product", "member-missing"},
        {"{\"product\":\"w\"}", "$.device", "member-missing"},
        {"{\"product\":\"w\",\"device\":{}}", "$.device", "no-certificate"},
        {"{\"product\":\"w\"," DEVICE ",\"quota\":1}", "$.quota", "unknown-member"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":{\"Lot\":\"x\"}}", "$.context.Lot",
         "unknown-member"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":{\"a b\\n\":\"x\"}}", "$.context",
         "unknown-member"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

START_TEST(a_text_that_is_no_json_object_is_refused)
{
    static const struct refusal cases[] = {
        {"", "$", "not-json"},
        {"null", "$", "wrong-type"},
        {"17 18", "$", "not-json"},
        {"{", "$", "not-json"},
        {"{} {}", "$", "not-json"},
        {"{'product':'w'}", "$", "not-json"},
        {"{\"product\":\"a\\u0000b\"}", "$", "null-character"},
        {"{\"a\\u0000b\":1}", "$", "null-character"},
        {"{\"product\":\"\xff\"}", "$", "invalid-utf-8"},
        {"{\"product\":\"\xc0\x80\"}", "$", "invalid-utf-8"},
        {"{\"product\":\"\xed\xa0\x80\"}", "$", "invalid-utf-8"},
        {"{\"product\":\"\\ud800\"}", "$", "not-json"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

START_TEST(member_that_comes_twice_is_refused_at_its_place)
{
    static const struct refusal cases[] = {
        {"{\"product\":\"a\",\"product\":\"b\"}", "$.product", "duplicate-member"},
        {"{\"product\":\"a\",\"product\" :1}", "$.product", "duplicate-member"},
        {"{\"device\":{\"x\":1,\"x\":2}}", "$.device.x", "duplicate-member"},
        {"{\"a\":{\"b\":1},\"device\":{\"x\":[1,{\"y\":1,\"y\":2}]}}", "$.device.x[1].y",
         "duplicate-member"},
        {"{\"a\":[[],{},\"]\",[{\"q\":0,\"z\":\"\\\"{\",\"q\":0}]]}", "$.a[3][0].q",
         "duplicate-member"},
        {"{\"a b\":{\"x\":1,\"x\":2}}", "$", "duplicate-member"},
        {"{\"a\":{\"\":1,\"\":2}}", "$.a", "duplicate-member"},
        {"{\"a\":{\"x\\n\":1,\"x\\n\":2}}", "$.a", "duplicate-member"},
    };
    EXPECT_REFUSED(read_license, cases);
    static const struct refusal outcomes[] = {
        {"{\"result\":\"failed\",\"code\":\"a\",\"code\":\"a\"}", "$.code", "duplicate-member"},
    };
    EXPECT_REFUSED(read_outcome, outcomes);
}
END_TEST

START_TEST(a_raw_nul_byte_is_refused)
{
    static const char text[] = "{\"product\":\"a\0b\"}";
    ck_assert_int_eq(license_body_read(bytes_of(text, sizeof text - 1), &body, &path, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(path.text, "$");
}
END_TEST

START_TEST(nesting_deeper_than_eight_is_refused_before_it_is_parsed)
{
    static const struct refusal cases[] = {
        {"[[[[[[[[[", "$", "too-deep"},
        {"[[[[[[[[", "$", "not-json"},
        {"{\"a\":[[[[[[[[0]]]]]]]]}", "$", "too-deep"},
        {"[\"[[[[[[[[[\\\"[[[\"", "$", "not-json"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

START_TEST(names_and_lines_are_checked)
{
    static const struct refusal cases[] = {
        {"{\"product\":\"\"," DEVICE "}", "$.product", "empty-text"},
        {"{\"product\":\"../etc\"," DEVICE "}", "$.product", "not-a-name"},
        {"{\"product\":\"a b\"," DEVICE "}", "$.product", "not-a-name"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":{\"lot\":\"a\\nb\"}}", "$.context.lot",
         "control-character"},
        {"{\"product\":\"w\"," DEVICE ",\"context\":{\"lot\":\"a\\u007f\"}}", "$.context.lot",
         "control-character"},
        {"{\"product\":\"w\",\"image\":\"newest\"," DEVICE "}", "$.image", "not-an-image"},
        {"{\"product\":\"w\",\"image\":\"sha256:00\"," DEVICE "}", "$.image", "not-an-image"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

/* A license request whose product has that many letters. */
static enum error read_product_of(size_t length)
{
    char name[128] = "";
    char text[256];
    memset(name, 'a', length);
    (void)snprintf(text, sizeof text, "{\"product\":\"%s\"," DEVICE "}", name);
    return read_license(text);
}

START_TEST(a_name_may_have_sixty_four_bytes_and_not_one_more)
{
    ck_assert_int_eq(read_product_of(API_NAME_MAX_BYTES), ERR_OK);
    ck_assert_uint_eq(strlen(body.product), API_NAME_MAX_BYTES);
    ck_assert_int_eq(read_product_of(API_NAME_MAX_BYTES + 1), ERR_BAD_REQUEST);
    ck_assert_str_eq(path.text, "$.product");
    ck_assert_str_eq(fault.reason, "text-too-long");
}
END_TEST

static enum error read_chain_of(size_t length)
{
    static char chain[API_CHAIN_MAX_BYTES + 2];
    static char text[API_CHAIN_MAX_BYTES + 128];
    memset(chain, 'A', length);
    chain[length] = '\0';
    (void)snprintf(text, sizeof text,
                   "{\"product\":\"w\",\"device\":{\"certificate_chain\":\"%s\"}}", chain);
    return read_license(text);
}

START_TEST(a_certificate_chain_may_have_32_kib_and_not_one_byte_more)
{
    ck_assert_int_eq(read_chain_of(API_CHAIN_MAX_BYTES), ERR_OK);
    ck_assert_uint_eq(strlen(body.certificate_chain), API_CHAIN_MAX_BYTES);
    ck_assert_int_eq(read_chain_of(API_CHAIN_MAX_BYTES + 1), ERR_TOO_LARGE);
    ck_assert_str_eq(path.text, "$.device.certificate_chain");
}
END_TEST

START_TEST(a_chip_shows_its_certificate_as_base64)
{
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"device\":{\"st_certificate\":\"AAH/\"}}"),
                     ERR_OK);
    ck_assert_uint_eq(body.st_certificate_length, 3);
    ck_assert_int_eq(memcmp(body.st_certificate, "\x00\x01\xff", 3), 0);
    ck_assert_str_eq(body.certificate_chain, "");
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"device\":{\"st_certificate\":\"AA==\"}}"),
                     ERR_OK);
    ck_assert_uint_eq(body.st_certificate_length, 1);
    ck_assert_int_eq(read_license("{\"product\":\"w\"," DEVICE "}"), ERR_OK);
    ck_assert_uint_eq(body.st_certificate_length, 0);
}
END_TEST

START_TEST(a_device_without_a_certificate_shows_its_key)
{
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"device\":{\"public_key\":\"PEM\\nKEY\"}}"),
                     ERR_OK);
    ck_assert_str_eq(body.public_key, "PEM\nKEY");
    ck_assert_str_eq(body.certificate_chain, "");
    ck_assert_int_eq(read_license("{\"product\":\"w\"," DEVICE "}"), ERR_OK);
    ck_assert_str_eq(body.public_key, "");
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"device\":{\"public_key\":\"PEM\","
                                  "\"st_certificate\":\"AAAA\"}}"),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "two-certificates");
    ck_assert_int_eq(read_license("{\"product\":\"w\",\"device\":{\"public_key\":\"PEM\","
                                  "\"certificate_chain\":\"PEM\"}}"),
                     ERR_BAD_REQUEST);
}
END_TEST

#define ST_DEVICE(value) "{\"product\":\"w\",\"device\":{\"st_certificate\":" value "}}"

START_TEST(a_device_shows_exactly_one_certificate_and_a_chip_only_base64)
{
    static const struct refusal cases[] = {
        {"{\"product\":\"w\",\"device\":{\"certificate_chain\":\"PEM\",\"st_certificate\":"
         "\"AAAA\"}}",
         "$.device", "two-certificates"},
        {"{\"product\":\"w\",\"device\":{}}", "$.device", "no-certificate"},
        {ST_DEVICE("\"\""), "$.device.st_certificate", "empty-text"},
        {ST_DEVICE("7"), "$.device.st_certificate", "wrong-type"},
        {ST_DEVICE("null"), "$.device.st_certificate", "wrong-type"},
        {ST_DEVICE("\"A\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"AAA\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"AA=\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"====\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"AA_-\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"AAAA\\n\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\" AAA\""), "$.device.st_certificate", "not-base64"},
        {ST_DEVICE("\"\u00e4AA\""), "$.device.st_certificate", "not-base64"},
    };
    EXPECT_REFUSED(read_license, cases);
}
END_TEST

/* A chip's certificate of that many bytes. */
static enum error read_chip_of(size_t length)
{
    static uint8_t bytes[4 * API_ST_CERT_MAX_BYTES];
    static char text[8 * API_ST_CERT_MAX_BYTES];
    char *base64 = NULL;
    ck_assert_int_eq(base64_encode(bytes_of(bytes, length), &base64), ERR_OK);
    (void)snprintf(text, sizeof text, ST_DEVICE("\"%s\""), base64);
    free(base64);
    return read_license(text);
}

START_TEST(a_chips_certificate_may_have_1_kib_and_not_one_byte_more)
{
    static const size_t too_many[] = {1, 2, 3, 4, 1000};
    ck_assert_int_eq(read_chip_of(API_ST_CERT_MAX_BYTES), ERR_OK);
    ck_assert_uint_eq(body.st_certificate_length, API_ST_CERT_MAX_BYTES);
    for (size_t i = 0; i < sizeof too_many / sizeof too_many[0]; i++) {
        ck_assert_int_eq(read_chip_of(API_ST_CERT_MAX_BYTES + too_many[i]), ERR_TOO_LARGE);
        ck_assert_str_eq(path.text, "$.device.st_certificate");
        ck_assert_ptr_nonnull(strstr(fault.detail, "1024 bytes"));
    }
}
END_TEST

/* ---- batches ---- */

#define ITEM "{\"product\":\"w\"," DEVICE ",\"context\":{\"lot\":\"L\",\"socket\":\"4\"}}"

static unsigned taken;

static enum error take_body(void *context, const void *target, struct fault *ret_fault)
{
    const struct license_body *from = target;
    (void)context;
    (void)ret_fault;
    ck_assert(name_is_valid(from->product, API_NAME_MAX_BYTES));
    ck_assert((from->certificate_chain[0] != '\0') != (from->st_certificate_length > 0));
    taken++;
    return ERR_OK;
}

static enum error read_batch_bytes(struct bytes text)
{
    const struct license_batch batch = {.take = take_body};
    taken = 0;
    return license_batch_read(text, &batch, &path, &fault);
}

START_TEST(batch_is_read_one_request_after_the_other)
{
    static const char text[] = "{\"licenses\":[" ITEM "," ITEM "," ITEM "]}";
    ck_assert_int_eq(read_batch_bytes(bytes_of(text, strlen(text))), ERR_OK);
    ck_assert_uint_eq(taken, 3);
    ck_assert_str_eq(path.text, "");
}
END_TEST

/* Cuts, doubles and changes bytes: what is read or refused is all one, but never another fault. */
START_TEST(mutated_batches_are_read_or_refused_with_a_place)
{
    static const char good[] = "{\"licenses\":[" ITEM "," ITEM "]}";
    static const char spice[] = "{}[]\",:\\0a\xff\x01";
    size_t count = test_size("mutations of a batch", 20000, 2000000);
    unsigned seed = 20261127;
    char text[4 * sizeof good];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % 8 == 0) {
            length = strlen(good);
            memcpy(text, good, length);
        }
        size_t at = (size_t)rand_r(&seed) % length;
        if (rand_r(&seed) % 4 == 0 && 2 * (length - at) + at < sizeof text) {
            memmove(text + length, text + at, length - at);
            length += length - at;
        } else {
            text[at] = spice[(size_t)rand_r(&seed) % (sizeof spice - 1)];
        }
        enum error e = read_batch_bytes(bytes_of(text, length));
        ck_assert(e == ERR_OK || e == ERR_BAD_REQUEST);
        ck_assert_int_eq(path.text[0] == '$', e == ERR_BAD_REQUEST);
        ck_assert(text_is_utf8(bytes_of(path.text, strlen(path.text))));
    }
}
END_TEST

START_TEST(the_three_outcomes_are_read)
{
    ck_assert_int_eq(read_outcome("{\"result\":\"succeeded\"}"), ERR_OK);
    ck_assert_int_eq(outcome.outcome, OUTCOME_OF_SUCCESS);
    ck_assert_int_eq(read_outcome("{\"result\":\"failed\",\"code\":\"E7\",\"detail\":\"no\"}"),
                     ERR_OK);
    ck_assert_int_eq(outcome.outcome, OUTCOME_OF_FAILURE);
    ck_assert_str_eq(outcome.code, "E7");
    ck_assert_int_eq(read_outcome("{\"result\":\"scrapped\"}"), ERR_OK);
    ck_assert_int_eq(outcome.outcome, OUTCOME_OF_SCRAP);
}
END_TEST

START_TEST(a_device_receipt_is_read_as_bytes)
{
    ck_assert_int_eq(read_outcome("{\"result\":\"succeeded\",\"device_receipt\":\"MAD/\"}"),
                     ERR_OK);
    ck_assert_uint_eq(outcome.device_receipt_length, 3);
    ck_assert_int_eq(memcmp(outcome.device_receipt, "\x30\x00\xff", 3), 0);
    ck_assert_int_eq(read_outcome("{\"result\":\"succeeded\"}"), ERR_OK);
    ck_assert_uint_eq(outcome.device_receipt_length, 0);
}
END_TEST

START_TEST(a_wrong_device_receipt_is_refused_at_its_place)
{
    static const struct refusal cases[] = {
        {"{\"result\":\"succeeded\",\"device_receipt\":\"\"}", "$.device_receipt", "empty-text"},
        {"{\"result\":\"succeeded\",\"device_receipt\":7}", "$.device_receipt", "wrong-type"},
        {"{\"result\":\"succeeded\",\"device_receipt\":\"MAD\"}", "$.device_receipt", "not-base64"},
        {"{\"result\":\"succeeded\",\"device_receipt\":\"MA==\\n\"}", "$.device_receipt",
         "not-base64"},
        {"{\"result\":\"failed\",\"device_receipt\":\"MAD/\"}", "$.device_receipt",
         "receipt-without-success"},
        {"{\"result\":\"scrapped\",\"device_receipt\":\"MAD/\"}", "$.device_receipt",
         "receipt-without-success"},
    };
    EXPECT_REFUSED(read_outcome, cases);
}
END_TEST

START_TEST(a_wrong_outcome_is_refused_at_its_place)
{
    static const struct refusal cases[] = {
        {"{}", "$.result", "member-missing"},
        {"{\"result\":\"done\"}", "$.result", "not-a-result"},
        {"{\"result\":\"succeededsucceeded\"}", "$.result", "text-too-long"},
        {"{\"result\":\"failed\",\"code\":3}", "$.code", "wrong-type"},
        {"{\"result\":\"failed\",\"detail\":\"\\u001b[2J\"}", "$.detail", "control-character"},
        {"{\"result\":\"failed\",\"refund\":true}", "$.refund", "unknown-member"},
    };
    EXPECT_REFUSED(read_outcome, cases);
}
END_TEST

Suite *body_suite(void)
{
    Suite *suite = suite_create("api/body");
    TCase *tcase = tcase_create("body");
    tcase_set_timeout(tcase, 120); /* the full sizes */
    tcase_add_test(tcase, a_full_license_request_is_read);
    tcase_add_test(tcase, a_request_without_image_or_for_latest_asks_for_the_latest);
    tcase_add_test(tcase, every_wrong_type_is_refused_at_its_place);
    tcase_add_test(tcase, missing_and_unknown_members_are_refused_at_their_place);
    tcase_add_test(tcase, a_text_that_is_no_json_object_is_refused);
    tcase_add_test(tcase, member_that_comes_twice_is_refused_at_its_place);
    tcase_add_test(tcase, batch_is_read_one_request_after_the_other);
    tcase_add_test(tcase, mutated_batches_are_read_or_refused_with_a_place);
    tcase_add_test(tcase, a_raw_nul_byte_is_refused);
    tcase_add_test(tcase, nesting_deeper_than_eight_is_refused_before_it_is_parsed);
    tcase_add_test(tcase, names_and_lines_are_checked);
    tcase_add_test(tcase, a_name_may_have_sixty_four_bytes_and_not_one_more);
    tcase_add_test(tcase, a_certificate_chain_may_have_32_kib_and_not_one_byte_more);
    tcase_add_test(tcase, a_chip_shows_its_certificate_as_base64);
    tcase_add_test(tcase, a_device_without_a_certificate_shows_its_key);
    tcase_add_test(tcase, a_device_shows_exactly_one_certificate_and_a_chip_only_base64);
    tcase_add_test(tcase, a_chips_certificate_may_have_1_kib_and_not_one_byte_more);
    tcase_add_test(tcase, the_three_outcomes_are_read);
    tcase_add_test(tcase, a_device_receipt_is_read_as_bytes);
    tcase_add_test(tcase, a_wrong_device_receipt_is_refused_at_its_place);
    tcase_add_test(tcase, a_wrong_outcome_is_refused_at_its_place);
    suite_add_tcase(suite, tcase);
    return suite;
}
