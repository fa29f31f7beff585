/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The bytes of profile "st-sfi", opened as a chip would. The HSM is played by tests/support. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "license/license.h"
#include "support/st_chip.h"

#define SEALED_BYTES 48

static struct st_maker *maker;
static struct st_chip *chip;
static struct license_st_settings settings;
static struct license_subject subject;
static const struct license_profile *profile;
static uint8_t nonce[12];
static uint8_t tag[16];
static uint8_t session_key[16];

static void set_up(void)
{
    maker = st_maker_new();
    chip = st_chip_new(maker, "45002001", false);
    settings = license_st_reference();
    random_fill(nonce, sizeof nonce);
    random_fill(session_key, sizeof session_key);
    subject = (struct license_subject){.product = "gateway",
                                       .device_serial = "45002001-00",
                                       .device_key = LICENSE_P256,
                                       .content =
                                           license_content_find(license_profile_find("st-sfi"), ""),
                                       .content_iv = bytes_of(nonce, sizeof nonce),
                                       .content_tag = bytes_of(tag, sizeof tag),
                                       .st = &settings};
    profile = license_profile_find("st-sfi");
}

static void tear_down(void)
{
    st_chip_free(chip);
    st_maker_free(maker);
}

/* How the chip of a product with these settings derives; nothing comes from license/'s answers. */
static struct st_kdf kdf_of(const struct license_st_settings *of)
{
    return (struct st_kdf){bytes_of(of->shared_info, of->shared_info_length), of->kdf_key_offset,
                           of->kdf_iv_offset, of->kdf_iv_bytes};
}

/* license_agreement, the HSM's work, license_encode. */
static struct license make(void)
{
    struct license_agreement agreement;
    struct license license = {0};
    uint8_t point[ST_CHIP_POINT_BYTES];
    uint8_t sealed[SEALED_BYTES];
    uint8_t text[LICENSE_PREFIX_MAX + sizeof session_key];
    ck_assert_int_eq(license_agreement(profile, &subject, &agreement), ERR_OK);
    memcpy(text, agreement.prefix, agreement.prefix_length);
    memcpy(text + agreement.prefix_length, session_key, sizeof session_key);
    struct st_kdf kdf = {bytes_of(agreement.shared_info, agreement.shared_info_length),
                         agreement.kdf_key_offset, agreement.kdf_iv_offset, agreement.kdf_iv_bytes};
    st_seal(st_chip_point(chip), &kdf, bytes_of(agreement.aad, agreement.aad_length),
            bytes_of(text, agreement.prefix_length + sizeof session_key), point, sealed);
    struct license_wrapped parts = {.ephemeral_point = bytes_of(point, sizeof point),
                                    .wrapped_key = bytes_of(sealed, sizeof sealed)};
    ck_assert_int_eq(license_encode(profile, &subject, &parts, &license), ERR_OK);
    ck_assert_uint_eq(license.length, ST_CHIP_LICENSE_BYTES);
    return license;
}

static bool opens(const struct license *license)
{
    uint8_t iv[16];
    uint8_t key[16];
    static const uint8_t zeros[4];
    struct st_kdf kdf = kdf_of(&settings);
    if (!st_chip_open(chip, &kdf, license->bytes, iv, key))
        return false;
    ck_assert_mem_eq(key, session_key, sizeof key);
    ck_assert_mem_eq(iv, nonce, sizeof nonce);
    ck_assert_mem_eq(iv + sizeof nonce, zeros, sizeof zeros);
    return true;
}

START_TEST(profile_says_what_it_needs)
{
    const struct license_profile *cms = license_profile_find("cms");
    ck_assert_ptr_nonnull(profile);
    ck_assert_str_eq(license_profile_name(profile), "st-sfi");
    ck_assert_uint_eq(license_content_find(profile, "")->key_bytes, 16);
    ck_assert_int_eq(license_device_form(profile), LICENSE_ST_DEVICE);
    ck_assert(license_exposes_session_key(profile));
    ck_assert_int_eq(license_device_form(cms), LICENSE_X509_DEVICE);
    ck_assert(!license_exposes_session_key(cms));
}
END_TEST

START_TEST(reference_values_are_the_documented_ones)
{
    static const char info[] = "provisiond-st-sfi-reference-1";
    ck_assert_mem_eq(settings.type, "SFI.", 4);
    ck_assert_uint_eq(settings.minimum_boot_version, 0);
    ck_assert_uint_eq(settings.shared_info_length, sizeof info - 1);
    ck_assert_mem_eq(settings.shared_info, info, sizeof info - 1);
    ck_assert_uint_eq(settings.kdf_key_offset, 0);
    ck_assert_uint_eq(settings.kdf_iv_offset, 16);
    ck_assert_uint_eq(settings.kdf_iv_bytes, 12);
    ck_assert(license_st_settings_are_valid(&settings));
}
END_TEST

