/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of firmware keys: session keys go over to another one, and the old one ends. */
#include <check.h>
#include <string.h>

#include "device_key.h"
#include "hsm.pb-c.h"
#include "hsm_rig.h"
#include "raw_link.h"
#include "token.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;
static const struct hsm_key_id next_id = {"fedcba9876543210"};
static const struct hsm_key_id no_id = {"there-is-no-such"};
static const char NEXT_LABEL[] = "provisiond-fk:p:2";

static void generate(const struct hsm_key_id *id, const char *label)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_generate_firmware_key(rig.client, id, label, &fault) == ERR_OK, "%s",
                  fault.reason);
}

static void set_up(void)
{
    hsm_rig_run(&rig);
    device_key_make(&device);
    hsm_rig_make_keys(&rig, 32, &keys);
    generate(&next_id, NEXT_LABEL);
}

/* Whatever was asked for, no worker was lost. */
static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

static void rewrap_well(const struct rig_keys *from, struct rig_keys *ret_keys)
{
    struct fault fault = {0};
    ret_keys->firmware_key = next_id;
    ck_assert_msg(hsm_rewrap(rig.client, &from->firmware_key, &from->session_key, &next_id,
                             &ret_keys->session_key, &fault) == ERR_OK,
                  "%s %lx", fault.reason, fault.native);
}

static void check_refused(const struct hsm_key_id *from, const struct hsm_wrapped_key *key,
                          const struct hsm_key_id *to, enum error code, const char *reason)
{
    struct hsm_wrapped_key ignored;
    struct fault fault = {0};
    ck_assert_int_eq(hsm_rewrap(rig.client, from, key, to, &ignored, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
}

/* The session key as the device gets it. */
static size_t open_by_device(const struct rig_keys *by, uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct hsm_wrap wrap = device_wrap(&device, by, bytes_of("i", 1), 32);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s", fault.reason);
    return device_key_open(&device, &wrapped, bytes_of("i", 1), 32, out);
}

/* ---- re-wrapping ---- */

START_TEST(a_device_gets_the_same_key_through_the_new_firmware_key)
{
    uint8_t before[HSM_SESSION_KEY_MAX];
    uint8_t after[HSM_SESSION_KEY_MAX];
    for (unsigned key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
        struct rig_keys next;
        hsm_rig_make_keys(&rig, key_bytes, &keys);
        rewrap_well(&keys, &next);
        ck_assert_uint_eq(next.session_key.length, key_bytes + 8);
        ck_assert_mem_ne(next.session_key.bytes, keys.session_key.bytes, key_bytes + 8);
        ck_assert_uint_eq(open_by_device(&keys, before), key_bytes);
        ck_assert_uint_eq(open_by_device(&next, after), key_bytes);
        ck_assert_mem_eq(before, after, key_bytes);
    }
}
END_TEST

START_TEST(asking_again_gives_the_same_bytes)
{
    struct rig_keys first;
    struct rig_keys second;
    rewrap_well(&keys, &first);
    rewrap_well(&keys, &second);
    ck_assert_mem_eq(first.session_key.bytes, second.session_key.bytes, first.session_key.length);
}
END_TEST

START_TEST(every_flipped_bit_of_a_wrapped_key_is_refused)
{
    for (size_t bit = 0; bit < keys.session_key.length * 8; bit += 7) {
        struct hsm_wrapped_key garbled = keys.session_key;
        garbled.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_refused(&keys.firmware_key, &garbled, &next_id, ERR_BAD_REQUEST,
                      "wrapped-key-refused");
    }
}
END_TEST

START_TEST(a_key_wrapped_by_another_firmware_key_is_refused)
{
    struct hsm_wrapped_key foreign;
    struct fault fault;
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &next_id, 32, &foreign, &fault), ERR_OK);
    check_refused(&keys.firmware_key, &foreign, &next_id, ERR_BAD_REQUEST, "wrapped-key-refused");
}
END_TEST

START_TEST(a_missing_firmware_key_is_named_whichever_it_is)
{
    check_refused(&no_id, &keys.session_key, &next_id, ERR_HSM_KEY_MISSING, "firmware-key-missing");
    check_refused(&keys.firmware_key, &keys.session_key, &no_id, ERR_HSM_KEY_MISSING,
                  "firmware-key-missing");
}
END_TEST

