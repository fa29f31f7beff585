/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images that were packed at home, on the admin socket, whatever somebody says of them: a member
 * that is altered or out of its limits brings no image in and costs no worker.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "core/secret.h"
#include "handover/package.h"
#include "seal/seal.h"
#include "support/run.h"
#include "vault/hsm_watch.h"
#include "vault/state.h"
#include "vault_rig.h"

#define CONTENT "an encrypted image, as far as anybody can see"
#define LONG_65 "01234567890123456789012345678901234567890123456789012345678901234"

static struct vault_rig rig;
static struct package package;
static struct hsm_spki transport;
static struct seal session_key;

static ProtobufCBinaryData binary(const void *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- a package ---- */

static void wrap_key(void)
{
    uint8_t info[PACKAGE_INFO_BYTES];
    struct seal_wrapped wrapped;
    struct fault fault = {0};
    package_info(&package, info);
    ck_assert_msg(seal_wrap(&session_key, bytes_of(transport.der, transport.length),
                            bytes_of(info, sizeof info), &wrapped, &fault) == ERR_OK,
                  "%s", fault.reason);
    memcpy(package.point, wrapped.point, sizeof package.point);
    memcpy(package.key, wrapped.key, wrapped.key_length);
    package.key_length = wrapped.key_length;
}

static void set_up(void)
{
    struct hsm_status status;
    struct fault fault;
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    hsm_watch_refresh(rig.vault->watch);
    ck_assert_int_eq(hsm_watch_get(rig.vault->watch, &status, &fault), ERR_OK);
    ck_assert_int_eq(secret_heap_init(&fault), ERR_OK);
    ck_assert_int_eq(secret_new(32, &session_key.session_key), ERR_OK);
    memset(session_key.session_key.bytes, 0x51, 32);
    transport = status.transport;
    package =
        (struct package){.transport_key = sha256_of(bytes_of(transport.der, transport.length)),
                         .product = "widget",
                         .profile = "cms",
                         .content = "aes-256-gcm",
                         .image = sha256_of(bytes_of(CONTENT, strlen(CONTENT))),
                         .size = (int64_t)strlen(CONTENT),
                         .made_unix_ms = 1795773600000,
                         .label = "2.0",
                         .iv_length = 12,
                         .tag_length = HANDOVER_TAG_BYTES};
    wrap_key();
}

/* Whatever was asked for, no worker was lost. */
static void tear_down(void)
{
    seal_clear(&session_key);
    ck_assert_uint_eq(hsm_rig_count_events(&rig.hsm, "hsm-worker-lost"), 0);
    vault_rig_remove(&rig);
}

/* ---- asking ---- */

static Provisiond__ImageImportRequest asked;

static void fill(void)
{
    provisiond__image_import_request__init(&asked);
    asked.for_product = borrow("widget");
    asked.transport_key = binary(package.transport_key.bytes, SHA256_SIZE);
    asked.product = borrow(package.product);
    asked.profile = borrow(package.profile);
    asked.content = borrow(package.content);
    asked.authorities = binary(package.authorities, package.authorities_length);
    asked.image = binary(package.image.bytes, SHA256_SIZE);
    asked.size = package.size;
    asked.made_unix_ms = package.made_unix_ms;
    asked.label = borrow(package.label);
    asked.iv = binary(package.iv, package.iv_length);
    asked.tag = binary(package.tag, package.tag_length);
    asked.point = binary(package.point, sizeof package.point);
    asked.key = binary(package.key, package.key_length);
}

/* Sends what is in asked, with a file of which the content is what comes from its offset on. */
static enum error send(const char *content, off_t offset, bool *ret_is_new, struct fault *fault)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    int file = content != NULL ? hsm_rig_make_file(content, strlen(content)) : -1;
    ck_assert(file < 0 || lseek(file, offset, SEEK_SET) == offset);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_IMPORT;
    request.image_import = &asked;
    enum error e =
        vault_admin_call(rig.admin, &request, file, deadline_in(RIG_WAIT_MS), &reply, NULL, fault);
    if (e == ERR_OK)
        *ret_is_new = reply->image_import->is_new;
    vault_admin_reply_free(reply);
    if (file >= 0)
        (void)close(file);
    return e;
}

