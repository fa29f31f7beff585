/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An image encrypted in the token decrypts with the session key that the device opens. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device_key.h"
#include "hsm_rig.h"
#include "support/hsm_faults.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;

static void set_up(void)
{
    hsm_rig_run(&rig);
    device_key_make(&device);
}

static void tear_down(void)
{
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

static uint8_t *make_image(size_t length)
{
    uint8_t *image = malloc(length + 1);
    ck_assert_ptr_nonnull(image);
    for (size_t i = 0; i < length; i++)
        image[i] = (uint8_t)(i * 7 + (i >> 9));
    return image;
}

static enum error encrypt(int in, int out, struct hsm_content *ret_content, struct fault *fault)
{
    const struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    return hsm_encrypt(rig.client, &encryption, ret_content, fault);
}

static size_t open_session_key(uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct bytes info = bytes_of("e", 1);
    struct hsm_wrap wrap = device_wrap(&device, &keys, info, 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    return device_key_open(&device, &wrapped, info, 32, out);
}

/* Encrypts an image of this size in the token and decrypts it as the device would. */
static void check_round_trip(size_t length, unsigned key_bytes, struct bytes aad)
{
    struct fault fault = {0};
    struct hsm_content content;
    uint8_t key[HSM_SESSION_KEY_MAX];
    uint8_t *image = make_image(length);
    uint8_t *cipher = make_image(length);
    uint8_t *clear = make_image(length);
    int in = hsm_rig_make_file(image, length);
    int out = hsm_rig_make_file(NULL, 0);
    hsm_rig_make_keys(&rig, key_bytes, &keys);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    encryption.aad = aad;
    ck_assert_msg(hsm_encrypt(rig.client, &encryption, &content, &fault) == ERR_OK, "%s %ld",
                  fault.reason, fault.native);
    ck_assert_uint_eq(content.length, length);
    ck_assert_int_eq(pread(out, cipher, length + 1, 0), (ssize_t)length);
    ck_assert_uint_eq(open_session_key(key), key_bytes);
    ck_assert(
        device_decrypt(bytes_of(key, key_bytes), &content, aad, bytes_of(cipher, length), clear));
    ck_assert_mem_eq(clear, image, length);
    (void)close(in);
    (void)close(out);
    free(image);
    free(cipher);
    free(clear);
}

START_TEST(an_image_of_any_length_decrypts_to_the_original)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 65535, 65536, 65537, 300001};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        check_round_trip(lengths[i], 32, bytes_of("header", 6));
}
END_TEST

START_TEST(an_image_without_additional_data_and_with_a_short_key_decrypts)
{
    check_round_trip(100000, 16, bytes_of(NULL, 0));
}
END_TEST

START_TEST(a_large_image_decrypts)
{
    check_round_trip((size_t)24 * 1024 * 1024, 32, bytes_of("h", 1));
}
END_TEST

/* ---- a token that gives nothing before the end ---- */

static struct hsm_faults *collect(void)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_EncryptUpdate",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_COLLECT});
    hsm_rig_kill_master(&rig);
    rig.module = MODULE_FAULTS;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    return faults;
}

START_TEST(an_image_that_the_token_gives_at_the_end_decrypts)
{
    static const size_t lengths[] = {0, 1, 17, 65536, 65537, 300001, (size_t)16 * 1024 * 1024};
    struct hsm_faults *faults = collect();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        check_round_trip(lengths[i], 32, bytes_of("header", 6));
    ck_assert_uint_gt(hsm_faults_done(faults), 0);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    hsm_faults_free(faults);
}
END_TEST

START_TEST(an_image_that_is_too_large_to_be_given_at_the_end_is_refused)
{
    struct fault fault;
    struct hsm_content content;
    size_t length = (size_t)16 * 1024 * 1024 + 1;
    struct hsm_faults *faults = collect();
    uint8_t *image = make_image(length);
    int in = hsm_rig_make_file(image, length);
    int out = hsm_rig_make_file(NULL, 0);
    hsm_rig_make_keys(&rig, 32, &keys);
    ck_assert_int_eq(encrypt(in, out, &content, &fault), ERR_UNSUPPORTED);
    ck_assert_str_eq(fault.reason, "image-too-large-for-token");
    hsm_faults_clear(faults);
    check_round_trip(70000, 32, bytes_of("header", 6)); /* the same workers go on */
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    hsm_faults_free(faults);
    (void)close(in);
    (void)close(out);
    free(image);
}
END_TEST

START_TEST(encryption_begins_at_the_present_offset)
{
    struct fault fault;
    struct hsm_content content;
    int in = hsm_rig_make_file("skipped-clear", 13);
    int out = hsm_rig_make_file(NULL, 0);
    hsm_rig_make_keys(&rig, 32, &keys);
    ck_assert_int_eq(lseek(in, 8, SEEK_SET), 8);
    ck_assert_int_eq(encrypt(in, out, &content, &fault), ERR_OK);
    ck_assert_uint_eq(content.length, 5);
    (void)close(in);
    (void)close(out);
}
END_TEST

START_TEST(the_same_image_never_gets_the_same_iv)
{
    struct fault fault;
    struct hsm_content first;
    struct hsm_content second;
    int in = hsm_rig_make_file("clear", 5);
    int out = hsm_rig_make_file(NULL, 0);
    hsm_rig_make_keys(&rig, 32, &keys);
    ck_assert_int_eq(encrypt(in, out, &first, &fault), ERR_OK);
    ck_assert_int_eq(encrypt(in, out, &second, &fault), ERR_OK);
    ck_assert_mem_ne(first.iv, second.iv, HSM_GCM_IV_BYTES);
    (void)close(in);
    (void)close(out);
}
END_TEST

START_TEST(descriptors_that_are_no_files_are_refused)
{
    struct fault fault;
    struct hsm_content content;
    int pipes[2];
    int file = hsm_rig_make_file("clear", 5);
    hsm_rig_make_keys(&rig, 32, &keys);
    ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
    ck_assert_int_eq(encrypt(pipes[0], file, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-a-file");
    ck_assert_int_eq(encrypt(file, file, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "same-file");
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    (void)close(file);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_refused_and_costs_no_worker)
{
    struct fault fault;
    struct hsm_content content;
    uint8_t *image = make_image(100000);
    int in = hsm_rig_make_file(image, 100000);
    hsm_rig_make_keys(&rig, 32, &keys);
    /* A sealed file is open for writing and refuses to grow, as a full disk does. */
    int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ck_assert_int_eq(fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW), 0);
    ck_assert_int_eq(encrypt(in, sealed, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "cipher-unwritable");
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    (void)close(sealed);
    (void)close(in);
    free(image);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("encrypt");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_image_that_the_token_gives_at_the_end_decrypts);
    tcase_add_test(tests, an_image_that_is_too_large_to_be_given_at_the_end_is_refused);
    tcase_add_test(tests, an_image_of_any_length_decrypts_to_the_original);
    tcase_add_test(tests, an_image_without_additional_data_and_with_a_short_key_decrypts);
    tcase_add_test(tests, a_large_image_decrypts);
    tcase_add_test(tests, encryption_begins_at_the_present_offset);
    tcase_add_test(tests, the_same_image_never_gets_the_same_iv);
    tcase_add_test(tests, descriptors_that_are_no_files_are_refused);
    tcase_add_test(tests, a_file_that_cannot_be_written_is_refused_and_costs_no_worker);
    return hsm_rig_run_tests(tests);
}
