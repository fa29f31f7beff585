/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The licenses of profile "cms" in the hands of the program that devices really use. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "maker.h"
#include "support/temp_dir.h"

#define COMMAND_MAX 1024
#define OUTPUT_MAX  16384

static struct temp_dir folder;
static struct pki *root;
static struct maker_image image;

static void set_up(void)
{
    temp_dir_make(&folder);
    root = pki_root("Factory Root");
    maker_encrypt(&image);
}

static void tear_down(void)
{
    pki_free(root);
    temp_dir_remove(&folder);
}

static void write_file(const char *name, struct bytes data)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&folder, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data.data, data.length), (ssize_t)data.length);
    ck_assert_int_eq(close(fd), 0);
}

/* The device's files, the license and the detached ciphertext, as a station brings them. */
static void write_all(const struct pki *pki, const struct license *license)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&folder, "DEV.pem", path);
    pki_write_certificate(pki, path);
    temp_dir_path(&folder, "DEV.key", path);
    pki_write_key(pki, path);
    write_file("LIC", bytes_of(license->bytes, license->length));
    write_file("IMG.ct", bytes_of(image.ciphertext, MAKER_IMAGE_BYTES));
}

/* Runs in the folder; its exit status, and what it printed. */
static int run(const char *command, char output[OUTPUT_MAX])
{
    char line[COMMAND_MAX];
    (void)snprintf(line, sizeof line, "cd %s && { %s; } 2>&1", folder.path, command);
    FILE *pipe = popen(line, "re");
    ck_assert_ptr_nonnull(pipe);
    size_t length = fread(output, 1, OUTPUT_MAX - 1, pipe);
    output[length] = '\0';
    int status = pclose(pipe);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The command of docs/profiles/cms.md. */
static int decrypt(void)
{
    char output[OUTPUT_MAX];
    return run("openssl cms -decrypt -binary -inform DER -in LIC -content IMG.ct "
               "-inkey DEV.key -recip DEV.pem -out FW",
               output);
}

static void claim_firmware(void)
{
    char path[TEMP_PATH_MAX];
    uint8_t firmware[MAKER_IMAGE_BYTES + 1];
    temp_dir_path(&folder, "FW", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, firmware, sizeof firmware), MAKER_IMAGE_BYTES);
    ck_assert_mem_eq(firmware, image.firmware, MAKER_IMAGE_BYTES);
    ck_assert_int_eq(close(fd), 0);
}

/* Makes the device and its license and leaves both in the folder. */
static struct license license_for(const struct pki_options *options)
{
    struct pki *pki = pki_new(root, options);
    struct device device = maker_device(root, pki);
    struct license_subject subject = maker_subject(&device, &image);
    struct license license = maker_license(&subject, pki, &image);
    write_all(pki, &license);
    pki_free(pki);
    return license;
}

START_TEST(license_opens_on_its_device)
{
    (void)license_for(&(struct pki_options){.name = "Device", .serial = "SN-1"});
    ck_assert_int_eq(decrypt(), 0);
    claim_firmware();
}
END_TEST

START_TEST(license_opens_whatever_the_certificate_serial)
{
    static const char *const serials[] = {"0",
                                          "7F",
                                          "80",
                                          "-01",
                                          "-8000",
                                          "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
                                          "FF00000000000000000000000000000000000001",
                                          "7F0000000000000000000000000000000000000000000000"};
    (void)license_for(&(struct pki_options){.serial = "SN-1", .certificate_serial = serials[_i]});
    ck_assert_int_eq(decrypt(), 0);
    claim_firmware();
}
END_TEST

START_TEST(license_opens_for_a_device_without_subject)
{
    (void)license_for(&(struct pki_options){.hardware_serial = "00A1FF"});
    ck_assert_int_eq(decrypt(), 0);
    claim_firmware();
}
END_TEST

START_TEST(license_opens_for_a_device_with_a_compressed_point)
{
    (void)license_for(&(struct pki_options){.serial = "SN-1", .is_compressed = true});
    ck_assert_int_eq(decrypt(), 0);
    claim_firmware();
}
END_TEST

START_TEST(license_opens_below_an_issuer_without_a_name)
{
    pki_free(root);
    root = pki_new(NULL, &(struct pki_options){.is_ca = true});
    (void)license_for(&(struct pki_options){.serial = "SN-1"});
    ck_assert_int_eq(decrypt(), 0);
    claim_firmware();
}
END_TEST

START_TEST(license_does_not_open_with_another_key)
{
    char path[TEMP_PATH_MAX];
    (void)license_for(&(struct pki_options){.serial = "SN-1"});
    struct pki *other = pki_device(root, "SN-2");
    temp_dir_path(&folder, "DEV.key", path);
    pki_write_key(other, path);
    ck_assert_int_ne(decrypt(), 0);
    temp_dir_path(&folder, "DEV.pem", path);
    pki_write_certificate(other, path);
    ck_assert_int_ne(decrypt(), 0);
    pki_free(other);
}
END_TEST

