/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a device's own certificate must say, and what is read out of it. */
#include <string.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/clock.h"
#include "fixture.h"

#define LONGEST "0123456789012345678901234567890123456789012345678901234567890123"

static X509 *x509_of(const struct pki *pki)
{
    BIO *source = BIO_new_mem_buf(pki_certificate(pki), -1);
    X509 *x509 = PEM_read_bio_X509(source, NULL, NULL, NULL);
    BIO_free(source);
    ck_assert_ptr_nonnull(x509);
    return x509;
}

START_TEST(device_is_identified_by_its_key_and_serial)
{
    struct pki *made = pki_device(root, "SN-1");
    X509 *x509 = x509_of(made);
    uint8_t der[200];
    unsigned char *p = der;
    int length = i2d_PUBKEY(X509_get0_pubkey(x509), &p);
    struct sha256 expected = sha256_of(bytes_of(der, (size_t)length));
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_OK);
    ck_assert_mem_eq(device.spki.bytes, expected.bytes, SHA256_SIZE);
    ck_assert_uint_eq(device.point_length, 65);
    ck_assert_mem_eq(device.point, der + length - 65, 65);
    X509_free(x509);
    pki_free(made);
}
END_TEST

START_TEST(issuer_and_serial_are_read_as_the_certificate_encodes_them)
{
    struct pki *made = pki_device(root, "SN-1");
    X509 *x509 = x509_of(made);
    unsigned char *name = NULL;
    unsigned char *serial = NULL;
    int name_length = i2d_X509_NAME(X509_get_issuer_name(x509), &name);
    int serial_length = i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), &serial);
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_OK);
    ck_assert_uint_eq(device.issuer_length, (size_t)name_length);
    ck_assert_mem_eq(device.issuer, name, (size_t)name_length);
    ck_assert_uint_eq(device.certificate_serial_length, (size_t)serial_length - 2);
    ck_assert_mem_eq(device.certificate_serial, serial + 2, (size_t)serial_length - 2);
    OPENSSL_free(name);
    OPENSSL_free(serial);
    X509_free(x509);
    pki_free(made);
}
END_TEST

static void claim_certificate_serial(const char *hex, const char *octets)
{
    char read[2 * DEVICE_CERT_SERIAL_MAX + 1];
    struct pki_options options = {.serial = "SN-1", .certificate_serial = hex};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    hex_encode(bytes_of(device.certificate_serial, device.certificate_serial_length), read);
    ck_assert_str_eq(read, octets);
}

START_TEST(certificate_serials_keep_their_octets)
{
    claim_certificate_serial("0", "00");
    claim_certificate_serial("7F", "7f");
    claim_certificate_serial("80", "0080");
    claim_certificate_serial("-01", "ff");
    claim_certificate_serial("-8000", "8000");
    claim_certificate_serial("7F00000000000000000000000000000000000001",
                             "7f00000000000000000000000000000000000001");
    claim_certificate_serial("FF00000000000000000000000000000000000001",
                             "00ff00000000000000000000000000000000000001");
}
END_TEST

START_TEST(certificate_serial_beyond_the_limit_is_refused)
{
    struct pki_options options = {.serial = "SN-1"};
    options.certificate_serial = "7F0000000000000000000000000000000000000000000000";
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    options.certificate_serial = "7F000000000000000000000000000000000000000000000000";
    refused(check_options(root, &options), "identity-malformed");
}
END_TEST

START_TEST(hardware_serial_identifies_a_device_without_a_subject)
{
    struct pki_options options = {.hardware_serial = "00A1FF"};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_str_eq(device.serial, "00a1ff");
}
END_TEST

START_TEST(subject_serial_goes_before_the_hardware_serial)
{
    struct pki_options options = {.serial = "SN-1", .hardware_serial = "00A1FF"};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_str_eq(device.serial, "SN-1");
}
END_TEST

