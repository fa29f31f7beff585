/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Parsed anchors are shared while they are the product's, and replaced when they change. */
#include "vault/product_cache.h"

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
    ck_assert_ptr_nonnull(product_anchors_get(old)); /* still there for whoever holds it */
    product_anchors_put(old);
    product_anchors_put(new);
}
END_TEST

START_TEST(cached_anchors_judge_devices_of_their_product)
{
    struct device device;
    struct fault fault;
    struct ledger_product product = make_product("gateway");
    struct product_anchors *anchors = get(&product);
    struct pki *genuine = pki_device(maker, "SN-1");
    const char *pem = pki_certificate(genuine);
    ck_assert_int_eq(device_check(product_anchors_get(anchors), bytes_of(pem, strlen(pem)),
                                  clock_unix_ms(), &device, &fault),
                     ERR_OK);
    ck_assert_str_eq(device.serial, "SN-1");
    product_anchors_put(anchors);
    pki_free(genuine);
}
END_TEST

START_TEST(a_product_without_anchors_is_a_fault_and_not_cached)
{
    struct product_anchors *anchors = NULL;
    struct fault fault;
    const struct ledger_product nobody = {.id = 77, .anchors_version = 1};
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
        a_product_without_anchors_is_a_fault_and_not_cached,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "product cache",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 30,
                                        .tests = tests});
}
