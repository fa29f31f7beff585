/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Token mode, with NSS softokn: it has the X9.63 KDF inside, no PIN, and GCM in one part only. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "device_key.h"
#include "hsm/p11.h"
#include "hsm_rig.h"
#include "note.h"
#include "peer.h"
#include "support/hsm_faults.h"
#include "token.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;
static char parameters[256];

static void set_up(void)
{
    char folder[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    temp_dir_path(&rig.dir, "nss", folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    token_make_nss(folder, parameters, sizeof parameters);
    rig.module = TOKEN_NSS_MODULE;
    rig.module_arguments = parameters;
    rig.label = TOKEN_NSS_LABEL;
    rig.pin_file = NULL;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    device_key_make(&device);
}

static void tear_down(void)
{
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

static size_t open_session_key(unsigned kek_bytes, struct bytes info,
                               uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct hsm_wrap wrap = device_wrap(&device, &keys, info, kek_bytes);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_int_eq(wrapped.mode, HSM_TOKEN_MODE);
    return device_key_open(&device, &wrapped, info, kek_bytes, out);
}

START_TEST(the_status_says_token_mode)
{
    struct hsm_status status;
    struct fault fault;
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_int_eq(status.mode, HSM_TOKEN_MODE);
    ck_assert_str_eq(status.token_label, TOKEN_NSS_LABEL);
}
END_TEST

START_TEST(a_key_wrapped_in_token_mode_opens_whatever_the_parameters)
{
    uint8_t info[HSM_SHARED_INFO_MAX];
    uint8_t opened[HSM_SESSION_KEY_MAX];
    memset(info, 0x33, sizeof info);
    hsm_rig_make_keys(&rig, 32, &keys);
    ck_assert_uint_eq(open_session_key(32, bytes_of(info, sizeof info), opened), 32);
    ck_assert_uint_eq(open_session_key(16, bytes_of(info, 9), opened), 32);
    ck_assert_uint_eq(open_session_key(32, bytes_of(NULL, 0), opened), 32);
    hsm_rig_make_keys(&rig, 16, &keys);
    ck_assert_uint_eq(open_session_key(32, bytes_of(info, 9), opened), 16);
}
END_TEST

/* No device has to find it out: the worker's own dry run opens what the token wrapped. */
START_TEST(a_token_whose_kdf_is_another_is_used_in_host_mode)
{
    char path[TEMP_PATH_MAX];
    struct hsm_status status;
    struct hsm_wrapped wrapped;
    struct fault fault;
    uint8_t opened[HSM_SESSION_KEY_MAX];
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_DeriveKey",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_GARBLE});
    ck_assert_int_eq(setenv(HSM_FAULTS_REAL, TOKEN_NSS_MODULE, 1), 0);
    rig.module = MODULE_FAULTS;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_int_eq(status.mode, HSM_HOST_MODE);
    hsm_rig_make_keys(&rig, 32, &keys);
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("i", 1), 32, opened), 32);
    hsm_faults_free(faults);
}
END_TEST

static unsigned derivations_of_a_wrap(struct hsm_faults *faults, const struct peer *peer,
                                      enum hsm_curve curve, enum hsm_kdf kdf)
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    uint8_t opened[HSM_SESSION_KEY_MAX];
    const struct hsm_wrap wrap = peer_wrap(peer, &keys, curve, kdf, 32);
    hsm_faults_clear(faults);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_DeriveKey",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_NONE});
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s", fault.reason);
    ck_assert_int_eq(wrapped.mode, HSM_TOKEN_MODE);
    ck_assert_uint_eq(peer_open(peer, &wrap, &wrapped, opened), 32);
    return hsm_faults_done(faults);
}

