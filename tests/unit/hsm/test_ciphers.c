/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What each cipher makes of a file, libcrypto turns back: with SoftHSM and with NSS softokn. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "hsm_rig.h"
#include "peer.h"
#include "support/hsm_faults.h"
#include "token.h"

#define ROOM 32 /* padding or tag */

enum token_kind { SOFTHSM, NSS, TOKENS };

static struct hsm_rig rig;
static struct rig_keys keys;
static char parameters[256];

static void begin(int token)
{
    char folder[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    if (token == NSS) {
        temp_dir_path(&rig.dir, "nss", folder);
        ck_assert_int_eq(mkdir(folder, 0700), 0);
        token_make_nss(folder, parameters, sizeof parameters);
        rig.module = TOKEN_NSS_MODULE;
        rig.module_arguments = parameters;
        rig.label = TOKEN_NSS_LABEL;
        rig.pin_file = NULL;
    }
    rig.workers = 1;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

/* ---- the device's side ---- */

static void learn_session_key(uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct peer peer;
    struct hsm_wrapped wrapped;
    struct fault fault;
    peer_make(HSM_P256, &peer);
    const struct hsm_wrap asked = peer_wrap(&peer, &keys, HSM_P256, HSM_X963_SHA256, 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &asked, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(peer_open(&peer, &asked, &wrapped, out), keys.session_key.length - 8);
    peer_free(&peer);
}

static const EVP_CIPHER *cipher_of(enum hsm_cipher cipher)
{
    const bool is_128 = keys.session_key.length == 24;
    switch (cipher) {
    case HSM_AES_CBC:
        return is_128 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
    case HSM_AES_CTR:
        return is_128 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    default:
        return is_128 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    }
}

/* The length of the text in out; SIZE_MAX: it does not decrypt. */
static size_t decrypt(const struct hsm_encryption *asked, const struct hsm_content *content,
                      struct bytes in, uint8_t *out)
{
    uint8_t key[HSM_SESSION_KEY_MAX];
    int length = 0;
    int rest = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    learn_session_key(key);
    ck_assert_int_eq(EVP_DecryptInit_ex(context, cipher_of(asked->cipher), NULL, NULL, NULL), 1);
    if (asked->cipher == HSM_AES_GCM)
        ck_assert_int_eq(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)content->iv_length, NULL),
            1);
    ck_assert_int_eq(EVP_DecryptInit_ex(context, NULL, NULL, key, content->iv), 1);
    if (asked->aad.length > 0)
        ck_assert_int_eq(
            EVP_DecryptUpdate(context, NULL, &length, asked->aad.data, (int)asked->aad.length), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(context, out, &length, in.data, (int)in.length), 1);
    if (content->tag_length > 0)
        ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG,
                                             (int)content->tag_length,
                                             (void *)(uintptr_t)content->tag),
                         1);
    const bool is_good = EVP_DecryptFinal_ex(context, out + length, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_good ? (size_t)(length + rest) : SIZE_MAX;
}

/* ---- round trips ---- */

static uint8_t *make_text(size_t length)
{
    uint8_t *text = malloc(length + ROOM);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < length + ROOM; i++)
        text[i] = (uint8_t)(i * 11 + (i >> 8));
    return text;
}

/* Of a text of length bytes that is followed by more when asked->length says so. */
static void check_round_trip(struct hsm_encryption *asked, size_t length, unsigned key_bytes)
{
    struct fault fault = {0};
    struct hsm_content content;
    uint8_t *text = make_text(length);
    uint8_t *out = make_text(length);
    uint8_t *back = make_text(length);
    hsm_rig_make_keys(&rig, key_bytes, &keys);
    asked->firmware_key = keys.firmware_key;
    asked->session_key = keys.session_key;
    asked->clear_fd = hsm_rig_make_file(text, length + (asked->length > 0 ? ROOM : 0));
    asked->cipher_fd = hsm_rig_make_file(NULL, 0);
    ck_assert_msg(hsm_encrypt(rig.client, asked, &content, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_uint_eq(content.length, length);
    const ssize_t written = pread(asked->cipher_fd, out, length + ROOM, 0);
    size_t expected = length;
    if (asked->cipher == HSM_AES_CBC)
        expected += 16 - length % 16;
    if (asked->appends_tag) {
        expected += 16;
        ck_assert_mem_eq(out + length, content.tag, 16);
    }
    ck_assert_int_eq(written, (ssize_t)expected);
    const size_t body = asked->appends_tag ? length : expected;
    ck_assert_uint_eq(decrypt(asked, &content, bytes_of(out, body), back), length);
    ck_assert_mem_eq(back, text, length);
    (void)close(asked->clear_fd);
    (void)close(asked->cipher_fd);
    free(text);
    free(out);
    free(back);
}

static void check_lengths(const struct hsm_encryption *asked)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 65535, 65536, 65537, 300001};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct hsm_encryption one = *asked;
        check_round_trip(&one, lengths[i], i % 2 == 0 ? 16 : 32);
        ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    }
}

START_TEST(cbc_pads_and_decrypts)
{
    begin(_i);
    check_lengths(&(const struct hsm_encryption){.cipher = HSM_AES_CBC, .iv_bytes = 16});
}
END_TEST

START_TEST(ctr_decrypts_from_a_drawn_counter_block)
{
    begin(_i);
    check_lengths(&(const struct hsm_encryption){.cipher = HSM_AES_CTR, .iv_bytes = 16});
}
END_TEST

