/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the readers see: products, policies, images, installs, usage, stations, metrics. */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "site.h"

#define LAST_MS INT64_C(4102444800000) /* 2100-01-01 */

/* ---- products ---- */

START_TEST(products_are_shown_with_their_account)
{
    Provisiond__StationReply *reply = site_read_product(&site.auditor, "");
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->product_read->n_products, 2);
    const Provisiond__ProductEntry *widget = reply->product_read->products[0];
    ck_assert_str_eq(widget->name, "widget");
    ck_assert_str_eq(widget->profile, "cms");
    ck_assert_str_eq(widget->policy, "per-device");
    ck_assert_str_eq(widget->state, "ok");
    ck_assert_int_eq(widget->quota, VAULT_RIG_WIDGETS);
    ck_assert_int_eq(widget->used, SITE_WIDGETS);
    ck_assert(widget->enabled);
    ck_assert(!widget->governed);
    vault_rig_free(reply);
    reply = site_read_product(&site.auditor, SITE_NOBODY);
    vault_rig_expect(reply, ERR_PRODUCT_UNKNOWN, "product-unknown");
    vault_rig_free(reply);
}
END_TEST

START_TEST(policy_is_shown_with_the_anchors)
{
    Provisiond__PolicyReadRequest asked = PROVISIOND__POLICY_READ_REQUEST__INIT;
    const char *pem = pki_certificate(site.rig.maker);
    asked.product = site_text("widget");
    Provisiond__StationReply *reply =
        vault_rig_question(&site.rig, &site.auditor, OP(POLICY_READ), &asked);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_str_eq(reply->policy_read->product->name, "widget");
    ck_assert_uint_eq(reply->policy_read->anchors.len, strlen(pem));
    ck_assert_mem_eq(reply->policy_read->anchors.data, pem, strlen(pem));
    vault_rig_free(reply);
}
END_TEST

/* Lists, sums and single ones alike; who is narrowed is told nothing of it (test_narrowed.c). */
START_TEST(product_that_does_not_exist_is_unknown_wherever_it_is_named)
{
    Provisiond__InstallListRequest installs = PROVISIOND__INSTALL_LIST_REQUEST__INIT;
    Provisiond__ImageReadRequest images = PROVISIOND__IMAGE_READ_REQUEST__INIT;
    Provisiond__GrantReadRequest grants = PROVISIOND__GRANT_READ_REQUEST__INIT;
    Provisiond__PolicyReadRequest policy = PROVISIOND__POLICY_READ_REQUEST__INIT;
    Provisiond__UsageByRequest sums = PROVISIOND__USAGE_BY_REQUEST__INIT;
    char *nobody = site_text(SITE_NOBODY);
    installs.product = images.product = grants.product = policy.product = sums.product = nobody;
    installs.limit = grants.limit = sums.limit = 10;
    sums.by = PROVISIOND__USAGE_KEY__USAGE_BY_DAY;
    const struct {
        Provisiond__StationRequest__OpCase op;
        void *body;
    } questions[] = {{OP(INSTALL_LIST), &installs},
                     {OP(IMAGE_READ), &images},
                     {OP(GRANT_READ), &grants},
                     {OP(POLICY_READ), &policy},
                     {OP(USAGE_BY), &sums}};
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        Provisiond__StationReply *reply =
            vault_rig_question(&site.rig, &site.auditor, questions[i].op, questions[i].body);
        vault_rig_expect(reply, ERR_PRODUCT_UNKNOWN, "product-unknown");
        vault_rig_free(reply);
    }
}
END_TEST

/* ---- images ---- */

START_TEST(images_are_shown_of_all_products_or_one_or_by_digest)
{
    struct sha256 nowhere = {{1}};
    Provisiond__StationReply *reply = site_read_images(&site.auditor, "", NULL);
    ck_assert_uint_eq(reply->image_read->n_images, 2);
    ck_assert_str_eq(reply->image_read->images[1]->product, "gadget");
    ck_assert_str_eq(reply->image_read->images[1]->label, "1.0");
    ck_assert(reply->image_read->images[0]->latest);
    ck_assert(reply->image_read->images[1]->latest);
    vault_rig_free(reply);
    reply = site_read_images(&site.auditor, "gadget", NULL);
    ck_assert_uint_eq(reply->image_read->n_images, 1);
    vault_rig_free(reply);
    reply = site_read_images(&site.auditor, "", &site.rig.images[1]);
    ck_assert_uint_eq(reply->image_read->n_images, 1);
    ck_assert_str_eq(reply->image_read->images[0]->product, "gadget");
    vault_rig_free(reply);
    reply = site_read_images(&site.auditor, "", &nowhere);
    vault_rig_expect(reply, ERR_IMAGE_UNKNOWN, "image-unknown");
    vault_rig_free(reply);
}
END_TEST

