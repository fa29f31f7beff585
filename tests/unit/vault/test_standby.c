/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session keys on the admin socket, whatever somebody says of them: a member that is altered or out
 * of its limits brings no image in and costs no worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "handover/handover.h"
#include "support/run.h"
#include "vault/hsm_watch.h"
#include "vault/state.h"
#include "vault_rig.h"

#define CONTENT "an encrypted image, as far as anybody can see"
#define LONG_65 "01234567890123456789012345678901234567890123456789012345678901234"

static struct vault_rig rig;
static struct hsm_client *hsm;
static struct handover_header header;
static struct handover_image image;
static struct hsm_spki transport;

static ProtobufCBinaryData binary(const void *data, size_t length)
{
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- a key of somebody elsewhere, for this HSM ---- */

static void wrap_key(void)
{
    uint8_t info[HANDOVER_INFO_BYTES];
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    const struct hsm_key_id id = {{7}};
    struct hsm_wrap wrap = {.firmware_key = id,
                            .key_wrap = HSM_AES_KEY_WRAP,
                            .curve = HSM_P256,
                            .peer_point = bytes_of(transport.der + transport.length - 65, 65),
                            .kdf = HSM_X963_SHA256,
                            .shared_info = bytes_of(info, sizeof info),
                            .kek_bytes = HANDOVER_KEK_BYTES};
    ck_assert_int_eq(hsm_generate_firmware_key(hsm, &id, "provisiond-fk:elsewhere", &fault),
                     ERR_OK);
    ck_assert_int_eq(hsm_generate_session_key(hsm, &id, 32, &wrap.session_key, &fault), ERR_OK);
    handover_info(&header, &image, info);
    ck_assert_msg(hsm_wrap_key(hsm, &wrap, &wrapped, &fault) == ERR_OK, "%s", fault.reason);
    memcpy(image.point, wrapped.ephemeral_point, sizeof image.point);
    memcpy(image.key, wrapped.key.bytes, wrapped.key.length);
    image.key_length = wrapped.key.length;
}

static void set_up(void)
{
    struct hsm_status status;
    struct ledger_info info;
    struct fault fault;
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    hsm = rig.hsm.client;
    hsm_watch_refresh(rig.vault->watch);
    ck_assert_int_eq(hsm_watch_get(rig.vault->watch, &status, &fault), ERR_OK);
    ck_assert_int_eq(ledger_info(rig.vault->ledger, &info, &fault), ERR_OK);
    transport = status.transport;
    header = (struct handover_header){.standby = info.hsm_identity,
                                      .transport_key =
                                          sha256_of(bytes_of(transport.der, transport.length)),
                                      .product = "widget",
                                      .profile = "cms",
                                      .images = 3,
                                      .made_unix_ms = 1795773600000};
    memset(header.hsm.bytes, 0x5a, SHA256_SIZE);
    image = (struct handover_image){.digest = sha256_of(bytes_of(CONTENT, strlen(CONTENT))),
                                    .size = (int64_t)strlen(CONTENT),
                                    .created_unix_ms = 1795773500000,
                                    .is_enabled = true,
                                    .label = "2.0",
                                    .alias = "stable",
                                    .iv_length = 12,
                                    .tag_length = HANDOVER_TAG_BYTES};
    wrap_key();
}

/* Whatever was asked for, no worker was lost. */
static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig.hsm, "hsm-worker-lost"), 0);
    vault_rig_remove(&rig);
}

/* ---- asking ---- */

static Provisiond__StandbyImportRequest asked;

