/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How chips are made, what they show of themselves, and that a clone has nothing of it. */
#include <string.h>
#include <sys/stat.h>

#include <check.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "bench.h"
#include "support/run.h"

static struct bench bench;

static void set_up(void)
{
    bench_set_up(&bench);
}

static void tear_down(void)
{
    bench_tear_down(&bench);
}

static EVP_PKEY *st_ca_key(void)
{
    const char *pem = pki_key(bench.st_ca);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(key);
    BIO_free(bio);
    return key;
}

/* Whether the ST CA signed these bytes of the certificate. */
static bool is_signed(const uint8_t certificate[CHIP_CERTIFICATE_BYTES], size_t from)
{
    unsigned char der[80];
    unsigned char *p = der;
    EVP_PKEY *ca = st_ca_key();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ECDSA_SIG *signature = ECDSA_SIG_new();
    ck_assert_int_eq(ECDSA_SIG_set0(signature, BN_bin2bn(certificate + 72, 32, NULL),
                                    BN_bin2bn(certificate + 104, 32, NULL)),
                     1);
    int length = i2d_ECDSA_SIG(signature, &p);
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, ca), 1);
    bool is_right =
        EVP_DigestVerify(context, der, (size_t)length, certificate + from, 72 - from) == 1;
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(ca);
    return is_right;
}

static int make(const char *name, const char *product_id, const char *flag)
{
    char folder[TEMP_PATH_MAX];
    char st_ca[TEMP_PATH_MAX];
    temp_dir_path(&bench.temp, name, folder);
    temp_dir_path(&bench.temp, "st.key", st_ca);
    return bench_run(&bench, (const char *[]){"make", "--state", folder, "--st-ca", st_ca,
                                              "--product-id", product_id, flag, NULL});
}

START_TEST(certificate_is_signed_by_the_st_ca_over_id_and_key_or_the_key_alone)
{
    uint8_t certificate[CHIP_CERTIFICATE_BYTES];
    ck_assert_mem_eq(bench.certificate, BENCH_PRODUCT_ID, 8);
    ck_assert(is_signed(bench.certificate, 0));
    ck_assert(!is_signed(bench.certificate, 8));
    ck_assert_int_eq(make("other", BENCH_PRODUCT_ID, "--sign-key-only"), 0);
    ck_assert_uint_eq(
        bench_read_file(&bench, "other/certificate.bin", certificate, sizeof certificate),
        sizeof certificate);
    ck_assert(is_signed(certificate, 8));
    ck_assert(!is_signed(certificate, 0));
    ck_assert_mem_ne(certificate + 8, bench.certificate + 8, 64);
}
END_TEST

START_TEST(chip_shows_the_certificates_of_its_folder)
{
    static uint8_t der[CHIP_PAYLOAD_MAX_BYTES];
    struct chip_frame reply;
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_ask(&bench, CHIP_CERTIFICATE, bytes_of(NULL, 0), &reply), 0);
    ck_assert_uint_eq(reply.length, CHIP_CERTIFICATE_BYTES);
    ck_assert_mem_eq(reply.payload, bench.certificate, CHIP_CERTIFICATE_BYTES);
    ck_assert_int_eq(bench_ask(&bench, CHIP_X509, bytes_of(NULL, 0), &reply), 0);
    ck_assert_uint_eq(reply.length, bench_read_file(&bench, "chip/x509.der", der, sizeof der));
    ck_assert_mem_eq(reply.payload, der, reply.length);
}
END_TEST

START_TEST(x509_certificate_is_for_key_agreement_with_the_same_key)
{
    uint8_t der[CHIP_PAYLOAD_MAX_BYTES];
    uint8_t point[100];
    char serial[32];
    size_t length = 0;
    const unsigned char *p = der;
    size_t size = bench_read_file(&bench, "chip/x509.der", der, sizeof der);
    X509 *x509 = d2i_X509(NULL, &p, (long)size);
    ck_assert_ptr_nonnull(x509);
    ck_assert_uint_eq(X509_get_key_usage(x509), KU_KEY_AGREEMENT);
    ck_assert_int_eq(X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_serialNumber,
                                               serial, sizeof serial),
                     4);
    ck_assert_str_eq(serial, "SN-1");
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(X509_get0_pubkey(x509), "pub", point,
                                                     sizeof point, &length),
                     1);
    ck_assert_uint_eq(length, 65);
    ck_assert_mem_eq(point + 1, bench.certificate + 8, 64);
    BIO *bio = BIO_new_mem_buf(pki_certificate(bench.x509_ca), -1);
    X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ck_assert_int_eq(X509_verify(x509, X509_get0_pubkey(ca)), 1);
    ck_assert_int_eq(X509_check_issued(ca, x509), X509_V_OK);
    X509_free(ca);
    BIO_free(bio);
    X509_free(x509);
}
END_TEST

