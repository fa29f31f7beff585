/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* ST chips: which certificates are genuine, and which check refuses the others. */
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <check.h>
#include <openssl/err.h>

#include "device/st_certificate.h"
#include "support/st_chip.h"

#define PRODUCT_ID "45002001"

static struct st_maker *maker;
static struct st_chip *chip;
static struct st_anchors *anchors;
static uint8_t certificate[ST_CERTIFICATE_BYTES];
static struct device device;
static struct fault fault;

static struct st_anchors *anchors_for(const char *product_id, bool signs_key_only)
{
    struct st_expectation expectation = {.signs_key_only = signs_key_only};
    struct st_anchors *made = NULL;
    const char *pem = st_maker_pem(maker);
    strcpy(expectation.product_id, product_id);
    ck_assert_int_eq(st_anchors_new(bytes_of(pem, strlen(pem)), &expectation, &made, &fault),
                     ERR_OK);
    return made;
}

static void set_up(void)
{
    maker = st_maker_new();
    chip = st_chip_new(maker, PRODUCT_ID, false);
    anchors = anchors_for(PRODUCT_ID, false);
    memcpy(certificate, st_chip_certificate(chip), sizeof certificate);
    fault = (struct fault){0};
}

static void tear_down(void)
{
    st_anchors_free(anchors);
    st_chip_free(chip);
    st_maker_free(maker);
}

/* From now on the signature covers the key alone. */
static void sign_key_only(void)
{
    st_anchors_free(anchors);
    anchors = anchors_for(PRODUCT_ID, true);
    st_maker_sign(maker, certificate, true);
}

static enum error check_bytes(struct bytes given)
{
    fault = (struct fault){0};
    enum error code = st_certificate_check(anchors, given, &device, &fault);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    return code;
}

static enum error check_now(void)
{
    return check_bytes(bytes_of(certificate, sizeof certificate));
}

