/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A session key that was wrapped for the transport key comes in, under a firmware key of this
 * token, and nothing else comes in; whatever was altered is refused and costs no worker.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_key.h"
#include "hsm_rig.h"
#include "token.h"

#define POINT_BYTES 65

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;       /* where the session key comes from */
static struct hsm_key_id other;    /* the firmware key that it goes to */
static uint8_t point[POINT_BYTES]; /* of the transport key */
static uint8_t info[HSM_SHARED_INFO_MAX];
static char parameters[256];

static void make_transport_key(void)
{
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct fault fault = {0};
    ck_assert_msg(hsm_init(rig.client, &checkpoint, &transport, &fault) == ERR_OK, "%s",
                  fault.reason);
    ck_assert_uint_gt(transport.length, sizeof point);
    memcpy(point, transport.der + transport.length - sizeof point, sizeof point);
}

static void make_keys(unsigned key_bytes)
{
    struct fault fault;
    hsm_rig_make_keys(&rig, key_bytes, &keys);
    memset(other.bytes, 0x5a, sizeof other.bytes);
    ck_assert_int_eq(hsm_generate_firmware_key(rig.client, &other, "provisiond-fk:other", &fault),
                     ERR_OK);
}

static void set_up(void)
{
    hsm_rig_run(&rig);
    device_key_make(&device);
    memset(info, 0x17, sizeof info);
    make_transport_key();
    make_keys(32);
}

/* NSS softokn: all of it in the token. */
static void set_up_nss(void)
{
    char folder[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    temp_dir_path(&rig.dir, "nss", folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    token_make_nss(folder, parameters, sizeof parameters);
    rig.module = TOKEN_NSS_MODULE;
    rig.module_arguments = parameters;
    rig.label = TOKEN_NSS_LABEL;
    rig.pin_file = NULL;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    device_key_make(&device);
    make_transport_key();
    make_keys(32);
}

/* Whatever was asked for, no worker was lost. */
static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

/* The session key, wrapped for the transport key of this token. */
static void wrap_for_transport(struct bytes shared_info, unsigned kek_bytes,
                               struct hsm_wrapped *ret_wrapped)
{
    struct fault fault = {0};
    struct hsm_wrap wrap = device_wrap(&device, &keys, shared_info, kek_bytes);
    wrap.peer_point = bytes_of(point, sizeof point);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, ret_wrapped, &fault) == ERR_OK, "%s",
                  fault.reason);
}

static struct hsm_import import_of(const struct hsm_wrapped *wrapped, struct bytes shared_info,
                                   unsigned kek_bytes)
{
    return (struct hsm_import){.firmware_key = other,
                               .curve = HSM_P256,
                               .ephemeral_point =
                                   bytes_of(wrapped->ephemeral_point, wrapped->ephemeral_length),
                               .kdf = HSM_X963_SHA256,
                               .shared_info = shared_info,
                               .kek_bytes = kek_bytes,
                               .key = device_wrapped_key(wrapped)};
}

/* The session key's bytes, as a device gets them. */
static size_t open_by_device(const struct rig_keys *its_keys, uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct hsm_wrap wrap = device_wrap(&device, its_keys, bytes_of("i", 1), 32);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s", fault.reason);
    return device_key_open(&device, &wrapped, bytes_of("i", 1), 32, out);
}

static void check_way(size_t info_bytes, unsigned kek_bytes, unsigned key_bytes)
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct rig_keys there = {.firmware_key = other};
    uint8_t before[HSM_SESSION_KEY_MAX];
    uint8_t after[HSM_SESSION_KEY_MAX];
    const struct bytes shared_info = bytes_of(info, info_bytes);
    wrap_for_transport(shared_info, kek_bytes, &wrapped);
    const struct hsm_import import = import_of(&wrapped, shared_info, kek_bytes);
    ck_assert_msg(hsm_import_key(rig.client, &import, &there.session_key, &fault) == ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    ck_assert_uint_eq(there.session_key.length, key_bytes + 8);
    ck_assert_mem_ne(there.session_key.bytes, keys.session_key.bytes, key_bytes + 8);
    ck_assert_uint_eq(open_by_device(&keys, before), key_bytes);
    ck_assert_uint_eq(open_by_device(&there, after), key_bytes);
    ck_assert_mem_eq(before, after, key_bytes);
}

