/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Each record encrypted in the token decrypts under the nonce plus its number, and under no other.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>

#include "device_key.h"
#include "hsm/p11.h"
#include "hsm_rig.h"

#define HEAD_BYTES 8

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;
static uint8_t session_key[HSM_SESSION_KEY_MAX];

static void set_up(void)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    hsm_rig_run(&rig);
    device_key_make(&device);
    hsm_rig_make_keys(&rig, 16, &keys);
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("i", 1), 32, session_key), 16);
}

/* Whatever was sent, no worker was lost. */
static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

/* ---- sequences ---- */

struct sequence {
    uint8_t *bytes;
    size_t length;
    size_t size; /* of bytes */
    size_t count;
};

static void write_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t read_u32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

static void append(struct sequence *sequence, uint32_t aad_length, uint32_t text_length)
{
    size_t length = HEAD_BYTES + aad_length + text_length;
    if (sequence->length + length > sequence->size) {
        sequence->size = 2 * sequence->size + length;
        sequence->bytes = realloc(sequence->bytes, sequence->size);
        ck_assert_ptr_nonnull(sequence->bytes);
    }
    uint8_t *out = sequence->bytes + sequence->length;
    write_u32(out, aad_length);
    write_u32(out + 4, text_length);
    for (size_t i = HEAD_BYTES; i < length; i++)
        out[i] = (uint8_t)(i * 7 + (i >> 8) + sequence->count);
    sequence->length += length;
    sequence->count++;
}

static enum error encrypt_bytes(const void *data, size_t length, int *ret_out,
                                struct hsm_content *ret_content, struct fault *fault)
{
    int in = hsm_rig_make_file(data, length);
    *ret_out = hsm_rig_make_file(NULL, 0);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, *ret_out);
    encryption.cipher = HSM_AES_GCM_RECORDS;
    enum error e = hsm_encrypt(rig.client, &encryption, ret_content, fault);
    if (e == ERR_OK)
        ck_assert_int_eq(lseek(in, 0, SEEK_CUR), (off_t)length);
    (void)close(in);
    return e;
}

/* The sum in OpenSSL's big numbers. */
static void add_to_nonce(const uint8_t nonce[HSM_GCM_IV_BYTES], uint32_t n,
                         uint8_t out[HSM_GCM_IV_BYTES])
{
    BIGNUM *sum = BN_bin2bn(nonce, HSM_GCM_IV_BYTES, NULL);
    ck_assert_int_eq(BN_add_word(sum, n), 1);
    (void)BN_mask_bits(sum, 96); /* fails when the number is smaller, and leaves it so */
    ck_assert_int_eq(BN_bn2binpad(sum, out, HSM_GCM_IV_BYTES), HSM_GCM_IV_BYTES);
    BN_free(sum);
}

/* Decrypts one record from both files; returns how far it reaches in the encrypted one. */
static size_t check_record(const uint8_t *in, const uint8_t *out, uint32_t n,
                           const struct hsm_content *content, uint8_t *clear)
{
    uint32_t aad_length = read_u32(in);
    uint32_t text_length = read_u32(in + 4);
    struct hsm_content message;
    struct bytes aad = bytes_of(out, aad_length);
    const uint8_t *tag = out + aad_length;
    struct bytes cipher = bytes_of(tag + HSM_GCM_TAG_BYTES, text_length);
    ck_assert_mem_eq(out, in + HEAD_BYTES, aad_length);
    add_to_nonce(content->iv, n, message.iv);
    memcpy(message.tag, tag, sizeof message.tag);
    if (n == 0)
        ck_assert_mem_eq(content->tag, tag, sizeof content->tag);
    ck_assert(device_decrypt(bytes_of(session_key, 16), &message, aad, cipher, clear));
    if (text_length > 0)
        ck_assert_mem_eq(clear, in + HEAD_BYTES + aad_length, text_length);
    return (size_t)aad_length + HSM_GCM_TAG_BYTES + text_length;
}

static void check_sequence(const struct sequence *sequence)
{
    struct hsm_content content;
    struct fault fault = {0};
    int out = -1;
    size_t in_at = 0;
    size_t out_at = 0;
    size_t out_length = sequence->length + (HSM_GCM_TAG_BYTES - HEAD_BYTES) * sequence->count;
    uint8_t *cipher = malloc(out_length + 1);
    uint8_t *clear = malloc(HSM_RECORD_TEXT_MAX);
    ck_assert_msg(encrypt_bytes(sequence->bytes, sequence->length, &out, &content, &fault) ==
                      ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    ck_assert_uint_eq(content.length, sequence->length);
    ck_assert_int_eq(pread(out, cipher, out_length + 1, 0), (ssize_t)out_length);
    for (uint32_t n = 0; n < sequence->count; n++) {
        const uint8_t *in = sequence->bytes + in_at;
        out_at += check_record(in, cipher + out_at, n, &content, clear);
        in_at += HEAD_BYTES + read_u32(in) + read_u32(in + 4);
    }
    ck_assert_uint_eq(in_at, sequence->length);
    ck_assert_uint_eq(out_at, out_length);
    (void)close(out);
    free(cipher);
    free(clear);
}

START_TEST(records_of_any_length_decrypt)
{
    static const uint32_t lengths[] = {0,    1,     15,    16,    17,     0,
                                       8192, 65535, 65536, 65537, 300001, HSM_RECORD_TEXT_MAX};
    struct sequence sequence = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        append(&sequence, 1 + (uint32_t)i * 7 % HSM_RECORD_AAD_MAX, lengths[i]);
        append(&sequence, HSM_RECORD_AAD_MAX, lengths[i]);
    }
    check_sequence(&sequence);
    free(sequence.bytes);
}
END_TEST

