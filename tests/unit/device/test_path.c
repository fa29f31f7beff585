/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Which certificate paths are genuine, and with which word the others are refused. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <check.h>

#include "core/clock.h"
#include "fixture.h"

#define HOUR_S 3600

static const struct pki_options A_DEVICE = {.name = "Device", .serial = "SN-1"};

static struct pki *intermediate_of(const struct pki *issuer, const char *name)
{
    return pki_new(issuer, &(struct pki_options){.is_ca = true, .name = name});
}

/* Checks device, then below, under the anchors of the fixture. */
static enum error check_two(const struct pki *one, const struct pki *two)
{
    char *chain = pki_chain((const struct pki *const[]){one, two}, 2);
    enum error code = check_text(chain);
    free(chain);
    return code;
}

START_TEST(device_of_the_factory_is_genuine)
{
    ck_assert_int_eq(check_options(root, &A_DEVICE), ERR_OK);
    ck_assert_str_eq(device.serial, "SN-1");
    ck_assert_int_eq(device.key_type, DEVICE_KEY_P256);
}
END_TEST

START_TEST(intermediate_that_is_sent_along_completes_the_path)
{
    struct pki *intermediate = intermediate_of(root, "Line 1");
    struct pki *made = pki_new(intermediate, &A_DEVICE);
    ck_assert_int_eq(check_two(made, intermediate), ERR_OK);
    refused(check_text(pki_certificate(made)), "untrusted-issuer");
    pki_free(made);
    pki_free(intermediate);
}
END_TEST

START_TEST(intermediates_may_come_in_any_order)
{
    struct pki *upper = intermediate_of(root, "Site");
    struct pki *lower = intermediate_of(upper, "Line");
    struct pki *made = pki_new(lower, &A_DEVICE);
    char *sorted = pki_chain((const struct pki *const[]){made, lower, upper}, 3);
    char *mixed = pki_chain((const struct pki *const[]){made, upper, root, lower}, 4);
    ck_assert_int_eq(check_text(sorted), ERR_OK);
    ck_assert_int_eq(check_text(mixed), ERR_OK);
    free(sorted);
    free(mixed);
    pki_free(made);
    pki_free(lower);
    pki_free(upper);
}
END_TEST

START_TEST(pinned_intermediate_is_an_anchor_without_its_root)
{
    struct pki *intermediate = intermediate_of(root, "Line 1");
    device_anchors_free(anchors);
    anchors = anchors_of(intermediate);
    ck_assert_int_eq(check_options(intermediate, &A_DEVICE), ERR_OK);
    refused(check_options(root, &A_DEVICE), "untrusted-issuer");
    pki_free(intermediate);
}
END_TEST

START_TEST(device_of_a_foreign_ca_has_an_untrusted_issuer)
{
    struct pki *foreign = pki_root("Somebody Else");
    refused(check_options(foreign, &A_DEVICE), "untrusted-issuer");
    ck_assert_int_ne(fault.native, 0);
    pki_free(foreign);
}
END_TEST

START_TEST(foreign_root_in_the_chain_is_not_trusted_for_being_sent)
{
    struct pki *foreign = pki_root("Somebody Else");
    struct pki *made = pki_new(foreign, &A_DEVICE);
    refused(check_two(made, foreign), "untrusted-issuer");
    pki_free(made);
    pki_free(foreign);
}
END_TEST

START_TEST(self_signed_device_has_an_untrusted_issuer)
{
    refused(check_options(NULL, &A_DEVICE), "untrusted-issuer");
}
END_TEST

START_TEST(expired_device_of_a_foreign_ca_is_a_stranger_before_all_else)
{
    struct pki *foreign = pki_root("Somebody Else");
    struct pki_options options = A_DEVICE;
    options.not_after = time(NULL) - HOUR_S;
    refused(check_options(foreign, &options), "untrusted-issuer");
    pki_free(foreign);
}
END_TEST

START_TEST(forged_device_has_an_invalid_signature)
{
    struct pki_options options = A_DEVICE;
    options.is_forged = true;
    refused(check_options(root, &options), "signature-invalid");
}
END_TEST

START_TEST(forger_with_a_ca_of_the_same_name_has_an_invalid_signature)
{
    struct pki *twin = pki_root("Factory Root");
    refused(check_options(twin, &A_DEVICE), "signature-invalid");
    pki_free(twin);
}
END_TEST

START_TEST(forger_without_key_identifiers_has_an_invalid_signature)
{
    struct pki_options options = A_DEVICE;
    options.is_forged = true;
    options.key_identifiers = "";
    refused(check_options(root, &options), "signature-invalid");
}
END_TEST

