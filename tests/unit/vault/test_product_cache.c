/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Parsed anchors are shared while they are the product's, and replaced when they change. */
#include "vault/product_cache.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"
#include "support/pki.h"
#include "support/run.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static struct ledger *ledger;
static struct product_cache *cache;
static struct pki *maker;

static void set_up(void)
{
    char path[TEMP_PATH_MAX];
    struct fault fault;
    temp_dir_make(&dir);
    temp_dir_path(&dir, "ledger.db", path);
    maker = pki_root("Maker");
    ck_assert_int_eq(ledger_open(path, &ledger, &fault), ERR_OK);
    ck_assert_int_eq(product_cache_new(&cache), ERR_OK);
}

static void tear_down(void)
{
    product_cache_free(cache);
    ledger_close(ledger);
    pki_free(maker);
    temp_dir_remove(&dir);
}

static struct ledger_product make_product(const char *name)
{
    struct ledger_product product;
    struct fault fault;
    const char *pem = pki_certificate(maker);
    const struct ledger_product_new made = {.name = name,
                                            .profile = "cms",
                                            .policy = LEDGER_PER_DEVICE,
                                            .quota = 1,
                                            .anchors = bytes_of(pem, strlen(pem))};
    ck_assert_int_eq(ledger_product_create(ledger, &made, "test", &fault), ERR_OK);
    ck_assert_int_eq(ledger_product_get(ledger, name, &product, &fault), ERR_OK);
    return product;
}

static struct product_anchors *get(const struct ledger_product *product)
{
    struct product_anchors *anchors = NULL;
    struct fault fault;
    ck_assert_int_eq(product_cache_get(cache, ledger, product, &anchors, &fault), ERR_OK);
    return anchors;
}

/* The judgement on a device's X.509 certificate. */
static enum error check(const struct product_anchors *anchors, const struct pki *pki)
{
    struct device device;
    struct fault fault;
    const char *pem = pki_certificate(pki);
    const struct product_proof proof = {.certificate_chain = bytes_of(pem, strlen(pem))};
    return product_anchors_check(anchors, &proof, clock_unix_ms(), &device, &fault);
}

START_TEST(the_same_version_is_parsed_once)
{
    struct ledger_product product = make_product("gateway");
    struct product_anchors *first = get(&product);
    struct product_anchors *second = get(&product);
    ck_assert_ptr_eq(first, second);
    product_anchors_put(first);
    product_anchors_put(second);
}
END_TEST

START_TEST(a_new_version_replaces_the_old_one_which_its_users_keep)
{
    struct ledger_product product = make_product("gateway");
    struct product_anchors *old = get(&product);
    product.anchors_version++;
    struct product_anchors *new = get(&product);
    ck_assert_ptr_ne(old, new);
    /* The old one is still there for whoever holds it. */
    struct pki *genuine = pki_device(maker, "SN-1");
    ck_assert_int_eq(check(old, genuine), ERR_OK);
    pki_free(genuine);
    product_anchors_put(old);
    product_anchors_put(new);
}
END_TEST

START_TEST(cached_anchors_judge_devices_of_their_product)
{
    struct ledger_product product = make_product("gateway");
    struct product_anchors *anchors = get(&product);
    struct pki *genuine = pki_device(maker, "SN-1");
    struct pki *other_maker = pki_root("Other");
    struct pki *stranger = pki_device(other_maker, "SN-1");
    ck_assert_int_eq(check(anchors, genuine), ERR_OK);
    ck_assert_int_eq(check(anchors, stranger), ERR_DEVICE_NOT_GENUINE);
    ck_assert_ptr_null(product_anchors_options(anchors));
    product_anchors_put(anchors);
    pki_free(genuine);
    pki_free(stranger);
    pki_free(other_maker);
}
END_TEST

/* The lists as somebody brings them; nobody here looks at them. */
static struct ledger_product bring(const struct ledger_product *product, const char *pem)
{
    struct ledger_product changed;
    struct fault fault;
    const struct ledger_crls_new crls = {.anchors_version = product->anchors_version,
                                         .pem = bytes_of(pem, strlen(pem)),
                                         .values = {.lists = 1}};
    ck_assert_int_eq(ledger_crls_set(ledger, product->name, &crls, "test", &fault), ERR_OK);
    ck_assert_int_eq(ledger_product_get(ledger, product->name, &changed, &fault), ERR_OK);
    return changed;
}