START_TEST(device_without_any_serial_is_known_by_its_key)
{
    ck_assert_int_eq(check_options(root, &(struct pki_options){.name = "Device"}), ERR_OK);
    ck_assert_str_eq(device.serial, "");
}
END_TEST

START_TEST(other_alternative_names_are_no_serial)
{
    struct pki_options options = {.alternative_names = "DNS:a.test,otherName:1.2.3;UTF8:x"};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_str_eq(device.serial, "");
}
END_TEST

START_TEST(hardware_name_of_another_shape_is_malformed)
{
    struct pki_options options = {.alternative_names = "otherName:1.3.6.1.5.5.7.8.4;UTF8:x"};
    refused(check_options(root, &options), "identity-malformed");
}
END_TEST

START_TEST(longest_serial_fits_and_one_more_byte_is_malformed)
{
    ck_assert_int_eq(check_options(root, &(struct pki_options){.serial = LONGEST}), ERR_OK);
    ck_assert_str_eq(device.serial, LONGEST);
    refused(check_options(root, &(struct pki_options){.serial = LONGEST "4"}),
            "identity-malformed");
}
END_TEST

START_TEST(longest_hardware_serial_fits_and_one_more_byte_is_malformed)
{
    struct pki_options options = {.hardware_serial = LONGEST};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_str_eq(device.serial, LONGEST);
    options.hardware_serial = LONGEST "00";
    refused(check_options(root, &options), "identity-malformed");
}
END_TEST

START_TEST(serials_that_mislead_are_malformed)
{
    static const char *const serials[] = {"", "SN\n1", "SN\x7f", "S\xc3\xa9rie", "\x1b[2J"};
    refused(check_options(root, &(struct pki_options){.serial = serials[_i]}),
            "identity-malformed");
}
END_TEST

START_TEST(two_serials_are_malformed)
{
    struct pki_options options = {.serial = "SN-1", .second_serial = "SN-2"};
    refused(check_options(root, &options), "identity-malformed");
}
END_TEST

START_TEST(compressed_point_is_given_uncompressed)
{
    struct pki_options options = {.serial = "SN-1", .is_compressed = true};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
    ck_assert_uint_eq(device.point_length, 65);
    ck_assert_uint_eq(device.point[0], 4);
}
END_TEST

START_TEST(rsa_and_edwards_keys_are_the_wrong_type)
{
    static const enum pki_key_type types[] = {PKI_RSA_2048, PKI_ED25519};
    refused(check_options(root, &(struct pki_options){.key = types[_i]}), "key-type");
}
END_TEST

START_TEST(p384_device_is_on_the_wrong_curve_whatever_else_it_is)
{
    struct pki *foreign = pki_root("Somebody Else");
    refused(check_options(root, &(struct pki_options){.key = PKI_P384}), "curve");
    refused(check_options(foreign, &(struct pki_options){.key = PKI_P384}), "curve");
    pki_free(foreign);
}
END_TEST

START_TEST(point_beside_the_curve_is_refused)
{
    struct pki *made = pki_device(root, "SN-1");
    X509 *x509 = x509_of(made);
    const unsigned char *bits = NULL;
    int length = 0;
    (void)X509_PUBKEY_get0_param(NULL, &bits, &length, NULL, X509_get_X509_PUBKEY(x509));
    unsigned char *der = NULL;
    int size = i2d_X509(x509, &der);
    unsigned char *at = memmem(der, (size_t)size, bits, (size_t)length);
    at[length - 1] ^= 1;
    char *text = NULL;
    char pem[2048];
    ck_assert_int_eq(base64_encode(bytes_of(der, (size_t)size), &text), ERR_OK);
    (void)snprintf(pem, sizeof pem, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
                   text);
    refused(check_text(pem), "curve");
    free(text);
    OPENSSL_free(der);
    X509_free(x509);
    pki_free(made);
}
END_TEST