START_TEST(agreement_is_the_documented_one)
{
    struct license_agreement agreement;
    static const uint8_t head[24] = {'S', 'F', 'I', '.', 0, 0, 0, 0, 1};
    ck_assert_int_eq(license_agreement(profile, &subject, &agreement), ERR_OK);
    ck_assert_int_eq(agreement.key, LICENSE_P256);
    ck_assert_int_eq(agreement.kdf, LICENSE_X963_SHA256);
    ck_assert_int_eq(agreement.wrap, LICENSE_ECIES_AES128_GCM);
    ck_assert_uint_eq(agreement.prefix_length, 16);
    ck_assert_mem_eq(agreement.prefix, nonce, 12);
    ck_assert_uint_eq(agreement.aad_length, sizeof head);
    ck_assert_mem_eq(agreement.aad, head, sizeof head);
}
END_TEST

START_TEST(head_of_a_license_is_little_endian)
{
    static const uint8_t head[24] = {'S', 'S', 'P', '.', 0, 0, 0, 0, 1, 0, 0, 0, 4, 3, 2, 1};
    memcpy(settings.type, "SSP.", 4);
    settings.minimum_boot_version = 0x01020304;
    struct license license = make();
    ck_assert_mem_eq(license.bytes, head, sizeof head);
    ck_assert(opens(&license));
}
END_TEST

START_TEST(license_opens_on_its_chip)
{
    struct license license = make();
    struct st_kdf reference = st_kdf_reference();
    uint8_t iv[16];
    uint8_t key[16];
    ck_assert(opens(&license));
    ck_assert(st_chip_open(chip, &reference, license.bytes, iv, key));
    ck_assert_mem_eq(key, session_key, sizeof key);
}
END_TEST

START_TEST(license_opens_on_no_other_chip)
{
    struct license license = make();
    st_chip_free(chip);
    chip = st_chip_new(maker, "45002001", false);
    ck_assert(!opens(&license));
}
END_TEST

START_TEST(no_changed_bit_of_a_license_opens)
{
    struct license license = make();
    for (size_t bit = 0; bit < 8 * license.length; bit++) {
        license.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        ck_assert_msg(!opens(&license), "bit %zu", bit);
        license.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    ck_assert(opens(&license));
}
END_TEST

/* Key offset, IV offset, length of the IV. */
static const unsigned LAYOUTS[][3] = {{0, 16, 12}, {0, 16, 16}, {0, 20, 12}, {16, 0, 16},
                                      {16, 4, 12}, {12, 0, 12}, {14, 0, 14}, {15, 0, 15},
                                      {0, 17, 15}, {3, 19, 13}};
#define LAYOUT_COUNT ((int)(sizeof LAYOUTS / sizeof LAYOUTS[0]))

static void set_layout(const unsigned layout[3])
{
    settings.kdf_key_offset = layout[0];
    settings.kdf_iv_offset = layout[1];
    settings.kdf_iv_bytes = layout[2];
}

START_TEST(license_of_another_layout_opens_under_that_layout_only)
{
    set_layout(LAYOUTS[_i]);
    ck_assert(license_st_settings_are_valid(&settings));
    struct license license = make();
    ck_assert(opens(&license));
    for (int other = 0; other < LAYOUT_COUNT; other++) {
        set_layout(LAYOUTS[other]);
        ck_assert(opens(&license) == (other == _i));
    }
}
END_TEST

START_TEST(shared_info_may_have_any_length_up_to_the_limit)
{
    static const size_t lengths[] = {1, 2, 63, LICENSE_ST_INFO_MAX};
    settings.shared_info_length = lengths[_i];
    random_fill(settings.shared_info, sizeof settings.shared_info);
    struct license license = make();
    ck_assert(opens(&license));
    settings.shared_info[lengths[_i] - 1] ^= 1;
    ck_assert(!opens(&license));
}
END_TEST

START_TEST(settings_beyond_their_limits_are_not_valid)
{
    static const unsigned wrong[][3] = {{0, 16, 11},
                                        {0, 16, 17},
                                        {17, 0, 12},
                                        {0, 21, 12},
                                        {0, 17, 16},
                                        {0, 15, 12},
                                        {11, 0, 12},
                                        {15, 0, 16},
                                        {8, 8, 12},
                                        {1, 0, 12},
                                        {UINT32_MAX, 0, 12},
                                        {0, UINT32_MAX, 12},
                                        {0, UINT32_MAX - 8, 16},
                                        {UINT32_MAX - 15, 0, 12},
                                        {0, 16, UINT32_MAX},
                                        {0, 16, 0}};
    struct license_agreement agreement;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        set_layout(wrong[i]);
        ck_assert_msg(!license_st_settings_are_valid(&settings), "%zu", i);
        ck_assert_int_eq(license_agreement(profile, &subject, &agreement), ERR_UNSUPPORTED);
    }
}
END_TEST