static void refused(enum error code, const char *reason)
{
    ck_assert_int_eq(code, ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
}

static void set_id(const char *id)
{
    memcpy(certificate, id, ST_PRODUCT_ID_BYTES);
    st_maker_sign(maker, certificate, false);
}

/* A point as hex of X and Y, in a certificate that is signed as it is. */
static void set_point(const char *x, const char *y)
{
    ck_assert(hex_decode(x, certificate + 8, 32));
    ck_assert(hex_decode(y, certificate + 40, 32));
    st_maker_sign(maker, certificate, false);
}

/* ---- genuine chips ---- */

START_TEST(chip_of_the_maker_is_genuine)
{
    ck_assert_int_eq(check_now(), ERR_OK);
    struct sha256 spki = st_chip_spki(chip);
    ck_assert(sha256_equal(&device.spki, &spki));
    ck_assert_int_eq(device.key_type, DEVICE_KEY_P256);
    ck_assert_uint_eq(device.point_length, ST_CHIP_POINT_BYTES);
    ck_assert_mem_eq(device.point, st_chip_point(chip), ST_CHIP_POINT_BYTES);
    ck_assert_uint_eq(device.issuer_length, 0);
    ck_assert_uint_eq(device.certificate_serial_length, 0);
}
END_TEST

START_TEST(serial_is_product_id_and_the_beginning_of_the_spki_digest)
{
    char expected[ST_PRODUCT_ID_BYTES + 1 + SHA256_HEX_SIZE];
    struct sha256 spki = st_chip_spki(chip);
    memcpy(expected, PRODUCT_ID "-", ST_PRODUCT_ID_BYTES + 1);
    hex_encode(bytes_of(spki.bytes, SHA256_SIZE), expected + ST_PRODUCT_ID_BYTES + 1);
    expected[ST_PRODUCT_ID_BYTES + 1 + 32] = '\0';
    ck_assert_int_eq(check_now(), ERR_OK);
    ck_assert_str_eq(device.serial, expected);
}
END_TEST

START_TEST(key_index_may_be_any_and_is_part_of_the_serial)
{
    set_id("450020FE");
    ck_assert_int_eq(check_now(), ERR_OK);
    ck_assert_mem_eq(device.serial, "450020FE-", 9);
}
END_TEST

/* What is not proven must not make two devices of one key. */
START_TEST(serial_is_the_spki_digest_alone_when_the_product_id_is_not_signed)
{
    char expected[SHA256_HEX_SIZE];
    struct sha256 spki = st_chip_spki(chip);
    hex_encode(bytes_of(spki.bytes, SHA256_SIZE), expected);
    expected[32] = '\0';
    sign_key_only();
    ck_assert_int_eq(check_now(), ERR_OK);
    ck_assert_str_eq(device.serial, expected);
    memcpy(certificate, "450020FE", 8);
    ck_assert_int_eq(check_now(), ERR_OK);
    ck_assert_str_eq(device.serial, expected);
}
END_TEST

START_TEST(chip_that_signs_its_key_only_is_genuine_under_that_setting)
{
    sign_key_only();
    ck_assert_int_eq(check_now(), ERR_OK);
    st_maker_sign(maker, certificate, false);
    refused(check_now(), "st-signature");
}
END_TEST

START_TEST(signature_over_the_key_only_does_not_do_for_the_default)
{
    st_maker_sign(maker, certificate, true);
    refused(check_now(), "st-signature");
}
END_TEST

/* An unproven product ID still has to be the product's. */
START_TEST(unsigned_product_id_is_checked_as_well)
{
    sign_key_only();
    memcpy(certificate, "46002001", 8);
    refused(check_now(), "st-family");
    memcpy(certificate, "45003001", 8);
    refused(check_now(), "st-security-counter");
    memcpy(certificate, "450020ZZ", 8);
    refused(check_now(), "st-product-id");
    memcpy(certificate, "450020AA", 8);
    ck_assert_int_eq(check_now(), ERR_OK);
}
END_TEST

/* ---- refusals ---- */

START_TEST(certificate_of_another_length_is_refused)
{
    uint8_t longer[2 * ST_CERTIFICATE_BYTES] = {0};
    memcpy(longer, certificate, sizeof certificate);
    for (size_t length = 0; length <= sizeof longer; length++) {
        enum error code = check_bytes(bytes_of(length > 0 ? longer : NULL, length));
        if (length == ST_CERTIFICATE_BYTES)
            ck_assert_int_eq(code, ERR_OK);
        else
            refused(code, "st-length");
    }
}
END_TEST

/* The end of the memory is the end of the certificate: a sanitizer sees a read behind it. */
START_TEST(cut_off_certificate_is_not_read_behind_its_end)
{
    for (size_t length = 1; length < ST_CERTIFICATE_BYTES; length++) {
        uint8_t *exact = memcpy(malloc(length), certificate, length);
        refused(check_bytes(bytes_of(exact, length)), "st-length");
        free(exact);
    }
}
END_TEST

START_TEST(product_id_has_one_form)
{
    static const char *const wrong[] = {
        "",         "4500200",  "450020011", "4500200G", "4G002001", "4500200a", "45002101",
        "45002F01", " 5002001", "4500200:",  "4500200@", "4500200/", "4500200`", "45002O01"};
    static const char *const right[] = {"45002001", "00000000", "FFFFF0FF", "5000200A", "49202013"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(!st_product_id_is_valid(wrong[i]), "%s", wrong[i]);
        if (strlen(wrong[i]) != ST_PRODUCT_ID_BYTES)
            continue;
        set_id(wrong[i]);
        refused(check_now(), "st-product-id");
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        ck_assert_msg(st_product_id_is_valid(right[i]), "%s", right[i]);
    memset(certificate, 0, 8);
    refused(check_now(), "st-product-id");
}
END_TEST

START_TEST(each_digit_of_chip_id_and_counter_counts)
{
    static const char *const others[] = {"55002001", "46002001", "45102001", "45012001",
                                         "45003001"};
    set_id(others[_i]);
    refused(check_now(), _i < 3 ? "st-family" : "st-security-counter");
}
END_TEST

#define P_256  "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define P_MORE "ffffffff00000001000000000000000000000001000000000000000000000004"
#define ZERO   "0000000000000000000000000000000000000000000000000000000000000000"
#define FIVE   "0000000000000000000000000000000000000000000000000000000000000005"
#define X_OF_5 "d7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7"
#define Y_OF_0 "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4"

/* Two points with a small coordinate: only for those another number of 32 bytes is congruent. */
START_TEST(coordinate_must_be_less_than_the_prime)
{
    set_point(ZERO, Y_OF_0);
    ck_assert_int_eq(check_now(), ERR_OK);
    set_point(P_256, Y_OF_0);
    refused(check_now(), "st-point");
    set_point(X_OF_5, FIVE);
    ck_assert_int_eq(check_now(), ERR_OK);
    set_point(X_OF_5, P_MORE);
    refused(check_now(), "st-point");
}
END_TEST

START_TEST(point_must_lie_on_the_curve)
{
    set_point(ZERO, ZERO);
    refused(check_now(), "st-point");
    set_point(FIVE, X_OF_5);
    refused(check_now(), "st-point");
    memset(certificate + 8, 0xff, 64);
    st_maker_sign(maker, certificate, false);
    refused(check_now(), "st-point");
}
END_TEST

#define ORDER      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_LESS "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define ALL_ONES   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

START_TEST(signature_out_of_range_is_refused)
{
    static const char *const numbers[] = {ZERO, ORDER, ORDER_LESS, ALL_ONES, FIVE};
    size_t half = _i < 5 ? 72 : 104;
    ck_assert(hex_decode(numbers[_i % 5], certificate + half, 32));
    refused(check_now(), "st-signature");
    memset(certificate + 72, 0, 64);
    refused(check_now(), "st-signature");
}
END_TEST

START_TEST(forgery_is_refused)
{
    struct st_maker *stranger = st_maker_new();
    st_maker_sign(stranger, certificate, false);
    refused(check_now(), "st-signature");
    st_maker_free(stranger);
}
END_TEST

START_TEST(signature_of_another_chip_is_refused)
{
    struct st_chip *other = st_chip_new(maker, PRODUCT_ID, false);
    memcpy(certificate + 72, st_chip_certificate(other) + 72, 64);
    refused(check_now(), "st-signature");
    st_chip_free(other);
}
END_TEST

/* Each line breaks one check more, from the last one to the first. */
/* The most frequent cause is a recipe that asks for something else. */
START_TEST(chip_of_another_family_is_a_reason_to_look_at_the_recipe)
{
    set_id("46002001");
    refused(check_now(), "st-family");
    ck_assert_ptr_nonnull(strstr(fault.detail, "product or alias that was asked for is the right "
                                               "one."));
}
END_TEST

START_TEST(first_check_that_fails_is_named)
{
    certificate[135] ^= 1;
    refused(check_now(), "st-signature");
    memcpy(certificate, "45003001", 8);
    refused(check_now(), "st-security-counter");
    memcpy(certificate, "46003001", 8);
    refused(check_now(), "st-family");
    certificate[8] ^= 1;
    refused(check_now(), "st-point");
    memcpy(certificate, "46003101", 8);
    refused(check_now(), "st-product-id");
    refused(check_bytes(bytes_of(certificate, 135)), "st-length");
}
END_TEST

static bool is_digit(uint8_t byte)
{
    return byte < 0x80 && isxdigit(byte) && !islower(byte);
}

/* The reason for a certificate whose byte at that offset was changed by one bit. */
static const char *reason_of(size_t offset)
{
    if (offset >= 72)
        return "st-signature";
    if (offset >= 8)
        return "st-point";
    if (!is_digit(certificate[offset]) || certificate[5] != '0')
        return "st-product-id";
    if (offset < 3)
        return "st-family";
    return offset < 5 ? "st-security-counter" : "st-signature";
}

START_TEST(no_changed_bit_is_genuine)
{
    for (size_t bit = 0; bit < 8 * sizeof certificate; bit++) {
        certificate[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        enum error code = check_now();
        ck_assert_msg(code == ERR_DEVICE_NOT_GENUINE, "bit %zu: %s", bit, error_name(code));
        ck_assert_msg(strcmp(fault.reason, reason_of(bit / 8)) == 0, "bit %zu: %s", bit,
                      fault.reason);
        certificate[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    ck_assert_int_eq(check_now(), ERR_OK);
}
END_TEST

/* With the other coverage only the key index may change, and then it is the same device. */
START_TEST(no_changed_bit_but_of_the_key_index_is_genuine_when_the_key_alone_is_signed)
{
    sign_key_only();
    ck_assert_int_eq(check_now(), ERR_OK);
    struct device original = device;
    for (size_t bit = 0; bit < 8 * sizeof certificate; bit++) {
        size_t offset = bit / 8;
        certificate[offset] ^= (uint8_t)(1U << (bit % 8));
        enum error code = check_now();
        if ((offset == 6 || offset == 7) && is_digit(certificate[offset])) {
            ck_assert_int_eq(code, ERR_OK);
            ck_assert_mem_eq(&device, &original, sizeof device);
        } else {
            refused(code, reason_of(offset));
        }
        certificate[offset] ^= (uint8_t)(1U << (bit % 8));
    }
}
END_TEST

START_TEST(refused_chip_leaves_the_result_alone)
{
    struct device before;
    memset(&device, 0x5a, sizeof device);
    before = device;
    certificate[100] ^= 1;
    refused(check_now(), "st-signature");
    ck_assert_mem_eq(&device, &before, sizeof device);
}
END_TEST

START_TEST(random_bytes_are_never_genuine)
{
    for (int i = 0; i < 2000; i++) {
        random_fill(certificate, sizeof certificate);
        if (i % 2 == 0)
            memcpy(certificate, PRODUCT_ID, 8);
        if (i % 4 == 0)
            memcpy(certificate + 8, st_chip_point(chip) + 1, 64);
        ck_assert_int_eq(check_now(), ERR_DEVICE_NOT_GENUINE);
    }
}
END_TEST

static void *check_often(void *argument)
{
    struct device mine;
    for (int i = 0; i < 50; i++) {
        if (st_certificate_check(anchors, bytes_of(certificate, sizeof certificate), &mine, NULL) ==
            ERR_OK)
            atomic_fetch_add((atomic_uint *)argument, 1);
    }
    return NULL;
}

START_TEST(anchors_are_shared_between_threads)
{
    atomic_uint genuine = 0;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_often, &genuine), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(genuine, 200);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, chip_of_the_maker_is_genuine);
    tcase_add_test(all, serial_is_product_id_and_the_beginning_of_the_spki_digest);
    tcase_add_test(all, serial_is_the_spki_digest_alone_when_the_product_id_is_not_signed);
    tcase_add_test(all, key_index_may_be_any_and_is_part_of_the_serial);
    tcase_add_test(all, chip_that_signs_its_key_only_is_genuine_under_that_setting);
    tcase_add_test(all, signature_over_the_key_only_does_not_do_for_the_default);
    tcase_add_test(all, unsigned_product_id_is_checked_as_well);
    tcase_add_test(all, certificate_of_another_length_is_refused);
    tcase_add_test(all, cut_off_certificate_is_not_read_behind_its_end);
    tcase_add_test(all, product_id_has_one_form);
    tcase_add_loop_test(all, each_digit_of_chip_id_and_counter_counts, 0, 5);
    tcase_add_test(all, coordinate_must_be_less_than_the_prime);
    tcase_add_test(all, point_must_lie_on_the_curve);
    tcase_add_loop_test(all, signature_out_of_range_is_refused, 0, 10);
    tcase_add_test(all, forgery_is_refused);
    tcase_add_test(all, signature_of_another_chip_is_refused);
    tcase_add_test(all, chip_of_another_family_is_a_reason_to_look_at_the_recipe);
    tcase_add_test(all, first_check_that_fails_is_named);
    tcase_add_test(all, no_changed_bit_is_genuine);
    tcase_add_test(all,
                   no_changed_bit_but_of_the_key_index_is_genuine_when_the_key_alone_is_signed);
    tcase_add_test(all, refused_chip_leaves_the_result_alone);
    tcase_add_test(all, random_bytes_are_never_genuine);
    tcase_add_test(all, anchors_are_shared_between_threads);
}

int main(void)
{
    Suite *suite = suite_create("device st certificate");
    TCase *all = tcase_create("certificate");
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
