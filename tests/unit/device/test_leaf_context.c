/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the context of a device's own certificate knows, and that nothing else changes by it. */
#include <stdlib.h>

#include <check.h>
#include <openssl/x509.h>

#include "device/leaf_context.h"
#include "device/pem.h"
#include "fixture.h"

static struct issuers *known;

static void set_up(void)
{
    fixture_set_up();
    known = issuers_new();
    ck_assert_ptr_nonnull(known);
}

static void tear_down(void)
{
    issuers_free(known);
    fixture_tear_down();
}

/* Reads a chain of these two; the caller clears it. */
static struct pem_chain chain_of(const struct pki *one, const struct pki *two)
{
    struct pem_chain chain;
    char *text = pki_chain((const struct pki *const[]){one, two}, 2);
    ck_assert_int_eq(pem_read_chain(text_bytes(text), known, &chain), PEM_OK);
    ck_assert_int_eq(sk_X509_num(chain.list), 2);
    free(text);
    return chain;
}

static bool has_key(const struct pem_chain *chain, int index)
{
    return X509_get0_pubkey(sk_X509_value(chain->list, index)) != NULL;
}

START_TEST(context_is_made_once)
{
    ck_assert_ptr_nonnull(leaf_context());
    ck_assert_ptr_eq(leaf_context(), leaf_context());
}
END_TEST

START_TEST(keys_of_devices_are_known_whatever_they_are)
{
    struct pki *ec = pki_new(root, &(struct pki_options){.serial = "SN-1"});
    struct pki *rsa = pki_new(root, &(struct pki_options){.serial = "SN-2", .key = PKI_RSA_2048});
    struct pem_chain of_ec = chain_of(ec, root);
    struct pem_chain of_rsa = chain_of(rsa, root);
    ck_assert(has_key(&of_ec, 0));
    ck_assert(has_key(&of_rsa, 0)); /* parsed again, in the default context */
    pem_chain_clear(&of_ec);
    pem_chain_clear(&of_rsa);
    pki_free(ec);
    pki_free(rsa);
}
END_TEST

START_TEST(keys_of_issuers_are_known_whatever_they_are)
{
    struct pki *issuer =
        pki_new(root, &(struct pki_options){.name = "Line", .is_ca = true, .key = PKI_RSA_2048});
    struct pki *made = pki_new(issuer, &(struct pki_options){.serial = "SN-1"});
    struct pem_chain chain = chain_of(made, issuer);
    ck_assert(has_key(&chain, 0));
    ck_assert(has_key(&chain, 1));
    pem_chain_clear(&chain);
    pki_free(made);
    pki_free(issuer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device leaf context");
    TCase *all = tcase_create("leaf context");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, context_is_made_once);
    tcase_add_test(all, keys_of_devices_are_known_whatever_they_are);
    tcase_add_test(all, keys_of_issuers_are_known_whatever_they_are);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