/* ---- installs ---- */

START_TEST(install_is_shown_as_it_was_issued_and_reported)
{
    Provisiond__InstallListRequest asked = site_any_install();
    asked.install_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = site.installs[1].bytes};
    Provisiond__StationReply *reply = site_list(&site.auditor, &asked);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->install_list->n_installs, 1);
    const Provisiond__InstallEntry *entry = reply->install_list->installs[0];
    ck_assert_mem_eq(entry->install_id.data, site.installs[1].bytes, UUID_SIZE);
    ck_assert_mem_eq(entry->license_digest.data, site.digests[1].bytes, SHA256_SIZE);
    ck_assert_mem_eq(entry->image.data, site.rig.images[0].bytes, SHA256_SIZE);
    ck_assert_int_eq(entry->journal_index, site.indexes[1]);
    ck_assert_str_eq(entry->product, "widget");
    ck_assert_str_eq(entry->profile, "cms");
    ck_assert_str_eq(entry->serial, "SN-1");
    ck_assert_str_eq(entry->station, "first");
    ck_assert_str_eq(entry->context->lot, "A");
    ck_assert_str_eq(entry->context->line, "line-1");
    ck_assert(entry->charged);
    ck_assert_int_eq(entry->attempts, 1);
    ck_assert_int_eq((int)entry->result, (int)PROVISIOND__INSTALL_RESULT__INSTALL_FAILED);
    ck_assert_str_eq(entry->code, "e1");
    ck_assert_str_eq(entry->reporter, "first");
    ck_assert_int_gt(entry->reported_unix_ms, 0);
    ck_assert(!entry->proven);
    vault_rig_free(reply);
}
END_TEST

START_TEST(installs_are_found_by_what_narrows_them)
{
    Provisiond__InstallListRequest asked = site_any_install();
    ck_assert_uint_eq(site_count(&site.auditor, &asked), SITE_DEVICES);
    asked.lot = site_text("A");
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 4);
    asked.product = site_text("widget");
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 2);
    asked.result = PROVISIOND__INSTALL_RESULT__INSTALL_SUCCEEDED;
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 1);
    asked.result = PROVISIOND__INSTALL_RESULT__INSTALL_UNREPORTED;
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 0);
    asked = site_any_install();
    asked.station = site_text("near");
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 0);
    asked.station = site_text("first");
    ck_assert_uint_eq(site_count(&site.auditor, &asked), SITE_DEVICES);
    asked.since_unix_ms = LAST_MS;
    ck_assert_uint_eq(site_count(&site.auditor, &asked), 0);
    asked.since_unix_ms = 0;
    asked.until_unix_ms = LAST_MS;
    ck_assert_uint_eq(site_count(&site.auditor, &asked), SITE_DEVICES);
}
END_TEST

START_TEST(pages_show_each_install_once_the_newest_first)
{
    Provisiond__InstallListRequest asked = site_any_install();
    size_t seen = 0;
    asked.limit = 2;
    do {
        Provisiond__StationReply *reply = site_list(&site.auditor, &asked);
        vault_rig_expect(reply, ERR_OK, "");
        for (size_t i = 0; i < reply->install_list->n_installs; i++, seen++)
            ck_assert_mem_eq(reply->install_list->installs[i]->install_id.data,
                             site.installs[SITE_DEVICES - 1 - seen].bytes, UUID_SIZE);
        ck_assert_uint_le(reply->install_list->n_installs, 2);
        asked.before = reply->install_list->next;
        vault_rig_free(reply);
    } while (asked.before != 0);
    ck_assert_uint_eq(seen, SITE_DEVICES);
}
END_TEST

