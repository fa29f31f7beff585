/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Which certificates a product may trust. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "fixture.h"

static enum error anchors_refused(const char *pem, size_t length, const char *reason)
{
    struct device_anchors *made = NULL;
    enum error code = device_anchors_new(bytes_of(pem, length), NULL, &made, &fault);
    ck_assert_ptr_null(made);
    ck_assert_str_eq(fault.reason, reason);
    return code;
}

START_TEST(several_anchors_are_trusted_at_once)
{
    struct pki *second = pki_root("Second Root");
    char *both = pki_chain((const struct pki *const[]){root, second}, 2);
    device_anchors_free(anchors);
    ck_assert_int_eq(device_anchors_new(text_bytes(both), NULL, &anchors, &fault), ERR_OK);
    ck_assert_int_eq(check_options(root, &(struct pki_options){.serial = "1"}), ERR_OK);
    ck_assert_int_eq(check_options(second, &(struct pki_options){.serial = "2"}), ERR_OK);
    free(both);
    pki_free(second);
}
END_TEST

START_TEST(rolled_over_root_of_the_same_name_is_told_apart_by_key_identifiers)
{
    struct pki *next = pki_root("Factory Root");
    char *both = pki_chain((const struct pki *const[]){root, next}, 2);
    device_anchors_free(anchors);
    ck_assert_int_eq(device_anchors_new(text_bytes(both), NULL, &anchors, &fault), ERR_OK);
    ck_assert_int_eq(check_options(root, &(struct pki_options){.serial = "1"}), ERR_OK);
    ck_assert_int_eq(check_options(next, &(struct pki_options){.serial = "2"}), ERR_OK);
    free(both);
    pki_free(next);
}
END_TEST

START_TEST(same_anchor_twice_is_one_anchor)
{
    char *both = pki_chain((const struct pki *const[]){root, root}, 2);
    device_anchors_free(anchors);
    ck_assert_int_eq(device_anchors_new(text_bytes(both), NULL, &anchors, &fault), ERR_OK);
    ck_assert_int_eq(check_options(root, &(struct pki_options){.serial = "1"}), ERR_OK);
    free(both);
}
END_TEST

START_TEST(device_certificate_is_no_anchor)
{
    struct pki *made = pki_device(root, "SN-1");
    const char *pem = pki_certificate(made);
    ck_assert_int_eq(anchors_refused(pem, strlen(pem), "not-a-ca"), ERR_BAD_REQUEST);
    pki_free(made);
}
END_TEST

START_TEST(ca_that_may_not_sign_is_no_anchor)
{
    struct pki *idle =
        pki_new(NULL, &(struct pki_options){.is_ca = true, .name = "Idle", .key_usage = "cRLSign"});
    const char *pem = pki_certificate(idle);
    ck_assert_int_eq(anchors_refused(pem, strlen(pem), "not-a-ca"), ERR_BAD_REQUEST);
    pki_free(idle);
}
END_TEST

START_TEST(more_than_sixteen_anchors_are_refused)
{
    const struct pki *list[DEVICE_ANCHORS_MAX + 1];
    for (size_t i = 0; i <= DEVICE_ANCHORS_MAX; i++)
        list[i] = root;
    char *many = pki_chain(list, DEVICE_ANCHORS_MAX + 1);
    ck_assert_int_eq(anchors_refused(many, strlen(many), "too-many-anchors"), ERR_BAD_REQUEST);
    free(many);
}
END_TEST

START_TEST(text_beyond_the_limit_is_refused_unread)
{
    size_t length = DEVICE_ANCHORS_MAX_BYTES + 1;
    char *blank = malloc(length);
    memset(blank, '\n', length);
    ck_assert_int_eq(anchors_refused(blank, length, "too-many-anchors"), ERR_BAD_REQUEST);
    ck_assert_int_eq(anchors_refused(blank, length - 1, "not-a-certificate"), ERR_BAD_REQUEST);
    free(blank);
}
END_TEST

START_TEST(nothing_and_garbage_are_no_anchors)
{
    ck_assert_int_eq(anchors_refused(NULL, 0, "not-a-certificate"), ERR_BAD_REQUEST);
    ck_assert_int_eq(anchors_refused("garbage", 7, "not-a-certificate"), ERR_BAD_REQUEST);
    const char *pem = pki_certificate(root);
    ck_assert_int_eq(anchors_refused(pem, strlen(pem) / 2, "certificate-malformed"),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(private_key_is_no_anchor)
{
    const char *pem = pki_key(root);
    ck_assert_int_eq(anchors_refused(pem, strlen(pem), "not-a-certificate"), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(no_anchors_can_be_freed)
{
    device_anchors_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device anchors");
    TCase *all = tcase_create("anchors");
    tcase_add_checked_fixture(all, fixture_set_up, fixture_tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, several_anchors_are_trusted_at_once);
    tcase_add_test(all, rolled_over_root_of_the_same_name_is_told_apart_by_key_identifiers);
    tcase_add_test(all, same_anchor_twice_is_one_anchor);
    tcase_add_test(all, device_certificate_is_no_anchor);
    tcase_add_test(all, ca_that_may_not_sign_is_no_anchor);
    tcase_add_test(all, more_than_sixteen_anchors_are_refused);
    tcase_add_test(all, text_beyond_the_limit_is_refused_unread);
    tcase_add_test(all, nothing_and_garbage_are_no_anchors);
    tcase_add_test(all, private_key_is_no_anchor);
    tcase_add_test(all, no_anchors_can_be_freed);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