/* A dry run inside a wrap could end neither of them in time. */
START_TEST(the_first_wrap_of_a_kind_is_no_longer_than_any_other)
{
    char path[TEMP_PATH_MAX];
    struct peer p256;
    struct peer p384;
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    ck_assert_int_eq(setenv(HSM_FAULTS_REAL, TOKEN_NSS_MODULE, 1), 0);
    rig.module = MODULE_FAULTS;
    rig.workers = 1;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, 1);
    hsm_rig_make_keys(&rig, 32, &keys);
    peer_make(HSM_P256, &p256);
    peer_make(HSM_P384, &p384);
    ck_assert_uint_eq(derivations_of_a_wrap(faults, &p256, HSM_P256, HSM_HKDF_SHA256), 2);
    ck_assert_uint_eq(derivations_of_a_wrap(faults, &p384, HSM_P384, HSM_X963_SHA384), 1);
    peer_free(&p256);
    peer_free(&p384);
    hsm_faults_free(faults);
}
END_TEST

/* ---- what the token is asked for ---- */

#define TRACE_MAX_BYTES 4096

/* All that the module noted so far; the caller gives the room. */
static void read_trace(const char *path, char out[TRACE_MAX_BYTES])
{
    size_t length = 0;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        length = fread(out, 1, TRACE_MAX_BYTES - 1, file);
        (void)fclose(file);
    }
    out[length] = '\0';
}

static size_t count_words(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        count++;
    return count;
}

/* What is between one request and its license, on a worker that has served before or not. */
static void trace_wrap(const char *path, enum hsm_curve curve, enum hsm_kdf kdf,
                       char out[TRACE_MAX_BYTES])
{
    struct peer peer;
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    uint8_t opened[HSM_SESSION_KEY_MAX];
    peer_make(curve, &peer);
    const struct hsm_wrap wrap = peer_wrap(&peer, &keys, curve, kdf, 32);
    ck_assert(unlink(path) == 0 || errno == ENOENT);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    read_trace(path, out);
    ck_assert_int_eq(wrapped.mode, kdf == HSM_CONCAT_SHA256 ? HSM_HOST_MODE : HSM_TOKEN_MODE);
    ck_assert_uint_eq(peer_open(&peer, &wrap, &wrapped, opened), 32);
    peer_free(&peer);
}

/* The dry run of the KDF's first wrap is among what is looked at. */
static void check_trace(const char *path, enum hsm_curve curve, enum hsm_kdf kdf)
{
    static const char *const never[] = {"CKA_VALUE", "C_CreateObject", "C_Decrypt", "C_Digest"};
    char trace[TRACE_MAX_BYTES];
    for (int i = 0; i < 2; i++) {
        trace_wrap(path, curve, kdf, trace);
        ck_assert_uint_ge(count_words(trace, "C_DeriveKey\n"), 1);
        ck_assert_uint_ge(count_words(trace, "C_WrapKey\n"), 1);
        for (size_t j = 0; j < sizeof never / sizeof never[0]; j++)
            ck_assert_msg(count_words(trace, never[j]) == 0, "%s in %s", never[j], trace);
    }
}

START_TEST(between_request_and_license_the_token_shows_and_takes_no_key)
{
    char path[TEMP_PATH_MAX];
    char trace[TRACE_MAX_BYTES];
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "trace", path);
    ck_assert_int_eq(setenv("TEST_HSM_TRACE", path, 1), 0);
    rig.module = MODULE_TRACES;
    rig.workers = 1;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_rig_make_keys(&rig, 32, &keys);
    check_trace(path, HSM_P256, HSM_X963_SHA256);
    check_trace(path, HSM_P384, HSM_X963_SHA384);
    check_trace(path, HSM_P256, HSM_HKDF_SHA256);
    /* And the trace would show it: host mode brings the KEK in. */
    trace_wrap(path, HSM_P256, HSM_CONCAT_SHA256, trace);
    ck_assert_uint_ge(count_words(trace, "C_CreateObject\n"), 1);
}
END_TEST

START_TEST(a_bad_point_is_refused_before_the_token_sees_it)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    hsm_rig_make_keys(&rig, 32, &keys);
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    device.point[40] ^= 1;
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "peer-point");
}
END_TEST

