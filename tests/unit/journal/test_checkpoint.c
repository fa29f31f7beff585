/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Notes: one form, and a signature that holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/bytes.h"
#include "journal/checkpoint.h"
#include "journal/tree.h"
#include "signer.h"
#include "support/sizes.h"

static const char DASH[] = "\xe2\x80\x94 ";
static const struct checkpoint SAMPLE = {
    .origin = "rig/provisiond/5f0cb3e1a7d9c2b4", .size = 1042, .root.bytes = {0xff, 0x01, 0xfb}};
static const char SAMPLE_BODY[] = "rig/provisiond/5f0cb3e1a7d9c2b4\n1042\n"
                                  "/wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

static struct signer signer;
static struct fault fault;
static struct checkpoint got;
static char note[CHECKPOINT_NOTE_MAX];
static size_t note_length;

static void set_up(void)
{
    signer_make(&signer, "P-256");
    note_length = signer_note(&signer, &SAMPLE, note);
}

static void tear_down(void)
{
    ck_assert_uint_eq(ERR_peek_error(), 0);
    signer_clear(&signer);
}

static struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

static enum error open_text(const char *text)
{
    return checkpoint_open(text_bytes(text), signer_spki(&signer), &got, &fault);
}

static void refused(enum error e, const char *reason)
{
    ck_assert_int_eq(e, ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

static void is_sample(void)
{
    ck_assert_str_eq(got.origin, SAMPLE.origin);
    ck_assert_int_eq(got.size, SAMPLE.size);
    ck_assert(sha256_equal(&got.root, &SAMPLE.root));
}

/* ---- the form ---- */

START_TEST(origin_is_site_and_the_beginning_of_the_hsms_identity)
{
    char origin[CHECKPOINT_ORIGIN_MAX + 1];
    struct sha256 identity = {.bytes = {0x5f, 0x0c, 0xb3, 0xe1, 0xa7, 0xd9, 0xc2, 0xb4, 0xff}};
    checkpoint_origin("rig", &identity, origin);
    ck_assert_str_eq(origin, SAMPLE.origin);
}
END_TEST

START_TEST(body_is_three_lines)
{
    char body[CHECKPOINT_BODY_MAX];
    ck_assert_uint_eq(checkpoint_body(&SAMPLE, body), strlen(SAMPLE_BODY));
    ck_assert_str_eq(body, SAMPLE_BODY);
}
END_TEST

START_TEST(note_is_body_empty_line_and_a_line_with_key_id_and_signature)
{
    uint8_t blob[CHECKPOINT_KEY_ID + CHECKPOINT_DER_MAX];
    size_t length = 0;
    char *at = note + strlen(SAMPLE_BODY);
    ck_assert_int_eq(memcmp(note, SAMPLE_BODY, strlen(SAMPLE_BODY)), 0);
    ck_assert_int_eq(strncmp(at, "\n\xe2\x80\x94 rig/provisiond/5f0cb3e1a7d9c2b4 ", 37), 0);
    ck_assert_int_eq(note[note_length - 1], '\n');
    note[note_length - 1] = '\0';
    ck_assert_int_eq(base64_decode(at + 37, blob, sizeof blob, &length), ERR_OK);
    struct sha256 digest = sha256_of(signer_spki(&signer));
    ck_assert_mem_eq(blob, digest.bytes, CHECKPOINT_KEY_ID);
    ck_assert_uint_eq(blob[CHECKPOINT_KEY_ID], 0x30); /* a DER sequence */
    ck_assert_uint_eq(blob[CHECKPOINT_KEY_ID + 1], length - CHECKPOINT_KEY_ID - 2);
}
END_TEST

START_TEST(signature_that_does_not_fit_makes_no_note)
{
    static const uint8_t signature[CHECKPOINT_DER_MAX + 1] = {0};
    char out[CHECKPOINT_NOTE_MAX] = "before";
    ck_assert_int_eq(checkpoint_note(&SAMPLE, signer_spki(&signer),
                                     bytes_of(signature, sizeof signature), out, &fault),
                     ERR_INTERNAL);
    ck_assert_int_eq(
        checkpoint_note(&SAMPLE, signer_spki(&signer), bytes_of(signature, 0), out, &fault),
        ERR_INTERNAL);
    ck_assert_str_eq(out, "before");
}
END_TEST

START_TEST(every_checkpoint_reads_back_as_it_was)
{
    static const int64_t sizes[] = {0, 1, 9, 10, 999999, TREE_SIZE_MAX - 1, TREE_SIZE_MAX};
    struct checkpoint made = {.size = 0};
    for (size_t length = 1; length <= CHECKPOINT_ORIGIN_MAX; length += 17) {
        memset(made.origin, '~', length);
        made.size = sizes[length % 7];
        random_fill(made.root.bytes, SHA256_SIZE);
        note_length = signer_note(&signer, &made, note);
        ck_assert_int_eq(open_text(note), ERR_OK);
        ck_assert_str_eq(got.origin, made.origin);
        ck_assert_int_eq(got.size, made.size);
        ck_assert(sha256_equal(&got.root, &made.root));
        ck_assert_int_eq(checkpoint_read(text_bytes(note), &got, &fault), ERR_OK);
    }
}
END_TEST

/* A body with a signature that holds over it, so that nothing but the form is wrong. */
static enum error open_body(const char *body)
{
    uint8_t signature[CHECKPOINT_DER_MAX];
    char text[CHECKPOINT_NOTE_MAX];
    struct sha256 digest = sha256_of(signer_spki(&signer));
    (void)snprintf(text, sizeof text, "%s\n", body);
    size_t length = signer_sign(&signer, text_bytes(body), signature);
    signer_add_line(SAMPLE.origin, bytes_of(digest.bytes, CHECKPOINT_KEY_ID),
                    bytes_of(signature, length), text);
    return open_text(text);
}

#define ORIGIN "rig/provisiond/5f0cb3e1a7d9c2b4"
#define ROOT   "/wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

START_TEST(body_in_another_form_is_malformed_whoever_signed_it)
{
    static const char *const bodies[] = {
        "",
        "\n",
        ORIGIN "\n1042\n",
        ORIGIN "\n1042\n" ROOT,
        ORIGIN "\n1042\n" ROOT "\nmore\n",
        ORIGIN "\r\n1042\n" ROOT "\n",
        ORIGIN "\n1042\r\n" ROOT "\n",
        ORIGIN "\n\n" ROOT "\n",
        ORIGIN "\n01042\n" ROOT "\n",
        ORIGIN "\n00\n" ROOT "\n",
        ORIGIN "\n-1\n" ROOT "\n",
        ORIGIN "\n+1\n" ROOT "\n",
        ORIGIN "\n 1\n" ROOT "\n",
        ORIGIN "\n1 \n" ROOT "\n",
        ORIGIN "\n0x10\n" ROOT "\n",
        ORIGIN "\n1099511627777\n" ROOT "\n", /* 2^40 + 1 */
        ORIGIN "\n9999999999999\n" ROOT "\n",
        ORIGIN "\n18446744073709552658\n" ROOT "\n", /* 2^64 + 1042 */
        ORIGIN "\n1042\n\n",
        ORIGIN "\n1042\n" ROOT ROOT "\n",
        ORIGIN "\n1042\n/wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",
        ORIGIN "\n1042\n/wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        ORIGIN "\n1042\n_wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        ORIGIN "\n1042\n/wH7AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        ORIGIN "\n1042\n" ROOT " \n",
        "\n1042\n" ROOT "\n",
        "two words\n1042\n" ROOT "\n",
        "a+b\n1042\n" ROOT "\n",
        "a\tb\n1042\n" ROOT "\n",
        "a\x7f\n1042\n" ROOT "\n",
        "a\xc3\xa4\n1042\n" ROOT "\n",
    };
    ck_assert_int_eq(open_body(SAMPLE_BODY), ERR_OK);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        ck_assert_msg(open_body(bodies[i]) == ERR_BAD_REQUEST &&
                          strcmp(fault.reason, "checkpoint-malformed") == 0,
                      "body %zu", i);
}
END_TEST

START_TEST(origin_beyond_the_limit_is_malformed)
{
    char body[512];
    char origin[CHECKPOINT_ORIGIN_MAX + 2] = "";
    memset(origin, 'a', CHECKPOINT_ORIGIN_MAX + 1);
    (void)snprintf(body, sizeof body, "%s\n1042\n" ROOT "\n", origin);
    refused(open_body(body), "checkpoint-malformed");
    (void)snprintf(body, sizeof body, "%s\n1042\n" ROOT "\n", origin + 1);
    refused(open_body(body), "checkpoint-other-key"); /* named otherwise, but well formed */
}
END_TEST

START_TEST(foreign_line_that_is_no_signature_line_is_malformed)
{
    static const char *const lines[] = {
        "",
        "\n",
        "x\n",
        "- witness AAAAAAA=\n",
        "\xe2\x80\x94 \n",
        "\xe2\x80\x94 witness\n",
        "\xe2\x80\x94 witness \n",
        "\xe2\x80\x94  AAAAAAA=\n",
        "\xe2\x80\x94 witness  AAAAAAA=\n",
        "\xe2\x80\x94 witness AAAAAAA= \n",
        "\xe2\x80\x94 wit+ness AAAAAAA=\n",
        "\xe2\x80\x94 witness AAAAAA==\n", /* a key id and nothing behind it */
        "\xe2\x80\x94 witness AAAAAAA\n",
        "\xe2\x80\x94 witness AAAAAAA=\r\n",
        "\xe2\x80\x94 witness AAAAAAA=",
        " \xe2\x80\x94 witness AAAAAAA=\n",
        "\xe2\x80\x94witness AAAAAAA=\n",
    };
    for (size_t i = 1; i < sizeof lines / sizeof lines[0]; i++) {
        note[note_length] = '\0';
        strcat(note, lines[i]);
        ck_assert_msg(open_text(note) == ERR_BAD_REQUEST, "line %zu", i);
        ck_assert_str_eq(fault.reason, "checkpoint-malformed");
        refused(checkpoint_read(text_bytes(note), &got, &fault), "checkpoint-malformed");
    }
}
END_TEST

START_TEST(body_without_a_signature_line_is_malformed)
{
    char text[CHECKPOINT_NOTE_MAX];
    (void)snprintf(text, sizeof text, "%s\n", SAMPLE_BODY);
    refused(checkpoint_read(text_bytes(text), &got, &fault), "checkpoint-malformed");
    refused(checkpoint_read(text_bytes(SAMPLE_BODY), &got, &fault), "checkpoint-malformed");
    refused(checkpoint_read(bytes_of(NULL, 0), &got, &fault), "checkpoint-malformed");
}
END_TEST

START_TEST(note_beyond_the_limit_is_malformed)
{
    static char text[CHECKPOINT_NOTE_MAX + 128];
    strcpy(text, note);
    while (strlen(text) + strlen("\xe2\x80\x94 w AAAAAAA=\n") < CHECKPOINT_NOTE_MAX)
        strcat(text, "\xe2\x80\x94 w AAAAAAA=\n");
    ck_assert_int_eq(open_text(text), ERR_OK);
    strcat(text, "\xe2\x80\x94 w AAAAAAA=\n");
    refused(open_text(text), "checkpoint-malformed");
}
END_TEST

/* ---- damage ---- */

START_TEST(note_cut_anywhere_is_malformed)
{
    for (size_t length = 0; length < note_length; length++) {
        refused(checkpoint_open(bytes_of(note, length), signer_spki(&signer), &got, &fault),
                "checkpoint-malformed");
        refused(checkpoint_read(bytes_of(note, length), &got, &fault), "checkpoint-malformed");
    }
}
END_TEST

START_TEST(no_byte_of_a_note_can_have_another_value)
{
    size_t values = test_size("other values of each byte of a note", 24, 255);
    for (size_t i = 0; i < note_length; i++) {
        char held = note[i];
        for (size_t value = 1; value <= values; value++) {
            note[i] = (char)((uint8_t)held ^ value);
            if (checkpoint_open(bytes_of(note, note_length), signer_spki(&signer), &got, &fault) !=
                ERR_BAD_REQUEST)
                ck_abort_msg("byte %zu as %d", i, note[i]);
        }
        note[i] = held;
    }
    ck_assert_int_eq(open_text(note), ERR_OK);
}
END_TEST

START_TEST(byte_inserted_anywhere_is_refused)
{
    static const char inserts[] = {'\0', '\n', ' ', '0', 'A', '=', '\r'};
    for (size_t i = 0; i <= note_length; i++) {
        for (size_t j = 0; j < sizeof inserts; j++) {
            char text[CHECKPOINT_NOTE_MAX];
            memcpy(text, note, i);
            text[i] = inserts[j];
            memcpy(text + i + 1, note + i, note_length - i);
            if (checkpoint_open(bytes_of(text, note_length + 1), signer_spki(&signer), &got,
                                &fault) != ERR_BAD_REQUEST)
                ck_abort_msg("%d inserted at %zu", inserts[j], i);
        }
    }
}
END_TEST

/* ---- signatures ---- */

START_TEST(checkpoint_that_another_key_signed_is_told_from_a_forged_one)
{
    struct signer other;
    uint8_t signature[CHECKPOINT_DER_MAX];
    struct sha256 digest = sha256_of(signer_spki(&signer));
    signer_make(&other, "P-256");
    (void)signer_note(&other, &SAMPLE, note);
    refused(open_text(note), "checkpoint-other-key");
    /* With our key's id on its line. */
    size_t length = signer_sign(&other, text_bytes(SAMPLE_BODY), signature);
    (void)snprintf(note, sizeof note, "%s\n", SAMPLE_BODY);
    signer_add_line(SAMPLE.origin, bytes_of(digest.bytes, CHECKPOINT_KEY_ID),
                    bytes_of(signature, length), note);
    refused(open_text(note), "checkpoint-forged");
    signer_clear(&other);
}
END_TEST

START_TEST(signature_covers_every_line_of_the_body)
{
    struct checkpoint lies[3] = {SAMPLE, SAMPLE, SAMPLE};
    char *line = strstr(note, DASH);
    lies[0].size++;
    lies[1].root.bytes[31] ^= 1;
    lies[2].origin[0] = 'R';
    for (size_t i = 0; i < 3; i++) {
        char text[CHECKPOINT_NOTE_MAX];
        size_t length = checkpoint_body(&lies[i], text);
        (void)snprintf(text + length, sizeof text - length, "\n%s", line);
        ck_assert_int_eq(checkpoint_read(text_bytes(text), &got, &fault), ERR_OK);
        refused(open_text(text), i == 2 ? "checkpoint-other-key" : "checkpoint-forged");
    }
}
END_TEST

START_TEST(lines_of_unknown_keys_are_ignored)
{
    static const uint8_t long_signature[1500] = {1, 2, 3};
    struct sha256 digest = sha256_of(signer_spki(&signer));
    char text[CHECKPOINT_NOTE_MAX];
    signer_add_line("witness", bytes_of("\1\2\3\4", 4), bytes_of(long_signature, 1500), note);
    /* The same name with another id, and the same id with another name. */
    signer_add_line(SAMPLE.origin, bytes_of("\1\2\3\4", 4), bytes_of("x", 1), note);
    signer_add_line("witness", bytes_of(digest.bytes, 4), bytes_of("x", 1), note);
    ck_assert_int_eq(open_text(note), ERR_OK);
    is_sample();
    /* Ours at the end. */
    char *ours = strstr(note, DASH);
    char *others = strstr(ours + 1, DASH);
    (void)snprintf(text, sizeof text, "%.*s%s%.*s", (int)(ours - note), note, others,
                   (int)(others - ours), ours);
    ck_assert_int_eq(open_text(text), ERR_OK);
    is_sample();
    *ours = '\0';
    (void)snprintf(text, sizeof text, "%s%s", note, others);
    refused(open_text(text), "checkpoint-other-key");
}
END_TEST

START_TEST(each_of_several_lines_of_the_key_must_hold)
{
    uint8_t signature[CHECKPOINT_DER_MAX];
    struct sha256 digest = sha256_of(signer_spki(&signer));
    struct bytes id = bytes_of(digest.bytes, CHECKPOINT_KEY_ID);
    char *line = strdup(strstr(note, DASH));
    size_t length = signer_sign(&signer, text_bytes(SAMPLE_BODY), signature);
    signer_add_line(SAMPLE.origin, id, bytes_of(signature, length), note);
    ck_assert_int_eq(open_text(note), ERR_OK);
    length = signer_sign(&signer, text_bytes("another text"), signature);
    signer_add_line(SAMPLE.origin, id, bytes_of(signature, length), note);
    refused(open_text(note), "checkpoint-forged");
    strcat(note, line);
    refused(open_text(note), "checkpoint-forged");
    free(line);
}
END_TEST

/* Lengths that no ECDSA signature has, also beyond what a note of ours can hold. */
START_TEST(line_of_the_key_with_no_signature_in_it_is_forged)
{
    static const size_t lengths[] = {1,   63, 64, 71, CHECKPOINT_DER_MAX, CHECKPOINT_DER_MAX + 1,
                                     1000};
    static const uint8_t nonsense[1000] = {0x30, 0x45, 0x02};
    struct sha256 digest = sha256_of(signer_spki(&signer));
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        note[note_length] = '\0';
        signer_add_line(SAMPLE.origin, bytes_of(digest.bytes, CHECKPOINT_KEY_ID),
                        bytes_of(nonsense, lengths[i]), note);
        refused(open_text(note), "checkpoint-forged");
    }
}
END_TEST

START_TEST(failure_returns_nothing)
{
    got = (struct checkpoint){.size = 77};
    note[note_length - 3] ^= 1;
    ck_assert_int_ne(open_text(note), ERR_OK);
    note[0] = '\n';
    ck_assert_int_ne(checkpoint_read(text_bytes(note), &got, &fault), ERR_OK);
    ck_assert_int_eq(got.size, 77);
}
END_TEST

/* ---- keys ---- */

static void key_is_refused(struct bytes spki)
{
    refused(checkpoint_open(bytes_of(note, note_length), spki, &got, &fault), "key-malformed");
}

START_TEST(key_of_another_kind_is_malformed)
{
    static const char *const types[] = {"P-384", "RSA", "ED25519", "secp256k1", "brainpoolP256r1"};
    struct signer other;
    signer_make(&other, types[_i]);
    key_is_refused(signer_spki(&other));
    signer_clear(&other);
}
END_TEST

START_TEST(key_cut_longer_or_off_the_curve_is_malformed)
{
    struct bytes spki = signer_spki(&signer);
    for (spki.length = 0; spki.length < signer.spki_length; spki.length++)
        key_is_refused(spki);
    signer.spki[spki.length++] = 0;
    key_is_refused(spki);
    spki.length--;
    signer.spki[spki.length - 1] ^= 1;
    key_is_refused(spki);
    signer.spki[spki.length - 1] ^= 1;
    key_is_refused(bytes_of(NULL, 0));
    ck_assert_int_eq(checkpoint_open(bytes_of(note, note_length), spki, &got, &fault), ERR_OK);
}
END_TEST

/* One key has one id: the same point in other encodings would have others. */
START_TEST(compressed_point_is_malformed)
{
    unsigned char *der = NULL;
    ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(
                         signer.key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
                     1);
    int length = i2d_PUBKEY(signer.key, &der);
    ck_assert_int_eq(length, 59);
    key_is_refused(bytes_of(der, (size_t)length));
    OPENSSL_free(der);
}
END_TEST

static void add_tests(TCase *notes)
{
    tcase_add_test(notes, origin_is_site_and_the_beginning_of_the_hsms_identity);
    tcase_add_test(notes, body_is_three_lines);
    tcase_add_test(notes, note_is_body_empty_line_and_a_line_with_key_id_and_signature);
    tcase_add_test(notes, signature_that_does_not_fit_makes_no_note);
    tcase_add_test(notes, every_checkpoint_reads_back_as_it_was);
    tcase_add_test(notes, body_in_another_form_is_malformed_whoever_signed_it);
    tcase_add_test(notes, origin_beyond_the_limit_is_malformed);
    tcase_add_test(notes, foreign_line_that_is_no_signature_line_is_malformed);
    tcase_add_test(notes, body_without_a_signature_line_is_malformed);
    tcase_add_test(notes, note_beyond_the_limit_is_malformed);
    tcase_add_test(notes, note_cut_anywhere_is_malformed);
    tcase_add_test(notes, no_byte_of_a_note_can_have_another_value);
    tcase_add_test(notes, byte_inserted_anywhere_is_refused);
    tcase_add_test(notes, checkpoint_that_another_key_signed_is_told_from_a_forged_one);
    tcase_add_test(notes, signature_covers_every_line_of_the_body);
    tcase_add_test(notes, lines_of_unknown_keys_are_ignored);
    tcase_add_test(notes, each_of_several_lines_of_the_key_must_hold);
    tcase_add_test(notes, line_of_the_key_with_no_signature_in_it_is_forged);
    tcase_add_test(notes, failure_returns_nothing);
    tcase_add_loop_test(notes, key_of_another_kind_is_malformed, 0, 5);
    tcase_add_test(notes, key_cut_longer_or_off_the_curve_is_malformed);
    tcase_add_test(notes, compressed_point_is_malformed);
}

int main(void)
{
    Suite *suite = suite_create("journal checkpoint");
    TCase *notes = tcase_create("notes");
    tcase_add_checked_fixture(notes, set_up, tear_down);
    tcase_set_timeout(notes, 120);
    add_tests(notes);
    suite_add_tcase(suite, notes);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