static int64_t images(void)
{
    return vault_rig_query(&rig, "SELECT count(*) FROM image");
}

static void claim_refused(const char *content, enum error code, const char *reason)
{
    const int64_t before = images();
    struct fault fault = {0};
    bool is_new = false;
    ck_assert_int_eq(send(content, 0, &is_new, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_int_eq(images(), before);
}

START_TEST(package_that_fits_comes_in_once)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(send("the head" CONTENT, 8, &is_new, &fault), ERR_OK);
    ck_assert(is_new);
    fill();
    ck_assert_int_eq(send(NULL, 0, &is_new, &fault), ERR_OK); /* the content is there already */
    ck_assert(!is_new);
    ck_assert_int_eq(images(), 3);
    ck_assert_int_eq(vault_rig_query(&rig,
                                     "SELECT count(*) FROM image WHERE label = '2.0' AND "
                                     "content = '' AND is_enabled = 1 AND ifnull(alias, '') = ''"),
                     1);
    /* The leaf is that of an image which was encrypted here, and no other one. */
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                           "LIKE '%session-keys-imported%'"),
                     0);
    ck_assert_int_eq(
        vault_rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
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
    ck_assert_int_eq(send(CONTENT, 0, &is_new, &fault), ERR_OK);
    package.image = sha256_of(bytes_of("another", 7));
    package.size = 7;
    wrap_key();
    fill();
    claim_refused("another", ERR_CONFLICT, "session-key-used");
}
END_TEST

START_TEST(image_with_another_key_is_refused)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(send(CONTENT, 0, &is_new, &fault), ERR_OK);
    session_key.session_key.bytes[31] ^= 1;
    wrap_key();
    fill();
    claim_refused(CONTENT, ERR_CONFLICT, "image-other-key");
}
END_TEST

/* ---- what is altered ---- */

static struct sha256 other;
static uint8_t changed[HANDOVER_POINT_BYTES];

static void other_product(void)
{
    asked.product = borrow("gadget");
    asked.for_product = borrow("gadget");
}
static void other_image(void)
{
    asked.image = binary(other.bytes, SHA256_SIZE);
}
static void other_size(void)
{
    asked.size++;
}
static void other_time(void)
{
    asked.made_unix_ms--;
}
static void other_label(void)
{
    asked.label = borrow("2.1");
}
static void other_iv(void)
{
    memcpy(changed, package.iv, 12);
    changed[0] ^= 1;
    asked.iv = binary(changed, 12);
}
static void other_tag(void)
{
    memcpy(changed, package.tag, 16);
    changed[15] ^= 1;
    asked.tag = binary(changed, 16);
}
static void other_key(void)
{
    memcpy(changed, package.key, package.key_length);
    changed[20] ^= 0x10;
    asked.key = binary(changed, package.key_length);
}
static void other_point(void)
{
    memcpy(changed, transport.der + transport.length - 65, 65);
    asked.point = binary(changed, 65);
}
static void other_content(void)
{
    memset(changed, 0, 16);
    asked.content = borrow("aes-256-cbc");
    asked.iv = binary(changed, 16);
    asked.tag.len = 0;
}

static void (*const ALTERATIONS[])(void) = {other_product, other_image,  other_size, other_time,
                                            other_label,   other_iv,     other_tag,  other_key,
                                            other_point,   other_content};

START_TEST(key_does_not_open_for_anything_else)
{
    for (size_t i = 0; i < sizeof ALTERATIONS / sizeof ALTERATIONS[0]; i++) {
        fill();
        ALTERATIONS[i]();
        claim_refused(CONTENT, ERR_BAD_REQUEST, "import-refused");
    }
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
        claim_refused(CONTENT, ERR_FORBIDDEN, "other-authorities");
        fill();
        asked.authorities.len = 0;
        claim_refused(CONTENT, ERR_BAD_REQUEST, "import-refused");
    }
}
END_TEST

