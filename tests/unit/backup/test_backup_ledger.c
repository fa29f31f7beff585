/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The ledger of a backup: a whole one passes, and each way not to be whole has its refusal. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../journal/signer.h"
#include "../ledger/world.h"
#include "backup/ledger_check.h"
#include "support/sizes.h"

#define ISSUED    40
#define PAGE_SIZE 4096

static struct world world;
static struct signer signer;
static char images[TEMP_PATH_MAX];
static struct ledger_checked checked;
static struct fault fault;

static void sign_checkpoint(void)
{
    struct ledger_head head;
    struct checkpoint checkpoint = {.origin = "site/provisiond/0011223344556677"};
    char note[CHECKPOINT_NOTE_MAX];
    ck_assert_int_eq(ledger_head(world.ledger, &head, &fault), ERR_OK);
    checkpoint.size = head.size;
    checkpoint.root = head.root;
    size_t length = signer_note(&signer, &checkpoint, note);
    ck_assert_uint_gt(length, 0);
    ck_assert_int_eq(ledger_checkpoint_set(world.ledger, head.size, note, &fault), ERR_OK);
}

/* A file of the image's size; what is in it, unpack_all has checked. */
static void make_image(int64_t size)
{
    const struct sha256 digest = world_digest('i', 1);
    char name[SHA256_HEX_SIZE];
    int folder = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), name);
    (void)unlinkat(folder, name, 0);
    int file = size >= 0 ? openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    ck_assert(size < 0 || ftruncate(file, size) == 0);
    if (file >= 0)
        (void)close(file);
    (void)close(folder);
}

static void set_up(void)
{
    struct ledger_issued issued;
    world_make(&world, ISSUED);
    signer_make(&signer, "P-256");
    temp_dir_path(&world.dir, "images", images);
    ck_assert_int_eq(mkdir(images, 0700), 0);
    for (int64_t n = 1; n <= ISSUED; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    sign_checkpoint();
    ledger_close(world.ledger);
    world.ledger = NULL;
    make_image(world_image(1).size);
}

static void tear_down(void)
{
    signer_clear(&signer);
    world_end(&world);
}

static enum error check_with(struct bytes key)
{
    int folder = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fault = (struct fault){.code = ERR_OK};
    checked = (struct ledger_checked){.leaves = -1};
    const struct ledger_files files = {.path = world.path, .images = folder};
    enum error e = ledger_check(&files, key, &checked, &fault);
    ck_assert_int_eq(close(folder), 0);
    ck_assert_int_eq(fault.code, e);
    ck_assert(e == ERR_OK || checked.leaves == -1);
    return e;
}

static enum error check_ledger(void)
{
    return check_with(signer_spki(&signer));
}

static void refused(const char *words)
{
    ck_assert_int_eq(check_ledger(), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, BACKUP_DAMAGED);
    ck_assert_msg(strstr(fault.detail, words) != NULL, "%s", fault.detail);
}

/* Whoever forges a ledger has no triggers in his way. */
static void forge(const char *sql)
{
    static const char TRIGGERS[] = "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE "
                                   "type = 'trigger'; PRAGMA writable_schema = RESET;";
    ck_assert_int_eq(world_execute(&world, TRIGGERS), 0);
    ck_assert_int_eq(world_execute(&world, sql), 0);
}

START_TEST(whole_ledger_passes_with_what_is_in_it)
{
    ck_assert_msg(check_ledger() == ERR_OK, "%s", fault.detail);
    ck_assert_int_eq(checked.leaves, world_number(&world, "SELECT count(*) FROM journal"));
    ck_assert_int_eq(checked.checkpoint_size, checked.leaves - 1); /* the stop leaf is newer */
    ck_assert_int_eq(checked.images, 1);
    ck_assert(checked.is_signature_checked);
    ck_assert_int_eq(check_with(bytes_of(NULL, 0)), ERR_OK);
    ck_assert(!checked.is_signature_checked);
}
END_TEST

START_TEST(checkpoint_of_another_key_or_none_of_a_key_is_refused)
{
    struct signer other;
    signer_make(&other, "P-256");
    ck_assert_int_eq(check_with(signer_spki(&other)), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "checkpoint-other-key");
    ck_assert_int_eq(check_with(bytes_of("x", 1)), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "key-malformed");
    signer_clear(&other);
}
END_TEST

static const struct {
    const char *sql;
    const char *words;
} FORGERIES[] = {
    {"UPDATE journal SET entry = CAST(entry || ' ' AS BLOB) WHERE idx = 12", "does not agree"},
    {"UPDATE tree SET hash = zeroblob(32) WHERE level = 0 AND idx = 9", "does not agree"},
    {"DELETE FROM journal WHERE idx = 20", "does not agree"},
    {"DELETE FROM journal WHERE idx = 0", "does not agree"},
    {"DELETE FROM tree WHERE level = 0 AND idx = 3", "does not agree"},
    /* Leaves that the checkpoint has: cut off, and cut off with their hashes. */
    {"DELETE FROM journal WHERE idx > 20", "does not agree"},
    {"DELETE FROM journal WHERE idx > 20; DELETE FROM tree WHERE level = 0 AND idx > 20",
     "does not agree"},
    {"PRAGMA application_id = 1", "another program's"},
    {"DROP TABLE checkpoint", "damaged"},
    {"DROP TABLE journal", "damaged"},
    {"PRAGMA foreign_keys = OFF; DROP TABLE image", "damaged"},
    {"UPDATE image SET size = size + 1", "image that the ledger names"},
};

START_TEST(forged_ledger_is_refused)
{
    forge(FORGERIES[_i].sql);
    refused(FORGERIES[_i].words);
}
END_TEST

/* A leaf and its hash changed together: the root is another one than was signed. */
START_TEST(leaf_with_a_hash_that_fits_does_not_fit_the_checkpoint)
{
    static const uint8_t ENTRY[] = "{}";
    char sql[512];
    char hash[SHA256_HEX_SIZE];
    uint8_t leaf[sizeof ENTRY];
    leaf[0] = 0; /* as RFC 6962 hashes a leaf */
    memcpy(leaf + 1, ENTRY, sizeof ENTRY - 1);
    const struct sha256 digest = sha256_of(bytes_of(leaf, sizeof leaf));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hash);
    (void)snprintf(sql, sizeof sql,
                   "UPDATE journal SET entry = CAST('{}' AS BLOB) WHERE idx = 12; "
                   "UPDATE tree SET hash = x'%s' WHERE level = 0 AND idx = 12",
                   hash);
    forge(sql);
    refused("does not agree");
}
END_TEST