START_TEST(chip_without_an_x509_certificate_says_so)
{
    ck_assert_int_eq(make("other", BENCH_PRODUCT_ID, NULL), 0);
    temp_dir_path(&bench.temp, "other", bench.chip);
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_tell(&bench, CHIP_X509, bytes_of(NULL, 0)), CHIP_BAD_COMMAND);
}
END_TEST

START_TEST(private_key_is_for_the_owner_alone)
{
    char path[TEMP_PATH_MAX];
    struct stat info;
    temp_dir_path(&bench.temp, "chip/fuses.pem", path);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
}
END_TEST

START_TEST(chip_is_made_once_and_with_a_product_id_only)
{
    ck_assert_int_eq(make("chip", BENCH_PRODUCT_ID, NULL), 1);
    ck_assert_int_eq(make("a", "4500200", NULL), 1);
    ck_assert_int_eq(make("b", "45002101", NULL), 1);
    ck_assert_int_eq(make("c", "4500200a", NULL), 1);
    ck_assert_int_eq(make("d", "450020010", NULL), 1);
    ck_assert_int_eq(make("e", "5000200A", NULL), 0);
}
END_TEST

START_TEST(command_line_that_is_wrong_is_refused_with_the_usage)
{
    static const char *const lines[][8] = {
        {NULL},
        {"fly", NULL},
        {"run", "--state", "x", NULL},
        {"make", "--state", "x", NULL},
        {"run", "--state", "x", "--socket", "y", "--cut-at-step", "-1", NULL},
        {"run", "--state", "x", "--socket", "y", "--kdf-info", "abc", NULL},
        {"run", "--state", "x", "--socket", "y", "--kdf-layout", "0,8,12", NULL},
        {"run", "--state", "x", "--socket", "y", "--kdf-layout", "0,16,12x", NULL},
        {"run", "--state", "x", "--socket", "y", "--license-type", "SFI", NULL},
        {"show", "--state", "x", "more", NULL}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_msg(bench_run(&bench, lines[i]) == 64, "line %zu", i);
    ck_assert_int_eq(bench_run(&bench, (const char *[]){"show", "--state", "/nowhere", NULL}), 1);
}
END_TEST

/* ---- clones ---- */

START_TEST(clone_shows_the_certificates_and_cannot_open_a_license_for_them)
{
    char clone[TEMP_PATH_MAX];
    uint8_t certificate[CHIP_CERTIFICATE_BYTES];
    uint8_t license[CHIP_LICENSE_BYTES];
    struct chip_frame reply;
    struct sfi_keys keys = sfi_keys_new();
    struct sfi_terms terms = sfi_reference();
    temp_dir_path(&bench.temp, "clone", clone);
    ck_assert_int_eq(
        bench_run(&bench, (const char *[]){"clone", "--from", bench.chip, "--state", clone, NULL}),
        0);
    memcpy(certificate, bench.certificate, sizeof certificate);
    (void)snprintf(bench.chip, sizeof bench.chip, "%s", clone);
    bench_start(&bench, NULL, NULL);
    ck_assert_int_eq(bench_ask(&bench, CHIP_CERTIFICATE, bytes_of(NULL, 0), &reply), 0);
    ck_assert_mem_eq(reply.payload, certificate, sizeof certificate);
    ck_assert_int_eq(bench_tell(&bench, CHIP_X509, bytes_of(NULL, 0)), 0);
    sfi_license_make(&terms, &keys, certificate, license);
    ck_assert_int_eq(bench_tell(&bench, CHIP_LICENSE, bytes_of(license, sizeof license)),
                     CHIP_LICENSE_REFUSED);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        certificate_is_signed_by_the_st_ca_over_id_and_key_or_the_key_alone,
        chip_shows_the_certificates_of_its_folder,
        x509_certificate_is_for_key_agreement_with_the_same_key,
        chip_without_an_x509_certificate_says_so,
        private_key_is_for_the_owner_alone,
        chip_is_made_once_and_with_a_product_id_only,
        command_line_that_is_wrong_is_refused_with_the_usage,
        clone_shows_the_certificates_and_cannot_open_a_license_for_them,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: identity",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
