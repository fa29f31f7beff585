/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The list of codes, faults, and faults between programs. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/error.h"
#include "core/fault_message.h"

START_TEST(every_known_code_has_a_name_of_its_own)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        if (!error_is_known(i))
            continue;
        const char *name = error_name((enum error)i);
        ck_assert_str_ne(name, "unknown");
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(name, error_name((enum error)j));
    }
}
END_TEST

START_TEST(foreign_numbers_are_unknown)
{
    ck_assert(error_is_known(ERR_OK));
    ck_assert(error_is_known(ERR_COUNT - 1));
    ck_assert(!error_is_known(ERR_COUNT));
    ck_assert(!error_is_known(-1));
    ck_assert(!error_is_known(LONG_MAX));
    ck_assert(!error_is_known(ERR_DEVICE_NOT_GENUINE - 1));
    ck_assert_str_eq(error_name((enum error)79), "unknown");
}
END_TEST

START_TEST(only_what_may_pass_by_itself_is_retryable)
{
    ck_assert(error_is_retryable(ERR_HSM_UNAVAILABLE));
    ck_assert(error_is_retryable(ERR_TIMEOUT));
    ck_assert(error_is_retryable(ERR_LINK_CLOSED));
    ck_assert(!error_is_retryable(ERR_OK));
    ck_assert(!error_is_retryable(ERR_QUOTA_SPENT));
    ck_assert(!error_is_retryable(ERR_HSM_PIN_REFUSED));
    ck_assert(!error_is_retryable(ERR_INTERNAL));
}
END_TEST

START_TEST(fault_keeps_what_it_is_given_and_cuts_what_is_too_long)
{
    struct fault fault;
    char text[400];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(fault_set(&fault, ERR_BUSY, "full", "It is full.", 7), ERR_BUSY);
    ck_assert_int_eq(fault.code, ERR_BUSY);
    ck_assert_str_eq(fault.reason, "full");
    ck_assert_str_eq(fault.detail, "It is full.");
    ck_assert_int_eq(fault.native, 7);
    ck_assert_int_eq(fault_set(&fault, ERR_BUSY, text, text, 0), ERR_BUSY);
    ck_assert_uint_eq(strlen(fault.reason), FAULT_REASON_SIZE - 1);
    ck_assert_uint_eq(strlen(fault.detail), FAULT_DETAIL_SIZE - 1);
    ck_assert_int_eq(fault_set(NULL, ERR_BUSY, "full", "", 0), ERR_BUSY);
}
END_TEST

/* Packs and unpacks, as the wire does. */
static enum error travel(const struct fault *fault, struct fault *ret_fault)
{
    uint8_t wire[1024];
    Provisiond__FaultMessage message;
    fault_to_message(fault, &message);
    size_t length = provisiond__fault_message__pack(&message, wire);
    Provisiond__FaultMessage *back = provisiond__fault_message__unpack(NULL, length, wire);
    ck_assert_ptr_nonnull(back);
    enum error code = fault_from_message(back, ret_fault);
    provisiond__fault_message__free_unpacked(back, NULL);
    return code;
}

START_TEST(fault_travels_whole)
{
    struct fault fault;
    struct fault back;
    (void)!fault_set(&fault, ERR_HSM_PIN_REFUSED, "pin-refused", "The token says no.", -160);
    ck_assert_int_eq(travel(&fault, &back), ERR_HSM_PIN_REFUSED);
    ck_assert_str_eq(back.reason, fault.reason);
    ck_assert_str_eq(back.detail, fault.detail);
    ck_assert_int_eq(back.native, -160);
}
END_TEST

START_TEST(no_fault_is_success)
{
    struct fault fault = {0};
    struct fault back = {.code = ERR_BUSY};
    ck_assert_int_eq(travel(&fault, &back), ERR_OK);
    ck_assert_int_eq(back.code, ERR_OK);
    back.code = ERR_BUSY;
    ck_assert_int_eq(fault_from_message(NULL, &back), ERR_OK);
    ck_assert_int_eq(back.code, ERR_OK);
}
END_TEST

START_TEST(hostile_fault_is_an_internal_error_with_cut_texts)
{
    char text[1000];
    struct fault back;
    Provisiond__FaultMessage message = PROVISIOND__FAULT_MESSAGE__INIT;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    message.reason = text;
    message.detail = text;
    message.code = UINT32_MAX;
    ck_assert_int_eq(fault_from_message(&message, &back), ERR_INTERNAL);
    message.code = ERR_COUNT;
    ck_assert_int_eq(fault_from_message(&message, &back), ERR_INTERNAL);
    message.code = ERR_BUSY;
    ck_assert_int_eq(fault_from_message(&message, &back), ERR_BUSY);
    ck_assert_uint_eq(strlen(back.reason), FAULT_REASON_SIZE - 1);
    ck_assert_uint_eq(strlen(back.detail), FAULT_DETAIL_SIZE - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core error");
    TCase *all = tcase_create("error");
    tcase_add_test(all, every_known_code_has_a_name_of_its_own);
    tcase_add_test(all, foreign_numbers_are_unknown);
    tcase_add_test(all, only_what_may_pass_by_itself_is_retryable);
    tcase_add_test(all, fault_keeps_what_it_is_given_and_cuts_what_is_too_long);
    tcase_add_test(all, fault_travels_whole);
    tcase_add_test(all, no_fault_is_success);
    tcase_add_test(all, hostile_fault_is_an_internal_error_with_cut_texts);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
