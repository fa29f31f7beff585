/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A small backup, cut off and changed at each of many places: it is refused, or it is whole. What
 * a tar file has beside its content (padding, its end) may be anything.
 */
#include <string.h>

#include "sample.h"
#include "support/run.h"
#include "support/sizes.h"
#include "tar.h"

#define SEED         7U
#define LEDGER_BYTES ((size_t)6000)
#define BITS         8

/* The cipher's name and the nonce behind it end what is said of recipient and key. */
static const uint8_t AES_256_GCM[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};
#define PARAMETERS_BYTES 24U

static struct sample sample;
static struct blob backup;
static size_t message_at; /* the only part's CMS message */
static size_t cipher_at;
static size_t message_end;

static void begin(enum pki_key_type type)
{
    sample_make(&sample, type);
    backup = sample_backup(sample.recipient, SEED, LEDGER_BYTES);
    ck_assert_uint_eq(tar_count(&backup), 1);
    message_at = TAR_BLOCK;
    const struct bytes message = tar_content(&backup, 0);
    const uint8_t *cipher = memmem(message.data, message.length, AES_256_GCM, sizeof AES_256_GCM);
    ck_assert_ptr_nonnull(cipher);
    cipher_at = (size_t)(cipher - backup.data) + sizeof AES_256_GCM + PARAMETERS_BYTES;
    message_end = message_at + message.length;
}

static void set_up(void)
{
    begin(PKI_P256);
}

static void tear_down(void)
{
    blob_clear(&backup);
    sample_end(&sample);
}

/* Every so many bytes, from one place to another. */
static size_t step_of(const char *what, size_t places, size_t from, size_t to)
{
    size_t count = test_size(what, places, to - from);
    return (to - from + count - 1) / count;
}

/* Taken means whole; anything else has one of two reasons. */
static bool is_taken(struct bytes damaged, size_t at)
{
    struct fault fault;
    if (sample_open(&sample, damaged, &fault) == ERR_OK) {
        ck_assert_msg(sample_is_whole(&sample, SEED, LEDGER_BYTES), "byte %zu: not whole", at);
        return true;
    }
    ck_assert_msg(strcmp(fault.reason, BACKUP_DAMAGED) == 0 ||
                      strcmp(fault.reason, BACKUP_WRONG_KEY) == 0,
                  "byte %zu: %s: %s", at, fault.reason, fault.detail);
    return false;
}

START_TEST(undamaged_backup_is_whole)
{
    ck_assert(is_taken(blob_bytes(&backup), 0));
}
END_TEST

START_TEST(backup_cut_off_anywhere_before_its_end_is_refused)
{
    size_t step = step_of("lengths that a backup was cut to", 120, 0, message_end);
    struct fault fault;
    for (size_t length = 0; length < message_end; length += step) {
        ck_assert_int_ne(sample_open(&sample, bytes_of(backup.data, length), &fault), ERR_OK);
        ck_assert_str_eq(fault.reason, BACKUP_DAMAGED);
    }
    for (size_t length = message_end; length < backup.length; length += TAR_BLOCK / 8)
        (void)is_taken(bytes_of(backup.data, length), length);
}
END_TEST

/* Ciphertext, tag and their lengths: nothing of it can change. */
START_TEST(changed_bit_of_the_encrypted_content_is_always_noticed)
{
    size_t step = step_of("changed bytes of the content", 120, cipher_at, message_end);
    for (size_t at = cipher_at; at < message_end; at += step) {
        backup.data[at] ^= (uint8_t)(1U << at % BITS);
        sample_refuse(&sample, blob_bytes(&backup), BACKUP_DAMAGED, "damaged");
        backup.data[at] ^= (uint8_t)(1U << at % BITS);
    }
}
END_TEST

/* Recipient, key and parameters: every bit. */
static void change_message_head(void)
{
    size_t step = step_of("changed bytes of a message's head", 50, message_at, cipher_at);
    size_t taken = 0;
    for (size_t at = message_at; at < cipher_at; at += step) {
        for (unsigned bit = 0; bit < BITS; bit++) {
            backup.data[at] ^= (uint8_t)(1U << bit);
            taken += is_taken(blob_bytes(&backup), at);
            backup.data[at] ^= (uint8_t)(1U << bit);
        }
    }
    ck_assert_uint_lt(taken, BITS * (cipher_at - message_at) / step / 4);
}

START_TEST(changed_bit_of_the_recipient_or_key_is_refused_or_harmless)
{
    change_message_head();
}
END_TEST

START_TEST(so_is_one_of_an_rsa_recipient)
{
    tear_down();
    begin(PKI_RSA_2048);
    change_message_head();
}
END_TEST

/* Its first header, and all behind the message. */
START_TEST(changed_bit_of_the_outer_file_is_refused_or_harmless)
{
    size_t step = test_size("every so many bytes of the outer file", 5, 1);
    size_t taken = 0;
    for (size_t at = 0; at < backup.length; at += at < message_at ? 1 : step) {
        if (at == message_at)
            at = message_end;
        backup.data[at] ^= (uint8_t)(1U << at % BITS);
        taken += is_taken(blob_bytes(&backup), at);
        backup.data[at] ^= (uint8_t)(1U << at % BITS);
    }
    ck_assert_uint_gt(taken, 0); /* its end is no content */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        undamaged_backup_is_whole,
        backup_cut_off_anywhere_before_its_end_is_refused,
        changed_bit_of_the_encrypted_content_is_always_noticed,
        changed_bit_of_the_recipient_or_key_is_refused_or_harmless,
        so_is_one_of_an_rsa_recipient,
        changed_bit_of_the_outer_file_is_refused_or_harmless,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "damaged backups",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