START_TEST(a_single_record_without_text_decrypts)
{
    struct sequence sequence = {0};
    append(&sequence, 12, 0);
    check_sequence(&sequence);
    free(sequence.bytes);
}
END_TEST

/* A master with less patience than the largest sequence takes: progress must count. */
static void restart_impatient(void)
{
    hsm_rig_kill_master(&rig);
    rig.call_timeout_ms = 500;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

START_TEST(the_most_records_decrypt_and_one_more_is_refused)
{
    struct sequence sequence = {0};
    struct hsm_content content;
    struct fault fault = {0};
    int out = -1;
    restart_impatient();
    for (uint32_t i = 0; i < HSM_RECORDS_MAX; i++)
        append(&sequence, 14, i % 3);
    check_sequence(&sequence);
    append(&sequence, 14, 0);
    ck_assert_int_eq(encrypt_bytes(sequence.bytes, sequence.length, &out, &content, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "records");
    (void)close(out);
    free(sequence.bytes);
}
END_TEST

START_TEST(records_begin_at_the_present_offset)
{
    struct sequence sequence = {0};
    struct hsm_content content;
    struct fault fault = {0};
    append(&sequence, 3, 5);
    append(&sequence, 4, 6);
    int in = hsm_rig_make_file(sequence.bytes, sequence.length);
    int out = hsm_rig_make_file(NULL, 0);
    ck_assert_int_eq(lseek(in, HEAD_BYTES + 8, SEEK_SET), HEAD_BYTES + 8);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    encryption.cipher = HSM_AES_GCM_RECORDS;
    ck_assert_int_eq(hsm_encrypt(rig.client, &encryption, &content, &fault), ERR_OK);
    ck_assert_uint_eq(content.length, HEAD_BYTES + 10);
    ck_assert_int_eq(lseek(out, 0, SEEK_END), 4 + HSM_GCM_TAG_BYTES + 6);
    (void)close(in);
    (void)close(out);
    free(sequence.bytes);
}
END_TEST

START_TEST(two_encryptions_never_share_a_nonce)
{
    struct sequence sequence = {0};
    struct hsm_content first;
    struct hsm_content second;
    struct fault fault;
    int out = -1;
    append(&sequence, 1, 1);
    ck_assert_int_eq(encrypt_bytes(sequence.bytes, sequence.length, &out, &first, &fault), ERR_OK);
    (void)close(out);
    ck_assert_int_eq(encrypt_bytes(sequence.bytes, sequence.length, &out, &second, &fault), ERR_OK);
    (void)close(out);
    ck_assert_mem_ne(first.iv, second.iv, HSM_GCM_IV_BYTES);
    free(sequence.bytes);
}
END_TEST

START_TEST(a_nonce_carries_over_every_byte_and_wraps_around)
{
    uint8_t nonce[HSM_GCM_IV_BYTES];
    uint8_t sum[HSM_GCM_IV_BYTES];
    uint8_t expected[HSM_GCM_IV_BYTES];
    static const uint8_t zero[HSM_GCM_IV_BYTES];
    memset(nonce, 0xff, sizeof nonce);
    p11_record_iv(nonce, 1, sum);
    ck_assert_mem_eq(sum, zero, sizeof sum);
    for (size_t i = 0; i < HSM_GCM_IV_BYTES; i++) {
        nonce[i] = 0x7f; /* the carry of the bytes behind it ends here */
        p11_record_iv(nonce, 1, sum);
        add_to_nonce(nonce, 1, expected);
        ck_assert_mem_eq(sum, expected, sizeof sum);
        nonce[i] = 0xff;
    }
    srandom(96);
    for (int i = 0; i < 10000; i++) {
        uint32_t n = i % 2 == 0 ? (uint32_t)random() % HSM_RECORDS_MAX : (uint32_t)random();
        for (size_t j = 0; j < sizeof nonce; j++)
            nonce[j] = random() % 3 == 0 ? (uint8_t)random() : 0xff;
        p11_record_iv(nonce, n, sum);
        add_to_nonce(nonce, n, expected);
        ck_assert_mem_eq(sum, expected, sizeof sum);
    }
}
END_TEST

/* ---- what is no sequence ---- */

static void check_refusal(const void *data, size_t length)
{
    struct hsm_content content;
    struct fault fault = {0};
    int out = -1;
    ck_assert_int_eq(encrypt_bytes(data, length, &out, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "records");
    (void)close(out);
}

START_TEST(a_sequence_cut_off_inside_a_record_is_refused)
{
    struct sequence sequence = {0};
    append(&sequence, 3, 20);
    size_t boundary = sequence.length;
    append(&sequence, 12, 0);
    append(&sequence, 1, 300);
    for (size_t length = 0; length < sequence.length; length++) {
        if (length != boundary && length != boundary + HEAD_BYTES + 12)
            check_refusal(sequence.bytes, length);
    }
    check_sequence(&sequence);
    free(sequence.bytes);
}
END_TEST

struct lengths {
    uint32_t aad;
    uint32_t text;
};

static const struct lengths wrong_lengths[] = {
    {0, 0},          {0, 16},         {HSM_RECORD_AAD_MAX + 1, 16}, {UINT32_MAX, 16},
    {UINT32_MAX, 1}, {1, UINT32_MAX}, {1, HSM_RECORD_TEXT_MAX + 1}, {0x80000000, 0x80000000},
};

/* The bytes that the lengths promise are there, up to 2 MiB, and none behind them. */
START_TEST(a_record_beyond_its_limits_is_refused_wherever_it_is)
{
    const struct lengths *wrong = &wrong_lengths[_i];
    size_t promised = HEAD_BYTES + (size_t)wrong->aad + wrong->text;
    size_t size = promised < (size_t)2 << 20 ? promised : (size_t)2 << 20;
    uint8_t *alone = calloc(1, size);
    struct sequence sequence = {0};
    ck_assert_ptr_nonnull(alone);
    write_u32(alone, wrong->aad);
    write_u32(alone + 4, wrong->text);
    check_refusal(alone, size);
    append(&sequence, 5, 5);
    sequence.bytes = realloc(sequence.bytes, sequence.length + size);
    ck_assert_ptr_nonnull(sequence.bytes);
    memcpy(sequence.bytes + sequence.length, alone, size);
    check_refusal(sequence.bytes, sequence.length + size);
    free(sequence.bytes);
    free(alone);
}
END_TEST

START_TEST(random_files_are_refused)
{
    uint8_t garbage[512];
    srandom(7);
    for (int i = 0; i < 300; i++) {
        size_t length = (size_t)random() % sizeof garbage;
        for (size_t j = 0; j < length; j++)
            garbage[j] = (uint8_t)random();
        if (length > 4) /* plausible, but for what its last bytes say */
            memcpy(garbage, i % 2 == 0 ? "\x08\0\0\0" : "\x08\0\0\xff", 4);
        if (length > HEAD_BYTES)
            write_u32(garbage + 4, (uint32_t)length); /* more than there is */
        check_refusal(garbage, length);
    }
}
END_TEST

START_TEST(additional_data_besides_the_records_is_refused)
{
    struct sequence sequence = {0};
    struct hsm_content content;
    struct fault fault = {0};
    append(&sequence, 1, 1);
    int in = hsm_rig_make_file(sequence.bytes, sequence.length);
    int out = hsm_rig_make_file(NULL, 0);
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    encryption.cipher = HSM_AES_GCM_RECORDS;
    encryption.aad = bytes_of("h", 1);
    ck_assert_int_eq(hsm_encrypt(rig.client, &encryption, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "aad");
    encryption.cipher = (enum hsm_cipher)5;
    encryption.aad = bytes_of(NULL, 0);
    ck_assert_int_eq(hsm_encrypt(rig.client, &encryption, &content, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "cipher");
    (void)close(in);
    (void)close(out);
    free(sequence.bytes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("records");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, records_of_any_length_decrypt);
    tcase_add_test(tests, a_single_record_without_text_decrypts);
    tcase_add_test(tests, the_most_records_decrypt_and_one_more_is_refused);
    tcase_add_test(tests, records_begin_at_the_present_offset);
    tcase_add_test(tests, two_encryptions_never_share_a_nonce);
    tcase_add_test(tests, a_nonce_carries_over_every_byte_and_wraps_around);
    tcase_add_test(tests, a_sequence_cut_off_inside_a_record_is_refused);
    tcase_add_loop_test(tests, a_record_beyond_its_limits_is_refused_wherever_it_is, 0,
                        (int)(sizeof wrong_lengths / sizeof wrong_lengths[0]));
    tcase_add_test(tests, random_files_are_refused);
    tcase_add_test(tests, additional_data_besides_the_records_is_refused);
    return hsm_rig_run_tests(tests);
}
