/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is sealed by libcrypto alone, taken in by a real HSM: its session key is the one that opens
 * the image, for each form of content, and the token shows nothing of it on the way.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../hsm/device_key.h"
#include "../hsm/hsm_rig.h"
#include "seal/seal.h"
#include "../hsm/token.h"

#define CLEAR_BYTES     200003 /* several reads, and no whole number of blocks */
#define TRACE_MAX_BYTES 4096
#define INFO            "what the key is bound to"

static const char *const PROFILES[] = {"cms", "suit", "mcuboot", "jwe", "esp-rsa"};

static struct hsm_rig rig;
static struct device_key device;
static struct hsm_key_id firmware_key = {{0x5a}};
static struct hsm_spki transport;
static uint8_t clear[CLEAR_BYTES];
static uint8_t cipher[CLEAR_BYTES + 32];
static uint8_t opened[CLEAR_BYTES + 32];
static char parameters[256];
static char trace_path[TEMP_PATH_MAX];

static void make_keys(void)
{
    struct hsm_spki checkpoint;
    struct fault fault = {0};
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
    ck_assert_int_eq(hsm_init(rig.client, &checkpoint, &transport, &fault), ERR_OK);
    ck_assert_int_eq(
        hsm_generate_firmware_key(rig.client, &firmware_key, "provisiond-fk:home", &fault), ERR_OK);
    device_key_make(&device);
    for (size_t i = 0; i < sizeof clear; i++)
        clear[i] = (uint8_t)(i * 7 + i / 256);
}

static void set_up(void)
{
    hsm_rig_run(&rig);
    make_keys();
}

/* NSS softokn behind the module that notes what it is asked for. */
static void set_up_traced(void)
{
    char folder[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    temp_dir_path(&rig.dir, "nss", folder);
    temp_dir_path(&rig.dir, "trace", trace_path);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    token_make_nss(folder, parameters, sizeof parameters);
    ck_assert_int_eq(setenv("TEST_HSM_TRACE", trace_path, 1), 0);
    rig.module = MODULE_TRACES;
    rig.module_arguments = parameters;
    rig.label = TOKEN_NSS_LABEL;
    rig.pin_file = NULL;
    rig.workers = 1;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    make_keys();
}

static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

/* ---- sealing ---- */

static struct bytes spki(void)
{
    return bytes_of(transport.der, transport.length);
}

/* The clear text of that many bytes into cipher; *ret_written is what became of it. */
static enum error encrypt(struct seal *seal, const struct license_content *content, size_t length,
                          bool appends_tag, struct pack_result *ret_result, size_t *ret_written,
                          struct fault *fault)
{
    const struct pack_message message = {.content = content,
                                         .appends_tag = appends_tag,
                                         .clear_fd = hsm_rig_make_file(clear, length),
                                         .cipher_fd = hsm_rig_make_file(NULL, 0)};
    enum error e = seal_encrypt(seal, &message, ret_result, fault);
    const ssize_t n = pread(message.cipher_fd, cipher, sizeof cipher, 0);
    *ret_written = n > 0 ? (size_t)n : 0;
    (void)close(message.clear_fd);
    (void)close(message.cipher_fd);
    return e;
}

/* The key of a seal, taken in by the HSM and given to a device. */
static size_t open_by_device(const struct seal *seal, uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct seal_wrapped wrapped;
    struct hsm_wrapped licensed;
    struct fault fault = {0};
    struct rig_keys keys = {.firmware_key = firmware_key};
    ck_assert_int_eq(seal_wrap(seal, spki(), bytes_of(INFO, strlen(INFO)), &wrapped, &fault),
                     ERR_OK);
    struct hsm_import import = {.firmware_key = firmware_key,
                                .curve = HSM_P256,
                                .ephemeral_point = bytes_of(wrapped.point, sizeof wrapped.point),
                                .kdf = HSM_X963_SHA256,
                                .shared_info = bytes_of(INFO, strlen(INFO)),
                                .kek_bytes = 32,
                                .key.length = wrapped.key_length};
    memcpy(import.key.bytes, wrapped.key, wrapped.key_length);
    ck_assert_msg(hsm_import_key(rig.client, &import, &keys.session_key, &fault) == ERR_OK, "%s",
                  fault.reason);
    const struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &licensed, &fault), ERR_OK);
    return device_key_open(&device, &licensed, bytes_of("i", 1), 32, out);
}

