/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The profile suit against the examples of draft-ietf-suit-firmware-encryption (version 24,
 * "ECDH-ES+AES-KW", with AES-GCM and with AES-CTR): its keys, its COSE_Encrypt and its ciphertext
 * are the facts below. From them the KDF of this product must give the key encryption key, the
 * profile the same bytes, and the openers the same firmware.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "hsm/p11.h"
#include "license/license.h"
#include "support/temp_dir.h"

#define POINT_BYTES 65
#define Z_BYTES     32
#define KEK_BYTES   16
#define KEY_BYTES   16
#define COMMAND_MAX 1024
#define IV_MAX      16
#define TEXT_MAX    512
#define MESSAGE_MAX 160
#define WRAPPED     24

/* ---- the draft ---- */

static const char FIRMWARE[] = "This is a real firmware image.";
/* "KEK COSE_Key (Receiver's Private Key)", which all of them share: d, and 04, x, y. */
static const char RECEIVER[] = "60FE6DD6D85D5740A5349B6F91267EEAC5BA81B8CB53EE249E4B4EB102C476B3";
static const char RECEIVER_POINT[] =
    "045886CD61DD875862E5AAA820E7A15274C968A9BC96048DDCACE32F50C3651BA3"
    "9EED8125E932CD60C0EAD3650D0A485CF726D378D1B016ED4298B2961E258F1B";

static const struct example {
    const char *content;
    const char *key; /* k: NULL where the draft does not say it */
    const char *iv;
    const char *point; /* 04, x, y */
    const char *wrapped;
    const char *message;
    const char *image;
} EXAMPLES[] = {
    {.content = "aes-128-gcm",
     .key = "15F785B5C931414411B4B71373A9C0F7",
     .iv = "F14AAB9D81D51F7AD943FE87",
     .point = "0473024F415AA51529A66CCEFD88F3F62A734492FF45F6AD37FD2888E73EAF19DA"
              "4005B48A6FD091AA6ABFE3CFBEEDE88B347E521D43405FDBD7D2CFF0EBC21B26",
     .wrapped = "A06B8E6550F308712B1DF044B21B7D11D9B22792F1DE0997",
     .message = "D8608443A10101A1054CF14AAB9D81D51F7AD943FE87F6818344A101381C"
                "A120A40102200121582073024F415AA51529A66CCEFD88F3F62A734492FF"
                "45F6AD37FD2888E73EAF19DA2258204005B48A6FD091AA6ABFE3CFBEEDE8"
                "8B347E521D43405FDBD7D2CFF0EBC21B265818A06B8E6550F308712B1DF0"
                "44B21B7D11D9B22792F1DE0997",
     .image = "758C4B7BBAE2C4C1D462423E0F0DC3164FFA7B85BB94D4BD6D7ED26AB32F"
              "EB063385D4D3465927EC82CB5E198A59"},
    {.content = "aes-128-ctr",
     .key = NULL,
     .iv = "DAE613B2E0DC55F4322BE38BDBA9DC68",
     .point = "04EE0718F6B019C29CC611C18CEDE2214066DDCEDC2F0DBEF873CB224C715C1174"
              "279F2A88E4AB9E2ED30C0FCB69515B31B5D36725BFDB9AE02032ED4D5AB52CB8",
     .wrapped = "E28B4502E4F5151884A995405579006E9465C3E94E3E0808",
     .message = "D8608440A20139FFFD0550DAE613B2E0DC55F4322BE38BDBA9DC68F68183"
                "44A101381CA120A401022001215820EE0718F6B019C29CC611C18CEDE221"
                "4066DDCEDC2F0DBEF873CB224C715C1174225820279F2A88E4AB9E2ED30C"
                "0FCB69515B31B5D36725BFDB9AE02032ED4D5AB52CB85818E28B4502E4F5"
                "151884A995405579006E9465C3E94E3E0808",
     .image = "2BB8DB522AE978246CC775C3B0241BD4B0333FFDD2DB70C7EE7A4966E3B7"},
};
#define EXAMPLE_COUNT (sizeof EXAMPLES / sizeof EXAMPLES[0])

/* ---- its bytes ---- */