START_TEST(signature_of_an_anchor_under_a_wrong_key_identifier_is_no_forgery)
{
    struct pki_options options = A_DEVICE;
    options.authority_key = "DER:30:06:80:04:01:02:03:04";
    refused(check_options(root, &options), "chain-invalid");
}
END_TEST

START_TEST(forged_intermediate_has_an_invalid_signature)
{
    struct pki *forged =
        pki_new(root, &(struct pki_options){.is_ca = true, .name = "Line 1", .is_forged = true});
    struct pki *made = pki_new(forged, &A_DEVICE);
    refused(check_two(made, forged), "signature-invalid");
    pki_free(made);
    pki_free(forged);
}
END_TEST

START_TEST(expired_device_is_refused_and_was_genuine_before)
{
    time_t now = time(NULL);
    struct pki_options options = A_DEVICE;
    options.not_after = now - HOUR_S;
    struct pki *made = pki_new(root, &options);
    struct bytes pem = text_bytes(pki_certificate(made));
    refused(check_text(pki_certificate(made)), "expired");
    ck_assert_int_eq(
        device_check(anchors, pem, (int64_t)(now - 2 * HOUR_S) * 1000, &device, &fault), ERR_OK);
    pki_free(made);
}
END_TEST

START_TEST(device_from_the_future_is_not_yet_valid)
{
    struct pki_options options = A_DEVICE;
    options.not_before = time(NULL) + HOUR_S;
    refused(check_options(root, &options), "not-yet-valid");
}
END_TEST

START_TEST(device_without_expiry_is_genuine_in_a_hundred_years)
{
    struct pki *pinned = pki_new(
        NULL, &(struct pki_options){.is_ca = true, .name = "Ever", .is_without_expiry = true});
    struct pki *made = pki_device(pinned, "SN-1");
    struct device_anchors *ever = anchors_of(pinned);
    int64_t later = clock_unix_ms() + (int64_t)100 * 365 * 24 * HOUR_S * 1000;
    ck_assert_int_eq(device_check(ever, text_bytes(pki_certificate(made)), later, &device, &fault),
                     ERR_OK);
    device_anchors_free(ever);
    pki_free(made);
    pki_free(pinned);
}
END_TEST

START_TEST(expired_intermediate_expires_its_devices)
{
    struct pki *old = pki_new(
        root,
        &(struct pki_options){.is_ca = true, .name = "Line 1", .not_after = time(NULL) - HOUR_S});
    struct pki *made = pki_new(old, &A_DEVICE);
    refused(check_two(made, old), "expired");
    pki_free(made);
    pki_free(old);
}
END_TEST

START_TEST(weak_signature_is_refused)
{
    struct pki *rsa =
        pki_new(NULL, &(struct pki_options){.is_ca = true, .name = "RSA", .key = PKI_RSA_2048});
    struct pki_options options = A_DEVICE;
    device_anchors_free(anchors);
    anchors = anchors_of(rsa);
    ck_assert_int_eq(check_options(rsa, &options), ERR_OK);
    options.digest = _i == 0 ? PKI_SHA1 : PKI_MD5;
    refused(check_options(rsa, &options), "weak-signature");
    pki_free(rsa);
}
END_TEST

START_TEST(issuer_with_a_small_rsa_key_is_refused)
{
    struct pki *small =
        pki_new(NULL, &(struct pki_options){.is_ca = true, .name = "Small", .key = PKI_RSA_1024});
    device_anchors_free(anchors);
    anchors = anchors_of(small);
    refused(check_options(small, &A_DEVICE), "weak-signature");
    pki_free(small);
}
END_TEST

START_TEST(issuer_may_have_any_strong_key)
{
    static const enum pki_key_type types[] = {PKI_P384, PKI_RSA_2048, PKI_ED25519};
    struct pki *strong =
        pki_new(NULL, &(struct pki_options){.is_ca = true, .name = "Strong", .key = types[_i]});
    device_anchors_free(anchors);
    anchors = anchors_of(strong);
    ck_assert_int_eq(check_options(strong, &A_DEVICE), ERR_OK);
    pki_free(strong);
}
END_TEST

START_TEST(path_longer_than_the_issuer_allows_is_invalid)
{
    struct pki *flat =
        pki_new(NULL, &(struct pki_options){.is_ca = true,
                                            .name = "Flat",
                                            .basic_constraints = "critical,CA:TRUE,pathlen:0"});
    struct pki *below = intermediate_of(flat, "Too deep");
    struct pki *made = pki_new(below, &A_DEVICE);
    device_anchors_free(anchors);
    anchors = anchors_of(flat);
    refused(check_two(made, below), "chain-invalid");
    pki_free(made);
    pki_free(below);
    pki_free(flat);
}
END_TEST

