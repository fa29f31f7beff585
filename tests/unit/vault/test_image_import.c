/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images that were packed at home, on the admin socket, whatever somebody says of them: a member
 * that is altered or out of its limits brings no image in and costs no worker.
 */
#include <string.h>

#include <check.h>

#include "core/secret.h"
#include "handover/package.h"
#include "incoming.h"
#include "seal/seal.h"
#include "support/run.h"

static struct package package;
static struct seal session_key;
static Provisiond__ImageImportRequest asked;

/* ---- a package ---- */

static void wrap_key(void)
{
    uint8_t info[PACKAGE_INFO_BYTES];
    struct seal_wrapped wrapped;
    struct fault fault = {0};
    package_info(&package, info);
    ck_assert_msg(seal_wrap(&session_key,
                            bytes_of(incoming.transport.der, incoming.transport.length),
                            bytes_of(info, sizeof info), &wrapped, &fault) == ERR_OK,
                  "%s", fault.reason);
    memcpy(package.point, wrapped.point, sizeof package.point);
    memcpy(package.key, wrapped.key, wrapped.key_length);
    package.key_length = wrapped.key_length;
}

/* ---- asking ---- */

static void fill(void)
{
    provisiond__image_import_request__init(&asked);
    asked.for_product = vault_rig_text("widget");
    asked.transport_key = vault_rig_data(package.transport_key.bytes, SHA256_SIZE);
    asked.product = vault_rig_text(package.product);
    asked.profile = vault_rig_text(package.profile);
    asked.content = vault_rig_text(package.content);
    asked.authorities = vault_rig_data(package.authorities, package.authorities_length);
    asked.image = vault_rig_data(package.image.bytes, SHA256_SIZE);
    asked.size = package.size;
    asked.made_unix_ms = package.made_unix_ms;
    asked.label = vault_rig_text(package.label);
    asked.iv = vault_rig_data(package.iv, package.iv_length);
    asked.tag = vault_rig_data(package.tag, package.tag_length);
    asked.point = vault_rig_data(package.point, sizeof package.point);
    asked.key = vault_rig_data(package.key, package.key_length);
}

static const struct incoming_way WAY = {.op = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_IMPORT,
                                        .request = &asked,
                                        .fill = fill,
                                        .out_of_limits = "package-form",
                                        INCOMING_MEMBERS(asked)};

static void set_up(void)
{
    struct fault fault;
    incoming_set_up(&WAY);
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
    ck_assert_int_eq(secret_new(32, &session_key.session_key), ERR_OK);
    memset(session_key.session_key.bytes, 0x51, 32);
    package = (struct package){
        .transport_key = sha256_of(bytes_of(incoming.transport.der, incoming.transport.length)),
        .product = "widget",
        .profile = "cms",
        .content = "aes-256-gcm",
        .image = sha256_of(bytes_of(INCOMING_CONTENT, strlen(INCOMING_CONTENT))),
        .size = (int64_t)strlen(INCOMING_CONTENT),
        .made_unix_ms = 1795773600000,
        .label = "2.0",
        .iv_length = 12,
        .tag_length = HANDOVER_TAG_BYTES};
    wrap_key();
}

static void tear_down(void)
{
    seal_clear(&session_key);
    incoming_tear_down();
}

/* ---- what fits ---- */

START_TEST(package_that_fits_comes_in_once)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(incoming_send("the head" INCOMING_CONTENT, 8, &is_new, &fault), ERR_OK);
    ck_assert(is_new);
    fill();
    /* The content is there already. */
    ck_assert_int_eq(incoming_send(NULL, 0, &is_new, &fault), ERR_OK);
    ck_assert(!is_new);
    ck_assert_int_eq(incoming_images(), 3);
    ck_assert_int_eq(vault_rig_query(&incoming.rig,
                                     "SELECT count(*) FROM image WHERE label = '2.0' AND "
                                     "content = '' AND is_enabled = 1 AND ifnull(alias, '') = ''"),
                     1);
    /* The leaf is that of an image which was encrypted here, and no other one. */
    ck_assert_int_eq(vault_rig_query(&incoming.rig,
                                     "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                     "LIKE '%session-keys-imported%'"),
                     0);
    ck_assert_int_eq(
        vault_rig_query(&incoming.rig,
                        "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                        "'%image-added%' AND CAST(entry AS TEXT) LIKE '%\"label\":\"2.0\"%'"),
        1);
}
END_TEST

/* One key, one image: a maker's tool that seals twice under one key is found out. */
START_TEST(session_key_of_another_image_is_refused)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(incoming_send(INCOMING_CONTENT, 0, &is_new, &fault), ERR_OK);
    package.image = sha256_of(bytes_of("another", 7));
    package.size = 7;
    wrap_key();
    fill();
    incoming_claim_refused("another", ERR_CONFLICT, "session-key-used");
}
END_TEST

