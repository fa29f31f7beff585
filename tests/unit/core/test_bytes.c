/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Encoders and their strict decoders. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/bytes.h"

#define DIGITS_64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

START_TEST(hex_round_trips)
{
    static const uint8_t data[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
    char text[2 * sizeof data + 1];
    uint8_t back[sizeof data];
    hex_encode(bytes_of(data, sizeof data), text);
    ck_assert_str_eq(text, "00017f80abff");
    ck_assert(hex_decode(text, back, sizeof back));
    ck_assert_mem_eq(back, data, sizeof data);
    hex_encode(bytes_of(NULL, 0), text);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(hex_of_another_form_is_refused_and_leaves_the_output_alone)
{
    static const char *const wrong[] = {"", "0", "000", "00000", "00FF", "0g00", " 000", "0x00"};
    uint8_t out[2] = {0x5a, 0x5a};
    ck_assert(!hex_decode(wrong[_i], out, sizeof out));
    ck_assert_uint_eq(out[0], 0x5a);
    ck_assert_uint_eq(out[1], 0x5a);
}
END_TEST

START_TEST(image_reference_round_trips)
{
    struct sha256 digest;
    char text[IMAGE_REFERENCE_SIZE];
    ck_assert(image_reference_parse("sha256:" DIGITS_64, &digest));
    image_reference_format(&digest, text);
    ck_assert_str_eq(text, "sha256:" DIGITS_64);
}
END_TEST

START_TEST(image_reference_of_another_form_is_refused)
{
    static const char *const wrong[] = {"",
                                        "sha256:",
                                        DIGITS_64,
                                        "SHA256:" DIGITS_64,
                                        "sha256:" DIGITS_64 "0",
                                        " sha256:" DIGITS_64,
                                        "sha512:" DIGITS_64,
                                        "latest"};
    struct sha256 digest;
    ck_assert(!image_reference_parse(wrong[_i], &digest));
}
END_TEST

START_TEST(sha256_is_the_standard_one)
{
    static const uint8_t empty[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14};
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    struct sha256 nothing = sha256_of(bytes_of(NULL, 0));
    struct sha256 something = sha256_of(bytes_of("abc", 3));
    ck_assert_mem_eq(nothing.bytes, empty, sizeof empty);
    ck_assert_mem_eq(something.bytes, abc, sizeof abc);
    ck_assert(!sha256_equal(&nothing, &something));
    ck_assert(sha256_equal(&nothing, &nothing));
}
END_TEST

START_TEST(bytes_are_equal_by_content)
{
    ck_assert(bytes_equal(bytes_of(NULL, 0), bytes_of("x", 0)));
    ck_assert(bytes_equal(bytes_of("ab", 2), bytes_of((char[]){'a', 'b'}, 2)));
    ck_assert(!bytes_equal(bytes_of("ab", 2), bytes_of("ab", 1)));
    ck_assert(!bytes_equal(bytes_of("ab", 2), bytes_of("ac", 2)));
}
END_TEST

START_TEST(base64_round_trips_at_every_length)
{
    uint8_t data[100];
    uint8_t back[100];
    random_fill(data, sizeof data);
    for (size_t length = 0; length <= sizeof data; length++) {
        char *text = NULL;
        size_t got = 1000;
        ck_assert_int_eq(base64_encode(bytes_of(data, length), &text), ERR_OK);
        ck_assert_uint_eq(strlen(text), (length + 2) / 3 * 4);
        ck_assert_int_eq(base64_decode(text, back, length, &got), ERR_OK);
        ck_assert_uint_eq(got, length);
        ck_assert_mem_eq(back, data, length);
        free(text);
    }
}
END_TEST

START_TEST(base64_of_another_form_is_refused)
{
    static const char *const wrong[] = {
        "A",       "AA",      "AAA",      "AAAAA",    "=",        "====",   "A===",
        "AA=A",    "=AAA",    "AAA=AAAA", "AA==AAAA", " QQ==",    "QQ== ",  "QQ==\n",
        "QQ\n==",  "Q Q=",    "QQ--",     "QQ__",     "QQ==\r\n", "\tQQ==", "QUJD\n",
        "QUJ\xc3", "AA\x80=", "QR==",     "QUJ=",     "////Q1==", "QQ=\0=",
    };
    uint8_t out[16];
    size_t length = 0;
    ck_assert_int_eq(base64_decode(wrong[_i], out, sizeof out, &length), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(base64_beyond_the_room_is_too_large)
{
    uint8_t out[5] = {0};
    size_t length = 0;
    ck_assert_int_eq(base64_decode("AAAAAAA=", out, 5, &length), ERR_OK);
    ck_assert_int_eq(base64_decode("AAAAAAA=", out, 4, &length), ERR_TOO_LARGE);
    ck_assert_int_eq(base64_decode("AAAAAAAA", out, 5, &length), ERR_TOO_LARGE);
    ck_assert_int_eq(base64_decode("AAAAAAAAAAAAAAAAAAAA", out, 5, &length), ERR_TOO_LARGE);
    ck_assert_int_eq(base64_decode("AA==", out, 0, &length), ERR_TOO_LARGE);
}
END_TEST

START_TEST(uuid_round_trips_and_names_its_version)
{
    char text[64];
    struct uuid back;
    struct uuid id = uuid_new(1700000000123);
    uuid_format(&id, "ins-", text, sizeof text);
    ck_assert_uint_eq(strlen(text), 40);
    ck_assert_int_eq(text[4 + 14], '7');
    ck_assert_ptr_nonnull(strchr("89ab", text[4 + 19]));
    ck_assert(uuid_parse(text, "ins-", &back));
    ck_assert_mem_eq(back.bytes, id.bytes, UUID_SIZE);
}
END_TEST

START_TEST(uuids_sort_by_time)
{
    struct uuid before = uuid_new(1700000000123);
    struct uuid after = uuid_new(1700000000124);
    struct uuid much_later = uuid_new((int64_t)1 << 45);
    ck_assert_int_lt(memcmp(before.bytes, after.bytes, UUID_SIZE), 0);
    ck_assert_int_lt(memcmp(after.bytes, much_later.bytes, UUID_SIZE), 0);
}
END_TEST

START_TEST(uuids_of_one_millisecond_differ)
{
    struct uuid one = uuid_new(1);
    struct uuid two = uuid_new(1);
    ck_assert_mem_ne(one.bytes, two.bytes, UUID_SIZE);
}
END_TEST

START_TEST(uuid_of_another_form_is_refused)
{
    static const char *const wrong[] = {"",
                                        "ins-",
                                        "018bcfe5-687b-7abc-8def-0123456789ab",
                                        "ins-018bcfe5-687b-7abc-8def-0123456789a",
                                        "ins-018bcfe5-687b-7abc-8def-0123456789abc",
                                        "ins-018bcfe5_687b-7abc-8def-0123456789ab",
                                        "ins-018BCFE5-687b-7abc-8def-0123456789ab",
                                        "ins-018bcfe5-687b-7abc-8def-0123456789a-",
                                        "ins-018bcfe5687b-7abc-8def--0123456789ab",
                                        "ins-018bcfe5-687b-4abc-8def-0123456789ab",
                                        "ins-018bcfe5-687b-7abc-7def-0123456789ab",
                                        "inS-018bcfe5-687b-7abc-8def-0123456789ab"};
    struct uuid id;
    ck_assert(!uuid_parse(wrong[_i], "ins-", &id));
}
END_TEST

START_TEST(names_are_letters_digits_and_three_signs)
{
    ck_assert(name_is_valid("a", 8));
    ck_assert(name_is_valid("Gate.v2", 8));
    ck_assert(name_is_valid("0-_.", 8));
    ck_assert(name_is_valid("12345678", 8));
}
END_TEST

START_TEST(other_names_are_refused)
{
    static const char *const wrong[] = {"",    "123456789", ".a", "_a",  "-a",       "a b",
                                        "a/b", "a\n",       "..", "a:b", "\xc3\xa4", "a%"};
    ck_assert(!name_is_valid(wrong[_i], 8));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core bytes");
    TCase *all = tcase_create("bytes");
    tcase_add_test(all, hex_round_trips);
    tcase_add_loop_test(all, hex_of_another_form_is_refused_and_leaves_the_output_alone, 0, 8);
    tcase_add_test(all, image_reference_round_trips);
    tcase_add_loop_test(all, image_reference_of_another_form_is_refused, 0, 8);
    tcase_add_test(all, sha256_is_the_standard_one);
    tcase_add_test(all, bytes_are_equal_by_content);
    tcase_add_test(all, base64_round_trips_at_every_length);
    tcase_add_loop_test(all, base64_of_another_form_is_refused, 0, 27);
    tcase_add_test(all, base64_beyond_the_room_is_too_large);
    tcase_add_test(all, uuid_round_trips_and_names_its_version);
    tcase_add_test(all, uuids_sort_by_time);
    tcase_add_test(all, uuids_of_one_millisecond_differ);
    tcase_add_loop_test(all, uuid_of_another_form_is_refused, 0, 12);
    tcase_add_test(all, names_are_letters_digits_and_three_signs);
    tcase_add_loop_test(all, other_names_are_refused, 0, 12);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