static void expect_refused(Provisiond__InstallListRequest asked, const char *reason)
{
    Provisiond__StationReply *reply = site_list(&site.auditor, &asked);
    vault_rig_expect(reply, ERR_BAD_REQUEST, reason);
    vault_rig_free(reply);
}

START_TEST(malformed_filter_is_refused)
{
    static char long_text[200];
    Provisiond__InstallListRequest asked = site_any_install();
    memset(long_text, 'x', sizeof long_text - 1);
    asked.limit = 0;
    expect_refused(asked, "limit");
    asked.limit = LEDGER_PAGE_MAX + 1;
    expect_refused(asked, "limit");
    asked = site_any_install();
    asked.lot = long_text;
    expect_refused(asked, "lot");
    asked = site_any_install();
    asked.device = (ProtobufCBinaryData){.len = 3, .data = site.installs[0].bytes};
    expect_refused(asked, "device");
    asked = site_any_install();
    asked.install_id = asked.device =
        (ProtobufCBinaryData){.len = 3, .data = site.installs[0].bytes};
    expect_refused(asked, "install_id");
    asked = site_any_install();
    asked.result = (Provisiond__InstallResult)5;
    expect_refused(asked, "result");
    asked = site_any_install();
    asked.before = -1;
    expect_refused(asked, "before");
    asked = site_any_install();
    asked.since_unix_ms = -1;
    expect_refused(asked, "since");
}
END_TEST

/* ---- stations ---- */