START_TEST(shared_info_beyond_its_limits_is_not_valid)
{
    settings.shared_info_length = 0;
    ck_assert(!license_st_settings_are_valid(&settings));
    settings.shared_info_length = 1;
    ck_assert(license_st_settings_are_valid(&settings));
    settings.shared_info_length = LICENSE_ST_INFO_MAX;
    ck_assert(license_st_settings_are_valid(&settings));
    settings.shared_info_length = LICENSE_ST_INFO_MAX + 1;
    ck_assert(!license_st_settings_are_valid(&settings));
    settings.shared_info_length = SIZE_MAX;
    ck_assert(!license_st_settings_are_valid(&settings));
}
END_TEST

START_TEST(subject_that_the_profile_cannot_serve_is_unsupported)
{
    uint8_t zeros[65] = {4};
    struct license_agreement agreement;
    struct license license;
    struct license_wrapped parts = {.ephemeral_point = bytes_of(zeros, 65),
                                    .wrapped_key = bytes_of(zeros, SEALED_BYTES)};
    if (_i == 0)
        subject.st = NULL;
    else if (_i == 1)
        settings.kdf_iv_bytes = 11;
    else if (_i == 2)
        subject.content_iv.length = 11;
    else
        subject.content_iv = bytes_of(zeros, _i == 3 ? 13 : 16);
    ck_assert_int_eq(license_agreement(profile, &subject, &agreement), ERR_UNSUPPORTED);
    ck_assert_int_eq(license_encode(profile, &subject, &parts, &license), ERR_UNSUPPORTED);
}
END_TEST

/* The views have exactly their lengths, so that a sanitizer sees a read behind them. */
static enum error encode_lengths(size_t point_length, uint8_t form, size_t sealed_length)
{
    struct license license = {0};
    uint8_t *point = calloc(1, point_length);
    uint8_t *sealed = calloc(1, sealed_length);
    if (point_length > 0)
        point[0] = form;
    struct license_wrapped parts = {.ephemeral_point = bytes_of(point, point_length),
                                    .wrapped_key = bytes_of(sealed, sealed_length)};
    enum error code = license_encode(profile, &subject, &parts, &license);
    ck_assert_uint_eq(license.length, code == ERR_OK ? ST_CHIP_LICENSE_BYTES : 0);
    free(point);
    free(sealed);
    return code;
}

START_TEST(parts_of_another_size_are_an_internal_error)
{
    ck_assert_int_eq(encode_lengths(65, 4, 48), ERR_OK);
    ck_assert_int_eq(encode_lengths(0, 4, 48), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(33, 2, 48), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(64, 4, 48), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(66, 4, 48), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(65, 6, 48), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(65, 4, 0), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(65, 4, 47), ERR_INTERNAL);
    ck_assert_int_eq(encode_lengths(65, 4, 49), ERR_INTERNAL);
}
END_TEST

START_TEST(license_is_its_parts_in_the_documented_places)
{
    struct license license = {0};
    uint8_t point[65] = {4};
    uint8_t sealed[SEALED_BYTES];
    random_fill(point + 1, sizeof point - 1);
    random_fill(sealed, sizeof sealed);
    struct license_wrapped parts = {.ephemeral_point = bytes_of(point, sizeof point),
                                    .wrapped_key = bytes_of(sealed, sizeof sealed)};
    ck_assert_int_eq(license_encode(profile, &subject, &parts, &license), ERR_OK);
    ck_assert_mem_eq(license.bytes + 24, point + 1, 64);
    ck_assert_mem_eq(license.bytes + 88, sealed, 32);
    ck_assert_mem_eq(license.bytes + 120, sealed + 32, 16);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, profile_says_what_it_needs);
    tcase_add_test(all, reference_values_are_the_documented_ones);
    tcase_add_test(all, agreement_is_the_documented_one);
    tcase_add_test(all, head_of_a_license_is_little_endian);
    tcase_add_test(all, license_opens_on_its_chip);
    tcase_add_test(all, license_opens_on_no_other_chip);
    tcase_add_test(all, no_changed_bit_of_a_license_opens);
    tcase_add_loop_test(all, license_of_another_layout_opens_under_that_layout_only, 0,
                        LAYOUT_COUNT);
    tcase_add_loop_test(all, shared_info_may_have_any_length_up_to_the_limit, 0, 4);
    tcase_add_test(all, settings_beyond_their_limits_are_not_valid);
    tcase_add_test(all, shared_info_beyond_its_limits_is_not_valid);
    tcase_add_loop_test(all, subject_that_the_profile_cannot_serve_is_unsupported, 0, 5);
    tcase_add_test(all, parts_of_another_size_are_an_internal_error);
    tcase_add_test(all, license_is_its_parts_in_the_documented_places);
}

int main(void)
{
    Suite *suite = suite_create("license st-sfi");
    TCase *all = tcase_create("st-sfi");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
