/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An issuer is parsed once, and judged each time. */
#include "device/issuers.h"

#include <stdlib.h>

#include <check.h>

#include "core/clock.h"
#include "device/pem.h"
#include "fixture.h"

#define HOUR_MS INT64_C(3600000)
#define MS      1000
#define MANY    (3 * ISSUERS_MAX)

static const struct pki_options A_DEVICE = {.name = "Device", .serial = "SN-1"};

static struct pki *line_of(const struct pki *issuer, const char *name)
{
    return pki_new(issuer, &(struct pki_options){.is_ca = true, .name = name});
}

/* The device, and the line, at that time under those anchors. */
static enum error check_chain(const struct device_anchors *under, const struct pki *made,
                              const struct pki *line, int64_t at_unix_ms)
{
    char *chain = pki_chain((const struct pki *const[]){made, line}, 2);
    enum error code = device_check(under, text_bytes(chain), at_unix_ms, &device, &fault);
    free(chain);
    return code;
}

/* A new device below the line. */
static enum error check_below(const struct device_anchors *under, const struct pki *line,
                              int64_t at_unix_ms)
{
    struct pki *made = pki_new(line, &A_DEVICE);
    enum error code = check_chain(under, made, line, at_unix_ms);
    pki_free(made);
    return code;
}

static struct sha256 digest_of(int number)
{
    return sha256_of(bytes_of(&number, sizeof number));
}

START_TEST(issuer_of_a_good_chain_is_parsed_once)
{
    struct issuers *issuers = issuers_new();
    struct pki *line = line_of(root, "Line");
    struct pki *made = pki_new(line, &A_DEVICE);
    char *text = pki_chain((const struct pki *const[]){made, line}, 2);
    struct pem_chain first;
    struct pem_chain second;
    ck_assert_int_eq(pem_read_chain(text_bytes(text), issuers, &first), PEM_OK);
    ck_assert(first.is_new[1] && !first.is_new[0]);
    pem_chain_keep(&first);
    ck_assert_int_eq(pem_read_chain(text_bytes(text), issuers, &second), PEM_OK);
    ck_assert(!second.is_new[1]);
    ck_assert_ptr_eq(sk_X509_value(first.list, 1), sk_X509_value(second.list, 1));
    ck_assert_ptr_ne(sk_X509_value(first.list, 0), sk_X509_value(second.list, 0));
    pem_chain_clear(&first);
    pem_chain_clear(&second);
    free(text);
    pki_free(made);
    pki_free(line);
    issuers_free(issuers);
}
END_TEST

START_TEST(as_many_are_kept_as_there_are_places)
{
    struct issuers *issuers = issuers_new();
    X509 *any = X509_new();
    for (int i = 0; i < MANY; i++) {
        const struct sha256 digest = digest_of(i);
        issuers_keep(issuers, &digest, any);
        issuers_keep(issuers, &digest, any);
    }
    for (int i = 0; i < MANY; i++) {
        const struct sha256 digest = digest_of(i);
        X509 *found = issuers_find(issuers, &digest);
        ck_assert_int_eq(found != NULL, i >= MANY - ISSUERS_MAX);
        X509_free(found);
    }
    issuers_free(issuers);
    X509_free(any);
}
END_TEST

START_TEST(more_lines_than_places_are_all_genuine)
{
    struct pki *lines[ISSUERS_MAX + 2];
    for (size_t i = 0; i < ISSUERS_MAX + 2; i++)
        lines[i] = line_of(root, "Line");
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < ISSUERS_MAX + 2; i++)
            ck_assert_int_eq(check_below(anchors, lines[i], clock_unix_ms()), ERR_OK);
    }
    for (size_t i = 0; i < ISSUERS_MAX + 2; i++)
        pki_free(lines[i]);
}
END_TEST

START_TEST(known_issuer_expires)
{
    int64_t now = clock_unix_ms();
    struct pki *line = pki_new(
        root,
        &(struct pki_options){.is_ca = true, .name = "Line", .not_after = (now + HOUR_MS) / MS});
    ck_assert_int_eq(check_below(anchors, line, now), ERR_OK);
    refused(check_below(anchors, line, now + 2 * HOUR_MS), "expired");
    ck_assert_int_eq(check_below(anchors, line, now), ERR_OK);
    pki_free(line);
}
END_TEST

START_TEST(forger_of_a_known_issuer_is_found_out)
{
    int64_t now = clock_unix_ms();
    struct pki *line = line_of(root, "Line");
    struct pki *forger =
        pki_new(root, &(struct pki_options){.is_ca = true, .name = "Line", .is_forged = true});
    struct pki *made = pki_new(forger, &A_DEVICE);
    ck_assert_int_eq(check_below(anchors, line, now), ERR_OK);
    refused(check_chain(anchors, made, forger, now), "signature-invalid");
    /* With the known issuer in the place of the forger's own. */
    ck_assert_int_eq(check_chain(anchors, made, line, now), ERR_DEVICE_NOT_GENUINE);
    ck_assert_int_eq(check_below(anchors, line, now), ERR_OK);
    pki_free(made);
    pki_free(forger);
    pki_free(line);
}
END_TEST

/* Nothing but the key tells the two apart. */
START_TEST(forger_without_key_identifiers_is_found_out)
{
    static const struct pki_options without = {.serial = "SN-1", .key_identifiers = ""};
    const struct pki_options named = {.is_ca = true, .name = "Line", .key_identifiers = ""};
    int64_t now = clock_unix_ms();
    struct pki *other_root = pki_root("Factory Root");
    struct pki *line = pki_new(root, &named);
    struct pki *forger = pki_new(other_root, &named);
    struct pki *genuine = pki_new(line, &without);
    struct pki *forged = pki_new(forger, &without);
    ck_assert_int_eq(check_chain(anchors, genuine, line, now), ERR_OK);
    refused(check_chain(anchors, forged, forger, now), "signature-invalid");
    refused(check_chain(anchors, forged, line, now), "signature-invalid");
    ck_assert_int_eq(check_chain(anchors, genuine, line, now), ERR_OK);
    pki_free(forged);
    pki_free(genuine);
    pki_free(forger);
    pki_free(line);
    pki_free(other_root);
}
END_TEST

START_TEST(issuer_known_under_one_anchor_is_a_stranger_under_another)
{
    struct pki *line = line_of(root, "Line");
    struct pki *other_root = pki_root("Other Root");
    struct device_anchors *other = anchors_of(other_root);
    ck_assert_int_eq(check_below(anchors, line, clock_unix_ms()), ERR_OK);
    refused(check_below(other, line, clock_unix_ms()), "untrusted-issuer");
    refused(check_below(other, line, clock_unix_ms()), "untrusted-issuer");
    device_anchors_free(other);
    pki_free(other_root);
    pki_free(line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device issuers");
    TCase *all = tcase_create("issuers");
    tcase_add_checked_fixture(all, fixture_set_up, fixture_tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, issuer_of_a_good_chain_is_parsed_once);
    tcase_add_test(all, as_many_are_kept_as_there_are_places);
    tcase_add_test(all, more_lines_than_places_are_all_genuine);
    tcase_add_test(all, known_issuer_expires);
    tcase_add_test(all, forger_of_a_known_issuer_is_found_out);
    tcase_add_test(all, forger_without_key_identifiers_is_found_out);
    tcase_add_test(all, issuer_known_under_one_anchor_is_a_stranger_under_another);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
