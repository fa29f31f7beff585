/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Well encrypted backups with a hostile tar file in them: anybody who has the certificate can make
 * one. Whatever it says, nothing comes to be outside of the target (sample_open claims it).
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/manifest.h"
#include "sample.h"
#include "support/run.h"
#include "support/sizes.h"
#include "tar.h"

#define HOLE_BYTES ((int64_t)64 * 1024 * 1024)
#define TAR_MAX    ((size_t)1024 * 1024)

static struct sample sample;

static void set_up(void)
{
    sample_make(&sample, PKI_P256);
}

static void tear_down(void)
{
    sample_end(&sample);
}

static void refuse_tar(const struct blob *tar, const char *words)
{
    BLOB_AUTO backup = sample_seal(sample.recipient, blob_bytes(tar));
    sample_refuse(&sample, blob_bytes(&backup), BACKUP_DAMAGED, words);
}

static enum error open_tar(const struct blob *tar, struct fault *fault)
{
    BLOB_AUTO backup = sample_seal(sample.recipient, blob_bytes(tar));
    return sample_open(&sample, blob_bytes(&backup), fault);
}

/* With a manifest that says the truth about them. */
static struct blob tar_of(const struct tar_entry *entries, size_t count)
{
    struct blob tar = {.data = NULL};
    for (size_t i = 0; i < count; i++)
        tar_add(&tar, &entries[i]);
    tar_add_manifest(&tar, entries, count);
    tar_end(&tar);
    return tar;
}

static struct bytes text(const char *text)
{
    return bytes_of(text, strlen(text));
}

START_TEST(honest_tar_file_by_hand_is_taken)
{
    struct fault fault;
    const struct tar_entry entries[] = {{.name = BACKUP_LEDGER, .data = text("ledger")},
                                        {.name = BACKUP_CONFIG, .data = text("config")}};
    BLOB_AUTO tar = tar_of(entries, 2);
    ck_assert_msg(open_tar(&tar, &fault) == ERR_OK, "%s", fault.detail);
}
END_TEST

/* ---- names ---- */

START_TEST(name_that_is_none_of_a_backup_is_refused)
{
    static const char DIGEST[] = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    char upper[BACKUP_NAME_MAX];
    char above[BACKUP_NAME_MAX];
    (void)snprintf(upper, sizeof upper, BACKUP_IMAGES "/%.62sAB", DIGEST);
    (void)snprintf(above, sizeof above, BACKUP_IMAGES "/../%.61s", DIGEST);
    const char *const names[] = {"/tmp/ledger.db",
                                 "/" BACKUP_LEDGER,
                                 "../" BACKUP_LEDGER,
                                 "./" BACKUP_LEDGER,
                                 "images/../../ledger.db",
                                 "images/../" BACKUP_LEDGER,
                                 "..",
                                 ".",
                                 "",
                                 BACKUP_IMAGES,
                                 BACKUP_IMAGES "/",
                                 BACKUP_IMAGES "/x",
                                 "ledger.db-wal",
                                 BACKUP_LEDGER "/",
                                 "LEDGER.DB",
                                 "//tmp/x",
                                 upper,
                                 above,
                                 "a-name-that-is-longer-than-any-of-a-backup-and-so-has-no-place-"
                                 "in-one-whatever-it-says"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        BLOB_AUTO tar = {.data = NULL};
        tar_add(&tar, &(struct tar_entry){.name = names[i], .data = text("x")});
        tar_end(&tar);
        refuse_tar(&tar, "");
    }
}
END_TEST

/* The name in a pax header counts, not the honest one in the header behind it. */
START_TEST(name_in_an_extended_header_gets_no_further)
{
    static const char PATH[] = "30 path=../../../../tmp/evil.\n";
    static const char LINK[] = "24 linkpath=/etc/passwd\n";
    const char *const records[] = {PATH, LINK};
    for (size_t i = 0; i < 2; i++) {
        BLOB_AUTO tar = {.data = NULL};
        tar_add(&tar, &(struct tar_entry){.name = "x", .kind = TAR_PAX, .data = text(records[i])});
        tar_add(&tar, &(struct tar_entry){.name = BACKUP_LEDGER,
                                          .kind = i == 0 ? TAR_FILE : TAR_LINK,
                                          .data = text("")});
        tar_end(&tar);
        refuse_tar(&tar, "");
    }
}
END_TEST

