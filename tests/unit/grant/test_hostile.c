/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed documents, cut and changed at every byte: each is refused, or says what the officers
 * signed. The sanitizer build runs it too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ceremony.h"
#include "documents.h"
#include "support/run.h"
#include "support/sizes.h"

#define BITS      8
#define SPOTS_MAX 8 /* places that one random change touches */

static struct ceremony ceremony;
static struct authority_set *set;
static uint8_t *file; /* a signed document */
static size_t file_length;
static char *meant; /* what it says */

static const char *const FORMS[] = {"-nodetach -outform DER", "-nodetach -outform PEM",
                                    "-nodetach -outform SMIME", "-outform SMIME",
                                    "-outform SMIME -binary"};
#define FORM_COUNT (sizeof FORMS / sizeof FORMS[0])

static void set_up(void)
{
    json_t *json = document_new(GRANT_INSTALL, NULL, 0);
    char *text = document_text(json);
    ceremony_begin(&ceremony);
    ceremony_write(&ceremony, "g.json", text, strlen(text));
    ceremony_run(&ceremony, "echo >>g.json");
    ceremony_officer_p256(&ceremony, "one");
    ceremony_officer_p256(&ceremony, "two");
    set = CEREMONY_SET(&ceremony, 2, "one", "two");
    file = NULL;
    meant = NULL;
    free(text);
    json_decref(json);
}

static void tear_down(void)
{
    free(file);
    free(meant);
    authority_set_free(set);
    ceremony_end(&ceremony);
}

/* What an accepted document says; NULL for one that is refused, in an orderly way. */
static char *ask(struct bytes data)
{
    struct signed_document *document = NULL;
    struct document_signer found[SIGNED_DOCUMENT_SIGNERS_MAX];
    struct signers signers;
    struct fault fault = {0};
    char *text = NULL;
    enum error e = signed_document_open(data, &document, &fault);
    ck_assert_int_eq(document != NULL, e == ERR_OK);
    if (e == ERR_OK) {
        ck_assert_uint_le(signed_document_signers(document, set, found),
                          SIGNED_DOCUMENT_SIGNERS_MAX);
        e = signed_document_check(document, set, &signers, &fault);
    }
    ck_assert_msg(e == ERR_OK || e == ERR_BAD_REQUEST || e == ERR_TOO_LARGE ||
                      e == ERR_GRANT_REFUSED,
                  "%s: %s", fault.reason, fault.detail);
    if (e == ERR_OK)
        ck_assert_int_eq(grant_write(signed_document_grant(document), &text, &fault), ERR_OK);
    signed_document_free(document);
    return text;
}

/* Refused, or it says what was meant. Returns whether it was accepted. */
static bool claim_harmless(struct bytes data)
{
    char *said = ask(data);
    bool is_accepted = said != NULL;
    if (is_accepted)
        ck_assert_str_eq(said, meant);
    free(said);
    return is_accepted;
}

static void sign(const char *form)
{
    ceremony_run(&ceremony,
                 "openssl cms -sign %s -in g.json -signer one.pem -inkey one.key -signer two.pem"
                 " -inkey two.key -out g.out",
                 form);
    struct bytes data = ceremony_read(&ceremony, "g.out");
    free(file);
    free(meant);
    file = malloc(data.length);
    file_length = data.length;
    memcpy(file, data.data, data.length);
    meant = ask(data);
    ck_assert_msg(meant != NULL, "%s", form);
}

START_TEST(document_cut_anywhere_is_refused)
{
    sign(FORMS[0]);
    for (size_t length = 0; length < file_length; length++)
        ck_assert_msg(!claim_harmless(bytes_of(file, length)), "%zu bytes", length);
}
END_TEST

/* The end of PEM and S/MIME may be missing where nothing is lost. */
START_TEST(text_cut_anywhere_is_refused_or_says_what_was_signed)
{
    for (size_t form = 1; form < FORM_COUNT; form++) {
        sign(FORMS[form]);
        for (size_t length = 0; length < file_length; length++) {
            bool is_accepted = claim_harmless(bytes_of(file, length));
            ck_assert_msg(!is_accepted || length + 64 > file_length, "%s: %zu of %zu bytes",
                          FORMS[form], length, file_length);
        }
    }
}
END_TEST

