/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Which revocation lists a product takes in the place of those that it has. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixture.h"

#define HOUR_S INT64_C(3600)
#define MS     1000

static int64_t now;
static struct device_crls found;

/* How a list shall be; zero is a good one that is an hour old. */
struct crl_options {
    int64_t age_s;  /* 0: an hour */
    int64_t next_s; /* from now; 0: a day */
    long number;    /* 0: none */
    bool is_partial;
    bool is_sha1;
};

static EVP_PKEY *key_of(const struct pki *pki)
{
    BIO *text = BIO_new_mem_buf(pki_key(pki), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);
    BIO_free(text);
    ck_assert_ptr_nonnull(key);
    return key;
}

static X509_CRL *parsed(const struct pki *issuer, int64_t age_s, int64_t next_s)
{
    char *pem = pki_crl(issuer, NULL, now - age_s, now + next_s);
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509_CRL *crl = PEM_read_bio_X509_CRL(text, NULL, NULL, NULL);
    BIO_free(text);
    free(pem);
    ck_assert_ptr_nonnull(crl);
    return crl;
}

static void add_number(X509_CRL *crl, long number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    ck_assert_int_eq(ASN1_INTEGER_set(value, number), 1);
    ck_assert_int_eq(X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, X509V3_ADD_DEFAULT), 1);
    ASN1_INTEGER_free(value);
}

/* As a delta of the list of that number. */
static void make_partial(X509_CRL *crl)
{
    ASN1_INTEGER *base = ASN1_INTEGER_new();
    ck_assert_int_eq(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, X509V3_ADD_DEFAULT), 1);
    ASN1_INTEGER_free(base);
}

static char *make_crl(const struct pki *issuer, const struct crl_options *options)
{
    EVP_PKEY *key = key_of(issuer);
    X509_CRL *crl = parsed(issuer, options->age_s != 0 ? options->age_s : HOUR_S,
                           options->next_s != 0 ? options->next_s : 24 * HOUR_S);
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (options->number != 0)
        add_number(crl, options->number);
    if (options->is_partial)
        make_partial(crl);
    ck_assert_int_gt(X509_CRL_sign(crl, key, options->is_sha1 ? EVP_sha1() : EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509_CRL(text, crl), 1);
    const long length = BIO_get_mem_data(text, &data);
    char *pem = strndup(data, (size_t)length);
    BIO_free(text);
    X509_CRL_free(crl);
    EVP_PKEY_free(key);
    return pem;
}

/* Lists behind each other; they are freed. */
static char *joined(char *first, char *second)
{
    char *both = malloc(strlen(first) + strlen(second) + 1);
    ck_assert_ptr_nonnull(both);
    strcpy(both, first);
    strcat(both, second);
    free(first);
    free(second);
    return both;
}

struct offer {
    char *crls; /* freed */
    const char *issuers;
    const char *kept;
    bool accepts_older;
    unsigned hours_max;
};

static enum error try_offer(const struct offer *offer)
{
    const struct device_crls_offer made = {
        .anchors = text_bytes(pki_certificate(root)),
        .issuers = text_bytes(offer->issuers != NULL ? offer->issuers : ""),
        .crls = text_bytes(offer->crls),
        .kept = text_bytes(offer->kept != NULL ? offer->kept : ""),
        .accepts_older = offer->accepts_older,
        .crl_hours_max = offer->hours_max,
        .at_unix_ms = now * MS,
    };
    enum error code = device_crls_check(&made, &found, &fault);
    free(offer->crls);
    return code;
}
#define TRY(text, ...)   try_offer(&(const struct offer){.crls = (text), __VA_ARGS__})
#define CRL(issuer, ...) make_crl((issuer), &(const struct crl_options){__VA_ARGS__})

static void claim(enum error code, enum error wanted, const char *reason)
{
    ck_assert_int_eq(code, wanted);
    ck_assert_str_eq(fault.reason, reason);
}

static void set_up(void)
{
    now = time(NULL);
    fixture_set_up();
}

START_TEST(good_lists_are_summed_up)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA", .is_ca = true});
    char *both = joined(CRL(root, .age_s = 3 * HOUR_S), CRL(ca, .next_s = HOUR_S));
    ck_assert_int_eq(TRY(both, .issuers = pki_certificate(ca), .hours_max = 4), ERR_OK);
    ck_assert_uint_eq(found.lists, 2);
    ck_assert_int_eq(found.issued_unix_ms, (now - 3 * HOUR_S) * MS);
    ck_assert_int_eq(found.expires_unix_ms, (now + HOUR_S) * MS);
    pki_free(ca);
}
END_TEST