/* ---- opening ---- */

static const EVP_CIPHER *cipher_named(const struct license_content *content)
{
    char name[LICENSE_CONTENT_MAX];
    (void)snprintf(name, sizeof name, "%s", content->name);
    return EVP_get_cipherbyname(strcmp(name, "aes-128-gcm") == 0   ? "id-aes128-GCM"
                                : strcmp(name, "aes-256-gcm") == 0 ? "id-aes256-GCM"
                                                                   : name);
}

static size_t decrypt(const struct license_content *content, const struct pack_result *result,
                      const uint8_t *key, size_t length)
{
    static const uint8_t zeros[16];
    uint8_t tag[PACK_TAG_BYTES];
    int made = 0;
    int more = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const bool has_tag = result->tag_length > 0;
    memcpy(tag, result->tag, sizeof tag);
    ck_assert_int_eq(EVP_DecryptInit_ex(context, cipher_named(content), NULL, NULL, NULL), 1);
    if (has_tag)
        ck_assert_int_eq(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)result->iv_length, NULL), 1);
    ck_assert_int_eq(
        EVP_DecryptInit_ex(context, NULL, NULL, key, result->iv_length > 0 ? result->iv : zeros),
        1);
    if (content->aad_length > 0)
        ck_assert_int_eq(
            EVP_DecryptUpdate(context, NULL, &made, content->aad, (int)content->aad_length), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(context, opened, &made, cipher, (int)length), 1);
    if (has_tag)
        ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag), 1);
    ck_assert_int_eq(EVP_DecryptFinal_ex(context, opened + made, &more), 1);
    EVP_CIPHER_CTX_free(context);
    return (size_t)made + (size_t)more;
}

static void check_content(const struct license_content *content, size_t length, bool appends_tag)
{
    SEAL_AUTO seal = {.session_key = {0}};
    struct pack_result result = {.length = 0};
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    size_t written = 0;
    ck_assert_msg(encrypt(&seal, content, length, appends_tag, &result, &written, &fault) == ERR_OK,
                  "%s: %s", content->name, fault.reason);
    ck_assert_uint_eq(result.length, length);
    ck_assert_uint_eq(result.iv_length, content->iv_bytes);
    ck_assert_uint_eq(result.tag_length, content->tag_bytes);
    ck_assert_uint_eq(open_by_device(&seal, key), content->key_bytes);
    if (appends_tag) {
        written -= result.tag_length;
        ck_assert_mem_eq(cipher + written, result.tag, result.tag_length);
    }
    ck_assert_uint_eq(decrypt(content, &result, key, written), length);
    ck_assert_mem_eq(opened, clear, length);
}

static void check_profile(const struct license_profile *profile)
{
    static const char *const names[] = {"aes-128-gcm", "aes-256-gcm", "aes-256-cbc", "aes-128-ctr",
                                        "aes-256-ctr"};
    size_t found = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct license_content *content = license_content_find(profile, names[i]);
        if (content == NULL)
            continue;
        found++;
        check_content(content, CLEAR_BYTES, false);
        check_content(content, 1, content->tag_bytes > 0);
    }
    ck_assert_uint_gt(found, 0);
}

START_TEST(key_that_is_taken_in_opens_the_image)
{
    for (size_t i = 0; i < sizeof PROFILES / sizeof PROFILES[0]; i++)
        check_profile(license_profile_find(PROFILES[i]));
}
END_TEST

/* ---- records ---- */

