/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What somebody who is narrowed to one product sees, and may not name. */
#include <string.h>

#include <check.h>

#include "site.h"
#include "support/run.h"

#define WAIT_MS 10000

/* ---- images ---- */

static Provisiond__StationReply *read_content(const struct sha256 *caller, size_t image)
{
    Provisiond__ImageContentRequest asked = PROVISIOND__IMAGE_CONTENT_REQUEST__INIT;
    asked.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = site.rig.images[image].bytes};
    return vault_rig_question(&site.rig, caller, OP(IMAGE_CONTENT), &asked);
}

START_TEST(image_of_another_product_is_unknown_to_who_is_narrowed)
{
    Provisiond__StationReply *reply = site_read_images(&site.narrow, "", &site.rig.images[1]);
    vault_rig_expect(reply, ERR_IMAGE_UNKNOWN, "image-unknown");
    vault_rig_free(reply);
    reply = read_content(&site.narrow, 1);
    vault_rig_expect(reply, ERR_IMAGE_UNKNOWN, "image-unknown");
    vault_rig_free(reply);
    reply = read_content(&site.narrow, 0);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->image_content->size, strlen("widget"));
    vault_rig_free(reply);
    reply = read_content(&site.near, 1);
    vault_rig_expect(reply, ERR_OK, "");
    vault_rig_free(reply);
}
END_TEST

/* ---- lists and names ---- */

START_TEST(who_is_narrowed_sees_his_product_in_every_list)
{
    Provisiond__InstallListRequest asked = site_any_install();
    Provisiond__StationReply *reply = site_read_product(&site.narrow, "");
    ck_assert_uint_eq(reply->product_read->n_products, 1);
    ck_assert_str_eq(reply->product_read->products[0]->name, "widget");
    vault_rig_free(reply);
    reply = site_read_images(&site.narrow, "", NULL);
    ck_assert_uint_eq(reply->image_read->n_images, 1);
    vault_rig_free(reply);
    ck_assert_uint_eq(site_count(&site.narrow, &asked), SITE_WIDGETS);
    Provisiond__MetricsRequest metrics = PROVISIOND__METRICS_REQUEST__INIT;
    reply = vault_rig_question(&site.rig, &site.narrow, OP(METRICS), &metrics);
    ck_assert_uint_eq(reply->metrics->n_products, 1);
    vault_rig_free(reply);
}
END_TEST

static void expect_foreign(Provisiond__StationReply *reply)
{
    vault_rig_expect(reply, ERR_FORBIDDEN, "product-not-allowed");
    vault_rig_free(reply);
}

static void name_foreign(const char *product)
{
    Provisiond__UsageRequest usage = PROVISIOND__USAGE_REQUEST__INIT;
    Provisiond__UsageByRequest usage_by = PROVISIOND__USAGE_BY_REQUEST__INIT;
    Provisiond__PolicyReadRequest policy = PROVISIOND__POLICY_READ_REQUEST__INIT;
    Provisiond__GrantReadRequest grant = PROVISIOND__GRANT_READ_REQUEST__INIT;
    Provisiond__InstallListRequest installs_of = site_any_install();
    usage.product = usage_by.product = policy.product = grant.product = installs_of.product =
        site_text(product);
    usage_by.by = PROVISIOND__USAGE_KEY__USAGE_BY_LOT;
    usage_by.limit = grant.limit = 10;
    expect_foreign(site_read_product(&site.narrow, product));
    expect_foreign(site_read_images(&site.narrow, product, NULL));
    expect_foreign(vault_rig_question(&site.rig, &site.narrow, OP(USAGE), &usage));
    expect_foreign(vault_rig_question(&site.rig, &site.narrow, OP(USAGE_BY), &usage_by));
    expect_foreign(vault_rig_question(&site.rig, &site.narrow, OP(POLICY_READ), &policy));
    expect_foreign(vault_rig_question(&site.rig, &site.narrow, OP(GRANT_READ), &grant));
    expect_foreign(site_list(&site.narrow, &installs_of));
}

START_TEST(another_product_is_forbidden_whether_it_exists_or_not)
{
    name_foreign("gadget");
    name_foreign(SITE_NOBODY);
}
END_TEST

