/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Backups of several parts: swapped, doubled, left out, mixed, renamed, of another recipient. */
#include <stdio.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/pem.h>

#include "sample.h"
#include "support/run.h"
#include "tar.h"

#define SEED         11U
#define OTHER_SEED   23U
#define LEDGER_BYTES ((size_t)2 * BACKUP_PART_BYTES + 4096)
#define PARTS        3U

static struct sample sample;
static struct blob backup;

static void set_up(void)
{
    sample_make(&sample, PKI_P256);
    backup = sample_backup(sample.recipient, SEED, LEDGER_BYTES);
    ck_assert_uint_eq(tar_count(&backup), PARTS);
}

static void tear_down(void)
{
    blob_clear(&backup);
    sample_end(&sample);
}

/* The message of a part, under the name of another number. */
static void add_as(struct blob *tar, const struct blob *from, unsigned part, unsigned number)
{
    char name[BACKUP_NAME_MAX];
    (void)snprintf(name, sizeof name, BACKUP_PART_NAME, number);
    tar_add(tar, &(struct tar_entry){.name = name, .data = tar_content(from, part - 1)});
}

/* A backup of those parts of this one, under the names that they should have; ends with 0. */
static struct blob made_of(const unsigned *parts)
{
    struct blob tar = {.data = NULL};
    for (unsigned i = 0; parts[i] != 0; i++)
        add_as(&tar, &backup, parts[i], i + 1);
    tar_end(&tar);
    return tar;
}

START_TEST(parts_in_their_order_are_taken)
{
    struct fault fault;
    BLOB_AUTO tar = made_of((unsigned[]){1, 2, 3, 0});
    ck_assert_msg(sample_open(&sample, blob_bytes(&tar), &fault) == ERR_OK, "%s", fault.detail);
    ck_assert(sample_is_whole(&sample, SEED, LEDGER_BYTES));
}
END_TEST

static const struct {
    unsigned parts[PARTS + 3];
    const char *words;
} ORDERS[] = {
    {{1, 3, 2, 0}, "cut off"},
    {{2, 1, 3, 0}, "no tar file"},
    {{3, 2, 1, 0}, "no tar file"},
    {{1, 3, 0}, "cut off"},
    {{2, 3, 0}, "no tar file"},
    {{1, 0}, "cut off"},
    {{1, 2, 0}, "cut off"},
    {{1, 2, 2, 3, 0}, "no tar file"},
    {{1, 1, 2, 3, 0}, "no tar file"},
    {{1, 2, 3, 3, 0}, "behind its end"},
    {{1, 2, 3, 1, 2, 0}, "behind its end"},
    {{1, 2, 3, 2, 0}, "behind its end"},
};

START_TEST(parts_in_another_order_missing_or_twice_are_refused)
{
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
        BLOB_AUTO tar = made_of(ORDERS[i].parts);
        sample_refuse(&sample, blob_bytes(&tar), BACKUP_DAMAGED, ORDERS[i].words);
    }
}
END_TEST

/* Its names are in order, too: a part that is missing between two of them is seen at once. */
START_TEST(part_under_another_number_is_refused)
{
    static const unsigned NUMBERS[][PARTS] = {{1, 3, 2}, {2, 3, 4}, {1, 2, 2}, {1, 2, 4}};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        BLOB_AUTO tar = {.data = NULL};
        for (unsigned part = 1; part <= PARTS; part++)
            add_as(&tar, &backup, part, NUMBERS[i][part - 1]);
        tar_end(&tar);
        sample_refuse(&sample, blob_bytes(&tar), BACKUP_DAMAGED, "part-00001.cms and so on");
    }
}
END_TEST

/* Of the same recipient and sizes: each part by itself is genuine. */
START_TEST(part_of_another_backup_is_refused)
{
    BLOB_AUTO other = sample_backup(sample.recipient, OTHER_SEED, LEDGER_BYTES);
    ck_assert_uint_eq(tar_count(&other), PARTS);
    for (unsigned foreign = 1; foreign <= PARTS; foreign++) {
        BLOB_AUTO tar = {.data = NULL};
        for (unsigned part = 1; part <= PARTS; part++)
            add_as(&tar, part == foreign ? &other : &backup, part, part);
        tar_end(&tar);
        sample_refuse(&sample, blob_bytes(&tar), BACKUP_DAMAGED, "");
    }
}
END_TEST

START_TEST(part_that_was_cut_at_its_border_is_missed)
{
    size_t length = 0;
    for (unsigned part = 0; part < PARTS; part++) {
        if (part > 0)
            sample_refuse(&sample, bytes_of(backup.data, length), BACKUP_DAMAGED, "cut off");
        length += tar_member(&backup, part).length;
    }
}
END_TEST

