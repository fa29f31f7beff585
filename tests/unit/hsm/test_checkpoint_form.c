/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two forms that the checkpoint key signs, judged by a regular expression: the same bytes pass
 * both, whatever is changed, cut off or put in.
 */
#include <check.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "hsm/hsm_checkpoint.h"
#include "hsm_rig.h"
#include "note.h"

/* The last of a root's 43 digits carries four bits: its two lowest are zero. */
#define BODY_FORM                                               \
    "^[!-*,-~]{1,120}\n(0|[1-9][0-9]{0,12})\n[A-Za-z0-9+/]{42}" \
    "[AEIMQUYcgkosw048]=\n"
#define ROOT_FORM "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n"
#define BACKUP_FORM                                                                       \
    "^provisiond-backup/1 [!-*,-~]{1,120}\n[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:" \
    "[0-9]{2}\\.[0-9]{3}Z\n" ROOT_FORM ROOT_FORM "$"
#define SIGNATURES "\n(\xe2\x80\x94 [ -~]+\n)+"

static regex_t body_form;
static regex_t note_form;
static regex_t backup_form;

static void set_up(void)
{
    ck_assert_int_eq(regcomp(&body_form, BODY_FORM "$", REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_int_eq(regcomp(&note_form, BODY_FORM SIGNATURES "$", REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_int_eq(regcomp(&backup_form, BACKUP_FORM, REG_EXTENDED | REG_NOSUB), 0);
}

static void tear_down(void)
{
    regfree(&body_form);
    regfree(&note_form);
    regfree(&backup_form);
}

static bool matches(const regex_t *form, const struct note *note)
{
    return strlen(note->text) == note->length && regexec(form, note->text, 0, NULL, 0) == 0;
}

/* Fails unless both judges agree; returns whether it is a body. */
static bool judge(const struct note *note)
{
    struct hsm_checkpoint checkpoint;
    bool is_body = hsm_checkpoint_is_body(note_bytes(note));
    bool is_note = hsm_checkpoint_read_note(note_bytes(note), &checkpoint);
    ck_assert_msg(is_body == matches(&body_form, note), "a body? %s", note->text);
    ck_assert_msg(is_note == matches(&note_form, note), "a note? %s", note->text);
    bool is_backup = hsm_checkpoint_is_backup(note_bytes(note));
    ck_assert_msg(is_backup == matches(&backup_form, note), "a backup? %s", note->text);
    ck_assert_int_le(is_body + is_note + is_backup, 1);
    return is_body;
}

static struct note text_of(const char *text)
{
    struct note note = {.length = strlen(text)};
    strcpy(note.text, text);
    return note;
}

static struct note example(int i)
{
    if (i == 2)
        return text_of("provisiond-backup/1 rig/provisiond/5f0cb3e1a7d9c2b4\n"
                       "2026-11-27T10:00:00.000Z\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
                       "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
    return i == 0 ? note_body(1042, 0x5a) : note_make(1042, 0x5a);
}

START_TEST(a_byte_changed_anywhere_passes_only_where_the_form_holds)
{
    unsigned passed = 0;
    unsigned refused = 0;
    struct note note = example(_i);
    for (size_t at = 0; at < note.length; at++) {
        char kept = note.text[at];
        for (int byte = 0; byte < 256; byte++) {
            note.text[at] = (char)byte;
            bool is_good = judge(&note);
            passed += is_good;
            refused += !is_good;
        }
        note.text[at] = kept;
    }
    if (_i == 0)
        ck_assert_uint_gt(passed, 1000); /* another origin, size or root */
    ck_assert_uint_gt(refused, 1000);
}
END_TEST

START_TEST(a_byte_left_out_or_put_in_passes_only_where_the_form_holds)
{
    const struct note whole = example(_i);
    for (size_t at = 0; at < whole.length; at++) {
        struct note note = whole;
        memmove(note.text + at, note.text + at + 1, note.length - at);
        note.length--;
        (void)judge(&note);
        for (int byte = 0; byte < 256; byte++) {
            note = whole;
            memmove(note.text + at + 1, note.text + at, note.length - at + 1);
            note.text[at] = (char)byte;
            note.length++;
            (void)judge(&note);
        }
    }
}
END_TEST

START_TEST(a_note_cut_off_anywhere_is_none_until_its_signature_is_whole)
{
    struct note note = example(1);
    struct hsm_checkpoint checkpoint;
    ck_assert(hsm_checkpoint_read_note(note_bytes(&note), &checkpoint));
    while (note.length > 0) {
        note.text[--note.length] = '\0';
        (void)judge(&note);
        ck_assert(!hsm_checkpoint_read_note(note_bytes(&note), &checkpoint));
    }
}
END_TEST

static const char ROOT[] = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

START_TEST(the_limits_of_each_line_hold)
{
    static const char *const sizes[] = {"0",  "9999999999999",  "00", "01", "-1", "+1", " 1",
                                        "1 ", "10000000000000", ""};
    char text[512];
    for (int length = 0; length <= 130; length++) {
        (void)snprintf(text, sizeof text, "%.*s\n7\n%s\n", length,
                       "ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo"
                       "ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo",
                       ROOT);
        struct note note = text_of(text);
        ck_assert_int_eq(judge(&note), length >= 1 && length <= 120);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)snprintf(text, sizeof text, "o\n%s\n%s\n", sizes[i], ROOT);
        struct note note = text_of(text);
        ck_assert_int_eq(judge(&note), i < 2);
    }
}
END_TEST

START_TEST(other_texts_are_no_checkpoints)
{
    static const char *const texts[] = {
        "",
        "\n",
        "\n\n\n",
        "o\n1\n",
        "o\r\n1\r\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\r\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nmore\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom-Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2\n",
        "o\n1\n0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62\n",
        "{\"size\":1}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct note note = text_of(texts[i]);
        ck_assert(!judge(&note));
    }
}
END_TEST

START_TEST(a_note_says_its_size_and_root_and_ends_at_its_limit)
{
    struct hsm_checkpoint checkpoint;
    struct sha256 root;
    struct note note = note_make(9999999999999, 0xc3);
    memset(root.bytes, 0xc3, sizeof root.bytes);
    ck_assert(hsm_checkpoint_read_note(note_bytes(&note), &checkpoint));
    ck_assert_int_eq(checkpoint.size, 9999999999999);
    ck_assert_mem_eq(checkpoint.root.bytes, root.bytes, sizeof root.bytes);
    note = note_of_length(1, HSM_ANCHOR_MAX);
    ck_assert(hsm_checkpoint_read_note(note_bytes(&note), &checkpoint));
    note = note_of_length(1, HSM_ANCHOR_MAX + 1);
    ck_assert(!hsm_checkpoint_read_note(note_bytes(&note), &checkpoint));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("checkpoint form");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_byte_changed_anywhere_passes_only_where_the_form_holds, 0, 3);
    tcase_add_loop_test(tests, a_byte_left_out_or_put_in_passes_only_where_the_form_holds, 0, 3);
    tcase_add_test(tests, a_note_cut_off_anywhere_is_none_until_its_signature_is_whole);
    tcase_add_test(tests, the_limits_of_each_line_hold);
    tcase_add_test(tests, other_texts_are_no_checkpoints);
    tcase_add_test(tests, a_note_says_its_size_and_root_and_ends_at_its_limit);
    return hsm_rig_run_tests(tests);
}
