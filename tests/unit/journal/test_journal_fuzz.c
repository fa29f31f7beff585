/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random damage: whatever the bytes, a reader answers, and what it takes has exactly one form. The
 * sanitizer build finds what reads or writes beside it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "core/bytes.h"
#include "export_sample.h"
#include "journal/checkpoint.h"
#include "journal/export.h"
#include "journal/tile.h"
#include "mutate.h"
#include "signer.h"
#include "support/sizes.h"

static struct signer signer;
static struct fault fault;

static void set_up(void)
{
    signer_make(&signer, "P-256");
}

static void tear_down(void)
{
    signer_clear(&signer);
}

/* A copy that ends where its memory ends, so that reading one byte more is seen. */
static char *exact_copy(const char *text, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, text, length);
    return copy;
}

/* ---- notes ---- */

/* What was read is written again: it must be the beginning of what was read. */
static void body_is_canonical(const struct checkpoint *checkpoint, struct bytes note)
{
    char body[CHECKPOINT_BODY_MAX];
    size_t length = checkpoint_body(checkpoint, body);
    if (length >= note.length || memcmp(note.data, body, length) != 0)
        ck_abort_msg("a note in two forms: %.*s", (int)note.length, (const char *)note.data);
}

static void read_note(struct bytes note, const char *original)
{
    struct checkpoint checkpoint;
    size_t body = (size_t)(strstr(original, "\n\n") + 1 - original);
    enum error e = checkpoint_read(note, &checkpoint, &fault);
    if (e == ERR_OK)
        body_is_canonical(&checkpoint, note);
    else if (e != ERR_BAD_REQUEST)
        ck_abort_msg("%s", error_name(e));
    enum error opened = checkpoint_open(note, signer_spki(&signer), &checkpoint, &fault);
    if (opened == ERR_OK && (e != ERR_OK || memcmp(note.data, original, body) != 0))
        ck_abort_msg("another body holds: %.*s", (int)note.length, (const char *)note.data);
}

START_TEST(damaged_notes_have_one_form_or_none)
{
    static const struct checkpoint sample = {.origin = "rig/provisiond/5f0cb3e1a7d9c2b4",
                                             .size = 1042};
    size_t rounds = test_size("damaged notes", 20000, 1000000);
    char original[CHECKPOINT_NOTE_MAX];
    char text[2 * CHECKPOINT_NOTE_MAX];
    size_t whole = signer_note(&signer, &sample, original);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = whole;
        memcpy(text, original, whole);
        mutate(text, &length, sizeof text);
        char *copy = exact_copy(text, length);
        read_note(bytes_of(copy, length), original);
        free(copy);
    }
}
END_TEST

START_TEST(damaged_keys_open_nothing)
{
    static const struct checkpoint sample = {.origin = "a", .size = 1};
    size_t rounds = test_size("damaged keys", 5000, 200000);
    char note[CHECKPOINT_NOTE_MAX];
    char key[256];
    struct checkpoint checkpoint;
    size_t whole = signer_note(&signer, &sample, note);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = signer.spki_length;
        memcpy(key, signer.spki, length);
        mutate(key, &length, sizeof key);
        char *copy = exact_copy(key, length);
        struct bytes spki = bytes_of(copy, length);
        enum error e = checkpoint_open(bytes_of(note, whole), spki, &checkpoint, &fault);
        if ((e == ERR_OK) != bytes_equal(spki, signer_spki(&signer)))
            ck_abort_msg("round %zu: %s", i, error_name(e));
        free(copy);
    }
}
END_TEST

/* ---- names of tiles ---- */

START_TEST(damaged_tile_names_have_one_form_or_none)
{
    static const char *const names[] = {"0/067", "4/x001/x234/067.p/200", "entries/x004/000",
                                        "entries/255.p/9"};
    size_t rounds = test_size("damaged tile names", 1000000, 20000000);
    char text[128];
    char again[TILE_NAME_SIZE];
    for (size_t i = 0; i < rounds; i++) {
        struct tile tile;
        size_t length = strlen(names[i % 4]);
        memcpy(text, names[i % 4], length);
        mutate(text, &length, sizeof text - 1);
        text[length] = '\0';
        char *copy = exact_copy(text, strlen(text) + 1);
        if (tile_parse(copy, &tile)) {
            tile_name(&tile, again);
            if (strcmp(again, copy) != 0)
                ck_abort_msg("%s is %s", copy, again);
        }
        free(copy);
    }
}
END_TEST

/* ---- exports ---- */

/* Every line can be read, and all of them together are the file behind its header. */
static size_t read_lines(const struct export_file *file)
{
    const struct export_header *header = export_header(file);
    size_t bytes = 0;
    for (int64_t i = 0; i < header->leaves; i++) {
        struct bytes leaf = export_leaf(file, i);
        ck_assert(leaf.length > 0 && memchr(leaf.data, '\n', leaf.length) == NULL);
        bytes += leaf.length + 1;
    }
    for (int64_t i = 0; i < header->documents; i++) {
        uint8_t *data = NULL;
        size_t length = 0;
        enum error e = export_document(file, i, &data, &length, &fault);
        ck_assert(e == ERR_OK || e == ERR_BAD_REQUEST);
        bytes += e == ERR_OK ? 4 * ((length + 2) / 3) + 1 : 0;
        free(data);
    }
    return bytes;
}

static void read_export(int fd, const char *text, size_t length)
{
    char path[64];
    struct export_file *file = NULL;
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(pwrite(fd, text, length, 0), (ssize_t)length);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum error e = export_open(path, NULL, NULL, &file, &fault);
    if (e == ERR_OK && read_lines(file) >= length)
        ck_abort_msg("more lines than there are");
    if (e != ERR_OK && e != ERR_BAD_REQUEST)
        ck_abort_msg("%s", error_name(e));
    export_close(file);
}

START_TEST(damaged_exports_are_read_or_refused)
{
    size_t rounds = test_size("damaged exports", 20000, 500000);
    char *original = NULL;
    size_t whole = 0;
    int fd = memfd_create("export", MFD_CLOEXEC);
    FILE *out = open_memstream(&original, &whole);
    export_sample_write(out, &signer, 2, 3);
    (void)fclose(out);
    char *text = malloc(2 * whole);
    for (size_t i = 0; i < rounds; i++) {
        size_t length = whole;
        memcpy(text, original, whole);
        mutate(text, &length, 2 * whole);
        read_export(fd, text, length);
    }
    free(text);
    free(original);
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal fuzz");
    TCase *damage = tcase_create("damage");
    tcase_add_checked_fixture(damage, set_up, tear_down);
    tcase_set_timeout(damage, 1200);
    tcase_add_test(damage, damaged_notes_have_one_form_or_none);
    tcase_add_test(damage, damaged_keys_open_nothing);
    tcase_add_test(damage, damaged_tile_names_have_one_form_or_none);
    tcase_add_test(damage, damaged_exports_are_read_or_refused);
    suite_add_tcase(suite, damage);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