START_TEST(note_that_was_changed_is_refused)
{
    forge("UPDATE checkpoint SET note = replace(note, 'site/', 'sita/')");
    ck_assert_int_eq(check_ledger(), ERR_BAD_REQUEST);
    forge("UPDATE checkpoint SET note = 'x'");
    ck_assert_int_eq(check_ledger(), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "checkpoint-malformed");
}
END_TEST

START_TEST(image_that_is_missing_or_short_is_refused)
{
    make_image(world_image(1).size - 1);
    refused("image that the ledger names");
    make_image(-1);
    refused("image that the ledger names");
}
END_TEST

START_TEST(file_that_is_no_database_is_refused)
{
    ck_assert_int_eq(truncate(world.path, 0), 0);
    refused("another program's");
    ck_assert_int_eq(unlink(world.path), 0);
    refused("is none");
    ck_assert_int_eq(mkdir(world.path, 0700), 0);
    refused("is none");
    ck_assert_int_eq(rmdir(world.path), 0);
}
END_TEST

static uint8_t byte_at(int file, int64_t at)
{
    uint8_t byte = 0;
    ck_assert_int_eq(pread(file, &byte, 1, at), 1);
    return byte;
}

static void put_byte(int file, int64_t at, uint8_t byte)
{
    ck_assert_int_eq(pwrite(file, &byte, 1, at), 1);
}

/* Whatever byte of the file is another: refused in the room's words, or not one that matters. */
START_TEST(changed_byte_never_crashes_and_never_changes_the_journal)
{
    struct stat info;
    ck_assert_int_eq(check_ledger(), ERR_OK);
    const struct ledger_checked whole = checked;
    int file = open(world.path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(fstat(file, &info), 0);
    size_t count = test_size("changed bytes of a ledger", 400, 20000);
    for (int64_t at = 0; at < info.st_size; at += info.st_size / (int64_t)count) {
        uint8_t before = byte_at(file, at);
        put_byte(file, at, (uint8_t)(before ^ (1U << at % 8)));
        if (check_ledger() == ERR_OK)
            ck_assert(checked.leaves == whole.leaves && sha256_equal(&checked.root, &whole.root));
        put_byte(file, at, before);
    }
    (void)close(file);
    ck_assert_int_eq(check_ledger(), ERR_OK);
}
END_TEST

START_TEST(ledger_cut_off_anywhere_is_refused)
{
    struct stat info;
    ck_assert_int_eq(stat(world.path, &info), 0);
    for (int64_t size = info.st_size - PAGE_SIZE / 2; size > 0; size -= PAGE_SIZE / 2) {
        ck_assert_int_eq(truncate(world.path, size), 0);
        ck_assert_int_eq(check_ledger(), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, BACKUP_DAMAGED);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledgers of backups");
    TCase *tcase = tcase_create("ledgers");
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, whole_ledger_passes_with_what_is_in_it);
    tcase_add_test(tcase, checkpoint_of_another_key_or_none_of_a_key_is_refused);
    tcase_add_loop_test(tcase, forged_ledger_is_refused, 0,
                        (int)(sizeof FORGERIES / sizeof FORGERIES[0]));
    tcase_add_test(tcase, leaf_with_a_hash_that_fits_does_not_fit_the_checkpoint);
    tcase_add_test(tcase, note_that_was_changed_is_refused);
    tcase_add_test(tcase, image_that_is_missing_or_short_is_refused);
    tcase_add_test(tcase, file_that_is_no_database_is_refused);
    tcase_add_test(tcase, changed_byte_never_crashes_and_never_changes_the_journal);
    tcase_add_test(tcase, ledger_cut_off_anywhere_is_refused);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
