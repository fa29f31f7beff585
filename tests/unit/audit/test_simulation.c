/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A factory at random: whatever it does by the rules holds, and its account is the one that is
 * counted here from the whole history, in the plainest way.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "judge.h"
#include "support/run.h"
#include "support/sizes.h"

#define DEVICES      12
#define IMAGES       3
#define INSTALLS_MAX 512
#define STEPS        150

enum result { NONE, SUCCEEDED, FAILED, SCRAPPED };
static const char *const RESULT_NAMES[] = {"", "succeeded", "failed", "scrapped"};

/* Installs are numbered from 1, over both products. */
struct install {
    unsigned product;
    unsigned device;
    unsigned image;
    unsigned unit; /* install that it was charged with; itself when it was */
    unsigned attempts;
    enum result last; /* of this install */
    bool was_scrapped;
};

struct factory {
    bool is_per_license;
    unsigned first_image;
    bool is_image_on[IMAGES];
    bool is_scrapped[DEVICES];
    int64_t accepted;
    int64_t allowance;
    int64_t drawn;
    int64_t charged;
};

static const char *const PRODUCTS[] = {"widget", "gadget"};
static struct judge judge;
static struct maker *maker;
static struct factory factories[2];
static struct install installs[INSTALLS_MAX];
static unsigned install_count;

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    maker_station(maker, "st-1");
}

static void tear_down(void)
{
    judge_clear(&judge);
}

static void build(unsigned p)
{
    factories[p] =
        (struct factory){.is_per_license = p == 1, .first_image = 1 + p * IMAGES, .accepted = 5};
    maker_local_product(maker, PRODUCTS[p], 5, p == 1 ? "per-license" : "per-device");
    for (unsigned i = 0; i < IMAGES; i++) {
        factories[p].is_image_on[i] = true;
        maker_image(maker, PRODUCTS[p], factories[p].first_image + i);
    }
}

static int64_t granted(const struct factory *factory)
{
    return factory->accepted + factory->drawn;
}

/* ---- what happens ---- */

static unsigned find_install(unsigned p, unsigned device, unsigned image)
{
    for (unsigned i = 1; i <= install_count; i++) {
        if (installs[i].product == p && installs[i].device == device &&
            (image == 0 || installs[i].image == image))
            return i;
    }
    return 0;
}

static void give_again(unsigned number)
{
    struct install *install = &installs[number];
    maker_license(maker, &(struct maker_license){.product = PRODUCTS[install->product],
                                                 .device = install->device,
                                                 .image = install->image,
                                                 .install = number,
                                                 .attempt = ++install->attempts});
}

static void give_first(unsigned p, unsigned device, unsigned image)
{
    struct factory *factory = &factories[p];
    unsigned earlier = factory->is_per_license ? 0 : find_install(p, device, 0);
    if (install_count + 1 == INSTALLS_MAX || (earlier == 0 && factory->charged == granted(factory)))
        return;
    unsigned number = ++install_count;
    factory->charged += earlier == 0 ? 1 : 0;
    installs[number] = (struct install){.product = p,
                                        .device = device,
                                        .image = image,
                                        .unit = earlier == 0 ? number : installs[earlier].unit,
                                        .attempts = 1};
    maker_license(maker, &(struct maker_license){.product = PRODUCTS[p],
                                                 .device = device,
                                                 .image = image,
                                                 .install = number,
                                                 .unit = earlier == 0 ? 0 : installs[number].unit});
}

static void ask(unsigned p)
{
    struct factory *factory = &factories[p];
    unsigned device = (unsigned)rand() % DEVICES;
    unsigned i = (unsigned)rand() % IMAGES;
    unsigned image = factory->first_image + i;
    if (factory->is_scrapped[device] || !factory->is_image_on[i])
        return;
    unsigned number = find_install(p, device, image);
    if (number != 0)
        give_again(number);
    else
        give_first(p, device, image);
}

