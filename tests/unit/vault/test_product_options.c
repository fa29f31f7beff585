/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A product's settings: what an administrator left out is the reference value, and text is exact.
 */
#include "vault/product_options.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"

static Provisiond__StOptions asked(void)
{
    Provisiond__StOptions message = PROVISIOND__ST_OPTIONS__INIT;
    message.product_id = (char *)(uintptr_t) "45002001";
    return message;
}

static struct product_options options_of(const Provisiond__StOptions *message)
{
    struct product_options options;
    struct fault fault = {0};
    ck_assert_int_eq(product_options_from_message(message, &options, &fault), ERR_OK);
    return options;
}

static void assert_refused(const Provisiond__StOptions *message, const char *reason)
{
    struct product_options options;
    struct fault fault = {0};
    ck_assert_int_eq(product_options_from_message(message, &options, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

START_TEST(what_is_left_out_is_the_reference_value)
{
    Provisiond__StOptions message = asked();
    const struct product_options options = options_of(&message);
    const struct license_st_settings reference = license_st_reference();
    ck_assert_mem_eq(&options.license, &reference, sizeof reference);
    ck_assert_str_eq(options.device.product_id, "45002001");
    ck_assert(!options.device.signs_key_only);
}
END_TEST

START_TEST(every_setting_is_taken)
{
    Provisiond__StOptions message = asked();
    uint8_t info[64];
    memset(info, 7, sizeof info);
    message.signs_key_only = true;
    message.license_type = (char *)(uintptr_t) "SSP.";
    message.minimum_boot_version = UINT32_MAX;
    message.kdf_shared_info = (ProtobufCBinaryData){.len = sizeof info, .data = info};
    message.kdf_key_offset = 16;
    message.kdf_iv_offset = 0;
    message.kdf_iv_bytes = 16;
    const struct product_options options = options_of(&message);
    ck_assert(options.device.signs_key_only);
    ck_assert_mem_eq(options.license.type, "SSP.", 4);
    ck_assert_uint_eq(options.license.minimum_boot_version, UINT32_MAX);
    ck_assert_uint_eq(options.license.shared_info_length, sizeof info);
    ck_assert_mem_eq(options.license.shared_info, info, sizeof info);
    ck_assert_uint_eq(options.license.kdf_key_offset, 16);
    ck_assert_uint_eq(options.license.kdf_iv_offset, 0);
    ck_assert_uint_eq(options.license.kdf_iv_bytes, 16);
}
END_TEST

START_TEST(a_wrong_setting_is_named)
{
    uint8_t info[65] = {0};
    Provisiond__StOptions message = asked();
    message.product_id = (char *)(uintptr_t) "45002101";
    assert_refused(&message, "product-id");
    message = asked();
    message.license_type = (char *)(uintptr_t) "SFI";
    assert_refused(&message, "license-type");
    message.license_type = (char *)(uintptr_t) "SF\tI";
    assert_refused(&message, "license-type");
    message = asked();
    message.kdf_shared_info = (ProtobufCBinaryData){.len = sizeof info, .data = info};
    assert_refused(&message, "kdf-info");
    message = asked();
    message.kdf_key_offset = 4;
    message.kdf_iv_offset = 16;
    message.kdf_iv_bytes = 12;
    assert_refused(&message, "kdf-layout"); /* they overlap */
}
END_TEST

START_TEST(text_and_struct_are_the_same_settings)
{
    char text[LEDGER_OPTIONS_MAX + 1];
    struct fault fault = {0};
    struct product_options again;
    uint8_t info[64];
    Provisiond__StOptions message = asked();
    memset(info, 0xa5, sizeof info);
    message.license_type = (char *)(uintptr_t) "\"\\\"\\"; /* the longest as JSON */
    message.minimum_boot_version = UINT32_MAX;
    message.kdf_shared_info = (ProtobufCBinaryData){.len = sizeof info, .data = info};
    const struct product_options options = options_of(&message);
    ck_assert_int_eq(product_options_encode(&options, text, &fault), ERR_OK);
    ck_assert_int_eq(product_options_parse(text, &again, &fault), ERR_OK);
    ck_assert_str_eq(again.device.product_id, options.device.product_id);
    ck_assert_mem_eq(&again.license, &options.license, sizeof again.license);
}
END_TEST

/* Every shortened text, and every text with one digit more in a number. */
START_TEST(a_damaged_text_is_refused)
{
    char text[LEDGER_OPTIONS_MAX + 1];
    struct fault fault = {0};
    struct product_options options;
    Provisiond__StOptions message = asked();
    const struct product_options reference = options_of(&message);
    ck_assert_int_eq(product_options_encode(&reference, text, &fault), ERR_OK);
    for (size_t length = 0; length < strlen(text); length++) {
        char *cut = strndup(text, length);
        ck_assert_int_eq(product_options_parse(cut, &options, &fault), ERR_CONFIG);
        free(cut);
    }
    ck_assert_int_eq(product_options_parse("{\"product_id\":\"45002001\"}", &options, &fault),
                     ERR_CONFIG);
    char *number = strstr(text, "\"kdf_iv_bytes\":12");
    ck_assert_ptr_nonnull(number);
    number[strlen("\"kdf_iv_bytes\":")] = '9'; /* 92 bytes of IV */
    ck_assert_int_eq(product_options_parse(text, &options, &fault), ERR_CONFIG);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_left_out_is_the_reference_value,
        every_setting_is_taken,
        a_wrong_setting_is_named,
        text_and_struct_are_the_same_settings,
        a_damaged_text_is_refused,
        NULL,
    };
    return run_suite(
        &(struct run_case){.name = "product options", .timeout_s = 30, .tests = tests});
}