/* ---- what is out of its limits ---- */

static void short_transport_key(void)
{
    asked.transport_key.len = 31;
}
static void no_image(void)
{
    asked.image.len = 0;
}
static void no_size(void)
{
    asked.size = 0;
}
static void negative_time(void)
{
    asked.made_unix_ms = -1;
}
static void long_label(void)
{
    asked.label = borrow(LONG_65);
}
static void line_in_product(void)
{
    asked.product = borrow("widget\n");
}
static void line_in_profile(void)
{
    asked.profile = borrow("cms\n");
}
static void line_in_content(void)
{
    asked.content = borrow("aes-256-gcm\n");
}
static void no_content(void)
{
    asked.content = borrow("");
}
static void long_iv(void)
{
    asked.iv = binary(changed, HANDOVER_IV_MAX + 1);
}
static void short_tag(void)
{
    asked.tag.len = 15;
}
static void short_authorities(void)
{
    asked.authorities = binary(changed, 31);
}
static void short_point(void)
{
    asked.point.len = 64;
}
static void long_key(void)
{
    asked.key = binary(changed, HANDOVER_KEY_MAX + 1);
}

static void (*const EXCESSES[])(void) = {
    short_transport_key, no_image,        no_size,         negative_time,    long_label,
    line_in_product,     line_in_profile, line_in_content, no_content,       long_iv,
    short_tag,           short_point,     long_key,        short_authorities};

START_TEST(member_out_of_its_limits_is_refused)
{
    for (size_t i = 0; i < sizeof EXCESSES / sizeof EXCESSES[0]; i++) {
        fill();
        EXCESSES[i]();
        claim_refused(CONTENT, ERR_BAD_REQUEST, "package-form");
    }
}
END_TEST

/* ---- what is for somebody else, or not there ---- */

static void refuse_parties(void)
{
    fill();
    asked.for_product = borrow("gadget");
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-product");
    fill();
    asked.transport_key = binary(other.bytes, SHA256_SIZE);
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-transport-key");
    fill();
    asked.for_product = asked.product = borrow("nobody");
    claim_refused(CONTENT, ERR_PRODUCT_UNKNOWN, "product-unknown");
    fill();
    asked.profile = borrow("jwe"); /* which has that form of content as well */
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
}

static void refuse_forms(void)
{
    fill();
    asked.content = borrow("aes-128-ctr"); /* not one of this profile */
    claim_refused(CONTENT, ERR_BAD_REQUEST, "sealed-content");
    fill();
    asked.profile = borrow("none");
    claim_refused(CONTENT, ERR_BAD_REQUEST, "sealed-content");
    fill();
    asked.profile = borrow("st-sfi"); /* and the product is of another one */
    asked.content = borrow("aes-128-gcm");
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.key.len = 24; /* of an AES-128 key, which the profile's licenses do not carry */
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.tag.len = 0;
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    changed[0] = 0x04; /* not on the curve */
    memset(changed + 1, 7, 64);
    asked.point = binary(changed, 65);
    claim_refused(CONTENT, ERR_BAD_REQUEST, "peer-point");
}

START_TEST(each_refusal_has_its_own_word)
{
    refuse_parties();
    refuse_forms();
    fill();
    asked.size = ((int64_t)4 << 30) + 1;
    claim_refused(CONTENT, ERR_TOO_LARGE, "firmware");
    fill();
    claim_refused(NULL, ERR_BAD_REQUEST, "image-missing");
    fill();
    claim_refused(CONTENT "!", ERR_BAD_REQUEST, "image-size");
    fill();
    claim_refused("An encrypted image, as far as anybody can see", ERR_BAD_REQUEST,
                  "image-differs");
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