START_TEST(stations_are_shown_and_nobody_else)
{
    Provisiond__StationReply *reply =
        site_read_stations(&site.auditor, "", PROVISIOND__ROLE__ROLE_UNKNOWN);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->principal_list->n_principals, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq((int)reply->principal_list->principals[i]->role,
                         (int)PROVISIOND__ROLE__ROLE_STATION);
    vault_rig_free(reply);
    reply = site_read_stations(&site.auditor, "narrow", PROVISIOND__ROLE__ROLE_UNKNOWN);
    vault_rig_expect(reply, ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    vault_rig_free(reply);
    reply = site_read_stations(&site.auditor, "", PROVISIOND__ROLE__ROLE_OPERATOR);
    vault_rig_expect(reply, ERR_BAD_REQUEST, "role");
    vault_rig_free(reply);
}
END_TEST

/* ---- usage ---- */

static Provisiond__StationReply *sum(Provisiond__UsageKey by, const char *after, bool has_after,
                                     uint32_t limit)
{
    Provisiond__UsageByRequest asked = PROVISIOND__USAGE_BY_REQUEST__INIT;
    asked.product = site_text("widget");
    asked.by = by;
    asked.after = site_text(after);
    asked.has_after = has_after;
    asked.limit = limit;
    Provisiond__StationReply *reply =
        vault_rig_question(&site.rig, &site.auditor, OP(USAGE_BY), &asked);
    vault_rig_expect(reply, ERR_OK, "");
    return reply;
}

START_TEST(usage_by_lot_adds_up_and_pages)
{
    static const char *const keys[] = {"", "A", "B"};
    static const int64_t licensed[] = {1, 2, 1};
    char after[LEDGER_CONTEXT_MAX + 1] = "";
    for (size_t i = 0; i < 3; i++) {
        Provisiond__StationReply *reply = sum(PROVISIOND__USAGE_KEY__USAGE_BY_LOT, after, i > 0, 1);
        ck_assert_uint_eq(reply->usage_by->n_rows, 1);
        const Provisiond__UsageRow *row = reply->usage_by->rows[0];
        ck_assert_str_eq(row->key, keys[i]);
        ck_assert_int_eq(row->licensed, licensed[i]);
        ck_assert_int_eq(row->charged, licensed[i]);
        ck_assert_int_eq(row->licensed,
                         row->succeeded + row->failed + row->scrapped + row->unreported);
        ck_assert_int_eq(reply->usage_by->more, i < 2);
        (void)snprintf(after, sizeof after, "%s", row->key);
        vault_rig_free(reply);
    }
}
END_TEST

START_TEST(usage_by_day_and_station_have_one_row_here)
{
    Provisiond__StationReply *reply = sum(PROVISIOND__USAGE_KEY__USAGE_BY_STATION, "", false, 10);
    ck_assert_uint_eq(reply->usage_by->n_rows, 1);
    ck_assert_str_eq(reply->usage_by->rows[0]->key, "first");
    ck_assert_int_eq(reply->usage_by->rows[0]->licensed, SITE_WIDGETS);
    ck_assert_int_eq(reply->usage_by->rows[0]->succeeded, 1);
    ck_assert_int_eq(reply->usage_by->rows[0]->failed, 1);
    vault_rig_free(reply);
    reply = sum(PROVISIOND__USAGE_KEY__USAGE_BY_DAY, "", false, 10);
    ck_assert_uint_ge(reply->usage_by->n_rows, 1); /* two around midnight */
    ck_assert_uint_eq(strlen(reply->usage_by->rows[0]->key), strlen("2026-11-27"));
    vault_rig_free(reply);
}
END_TEST

/* ---- metrics ---- */

static uint64_t notes(const Provisiond__HistogramMessage *histogram)
{
    uint64_t total = 0;
    ck_assert_uint_eq(histogram->n_counts, HISTOGRAM_BOUNDS + 1);
    for (size_t i = 0; i < histogram->n_counts; i++)
        total += histogram->counts[i];
    return total;
}

START_TEST(metrics_count_what_happened)
{
    Provisiond__MetricsRequest asked = PROVISIOND__METRICS_REQUEST__INIT;
    const struct sha256 reader =
        vault_rig_enrol(&site.rig, "prometheus", PROVISIOND__ROLE__ROLE_METRICS, NULL, NULL);
    Provisiond__StationReply *reply = vault_rig_question(&site.rig, &reader, OP(METRICS), &asked);
    vault_rig_expect(reply, ERR_OK, "");
    const Provisiond__MetricsReply *metrics = reply->metrics;
    ck_assert_uint_eq(metrics->n_products, 2);
    ck_assert_str_eq(metrics->products[1]->name, "gadget");
    ck_assert_int_eq(metrics->products[1]->granted, VAULT_RIG_GADGETS);
    ck_assert_int_eq(metrics->products[1]->charged, SITE_GADGETS);
    ck_assert_int_eq(metrics->products[1]->remaining, VAULT_RIG_GADGETS - SITE_GADGETS);
    ck_assert_int_eq(metrics->products[1]->unreported, SITE_GADGETS);
    ck_assert_int_eq(metrics->products[1]->charged_last_hour, SITE_GADGETS);
    ck_assert_str_eq(metrics->products[1]->state, "ok");
    ck_assert_str_eq(metrics->hsm, "ok");
    ck_assert_str_eq(metrics->ledger, "ok");
    ck_assert_str_eq(metrics->anchor, "ok");
    ck_assert_uint_eq(metrics->workers_total, 2);
    ck_assert_uint_eq(metrics->workers_ready, 2);
    ck_assert_uint_eq(metrics->queue_max, site.rig.config.vault.queue);
    ck_assert_uint_eq(metrics->queue_refused, 0);
    ck_assert_uint_eq(notes(metrics->hsm_call), SITE_DEVICES);
    ck_assert_uint_gt(metrics->hsm_call->sum_us, 0);
    ck_assert_uint_ge(notes(metrics->queue_wait), SITE_DEVICES);
    ck_assert_uint_ge(notes(metrics->commit), SITE_DEVICES);
    ck_assert_uint_ge(metrics->committed, notes(metrics->commit));
    ck_assert_int_ge(metrics->journal_size, SITE_DEVICES);
    vault_rig_free(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        products_are_shown_with_their_account,
        product_that_does_not_exist_is_unknown_wherever_it_is_named,
        policy_is_shown_with_the_anchors,
        images_are_shown_of_all_products_or_one_or_by_digest,
        install_is_shown_as_it_was_issued_and_reported,
        installs_are_found_by_what_narrows_them,
        pages_show_each_install_once_the_newest_first,
        malformed_filter_is_refused,
        stations_are_shown_and_nobody_else,
        usage_by_lot_adds_up_and_pages,
        usage_by_day_and_station_have_one_row_here,
        metrics_count_what_happened,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "reads",
                                        .set_up = site_set_up,
                                        .tear_down = site_tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