START_TEST(no_session_key_goes_to_a_weak_key_or_to_the_same)
{
    static const struct hsm_key_id weak_id = {"a-weak-key-of-ou"};
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_make_weak_key(&token, &weak_id, "provisiond-fk:weak", CKA_EXTRACTABLE, true);
    token_close(&token);
    check_refused(&keys.firmware_key, &keys.session_key, &weak_id, ERR_HSM_KEY_WEAK, "key-weak");
    check_refused(&keys.firmware_key, &keys.session_key, &keys.firmware_key, ERR_BAD_REQUEST,
                  "same-key");
}
END_TEST

/* ---- the end of a key ---- */

static enum error destroy(const struct hsm_key_id *id, const char *label, bool *ret_was_there,
                          struct fault *fault)
{
    *ret_was_there = false;
    return hsm_destroy_firmware_key(rig.client, id, label, ret_was_there, fault);
}

START_TEST(a_destroyed_key_serves_nobody_any_more)
{
    struct hsm_wrapped_key wrapped;
    struct fault fault = {0};
    bool was_there = false;
    for (unsigned i = 0; i < 4 * rig.workers; i++) /* every worker has its handle */
        ck_assert_int_eq(hsm_generate_session_key(rig.client, &next_id, 32, &wrapped, &fault),
                         ERR_OK);
    ck_assert_int_eq(destroy(&next_id, NEXT_LABEL, &was_there, &fault), ERR_OK);
    ck_assert(was_there);
    for (unsigned i = 0; i < 4 * rig.workers; i++)
        check_refused(&next_id, &wrapped, &keys.firmware_key, ERR_HSM_KEY_MISSING,
                      "firmware-key-missing");
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &keys.firmware_key, 32, &wrapped, &fault),
                     ERR_OK);
}
END_TEST

START_TEST(a_key_that_is_gone_is_destroyed_already)
{
    struct fault fault = {0};
    bool was_there = false;
    ck_assert_int_eq(destroy(&next_id, NEXT_LABEL, &was_there, &fault), ERR_OK);
    ck_assert_int_eq(destroy(&next_id, NEXT_LABEL, &was_there, &fault), ERR_OK);
    ck_assert(!was_there);
}
END_TEST

static void check_not_destroyed(const struct hsm_key_id *id, const char *label)
{
    struct hsm_key_state state;
    struct fault fault = {0};
    bool was_there = false;
    ck_assert_int_eq(destroy(id, label, &was_there, &fault), ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "not-a-firmware-key");
    ck_assert_int_eq(hsm_key_states(rig.client, id, 1, &state, &fault), ERR_OK);
    ck_assert(state.exists);
}

START_TEST(what_is_not_the_firmware_key_that_is_meant_is_not_destroyed)
{
    static const struct hsm_key_id foreign_id = {"somebody-elses-k"};
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_import_key(&token, &foreign_id, "payroll");
    token_close(&token);
    check_not_destroyed(&foreign_id, "payroll");
    check_not_destroyed(&foreign_id, NEXT_LABEL);
    check_not_destroyed(&next_id, "provisiond-fk:p");
    check_not_destroyed(&next_id, "provisiond-fk:p:20");
}
END_TEST

START_TEST(two_keys_under_one_id_are_kept_when_one_of_them_is_not_meant)
{
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_import_key(&token, &next_id, "payroll");
    check_not_destroyed(&next_id, NEXT_LABEL);
    ck_assert_uint_eq(token_count(&token, CKO_SECRET_KEY, next_id.bytes), 2);
    token_close(&token);
}
END_TEST

START_TEST(the_keys_of_init_are_not_destroyed_under_their_ids)
{
    static const struct hsm_key_id checkpoint_id = {"provisiond-chkpt"};
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_status status;
    struct fault fault = {0};
    bool was_there = true;
    ck_assert_int_eq(hsm_init(rig.client, &checkpoint, &transport, &fault), ERR_OK);
    ck_assert_int_eq(destroy(&checkpoint_id, NEXT_LABEL, &was_there, &fault), ERR_OK);
    ck_assert(!was_there); /* there is no secret key of this id */
    hsm_rig_kill_master(&rig);
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_mem_eq(status.checkpoint.der, checkpoint.der, checkpoint.length);
}
END_TEST

/* ---- states ---- */