static enum error encrypt_records(struct seal *seal, const uint8_t *records, size_t length,
                                  struct pack_result *ret_result, struct fault *fault)
{
    const struct pack_message message = {
        .content = license_content_find(license_profile_find("st-sfi"), ""),
        .has_records = true,
        .clear_fd = hsm_rig_make_file(records, length),
        .cipher_fd = hsm_rig_make_file(NULL, 0)};
    enum error e = seal_encrypt(seal, &message, ret_result, fault);
    (void)pread(message.cipher_fd, cipher, sizeof cipher, 0);
    (void)close(message.clear_fd);
    (void)close(message.cipher_fd);
    return e;
}

/* One record without text, one of two bytes: "a" and "b" are their additional data. */
static const uint8_t RECORDS[] = {1, 0, 0, 0, 0, 0, 0, 0,   'a', 1,
                                  0, 0, 0, 2, 0, 0, 0, 'b', 'h', 'i'};

START_TEST(each_record_has_a_nonce_of_its_own)
{
    SEAL_AUTO seal = {.session_key = {0}};
    struct pack_result result;
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    struct hsm_content content = {.iv_length = 12, .tag_length = PACK_TAG_BYTES};
    ck_assert_int_eq(encrypt_records(&seal, RECORDS, sizeof RECORDS, &result, &fault), ERR_OK);
    ck_assert_uint_eq(result.length, sizeof RECORDS);
    ck_assert_uint_eq(open_by_device(&seal, key), 16);
    memcpy(content.iv, result.iv, 12);
    memcpy(content.tag, result.tag, sizeof content.tag);
    ck_assert_mem_eq(cipher + 1, result.tag, PACK_TAG_BYTES);
    ck_assert(
        device_decrypt(bytes_of(key, 16), &content, bytes_of("a", 1), bytes_of(opened, 0), opened));
    memcpy(content.tag, cipher + 18, sizeof content.tag);
    for (size_t i = 12, carry = 1; i-- > 0; carry >>= 8)
        content.iv[i] = (uint8_t)(carry += result.iv[i]);
    ck_assert(device_decrypt(bytes_of(key, 16), &content, bytes_of("b", 1),
                             bytes_of(cipher + 34, 2), opened));
    ck_assert_mem_eq(opened, "hi", 2);
}
END_TEST

START_TEST(file_that_is_no_sequence_of_records_is_refused)
{
    uint8_t changed[sizeof RECORDS];
    struct pack_result result;
    for (size_t length = 0; length < sizeof RECORDS; length++) {
        SEAL_AUTO seal = {.session_key = {0}};
        struct fault fault = {0};
        if (length == 9)
            continue; /* the first record alone is one */
        ck_assert_int_eq(encrypt_records(&seal, RECORDS, length, &result, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "records");
    }
    SEAL_AUTO empty = {.session_key = {0}};
    struct fault said = {0};
    const uint8_t nothing[8] = {0}; /* neither text nor additional data */
    ck_assert_int_eq(encrypt_records(&empty, nothing, sizeof nothing, &result, &said),
                     ERR_BAD_REQUEST);
    static const size_t places[] = {3, 7}; /* too much additional data, too long */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        SEAL_AUTO seal = {.session_key = {0}};
        struct fault fault = {0};
        memcpy(changed, RECORDS, sizeof changed);
        changed[places[i]] ^= 1;
        ck_assert_int_eq(encrypt_records(&seal, changed, sizeof changed, &result, &fault),
                         ERR_BAD_REQUEST);
    }
}
END_TEST

/* ---- what is never done ---- */

