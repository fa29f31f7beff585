/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The note of a backup: it reads back as it was, no byte of it can be another, and it is no
 * checkpoint. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "journal/backup_note.h"
#include "signer.h"

static struct signer signer;
static struct backup_note backup;
static struct backup_note got;
static struct fault fault;
static char note[CHECKPOINT_NOTE_MAX];

static void sign(void)
{
    uint8_t signature[CHECKPOINT_DER_MAX];
    char body[CHECKPOINT_BODY_MAX];
    size_t length = backup_note_body(&backup, body);
    length = signer_sign(&signer, bytes_of(body, length), signature);
    ck_assert_int_eq(
        backup_note_write(&backup, signer_spki(&signer), bytes_of(signature, length), note, &fault),
        ERR_OK);
}

static enum error open_note(void)
{
    return backup_note_open(bytes_of(note, strlen(note)), signer_spki(&signer), &got, &fault);
}

static void set_up(void)
{
    signer_make(&signer, "P-256");
    backup = (struct backup_note){.origin = "rig/provisiond/5f0cb3e1a7d9c2b4",
                                  .made_unix_ms = INT64_C(1764237600123)};
    backup.ledger = sha256_of(bytes_of("ledger", 6));
    backup.config = sha256_of(bytes_of("config", 6));
    sign();
}

static void tear_down(void)
{
    signer_clear(&signer);
}

START_TEST(note_reads_back_as_it_was_up_to_the_longest_origin)
{
    ck_assert_int_eq(open_note(), ERR_OK);
    ck_assert_str_eq(got.origin, backup.origin);
    ck_assert_int_eq(got.made_unix_ms, backup.made_unix_ms);
    ck_assert(sha256_equal(&got.ledger, &backup.ledger));
    ck_assert(sha256_equal(&got.config, &backup.config));
    memset(backup.origin, 'o', BACKUP_NOTE_ORIGIN_MAX);
    backup.origin[BACKUP_NOTE_ORIGIN_MAX] = '\0';
    sign();
    ck_assert_int_eq(open_note(), ERR_OK);
    ck_assert_str_eq(got.origin, backup.origin);
}
END_TEST

START_TEST(no_byte_of_a_note_can_have_another_value)
{
    size_t length = strlen(note);
    for (size_t at = 0; at < length; at++) {
        for (int bit = 0; bit < 8; bit++) {
            note[at] = (char)(uint8_t)(note[at] ^ (1 << bit));
            ck_assert_msg(backup_note_open(bytes_of(note, length), signer_spki(&signer), &got,
                                           &fault) == ERR_BAD_REQUEST,
                          "bit %d of byte %zu", bit, at);
            note[at] = (char)(uint8_t)(note[at] ^ (1 << bit));
        }
    }
    for (size_t cut = 0; cut < length; cut++)
        ck_assert_int_eq(backup_note_open(bytes_of(note, cut), signer_spki(&signer), &got, &fault),
                         ERR_BAD_REQUEST);
}
END_TEST

START_TEST(backup_is_no_checkpoint_and_a_checkpoint_is_no_backup)
{
    struct checkpoint checkpoint = {.origin = "rig/provisiond/5f0cb3e1a7d9c2b4", .size = 7};
    ck_assert_int_eq(checkpoint_read(bytes_of(note, strlen(note)), &checkpoint, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "checkpoint-malformed");
    (void)signer_note(&signer, &checkpoint, note);
    ck_assert_int_eq(open_note(), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "backup-note-malformed");
}
END_TEST

START_TEST(other_signature_or_key_is_told_apart)
{
    struct signer other;
    signer_make(&other, "P-256");
    ck_assert_int_eq(
        backup_note_open(bytes_of(note, strlen(note)), signer_spki(&other), &got, &fault),
        ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "backup-other-key");
    signer_clear(&other);
    ck_assert_int_eq(
        backup_note_open(bytes_of(note, strlen(note)), bytes_of("key", 3), &got, &fault),
        ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "key-malformed");
    /* Another time under the same signature. */
    char *year = strstr(note, "\n2025");
    ck_assert_ptr_nonnull(year);
    year[4] = '6';
    ck_assert_int_eq(open_note(), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "backup-forged");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notes of backups");
    TCase *notes = tcase_create("notes");
    tcase_add_checked_fixture(notes, set_up, tear_down);
    tcase_set_timeout(notes, 60);
    tcase_add_test(notes, note_reads_back_as_it_was_up_to_the_longest_origin);
    tcase_add_test(notes, no_byte_of_a_note_can_have_another_value);
    tcase_add_test(notes, backup_is_no_checkpoint_and_a_checkpoint_is_no_backup);
    tcase_add_test(notes, other_signature_or_key_is_told_apart);
    suite_add_tcase(suite, notes);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
