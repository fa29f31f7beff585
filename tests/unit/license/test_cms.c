/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The bytes of profile "cms", what they bind, and what a changed bit may do. */
#include <string.h>

#include <check.h>

#include "maker.h"

static struct pki *root;
static struct pki *pki;
static struct maker_image image;
static struct device device;
static struct license_subject subject;
static const struct license_profile *cms;

static void set_up(void)
{
    root = pki_root("Root");
    pki = pki_new(root, &(struct pki_options){.serial = "SN-1", .certificate_serial = "1234"});
    maker_encrypt(&image);
    device = maker_device(root, pki);
    subject = maker_subject(&device, &image);
    cms = license_profile_find("cms");
}

static void tear_down(void)
{
    pki_free(pki);
    pki_free(root);
}

START_TEST(profiles_are_found_by_name)
{
    ck_assert_ptr_nonnull(cms);
    ck_assert_str_eq(license_profile_name(cms), "cms");
    ck_assert_uint_eq(license_content_find(cms, "")->key_bytes, 32);
    ck_assert_ptr_null(license_content_find(cms, "aes-128-gcm"));
    ck_assert_ptr_null(license_profile_find("CMS"));
    ck_assert_ptr_null(license_profile_find(""));
    ck_assert_ptr_null(license_profile_find("cms2"));
}
END_TEST

static struct license_agreement agreement_of(const struct license_subject *about)
{
    struct license_agreement agreement;
    ck_assert_int_eq(license_agreement(cms, about, &agreement), ERR_OK);
    return agreement;
}

START_TEST(agreement_is_what_rfc_5753_says)
{
    /* SEQUENCE { SEQUENCE { id-aes256-wrap }, [0] OCTET STRING ukm, [2] OCTET STRING 256 } */
    static const uint8_t head[] = {0x30, 0x39, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x01, 0x2d, 0xa0, 0x22, 0x04, 0x20};
    static const uint8_t tail[] = {0xa2, 0x06, 0x04, 0x04, 0x00, 0x00, 0x01, 0x00};
    struct license_agreement agreement = agreement_of(&subject);
    ck_assert_int_eq(agreement.key, LICENSE_P256);
    ck_assert_int_eq(agreement.kdf, LICENSE_X963_SHA256);
    ck_assert_uint_eq(agreement.kek_bytes, 32);
    ck_assert_uint_eq(agreement.shared_info_length, sizeof head + SHA256_SIZE + sizeof tail);
    ck_assert_mem_eq(agreement.shared_info, head, sizeof head);
    ck_assert_mem_eq(agreement.shared_info + sizeof head + SHA256_SIZE, tail, sizeof tail);
}
END_TEST

/* The encoding of docs/profiles/cms.md, written a second time from its text. */
START_TEST(binding_is_the_documented_hash)
{
    uint8_t encoding[256];
    size_t n = 0;
    static const char domain[] = "\x00\x00\x00\x18provisiond-license-cms-1";
    static const char product[] = "\x00\x00\x00\x07gateway";
    static const char thirty_two[] = "\x00\x00\x00\x20";
    static const char serial[] = "\x00\x00\x00\x04SN-1";
    n = (size_t)((uint8_t *)mempcpy(encoding + n, domain, sizeof domain - 1) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, product, sizeof product - 1) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, thirty_two, 4) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, image.digest.bytes, 32) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, thirty_two, 4) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, device.spki.bytes, 32) - encoding);
    n = (size_t)((uint8_t *)mempcpy(encoding + n, serial, sizeof serial - 1) - encoding);
    struct sha256 expected = sha256_of(bytes_of(encoding, n));
    struct license_agreement agreement = agreement_of(&subject);
    ck_assert_mem_eq(agreement.shared_info + 19, expected.bytes, SHA256_SIZE);
}
END_TEST

START_TEST(binding_differs_for_every_other_product_image_and_device)
{
    struct license_subject other = subject;
    struct license_agreement ours = agreement_of(&subject);
    struct license_agreement same = agreement_of(&other);
    ck_assert_mem_eq(same.shared_info, ours.shared_info, ours.shared_info_length);
    if (_i == 0)
        other.product = "gatewaySN";
    else if (_i == 1)
        other.image.bytes[31] ^= 1;
    else if (_i == 2)
        other.device_spki.bytes[0] ^= 1;
    else
        other.device_serial = "";
    struct license_agreement theirs = agreement_of(&other);
    ck_assert_mem_ne(theirs.shared_info, ours.shared_info, ours.shared_info_length);
}
END_TEST