START_TEST(ctr_decrypts_from_a_counter_block_of_zeros)
{
    begin(_i);
    check_lengths(&(const struct hsm_encryption){.cipher = HSM_AES_CTR});
}
END_TEST

START_TEST(gcm_decrypts_with_an_iv_of_16_bytes)
{
    begin(_i);
    check_lengths(&(const struct hsm_encryption){
        .cipher = HSM_AES_GCM, .iv_bytes = 16, .aad = bytes_of("header", 6)});
}
END_TEST

START_TEST(the_tag_follows_the_ciphertext_when_it_is_asked_for)
{
    begin(_i);
    check_lengths(&(const struct hsm_encryption){.cipher = HSM_AES_GCM, .appends_tag = true});
}
END_TEST

/* ---- a part of a file ---- */

START_TEST(no_more_is_encrypted_than_was_asked_for)
{
    begin(_i);
    for (enum hsm_cipher cipher = HSM_AES_GCM; cipher <= HSM_AES_CTR; cipher++) {
        if (cipher == HSM_AES_GCM_RECORDS)
            continue;
        struct hsm_encryption short_one = {.cipher = cipher, .length = 5};
        check_round_trip(&short_one, 5, 16);
        struct hsm_encryption chunk = {.cipher = cipher, .length = 65536};
        check_round_trip(&chunk, 65536, 32);
    }
}
END_TEST

START_TEST(a_file_that_is_too_short_is_refused)
{
    struct fault fault = {0};
    struct hsm_content content;
    begin(_i);
    hsm_rig_make_keys(&rig, 32, &keys);
    struct hsm_encryption asked = {.firmware_key = keys.firmware_key,
                                   .session_key = keys.session_key,
                                   .cipher = HSM_AES_CTR,
                                   .length = 6,
                                   .clear_fd = hsm_rig_make_file("clear", 5),
                                   .cipher_fd = hsm_rig_make_file(NULL, 0)};
    ck_assert_int_eq(hsm_encrypt(rig.client, &asked, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "clear-short");
    (void)close(asked.clear_fd);
    (void)close(asked.cipher_fd);
}
END_TEST

START_TEST(a_counter_block_is_drawn_for_each_encryption)
{
    struct fault fault = {0};
    struct hsm_content contents[2];
    begin(_i);
    hsm_rig_make_keys(&rig, 32, &keys);
    for (int i = 0; i < 2; i++) {
        struct hsm_encryption asked = {.firmware_key = keys.firmware_key,
                                       .session_key = keys.session_key,
                                       .cipher = HSM_AES_CTR,
                                       .iv_bytes = 16,
                                       .clear_fd = hsm_rig_make_file("clear", 5),
                                       .cipher_fd = hsm_rig_make_file(NULL, 0)};
        ck_assert_int_eq(hsm_encrypt(rig.client, &asked, &contents[i], &fault), ERR_OK);
        (void)close(asked.clear_fd);
        (void)close(asked.cipher_fd);
    }
    ck_assert_mem_ne(contents[0].iv, contents[1].iv, 16);
}
END_TEST

/* ---- a token that lacks a cipher ---- */

START_TEST(a_cipher_that_the_token_lacks_is_unsupported_and_costs_no_worker)
{
    static const CK_RV refusals[] = {CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID};
    char path[TEMP_PATH_MAX];
    struct hsm_content content;
    begin(SOFTHSM);
    hsm_rig_make_keys(&rig, 32, &keys);
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_EncryptInit",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_RETURN,
                                               .value = (uint32_t)refusals[_i]});
    rig.module = MODULE_FAULTS;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    struct hsm_encryption asked =
        hsm_rig_encryption(&keys, hsm_rig_make_file("clear", 5), hsm_rig_make_file(NULL, 0));
    for (enum hsm_cipher cipher = HSM_AES_GCM; cipher <= HSM_AES_CTR; cipher++) {
        struct fault fault = {0};
        if (cipher == HSM_AES_GCM_RECORDS)
            continue;
        asked.cipher = cipher;
        asked.iv_bytes = 16;
        ck_assert_int_eq(hsm_encrypt(rig.client, &asked, &content, &fault), ERR_UNSUPPORTED);
        ck_assert_str_eq(fault.reason, "unsupported-by-token");
        ck_assert_int_eq(lseek(asked.clear_fd, 0, SEEK_SET), 0);
    }
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    (void)close(asked.clear_fd);
    (void)close(asked.cipher_fd);
    hsm_faults_free(faults);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("ciphers");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, cbc_pads_and_decrypts, 0, TOKENS);
    tcase_add_loop_test(tests, ctr_decrypts_from_a_drawn_counter_block, 0, TOKENS);
    tcase_add_loop_test(tests, ctr_decrypts_from_a_counter_block_of_zeros, 0, TOKENS);
    tcase_add_loop_test(tests, gcm_decrypts_with_an_iv_of_16_bytes, 0, TOKENS);
    tcase_add_loop_test(tests, the_tag_follows_the_ciphertext_when_it_is_asked_for, 0, TOKENS);
    tcase_add_loop_test(tests, no_more_is_encrypted_than_was_asked_for, 0, TOKENS);
    tcase_add_loop_test(tests, a_file_that_is_too_short_is_refused, 0, 1);
    tcase_add_loop_test(tests, a_counter_block_is_drawn_for_each_encryption, 0, TOKENS);
    tcase_add_loop_test(tests, a_cipher_that_the_token_lacks_is_unsupported_and_costs_no_worker, 0,
                        2);
    return hsm_rig_run_tests(tests);
}