START_TEST(document_with_any_bit_changed_is_refused_or_says_what_was_signed)
{
    size_t bits = test_size("bits changed per byte of a signed document", 1, BITS);
    for (size_t form = 0; form < FORM_COUNT; form++) {
        size_t accepted = 0;
        sign(FORMS[form]);
        for (size_t i = 0; i < file_length * bits; i++) {
            size_t bit = bits == BITS ? i % BITS : i / bits % BITS;
            file[i / bits] ^= (uint8_t)(1u << bit);
            accepted += claim_harmless(bytes_of(file, file_length));
            file[i / bits] ^= (uint8_t)(1u << bit);
        }
        ck_assert_uint_lt(accepted, file_length * bits);
    }
}
END_TEST

/* Every byte of the content is covered. */
START_TEST(document_with_any_byte_of_its_content_changed_is_refused)
{
    sign(FORMS[0]);
    struct bytes content = ceremony_read(&ceremony, "g.json");
    uint8_t *begin = memmem(file, file_length, "{\r\n", 3);
    ck_assert_ptr_nonnull(begin);
    for (size_t i = 0; i < content.length; i++) {
        begin[i] ^= 1;
        ck_assert_msg(!claim_harmless(bytes_of(file, file_length)), "byte %zu", i);
        begin[i] ^= 1;
    }
}
END_TEST

/* Overwrites, and removes or repeats a piece now and then. */
static size_t spoil(uint8_t *data, size_t length)
{
    uint8_t random[2 + 3 * SPOTS_MAX];
    random_fill(random, sizeof random);
    for (size_t i = 0; i <= random[0] % SPOTS_MAX; i++) {
        const uint8_t *three = random + 2 + 3 * i;
        data[(three[0] * 256u + three[1]) % length] = three[2];
    }
    size_t at = (random[2] * 256u + random[3]) % length;
    size_t piece = random[4] % (length - at);
    if (random[1] % 4 == 0) {
        memmove(data + at, data + at + piece, length - at - piece);
        return length - piece;
    }
    if (random[1] % 4 == 1)
        memmove(data + at + piece, data + at, length - at - piece);
    return length;
}

START_TEST(random_changes_are_refused_or_say_what_was_signed)
{
    size_t rounds = test_size("changed signed documents", 4000, 400000);
    for (size_t form = 0; form < FORM_COUNT; form++) {
        sign(FORMS[form]);
        for (size_t i = 0; i < rounds / FORM_COUNT; i++) {
            uint8_t *changed = malloc(file_length); /* exact: a byte too far is seen */
            memcpy(changed, file, file_length);
            (void)claim_harmless(bytes_of(changed, spoil(changed, file_length)));
            free(changed);
        }
    }
}
END_TEST

START_TEST(random_bytes_are_refused)
{
    static const char *const beginnings[] = {"\x30\x82", "-----BEGIN CMS-----\n",
                                             "Content-Type: application/pkcs7-mime\n\n",
                                             "Content-Type: multipart/signed; boundary=a\n\n--a\n"};
    size_t rounds = test_size("random documents", 4000, 400000);
    for (size_t i = 0; i < rounds; i++) {
        uint8_t data[512];
        const char *beginning = beginnings[i % (sizeof beginnings / sizeof beginnings[0])];
        random_fill(data, sizeof data);
        memcpy(data, beginning, strlen(beginning));
        ck_assert_ptr_null(ask(bytes_of(data, data[sizeof data - 1] * 2u + 1)));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        document_cut_anywhere_is_refused,
        text_cut_anywhere_is_refused_or_says_what_was_signed,
        document_with_any_bit_changed_is_refused_or_says_what_was_signed,
        document_with_any_byte_of_its_content_changed_is_refused,
        random_changes_are_refused_or_say_what_was_signed,
        random_bytes_are_refused,
        NULL,
    };
    return run_suite(&(struct run_case){"grant: hostile", set_up, tear_down, 1800, tests});
}