START_TEST(other_recipient_is_told_so)
{
    struct unpacked unpacked;
    struct fault fault;
    BLOB_AUTO mixed = {.data = NULL};
    BLOB_AUTO other = sample_backup(sample.stranger, SEED, LEDGER_BYTES);
    ck_assert_int_eq(
        sample_open_as(&sample, sample.stranger, blob_bytes(&backup), &unpacked, &fault),
        ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, BACKUP_WRONG_KEY);
    /* Also in the midst of it, when what came before is written already. */
    add_as(&mixed, &backup, 1, 1);
    add_as(&mixed, &other, 2, 2);
    add_as(&mixed, &backup, 3, 3);
    tar_end(&mixed);
    sample_refuse(&sample, blob_bytes(&mixed), BACKUP_WRONG_KEY, "another certificate");
}
END_TEST

/* Two files behind each other: the first, as tar itself has it. */
START_TEST(two_backups_in_one_file_are_the_first)
{
    struct fault fault;
    BLOB_AUTO both = blob_copy(&backup);
    BLOB_AUTO other = sample_backup(sample.recipient, OTHER_SEED, LEDGER_BYTES);
    blob_add(&both, blob_bytes(&other));
    ck_assert_int_eq(sample_open(&sample, blob_bytes(&both), &fault), ERR_OK);
    ck_assert(sample_is_whole(&sample, SEED, LEDGER_BYTES));
}
END_TEST

/* ---- parts that are none ---- */

static void refuse_part(const struct tar_entry *entry, const char *words)
{
    BLOB_AUTO tar = {.data = NULL};
    tar_add(&tar, entry);
    tar_end(&tar);
    sample_refuse(&sample, blob_bytes(&tar), BACKUP_DAMAGED, words);
}

START_TEST(part_that_is_no_file_of_a_message_is_refused)
{
    static const char NO_BACKUP[] = "no backup";
    static const enum tar_kind KINDS[] = {TAR_HARD_LINK,    TAR_LINK,   TAR_CHARACTER_DEVICE,
                                          TAR_BLOCK_DEVICE, TAR_FOLDER, TAR_FIFO};
    BLOB_AUTO large = blob_of(1, BACKUP_PART_BYTES + 2 * (size_t)64 * 1024);
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        refuse_part(
            &(struct tar_entry){.name = "part-00001.cms", .kind = KINDS[i], .link = "/etc/passwd"},
            NO_BACKUP);
    refuse_part(&(struct tar_entry){.name = "part-00001.cms"}, NO_BACKUP);
    refuse_part(&(struct tar_entry){.name = "../part-00001.cms", .data = bytes_of("x", 1)},
                NO_BACKUP);
    refuse_part(&(struct tar_entry){.name = "part-00001.cms", .data = bytes_of("junk", 4)},
                NO_BACKUP);
    refuse_part(&(struct tar_entry){.name = "part-00001.cms", .data = blob_bytes(&large)},
                NO_BACKUP);
    refuse_part(&(struct tar_entry){.name = "part-00001.cms",
                                    .data = bytes_of("x", 1),
                                    .said_size = UINT64_C(8589934591)},
                NO_BACKUP);
}
END_TEST

/* What follows the message in its part is not read by anybody, so it must not be there. */
START_TEST(part_with_more_than_its_message_is_refused)
{
    BLOB_AUTO data = {.data = NULL};
    blob_add(&data, tar_content(&backup, 0));
    blob_add(&data, bytes_of("x", 1));
    refuse_part(&(struct tar_entry){.name = "part-00001.cms", .data = blob_bytes(&data)},
                "no backup");
}
END_TEST

/* As an attacker would who wants to change what he cannot read. */
START_TEST(encrypted_part_without_a_tag_is_refused)
{
    const char *pem = pki_certificate(sample.recipient);
    uint8_t *der = NULL;
    BIO *text = BIO_new_mem_buf(pem, -1);
    BIO *content = BIO_new_mem_buf("content", -1);
    STACK_OF(X509) *recipients = sk_X509_new_null();
    X509 *certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
    ck_assert_int_gt(sk_X509_push(recipients, certificate), 0);
    CMS_ContentInfo *message = CMS_encrypt(recipients, content, EVP_aes_256_cbc(), CMS_BINARY);
    int length = i2d_CMS_ContentInfo(message, &der);
    ck_assert_int_gt(length, 0);
    refuse_part(
        &(struct tar_entry){.name = "part-00001.cms", .data = bytes_of(der, (size_t)length)},
        "no backup");
    CMS_ContentInfo_free(message);
    OPENSSL_free(der);
    sk_X509_pop_free(recipients, X509_free);
    BIO_free(content);
    BIO_free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        parts_in_their_order_are_taken,
        parts_in_another_order_missing_or_twice_are_refused,
        part_under_another_number_is_refused,
        part_of_another_backup_is_refused,
        part_that_was_cut_at_its_border_is_missed,
        other_recipient_is_told_so,
        two_backups_in_one_file_are_the_first,
        part_that_is_no_file_of_a_message_is_refused,
        part_with_more_than_its_message_is_refused,
        encrypted_part_without_a_tag_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "parts of backups",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
