/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The settings of X.509 products: each default, each member, and what a profile does not have. */
#include "vault/device_settings.h"

#include <check.h>

#include "support/run.h"

static struct device_settings settings_of(const char *profile, const char *text)
{
    struct device_settings settings;
    struct fault fault = {0};
    ck_assert_msg(device_settings_parse(license_profile_find(profile), text, &settings, &fault) ==
                      ERR_OK,
                  "%s: %s", text, fault.detail);
    return settings;
}

static void assert_refused(const char *profile, const char *text, const char *reason)
{
    struct device_settings settings;
    struct fault fault = {0};
    ck_assert_msg(device_settings_parse(license_profile_find(profile), text, &settings, &fault) ==
                      ERR_BAD_REQUEST,
                  "%s", text);
    ck_assert_str_eq(fault.reason, reason);
}

START_TEST(nothing_said_is_the_default_of_the_profile)
{
    static const char *const TEXTS[] = {"", "{}"};
    for (size_t i = 0; i < 2; i++) {
        const struct device_settings cms = settings_of("cms", TEXTS[i]);
        ck_assert_uint_eq(cms.policy.keys, DEVICE_KEY_BIT(DEVICE_KEY_P256));
        ck_assert_int_eq(cms.policy.validity, DEVICE_STRICT);
        ck_assert(!cms.policy.accepts_sign_only);
        ck_assert(!cms.uses_kw256 && !cms.uses_sha512);
        ck_assert_uint_eq(settings_of("esp-rsa", TEXTS[i]).policy.keys,
                          DEVICE_KEY_BIT(DEVICE_KEY_RSA));
    }
}
END_TEST

START_TEST(every_member_is_taken)
{
    const struct device_settings cms =
        settings_of("cms", "{\"accept_sign_only\":true,\"device_keys\":[\"p384\",\"rsa\"],"
                           "\"device_validity\":\"chain-valid-at-issue\"}");
    ck_assert_uint_eq(cms.policy.keys,
                      DEVICE_KEY_BIT(DEVICE_KEY_P384) | DEVICE_KEY_BIT(DEVICE_KEY_RSA));
    ck_assert_int_eq(cms.policy.validity, DEVICE_CHAIN_VALID_AT_ISSUE);
    ck_assert(cms.policy.accepts_sign_only);
    ck_assert_uint_eq(cms.policy.crl_hours_max, 0);
    ck_assert_uint_eq(settings_of("cms", "{\"crl_hours_max\":8760}").policy.crl_hours_max, 8760);
    ck_assert(settings_of("suit", "{\"key_wrap\":\"a256kw\"}").uses_kw256);
    ck_assert(!settings_of("suit", "{\"key_wrap\":\"a128kw\"}").uses_kw256);
    ck_assert(settings_of("mcuboot", "{\"device_keys\":[\"x25519\"],\"sha512\":true}").uses_sha512);
}
END_TEST

START_TEST(an_age_outside_the_limits_is_refused)
{
    assert_refused("cms", "{\"crl_hours_max\":8761}", "options");
    assert_refused("cms", "{\"crl_hours_max\":-1}", "options");
    assert_refused("cms", "{\"crl_hours_max\":\"24\"}", "options");
    /* What no key without a certificate could be checked for is not promised. */
    assert_refused("jwe", "{\"crl_hours_max\":24,\"device_identity\":\"list\"}", "list-settings");
    assert_refused("jwe", "{\"accept_sign_only\":true,\"device_identity\":\"list\"}",
                   "list-settings");
}
END_TEST

START_TEST(a_key_that_the_profile_does_not_serve_is_refused)
{
    assert_refused("cms", "{\"device_keys\":[\"x25519\"]}", "device-keys");
    assert_refused("suit", "{\"device_keys\":[\"p256\",\"p384\"]}", "device-keys");
    assert_refused("esp-rsa", "{\"device_keys\":[\"p256\"]}", "device-keys");
    assert_refused("cms", "{\"device_keys\":[\"P256\"]}", "device-keys");
    assert_refused("cms", "{\"device_keys\":[1]}", "device-keys");
    assert_refused("cms", "{\"device_keys\":[]}", "device-keys");
}
END_TEST

START_TEST(a_device_without_a_certificate_needs_a_profile_and_settings_without_one)
{
    ck_assert(settings_of("jwe", "{\"device_identity\":\"list\"}").uses_list);
    ck_assert(!settings_of("cms", "{\"device_identity\":\"certificate\"}").uses_list);
    ck_assert(!settings_of("jwe", "{}").uses_list);
    assert_refused("jwe", "{\"device_identity\":\"none\"}", "options");
    assert_refused("cms", "{\"device_identity\":\"list\"}", "list-profile");
    assert_refused("suit", "{\"device_identity\":\"list\",\"accept_sign_only\":true}",
                   "list-settings");
    assert_refused("suit",
                   "{\"device_identity\":\"list\",\"device_validity\":\"chain-valid-at-issue\"}",
                   "list-settings");
}
END_TEST

START_TEST(what_is_no_setting_of_the_profile_is_refused)
{
    static const char *const TEXTS[] = {
        "[]",
        "{",
        "{\"device_keys\":\"p256\"}",
        "{\"device_validity\":\"never\"}",
        "{\"accept_sign_only\":1}",
        "{\"key_wrap\":\"a128kw\"}",
        "{\"sha512\":true}",
        "{\"other\":true}",
        "{\"sha512\":false,\"sha512\":false}",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        assert_refused("cms", TEXTS[i], "options");
    assert_refused("suit", "{\"key_wrap\":\"a192kw\"}", "options");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_said_is_the_default_of_the_profile,
        every_member_is_taken,
        an_age_outside_the_limits_is_refused,
        a_key_that_the_profile_does_not_serve_is_refused,
        a_device_without_a_certificate_needs_a_profile_and_settings_without_one,
        what_is_no_setting_of_the_profile_is_refused,
        NULL,
    };
    return run_suite(
        &(struct run_case){.name = "device settings", .timeout_s = 30, .tests = tests});
}
