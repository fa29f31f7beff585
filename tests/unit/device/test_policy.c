/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a product may ask of its devices beside the anchors: keys, use, validity, revocation. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "fixture.h"

#define HOUR_S 3600
#define DAY_S  (24 * HOUR_S)
#define ALL_KEYS                                                         \
    (DEVICE_KEY_BIT(DEVICE_KEY_P256) | DEVICE_KEY_BIT(DEVICE_KEY_P384) | \
     DEVICE_KEY_BIT(DEVICE_KEY_X25519) | DEVICE_KEY_BIT(DEVICE_KEY_RSA))

/* The fixture's anchors with this policy from now on. */
static void set_policy(const struct device_policy *policy)
{
    device_anchors_free(anchors);
    ck_assert_int_eq(
        device_anchors_new(text_bytes(pki_certificate(root)), policy, &anchors, &fault), ERR_OK);
}

static void add_crl(const struct pki *issuer, const struct pki *revoked, int64_t age_s,
                    int64_t next_s)
{
    const int64_t now = time(NULL);
    char *pem = pki_crl(issuer, revoked, now - age_s, next_s != 0 ? now + next_s : 0);
    ck_assert_int_eq(device_anchors_add_crls(anchors, text_bytes(pem), &fault), ERR_OK);
    free(pem);
}

/* Two certificates, the device's first. */
static enum error check_pair(const struct pki *made, const struct pki *above)
{
    char *chain = pki_chain((const struct pki *const[]){made, above}, 2);
    enum error code = check_text(chain);
    free(chain);
    return code;
}

/* ---- keys ---- */

static const struct {
    enum pki_key_type key;
    const char *usage;
    enum device_key_type type;
    size_t point_length;
    size_t key_length; /* of the SubjectPublicKeyInfo */
} KEYS[] = {
    {PKI_P256, "critical,keyAgreement", DEVICE_KEY_P256, 65, 91},
    {PKI_P384, "critical,keyAgreement", DEVICE_KEY_P384, 97, 120},
    {PKI_X25519, "critical,keyAgreement", DEVICE_KEY_X25519, 32, 44},
    {PKI_RSA_2048, "critical,keyEncipherment", DEVICE_KEY_RSA, 0, 294},
};

START_TEST(each_kind_of_key_is_served_where_the_policy_names_it)
{
    const struct pki_options options = {
        .serial = "SN-1", .key = KEYS[_i].key, .key_usage = KEYS[_i].usage};
    set_policy(&(struct device_policy){.keys = DEVICE_KEY_BIT(KEYS[_i].type)});
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_int_eq(device.key_type, KEYS[_i].type);
    ck_assert_uint_eq(device.point_length, KEYS[_i].point_length);
    ck_assert_uint_eq(device.key_length, KEYS[_i].key_length);
    const struct sha256 digest = sha256_of(bytes_of(device.key, device.key_length));
    ck_assert(sha256_equal(&digest, &device.spki));
    ck_assert(!device.can_sign);
    set_policy(&(struct device_policy){.keys = ALL_KEYS & ~DEVICE_KEY_BIT(KEYS[_i].type)});
    ck_assert_int_eq(check_options(root, &options), ERR_DEVICE_NOT_GENUINE);
}
END_TEST

START_TEST(what_is_not_served_is_named)
{
    set_policy(&(struct device_policy){.keys = DEVICE_KEY_BIT(DEVICE_KEY_RSA)});
    refused(check_options(root, &(struct pki_options){.serial = "1"}), "key-type");
    refused(check_options(root, &(struct pki_options){.serial = "1", .key = PKI_P384}), "key-type");
    refused(check_options(root, &(struct pki_options){.serial = "1", .key = PKI_RSA_1024}),
            "key-size");
    refused(check_options(root, &(struct pki_options){.serial = "1", .key = PKI_RSA_4104}),
            "key-size");
    set_policy(&(struct device_policy){.keys = DEVICE_KEY_BIT(DEVICE_KEY_P384)});
    refused(check_options(root, &(struct pki_options){.serial = "1"}), "curve");
    set_policy(&(struct device_policy){.keys = ALL_KEYS});
    refused(check_options(root, &(struct pki_options){.serial = "1", .key = PKI_ED25519}),
            "key-type");
}
END_TEST

START_TEST(rsa_exponent_that_no_token_takes_is_refused)
{
    static const enum pki_key_type keys[] = {PKI_RSA_EVEN, PKI_RSA_LONG, PKI_RSA_ONE};
    set_policy(&(const struct device_policy){.keys = ALL_KEYS});
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct pki_options options = {
            .serial = "SN-1", .key = keys[i], .key_usage = "critical,keyEncipherment"};
        refused(check_options(root, &options), "key-exponent");
    }
}
END_TEST

