/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Which keys a product may trust to sign ST chips. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "device/st_certificate.h"
#include "support/pki.h"
#include "support/st_chip.h"

#define TEXT_MAX 8192

static const struct st_expectation EXPECTATION = {.product_id = "45002001"};
static const char BEGIN[] = "-----BEGIN PUBLIC KEY-----\n";
static const char END[] = "-----END PUBLIC KEY-----\n";

static struct st_maker *maker;
static struct st_chip *chip;
static struct st_anchors *anchors;
static struct fault fault;
static char text[TEXT_MAX];

static void set_up(void)
{
    maker = st_maker_new();
    chip = st_chip_new(maker, EXPECTATION.product_id, false);
}

static void tear_down(void)
{
    st_anchors_free(anchors);
    st_chip_free(chip);
    st_maker_free(maker);
}

static enum error parse(struct bytes pem)
{
    st_anchors_free(anchors);
    anchors = NULL;
    fault = (struct fault){0};
    enum error code = st_anchors_new(pem, &EXPECTATION, &anchors, &fault);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    return code;
}

/* These anchors are taken, and the maker's chip is genuine under them. */
static void taken(const char *pem)
{
    struct device device;
    ck_assert_int_eq(parse(bytes_of(pem, strlen(pem))), ERR_OK);
    struct bytes certificate = bytes_of(st_chip_certificate(chip), ST_CERTIFICATE_BYTES);
    ck_assert_int_eq(st_certificate_check(anchors, certificate, &device, &fault), ERR_OK);
}

