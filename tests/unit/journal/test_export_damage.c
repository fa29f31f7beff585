/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An export that is cut, longer, or has another header is refused with the right reason. A changed
 * leaf is read as it is: the tree finds it, not the reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "core/bytes.h"
#include "export_sample.h"
#include "journal/export.h"
#include "journal/tree.h"
#include "support/temp_dir.h"

#define DOCUMENTS 3
#define LEAVES    6
#define MAGIC     "provisiond-journal/1\n"

static struct temp_dir dir;
static char path[TEMP_PATH_MAX];
static struct signer signer;
static struct fault fault;
static struct export_file *file;
static char *text; /* a whole sample, with NUL */
static size_t length;
static json_t *header;    /* its second line */
static const char *lines; /* all behind it */

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, "export", path);
    signer_make(&signer, "P-256");
    FILE *out = open_memstream(&text, &length);
    export_sample_write(out, &signer, DOCUMENTS, LEAVES);
    (void)fclose(out);
    const char *second = strchr(text, '\n') + 1;
    lines = strchr(second, '\n') + 1;
    header = json_loadb(second, (size_t)(lines - second), 0, NULL);
    ck_assert_ptr_nonnull(header);
}

static void tear_down(void)
{
    export_close(file);
    json_decref(header);
    free(text);
    signer_clear(&signer);
    temp_dir_remove(&dir);
}

/* The reason of the refusal, or "" when the bytes are an export. */
static const char *reason_of(const void *bytes, size_t count)
{
    FILE *out = fopen(path, "we");
    ck_assert_uint_eq(fwrite(bytes, 1, count, out), count);
    ck_assert_int_eq(fclose(out), 0);
    enum error e = export_open(path, NULL, NULL, &file, &fault);
    if (e != ERR_OK && e != ERR_BAD_REQUEST)
        ck_abort_msg("%s", error_name(e));
    if (e == ERR_BAD_REQUEST)
        return fault.reason;
    export_close(file);
    file = NULL;
    return "";
}

/* The same of the sample with another second line. */
static const char *reason_of_header(const char *line)
{
    char *whole = NULL;
    int count = asprintf(&whole, MAGIC "%s\n%s", line, lines);
    const char *reason = reason_of(whole, (size_t)count);
    free(whole);
    return reason;
}

/* The same of the changed header, which is put back. */
static const char *reason_of_change(const char *member, json_t *value)
{
    json_t *changed = json_deep_copy(header);
    if (value != NULL)
        (void)json_object_set_new(changed, member, value);
    else
        (void)json_object_del(changed, member);
    char *line = json_dumps(changed, JSON_COMPACT);
    const char *reason = reason_of_header(line);
    free(line);
    json_decref(changed);
    return reason;
}

START_TEST(unchanged_sample_is_an_export)
{
    char *line = json_dumps(header, JSON_COMPACT);
    ck_assert_str_eq(reason_of(text, length), "");
    ck_assert_str_eq(reason_of_header(line), "");
    free(line);
}
END_TEST

/* ---- cut and extended ---- */

START_TEST(export_cut_anywhere_is_refused)
{
    size_t magic = strlen(MAGIC);
    for (size_t count = 0; count < length; count++) {
        const char *reason = reason_of(text, count);
        if (strcmp(reason, count < magic ? "not-an-export" : "export-cut") != 0)
            ck_abort_msg("cut to %zu bytes: %s", count, reason);
    }
}
END_TEST

START_TEST(anything_behind_the_last_line_is_refused)
{
    static const char *const tails[] = {"\n", "x", "{}\n", " ", "\n\n", "{\"v\":1}"};
    char *longer = malloc(length + 16);
    memcpy(longer, text, length);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        strcpy(longer + length, tails[i]);
        ck_assert_str_eq(reason_of(longer, length + strlen(tails[i])), "export-long");
    }
    longer[length] = '\0';
    ck_assert_str_eq(reason_of(longer, length + 1), "export-long");
    free(longer);
}
END_TEST

/* Each line of the body removed, doubled, split, joined with the next, emptied. */
START_TEST(line_too_many_or_too_few_is_refused)
{
    char *changed = malloc(2 * length);
    for (char *at = text + (lines - text); *at != '\0'; at = strchr(at, '\n') + 1) {
        int before = (int)(at - text);
        char *next = strchr(at, '\n') + 1;
        int n = sprintf(changed, "%.*s%s", before, text, next);
        ck_assert_str_eq(reason_of(changed, (size_t)n), "export-cut");
        n = sprintf(changed, "%.*s%s", (int)(next - text), text, at);
        ck_assert_str_eq(reason_of(changed, (size_t)n), "export-long");
        n = sprintf(changed, "%.*s\n%s", before + 1, text, at + 1);
        ck_assert_str_eq(reason_of(changed, (size_t)n), "export-long");
        n = sprintf(changed, "%.*s%s", (int)(next - 1 - text), text, next);
        ck_assert_str_eq(reason_of(changed, (size_t)n), "export-cut");
        n = sprintf(changed, "%.*s\n%s", before, text, next);
        ck_assert_str_eq(reason_of(changed, (size_t)n), "export-line");
    }
    free(changed);
}
END_TEST