START_TEST(rsa_modulus_that_is_even_is_refused)
{
    set_policy(&(const struct device_policy){.keys = ALL_KEYS});
    refused(check_options(root, &(struct pki_options){.serial = "SN-1",
                                                      .key = PKI_RSA_EVEN_MODULUS,
                                                      .key_usage = "critical,keyEncipherment"}),
            "key-malformed");
}
END_TEST

START_TEST(x25519_point_of_small_order_is_refused)
{
    set_policy(&(struct device_policy){.keys = ALL_KEYS});
    refused(check_options(root, &(struct pki_options){.serial = "1", .key = PKI_X25519_ZERO}),
            "curve");
}
END_TEST

/* ---- use ---- */

START_TEST(rsa_wants_encipherment_and_the_others_agreement)
{
    set_policy(&(struct device_policy){.keys = ALL_KEYS});
    refused(check_options(root, &(struct pki_options){.key = PKI_RSA_2048,
                                                      .serial = "1",
                                                      .key_usage = "critical,keyAgreement"}),
            "key-usage");
    refused(check_options(root, &(struct pki_options){.key = PKI_P384,
                                                      .serial = "1",
                                                      .key_usage = "critical,keyEncipherment"}),
            "key-usage");
}
END_TEST

START_TEST(sign_only_identity_needs_the_override)
{
    static const enum pki_key_type types[] = {PKI_P256, PKI_P384, PKI_RSA_2048};
    const struct pki_options options = {
        .key = types[_i], .serial = "1", .key_usage = "critical,digitalSignature"};
    const struct pki_options none = {
        .key = types[_i], .serial = "1", .key_usage = "critical,nonRepudiation"};
    set_policy(&(struct device_policy){.keys = ALL_KEYS});
    refused(check_options(root, &options), "key-usage");
    set_policy(&(struct device_policy){.keys = ALL_KEYS, .accepts_sign_only = true});
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    refused(check_options(root, &none), "key-usage");
    refused(check_text(pki_certificate(root)), "key-usage");
}
END_TEST

/* ---- IEEE 802.1AR ---- */

START_TEST(idevid_without_subject_and_expiry_is_taken)
{
    const struct pki_options options = {.hardware_serial = "00A1FF", .is_without_expiry = true};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_str_eq(device.serial, "00a1ff");
}
END_TEST

/* ---- validity ---- */

/* A device that an intermediate issued two days ago, which expired yesterday. */
static enum error check_under_expired(int64_t device_not_after)
{
    const int64_t now = time(NULL);
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA",
                                                         .is_ca = true,
                                                         .not_before = now - 10 * DAY_S,
                                                         .not_after = now - DAY_S});
    struct pki *made = pki_new(ca, &(struct pki_options){.serial = "SN-1",
                                                         .not_before = now - 2 * DAY_S,
                                                         .not_after = device_not_after});
    enum error code = check_pair(made, ca);
    pki_free(made);
    pki_free(ca);
    return code;
}

START_TEST(expired_ca_is_forgiven_when_it_was_valid_at_issue)
{
    const int64_t now = time(NULL);
    refused(check_under_expired(0), "expired");
    set_policy(&(struct device_policy){.validity = DEVICE_CHAIN_VALID_AT_ISSUE});
    ck_assert_int_eq(check_under_expired(0), ERR_OK);
    refused(check_under_expired(now - HOUR_S), "expired"); /* the device's own */
}
END_TEST

START_TEST(ca_that_had_expired_at_issue_is_not_forgiven)
{
    const int64_t now = time(NULL);
    set_policy(&(struct device_policy){.validity = DEVICE_CHAIN_VALID_AT_ISSUE});
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA",
                                                         .is_ca = true,
                                                         .not_before = now - 10 * DAY_S,
                                                         .not_after = now - 5 * DAY_S});
    struct pki *made =
        pki_new(ca, &(struct pki_options){.serial = "SN-1", .not_before = now - 2 * DAY_S});
    refused(check_pair(made, ca), "expired");
    pki_free(made);
    pki_free(ca);
}
END_TEST

/* ---- revocation ---- */

static const struct device_policy WITH_CRLS = {.crl_hours_max = 24};

START_TEST(revoked_device_is_refused_and_another_is_not)
{
    struct pki *good = pki_device(root, "SN-1");
    struct pki *bad = pki_device(root, "SN-2");
    set_policy(&WITH_CRLS);
    add_crl(root, bad, HOUR_S, 0);
    ck_assert_int_eq(check_text(pki_certificate(good)), ERR_OK);
    refused(check_text(pki_certificate(bad)), "revoked");
    pki_free(good);
    pki_free(bad);
}
END_TEST