/* Flips a bit of the only place in the license that holds these bytes. */
static void alter(struct license *license, struct bytes part)
{
    uint8_t *at = memmem(license->bytes, license->length, part.data, part.length);
    ck_assert_ptr_nonnull(at);
    at[part.length / 2] ^= 0x10;
    write_file("LIC", bytes_of(license->bytes, license->length));
}

START_TEST(license_with_an_altered_binding_does_not_open)
{
    struct license license = license_for(&(struct pki_options){.serial = "SN-1"});
    static const uint8_t ukm_head[] = {0xa1, 0x22, 0x04, 0x20}; /* [1] OCTET STRING, 32 bytes */
    uint8_t *head = memmem(license.bytes, license.length, ukm_head, sizeof ukm_head);
    ck_assert_ptr_nonnull(head);
    ck_assert_int_eq(decrypt(), 0);
    alter(&license, bytes_of(head, sizeof ukm_head + SHA256_SIZE));
    ck_assert_int_ne(decrypt(), 0);
}
END_TEST

START_TEST(license_with_an_altered_tag_or_nonce_does_not_open)
{
    struct license license = license_for(&(struct pki_options){.serial = "SN-1"});
    struct license whole = license;
    alter(&license, bytes_of(image.tag, MAKER_TAG_BYTES));
    ck_assert_int_ne(decrypt(), 0);
    license = whole;
    alter(&license, bytes_of(image.iv, MAKER_IV_BYTES));
    ck_assert_int_ne(decrypt(), 0);
}
END_TEST

START_TEST(altered_image_does_not_open)
{
    (void)license_for(&(struct pki_options){.serial = "SN-1"});
    image.ciphertext[MAKER_IMAGE_BYTES / 2] ^= 1;
    write_file("IMG.ct", bytes_of(image.ciphertext, MAKER_IMAGE_BYTES));
    ck_assert_int_ne(decrypt(), 0);
}
END_TEST

START_TEST(openssl_prints_the_structure_that_the_page_describes)
{
    static const char *const words[] = {"id-smime-ct-authEnvelopedData",
                                        "d.originatorKey:",
                                        "id-ecPublicKey",
                                        "ukm:",
                                        "dhSinglePass-stdDH-sha256kdf-scheme",
                                        "id-aes256-wrap",
                                        "aes-256-gcm",
                                        "encryptedContent: <ABSENT>",
                                        "authAttrs:",
                                        "unauthAttrs:"};
    char output[OUTPUT_MAX];
    (void)license_for(&(struct pki_options){.serial = "SN-1"});
    ck_assert_int_eq(run("openssl cms -cmsout -print -noout -inform DER -in LIC", output), 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_msg(strstr(output, words[i]) != NULL, "%s is not in\n%s", words[i], output);
}
END_TEST

START_TEST(license_is_der_to_its_last_byte)
{
    char output[OUTPUT_MAX];
    char again[TEMP_PATH_MAX];
    struct license license = license_for(&(struct pki_options){.serial = "SN-1"});
    ck_assert_int_eq(run("openssl asn1parse -inform DER -in LIC", output), 0);
    ck_assert_ptr_nonnull(strstr(output, "INTEGER           :10"));
    ck_assert_int_eq(run("openssl cms -cmsout -inform DER -in LIC -outform DER -out AGAIN", output),
                     0);
    temp_dir_path(&folder, "AGAIN", again);
    uint8_t bytes[LICENSE_MAX_BYTES];
    int fd = open(again, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(read(fd, bytes, sizeof bytes), (ssize_t)license.length);
    ck_assert_mem_eq(bytes, license.bytes, license.length);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("license openssl");
    TCase *all = tcase_create("openssl");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, license_opens_on_its_device);
    tcase_add_loop_test(all, license_opens_whatever_the_certificate_serial, 0, 8);
    tcase_add_test(all, license_opens_for_a_device_without_subject);
    tcase_add_test(all, license_opens_for_a_device_with_a_compressed_point);
    tcase_add_test(all, license_opens_below_an_issuer_without_a_name);
    tcase_add_test(all, license_does_not_open_with_another_key);
    tcase_add_test(all, license_with_an_altered_binding_does_not_open);
    tcase_add_test(all, license_with_an_altered_tag_or_nonce_does_not_open);
    tcase_add_test(all, altered_image_does_not_open);
    tcase_add_test(all, openssl_prints_the_structure_that_the_page_describes);
    tcase_add_test(all, license_is_der_to_its_last_byte);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