START_TEST(link_device_folder_or_fifo_is_refused_under_any_name)
{
    static const enum tar_kind KINDS[] = {TAR_HARD_LINK,    TAR_LINK,   TAR_CHARACTER_DEVICE,
                                          TAR_BLOCK_DEVICE, TAR_FOLDER, TAR_FIFO};
    static const char *const NAMES[] = {BACKUP_LEDGER, BACKUP_CONFIG, BACKUP_MANIFEST,
                                        BACKUP_IMAGES};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        for (size_t j = 0; j < sizeof NAMES / sizeof NAMES[0]; j++) {
            BLOB_AUTO tar = {.data = NULL};
            tar_add(&tar,
                    &(struct tar_entry){.name = NAMES[j], .kind = KINDS[i], .link = "/etc/passwd"});
            tar_end(&tar);
            refuse_tar(&tar, "belongs to no backup");
        }
    }
}
END_TEST

/* Even a link that its own archive made would not be followed: there is none. */
START_TEST(file_that_comes_twice_is_refused)
{
    char image[BACKUP_NAME_MAX];
    sample_image_name(text("image"), image);
    const struct tar_entry files[] = {{.name = BACKUP_LEDGER, .data = text("ledger")},
                                      {.name = image, .data = text("image")},
                                      {.name = BACKUP_CONFIG, .data = text("config")}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const struct tar_entry twice[] = {files[i], files[i]};
        BLOB_AUTO tar = tar_of(twice, 2);
        refuse_tar(&tar, "twice");
    }
}
END_TEST

START_TEST(file_behind_the_manifest_is_refused)
{
    const struct tar_entry ledger = {.name = BACKUP_LEDGER, .data = text("ledger")};
    const struct tar_entry config = {.name = BACKUP_CONFIG, .data = text("config")};
    BLOB_AUTO tar = {.data = NULL};
    tar_add(&tar, &ledger);
    tar_add_manifest(&tar, &ledger, 1);
    tar_add(&tar, &config);
    tar_end(&tar);
    refuse_tar(&tar, "belongs to no backup");
    BLOB_AUTO twice = {.data = NULL};
    tar_add(&twice, &ledger);
    tar_add_manifest(&twice, &ledger, 1);
    tar_add_manifest(&twice, &ledger, 1);
    tar_end(&twice);
    refuse_tar(&twice, "belongs to no backup");
}
END_TEST

START_TEST(image_under_the_name_of_another_is_refused)
{
    char name[BACKUP_NAME_MAX];
    sample_image_name(text("image"), name);
    const struct tar_entry entry = {.name = name, .data = text("another image")};
    BLOB_AUTO tar = tar_of(&entry, 1);
    refuse_tar(&tar, "not the one that its name says");
}
END_TEST

/* ---- sizes ---- */

START_TEST(size_that_lies_is_refused)
{
    static const uint64_t SIZES[] = {7, 512, 4096, UINT64_C(8589934591)};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const struct tar_entry honest = {.name = BACKUP_LEDGER, .data = text("ledger")};
        struct tar_entry entry = honest;
        BLOB_AUTO tar = {.data = NULL};
        entry.said_size = SIZES[i];
        tar_add(&tar, &entry);
        tar_add_manifest(&tar, &honest, 1);
        tar_end(&tar);
        refuse_tar(&tar, SIZES[i] == 7 ? "are not those" : "");
    }
}
END_TEST

/* A kilobyte that says that it is a large file. */
static struct blob tar_with_hole(const char *name)
{
    struct blob tar = {.data = malloc(TAR_MAX), .length = 0};
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    ck_assert(tar.data != NULL && archive != NULL && entry != NULL);
    ck_assert_int_eq(archive_write_set_format_pax(archive), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_open_memory(archive, tar.data, TAR_MAX, &tar.length),
                     ARCHIVE_OK);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, HOLE_BYTES);
    archive_entry_sparse_add_entry(entry, 0, 1);
    ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(archive, "x", 1), 1);
    (void)archive_write_close(archive);
    (void)archive_write_free(archive);
    archive_entry_free(entry);
    return tar;
}

static int64_t size_of_ledger(void)
{
    struct stat info;
    char path[TEMP_PATH_MAX];
    temp_dir_path(&sample.dir, "target/" BACKUP_LEDGER, path);
    return stat(path, &info) == 0 ? info.st_size : 0;
}

START_TEST(file_with_holes_fills_no_disk)
{
    static const char *const NAMES[] = {BACKUP_LEDGER, BACKUP_CONFIG, BACKUP_MANIFEST};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        BLOB_AUTO tar = tar_with_hole(NAMES[i]);
        refuse_tar(&tar, "belongs to no backup");
        ck_assert_int_eq(size_of_ledger(), 0);
    }
}
END_TEST