START_TEST(the_states_of_keys_come_in_the_order_of_the_question)
{
    static const struct hsm_key_id weak_id = {"a-weak-key-of-ou"};
    const struct hsm_key_id ids[] = {no_id, next_id, weak_id, keys.firmware_key};
    struct hsm_key_state states[4];
    struct fault fault = {0};
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_make_weak_key(&token, &weak_id, "provisiond-fk:weak", CKA_DECRYPT, true);
    token_close(&token);
    ck_assert_int_eq(hsm_key_states(rig.client, ids, 4, states, &fault), ERR_OK);
    ck_assert(!states[0].exists && states[1].exists && states[2].exists && states[3].exists);
    ck_assert_str_eq(states[0].weak_attribute, "");
    ck_assert_str_eq(states[1].weak_attribute, "");
    ck_assert_str_eq(states[2].weak_attribute, "CKA_DECRYPT");
    ck_assert_str_eq(states[3].weak_attribute, "");
}
END_TEST

/* ---- requests that are wrong in one place ---- */

static void check_bad(const Provisiond__HsmRequest *request, const char *reason)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault = {0};
    size_t length = raw_pack(request, payload);
    ck_assert_int_eq(raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

static ProtobufCBinaryData binary_of(const void *data, size_t length)
{
    return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)data};
}

START_TEST(a_rewrap_that_is_wrong_in_one_place_is_refused_for_that_reason)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmRewrapRequest right = PROVISIOND__HSM_REWRAP_REQUEST__INIT;
    right.from_key_id = binary_of(keys.firmware_key.bytes, HSM_KEY_ID_BYTES);
    right.to_key_id = binary_of(next_id.bytes, HSM_KEY_ID_BYTES);
    right.wrapped_session_key = binary_of(keys.session_key.bytes, keys.session_key.length);
    Provisiond__HsmRewrapRequest wrong = right;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_REWRAP;
    request.rewrap = &wrong;
    wrong.from_key_id.len = 15;
    check_bad(&request, "key-id");
    wrong = right;
    wrong.to_key_id.len = 0;
    check_bad(&request, "key-id");
    wrong = right;
    wrong.wrapped_session_key.len = 32;
    check_bad(&request, "wrapped-key");
}
END_TEST

START_TEST(what_names_no_key_or_too_many_is_refused)
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmDestroyFirmwareKeyRequest destroying =
        PROVISIOND__HSM_DESTROY_FIRMWARE_KEY_REQUEST__INIT;
    Provisiond__HsmKeyStatesRequest asking = PROVISIOND__HSM_KEY_STATES_REQUEST__INIT;
    ProtobufCBinaryData ids[HSM_KEY_STATES_MAX + 1];
    for (size_t i = 0; i <= HSM_KEY_STATES_MAX; i++)
        ids[i] = binary_of(next_id.bytes, HSM_KEY_ID_BYTES);
    request.op_case = PROVISIOND__HSM_REQUEST__OP_DESTROY_FIRMWARE_KEY;
    request.destroy_firmware_key = &destroying;
    check_bad(&request, "key-id");
    destroying.key_id = ids[0];
    check_bad(&request, "label");
    request.op_case = PROVISIOND__HSM_REQUEST__OP_KEY_STATES;
    request.key_states = &asking;
    check_bad(&request, "key-ids");
    asking.key_ids = ids;
    asking.n_key_ids = HSM_KEY_STATES_MAX + 1;
    check_bad(&request, "key-ids");
    asking.n_key_ids = 2;
    ids[1].len = 15;
    check_bad(&request, "key-id");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("key_life");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_device_gets_the_same_key_through_the_new_firmware_key);
    tcase_add_test(tests, asking_again_gives_the_same_bytes);
    tcase_add_test(tests, every_flipped_bit_of_a_wrapped_key_is_refused);
    tcase_add_test(tests, a_key_wrapped_by_another_firmware_key_is_refused);
    tcase_add_test(tests, a_missing_firmware_key_is_named_whichever_it_is);
    tcase_add_test(tests, no_session_key_goes_to_a_weak_key_or_to_the_same);
    tcase_add_test(tests, a_destroyed_key_serves_nobody_any_more);
    tcase_add_test(tests, a_key_that_is_gone_is_destroyed_already);
    tcase_add_test(tests, what_is_not_the_firmware_key_that_is_meant_is_not_destroyed);
    tcase_add_test(tests, two_keys_under_one_id_are_kept_when_one_of_them_is_not_meant);
    tcase_add_test(tests, the_keys_of_init_are_not_destroyed_under_their_ids);
    tcase_add_test(tests, the_states_of_keys_come_in_the_order_of_the_question);
    tcase_add_test(tests, a_rewrap_that_is_wrong_in_one_place_is_refused_for_that_reason);
    tcase_add_test(tests, what_names_no_key_or_too_many_is_refused);
    return hsm_rig_run_tests(tests);
}