static void fill(void)
{
    provisiond__standby_import_request__init(&asked);
    asked.hsm = binary(header.hsm.bytes, SHA256_SIZE);
    asked.standby = binary(header.standby.bytes, SHA256_SIZE);
    asked.transport_key = binary(header.transport_key.bytes, SHA256_SIZE);
    asked.product = borrow(header.product);
    asked.profile = borrow(header.profile);
    asked.authorities = binary(header.authorities, header.authorities_length);
    asked.images = header.images;
    asked.made_unix_ms = header.made_unix_ms;
    asked.image = binary(image.digest.bytes, SHA256_SIZE);
    asked.size = image.size;
    asked.created_unix_ms = image.created_unix_ms;
    asked.enabled = image.is_enabled;
    asked.label = borrow(image.label);
    asked.alias = borrow(image.alias);
    asked.iv = binary(image.iv, image.iv_length);
    asked.tag = binary(image.tag, image.tag_length);
    asked.content = borrow(image.content);
    asked.point = binary(image.point, sizeof image.point);
    asked.key = binary(image.key, image.key_length);
}

/* Sends what is in asked, with a file of that content; NULL: none. */
static enum error send(const char *content, bool *ret_is_new, struct fault *fault)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    int file = content != NULL ? hsm_rig_make_file(content, strlen(content)) : -1;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_IMPORT;
    request.standby_import = &asked;
    enum error e =
        vault_admin_call(rig.admin, &request, file, deadline_in(RIG_WAIT_MS), &reply, NULL, fault);
    if (e == ERR_OK)
        *ret_is_new = reply->standby_import->is_new;
    vault_admin_reply_free(reply);
    if (file >= 0)
        (void)close(file);
    return e;
}

static int64_t images(void)
{
    return vault_rig_query(&rig, "SELECT count(*) FROM image");
}

static void claim_refused_with(int64_t there, const char *content, enum error code,
                               const char *reason)
{
    struct fault fault = {0};
    bool is_new = false;
    ck_assert_int_eq(send(content, &is_new, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_int_eq(images(), there);
}

static void claim_refused(const char *content, enum error code, const char *reason)
{
    claim_refused_with(2, content, code, reason);
}

START_TEST(key_that_fits_comes_in_once)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(send(CONTENT, &is_new, &fault), ERR_OK);
    ck_assert(is_new);
    ck_assert_int_eq(images(), 3);
    fill();
    ck_assert_int_eq(send(NULL, &is_new, &fault), ERR_OK); /* the content is there already */
    ck_assert(!is_new);
    ck_assert_int_eq(images(), 3);
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM image WHERE alias = 'stable'"), 1);
}
END_TEST

/* Without a tag, and with the IV of its own form. */
START_TEST(image_of_another_form_of_content_comes_in)
{
    struct fault fault;
    bool is_new = false;
    strcpy(image.content, "aes-256-cbc");
    image.iv_length = 16;
    image.tag_length = 0;
    wrap_key();
    fill();
    ck_assert_msg(send(CONTENT, &is_new, &fault) == ERR_OK, "%s", fault.reason);
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM image WHERE content = "
                                           "'aes-256-cbc' AND length(iv) = 16 AND length(tag) = 0"),
                     1);
    fill();
    asked.content = borrow(""); /* the default has a tag */
    claim_refused_with(3, CONTENT, ERR_BAD_REQUEST, "other-profile");
}
END_TEST

/* ---- what is altered ---- */

static struct sha256 other;
static uint8_t changed[HANDOVER_POINT_BYTES];

static void other_hsm(void)
{
    asked.hsm = binary(other.bytes, SHA256_SIZE);
}
static void more_images(void)
{
    asked.images++;
}
static void later(void)
{
    asked.made_unix_ms++;
}
static void other_product(void)
{
    asked.product = borrow("gadget");
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
    asked.created_unix_ms--;
}
static void other_switch(void)
{
    asked.enabled = false;
}
static void other_label(void)
{
    asked.label = borrow("2.1");
}
static void other_alias(void)
{
    asked.alias = borrow("");
}
static void alias_into_label(void)
{
    asked.alias = borrow("");
    asked.label = borrow("stable\n2.0");
}
static void other_iv(void)
{
    memcpy(changed, image.iv, 12);
    changed[0] ^= 1;
    asked.iv = binary(changed, 12);
}
static void other_tag(void)
{
    memcpy(changed, image.tag, 16);
    changed[15] ^= 1;
    asked.tag = binary(changed, 16);
}
static void other_key(void)
{
    memcpy(changed, image.key, image.key_length);
    changed[20] ^= 0x10;
    asked.key = binary(changed, image.key_length);
}
static void generator(void)
{
    memcpy(changed, transport.der + transport.length - 65, 65);
    asked.point = binary(changed, 65);
}

