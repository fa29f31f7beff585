/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The socket as a hostile peer uses it, for what journal and grants ask. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "hsm_rig.h"
#include "note.h"
#include "raw_link.h"

#define MUTATIONS 300

static struct hsm_rig rig;
static struct note body;
static struct note anchor;
static struct sha256 nothing;
static size_t replaces_length = SHA256_SIZE;
static uint8_t digest[64] = {1, 2, 3};
static char product[80] = "bike";

static void set_up(void)
{
    struct hsm_spki spki;
    struct fault fault;
    hsm_rig_run(&rig);
    ck_assert_int_eq(hsm_init(rig.client, &spki, &spki, &fault), ERR_OK);
    body = note_body(1042, 0x5a);
    anchor = note_make(1042, 0x5a);
    nothing = sha256_of(bytes_of(NULL, 0));
}

static void tear_down(void)
{
    struct hsm_status status;
    struct fault fault;
    /* Whatever was sent: the master is there, and so are all its first workers. */
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-started"), rig.workers);
    hsm_rig_remove(&rig);
}

/* ---- requests that are right ---- */

static size_t pack_sign(uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmSignCheckpointRequest message = PROVISIOND__HSM_SIGN_CHECKPOINT_REQUEST__INIT;
    message.body = (ProtobufCBinaryData){body.length, (uint8_t *)body.text};
    request.op_case = PROVISIOND__HSM_REQUEST__OP_SIGN_CHECKPOINT;
    request.sign_checkpoint = &message;
    return raw_pack(&request, out);
}

static size_t pack_anchor_read(uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAnchorReadRequest message = PROVISIOND__HSM_ANCHOR_READ_REQUEST__INIT;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ANCHOR_READ;
    request.anchor_read = &message;
    return raw_pack(&request, out);
}

static size_t pack_anchor_write(uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAnchorWriteRequest message = PROVISIOND__HSM_ANCHOR_WRITE_REQUEST__INIT;
    message.note = (ProtobufCBinaryData){anchor.length, (uint8_t *)anchor.text};
    message.replaces = (ProtobufCBinaryData){replaces_length, nothing.bytes};
    request.op_case = PROVISIOND__HSM_REQUEST__OP_ANCHOR_WRITE;
    request.anchor_write = &message;
    return raw_pack(&request, out);
}

static size_t pack_authority_read(uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAuthorityReadRequest message = PROVISIOND__HSM_AUTHORITY_READ_REQUEST__INIT;
    message.product = product;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_AUTHORITY_READ;
    request.authority_read = &message;
    return raw_pack(&request, out);
}

static size_t digest_length = SHA256_SIZE;

static size_t pack_authority_write(uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmAuthorityWriteRequest message = PROVISIOND__HSM_AUTHORITY_WRITE_REQUEST__INIT;
    message.product = product;
    message.digest = (ProtobufCBinaryData){digest_length, digest};
    request.op_case = PROVISIOND__HSM_REQUEST__OP_AUTHORITY_WRITE;
    request.authority_write = &message;
    return raw_pack(&request, out);
}

static size_t (*const packs[])(uint8_t out[RAW_REQUEST_MAX]) = {
    pack_sign, pack_anchor_read, pack_anchor_write, pack_authority_read, pack_authority_write};

#define PACKS ((int)(sizeof packs / sizeof packs[0]))

/* ---- and in one place not ---- */

static void long_body(void)
{
    body.length = HSM_CHECKPOINT_BODY_MAX + 1;
}
static void no_body(void)
{
    body.length = 0;
}
static void other_body(void)
{
    body.text[body.length - 1] = ' ';
}
static void long_anchor(void)
{
    anchor = note_of_length(1042, HSM_ANCHOR_MAX + 1);
}
static void no_anchor(void)
{
    anchor.length = 0;
}
static void unsigned_anchor(void)
{
    anchor = body;
}
static void no_product(void)
{
    product[0] = '\0';
}
static void short_replaces(void)
{
    replaces_length = SHA256_SIZE - 1;
}
static void long_product(void)
{
    memset(product, 'a', HSM_PRODUCT_MAX + 1);
}
static void other_product(void)
{
    product[1] = ':';
}
static void no_digest(void)
{
    digest_length = 0;
}
static void short_digest(void)
{
    digest_length = SHA256_SIZE - 1;
}
static void long_digest(void)
{
    digest_length = SHA256_SIZE + 1;
}