START_TEST(license_opens_to_the_firmware)
{
    uint8_t firmware[MAKER_IMAGE_BYTES];
    struct license license = maker_license(&subject, pki, &image);
    ck_assert(maker_open(bytes_of(license.bytes, license.length), pki, &image, firmware));
    ck_assert_mem_eq(firmware, image.firmware, MAKER_IMAGE_BYTES);
}
END_TEST

START_TEST(same_inputs_are_the_same_bytes)
{
    uint8_t wrapped[40] = {1};
    uint8_t point[65] = {4};
    struct license_wrapped parts = {.ephemeral_point = bytes_of(point, sizeof point),
                                    .wrapped_key = bytes_of(wrapped, sizeof wrapped)};
    struct license one = {0};
    struct license two = {0};
    ck_assert_int_eq(license_encode(cms, &subject, &parts, &one), ERR_OK);
    ck_assert_int_eq(license_encode(cms, &subject, &parts, &two), ERR_OK);
    ck_assert_mem_eq(&one, &two, sizeof one);
}
END_TEST

/* A BIT STRING writer that trims zeros would shorten every 256th ephemeral key. */
START_TEST(ephemeral_key_that_ends_in_zeros_keeps_them)
{
    uint8_t wrapped[40] = {1};
    uint8_t point[65] = {4, 1};
    struct license_wrapped parts = {.ephemeral_point = bytes_of(point, sizeof point),
                                    .wrapped_key = bytes_of(wrapped, sizeof wrapped)};
    struct license license;
    ck_assert_int_eq(license_encode(cms, &subject, &parts, &license), ERR_OK);
    ck_assert_ptr_nonnull(memmem(license.bytes, license.length, point, sizeof point));
}
END_TEST

START_TEST(subject_that_the_profile_cannot_serve_is_unsupported)
{
    struct license_agreement agreement;
    struct license_subject odd = subject;
    static uint8_t zeros[64];
    if (_i == 0)
        odd.content_iv.length = 16;
    else if (_i == 1)
        odd.content_tag.length = 12;
    else if (_i == 2)
        odd.device_issuer.length = 0;
    else if (_i == 3)
        odd.certificate_serial.length = 0;
    else
        odd.certificate_serial = bytes_of(zeros, 33);
    struct license_wrapped parts = {.ephemeral_point = bytes_of(zeros, 64),
                                    .wrapped_key = bytes_of(zeros, 40)};
    struct license license;
    ck_assert_int_eq(license_agreement(cms, &odd, &agreement), ERR_UNSUPPORTED);
    ck_assert_int_eq(license_encode(cms, &odd, &parts, &license), ERR_UNSUPPORTED);
}
END_TEST

START_TEST(wrapped_key_of_another_size_is_an_internal_error)
{
    static uint8_t zeros[80];
    struct license license;
    struct license_wrapped short_key = {.ephemeral_point = bytes_of(zeros, 65),
                                        .wrapped_key = bytes_of(zeros, 24)};
    struct license_wrapped short_point = {.ephemeral_point = bytes_of(zeros, 33),
                                          .wrapped_key = bytes_of(zeros, 40)};
    ck_assert_int_eq(license_encode(cms, &subject, &short_key, &license), ERR_INTERNAL);
    ck_assert_int_eq(license_encode(cms, &subject, &short_point, &license), ERR_INTERNAL);
}
END_TEST

START_TEST(license_beyond_the_limit_is_too_large)
{
    static uint8_t name[LICENSE_MAX_BYTES];
    uint8_t zeros[80] = {4};
    struct license license;
    struct license_wrapped parts = {.ephemeral_point = bytes_of(zeros, 65),
                                    .wrapped_key = bytes_of(zeros, 40)};
    subject.device_issuer = bytes_of(name, sizeof name);
    ck_assert_int_eq(license_encode(cms, &subject, &parts, &license), ERR_TOO_LARGE);
}
END_TEST