START_TEST(configuration_or_manifest_over_its_limit_is_refused)
{
    BLOB_AUTO large = blob_of(3, MANIFEST_MAX_BYTES + 1);
    BLOB_AUTO config = {.data = NULL};
    BLOB_AUTO manifest = {.data = NULL};
    tar_add(&config, &(struct tar_entry){.name = BACKUP_CONFIG,
                                         .data = bytes_of(large.data, BACKUP_CONFIG_MAX + 1)});
    tar_end(&config);
    refuse_tar(&config, "configuration in the backup is too large");
    tar_add(&manifest, &(struct tar_entry){.name = BACKUP_MANIFEST, .data = blob_bytes(&large)});
    tar_end(&manifest);
    refuse_tar(&manifest, "manifest of the backup is too large");
}
END_TEST

/* ---- the manifest ---- */

static void refuse_manifest(const char *json, const char *reason, const char *words)
{
    BLOB_AUTO tar = {.data = NULL};
    tar_add(&tar, &(struct tar_entry){.name = BACKUP_LEDGER, .data = text("ledger")});
    tar_add(&tar, &(struct tar_entry){.name = BACKUP_MANIFEST, .data = text(json)});
    tar_end(&tar);
    BLOB_AUTO backup = sample_seal(sample.recipient, blob_bytes(&tar));
    sample_refuse(&sample, blob_bytes(&backup), reason, words);
}

static void take_manifest(const char *json)
{
    struct unpacked unpacked;
    struct fault fault;
    BLOB_AUTO tar = {.data = NULL};
    tar_add(&tar, &(struct tar_entry){.name = BACKUP_LEDGER, .data = text("ledger")});
    tar_add(&tar, &(struct tar_entry){.name = BACKUP_MANIFEST, .data = text(json)});
    tar_end(&tar);
    BLOB_AUTO backup = sample_seal(sample.recipient, blob_bytes(&tar));
    ck_assert_msg(
        sample_open_as(&sample, sample.recipient, blob_bytes(&backup), &unpacked, &fault) == ERR_OK,
        "%s", json);
    unpacked_clear(&unpacked);
}

#define LEDGER_ROW                                   \
    "{\"name\":\"ledger.db\",\"size\":6,\"sha256\":" \
    "\"a49ff23ce5ceb4f6cfd5ea2d7cbdef30bcc1c1d9b1c4e3c0b4ae30fb0e0dc6d1\"}"