static void refused_bytes(struct bytes pem, const char *reason)
{
    ck_assert_int_eq(parse(pem), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
    ck_assert_ptr_null(anchors);
}

static void refused(const char *pem, const char *reason)
{
    refused_bytes(bytes_of(pem, strlen(pem)), reason);
}

static const char *framed(const char *before, const char *after)
{
    int n = snprintf(text, sizeof text, "%s%s%s", before, st_maker_pem(maker), after);
    ck_assert_int_lt(n, TEXT_MAX);
    return text;
}

static const char *pem_of_der(struct bytes der)
{
    char *body = NULL;
    ck_assert_int_eq(base64_encode(der, &body), ERR_OK);
    ck_assert_int_lt(snprintf(text, sizeof text, "%s%s\n%s", BEGIN, body, END), TEXT_MAX);
    free(body);
    return text;
}

static const char *pem_of_key(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    ck_assert_int_gt(length, 0);
    (void)pem_of_der(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return text;
}

/* The SubjectPublicKeyInfo in the maker's PEM. */
static size_t maker_der(uint8_t *der, size_t max)
{
    size_t length = 0;
    char body[TEXT_MAX];
    size_t n = 0;
    const char *end = strstr(st_maker_pem(maker), END);
    for (const char *p = st_maker_pem(maker) + sizeof BEGIN - 1; p < end; p++) {
        if (*p != '\n')
            body[n++] = *p;
    }
    body[n] = '\0';
    ck_assert_int_eq(base64_decode(body, der, max, &length), ERR_OK);
    return length;
}

/* Keys of as many makers; the last one is the chip's. */
static char *many(size_t count)
{
    char *all = calloc(count, 256);
    for (size_t i = 0; i + 1 < count; i++) {
        struct st_maker *other = st_maker_new();
        strcat(all, st_maker_pem(other));
        st_maker_free(other);
    }
    return strcat(all, st_maker_pem(maker));
}

START_TEST(every_anchor_may_sign)
{
    struct st_maker *second = st_maker_new();
    (void)snprintf(text, sizeof text, "%s%s", st_maker_pem(maker), st_maker_pem(second));
    taken(text);
    (void)snprintf(text, sizeof text, "%s%s", st_maker_pem(second), st_maker_pem(maker));
    taken(text);
    st_maker_free(second);
}
END_TEST

START_TEST(sixteen_anchors_are_taken_and_seventeen_are_too_many)
{
    char *sixteen = many(DEVICE_ANCHORS_MAX);
    char *seventeen = many(DEVICE_ANCHORS_MAX + 1);
    taken(sixteen);
    refused(seventeen, "too-many-anchors");
    free(sixteen);
    free(seventeen);
}
END_TEST

START_TEST(text_beyond_the_limit_is_too_much)
{
    char *large = malloc(DEVICE_ANCHORS_MAX_BYTES + 1);
    memset(large, '\n', DEVICE_ANCHORS_MAX_BYTES + 1);
    memcpy(large, st_maker_pem(maker), strlen(st_maker_pem(maker)));
    refused_bytes(bytes_of(large, DEVICE_ANCHORS_MAX_BYTES + 1), "too-many-anchors");
    ck_assert_int_eq(parse(bytes_of(large, DEVICE_ANCHORS_MAX_BYTES)), ERR_OK);
    free(large);
}
END_TEST

START_TEST(white_space_and_comments_between_keys_are_fine)
{
    static const char *const around[] = {"", "\n \t\r\n", "# the key of 2026\n",
                                         "subject=CN = ST\nissuer=CN = ST\n"};
    taken(framed(around[_i], ""));
    taken(framed("", around[_i]));
}
END_TEST

START_TEST(windows_line_ends_are_fine)
{
    size_t n = 0;
    for (const char *p = st_maker_pem(maker); *p != '\0'; p++) {
        if (*p == '\n')
            text[n++] = '\r';
        text[n++] = *p;
    }
    text[n] = '\0';
    taken(text);
}
END_TEST

START_TEST(foreign_text_is_not_a_public_key)
{
    static const char *const around[] = {
        "hello\n",
        "-----BEGIN PUBLIC KEY----\n",
        "-----END PUBLIC KEY-----\n",
        "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n",
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
    };
    refused(framed(around[_i], ""), "not-a-public-key");
    refused(framed("", around[_i]), "not-a-public-key");
}
END_TEST

START_TEST(certificate_or_private_key_is_not_a_public_key)
{
    struct pki *root = pki_root("Factory Root");
    refused(pki_certificate(root), "not-a-public-key");
    refused(pki_key(root), "not-a-public-key");
    refused(framed(pki_certificate(root), ""), "not-a-public-key");
    refused(framed("", pki_key(root)), "not-a-public-key");
    pki_free(root);
}
END_TEST

START_TEST(nothing_is_not_a_public_key)
{
    refused("", "not-a-public-key");
    refused("\n\n", "not-a-public-key");
    refused_bytes(bytes_of(NULL, 0), "not-a-public-key");
}
END_TEST

START_TEST(block_with_a_broken_body_is_not_a_public_key)
{
    static const char *const bodies[] = {"",      "!!!!\n",           "AAAA\n",    "MIIB\n",
                                         "AAA\n", "Proc-Type: 4\n\n", "MAMCAQE=\n"};
    (void)snprintf(text, sizeof text, "%s%s%s", BEGIN, bodies[_i], END);
    refused(text, "not-a-public-key");
}
END_TEST

START_TEST(key_cut_off_anywhere_is_not_a_public_key)
{
    size_t whole = strlen(st_maker_pem(maker)) - 1; /* the last newline may be missing */
    for (size_t length = 0; length < whole; length++)
        refused_bytes(bytes_of(st_maker_pem(maker), length), "not-a-public-key");
    ck_assert_int_eq(parse(bytes_of(st_maker_pem(maker), whole)), ERR_OK);
}
END_TEST

START_TEST(bytes_behind_the_der_are_not_a_public_key)
{
    uint8_t der[256] = {0};
    size_t length = maker_der(der, sizeof der);
    taken(pem_of_der(bytes_of(der, length)));
    refused(pem_of_der(bytes_of(der, length + 1)), "not-a-public-key");
}
END_TEST

START_TEST(good_key_before_a_bad_one_does_not_help)
{
    (void)snprintf(text, sizeof text, "%s%s%s%s", st_maker_pem(maker), BEGIN, "AAAA\n", END);
    refused(text, "not-a-public-key");
}
END_TEST

START_TEST(key_of_another_kind_has_another_curve)
{
    refused(pem_of_key(EVP_EC_gen("P-384")), "anchor-curve");
    refused(pem_of_key(EVP_EC_gen("secp256k1")), "anchor-curve");
    refused(pem_of_key(EVP_RSA_gen(2048)), "anchor-curve");
    refused(pem_of_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), "anchor-curve");
    refused(pem_of_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519")), "anchor-curve");
}
END_TEST

START_TEST(key_in_compressed_form_is_the_same_key)
{
    uint8_t der[256] = {0};
    size_t length = maker_der(der, sizeof der);
    ck_assert_uint_eq(length, 91);
    der[1] -= 32;
    der[24] -= 32;
    der[26] = 2 + (der[length - 1] & 1);
    taken(pem_of_der(bytes_of(der, length - 32)));
}
END_TEST

START_TEST(point_that_is_not_on_the_curve_is_refused)
{
    uint8_t der[256] = {0};
    size_t length = maker_der(der, sizeof der);
    der[length - 1] ^= 1;
    refused(pem_of_der(bytes_of(der, length)), "anchor-curve");
}
END_TEST

START_TEST(point_at_infinity_is_refused)
{
    uint8_t der[256] = {0};
    (void)maker_der(der, sizeof der);
    der[1] -= 64;
    der[24] -= 64;
    der[26] = 0;
    refused(pem_of_der(bytes_of(der, 27)), "anchor-curve");
}
END_TEST

/* A BIT STRING of 519 bits whose missing last one would be 0: libcrypto takes it for the key. */
START_TEST(point_with_a_bit_less_is_refused)
{
    uint8_t der[256] = {0};
    size_t length = maker_der(der, sizeof der);
    while ((der[length - 1] & 1) != 0) {
        tear_down();
        anchors = NULL;
        set_up();
        length = maker_der(der, sizeof der);
    }
    taken(pem_of_der(bytes_of(der, length)));
    der[25] = 1;
    refused(pem_of_der(bytes_of(der, length)), "anchor-curve");
}
END_TEST

/* Whatever a bit of the DER changes, the key is refused or another one. */
START_TEST(no_changed_bit_is_the_makers_key)
{
    uint8_t der[256] = {0};
    struct device device;
    size_t length = maker_der(der, sizeof der);
    struct bytes certificate = bytes_of(st_chip_certificate(chip), ST_CERTIFICATE_BYTES);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        const char *pem = pem_of_der(bytes_of(der, length));
        if (parse(bytes_of(pem, strlen(pem))) == ERR_OK)
            ck_assert_int_eq(st_certificate_check(anchors, certificate, &device, &fault),
                             ERR_DEVICE_NOT_GENUINE);
        else
            ck_assert_int_eq(fault.code, ERR_BAD_REQUEST);
        der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}
END_TEST

START_TEST(nothing_can_be_freed)
{
    st_anchors_free(NULL);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, every_anchor_may_sign);
    tcase_add_test(all, sixteen_anchors_are_taken_and_seventeen_are_too_many);
    tcase_add_test(all, text_beyond_the_limit_is_too_much);
    tcase_add_loop_test(all, white_space_and_comments_between_keys_are_fine, 0, 4);
    tcase_add_test(all, windows_line_ends_are_fine);
    tcase_add_loop_test(all, foreign_text_is_not_a_public_key, 0, 5);
    tcase_add_test(all, certificate_or_private_key_is_not_a_public_key);
    tcase_add_test(all, nothing_is_not_a_public_key);
    tcase_add_loop_test(all, block_with_a_broken_body_is_not_a_public_key, 0, 7);
    tcase_add_test(all, key_cut_off_anywhere_is_not_a_public_key);
    tcase_add_test(all, bytes_behind_the_der_are_not_a_public_key);
    tcase_add_test(all, good_key_before_a_bad_one_does_not_help);
    tcase_add_test(all, key_of_another_kind_has_another_curve);
    tcase_add_test(all, key_in_compressed_form_is_the_same_key);
    tcase_add_test(all, point_that_is_not_on_the_curve_is_refused);
    tcase_add_test(all, point_at_infinity_is_refused);
    tcase_add_test(all, point_with_a_bit_less_is_refused);
    tcase_add_test(all, no_changed_bit_is_the_makers_key);
    tcase_add_test(all, nothing_can_be_freed);
}

int main(void)
{
    Suite *suite = suite_create("device st anchors");
    TCase *all = tcase_create("anchors");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