static const struct wrong {
    size_t (*pack)(uint8_t out[RAW_REQUEST_MAX]);
    void (*spoil)(void);
    const char *reason;
} wrongs[] = {
    {pack_sign, long_body, "checkpoint-form"},
    {pack_sign, no_body, "checkpoint-form"},
    {pack_sign, other_body, "checkpoint-form"},
    {pack_anchor_write, long_anchor, "anchor-form"},
    {pack_anchor_write, no_anchor, "anchor-form"},
    {pack_anchor_write, unsigned_anchor, "anchor-form"},
    {pack_anchor_write, short_replaces, "digest"},
    {pack_authority_read, no_product, "product"},
    {pack_authority_read, long_product, "product"},
    {pack_authority_read, other_product, "product"},
    {pack_authority_write, no_product, "product"},
    {pack_authority_write, long_product, "product"},
    {pack_authority_write, other_product, "product"},
    {pack_authority_write, no_digest, "digest"},
    {pack_authority_write, short_digest, "digest"},
    {pack_authority_write, long_digest, "digest"},
};

START_TEST(a_request_that_is_wrong_in_one_place_is_refused_for_that_reason)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = wrongs[_i].pack(payload);
    ck_assert_int_eq(raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault), ERR_OK);
    wrongs[_i].spoil();
    length = wrongs[_i].pack(payload);
    ck_assert_int_eq(raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, wrongs[_i].reason);
}
END_TEST

START_TEST(descriptors_where_none_belong_are_refused)
{
    uint8_t payload[RAW_REQUEST_MAX];
    const int fds[2] = {0, 1};
    struct fault fault;
    size_t length = packs[_i](payload);
    ck_assert_int_eq(raw_ask(&rig, bytes_of(payload, length), fds, 2, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "descriptors");
}
END_TEST

START_TEST(an_unknown_field_is_refused)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = packs[_i](payload);
    /* One more field of the operation, number 15: it is packed last, and its length is one byte
     * or, from 128 on, two. */
    size_t length_at = 1;
    unsigned carried = (payload[length_at] & 0x7fU) + 2;
    payload[length_at] = (uint8_t)((payload[length_at] & 0x80U) | (carried & 0x7fU));
    if (carried > 0x7f)
        payload[length_at + 1]++;
    payload[length++] = 0x78;
    payload[length++] = 0x01;
    ck_assert_int_eq(raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "field-unknown");
}
END_TEST

/* A byte here and there: what still has the form is served, anything else refused. */
START_TEST(mutated_requests_never_cost_a_worker)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    srandom(44 + (unsigned)_i);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t length = packs[_i](payload);
        payload[(size_t)random() % length] ^= (uint8_t)(1 + random() % 255);
        enum error e = raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault);
        ck_assert(e == ERR_OK || e == ERR_BAD_REQUEST || e == ERR_CONFLICT || e == ERR_LINK_CLOSED);
    }
}
END_TEST

START_TEST(a_request_cut_off_anywhere_never_costs_a_worker)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = packs[_i](payload);
    for (size_t cut = 1; cut < length; cut++) {
        enum error e = raw_ask(&rig, bytes_of(payload, cut), NULL, 0, &fault);
        ck_assert(e == ERR_LINK_CLOSED || e == ERR_BAD_REQUEST);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("requests of the journal");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_request_that_is_wrong_in_one_place_is_refused_for_that_reason, 0,
                        (int)(sizeof wrongs / sizeof wrongs[0]));
    tcase_add_loop_test(tests, descriptors_where_none_belong_are_refused, 0, PACKS);
    tcase_add_loop_test(tests, an_unknown_field_is_refused, 0, PACKS);
    tcase_add_loop_test(tests, mutated_requests_never_cost_a_worker, 0, PACKS);
    tcase_add_loop_test(tests, a_request_cut_off_anywhere_never_costs_a_worker, 0, PACKS);
    return hsm_rig_run_tests(tests);
}