START_TEST(key_without_agreement_is_refused)
{
    struct pki_options options = {.serial = "SN-1", .key_usage = "critical,digitalSignature"};
    refused(check_options(root, &options), "key-usage");
}
END_TEST

START_TEST(key_without_the_extension_may_do_everything)
{
    struct pki_options options = {.serial = "SN-1", .key_usage = ""};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
}
END_TEST

START_TEST(ca_is_no_device)
{
    struct pki_options options = {
        .serial = "SN-1", .is_ca = true, .key_usage = "keyAgreement,keyCertSign"};
    refused(check_options(root, &options), "key-usage");
    refused(check_text(pki_certificate(root)), "key-usage");
}
END_TEST

START_TEST(tpm_endorsement_key_is_refused_whatever_its_type)
{
    static const enum pki_key_type types[] = {PKI_P256, PKI_P384, PKI_RSA_2048};
    struct pki_options options = {.key = types[_i],
                                  .extended_key_usage = "clientAuth,2.23.133.8.1"};
    refused(check_options(root, &options), "tpm-ek");
}
END_TEST

START_TEST(other_extended_usages_do_not_matter)
{
    struct pki_options options = {.serial = "SN-1", .extended_key_usage = "clientAuth,1.2.3.4"};
    ck_assert_int_eq(check_options(root, &options), ERR_OK);
}
END_TEST

START_TEST(refused_device_leaves_the_output_alone)
{
    struct device before;
    memset(&device, 0x5a, sizeof device);
    before = device;
    refused(check_options(root, &(struct pki_options){.serial = ""}), "identity-malformed");
    ck_assert_mem_eq(&device, &before, sizeof device);
}
END_TEST

static void add_tests(TCase *identity)
{
    tcase_add_test(identity, device_is_identified_by_its_key_and_serial);
    tcase_add_test(identity, issuer_and_serial_are_read_as_the_certificate_encodes_them);
    tcase_add_test(identity, certificate_serials_keep_their_octets);
    tcase_add_test(identity, certificate_serial_beyond_the_limit_is_refused);
    tcase_add_test(identity, hardware_serial_identifies_a_device_without_a_subject);
    tcase_add_test(identity, subject_serial_goes_before_the_hardware_serial);
    tcase_add_test(identity, device_without_any_serial_is_known_by_its_key);
    tcase_add_test(identity, other_alternative_names_are_no_serial);
    tcase_add_test(identity, hardware_name_of_another_shape_is_malformed);
    tcase_add_test(identity, longest_serial_fits_and_one_more_byte_is_malformed);
    tcase_add_test(identity, longest_hardware_serial_fits_and_one_more_byte_is_malformed);
    tcase_add_loop_test(identity, serials_that_mislead_are_malformed, 0, 5);
    tcase_add_test(identity, two_serials_are_malformed);
    tcase_add_test(identity, compressed_point_is_given_uncompressed);
    tcase_add_loop_test(identity, rsa_and_edwards_keys_are_the_wrong_type, 0, 2);
    tcase_add_test(identity, p384_device_is_on_the_wrong_curve_whatever_else_it_is);
    tcase_add_test(identity, point_beside_the_curve_is_refused);
    tcase_add_test(identity, key_without_agreement_is_refused);
    tcase_add_test(identity, key_without_the_extension_may_do_everything);
    tcase_add_test(identity, ca_is_no_device);
    tcase_add_loop_test(identity, tpm_endorsement_key_is_refused_whatever_its_type, 0, 3);
    tcase_add_test(identity, other_extended_usages_do_not_matter);
    tcase_add_test(identity, refused_device_leaves_the_output_alone);
}

int main(void)
{
    Suite *suite = suite_create("device identity");
    TCase *identity = tcase_create("identity");
    tcase_add_checked_fixture(identity, fixture_set_up, fixture_tear_down);
    tcase_set_timeout(identity, 60);
    add_tests(identity);
    suite_add_tcase(suite, identity);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