/* The draft writes hex in capitals. */
static size_t bytes_from(const char *hex, uint8_t *out, size_t size)
{
    char lower[TEXT_MAX];
    const size_t length = strlen(hex) / 2;
    ck_assert(length <= size && strlen(hex) < sizeof lower);
    for (size_t i = 0; i <= strlen(hex); i++)
        lower[i] = (char)tolower((unsigned char)hex[i]);
    ck_assert(hex_decode(lower, out, length));
    return length;
}

static EVP_PKEY *key_of(const char *point_hex, const char *private_hex)
{
    uint8_t point[POINT_BYTES];
    uint8_t number[Z_BYTES];
    EVP_PKEY *key = NULL;
    BIGNUM *d = NULL;
    OSSL_PARAM_BLD *list = OSSL_PARAM_BLD_new();
    (void)bytes_from(point_hex, point, sizeof point);
    ck_assert(
        OSSL_PARAM_BLD_push_utf8_string(list, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(list, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1);
    if (private_hex != NULL) {
        (void)bytes_from(private_hex, number, sizeof number);
        d = BN_bin2bn(number, sizeof number, NULL);
        ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(list, OSSL_PKEY_PARAM_PRIV_KEY, d), 1);
    }
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(list);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &key,
                                       private_hex != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                                       parameters),
                     1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(list);
    BN_free(d);
    return key;
}

