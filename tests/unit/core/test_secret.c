/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* How a PIN is read, and that nothing of a secret stays behind. */
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/secret.h"

static struct fault fault;

static void set_up(void)
{
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
}

/* secret_read_pin from a pipe that holds data and then ends. */
static enum error read_pin(const void *data, size_t length, struct secret *ret_pin)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], data, length), (ssize_t)length);
    ck_assert_int_eq(close(ends[1]), 0);
    enum error code = secret_read_pin(ends[0], ret_pin, &fault);
    ck_assert_int_eq(close(ends[0]), 0);
    return code;
}

static void claim_pin(const char *text, const char *pin)
{
    SECRET_AUTO read = {0};
    ck_assert_int_eq(read_pin(text, strlen(text), &read), ERR_OK);
    ck_assert_uint_eq(read.length, strlen(pin));
    ck_assert_mem_eq(read.bytes, pin, read.length + 1); /* with its NUL */
}

START_TEST(pin_loses_one_newline_and_nothing_else)
{
    claim_pin("1234", "1234");
    claim_pin("1234\n", "1234");
    claim_pin("1234\r\n", "1234");
    claim_pin("1234\n\n", "1234\n");
    claim_pin(" 12 34 \n", " 12 34 ");
    claim_pin("1234\r", "1234\r");
    claim_pin("\xc3\xa4\n", "\xc3\xa4");
}
END_TEST

START_TEST(empty_pin_is_a_configuration_error)
{
    static const char *const empty[] = {"", "\n", "\r\n"};
    struct secret pin = {0};
    ck_assert_int_eq(read_pin(empty[_i], strlen(empty[_i]), &pin), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "pin-empty");
    ck_assert_ptr_null(pin.bytes);
}
END_TEST

START_TEST(pin_with_a_nul_byte_is_a_configuration_error)
{
    struct secret pin = {0};
    ck_assert_int_eq(read_pin("12\0"
                              "34",
                              5, &pin),
                     ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "pin-malformed");
    ck_assert_int_eq(read_pin("\0", 1, &pin), ERR_CONFIG);
    ck_assert_ptr_null(pin.bytes);
}
END_TEST

START_TEST(pin_that_is_too_long_is_a_configuration_error)
{
    char text[2 * SECRET_MAX_BYTES];
    struct secret pin = {0};
    memset(text, '1', sizeof text);
    ck_assert_int_eq(read_pin(text, SECRET_MAX_BYTES - 1, &pin), ERR_OK);
    ck_assert_uint_eq(pin.length, SECRET_MAX_BYTES - 1);
    secret_clear(&pin);
    ck_assert_int_eq(read_pin(text, SECRET_MAX_BYTES, &pin), ERR_CONFIG);
    ck_assert_int_eq(read_pin(text, sizeof text, &pin), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "pin-malformed");
}
END_TEST

START_TEST(pin_that_cannot_be_read_is_a_configuration_error)
{
    struct secret pin = {0};
    ck_assert_int_eq(secret_read_pin(-1, &pin, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "pin-unreadable");
    ck_assert_int_ne(fault.native, 0);
}
END_TEST

/* The secure heap is this process's own arena: its pages stay readable after the secret is gone. */
__attribute__((no_sanitize("address"))) static size_t left_behind(const volatile uint8_t *bytes,
                                                                  size_t length, uint8_t value)
{
    size_t found = 0;
    for (size_t i = 0; i < length; i++)
        found += bytes[i] == value ? 1 : 0;
    return found;
}

START_TEST(cleared_secret_leaves_no_byte)
{
    struct secret secret = {0};
    ck_assert_int_eq(secret_new(200, &secret), ERR_OK);
    const volatile uint8_t *bytes = secret.bytes;
    memset(secret.bytes, 0xa5, secret.length);
    ck_assert_uint_eq(left_behind(bytes, 200, 0xa5), 200);
    secret.length = 4; /* as a PIN that turned out short */
    secret_clear(&secret);
    ck_assert_uint_eq(left_behind(bytes, 200, 0xa5), 0);
    ck_assert_ptr_null(secret.bytes);
    ck_assert_uint_eq(secret.length, 0);
    secret_clear(&secret);
}
END_TEST

START_TEST(new_secret_is_zeroed)
{
    SECRET_AUTO secret = {0};
    static const uint8_t zeros[SECRET_MAX_BYTES];
    ck_assert_int_eq(secret_new(SECRET_MAX_BYTES, &secret), ERR_OK);
    ck_assert_mem_eq(secret.bytes, zeros, SECRET_MAX_BYTES);
}
END_TEST

START_TEST(spent_heap_is_an_error_and_recovers)
{
    static struct secret many[1000];
    size_t made = 0;
    while (made < 1000 && secret_new(SECRET_MAX_BYTES, &many[made]) == ERR_OK)
        made++;
    ck_assert_uint_gt(made, 10);
    ck_assert_uint_lt(made, 1000);
    for (size_t i = 0; i < made; i++)
        secret_clear(&many[i]);
    ck_assert_int_eq(secret_new(SECRET_MAX_BYTES, &many[0]), ERR_OK);
    secret_clear(&many[0]);
}
END_TEST

START_TEST(secret_never_lies_in_the_ordinary_heap)
{
    struct secret secret = {0};
    ck_assert_int_eq(secret_new(16, &secret), ERR_INTERNAL);
    ck_assert_ptr_null(secret.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core secret");
    TCase *all = tcase_create("secret");
    TCase *early = tcase_create("before secret_heap_init");
    tcase_add_checked_fixture(all, set_up, NULL);
    tcase_add_test(all, pin_loses_one_newline_and_nothing_else);
    tcase_add_loop_test(all, empty_pin_is_a_configuration_error, 0, 3);
    tcase_add_test(all, pin_with_a_nul_byte_is_a_configuration_error);
    tcase_add_test(all, pin_that_is_too_long_is_a_configuration_error);
    tcase_add_test(all, pin_that_cannot_be_read_is_a_configuration_error);
    tcase_add_test(all, cleared_secret_leaves_no_byte);
    tcase_add_test(all, new_secret_is_zeroed);
    tcase_add_test(all, spent_heap_is_an_error_and_recovers);
    tcase_add_test(early, secret_never_lies_in_the_ordinary_heap);
    suite_add_tcase(suite, all);
    suite_add_tcase(suite, early);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