static void (*const ALTERATIONS[])(void) = {
    other_hsm,        more_images, later,        other_product, other_image,
    other_size,       other_time,  other_switch, other_label,   other_alias,
    alias_into_label, other_iv,    other_tag,    other_key,     generator};

START_TEST(key_does_not_open_for_anything_else)
{
    for (size_t i = 0; i < sizeof ALTERATIONS / sizeof ALTERATIONS[0]; i++) {
        fill();
        ALTERATIONS[i]();
        claim_refused(CONTENT, ERR_BAD_REQUEST, "import-refused");
    }
}
END_TEST

/* ---- what is out of its limits ---- */

static void short_hsm(void)
{
    asked.hsm.len = 31;
}
static void no_image(void)
{
    asked.image.len = 0;
}
static void no_size(void)
{
    asked.size = 0;
}
static void negative_size(void)
{
    asked.size = -1;
}
static void long_label(void)
{
    asked.label = borrow(LONG_65);
}
static void line_in_alias(void)
{
    asked.alias = borrow("a\nb");
}
static void long_product(void)
{
    asked.product = borrow(LONG_65);
}
static void line_in_product(void)
{
    asked.product = borrow("widget\n");
}
static void long_profile(void)
{
    asked.profile = borrow("sixteen-letters-");
}
static void long_iv(void)
{
    asked.iv = binary(changed, HANDOVER_IV_MAX + 1);
}
static void long_content(void)
{
    asked.content = borrow("sixteen-letters-");
}
static void line_in_content(void)
{
    asked.content = borrow("aes-256-gcm\n");
}
static void short_tag(void)
{
    asked.tag.len = 15;
}
static void short_point(void)
{
    asked.point.len = 64;
}
static void long_key(void)
{
    asked.key = binary(changed, 41);
}

static void (*const EXCESSES[])(void) = {short_hsm,    no_image,      no_size,      negative_size,
                                         long_label,   line_in_alias, long_product, line_in_product,
                                         long_profile, long_iv,       long_content, line_in_content,
                                         short_tag,    short_point,   long_key};

START_TEST(member_out_of_its_limits_is_refused)
{
    for (size_t i = 0; i < sizeof EXCESSES / sizeof EXCESSES[0]; i++) {
        fill();
        EXCESSES[i]();
        claim_refused(CONTENT, ERR_BAD_REQUEST, "keys-file-form");
    }
}
END_TEST

/* ---- what is for somebody else, or not there ---- */

START_TEST(each_refusal_has_its_own_word)
{
    fill();
    asked.standby = binary(other.bytes, SHA256_SIZE);
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-hsm");
    fill();
    asked.transport_key = binary(other.bytes, SHA256_SIZE);
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-transport-key");
    fill();
    asked.product = borrow("nobody");
    claim_refused(CONTENT, ERR_PRODUCT_UNKNOWN, "product-unknown");
    fill();
    asked.profile = borrow("st-sfi");
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.key.len = 24; /* of an AES-128 key, which the profile's licenses do not carry */
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.content = borrow("aes-256-cbc"); /* whose IV is longer, and which has no tag */
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    asked.content = borrow("none");
    claim_refused(CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    changed[0] = 0x04; /* not on the curve */
    memset(changed + 1, 7, 64);
    asked.point = binary(changed, 65);
    claim_refused(CONTENT, ERR_BAD_REQUEST, "peer-point");
    fill();
    claim_refused(NULL, ERR_BAD_REQUEST, "image-missing");
    fill();
    claim_refused(CONTENT "!", ERR_BAD_REQUEST, "image-size");
    fill();
    claim_refused("An encrypted image, as far as anybody can see", ERR_BAD_REQUEST,
                  "image-differs");
}
END_TEST

/* ---- exporting ---- */

static enum error ask_export(int file, struct fault *fault)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__StandbyExportRequest wanted = PROVISIOND__STANDBY_EXPORT_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    wanted.product = borrow("widget");
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT;
    request.standby_export = &wanted;
    enum error e =
        vault_admin_call(rig.admin, &request, file, deadline_in(RIG_WAIT_MS), &reply, NULL, fault);
    vault_admin_reply_free(reply);
    return e;
}