START_TEST(without_a_list_or_with_an_old_one_nothing_is_licensed)
{
    struct pki *made = pki_device(root, "SN-1");
    set_policy(&WITH_CRLS);
    refused(check_text(pki_certificate(made)), "crl-missing");
    set_policy(&WITH_CRLS);
    add_crl(root, NULL, 23 * HOUR_S, 0);
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_OK);
    set_policy(&WITH_CRLS);
    add_crl(root, NULL, 25 * HOUR_S, 0); /* not expired by its own word */
    refused(check_text(pki_certificate(made)), "crl-stale");
    set_policy(&WITH_CRLS);
    add_crl(root, NULL, 2 * HOUR_S, -HOUR_S);
    refused(check_text(pki_certificate(made)), "crl-stale");
    pki_free(made);
}
END_TEST

START_TEST(list_that_a_stranger_signed_counts_for_nothing)
{
    struct pki *made = pki_device(root, "SN-1");
    struct pki *stranger = pki_root("Factory Root");
    set_policy(&WITH_CRLS);
    add_crl(stranger, NULL, HOUR_S, 0);
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(fault.reason, "crl-missing");
    pki_free(stranger);
    pki_free(made);
}
END_TEST

START_TEST(each_issuer_of_the_path_needs_its_list)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA", .is_ca = true});
    struct pki *made = pki_device(ca, "SN-1");
    set_policy(&WITH_CRLS);
    add_crl(ca, NULL, HOUR_S, 0);
    refused(check_pair(made, ca), "crl-missing");
    add_crl(root, NULL, HOUR_S, 0);
    ck_assert_int_eq(check_pair(made, ca), ERR_OK);
    set_policy(&WITH_CRLS);
    add_crl(ca, NULL, HOUR_S, 0);
    add_crl(root, ca, HOUR_S, 0);
    refused(check_pair(made, ca), "revoked");
    pki_free(made);
    pki_free(ca);
}
END_TEST

/* The path ends at it: nobody above it is asked. */
START_TEST(intermediate_that_is_an_anchor_needs_no_list_of_its_issuer)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA", .is_ca = true});
    struct pki *made = pki_device(ca, "SN-1");
    device_anchors_free(anchors);
    ck_assert_int_eq(
        device_anchors_new(text_bytes(pki_certificate(ca)), &WITH_CRLS, &anchors, &fault), ERR_OK);
    add_crl(ca, NULL, HOUR_S, 0);
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_OK);
    pki_free(made);
    pki_free(ca);
}
END_TEST

START_TEST(text_that_is_no_list_is_refused)
{
    char *crl = pki_crl(root, NULL, time(NULL) - HOUR_S, 0);
    char *many = calloc(DEVICE_CRLS_MAX + 2, strlen(crl) + 1);
    ck_assert_int_eq(device_anchors_add_crls(anchors, text_bytes(pki_certificate(root)), &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-a-crl");
    for (size_t i = 0; i <= DEVICE_CRLS_MAX; i++)
        strcat(many, crl);
    ck_assert_int_eq(device_anchors_add_crls(anchors, text_bytes(many), &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "too-many-crls");
    crl[strlen(crl) / 2] = '\0';
    ck_assert_int_eq(device_anchors_add_crls(anchors, text_bytes(crl), &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "crl-malformed");
    free(many);
    free(crl);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device policy");
    TCase *policy = tcase_create("policy");
    tcase_add_checked_fixture(policy, fixture_set_up, fixture_tear_down);
    tcase_set_timeout(policy, 60);
    tcase_add_loop_test(policy, each_kind_of_key_is_served_where_the_policy_names_it, 0,
                        sizeof KEYS / sizeof KEYS[0]);
    tcase_add_test(policy, what_is_not_served_is_named);
    tcase_add_test(policy, rsa_exponent_that_no_token_takes_is_refused);
    tcase_add_test(policy, rsa_modulus_that_is_even_is_refused);
    tcase_add_test(policy, x25519_point_of_small_order_is_refused);
    tcase_add_test(policy, rsa_wants_encipherment_and_the_others_agreement);
    tcase_add_loop_test(policy, sign_only_identity_needs_the_override, 0, 3);
    tcase_add_test(policy, idevid_without_subject_and_expiry_is_taken);
    tcase_add_test(policy, expired_ca_is_forgiven_when_it_was_valid_at_issue);
    tcase_add_test(policy, ca_that_had_expired_at_issue_is_not_forgiven);
    tcase_add_test(policy, revoked_device_is_refused_and_another_is_not);
    tcase_add_test(policy, without_a_list_or_with_an_old_one_nothing_is_licensed);
    tcase_add_test(policy, list_that_a_stranger_signed_counts_for_nothing);
    tcase_add_test(policy, each_issuer_of_the_path_needs_its_list);
    tcase_add_test(policy, intermediate_that_is_an_anchor_needs_no_list_of_its_issuer);
    tcase_add_test(policy, text_that_is_no_list_is_refused);
    suite_add_tcase(suite, policy);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
