/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl mcuboot attach: what becomes of an image and a license, and what is refused. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <openssl/ec.h>

#include "provctl.h"
#include "support/mcuboot_maker.h"
#include "support/temp_dir.h"

#define LICENSE_BYTES 113

static struct temp_dir dir;
static struct provctl run;
static EVP_PKEY *signer;
static struct mcuboot_made made;
static uint8_t license[LICENSE_BYTES];
static char image_path[TEMP_PATH_MAX];
static char license_path[TEMP_PATH_MAX];
static char out_path[TEMP_PATH_MAX];

static void write_bytes(const char *path, struct bytes data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data.data, data.length), (ssize_t)data.length);
    (void)close(fd);
}

static void set_up(void)
{
    static uint8_t payload[500];
    temp_dir_make(&dir);
    temp_dir_path(&dir, "image", image_path);
    temp_dir_path(&dir, "license", license_path);
    temp_dir_path(&dir, "out", out_path);
    signer = EVP_EC_gen("P-256");
    random_fill(payload, sizeof payload);
    random_fill(license, sizeof license);
    mcuboot_make(
        &(struct mcuboot_making){.flags = 0x4, .payload = bytes_of(payload, sizeof payload)},
        signer, &made);
    write_bytes(image_path, bytes_of(made.bytes, made.length));
    write_bytes(license_path, bytes_of(license, sizeof license));
}

static void tear_down(void)
{
    EVP_PKEY_free(signer);
    temp_dir_remove(&dir);
}

static void attach(const char *image, const char *with)
{
    PROVCTL(&dir, &run, "mcuboot", "attach", image, with, "--out", out_path);
}

static void refused(int exit, const char *words)
{
    struct stat info;
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_int_ne(stat(out_path, &info), 0);
}

START_TEST(license_is_the_last_tlv_of_the_device_s_image)
{
    uint8_t found[MCUBOOT_MAKER_MAX_BYTES];
    attach(image_path, license_path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.err, "");
    int fd = open(out_path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    const ssize_t length = read(fd, found, sizeof found);
    (void)close(fd);
    ck_assert_int_eq(length, (ssize_t)(made.length + 4 + LICENSE_BYTES));
    ck_assert_mem_eq(found + made.length + 4, license, LICENSE_BYTES);
    ck_assert(mcuboot_is_signed(bytes_of(found, (size_t)length), signer));
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_nothing_is_written)
{
    write_bytes(license_path, bytes_of(license, sizeof license - 2));
    attach(image_path, license_path);
    refused(1, "no TLV of an AES-128 image has its length");
    attach(license_path, image_path);
    refused(1, "This is no image of MCUboot");
    attach("/nowhere/image", license_path);
    refused(1, "/nowhere/image cannot be read: No such file");
    write_bytes(license_path, bytes_of(made.bytes, made.length));
    attach(image_path, license_path);
    refused(1, license_path);
    PROVCTL(&dir, &run, "mcuboot", "attach", image_path, license_path);
    refused(64, "--out");
    PROVCTL(&dir, &run, "mcuboot", "attach", image_path, license_path, "--out", image_path);
    ck_assert_int_eq(run.exit, 64);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("provctl mcuboot");
    TCase *all = tcase_create("mcuboot");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, license_is_the_last_tlv_of_the_device_s_image);
    tcase_add_test(all, what_does_not_fit_is_refused_and_nothing_is_written);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