START_TEST(seal_encrypts_one_image_and_no_other)
{
    SEAL_AUTO seal = {.session_key = {0}};
    const struct license_content *content =
        license_content_find(license_profile_find("mcuboot"), "");
    struct pack_result result;
    struct fault fault = {0};
    size_t written = 0;
    ck_assert_int_eq(encrypt(&seal, content, 100, false, &result, &written, &fault), ERR_OK);
    ck_assert_int_eq(encrypt(&seal, content, 100, false, &result, &written, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "seal-used");
    ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(two_seals_have_nothing_in_common)
{
    const struct license_content *content = license_content_find(license_profile_find("cms"), "");
    struct pack_result results[2];
    struct seal_wrapped wrapped[2];
    struct fault fault = {0};
    size_t written = 0;
    for (int i = 0; i < 2; i++) {
        SEAL_AUTO seal = {.session_key = {0}};
        ck_assert_int_eq(encrypt(&seal, content, 100, false, &results[i], &written, &fault),
                         ERR_OK);
        ck_assert_int_eq(seal_wrap(&seal, spki(), bytes_of("i", 1), &wrapped[i], &fault), ERR_OK);
    }
    ck_assert_mem_ne(results[0].iv, results[1].iv, 12);
    ck_assert_mem_ne(results[0].tag, results[1].tag, PACK_TAG_BYTES);
    ck_assert_mem_ne(wrapped[0].point, wrapped[1].point, SEAL_POINT_BYTES);
    ck_assert_mem_ne(wrapped[0].key, wrapped[1].key, wrapped[0].key_length);
}
END_TEST

START_TEST(other_curves_are_refused)
{
    struct fault fault = {0};
    uint8_t der[256];
    uint8_t *end = der;
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    const int length = i2d_PUBKEY(p384, &end);
    EVP_PKEY_free(p384);
    ck_assert_int_eq(seal_check_peer(bytes_of(der, (size_t)length), &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "transport-key");
    ck_assert_int_eq(seal_check_peer(spki(), &fault), ERR_OK);
    memcpy(der, transport.der, transport.length);
    der[60] ^= 1; /* off the curve */
    ck_assert_int_eq(seal_check_peer(bytes_of(der, transport.length), &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(seal_check_peer(bytes_of(der, 0), &fault), ERR_BAD_REQUEST);
}
END_TEST

/* ---- what the token is asked for ---- */

static void read_trace(char out[TRACE_MAX_BYTES])
{
    FILE *file = fopen(trace_path, "re");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, TRACE_MAX_BYTES - 1, file)] = '\0';
    (void)fclose(file);
}

/* From the package to the license of a device: no key in clear, in either direction. */
START_TEST(token_shows_and_takes_no_key_from_package_to_license)
{
    static const char *const never[] = {"CKA_VALUE", "C_CreateObject", "C_Decrypt", "C_Digest"};
    SEAL_AUTO seal = {.session_key = {0}};
    struct pack_result result;
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    char trace[TRACE_MAX_BYTES];
    size_t written = 0;
    const struct license_content *content = license_content_find(license_profile_find("cms"), "");
    ck_assert_int_eq(encrypt(&seal, content, CLEAR_BYTES, false, &result, &written, &fault),
                     ERR_OK);
    ck_assert(unlink(trace_path) == 0 || errno == ENOENT);
    ck_assert_uint_eq(open_by_device(&seal, key), 32);
    read_trace(trace);
    ck_assert_ptr_nonnull(strstr(trace, "C_DeriveKey\n"));
    ck_assert_ptr_nonnull(strstr(trace, "C_WrapKey\n"));
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        ck_assert_msg(strstr(trace, never[i]) == NULL, "%s in %s", never[i], trace);
    ck_assert_uint_eq(decrypt(content, &result, key, written), CLEAR_BYTES);
    ck_assert_mem_eq(opened, clear, CLEAR_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seal");
    TCase *host = tcase_create("softhsm");
    TCase *traced = tcase_create("traced");
    tcase_set_timeout(host, 120);
    tcase_set_timeout(traced, 120);
    tcase_add_checked_fixture(host, set_up, tear_down);
    tcase_add_test(host, key_that_is_taken_in_opens_the_image);
    tcase_add_test(host, each_record_has_a_nonce_of_its_own);
    tcase_add_test(host, file_that_is_no_sequence_of_records_is_refused);
    tcase_add_test(host, seal_encrypts_one_image_and_no_other);
    tcase_add_test(host, two_seals_have_nothing_in_common);
    tcase_add_test(host, other_curves_are_refused);
    tcase_add_checked_fixture(traced, set_up_traced, tear_down);
    tcase_add_test(traced, token_shows_and_takes_no_key_from_package_to_license);
    suite_add_tcase(suite, host);
    suite_add_tcase(suite, traced);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