static void report(void)
{
    if (install_count == 0)
        return;
    unsigned number = 1 + (unsigned)rand() % install_count;
    struct install *install = &installs[number];
    struct factory *factory = &factories[install->product];
    enum result result = (enum result)(1 + rand() % 5);
    result = result > SCRAPPED ? SUCCEEDED : result;
    bool was_scrapped = factory->is_scrapped[install->device];
    if (was_scrapped)
        result = SCRAPPED;
    bool draws = result == SCRAPPED && !was_scrapped && factory->drawn < factory->allowance;
    const char *extra = result != SCRAPPED ? ""
                        : draws            ? ",\"scrap_drawn\":true"
                                           : ",\"scrap_drawn\":false";
    maker_outcome(maker, number, RESULT_NAMES[result], install->attempts, extra);
    factory->drawn += draws ? 1 : 0;
    factory->is_scrapped[install->device] |= result == SCRAPPED;
    install->last = result;
    install->was_scrapped |= result == SCRAPPED;
}

static void administer(unsigned p)
{
    struct factory *factory = &factories[p];
    char digest[SHA256_HEX_SIZE];
    int units = 1 + rand() % 3;
    unsigned i = (unsigned)rand() % IMAGES;
    if (rand() % 3 == 0) {
        factory->is_image_on[i] = !factory->is_image_on[i];
        maker_leaf(maker, factory->is_image_on[i] ? "image-enabled" : "image-disabled",
                   MAKER_FORMAT("\"by\":\"uid:0\",\"image\":\"sha256:%s\",\"product\":\"%s\",",
                                maker_digest("image", factory->first_image + i, digest),
                                PRODUCTS[p]),
                   "");
        return;
    }
    bool is_scrap = rand() % 2 == 0;
    factory->accepted += is_scrap ? 0 : units;
    factory->allowance += is_scrap ? units : 0;
    maker_leaf(maker, is_scrap ? "scrap-allowance-added" : "quota-added",
               is_scrap ? MAKER_FORMAT("\"allowance\":%lld,\"by\":\"uid:0\",\"product\":\"%s\",",
                                       (long long)factory->allowance, PRODUCTS[p])
                        : MAKER_FORMAT("\"by\":\"uid:0\",\"product\":\"%s\",\"quota\":%lld,",
                                       PRODUCTS[p], (long long)granted(factory)),
               MAKER_FORMAT(",\"units\":%d", units));
}

/* ---- the plainest account ---- */

/* Scrapped from any install of the unit, else what its newest install said. */
static enum result result_of(unsigned unit)
{
    enum result newest = NONE;
    for (unsigned i = 1; i <= install_count; i++) {
        if (installs[i].unit != unit)
            continue;
        if (installs[i].was_scrapped)
            return SCRAPPED;
        newest = installs[i].last;
    }
    return newest;
}

static void count(unsigned p)
{
    const struct factory *factory = &factories[p];
    struct export_account *account = maker_account(maker, PRODUCTS[p]);
    account->accepted = factory->accepted;
    account->scrap_allowance = factory->allowance;
    account->scrap_drawn = factory->drawn;
    account->granted = granted(factory);
    account->charged = factory->charged;
    account->remaining = account->granted - account->charged;
    for (unsigned i = 1; i <= install_count; i++) {
        if (installs[i].product != p)
            continue;
        account->licensed++;
        if (installs[i].unit != i)
            continue;
        enum result result = result_of(i);
        account->succeeded += result == SUCCEEDED ? 1 : 0;
        account->failed += result == FAILED ? 1 : 0;
        account->scrapped += result == SCRAPPED ? 1 : 0;
        account->unreported += result == NONE ? 1 : 0;
    }
}

START_TEST(what_a_factory_does_by_the_rules_holds)
{
    srand((unsigned)_i);
    install_count = 0;
    build(0);
    build(1);
    for (int step = 0; step < STEPS; step++) {
        int what = rand() % 10;
        if (what < 5)
            ask((unsigned)rand() % 2);
        else if (what < 9)
            report();
        else
            administer((unsigned)rand() % 2);
    }
    count(0);
    count(1);
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_uint_gt(install_count, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulation");
    TCase *all = tcase_create("simulation");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, what_a_factory_does_by_the_rules_holds, 0,
                        (int)test_size("factories at random", 100, 5000));
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
