/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The text around and inside certificates, hostile bytes first of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "core/clock.h"
#include "fixture.h"

#define TEXT_MAX 8192

static const char BEGIN[] = "-----BEGIN CERTIFICATE-----\n";
static const char END[] = "-----END CERTIFICATE-----\n";

static struct pki *made;
static char text[TEXT_MAX];

static void set_up(void)
{
    fixture_set_up();
    made = pki_device(root, "SN-1");
}

static void tear_down(void)
{
    pki_free(made);
    fixture_tear_down();
}

/* "before", the device's certificate, "after". */
static const char *framed(const char *before, const char *after)
{
    int n = snprintf(text, sizeof text, "%s%s%s", before, pki_certificate(made), after);
    ck_assert_int_lt(n, TEXT_MAX);
    return text;
}

static void not_a_certificate(enum error code)
{
    ck_assert_int_eq(code, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-a-certificate");
}

START_TEST(white_space_and_openssl_comments_around_a_certificate_are_fine)
{
    static const char *const around[] = {
        "\n \t\r\n",
        "subject=CN = Device\nissuer=CN = Factory Root\n",
        "Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n",
        "Certificate:\n    Data:\n        Version: 3 (0x2)\n",
        "# my device\n",
    };
    ck_assert_int_eq(check_text(framed(around[_i], "")), ERR_OK);
    ck_assert_int_eq(check_text(framed("", around[_i])), ERR_OK);
}
END_TEST

START_TEST(foreign_text_around_a_certificate_is_refused)
{
    static const char *const around[] = {
        "hello\n",
        "-----BEGIN CERTIFICATE----\n",
        " -----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
    };
    not_a_certificate(check_text(framed(around[_i], "")));
    not_a_certificate(check_text(framed("", around[_i])));
}
END_TEST

START_TEST(private_key_beside_the_certificate_is_refused)
{
    not_a_certificate(check_text(framed(pki_key(made), "")));
    not_a_certificate(check_text(framed("", pki_key(made))));
}
END_TEST

START_TEST(nothing_is_not_a_certificate)
{
    not_a_certificate(check_text(""));
    not_a_certificate(check_text("\n\n"));
    not_a_certificate(device_check(anchors, bytes_of(NULL, 0), 0, &device, &fault));
}
END_TEST

START_TEST(windows_line_ends_are_fine)
{
    size_t n = 0;
    for (const char *p = pki_certificate(made); *p != '\0'; p++) {
        if (*p == '\n')
            text[n++] = '\r';
        text[n++] = *p;
    }
    text[n] = '\0';
    ck_assert_int_eq(check_text(text), ERR_OK);
}
END_TEST

START_TEST(last_line_needs_no_end)
{
    strcpy(text, pki_certificate(made));
    text[strlen(text) - 1] = '\0';
    ck_assert_int_eq(check_text(text), ERR_OK);
}
END_TEST

START_TEST(block_with_a_broken_body_is_malformed)
{
    static const char *const bodies[] = {"",       "!!!!\n",       "AAAA\n",
                                         "MIIB\n", "AAA\n",        "Proc-Type: 4\n\n",
                                         "====\n", "MAA=\nMAA=\n", "MAMCAQE=\n"};
    (void)snprintf(text, sizeof text, "%s%s%s", BEGIN, bodies[_i], END);
    refused(check_text(text), "certificate-malformed");
}
END_TEST

START_TEST(certificate_cut_off_anywhere_is_never_genuine)
{
    size_t whole = strlen(pki_certificate(made)) - 1; /* the last newline may be missing */
    struct bytes pem = text_bytes(pki_certificate(made));
    for (pem.length = 0; pem.length < whole; pem.length++) {
        enum error code = device_check(anchors, pem, clock_unix_ms(), &device, &fault);
        bool has_begun = pem.length >= sizeof BEGIN - 2;
        ck_assert_int_eq(code, has_begun ? ERR_DEVICE_NOT_GENUINE : ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, has_begun ? "certificate-malformed" : "not-a-certificate");
    }
}
END_TEST

START_TEST(nul_bytes_do_not_end_the_text)
{
    struct bytes pem = text_bytes(framed("", "x"));
    text[pem.length - 1] = '\0';
    not_a_certificate(device_check(anchors, pem, clock_unix_ms(), &device, &fault));
    text[100] = '\0';
    pem.length--;
    refused(device_check(anchors, pem, clock_unix_ms(), &device, &fault), "certificate-malformed");
}
END_TEST

/* The certificate's DER with extra bytes behind it, as PEM in text. */
static void wrap_der(size_t extra)
{
    uint8_t der[2048] = {0};
    unsigned char *p = der;
    char *body = NULL;
    BIO *source = BIO_new_mem_buf(pki_certificate(made), -1);
    X509 *x509 = PEM_read_bio_X509(source, NULL, NULL, NULL);
    int length = i2d_X509(x509, &p);
    ck_assert_int_eq(base64_encode(bytes_of(der, (size_t)length + extra), &body), ERR_OK);
    (void)snprintf(text, sizeof text, "%s%s\n%s", BEGIN, body, END);
    free(body);
    X509_free(x509);
    BIO_free(source);
}

START_TEST(bytes_behind_the_der_are_malformed)
{
    wrap_der(0);
    ck_assert_int_eq(check_text(text), ERR_OK);
    wrap_der(1);
    refused(check_text(text), "certificate-malformed");
}
END_TEST

START_TEST(more_than_eight_certificates_are_too_many)
{
    const struct pki *list[DEVICE_CHAIN_MAX_CERTS + 1] = {made, root, root, root, root,
                                                          root, root, root, root};
    char *eight = pki_chain(list, DEVICE_CHAIN_MAX_CERTS);
    char *nine = pki_chain(list, DEVICE_CHAIN_MAX_CERTS + 1);
    ck_assert_int_eq(check_text(eight), ERR_OK);
    ck_assert_int_eq(check_text(nine), ERR_TOO_LARGE);
    free(eight);
    free(nine);
}
END_TEST

START_TEST(text_beyond_the_limit_is_too_large)
{
    char *large = malloc(DEVICE_CHAIN_MAX_BYTES + 1);
    memset(large, '\n', DEVICE_CHAIN_MAX_BYTES + 1);
    struct bytes pem = bytes_of(large, DEVICE_CHAIN_MAX_BYTES + 1);
    memcpy(large, pki_certificate(made), strlen(pki_certificate(made)));
    ck_assert_int_eq(device_check(anchors, pem, clock_unix_ms(), &device, &fault), ERR_TOO_LARGE);
    pem.length--;
    ck_assert_int_eq(device_check(anchors, pem, clock_unix_ms(), &device, &fault), ERR_OK);
    free(large);
}
END_TEST

/* The signature covers every bit, its own encoding included; none may look like a broken server. */
START_TEST(no_changed_bit_of_a_certificate_is_genuine_or_an_internal_error)
{
    wrap_der(0);
    size_t length = 0;
    uint8_t der[2048];
    char *body = text + sizeof BEGIN - 1;
    *strchr(body, '\n') = '\0';
    ck_assert_int_eq(base64_decode(body, der, sizeof der, &length), ERR_OK);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        char *changed = NULL;
        char pem[TEXT_MAX];
        der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        ck_assert_int_eq(base64_encode(bytes_of(der, length), &changed), ERR_OK);
        der[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        (void)snprintf(pem, sizeof pem, "%s%s\n%s", BEGIN, changed, END);
        free(changed);
        enum error code = check_text(pem);
        ck_assert_msg(code == ERR_DEVICE_NOT_GENUINE, "bit %zu: %s", bit, error_name(code));
        ck_assert_uint_eq(ERR_peek_error(), 0);
    }
}
END_TEST

START_TEST(error_queue_of_libcrypto_stays_empty)
{
    struct pki *foreign = pki_root("Somebody Else");
    refused(check_options(foreign, &(struct pki_options){.serial = "1"}), "untrusted-issuer");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    refused(check_options(root, &(struct pki_options){.is_forged = true}), "signature-invalid");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    not_a_certificate(check_text("x"));
    ck_assert_int_eq(check_text(pki_certificate(made)), ERR_OK);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    pki_free(foreign);
}
END_TEST

static void add_tests(TCase *pem)
{
    tcase_add_loop_test(pem, white_space_and_openssl_comments_around_a_certificate_are_fine, 0, 5);
    tcase_add_loop_test(pem, foreign_text_around_a_certificate_is_refused, 0, 6);
    tcase_add_test(pem, private_key_beside_the_certificate_is_refused);
    tcase_add_test(pem, nothing_is_not_a_certificate);
    tcase_add_test(pem, windows_line_ends_are_fine);
    tcase_add_test(pem, last_line_needs_no_end);
    tcase_add_loop_test(pem, block_with_a_broken_body_is_malformed, 0, 9);
    tcase_add_test(pem, certificate_cut_off_anywhere_is_never_genuine);
    tcase_add_test(pem, nul_bytes_do_not_end_the_text);
    tcase_add_test(pem, bytes_behind_the_der_are_malformed);
    tcase_add_test(pem, more_than_eight_certificates_are_too_many);
    tcase_add_test(pem, text_beyond_the_limit_is_too_large);
    tcase_add_test(pem, no_changed_bit_of_a_certificate_is_genuine_or_an_internal_error);
    tcase_add_test(pem, error_queue_of_libcrypto_stays_empty);
}

int main(void)
{
    Suite *suite = suite_create("device pem");
    TCase *pem = tcase_create("pem");
    tcase_add_checked_fixture(pem, set_up, tear_down);
    tcase_set_timeout(pem, 120);
    add_tests(pem);
    suite_add_tcase(suite, pem);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
