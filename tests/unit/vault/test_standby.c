/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session keys on the admin socket, whatever somebody says of them: a member that is altered or out
 * of its limits brings no image in and costs no worker.
 */
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "handover/handover.h"
#include "incoming.h"
#include "support/run.h"
#include "vault/state.h"

static struct handover_header header;
static struct handover_image image;
static Provisiond__StandbyImportRequest asked;

/* ---- a key of somebody elsewhere, for this HSM ---- */

static void wrap_key(void)
{
    uint8_t info[HANDOVER_INFO_BYTES];
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct hsm_client *hsm = incoming.rig.hsm.client;
    const struct hsm_spki *transport = &incoming.transport;
    const struct hsm_key_id id = {{7}};
    struct hsm_wrap wrap = {.firmware_key = id,
                            .key_wrap = HSM_AES_KEY_WRAP,
                            .curve = HSM_P256,
                            .peer_point = bytes_of(transport->der + transport->length - 65, 65),
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

/* ---- asking ---- */

static void fill(void)
{
    provisiond__standby_import_request__init(&asked);
    asked.hsm = vault_rig_data(header.hsm.bytes, SHA256_SIZE);
    asked.standby = vault_rig_data(header.standby.bytes, SHA256_SIZE);
    asked.transport_key = vault_rig_data(header.transport_key.bytes, SHA256_SIZE);
    asked.product = vault_rig_text(header.product);
    asked.profile = vault_rig_text(header.profile);
    asked.authorities = vault_rig_data(header.authorities, header.authorities_length);
    asked.images = header.images;
    asked.made_unix_ms = header.made_unix_ms;
    asked.image = vault_rig_data(image.digest.bytes, SHA256_SIZE);
    asked.size = image.size;
    asked.created_unix_ms = image.created_unix_ms;
    asked.enabled = image.is_enabled;
    asked.label = vault_rig_text(image.label);
    asked.alias = vault_rig_text(image.alias);
    asked.iv = vault_rig_data(image.iv, image.iv_length);
    asked.tag = vault_rig_data(image.tag, image.tag_length);
    asked.content = vault_rig_text(image.content);
    asked.point = vault_rig_data(image.point, sizeof image.point);
    asked.key = vault_rig_data(image.key, image.key_length);
}

static const struct incoming_way WAY = {.op = PROVISIOND__ADMIN_REQUEST__OP_STANDBY_IMPORT,
                                        .request = &asked,
                                        .fill = fill,
                                        .out_of_limits = "keys-file-form",
                                        INCOMING_MEMBERS(asked)};

static void set_up(void)
{
    struct ledger_info info;
    struct fault fault;
    incoming_set_up(&WAY);
    ck_assert_int_eq(ledger_info(incoming.rig.vault->ledger, &info, &fault), ERR_OK);
    header = (struct handover_header){
        .standby = info.hsm_identity,
        .transport_key = sha256_of(bytes_of(incoming.transport.der, incoming.transport.length)),
        .product = "widget",
        .profile = "cms",
        .images = 3,
        .made_unix_ms = 1795773600000};
    memset(header.hsm.bytes, 0x5a, SHA256_SIZE);
    image = (struct handover_image){
        .digest = sha256_of(bytes_of(INCOMING_CONTENT, strlen(INCOMING_CONTENT))),
        .size = (int64_t)strlen(INCOMING_CONTENT),
        .created_unix_ms = 1795773500000,
        .is_enabled = true,
        .label = "2.0",
        .alias = "stable",
        .iv_length = 12,
        .tag_length = HANDOVER_TAG_BYTES};
    wrap_key();
}

/* ---- what fits ---- */

START_TEST(key_that_fits_comes_in_once)
{
    struct fault fault;
    bool is_new = false;
    fill();
    ck_assert_int_eq(incoming_send(INCOMING_CONTENT, 0, &is_new, &fault), ERR_OK);
    ck_assert(is_new);
    ck_assert_int_eq(incoming_images(), 3);
    fill();
    /* The content is there already. */
    ck_assert_int_eq(incoming_send(NULL, 0, &is_new, &fault), ERR_OK);
    ck_assert(!is_new);
    ck_assert_int_eq(incoming_images(), 3);
    ck_assert_int_eq(
        vault_rig_query(&incoming.rig, "SELECT count(*) FROM image WHERE alias = 'stable'"), 1);
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
    ck_assert_msg(incoming_send(INCOMING_CONTENT, 0, &is_new, &fault) == ERR_OK, "%s",
                  fault.reason);
    ck_assert_int_eq(vault_rig_query(&incoming.rig,
                                     "SELECT count(*) FROM image WHERE content = "
                                     "'aes-256-cbc' AND length(iv) = 16 AND length(tag) = 0"),
                     1);
    fill();
    asked.content = vault_rig_text(""); /* the default has a tag */
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
}
END_TEST

/* ---- what is altered ---- */

static struct sha256 other;

static void other_hsm(void)
{
    asked.hsm = vault_rig_data(other.bytes, SHA256_SIZE);
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
    asked.product = vault_rig_text("gadget");
}
static void other_time(void)
{
    asked.created_unix_ms--;
}
static void other_switch(void)
{
    asked.enabled = false;
}
static void other_alias(void)
{
    asked.alias = vault_rig_text("");
}
static void alias_into_label(void)
{
    asked.alias = vault_rig_text("");
    asked.label = vault_rig_text("stable\n2.0");
}

static void (*const ALTERATIONS[])(void) = {other_hsm,     more_images,      later,
                                            other_product, other_time,       other_switch,
                                            other_alias,   alias_into_label, NULL};

START_TEST(key_does_not_open_for_anything_else)
{
    incoming_claim_bound(ALTERATIONS);
}
END_TEST

/* ---- what is out of its limits ---- */

static void short_hsm(void)
{
    asked.hsm.len = 31;
}
static void line_in_alias(void)
{
    asked.alias = vault_rig_text("a\nb");
}

static void (*const EXCESSES[])(void) = {short_hsm, line_in_alias, NULL};

START_TEST(member_out_of_its_limits_is_refused)
{
    incoming_claim_limits(EXCESSES);
}
END_TEST

/* ---- what is for somebody else, or not there ---- */

START_TEST(each_refusal_has_its_own_word)
{
    fill();
    asked.standby = vault_rig_data(other.bytes, SHA256_SIZE);
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-hsm");
    fill();
    asked.product = vault_rig_text("nobody");
    incoming_claim_refused(INCOMING_CONTENT, ERR_PRODUCT_UNKNOWN, "product-unknown");
    fill();
    asked.profile = vault_rig_text("st-sfi");
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
    fill();
    asked.content = vault_rig_text("aes-256-cbc"); /* whose IV is longer, and which has no tag */
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
    asked.content = vault_rig_text("none");
    incoming_claim_refused(INCOMING_CONTENT, ERR_BAD_REQUEST, "other-profile");
    incoming_claim_words();
}
END_TEST

/* ---- exporting ---- */

static enum error ask_export(int file, struct fault *fault)
{
    Provisiond__StandbyExportRequest wanted = PROVISIOND__STANDBY_EXPORT_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    wanted.product = vault_rig_text("widget");
    enum error e =
        incoming_ask(PROVISIOND__ADMIN_REQUEST__OP_STANDBY_EXPORT, &wanted, file, &reply, fault);
    vault_admin_reply_free(reply);
    return e;
}

static enum error add_standby(const char *name, const uint8_t *der, size_t length, uint8_t seed,
                              struct fault *fault)
{
    Provisiond__StandbyAddRequest add = PROVISIOND__STANDBY_ADD_REQUEST__INIT;
    Provisiond__AdminReply *reply = NULL;
    uint8_t identity[SHA256_SIZE];
    memset(identity, seed, sizeof identity);
    add.name = vault_rig_text(name);
    add.hsm_identity = vault_rig_data(identity, sizeof identity);
    add.transport_spki = vault_rig_data(der, length);
    enum error e = incoming_ask(PROVISIOND__ADMIN_REQUEST__OP_STANDBY_ADD, &add, -1, &reply, fault);
    vault_admin_reply_free(reply);
    return e;
}

START_TEST(transport_key_is_a_point_on_p256_and_nothing_else)
{
    uint8_t der[256];
    const struct hsm_spki *transport = &incoming.transport;
    struct fault fault;
    ck_assert_uint_eq(transport->length, 91);
    for (size_t i = 0; i < transport->length; i++) {
        memcpy(der, transport->der, transport->length);
        der[i] ^= 1;
        ck_assert_int_eq(add_standby("b", der, transport->length, 1, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "transport-key");
    }
    for (size_t length = 0; length < transport->length; length += 13)
        ck_assert_int_eq(add_standby("b", transport->der, length, 1, &fault), ERR_BAD_REQUEST);
    memcpy(der, transport->der, transport->length);
    ck_assert_int_eq(add_standby("b", der, transport->length + 1, 1, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(add_standby("-", transport->der, transport->length, 1, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(add_standby("b", transport->der, transport->length, 1, &fault), ERR_OK);
    ck_assert_int_eq(vault_rig_query(&incoming.rig, "SELECT count(*) FROM standby"), 1);
}
END_TEST

START_TEST(export_goes_into_an_empty_file_for_a_standby_that_is_clear)
{
    const struct hsm_spki *transport = &incoming.transport;
    struct fault fault = {0};
    int file = hsm_rig_make_file(NULL, 0);
    int full = hsm_rig_make_file("x", 1);
    ck_assert_int_eq(ask_export(file, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "standby-unclear");
    ck_assert_int_eq(add_standby("b", transport->der, transport->length, 1, &fault), ERR_OK);
    ck_assert_int_eq(ask_export(-1, &fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(ask_export(full, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "keys-file");
    ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
    ck_assert_int_eq(ask_export(file, &fault), ERR_OK);
    ck_assert_int_gt(lseek(file, 0, SEEK_END), 500);
    ck_assert_int_eq(add_standby("c", transport->der, transport->length, 2, &fault), ERR_OK);
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
    const TTest *const tests[] = {
        key_that_fits_comes_in_once,
        image_of_another_form_of_content_comes_in,
        key_does_not_open_for_anything_else,
        member_out_of_its_limits_is_refused,
        each_refusal_has_its_own_word,
        transport_key_is_a_point_on_p256_and_nothing_else,
        export_goes_into_an_empty_file_for_a_standby_that_is_clear,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "standby",
                                        .timeout_s = 120,
                                        .set_up = set_up,
                                        .tear_down = incoming_tear_down,
                                        .tests = tests});
}