START_TEST(image_with_another_key_is_refused)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(incoming_send(INCOMING_CONTENT, 0, &is_new, &fault), ERR_OK);
    session_key.session_key.bytes[31] ^= 1;
    wrap_key();
    fill();
    incoming_claim_refused(INCOMING_CONTENT, ERR_CONFLICT, "image-other-key");
}
END_TEST

/* ---- what is altered ---- */

static void other_product(void)
{
    asked.product = vault_rig_text("gadget");
    asked.for_product = vault_rig_text("gadget");
}
static void other_time(void)
{
    asked.made_unix_ms--;
}

static void (*const ALTERATIONS[])(void) = {other_product, other_time, NULL};

START_TEST(key_does_not_open_for_anything_else)
{
    incoming_claim_bound(ALTERATIONS);
}
END_TEST

/* A local product of the right name is what anybody makes who administers the site: with anchors
 * and a quota of his own. */
START_TEST(image_for_a_governed_product_is_refused_for_a_local_one)
{
    static const uint8_t bytes[] = {0, 1};
    for (size_t i = 0; i < sizeof bytes; i++) { /* zeroes are what a local product shows */
        memset(package.authorities, bytes[i], SHA256_SIZE);
        package.authorities_length = SHA256_SIZE;
        wrap_key();
        fill();
        incoming_claim_refused(INCOMING_CONTENT, ERR_FORBIDDEN, "other-authorities");
        fill();
        asked.authorities.len = 0;
        incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "import-refused");
    }
}
END_TEST

/* ---- what is out of its limits ---- */

static void negative_time(void)
{
    asked.made_unix_ms = -1;
}
static void no_content(void)
{
    asked.content = vault_rig_text("");
}

static void (*const EXCESSES[])(void) = {negative_time, no_content, NULL};

START_TEST(member_out_of_its_limits_is_refused)
{
    incoming_claim_limits(EXCESSES);
}
END_TEST

/* ---- what is for somebody else, or not there ---- */

static void refuse_parties(void)
{
    fill();
    asked.for_product = vault_rig_text("gadget");
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-product");
    fill();
    asked.for_product = asked.product = vault_rig_text("nobody");
    incoming_claim_refused(INCOMING_CONTENT, ERR_PRODUCT_UNKNOWN, "product-unknown");
    fill();
    asked.profile = vault_rig_text("jwe"); /* which has that form of content as well */
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
}

static void refuse_forms(void)
{
    fill();
    asked.content = vault_rig_text("aes-128-ctr"); /* not one of this profile */
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "sealed-content");
    fill();
    asked.profile = vault_rig_text("none");
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "sealed-content");
    fill();
    asked.profile = vault_rig_text("st-sfi"); /* and the product is of another one */
    asked.content = vault_rig_text("aes-128-gcm");
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.tag.len = 0;
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
}

START_TEST(each_refusal_has_its_own_word)
{
    refuse_parties();
    refuse_forms();
    fill();
    asked.size = ((int64_t)4 << 30) + 1;
    incoming_claim_refused(INCOMING_CONTENT, ERR_TOO_LARGE, "firmware");
    incoming_claim_words();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        package_that_fits_comes_in_once,
        session_key_of_another_image_is_refused,
        image_with_another_key_is_refused,
        image_for_a_governed_product_is_refused_for_a_local_one,
        key_does_not_open_for_anything_else,
        member_out_of_its_limits_is_refused,
        each_refusal_has_its_own_word,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "image_import",
                                        .timeout_s = 120,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