static enum error add_standby(const char *name, const uint8_t *der, size_t length, uint8_t seed,
                              struct fault *fault)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__StandbyAddRequest add = PROVISIOND__STANDBY_ADD_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    uint8_t identity[SHA256_SIZE];
    memset(identity, seed, sizeof identity);
    add.name = borrow(name);
    add.hsm_identity = binary(identity, sizeof identity);
    add.transport_spki = binary(der, length);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_ADD;
    request.standby_add = &add;
    enum error e =
        vault_admin_call(rig.admin, &request, -1, deadline_in(RIG_WAIT_MS), &reply, NULL, fault);
    vault_admin_reply_free(reply);
    return e;
}

START_TEST(transport_key_is_a_point_on_p256_and_nothing_else)
{
    uint8_t der[256];
    struct fault fault;
    ck_assert_uint_eq(transport.length, 91);
    for (size_t i = 0; i < transport.length; i++) {
        memcpy(der, transport.der, transport.length);
        der[i] ^= 1;
        ck_assert_int_eq(add_standby("b", der, transport.length, 1, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "transport-key");
    }
    for (size_t length = 0; length < transport.length; length += 13)
        ck_assert_int_eq(add_standby("b", transport.der, length, 1, &fault), ERR_BAD_REQUEST);
    memcpy(der, transport.der, transport.length);
    ck_assert_int_eq(add_standby("b", der, transport.length + 1, 1, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(add_standby("-", transport.der, transport.length, 1, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(add_standby("b", transport.der, transport.length, 1, &fault), ERR_OK);
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM standby"), 1);
}
END_TEST

START_TEST(export_goes_into_an_empty_file_for_a_standby_that_is_clear)
{
    struct fault fault = {0};
    int file = hsm_rig_make_file(NULL, 0);
    int full = hsm_rig_make_file("x", 1);
    ck_assert_int_eq(ask_export(file, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "standby-unclear");
    ck_assert_int_eq(add_standby("b", transport.der, transport.length, 1, &fault), ERR_OK);
    ck_assert_int_eq(ask_export(-1, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ask_export(full, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "keys-file");
    ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
    ck_assert_int_eq(ask_export(file, &fault), ERR_OK);
    ck_assert_int_gt(lseek(file, 0, SEEK_END), 500);
    ck_assert_int_eq(add_standby("c", transport.der, transport.length, 2, &fault), ERR_OK);
    ck_assert_int_eq(ask_export(full, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ftruncate(full, 0), 0);
    ck_assert_int_eq(ask_export(full, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "standby-unclear");
    (void)close(file);
    (void)close(full);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("standby");
    TCase *tests = tcase_create("standby");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, key_that_fits_comes_in_once);
    tcase_add_test(tests, image_of_another_form_of_content_comes_in);
    tcase_add_test(tests, key_does_not_open_for_anything_else);
    tcase_add_test(tests, member_out_of_its_limits_is_refused);
    tcase_add_test(tests, each_refusal_has_its_own_word);
    tcase_add_test(tests, transport_key_is_a_point_on_p256_and_nothing_else);
    tcase_add_test(tests, export_goes_into_an_empty_file_for_a_standby_that_is_clear);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
