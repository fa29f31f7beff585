/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A device's image of MCUboot is the stored one but for its last area; what does not fit is
 * refused, and no descriptor is left open. */
#include "vault/device_image.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <openssl/ec.h>

#include "support/mcuboot_maker.h"
#include "support/temp_dir.h"

#define PAYLOAD_BYTES 1000
#define LICENSE_BYTES 113 /* P-256, AES-128 */
#define FLAG_AES128   0x4

static struct temp_dir folder;
static struct image_store *store;
static struct mcuboot_made made;
static struct fault fault;

static void set_up(void)
{
    temp_dir_make(&folder);
    ck_assert_int_eq(image_store_open(folder.path, &store, &fault), ERR_OK);
}

static void tear_down(void)
{
    image_store_close(store);
    temp_dir_remove(&folder);
}

static struct sha256 keep(struct bytes image)
{
    struct image_draft *draft = NULL;
    struct sha256 digest;
    uint64_t size = 0;
    ck_assert_int_eq(image_draft_new(store, &draft, &fault), ERR_OK);
    ck_assert_int_eq(write(image_draft_fd(draft), image.data, image.length), (ssize_t)image.length);
    ck_assert_int_eq(image_draft_finish(&draft, &digest, &size, &fault), ERR_OK);
    return digest;
}

static struct sha256 keep_signed(void)
{
    static uint8_t payload[PAYLOAD_BYTES];
    EVP_PKEY *signer = EVP_EC_gen("P-256");
    random_fill(payload, sizeof payload);
    mcuboot_make(&(struct mcuboot_making){.payload = bytes_of(payload, sizeof payload),
                                          .flags = FLAG_AES128},
                 signer, &made);
    EVP_PKEY_free(signer);
    return keep(bytes_of(made.bytes, made.length));
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *list = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(list);
    while (readdir(list) != NULL)
        count++;
    (void)closedir(list);
    return count;
}

static enum error make(const struct sha256 *digest, size_t license_bytes,
                       struct device_image *image)
{
    static uint8_t license[LICENSE_BYTES + 1];
    memset(license, 0x5a, sizeof license);
    fault = (struct fault){0};
    return device_image_make(store, digest, bytes_of(license, license_bytes), image, &fault);
}

START_TEST(the_image_of_a_device_ends_with_its_license)
{
    struct device_image image;
    uint8_t head[MCUBOOT_MAKER_MAX_BYTES];
    const struct sha256 digest = keep_signed();
    ck_assert_int_eq(make(&digest, LICENSE_BYTES, &image), ERR_OK);
    ck_assert_uint_eq(image.tail_at, MCUBOOT_MAKER_HEADER_BYTES + PAYLOAD_BYTES);
    ck_assert_int_eq(pread(image.file, head, image.tail_at, 0), (ssize_t)image.tail_at);
    ck_assert_mem_eq(head, made.bytes, image.tail_at);
    const uint8_t *tlv = image.tail + image.tail_length - LICENSE_BYTES - 4;
    ck_assert_mem_eq(tlv, ((uint8_t[]){0x32, 0, LICENSE_BYTES, 0, 0x5a}), 5);
    ck_assert_uint_eq(image.tail[2] + 256U * image.tail[3], image.tail_length);
    (void)close(image.file);
    free(image.tail);
}
END_TEST

START_TEST(what_does_not_fit_together_is_the_servers_fault)
{
    struct device_image image;
    const struct sha256 digest = keep_signed();
    const struct sha256 other = keep(bytes_of("no image of MCUboot", 19));
    const size_t before = open_files();
    ck_assert_int_eq(make(&digest, LICENSE_BYTES + 1, &image), ERR_INTERNAL);
    ck_assert_str_eq(fault.reason, "mcuboot-license");
    ck_assert_int_eq(make(&other, LICENSE_BYTES, &image), ERR_INTERNAL);
    ck_assert_str_eq(fault.reason, "mcuboot-license");
    ck_assert_int_eq(make(&(struct sha256){.bytes = {1}}, LICENSE_BYTES, &image),
                     ERR_IMAGE_UNKNOWN);
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("images of devices");
    TCase *all = tcase_create("device image");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, the_image_of_a_device_ends_with_its_license);
    tcase_add_test(all, what_does_not_fit_together_is_the_servers_fault);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
