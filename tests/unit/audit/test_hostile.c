/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Journals that somebody with the key made up: leaves of every type, shuffled, repeated, left out
 * and with other words in them. None brings verification or reconciliation down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "audit/reconcile.h"
#include "judge.h"
#include "signed_grant.h"
#include "support/run.h"
#include "support/sizes.h"

#define LEAVES_MAX 128

static struct judge judge;
static struct maker *maker;
static char mes[TEMP_PATH_MAX];
static char *originals[LEAVES_MAX];
static size_t original_count;

static void rebind(void)
{
    char old_key[SHA256_HEX_SIZE], new_key[SHA256_HEX_SIZE];
    maker_leaf(maker, "device-rebound",
               MAKER_FORMAT("\"by\":\"uid:0\",\"new_key\":\"%s\",\"old_key\":\"%s\","
                            "\"product\":\"gadget\",\"serial\":\"SN-1\",",
                            maker_digest("device", 9, new_key), maker_digest("device", 1, old_key)),
               "");
}

static void set_up(void)
{
    char root[SHA256_HEX_SIZE];
    judge_init(&judge);
    maker = &judge.maker;
    temp_dir_path(&judge.dir, "mes.csv", mes);
    maker_station(maker, "st-1");
    maker_station(maker, "st-2");
    signed_grant_product(maker, &(struct signed_grant){
                                    .kind = "policy", .product = "widget", .id = 1, .sequence = 1});
    signed_grant_add(maker,
                     &(struct signed_grant){
                         .kind = "install", .product = "widget", .id = 2, .units = 9, .quota = 9});
    signed_grant_add(maker,
                     &(struct signed_grant){
                         .kind = "scrap", .product = "widget", .id = 3, .units = 2, .quota = 9});
    signed_grant_add(maker, &(struct signed_grant){.kind = "override",
                                                   .product = "widget",
                                                   .id = 4,
                                                   .anchor_size = 7,
                                                   .anchor_root = maker_digest("root", 1, root),
                                                   .head_size = 3,
                                                   .head_root = root,
                                                   .quota = 9});
    maker_leaf(maker, "override",
               MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":7,\"by\":\"uid:0\","
                            "\"head_root\":\"%s\",\"head_size\":3,",
                            root, root),
               "");
    maker_local_product(maker, "gadget", 5, "per-license");
    maker_image(maker, "widget", 1);
    maker_image(maker, "widget", 2);
    maker_image(maker, "gadget", 1);
    for (unsigned device = 1; device <= 6; device++) {
        const char *product = device % 2 == 0 ? "widget" : "gadget";
        maker_license(maker,
                      &(struct maker_license){
                          .product = product, .device = device, .image = 1, .install = device});
        maker_outcome(maker, device, device == 4 ? "scrapped" : "succeeded", 1,
                      device == 4 ? ",\"scrap_drawn\":true" : "");
    }
    maker_license(maker,
                  &(struct maker_license){
                      .product = "widget", .device = 2, .image = 2, .install = 12, .unit = 2});
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = 2,
                                                 .image = 2,
                                                 .install = 12,
                                                 .attempt = 2,
                                                 .station = "st-2"});
    rebind();
    signed_grant_add(
        maker,
        &(struct signed_grant){
            .kind = "revoke", .product = "widget", .id = 5, .units = 3, .taken = 3, .quota = 7});
    maker_leaf(maker, "account",
               "\"charged\":3,\"documents\":5,\"product\":\"widget\",\"scrap_drawn\":0,", "");
    maker_leaf(maker, "stop", "", "");
    original_count = maker->leaf_count;
    ck_assert_uint_lt(original_count, LEAVES_MAX);
    for (size_t i = 0; i < original_count; i++)
        originals[i] = strdup(maker->leaves[i]);
}

static void tear_down(void)
{
    for (size_t i = 0; i < original_count; i++)
        free(originals[i]);
    judge_clear(&judge);
}

static void restore(void)
{
    while (maker->leaf_count > 0)
        maker_remove(maker, maker->leaf_count - 1);
    for (size_t i = 0; i < original_count; i++)
        maker_raw(maker, originals[i]);
}

static size_t any_leaf(void)
{
    return (size_t)rand() % maker->leaf_count;
}

/* A word of one leaf in the place of one of the same length or another in another leaf. */
static void exchange_words(void)
{
    static const char *const WORDS[][2] = {
        {"widget", "gadget"},
        {"gadget", "widget"},
        {"SN-2", "SN-4"},
        {"true", "false"},
        {"false", "true"},
        {"succeeded", "scrapped"},
        {"scrapped", "failed"},
        {"st-1", "st-2"},
        {"\"attempt\":1", "\"attempt\":2"},
        {"000000000002", "000000000004"},
        {"issued", "reissued"},
        {"install", "scrap"},
        {"per-license", "per-device"},
        {"revoke", "rebind"},
        {"\"units\":", "\"units\":-"},
        {"policy", "install"},
        {"2026", "1970"},
        {"\"quota\":", "\"quota\":1"},
    };
    size_t leaf = any_leaf();
    for (size_t tries = 0; tries < 40; tries++) {
        const char *const *words = WORDS[(size_t)rand() % (sizeof WORDS / sizeof WORDS[0])];
        if (strstr(maker->leaves[leaf], words[0]) != NULL) {
            maker_replace(maker, leaf, words[0], words[1]);
            return;
        }
    }
}

static void disturb(void)
{
    char *copy = NULL;
    switch (rand() % 5) {
    case 0:
        maker_remove(maker, any_leaf());
        return;
    case 1:
        copy = strdup(maker->leaves[any_leaf()]);
        maker_insert(maker, any_leaf(), copy);
        free(copy);
        return;
    case 2:
        maker_swap(maker, any_leaf(), any_leaf());
        return;
    default:
        exchange_words();
    }
}

static void reconcile(void)
{
    const struct reconcile_request request = {.export_path = judge.path, .mes_path = mes};
    struct reconciliation *reconciliation = NULL;
    ck_assert_int_eq(audit_reconcile(&request, &reconciliation, &judge.fault), ERR_OK);
    for (size_t i = 0; i < reconciliation_row_count(reconciliation); i++) {
        struct reconcile_row row;
        reconciliation_row(reconciliation, i, &row);
    }
    for (size_t i = 0; i < reconciliation_flag_count(reconciliation); i++) {
        struct reconcile_flag flag;
        reconciliation_flag(reconciliation, i, &flag);
    }
    reconciliation_free(reconciliation);
}

static void write_mes(void)
{
    FILE *file = fopen(mes, "we");
    (void)fputs("product,serial,shipped\ngadget,SN-1,2026-11-28\nwidget,SN-2,2026-11-28\n"
                "widget,SN-9,2026-11-28\n",
                file);
    (void)fclose(file);
}

START_TEST(made_up_journals_are_judged)
{
    size_t rounds = test_size("journals made up", 500, 10000);
    write_mes();
    srand(11);
    for (size_t round = 0; round < rounds; round++) {
        restore();
        for (int count = 1 + rand() % 6; count > 0; count--)
            disturb();
        judge_seal_and_run(&judge);
        ck_assert_msg(judge.error == ERR_OK, "%s", judge.fault.reason);
        ck_assert_int_gt(judge.report.finding_total, 0); /* its accounts are left out */
        reconcile();
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {made_up_journals_are_judged, NULL};
    return run_suite(&(struct run_case){"hostile", set_up, tear_down, 900, tests});
}