static enum error encrypt(int in, int out, struct hsm_content *ret_content, struct fault *fault)
{
    hsm_rig_make_keys(&rig, 32, &keys);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    encryption.aad = bytes_of("h", 1);
    return hsm_encrypt(rig.client, &encryption, ret_content, fault);
}

START_TEST(an_image_is_encrypted_in_one_part)
{
    static uint8_t clear[200000];
    static uint8_t cipher[200000];
    struct hsm_content content;
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    int in = memfd_create("clear", MFD_CLOEXEC);
    int out = memfd_create("cipher", MFD_CLOEXEC);
    memset(clear, 0x77, sizeof clear);
    ck_assert_int_eq(pwrite(in, clear, sizeof clear, 0), sizeof clear);
    ck_assert_msg(encrypt(in, out, &content, &fault) == ERR_OK, "%s %lx", fault.reason,
                  fault.native);
    ck_assert_int_eq(pread(out, cipher, sizeof cipher, 0), sizeof cipher);
    ck_assert_uint_eq(open_session_key(32, bytes_of("i", 1), key), 32);
    ck_assert(device_decrypt(bytes_of(key, 32), &content, bytes_of("h", 1),
                             bytes_of(cipher, sizeof cipher), cipher));
    ck_assert_mem_eq(clear, cipher, sizeof clear);
    (void)close(in);
    (void)close(out);
}
END_TEST

START_TEST(an_image_too_large_for_one_part_is_unsupported)
{
    struct hsm_content content;
    struct fault fault;
    int in = memfd_create("clear", MFD_CLOEXEC);
    int out = memfd_create("cipher", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(in, ((off_t)16 << 20) + 1), 0);
    ck_assert_int_eq(encrypt(in, out, &content, &fault), ERR_UNSUPPORTED);
    ck_assert_int_eq(lseek(out, 0, SEEK_END), 0);
    ck_assert_int_eq(ftruncate(in, (off_t)16 << 20), 0);
    ck_assert_int_eq(lseek(in, 0, SEEK_SET), 0);
    ck_assert_int_eq(encrypt(in, out, &content, &fault), ERR_OK);
    ck_assert_uint_eq(content.length, 16 << 20);
    (void)close(in);
    (void)close(out);
}
END_TEST