START_TEST(device_cannot_issue_devices)
{
    struct pki *issuing = pki_new(root, &A_DEVICE);
    struct pki *made = pki_new(issuing, &A_DEVICE);
    ck_assert_int_eq(check_two(made, issuing), ERR_DEVICE_NOT_GENUINE);
    pki_free(made);
    pki_free(issuing);
}
END_TEST

START_TEST(ca_flag_without_the_right_to_sign_is_no_issuer)
{
    struct pki *idle = pki_new(
        root,
        &(struct pki_options){.is_ca = true, .name = "Idle", .key_usage = "critical,cRLSign"});
    struct pki *made = pki_new(idle, &A_DEVICE);
    ck_assert_int_eq(check_two(made, idle), ERR_DEVICE_NOT_GENUINE);
    pki_free(made);
    pki_free(idle);
}
END_TEST

START_TEST(unknown_critical_extension_is_invalid_and_an_uncritical_one_is_not)
{
    struct pki_options options = A_DEVICE;
    options.unknown_extension = "critical,DER:05:00";
    refused(check_options(root, &options), "chain-invalid");
    options.unknown_extension = "DER:05:00";
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
}
END_TEST

START_TEST(name_constraints_of_an_issuer_hold)
{
    struct pki *narrow =
        pki_new(NULL, &(struct pki_options){.is_ca = true,
                                            .name = "Narrow",
                                            .name_constraints = "critical,permitted;DNS:a.test"});
    struct pki_options options = A_DEVICE;
    options.alternative_names = "DNS:b.test";
    device_anchors_free(anchors);
    anchors = anchors_of(narrow);
    refused(check_options(narrow, &options), "chain-invalid");
    pki_free(narrow);
}
END_TEST

static void *check_often(void *argument)
{
    atomic_uint *genuine = argument;
    struct device mine;
    struct pki *made = pki_new(root, &A_DEVICE);
    for (int i = 0; i < 50; i++) {
        if (device_check(anchors, text_bytes(pki_certificate(made)), clock_unix_ms(), &mine,
                         NULL) == ERR_OK)
            atomic_fetch_add(genuine, 1);
    }
    pki_free(made);
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

static void add_tests(TCase *path)
{
    tcase_add_test(path, device_of_the_factory_is_genuine);
    tcase_add_test(path, intermediate_that_is_sent_along_completes_the_path);
    tcase_add_test(path, intermediates_may_come_in_any_order);
    tcase_add_test(path, pinned_intermediate_is_an_anchor_without_its_root);
    tcase_add_test(path, device_of_a_foreign_ca_has_an_untrusted_issuer);
    tcase_add_test(path, foreign_root_in_the_chain_is_not_trusted_for_being_sent);
    tcase_add_test(path, self_signed_device_has_an_untrusted_issuer);
    tcase_add_test(path, expired_device_of_a_foreign_ca_is_a_stranger_before_all_else);
    tcase_add_test(path, forged_device_has_an_invalid_signature);
    tcase_add_test(path, forger_with_a_ca_of_the_same_name_has_an_invalid_signature);
    tcase_add_test(path, forger_without_key_identifiers_has_an_invalid_signature);
    tcase_add_test(path, signature_of_an_anchor_under_a_wrong_key_identifier_is_no_forgery);
    tcase_add_test(path, forged_intermediate_has_an_invalid_signature);
    tcase_add_test(path, expired_device_is_refused_and_was_genuine_before);
    tcase_add_test(path, device_from_the_future_is_not_yet_valid);
    tcase_add_test(path, device_without_expiry_is_genuine_in_a_hundred_years);
    tcase_add_test(path, expired_intermediate_expires_its_devices);
    tcase_add_loop_test(path, weak_signature_is_refused, 0, 2);
    tcase_add_test(path, issuer_with_a_small_rsa_key_is_refused);
    tcase_add_loop_test(path, issuer_may_have_any_strong_key, 0, 3);
    tcase_add_test(path, path_longer_than_the_issuer_allows_is_invalid);
    tcase_add_test(path, device_cannot_issue_devices);
    tcase_add_test(path, ca_flag_without_the_right_to_sign_is_no_issuer);
    tcase_add_test(path, unknown_critical_extension_is_invalid_and_an_uncritical_one_is_not);
    tcase_add_test(path, name_constraints_of_an_issuer_hold);
    tcase_add_test(path, anchors_are_shared_between_threads);
}

int main(void)
{
    Suite *suite = suite_create("device path");
    TCase *path = tcase_create("path");
    tcase_add_checked_fixture(path, fixture_set_up, fixture_tear_down);
    tcase_set_timeout(path, 60);
    add_tests(path);
    suite_add_tcase(suite, path);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