static void agree(const struct example *example, struct secret *ret_z)
{
    size_t length = Z_BYTES;
    EVP_PKEY *receiver = key_of(RECEIVER_POINT, RECEIVER);
    EVP_PKEY *ephemeral = key_of(example->point, NULL);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(receiver, NULL);
    ck_assert_int_eq(secret_new(Z_BYTES, ret_z), ERR_OK);
    ck_assert_int_eq(EVP_PKEY_derive_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_derive_set_peer(context, ephemeral), 1);
    ck_assert_int_eq(EVP_PKEY_derive(context, ret_z->bytes, &length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(ephemeral);
    EVP_PKEY_free(receiver);
}

/* Borrows from iv. The tag is the image's and in no license of this profile. */
static struct license_subject subject_of(const struct example *example, uint8_t iv[IV_MAX])
{
    static const uint8_t tag[16];
    const struct license_content *content =
        license_content_find(license_profile_find("suit"), example->content);
    ck_assert_ptr_nonnull(content);
    ck_assert_uint_eq(bytes_from(example->iv, iv, IV_MAX), content->iv_bytes);
    return (struct license_subject){.product = "p",
                                    .device_key = LICENSE_P256,
                                    .device_serial = "",
                                    .content = content,
                                    .content_iv = bytes_of(iv, content->iv_bytes),
                                    .content_tag = bytes_of(tag, content->tag_bytes)};
}

/* The key encryption key, by the profile's shared info and the KDF that licenses are made with. */
static void derive(const struct example *example, struct secret *ret_kek)
{
    uint8_t iv[IV_MAX];
    struct license_agreement wanted;
    SECRET_AUTO z = {0};
    const struct license_subject subject = subject_of(example, iv);
    ck_assert_int_eq(license_agreement(license_profile_find("suit"), &subject, &wanted), ERR_OK);
    ck_assert_int_eq(wanted.kdf, LICENSE_HKDF_SHA256);
    ck_assert_int_eq(wanted.wrap, LICENSE_AES_KEY_WRAP);
    ck_assert_uint_eq(wanted.kek_bytes, KEK_BYTES);
    agree(example, &z);
    const struct p11_agreement agreement = {
        .kdf = HSM_HKDF_SHA256,
        .shared_info = bytes_of(wanted.shared_info, wanted.shared_info_length),
        .kdf_bytes = wanted.kek_bytes};
    ck_assert(p11_kdf(&z, &agreement, ret_kek));
}

/* RFC 3394; false when it is not what was wrapped under that key. */
static bool unwrap(const struct secret *kek, const char *wrapped_hex, uint8_t key[KEY_BYTES])
{
    uint8_t wrapped[WRAPPED];
    int length = 0;
    (void)bytes_from(wrapped_hex, wrapped, sizeof wrapped);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool is_it =
        EVP_DecryptInit_ex(context, EVP_aes_128_wrap(), NULL, kek->bytes, NULL) == 1 &&
        EVP_DecryptUpdate(context, key, &length, wrapped, sizeof wrapped) == 1 &&
        length == KEY_BYTES;
    EVP_CIPHER_CTX_free(context);
    return is_it;
}

/* ---- claims ---- */

/* The key wrap has a check of its own: under any other key it opens to nothing. */
START_TEST(our_kdf_gives_the_key_that_opens_the_drafts_wrap)
{
    const struct example *example = &EXAMPLES[_i];
    struct fault fault;
    uint8_t key[KEY_BYTES];
    uint8_t expected[KEY_BYTES];
    SECRET_AUTO kek = {0};
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
    derive(example, &kek);
    ck_assert(unwrap(&kek, example->wrapped, key));
    if (example->key != NULL) {
        (void)bytes_from(example->key, expected, sizeof expected);
        ck_assert_mem_eq(key, expected, KEY_BYTES);
    }
    kek.bytes[0] ^= 1;
    ck_assert(!unwrap(&kek, example->wrapped, key));
}
END_TEST

START_TEST(our_license_is_the_drafts_message_byte_for_byte)
{
    const struct example *example = &EXAMPLES[_i];
    uint8_t iv[IV_MAX];
    uint8_t point[POINT_BYTES];
    uint8_t wrapped[WRAPPED];
    uint8_t expected[MESSAGE_MAX];
    struct license license = {.length = 0};
    const struct license_subject subject = subject_of(example, iv);
    const struct license_wrapped parts = {
        .ephemeral_point = bytes_of(point, bytes_from(example->point, point, sizeof point)),
        .wrapped_key = bytes_of(wrapped, bytes_from(example->wrapped, wrapped, sizeof wrapped))};
    ck_assert_int_eq(license_encode(license_profile_find("suit"), &subject, &parts, &license),
                     ERR_OK);
    ck_assert_uint_eq(license.length, bytes_from(example->message, expected, sizeof expected));
    ck_assert_mem_eq(license.bytes, expected, license.length);
}
END_TEST

static void write_bytes(const struct temp_dir *dir, const char *name, const char *hex)
{
    uint8_t bytes[MESSAGE_MAX];
    char path[TEMP_PATH_MAX];
    const size_t length = bytes_from(hex, bytes, sizeof bytes);
    temp_dir_path(dir, name, path);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_key(const struct temp_dir *dir)
{
    char path[TEMP_PATH_MAX];
    EVP_PKEY *receiver = key_of(RECEIVER_POINT, RECEIVER);
    temp_dir_path(dir, "KEY", path);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_PrivateKey(file, receiver, NULL, NULL, 0, NULL, NULL), 1);
    ck_assert_int_eq(fclose(file), 0);
    EVP_PKEY_free(receiver);
}

static int opens_by(const struct temp_dir *dir, const char *opener)
{
    char command[COMMAND_MAX];
    (void)snprintf(command, sizeof command,
                   "cd %s && rm -f FW && ASAN_OPTIONS=detect_leaks=0 %s KEY LIC IMG FW && "
                   "printf '%%s' '%s' | cmp - FW",
                   dir->path, opener, FIRMWARE);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    return pclose(pipe);
}

/* So that neither the judge of all other tests nor the recipe agrees with us alone. */
START_TEST(judge_and_recipe_open_the_drafts_message)
{
    const struct example *example = &EXAMPLES[_i];
    struct temp_dir dir;
    temp_dir_make(&dir);
    write_key(&dir);
    write_bytes(&dir, "LIC", example->message);
    write_bytes(&dir, "IMG", example->image);
    ck_assert_int_eq(opens_by(&dir, "/usr/bin/python3 " PROVISIOND_SOURCE_DIR
                                    "/tests/judge/open_license.py suit"),
                     0);
    ck_assert_int_eq(opens_by(&dir, RECIPES "/recipe-suit"), 0);
    temp_dir_remove(&dir);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("suit, as its draft has it");
    TCase *all = tcase_create("examples");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, our_kdf_gives_the_key_that_opens_the_drafts_wrap, 0, EXAMPLE_COUNT);
    tcase_add_loop_test(all, our_license_is_the_drafts_message_byte_for_byte, 0, EXAMPLE_COUNT);
    tcase_add_loop_test(all, judge_and_recipe_open_the_drafts_message, 0, EXAMPLE_COUNT);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