START_TEST(install_of_another_product_is_forbidden)
{
    Provisiond__InstallListRequest asked = site_any_install();
    Provisiond__ReceiptRequest receipt = PROVISIOND__RECEIPT_REQUEST__INIT;
    asked.install_id = receipt.install_id =
        (ProtobufCBinaryData){.len = UUID_SIZE, .data = site.installs[SITE_WIDGETS].bytes};
    expect_foreign(site_list(&site.narrow, &asked));
    expect_foreign(vault_rig_question(&site.rig, &site.narrow, OP(RECEIPT), &receipt));
    expect_foreign(site_report(&site.far, 0, PROVISIOND__OUTCOME_RESULT__OUTCOME_FAILED));
    Provisiond__StationReply *reply =
        site_report(&site.near, 2, PROVISIOND__OUTCOME_RESULT__OUTCOME_SUCCEEDED);
    vault_rig_expect(reply, ERR_OK, "");
    vault_rig_free(reply);
}
END_TEST

static Provisiond__StationReply *read_tile(const struct sha256 *caller, bool is_entries)
{
    Provisiond__TileRequest asked = PROVISIOND__TILE_REQUEST__INIT;
    asked.entries = is_entries;
    asked.width = 1;
    return vault_rig_question(&site.rig, caller, OP(TILE), &asked);
}

static void await_checkpoint(void)
{
    deadline_ms deadline = deadline_in(WAIT_MS);
    uint32_t code = ERR_NOT_COVERED;
    while (code != ERR_OK && deadline_left_ms(deadline) > 0) {
        Provisiond__CheckpointRequest asked = PROVISIOND__CHECKPOINT_REQUEST__INIT;
        Provisiond__StationReply *reply =
            vault_rig_question(&site.rig, &site.auditor, OP(CHECKPOINT), &asked);
        code = reply->fault->code;
        vault_rig_free(reply);
        hsm_rig_pause(20);
    }
    ck_assert_uint_eq(code, ERR_OK);
}

/* The journal's entries tell of all products; its hashes of none. */
START_TEST(who_is_narrowed_reads_hashes_of_the_journal_and_no_entries)
{
    await_checkpoint();
    Provisiond__StationReply *reply = read_tile(&site.auditor, true);
    vault_rig_expect(reply, ERR_OK, "");
    vault_rig_free(reply);
    reply = read_tile(&site.narrow, false);
    vault_rig_expect(reply, ERR_OK, "");
    vault_rig_free(reply);
    expect_foreign(read_tile(&site.narrow, true));
}
END_TEST

/* ---- stations ---- */

START_TEST(who_is_narrowed_sees_stations_of_his_product_and_no_other_names)
{
    Provisiond__StationReply *reply =
        site_read_stations(&site.narrow, "", PROVISIOND__ROLE__ROLE_UNKNOWN);
    ck_assert_uint_eq(reply->principal_list->n_principals, 2); /* first and near, not far */
    vault_rig_free(reply);
    reply = site_read_stations(&site.narrow, "near", PROVISIOND__ROLE__ROLE_UNKNOWN);
    vault_rig_expect(reply, ERR_OK, "");
    const Provisiond__PrincipalEntry *entry = reply->principal_list->principals[0];
    ck_assert_uint_eq(entry->n_products, 1);
    ck_assert_str_eq(entry->products[0], "widget");
    vault_rig_free(reply);
    reply = site_read_stations(&site.narrow, "far", PROVISIOND__ROLE__ROLE_UNKNOWN);
    vault_rig_expect(reply, ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    vault_rig_free(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        image_of_another_product_is_unknown_to_who_is_narrowed,
        who_is_narrowed_sees_his_product_in_every_list,
        another_product_is_forbidden_whether_it_exists_or_not,
        install_of_another_product_is_forbidden,
        who_is_narrowed_reads_hashes_of_the_journal_and_no_entries,
        who_is_narrowed_sees_stations_of_his_product_and_no_other_names,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "narrowed",
                                        .set_up = site_set_up,
                                        .tear_down = site_tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