START_TEST(list_needs_a_signer_that_leads_to_an_anchor)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA", .is_ca = true});
    struct pki *stranger = pki_root("Stranger");
    struct pki *namesake = pki_root("Factory Root");
    claim(TRY(CRL(ca)), ERR_BAD_REQUEST, "crl-signer");
    claim(TRY(CRL(stranger)), ERR_BAD_REQUEST, "crl-signer");
    claim(TRY(CRL(stranger), .issuers = pki_certificate(stranger)), ERR_BAD_REQUEST, "crl-signer");
    claim(TRY(CRL(namesake)), ERR_BAD_REQUEST, "crl-signer");
    ck_assert_int_eq(TRY(CRL(ca), .issuers = pki_certificate(ca)), ERR_OK);
    pki_free(namesake);
    pki_free(stranger);
    pki_free(ca);
}
END_TEST

START_TEST(ca_that_has_expired_still_revokes_and_a_device_never_does)
{
    struct pki *old = pki_new(root, &(struct pki_options){.name = "Old",
                                                          .is_ca = true,
                                                          .not_before = now - 48 * HOUR_S,
                                                          .not_after = now - HOUR_S});
    struct pki *mute = pki_new(
        root,
        &(struct pki_options){.name = "Mute", .is_ca = true, .key_usage = "critical,keyCertSign"});
    struct pki *made =
        pki_new(root, &(struct pki_options){.name = "SN-1", .key_usage = "critical,cRLSign"});
    ck_assert_int_eq(TRY(CRL(old), .issuers = pki_certificate(old)), ERR_OK);
    claim(TRY(CRL(mute), .issuers = pki_certificate(mute)), ERR_BAD_REQUEST, "crl-signer");
    claim(TRY(CRL(made), .issuers = pki_certificate(made)), ERR_BAD_REQUEST, "crl-signer");
    pki_free(made);
    pki_free(mute);
    pki_free(old);
}
END_TEST

START_TEST(list_that_would_refuse_everything_is_not_taken)
{
    claim(TRY(CRL(root, .age_s = 25 * HOUR_S), .hours_max = 24), ERR_BAD_REQUEST, "crl-stale");
    claim(TRY(CRL(root, .age_s = -HOUR_S)), ERR_BAD_REQUEST, "crl-stale");
    claim(TRY(CRL(root, .next_s = -60)), ERR_BAD_REQUEST, "crl-stale");
    ck_assert_int_eq(TRY(CRL(root, .age_s = 9000 * HOUR_S)), ERR_OK); /* nobody asks for more */
}
END_TEST

START_TEST(part_of_a_list_two_of_one_issuer_and_a_weak_one_are_refused)
{
    claim(TRY(CRL(root, .is_partial = true)), ERR_BAD_REQUEST, "crl-scope");
    claim(TRY(joined(CRL(root), CRL(root, .age_s = 60))), ERR_BAD_REQUEST, "crl-twice");
    claim(TRY(CRL(root, .is_sha1 = true)), ERR_BAD_REQUEST, "weak-signature");
    claim(TRY(strdup("nothing"), .kept = NULL), ERR_BAD_REQUEST, "not-a-crl");
    claim(TRY(CRL(root), .issuers = "nothing"), ERR_BAD_REQUEST, "certificate-malformed");
}
END_TEST

START_TEST(step_back_has_to_be_asked_for)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "CA", .is_ca = true});
    const char *issuers = pki_certificate(ca);
    char *kept = joined(CRL(root, .number = 7), CRL(ca));
    char *lower = joined(CRL(root, .number = 6, .age_s = 60), CRL(ca));
    claim(TRY(lower, .issuers = issuers, .kept = kept), ERR_CONFLICT, "crl-older");
    char *older = joined(CRL(root, .number = 8, .age_s = 2 * HOUR_S), CRL(ca));
    claim(TRY(older, .issuers = issuers, .kept = kept), ERR_CONFLICT, "crl-older");
    claim(TRY(CRL(root, .number = 8), .kept = kept), ERR_CONFLICT, "crl-dropped");
    ck_assert_int_eq(TRY(CRL(root, .number = 6), .kept = kept, .accepts_older = true), ERR_OK);
    char *same = joined(CRL(ca), CRL(root, .number = 7));
    ck_assert_int_eq(TRY(same, .issuers = issuers, .kept = kept), ERR_OK);
    free(kept);
    pki_free(ca);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device revocation lists");
    TCase *crls = tcase_create("crls");
    tcase_add_checked_fixture(crls, set_up, fixture_tear_down);
    tcase_set_timeout(crls, 60);
    tcase_add_test(crls, good_lists_are_summed_up);
    tcase_add_test(crls, list_needs_a_signer_that_leads_to_an_anchor);
    tcase_add_test(crls, ca_that_has_expired_still_revokes_and_a_device_never_does);
    tcase_add_test(crls, list_that_would_refuse_everything_is_not_taken);
    tcase_add_test(crls, part_of_a_list_two_of_one_issuer_and_a_weak_one_are_refused);
    tcase_add_test(crls, step_back_has_to_be_asked_for);
    suite_add_tcase(suite, crls);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