START_TEST(lists_come_with_the_version_that_they_were_brought_in)
{
    struct fault fault;
    struct product_anchors *broken = NULL;
    struct ledger_product product = make_product("gateway");
    strcpy(product.options, "{\"crl_hours_max\":24}");
    struct pki *genuine = pki_device(maker, "SN-1");
    char *crl = pki_crl(maker, NULL, clock_unix_ms() / 1000 - 60, 0);
    struct product_anchors *without = get(&product);
    ck_assert_int_eq(check(without, genuine), ERR_DEVICE_NOT_GENUINE);
    struct ledger_product changed = bring(&product, crl);
    strcpy(changed.options, product.options);
    struct product_anchors *with = get(&changed);
    ck_assert_int_eq(check(with, genuine), ERR_OK);
    struct ledger_product spoilt = bring(&changed, "no list");
    strcpy(spoilt.options, product.options);
    ck_assert_int_eq(product_cache_get(cache, ledger, &spoilt, &broken, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "crls");
    product_anchors_put(with);
    product_anchors_put(without);
    free(crl);
    pki_free(genuine);
}
END_TEST

static const char CHIP_OPTIONS[] =
    "{\"product_id\":\"45002001\",\"signed\":\"id-and-key\",\"license_type\":\"SFI.\","
    "\"minimum_boot_version\":7,\"kdf_shared_info\":\"00\",\"kdf_key_offset\":0,"
    "\"kdf_iv_offset\":16,\"kdf_iv_bytes\":12}";

/* Any point of the curve will do as a key that signs chips: this one is its generator. */
static const char CHIP_ANCHOR[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
    "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
    "-----END PUBLIC KEY-----\n";

static struct ledger_product make_chip_product(const char *options)
{
    struct ledger_product product;
    struct fault fault;
    const struct ledger_product_new made = {.name = "chip",
                                            .profile = "st-sfi",
                                            .policy = LEDGER_PER_DEVICE,
                                            .anchors =
                                                bytes_of(CHIP_ANCHOR, sizeof CHIP_ANCHOR - 1),
                                            .options = options};
    ck_assert_int_eq(ledger_product_create(ledger, &made, "test", &fault), ERR_OK);
    ck_assert_int_eq(ledger_product_get(ledger, "chip", &product, &fault), ERR_OK);
    return product;
}

START_TEST(a_product_of_chips_has_settings_and_takes_st_certificates_alone)
{
    static const uint8_t nothing[ST_CERTIFICATE_BYTES];
    struct device device;
    struct fault fault;
    struct ledger_product product = make_chip_product(CHIP_OPTIONS);
    struct product_anchors *anchors = get(&product);
    struct pki *genuine = pki_device(maker, "SN-1");
    const struct product_proof proof = {.st_certificate = bytes_of(nothing, sizeof nothing)};
    ck_assert_uint_eq(product_anchors_options(anchors)->license.minimum_boot_version, 7);
    ck_assert_int_eq(product_anchors_check(anchors, &proof, clock_unix_ms(), &device, &fault),
                     ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(fault.reason, "st-product-id");
    ck_assert_int_eq(check(anchors, genuine), ERR_BAD_REQUEST);
    product_anchors_put(anchors);
    pki_free(genuine);
}
END_TEST

START_TEST(a_product_of_gateways_takes_no_st_certificate)
{
    static const uint8_t nothing[ST_CERTIFICATE_BYTES];
    struct device device;
    struct fault fault;
    struct ledger_product product = make_product("gateway");
    struct product_anchors *anchors = get(&product);
    const struct product_proof proof = {.st_certificate = bytes_of(nothing, sizeof nothing)};
    ck_assert_int_eq(product_anchors_check(anchors, &proof, clock_unix_ms(), &device, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "device-form");
    ck_assert_ptr_nonnull(strstr(fault.detail, "product or alias that was asked for is the right "
                                               "one."));
    product_anchors_put(anchors);
}
END_TEST

START_TEST(settings_that_cannot_be_read_are_a_fault)
{
    struct product_anchors *anchors = NULL;
    struct fault fault;
    struct ledger_product product = make_chip_product("{}");
    ck_assert_int_eq(product_cache_get(cache, ledger, &product, &anchors, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "options");
}
END_TEST

START_TEST(a_product_without_anchors_is_a_fault_and_not_cached)
{
    struct product_anchors *anchors = NULL;
    struct fault fault;
    const struct ledger_product nobody = {.id = 77, .anchors_version = 1, .profile = "cms"};
    ck_assert_int_ne(product_cache_get(cache, ledger, &nobody, &anchors, &fault), ERR_OK);
    ck_assert_ptr_null(anchors);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_same_version_is_parsed_once,
        a_new_version_replaces_the_old_one_which_its_users_keep,
        cached_anchors_judge_devices_of_their_product,
        lists_come_with_the_version_that_they_were_brought_in,
        a_product_of_chips_has_settings_and_takes_st_certificates_alone,
        a_product_of_gateways_takes_no_st_certificate,
        settings_that_cannot_be_read_are_a_fault,
        a_product_without_anchors_is_a_fault_and_not_cached,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "product cache",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 30,
                                        .tests = tests});
}