START_TEST(manifest_that_is_none_or_names_other_files_is_refused)
{
    static const char *const WRONG[] = {
        "{",
        "[]",
        "{}",
        "\"\"",
        "null",
        "{\"format\":\"provisiond-backup/1\"}",
        "{\"format\":\"provisiond-backup/1\",\"made\":\"2023-11-14T22:13:20.000Z\",\"files\":[]}",
        "{\"format\":\"provisiond-backup/1\",\"made\":\"never\",\"files\":[" LEDGER_ROW "]}",
        "{\"format\":\"provisiond-backup/1\",\"format\":\"x\",\"files\":[" LEDGER_ROW "]}",
        "{\"format\":\"provisiond-backup/1\",\"made\":\"2023-11-14T22:13:20.000Z\",\"files\":[1]}",
        "{\"format\":\"provisiond-backup/1\",\"made\":\"2023-11-14T22:13:20.000Z\",\"files\":[{}]}",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        refuse_manifest(WRONG[i], BACKUP_DAMAGED, "are not those that its manifest names");
    refuse_manifest("{\"format\":\"provisiond-backup/2\"}", "backup-newer", "a newer one");
}
END_TEST

#define MANIFEST(rest)                                                                      \
    "{\"format\":\"provisiond-backup/1\",\"made\":\"2023-11-14T22:13:20.000Z\",\"files\":[" \
    "{\"name\":\"ledger.db\",\"size\":6,\"sha256\":"                                        \
    "\"fe14010b4fe83303852f0467c919ef9a7ca089b91e96e3aad7d426dd87079297\"}]" rest "}"
#define IMAGE(digit)                                                          \
    "\"images/00000000000000000000000000000000000000000000000000000000000000" \
    "0" digit "\""

START_TEST(missing_images_are_named_in_order_and_a_note_is_a_text)
{
    static const char *const GOOD[] = {MANIFEST(""), MANIFEST(",\"missing\":[],\"note\":\"\""),
                                       MANIFEST(",\"missing\":[" IMAGE("1") "," IMAGE("2") "]")};
    static const char *const BAD[] = {
        MANIFEST(",\"missing\":[" IMAGE("2") "," IMAGE("1") "]"),
        MANIFEST(",\"missing\":[" IMAGE("1") "," IMAGE("1") "]"),
        MANIFEST(",\"missing\":[\"ledger.db\"]"),
        MANIFEST(",\"missing\":[1]"),
        MANIFEST(",\"missing\":{}"),
        MANIFEST(",\"note\":7"),
        MANIFEST(",\"more\":7"),
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        take_manifest(GOOD[i]);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        refuse_manifest(BAD[i], BACKUP_DAMAGED, "are not those");
}
END_TEST

START_TEST(deep_or_broken_json_is_refused)
{
    BLOB_AUTO deep = {.data = NULL};
    for (size_t i = 0; i < 100000; i++)
        blob_add(&deep, text("["));
    deep.data[deep.length] = '\0';
    refuse_manifest((const char *)deep.data, BACKUP_DAMAGED, "are not those");
}
END_TEST

/* Rows of other files than came, or none of one that came. */
START_TEST(file_that_is_missing_or_that_nobody_named_is_seen)
{
    const struct tar_entry files[] = {{.name = BACKUP_LEDGER, .data = text("ledger")},
                                      {.name = BACKUP_CONFIG, .data = text("config")}};
    for (size_t i = 0; i < 2; i++) {
        BLOB_AUTO fewer = {.data = NULL};
        BLOB_AUTO more = {.data = NULL};
        tar_add(&fewer, &files[i]);
        tar_add_manifest(&fewer, files, 2);
        tar_end(&fewer);
        refuse_tar(&fewer, "are not those");
        tar_add(&more, &files[0]);
        tar_add(&more, &files[1]);
        tar_add_manifest(&more, &files[i], 1);
        tar_end(&more);
        refuse_tar(&more, "are not those");
    }
}
END_TEST

START_TEST(tar_file_without_manifest_or_of_nothing_is_cut_off)
{
    BLOB_AUTO empty = {.data = NULL};
    BLOB_AUTO bare = {.data = NULL};
    BLOB_AUTO junk = blob_of(5, 5000);
    tar_end(&empty);
    refuse_tar(&empty, "its end is missing");
    tar_add(&bare, &(struct tar_entry){.name = BACKUP_LEDGER, .data = text("ledger")});
    refuse_tar(&bare, "its end is missing");
    refuse_tar(&junk, "no tar file");
}
END_TEST

/* ---- many ---- */

START_TEST(thousands_of_images_are_taken)
{
    size_t count = test_size("images of one backup", 500, 20000);
    struct tar_entry *entries = calloc(count, sizeof *entries);
    char(*names)[BACKUP_NAME_MAX] = calloc(count, sizeof *names);
    size_t *numbers = calloc(count, sizeof *numbers);
    struct fault fault;
    ck_assert(entries != NULL && names != NULL && numbers != NULL);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = i;
        entries[i] =
            (struct tar_entry){.name = names[i], .data = bytes_of(&numbers[i], sizeof numbers[i])};
        sample_image_name(entries[i].data, names[i]);
    }
    BLOB_AUTO tar = tar_of(entries, count);
    ck_assert_msg(open_tar(&tar, &fault) == ERR_OK, "%s", fault.detail);
    free(entries);
    free(names);
    free(numbers);
}
END_TEST

START_TEST(files_beyond_the_limit_are_refused)
{
    MANIFEST_AUTO manifest = {.files = NULL};
    struct manifest_file file = {.name = "x"};
    struct fault fault;
    for (size_t i = 0; i < BACKUP_FILES_MAX; i++)
        ck_assert_int_eq(manifest_add(&manifest, &file, &fault), ERR_OK);
    ck_assert_int_eq(manifest_add(&manifest, &file, &fault), ERR_TOO_LARGE);
    ck_assert_str_eq(fault.reason, "backup-files");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        honest_tar_file_by_hand_is_taken,
        name_that_is_none_of_a_backup_is_refused,
        name_in_an_extended_header_gets_no_further,
        link_device_folder_or_fifo_is_refused_under_any_name,
        file_that_comes_twice_is_refused,
        file_behind_the_manifest_is_refused,
        image_under_the_name_of_another_is_refused,
        size_that_lies_is_refused,
        file_with_holes_fills_no_disk,
        configuration_or_manifest_over_its_limit_is_refused,
        manifest_that_is_none_or_names_other_files_is_refused,
        missing_images_are_named_in_order_and_a_note_is_a_text,
        deep_or_broken_json_is_refused,
        file_that_is_missing_or_that_nobody_named_is_seen,
        tar_file_without_manifest_or_of_nothing_is_cut_off,
        thousands_of_images_are_taken,
        files_beyond_the_limit_are_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "hostile tar files in backups",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 600,
                                        .tests = tests});
}
