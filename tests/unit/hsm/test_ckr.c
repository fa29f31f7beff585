/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The table of return values. */
#include <check.h>
#include <stddef.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "hsm/ckr.h"
#include "hsm_rig.h"

START_TEST(a_lost_session_or_token_calls_for_a_new_worker)
{
    static const CK_RV lost[] = {CKR_DEVICE_ERROR,
                                 CKR_DEVICE_REMOVED,
                                 CKR_TOKEN_NOT_PRESENT,
                                 CKR_SESSION_HANDLE_INVALID,
                                 CKR_SESSION_CLOSED,
                                 CKR_USER_NOT_LOGGED_IN,
                                 CKR_CRYPTOKI_NOT_INITIALIZED,
                                 CKR_GENERAL_ERROR};
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        ck_assert_int_eq(ckr_meaning(lost[i])->action, CKR_REPLACE);
        ck_assert_int_eq(ckr_meaning(lost[i])->code, ERR_HSM_UNAVAILABLE);
    }
}
END_TEST

START_TEST(a_refused_pin_is_never_a_reason_to_try_again)
{
    static const CK_RV refusals[] = {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
                                     CKR_PIN_EXPIRED, CKR_PIN_LOCKED};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        ck_assert_int_eq(ckr_meaning(refusals[i])->action, CKR_GIVE_UP);
        ck_assert_int_eq(ckr_meaning(refusals[i])->code, ERR_HSM_PIN_REFUSED);
    }
}
END_TEST

START_TEST(a_stale_handle_is_looked_up_again)
{
    ck_assert_int_eq(ckr_meaning(CKR_KEY_HANDLE_INVALID)->action, CKR_FORGET);
    ck_assert_int_eq(ckr_meaning(CKR_OBJECT_HANDLE_INVALID)->action, CKR_FORGET);
}
END_TEST

START_TEST(an_unknown_value_has_a_name_and_calls_for_a_new_worker)
{
    ck_assert_str_eq(ckr_name(CKR_DEVICE_ERROR), "CKR_DEVICE_ERROR");
    ck_assert_str_eq(ckr_name(CKR_VENDOR_DEFINED + 7), "CKR_VENDOR_DEFINED");
    ck_assert_str_eq(ckr_name(0x7777), "CKR_UNKNOWN");
    ck_assert_int_eq(ckr_meaning(CKR_VENDOR_DEFINED + 7)->action, CKR_REPLACE);
    ck_assert_int_eq(ckr_meaning(0x7777)->action, CKR_REPLACE);
}
END_TEST

START_TEST(every_known_value_is_explained_in_words_of_its_own)
{
    const char *unknown = ckr_words(0x7777);
    for (unsigned i = 0; ckr_value(i) != CKR_VALUES_END; i++) {
        const char *words = ckr_words(ckr_value(i));
        ck_assert_msg(words != unknown && strlen(words) > 20, "%s", ckr_name(ckr_value(i)));
    }
    ck_assert_ptr_eq(ckr_words(CKR_VENDOR_DEFINED + 7), unknown);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("ckr");
    tcase_add_test(tests, a_lost_session_or_token_calls_for_a_new_worker);
    tcase_add_test(tests, a_refused_pin_is_never_a_reason_to_try_again);
    tcase_add_test(tests, a_stale_handle_is_looked_up_again);
    tcase_add_test(tests, an_unknown_value_has_a_name_and_calls_for_a_new_worker);
    tcase_add_test(tests, every_known_value_is_explained_in_words_of_its_own);
    return hsm_rig_run_tests(tests);
}