/* True when the license with that bit changed opens, which must be to the same firmware. */
static bool opens_with_bit(struct license *license, size_t bit)
{
    uint8_t firmware[MAKER_IMAGE_BYTES] = {0};
    uint8_t mask = (uint8_t)(1U << (bit % 8));
    license->bytes[bit / 8] ^= mask;
    bool is_open = maker_open(bytes_of(license->bytes, license->length), pki, &image, firmware);
    license->bytes[bit / 8] ^= mask;
    if (is_open)
        ck_assert_msg(memcmp(firmware, image.firmware, MAKER_IMAGE_BYTES) == 0, "bit %zu", bit);
    return is_open;
}

/*
 * The bytes of this license (issuer "Root", serial 1234) in which a changed bit still opens, to the
 * same firmware. The list of docs/profiles/cms.md, by offset.
 */
static const struct {
    size_t first;
    size_t last;
    bool is_sometimes; /* depends on the ephemeral key, which is new in every run */
} UNPROTECTED[] = {
    {26, 27, false},   /* version of AuthEnvelopedData: its length's form and its value */
    {28, 28, false},   /* "constructed" in the tag of recipientInfos */
    {36, 36, false},   /* version of KeyAgreeRecipientInfo */
    {54, 54, true},    /* unused bits of the ephemeral key: its last bits may be 0 anyhow */
    {55, 55, true},    /* hybrid instead of uncompressed form: Y may be even */
    {179, 179, false}, /* "constructed" in the tags of the issuer: Name, … */
    {185, 185, false}, /* … AttributeTypeAndValue, … */
    {187, 187, false}, /* … and the string type of "Root" */
    {198, 201, false}, /* upper and lower case of "Root" */
    {252, 260, false}, /* contentType id-data */
    {292, 292, false}, /* aes-ICVlen, which libcrypto replaces by the size of the mac */
};

static void claim_byte(size_t byte, bool is_open)
{
    bool is_listed = false;
    bool is_sometimes = false;
    for (size_t i = 0; i < sizeof UNPROTECTED / sizeof UNPROTECTED[0]; i++) {
        if (byte < UNPROTECTED[i].first || byte > UNPROTECTED[i].last)
            continue;
        is_listed = true;
        is_sometimes = UNPROTECTED[i].is_sometimes;
    }
    ck_assert_msg(is_sometimes || is_open == is_listed, "byte %zu", byte);
}

START_TEST(no_changed_bit_opens_to_other_firmware)
{
    struct license license = maker_license(&subject, pki, &image);
    ck_assert_uint_eq(license.length, 311);
    for (size_t byte = 0; byte < license.length; byte++) {
        bool is_open = false;
        for (size_t bit = 8 * byte; bit < 8 * byte + 8; bit++)
            is_open = opens_with_bit(&license, bit) || is_open;
        claim_byte(byte, is_open);
    }
}
END_TEST

START_TEST(other_device_cannot_open_it)
{
    uint8_t firmware[MAKER_IMAGE_BYTES];
    struct license license = maker_license(&subject, pki, &image);
    struct bytes bytes = bytes_of(license.bytes, license.length);
    struct pki *other = pki_device(root, "SN-2");
    ck_assert(maker_open(bytes, pki, &image, firmware));
    ck_assert(!maker_open(bytes, other, &image, firmware));
    pki_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("license cms");
    TCase *all = tcase_create("cms");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 240);
    tcase_add_test(all, profiles_are_found_by_name);
    tcase_add_test(all, agreement_is_what_rfc_5753_says);
    tcase_add_test(all, binding_is_the_documented_hash);
    tcase_add_loop_test(all, binding_differs_for_every_other_product_image_and_device, 0, 4);
    tcase_add_test(all, license_opens_to_the_firmware);
    tcase_add_test(all, same_inputs_are_the_same_bytes);
    tcase_add_test(all, ephemeral_key_that_ends_in_zeros_keeps_them);
    tcase_add_loop_test(all, subject_that_the_profile_cannot_serve_is_unsupported, 0, 5);
    tcase_add_test(all, wrapped_key_of_another_size_is_an_internal_error);
    tcase_add_test(all, license_beyond_the_limit_is_too_large);
    tcase_add_test(all, no_changed_bit_opens_to_other_firmware);
    tcase_add_test(all, other_device_cannot_open_it);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