START_TEST(a_sealed_key_opens_on_this_token_too)
{
    struct hsm_sealed sealed;
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    uint8_t text[HSM_SEALED_MAX];
    hsm_rig_make_keys(&rig, 16, &keys);
    ck_assert_uint_eq(open_session_key(32, bytes_of("i", 1), key), 16);
    struct hsm_seal seal = device_seal(&device, &keys, bytes_of("info", 4));
    seal.prefix = bytes_of("prefix", 6);
    seal.aad = bytes_of("header", 6);
    ck_assert_msg(hsm_seal_key(rig.client, &seal, &sealed, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_uint_eq(device_seal_open(&device, &sealed, &seal, text), 6 + 16);
    ck_assert_mem_eq(text + 6, key, 16);
}
END_TEST

/* One record without text, one of two bytes: "a" and "b" are their additional data. */
START_TEST(records_decrypt_on_this_token_too)
{
    static const uint8_t records[] = {1, 0, 0, 0, 0, 0, 0, 0,   'a', 1,
                                      0, 0, 0, 2, 0, 0, 0, 'b', 'h', 'i'};
    struct hsm_content content;
    struct fault fault = {0};
    uint8_t key[HSM_SESSION_KEY_MAX];
    uint8_t out[2 * (1 + HSM_GCM_TAG_BYTES) + 2];
    uint8_t clear[2];
    int in = hsm_rig_make_file(records, sizeof records);
    int cipher = hsm_rig_make_file(NULL, 0);
    hsm_rig_make_keys(&rig, 16, &keys);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, cipher);
    encryption.cipher = HSM_AES_GCM_RECORDS;
    ck_assert_msg(hsm_encrypt(rig.client, &encryption, &content, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_uint_eq(content.length, sizeof records);
    ck_assert_int_eq(pread(cipher, out, sizeof out, 0), sizeof out);
    ck_assert_uint_eq(open_session_key(32, bytes_of("i", 1), key), 16);
    ck_assert(
        device_decrypt(bytes_of(key, 16), &content, bytes_of("a", 1), bytes_of(clear, 0), clear));
    p11_record_iv(content.iv, 1, content.iv);
    memcpy(content.tag, out + 18, sizeof content.tag);
    ck_assert(device_decrypt(bytes_of(key, 16), &content, bytes_of("b", 1), bytes_of(out + 34, 2),
                             clear));
    ck_assert_mem_eq(clear, "hi", 2);
    (void)close(in);
    (void)close(cipher);
}
END_TEST

START_TEST(the_keys_of_init_exist_on_this_token_too)
{
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct fault fault = {0};
    ck_assert_msg(hsm_init(rig.client, &checkpoint, &transport, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_uint_eq(checkpoint.length, 91); /* a P-256 SubjectPublicKeyInfo */
    ck_assert_uint_eq(transport.length, 91);
}
END_TEST

START_TEST(this_token_keeps_no_data_and_says_so)
{
    const struct note note = note_make(1, 1);
    const struct sha256 digest = {{1}};
    struct hsm_anchor anchor;
    struct sha256 kept;
    struct hsm_status status;
    struct fault faults[4];
    bool is_kept = false;
    ck_assert_int_eq(hsm_status(rig.client, &status, &faults[0]), ERR_OK);
    ck_assert(!status.keeps_data);
    const enum error errors[] = {
        hsm_anchor_read(rig.client, &anchor, &faults[0]),
        hsm_anchor_write(rig.client, note_bytes(&note), &digest, true, &faults[1]),
        hsm_authority_read(rig.client, "bike", &is_kept, &kept, &faults[2]),
        hsm_authority_write(rig.client, "bike", &digest, &faults[3])};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(errors[i], ERR_UNSUPPORTED);
        ck_assert_str_eq(faults[i].reason, "no-data-objects");
    }
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

START_TEST(checkpoints_are_signed_on_this_token_too)
{
    const struct note body = note_body(1042, 0x5a);
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_signature signature;
    struct fault fault = {0};
    ck_assert_int_eq(hsm_init(rig.client, &checkpoint, &transport, &fault), ERR_OK);
    ck_assert_msg(hsm_sign_checkpoint(rig.client, note_bytes(&body), NULL, &signature, &fault) ==
                      ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    const unsigned char *at = checkpoint.der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)checkpoint.length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_DigestVerify(context, signature.der, signature.length,
                                      note_bytes(&body).data, body.length),
                     1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("token mode");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_status_says_token_mode);
    tcase_add_test(tests, a_key_wrapped_in_token_mode_opens_whatever_the_parameters);
    tcase_add_test(tests, a_token_whose_kdf_is_another_is_used_in_host_mode);
    tcase_add_test(tests, the_first_wrap_of_a_kind_is_no_longer_than_any_other);
    tcase_add_test(tests, between_request_and_license_the_token_shows_and_takes_no_key);
    tcase_add_test(tests, a_bad_point_is_refused_before_the_token_sees_it);
    tcase_add_test(tests, an_image_is_encrypted_in_one_part);
    tcase_add_test(tests, an_image_too_large_for_one_part_is_unsupported);
    tcase_add_test(tests, a_sealed_key_opens_on_this_token_too);
    tcase_add_test(tests, records_decrypt_on_this_token_too);
    tcase_add_test(tests, the_keys_of_init_exist_on_this_token_too);
    tcase_add_test(tests, this_token_keeps_no_data_and_says_so);
    tcase_add_test(tests, checkpoints_are_signed_on_this_token_too);
    return hsm_rig_run_tests(tests);
}
