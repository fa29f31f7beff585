/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The cms profile's way into a chip, with messages that libcrypto's own CMS writer makes. */
#include <string.h>

#include <check.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "bench.h"
#include "support/run.h"
#include "support/sizes.h"

#define FIRMWARE_BYTES 20000
#define EVERY_BIT      8
#define IMAGE_MAX      (CHIP_MEMORY_BYTES + 4096)

static struct bench bench;
static uint8_t firmware[IMAGE_MAX];
static uint8_t image[IMAGE_MAX]; /* ciphertext */
static size_t image_length;
static uint8_t license[CHIP_PAYLOAD_MAX_BYTES];
static size_t license_length;

static X509 *chip_certificate(void)
{
    static uint8_t der[CHIP_PAYLOAD_MAX_BYTES];
    const unsigned char *p = der;
    size_t length = bench_read_file(&bench, "chip/x509.der", der, sizeof der);
    X509 *x509 = d2i_X509(NULL, &p, (long)length);
    ck_assert_ptr_nonnull(x509);
    return x509;
}

static void take_bytes(BIO *bio, uint8_t *out, size_t max, size_t *ret_length)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    ck_assert_uint_le((size_t)length, max);
    memcpy(out, data, (size_t)length);
    *ret_length = (size_t)length;
}

/* License and image of firmware's first length bytes; authenticated or only encrypted. */
static void encrypt(size_t length, bool is_authenticated, X509 *recipient)
{
    const unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_PARTIAL;
    BIO *in = BIO_new_mem_buf(firmware, (int)length);
    BIO *out = BIO_new(BIO_s_mem());
    BIO *der = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = is_authenticated ? CMS_AuthEnvelopedData_create(EVP_aes_256_gcm())
                                            : CMS_EnvelopedData_create(EVP_aes_256_cbc());
    ck_assert_ptr_nonnull(cms);
    ck_assert_ptr_nonnull(CMS_add1_recipient_cert(cms, recipient, flags));
    ck_assert_int_eq(CMS_set_detached(cms, 1), 1);
    ck_assert_int_eq(CMS_final(cms, in, out, flags), 1);
    ck_assert_int_eq(i2d_CMS_bio(der, cms), 1);
    take_bytes(out, image, sizeof image, &image_length);
    take_bytes(der, license, sizeof license, &license_length);
    CMS_ContentInfo_free(cms);
    BIO_free(der);
    BIO_free(out);
    BIO_free(in);
}

static void encrypt_for_chip(size_t length)
{
    X509 *x509 = chip_certificate();
    encrypt(length, true, x509);
    X509_free(x509);
}

static void set_up(void)
{
    bench_set_up(&bench);
    random_fill(firmware, sizeof firmware);
    encrypt_for_chip(FIRMWARE_BYTES);
    bench_start(&bench, NULL, NULL);
}

static void tear_down(void)
{
    bench_tear_down(&bench);
}

static int install(void)
{
    int answer = bench_tell(&bench, CHIP_CMS_LICENSE, bytes_of(license, license_length));
    if (answer == 0)
        answer = bench_send_content(&bench, CHIP_CMS_DATA, bytes_of(image, image_length));
    return answer != 0 ? answer : bench_tell(&bench, CHIP_CMS_END, bytes_of(NULL, 0));
}

static void expect_installed(size_t length)
{
    static uint8_t flash[CHIP_MEMORY_BYTES];
    static uint8_t erased[CHIP_MEMORY_BYTES];
    struct chip_frame status = bench_status(&bench);
    struct sha256 digest = sha256_of(bytes_of(image, image_length));
    ck_assert_uint_eq(status.payload[0], CHIP_CLOSED);
    ck_assert_mem_eq(status.payload + 3, digest.bytes, CHIP_TAG_BYTES);
    ck_assert_uint_eq(bench_read_file(&bench, "chip/flash.bin", flash, sizeof flash), sizeof flash);
    ck_assert_int_eq(memcmp(flash, firmware, length), 0);
    memset(erased, 0xff, sizeof erased);
    ck_assert_int_eq(memcmp(flash + length, erased, sizeof flash - length), 0);
}

static void expect_refused(int error)
{
    ck_assert_int_eq(install(), error);
    ck_assert_uint_eq(bench_status(&bench).payload[0], CHIP_OPEN);
    ck_assert(bench_is_erased(&bench));
}

START_TEST(cms_license_and_image_install_and_close_the_chip)
{
    ck_assert_uint_eq(image_length, FIRMWARE_BYTES);
    ck_assert_int_eq(install(), 0);
    expect_installed(FIRMWARE_BYTES);
    ck_assert_int_eq(install(), CHIP_WRONG_PHASE);
}
END_TEST