START_TEST(line_beyond_the_limit_is_refused)
{
    char *changed = malloc(length + EXPORT_LINE_MAX + 1);
    size_t last = length - 1;
    while (text[last - 1] != '\n')
        last--;
    memcpy(changed, text, last);
    memset(changed + last, 'a', EXPORT_LINE_MAX + 1);
    changed[last + EXPORT_LINE_MAX] = '\n';
    ck_assert_str_eq(reason_of(changed, last + EXPORT_LINE_MAX + 1), "");
    changed[last + EXPORT_LINE_MAX] = 'a';
    changed[last + EXPORT_LINE_MAX + 1] = '\n';
    ck_assert_str_eq(reason_of(changed, last + EXPORT_LINE_MAX + 2), "export-line");
    free(changed);
}
END_TEST

/* ---- what the reader leaves to others ---- */

static bool log_has_root(const struct sha256 *root)
{
    struct tree_range range = {.count = 0};
    for (int64_t i = 0; i < LEAVES; i++) {
        struct sha256 hash = tree_leaf_hash(export_leaf(file, i));
        tree_range_add(&range, &hash);
    }
    struct sha256 own = tree_range_root(&range);
    return sha256_equal(&own, root);
}

static bool root_is_that_of_the_checkpoint(void)
{
    struct checkpoint checkpoint;
    const char *note = export_header(file)->checkpoint;
    return checkpoint_open(bytes_of(note, strlen(note)), signer_spki(&signer), &checkpoint,
                           &fault) == ERR_OK &&
           log_has_root(&checkpoint.root);
}

static void open_sample(void)
{
    FILE *out = fopen(path, "we");
    ck_assert_uint_eq(fwrite(text, 1, length, out), length);
    (void)fclose(out);
    ck_assert_int_eq(export_open(path, NULL, NULL, &file, &fault), ERR_OK);
}

START_TEST(changed_byte_of_any_leaf_is_in_another_tree)
{
    char *first = text + (lines - text);
    for (int i = 0; i < DOCUMENTS; i++)
        first = strchr(first, '\n') + 1;
    open_sample();
    ck_assert(root_is_that_of_the_checkpoint());
    for (char *at = first; *at != '\0'; at++) {
        if (*at == '\n')
            continue;
        *at ^= 1;
        export_close(file);
        open_sample();
        ck_assert(!root_is_that_of_the_checkpoint());
        *at ^= 1;
    }
}
END_TEST

START_TEST(document_that_is_no_base64_is_refused_when_it_is_asked_for)
{
    static const char changes[] = {'\0', ' ', '=', '-', '\r', '*'};
    char *at = text + (lines - text);
    uint8_t *data = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof changes; i++) {
        at[0] = changes[i];
        export_close(file);
        open_sample();
        ck_assert_int_eq(export_document(file, 0, &data, &count, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "export-document");
        ck_assert_ptr_null(data);
        ck_assert_int_eq(export_document(file, 1, &data, &count, &fault), ERR_OK);
        free(data);
        data = NULL;
    }
}
END_TEST

/* ---- the header ---- */