START_TEST(a_key_that_was_wrapped_for_the_transport_key_is_the_same_key_here)
{
    check_way(0, 32, 32);
    check_way(9, 16, 32);
    check_way(sizeof info, 32, 32);
    make_keys(16);
    check_way(9, 32, 16);
}
END_TEST

/* AES-KW has no nonce, so that a ledger knows a key again that it was given before. */
START_TEST(the_same_key_comes_in_as_the_same_bytes)
{
    struct hsm_wrapped wrapped;
    struct hsm_wrapped_key first;
    struct hsm_wrapped_key second;
    struct fault fault;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
    ck_assert_int_eq(hsm_import_key(rig.client, &import, &first, &fault), ERR_OK);
    struct hsm_wrapped again;
    wrap_for_transport(bytes_of(info, 9), 32, &again);
    ck_assert_mem_ne(again.key.bytes, wrapped.key.bytes, again.key.length);
    import = import_of(&again, bytes_of(info, 9), 32);
    ck_assert_int_eq(hsm_import_key(rig.client, &import, &second, &fault), ERR_OK);
    ck_assert_mem_eq(first.bytes, second.bytes, first.length);
}
END_TEST

/* ---- refusals ---- */

static void check_refused(const struct hsm_import *import, const char *reason)
{
    struct hsm_wrapped_key key;
    struct fault fault = {0};
    ck_assert_int_eq(hsm_import_key(rig.client, import, &key, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

START_TEST(a_flipped_bit_of_the_wrapped_key_is_refused)
{
    struct hsm_wrapped wrapped;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    for (size_t bit = 0; bit < wrapped.key.length * 8; bit += 3) {
        struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
        import.key.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_refused(&import, "import-refused");
    }
}
END_TEST

/* Off the curve it is no point; the other point of the same X is one, and the wrong one. */
START_TEST(a_flipped_bit_of_the_point_is_refused)
{
    struct hsm_wrapped wrapped;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    for (size_t bit = 0; bit < (size_t)POINT_BYTES * 8; bit += 5) {
        struct hsm_wrapped changed = wrapped;
        changed.ephemeral_point[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const struct hsm_import import = import_of(&changed, bytes_of(info, 9), 32);
        check_refused(&import, "peer-point");
    }
    struct hsm_wrapped foreign = wrapped;
    memcpy(foreign.ephemeral_point, device.point, sizeof device.point);
    const struct hsm_import import = import_of(&foreign, bytes_of(info, 9), 32);
    check_refused(&import, "import-refused");
}
END_TEST

START_TEST(other_shared_info_and_another_kek_are_refused)
{
    struct hsm_wrapped wrapped;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    struct hsm_import import = import_of(&wrapped, bytes_of(info, 8), 32);
    check_refused(&import, "import-refused");
    import = import_of(&wrapped, bytes_of(NULL, 0), 32);
    check_refused(&import, "import-refused");
    import = import_of(&wrapped, bytes_of(info, 9), 16);
    check_refused(&import, "import-refused");
}
END_TEST

START_TEST(a_key_for_another_peer_is_refused)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of(info, 9), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    const struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
    check_refused(&import, "import-refused");
}
END_TEST

START_TEST(what_is_out_of_its_limits_never_reaches_the_token)
{
    struct hsm_wrapped wrapped;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    const struct hsm_import good = import_of(&wrapped, bytes_of(info, 9), 32);
    struct hsm_import import = good;
    import.kek_bytes = 24;
    check_refused(&import, "kek-bytes");
    import = good;
    import.key.length = 32;
    check_refused(&import, "wrapped-key");
    import.key.length = 0;
    check_refused(&import, "wrapped-key");
    import = good;
    import.ephemeral_point.length = 33;
    check_refused(&import, "peer-point");
    import.ephemeral_point.length = 0;
    check_refused(&import, "peer-point");
    import = good;
    import.curve = 2;
    check_refused(&import, "curve");
    import = good;
    import.kdf = 0;
    check_refused(&import, "kdf");
}
END_TEST

START_TEST(an_unknown_firmware_key_is_said)
{
    struct hsm_wrapped wrapped;
    struct hsm_wrapped_key key;
    struct fault fault;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
    import.firmware_key.bytes[0] ^= 1;
    ck_assert_int_eq(hsm_import_key(rig.client, &import, &key, &fault), ERR_HSM_KEY_MISSING);
    ck_assert_str_eq(fault.reason, "firmware-key-missing");
}
END_TEST

/* ---- the transport key ---- */

static void remake_rig(void)
{
    device_key_free(&device);
    hsm_rig_remove(&rig);
    hsm_rig_run(&rig);
    device_key_make(&device);
}

START_TEST(without_a_transport_key_nothing_comes_in)
{
    struct hsm_wrapped wrapped;
    struct hsm_wrapped_key key;
    struct fault fault;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    const struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
    remake_rig();
    make_keys(32);
    ck_assert_int_eq(hsm_import_key(rig.client, &import, &key, &fault), ERR_HSM_KEY_MISSING);
    ck_assert_str_eq(fault.reason, "transport-key-missing");
    make_transport_key();
    check_refused(&import, "import-refused");
}
END_TEST

START_TEST(the_transport_key_agrees_and_does_nothing_else)
{
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    CK_OBJECT_HANDLE key = token_find(&token, CKO_PRIVATE_KEY, "provisiond-trnsp");
    ck_assert(token_read_flag(&token, key, CKA_DERIVE));
    ck_assert(token_read_flag(&token, key, CKA_SENSITIVE));
    ck_assert(token_read_flag(&token, key, CKA_NEVER_EXTRACTABLE));
    ck_assert(!token_read_flag(&token, key, CKA_EXTRACTABLE));
    ck_assert(!token_read_flag(&token, key, CKA_SIGN));
    ck_assert(!token_read_flag(&token, key, CKA_DECRYPT));
    ck_assert(!token_read_flag(&token, key, CKA_UNWRAP));
    token_close(&token);
}
END_TEST

START_TEST(a_weak_transport_key_takes_nothing_in)
{
    struct hsm_wrapped wrapped;
    struct hsm_wrapped_key key;
    struct fault fault;
    struct token token;
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    const struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
    remake_rig();
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_make_weak_pair(&token, "provisiond-trnsp", "provisiond-transport");
    token_close(&token);
    make_keys(32);
    ck_assert_int_eq(hsm_import_key(rig.client, &import, &key, &fault), ERR_HSM_KEY_WEAK);
}
END_TEST

START_TEST(in_token_mode_the_key_comes_in_as_well_and_what_was_altered_does_not)
{
    struct hsm_wrapped wrapped;
    struct hsm_status status;
    struct fault fault;
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_int_eq(status.mode, HSM_TOKEN_MODE);
    check_way(9, 32, 32);
    check_way(0, 16, 32);
    wrap_for_transport(bytes_of(info, 9), 32, &wrapped);
    for (size_t bit = 0; bit < wrapped.key.length * 8; bit += 11) {
        struct hsm_import import = import_of(&wrapped, bytes_of(info, 9), 32);
        import.key.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_refused(&import, "import-refused");
    }
    const struct hsm_import import = import_of(&wrapped, bytes_of(info, 8), 32);
    check_refused(&import, "import-refused");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hsm import");
    TCase *softhsm = tcase_create("softhsm");
    tcase_set_timeout(softhsm, 120);
    tcase_add_checked_fixture(softhsm, set_up, tear_down);
    tcase_add_test(softhsm, a_key_that_was_wrapped_for_the_transport_key_is_the_same_key_here);
    tcase_add_test(softhsm, the_same_key_comes_in_as_the_same_bytes);
    tcase_add_test(softhsm, a_flipped_bit_of_the_wrapped_key_is_refused);
    tcase_add_test(softhsm, a_flipped_bit_of_the_point_is_refused);
    tcase_add_test(softhsm, other_shared_info_and_another_kek_are_refused);
    tcase_add_test(softhsm, a_key_for_another_peer_is_refused);
    tcase_add_test(softhsm, what_is_out_of_its_limits_never_reaches_the_token);
    tcase_add_test(softhsm, an_unknown_firmware_key_is_said);
    tcase_add_test(softhsm, without_a_transport_key_nothing_comes_in);
    tcase_add_test(softhsm, the_transport_key_agrees_and_does_nothing_else);
    tcase_add_test(softhsm, a_weak_transport_key_takes_nothing_in);
    suite_add_tcase(suite, softhsm);
    TCase *nss = tcase_create("nss");
    tcase_set_timeout(nss, 120);
    tcase_add_checked_fixture(nss, set_up_nss, tear_down);
    tcase_add_test(nss, in_token_mode_the_key_comes_in_as_well_and_what_was_altered_does_not);
    suite_add_tcase(suite, nss);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