START_TEST(cms_image_may_fill_the_flash_and_no_more)
{
    encrypt_for_chip(CHIP_MEMORY_BYTES + 1);
    expect_refused(CHIP_TOO_LARGE);
    encrypt_for_chip(CHIP_MEMORY_BYTES);
    ck_assert_int_eq(install(), 0);
    expect_installed(CHIP_MEMORY_BYTES);
}
END_TEST

START_TEST(changed_or_shortened_cms_image_is_refused)
{
    for (size_t i = 0; i < image_length; i += 1531) {
        image[i] ^= 0x10;
        expect_refused(CHIP_TAG_MISMATCH);
        image[i] ^= 0x10;
    }
    image_length--;
    expect_refused(CHIP_TAG_MISMATCH);
    image_length = 0;
    expect_refused(CHIP_TAG_MISMATCH);
}
END_TEST

/* Some bits of a CMS message are not protected (docs/profiles/cms.md): never other firmware. */
START_TEST(changed_bit_in_a_cms_license_never_installs_anything_else)
{
    size_t bits = test_size("bits changed per byte of a cms license", 1, EVERY_BIT);
    size_t refused = 0;
    for (size_t i = 0; i < license_length * bits; i++) {
        size_t at = i / bits;
        uint8_t mask = (uint8_t)(1U << (bits == 1 ? at % EVERY_BIT : i % bits));
        license[at] ^= mask;
        int answer = install();
        license[at] ^= mask;
        if (answer != 0) {
            refused++;
            ck_assert(bench_is_erased(&bench));
            continue;
        }
        expect_installed(FIRMWARE_BYTES);
        (void)bench_stop(&bench);
        bench_renew(&bench);
        bench_start(&bench, NULL, NULL);
    }
    ck_assert_uint_gt(refused, license_length * bits / 2);
}
END_TEST

START_TEST(cut_off_cms_license_is_refused)
{
    size_t whole = license_length;
    for (license_length = 0; license_length < whole; license_length++)
        ck_assert_int_eq(bench_tell(&bench, CHIP_CMS_LICENSE, bytes_of(license, license_length)),
                         CHIP_LICENSE_REFUSED);
    license[whole] = 0;
    license_length = whole + 1;
    expect_refused(CHIP_LICENSE_REFUSED);
}
END_TEST

START_TEST(cms_message_without_a_tag_is_refused)
{
    X509 *x509 = chip_certificate();
    encrypt(FIRMWARE_BYTES, false, x509);
    X509_free(x509);
    expect_refused(CHIP_LICENSE_REFUSED);
}
END_TEST

START_TEST(cms_license_for_another_key_is_refused)
{
    struct pki *device = pki_device(bench.x509_ca, "SN-1");
    BIO *bio = BIO_new_mem_buf(pki_certificate(device), -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    encrypt(FIRMWARE_BYTES, true, x509);
    X509_free(x509);
    BIO_free(bio);
    pki_free(device);
    expect_refused(CHIP_LICENSE_REFUSED);
}
END_TEST

START_TEST(power_cut_at_any_step_of_a_cms_install_leaves_nothing_to_read)
{
    encrypt_for_chip(1000);
    ck_assert_int_eq(install(), 0);
    unsigned long steps = bench_stop(&bench);
    ck_assert_uint_gt(steps, 30);
    for (unsigned long step = 1; step <= steps; step++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lu", step);
        bench_renew(&bench);
        bench_start(&bench, "--cut-at-step", text);
        ck_assert_int_eq(install(), BENCH_LOST);
        bench_wait_for_cut(&bench);
        bench_start(&bench, NULL, NULL);
        if (bench_status(&bench).payload[0] == CHIP_OPEN) {
            ck_assert(bench_is_erased(&bench));
            ck_assert_int_eq(install(), 0);
        }
        expect_installed(1000);
        (void)bench_stop(&bench);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        cms_license_and_image_install_and_close_the_chip,
        cms_image_may_fill_the_flash_and_no_more,
        changed_or_shortened_cms_image_is_refused,
        changed_bit_in_a_cms_license_never_installs_anything_else,
        cut_off_cms_license_is_refused,
        cms_message_without_a_tag_is_refused,
        cms_license_for_another_key_is_refused,
        power_cut_at_any_step_of_a_cms_install_leaves_nothing_to_read,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "chip: cms",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 300,
                                        .tests = tests});
}