START_TEST(header_that_is_no_object_is_refused)
{
    static const char *const texts[] = {
        "", "{}", "[]", "null", "1", "\"x\"", "{", "x", "{\"checkpoint\":1}", "[{}]", "{} {}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_str_eq(reason_of_header(texts[i]), "export-header");
}
END_TEST

START_TEST(header_of_nothing_but_brackets_is_refused)
{
    enum { DEEP = 100000 };
    char *deep = malloc(DEEP + 1);
    memset(deep, '[', DEEP);
    deep[DEEP] = '\0';
    ck_assert_str_eq(reason_of_header(deep), "export-header");
    for (size_t i = 0; i + 5 < DEEP; i += 5)
        memcpy(deep + i, "{\"a\":", 5);
    ck_assert_str_eq(reason_of_header(deep), "export-header");
    free(deep);
}
END_TEST

START_TEST(header_beyond_the_limit_is_refused)
{
    char *line = json_dumps(header, JSON_COMPACT);
    char *wide = malloc(EXPORT_HEADER_MAX + 2);
    memset(wide, ' ', EXPORT_HEADER_MAX + 1);
    memcpy(wide, line, strlen(line));
    wide[EXPORT_HEADER_MAX] = '\0';
    ck_assert_str_eq(reason_of_header(wide), "");
    wide[EXPORT_HEADER_MAX] = ' ';
    wide[EXPORT_HEADER_MAX + 1] = '\0';
    ck_assert_str_eq(reason_of_header(wide), "export-header");
    free(wide);
    free(line);
}
END_TEST

START_TEST(every_member_is_needed_and_no_other_is_taken)
{
    static const char *const members[] = {"checkpoint", "key",  "documents",
                                          "leaves",     "made", "accounts"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        ck_assert_msg(strcmp(reason_of_change(members[i], NULL), "export-header") == 0,
                      "without %s", members[i]);
    ck_assert_str_eq(reason_of_change("challenge", NULL), "");
    ck_assert_str_eq(reason_of_change("more", json_true()), "export-header");
    ck_assert_str_eq(reason_of_change("", json_true()), "export-header");
    (void)json_object_del(header, "challenge");
    ck_assert_str_eq(reason_of_change("more", json_true()), "export-header");
}
END_TEST

START_TEST(member_twice_is_refused)
{
    char *line = json_dumps(header, JSON_COMPACT);
    char *twice = NULL;
    ck_assert_int_gt(asprintf(&twice, "{\"leaves\":6,%s", line + 1), 0);
    ck_assert_str_eq(reason_of_header(twice), "export-header");
    free(twice);
    free(line);
}
END_TEST

START_TEST(member_of_another_type_is_refused)
{
    static const char *const members[] = {"checkpoint", "key",      "documents", "leaves",
                                          "made",       "accounts", "challenge"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *values[] = {json_null(),    json_true(),     json_object(),
                            json_real(6.0), json_string(""), json_integer(-1)};
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++)
            ck_assert_msg(strcmp(reason_of_change(members[i], values[j]), "export-header") == 0,
                          "%s as value %zu", members[i], j);
    }
    ck_assert_str_eq(reason_of_change("leaves", json_string("6")), "export-header");
    ck_assert_str_eq(reason_of_change("made", json_integer(1)), "export-header");
}
END_TEST

START_TEST(texts_beyond_their_limits_are_refused)
{
    char *wide = malloc(CHECKPOINT_NOTE_MAX + 1);
    memset(wide, 'a', CHECKPOINT_NOTE_MAX);
    wide[CHECKPOINT_NOTE_MAX] = '\0';
    ck_assert_str_eq(reason_of_change("checkpoint", json_string(wide)), "export-header");
    ck_assert_str_eq(reason_of_change("checkpoint", json_string(wide + 1)), "");
    wide[EXPORT_KEY_PEM_MAX] = '\0';
    ck_assert_str_eq(reason_of_change("key", json_string(wide)), "export-header");
    ck_assert_str_eq(reason_of_change("key", json_string(wide + 1)), "");
    free(wide);
}
END_TEST

START_TEST(counts_that_no_export_has_are_refused)
{
    ck_assert_str_eq(reason_of_change("leaves", json_integer(LEAVES - 1)), "export-long");
    ck_assert_str_eq(reason_of_change("leaves", json_integer(LEAVES + 1)), "export-cut");
    ck_assert_str_eq(reason_of_change("documents", json_integer(1000000)), "export-cut");
    ck_assert_str_eq(reason_of_change("documents", json_integer(1000001)), "export-header");
    ck_assert_str_eq(reason_of_change("leaves", json_integer(TREE_SIZE_MAX)), "export-cut");
    ck_assert_str_eq(reason_of_change("leaves", json_integer(TREE_SIZE_MAX + 1)), "export-header");
    ck_assert_str_eq(reason_of_change("leaves", json_integer(INT64_MAX)), "export-header");
    /* Beyond what jansson can hold. */
    ck_assert_str_eq(reason_of_header("{\"leaves\":18446744073709551616}"), "export-header");
}
END_TEST

START_TEST(time_in_another_form_is_refused)
{
    static const char *const times[] = {"2026-11-27",
                                        "2026-11-27 10:00:00Z",
                                        "2026-11-27T10:00:00",
                                        "2026-11-27T10:00:00+00:00",
                                        "2026-02-30T10:00:00Z",
                                        "2026-11-27T24:00:00Z",
                                        "2026-11-27T10:00:60Z",
                                        "2026-11-27T10:00:00.12Z",
                                        "2026-11-27T10:00:00.1234Z",
                                        "2026-11-27T10:00:00.",
                                        "2026-11-27T10:00:00.123",
                                        "1969-11-27T10:00:00Z"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        ck_assert_msg(strcmp(reason_of_change("made", json_string(times[i])), "export-header") == 0,
                      "%s", times[i]);
    ck_assert_str_eq(reason_of_change("made", json_string("2026-11-27T10:00:00Z")), "");
}
END_TEST

START_TEST(challenge_is_eight_to_sixty_four_bytes_of_hex)
{
    char hex[2 * EXPORT_CHALLENGE_MAX + 2];
    for (size_t digits = 1; digits <= sizeof hex - 1; digits++) {
        memset(hex, 'a', digits);
        hex[digits] = '\0';
        bool is_right = digits % 2 == 0 && digits >= 16 && digits <= 128;
        ck_assert_str_eq(reason_of_change("challenge", json_string(hex)),
                         is_right ? "" : "export-header");
    }
    ck_assert_str_eq(reason_of_change("challenge", json_string("00112233445566FF")),
                     "export-header");
    ck_assert_str_eq(reason_of_change("challenge", json_string("0011223344556 77")),
                     "export-header");
}
END_TEST

/* ---- accounts ---- */

/* The first account with one change. */
static const char *reason_of_account(const char *member, json_t *value)
{
    json_t *accounts = json_deep_copy(json_object_get(header, "accounts"));
    json_t *account = json_array_get(accounts, 0);
    if (value != NULL)
        (void)json_object_set_new(account, member, value);
    else
        (void)json_object_del(account, member);
    return reason_of_change("accounts", accounts);
}

START_TEST(every_number_of_an_account_is_needed_and_no_other_is_taken)
{
    const char *member = NULL;
    json_t *value = NULL;
    json_t *account = json_deep_copy(json_array_get(json_object_get(header, "accounts"), 0));
    ck_assert_uint_eq(json_object_size(account), 14);
    json_object_foreach(account, member, value)
    {
        ck_assert_str_eq(reason_of_account(member, NULL), "export-header");
        ck_assert_str_eq(reason_of_account(member, json_integer(-1)), "export-header");
        ck_assert_str_eq(reason_of_account(member, json_real(1.5)), "export-header");
        ck_assert_str_eq(reason_of_account(member, json_string("")), "export-header");
        if (strcmp(member, "product") != 0)
            ck_assert_str_eq(reason_of_account(member, json_integer(INT64_MAX)), "");
    }
    json_decref(account);
    ck_assert_str_eq(reason_of_account("more", json_integer(1)), "export-header");
}
END_TEST

START_TEST(product_is_a_name_and_has_one_account)
{
    static const char *const texts[] = {"-x", "a b", "a\x1b[2J", "\xc3\xa4", "a/b"};
    char wide[66];
    memset(wide, 'a', sizeof wide);
    wide[65] = '\0';
    ck_assert_str_eq(reason_of_account("product", json_string(wide)), "export-header");
    ck_assert_str_eq(reason_of_account("product", json_string(wide + 1)), "");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_str_eq(reason_of_account("product", json_string(texts[i])), "export-header");
    ck_assert_str_eq(reason_of_account("product", json_string("gadget")), "export-header");
}
END_TEST

static void add_tests(TCase *damage)
{
    tcase_add_test(damage, unchanged_sample_is_an_export);
    tcase_add_test(damage, export_cut_anywhere_is_refused);
    tcase_add_test(damage, anything_behind_the_last_line_is_refused);
    tcase_add_test(damage, line_too_many_or_too_few_is_refused);
    tcase_add_test(damage, line_beyond_the_limit_is_refused);
    tcase_add_test(damage, changed_byte_of_any_leaf_is_in_another_tree);
    tcase_add_test(damage, document_that_is_no_base64_is_refused_when_it_is_asked_for);
    tcase_add_test(damage, header_that_is_no_object_is_refused);
    tcase_add_test(damage, header_of_nothing_but_brackets_is_refused);
    tcase_add_test(damage, header_beyond_the_limit_is_refused);
    tcase_add_test(damage, every_member_is_needed_and_no_other_is_taken);
    tcase_add_test(damage, member_twice_is_refused);
    tcase_add_test(damage, member_of_another_type_is_refused);
    tcase_add_test(damage, texts_beyond_their_limits_are_refused);
    tcase_add_test(damage, counts_that_no_export_has_are_refused);
    tcase_add_test(damage, time_in_another_form_is_refused);
    tcase_add_test(damage, challenge_is_eight_to_sixty_four_bytes_of_hex);
    tcase_add_test(damage, every_number_of_an_account_is_needed_and_no_other_is_taken);
    tcase_add_test(damage, product_is_a_name_and_has_one_account);
}

int main(void)
{
    Suite *suite = suite_create("journal export damage");
    TCase *damage = tcase_create("damage");
    tcase_add_checked_fixture(damage, set_up, tear_down);
    tcase_set_timeout(damage, 120);
    add_tests(damage);
    suite_add_tcase(suite, damage);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
