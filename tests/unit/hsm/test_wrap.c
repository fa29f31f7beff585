/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A session key reaches a device, and nobody else. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "device_key.h"
#include "hsm_rig.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;

static void set_up(void)
{
    hsm_rig_run(&rig);
    device_key_make(&device);
    hsm_rig_make_keys(&rig, 32, &keys);
}

static void tear_down(void)
{
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

static size_t wrap_and_open(struct bytes shared_info, unsigned kek_bytes,
                            uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    struct hsm_wrap wrap = device_wrap(&device, &keys, shared_info, kek_bytes);
    ck_assert_msg(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
    ck_assert_int_eq(wrapped.mode, HSM_HOST_MODE); /* what SoftHSM can do */
    return device_key_open(&device, &wrapped, shared_info, kek_bytes, out);
}

START_TEST(a_wrapped_key_opens_with_the_device_key_whatever_the_parameters)
{
    uint8_t info[HSM_SHARED_INFO_MAX];
    uint8_t first[HSM_SESSION_KEY_MAX];
    uint8_t other[HSM_SESSION_KEY_MAX];
    memset(info, 0x5a, sizeof info);
    ck_assert_uint_eq(wrap_and_open(bytes_of(info, sizeof info), 32, first), 32);
    ck_assert_uint_eq(wrap_and_open(bytes_of(info, 7), 16, other), 32);
    ck_assert_mem_eq(first, other, 32);
    ck_assert_uint_eq(wrap_and_open(bytes_of(NULL, 0), 32, other), 32);
    ck_assert_mem_eq(first, other, 32);
}
END_TEST

START_TEST(a_wrapped_key_of_16_bytes_opens)
{
    uint8_t opened[HSM_SESSION_KEY_MAX];
    hsm_rig_make_keys(&rig, 16, &keys);
    ck_assert_uint_eq(wrap_and_open(bytes_of("x", 1), 32, opened), 16);
}
END_TEST

START_TEST(a_wrapped_key_opens_for_no_other_device_and_no_other_info)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct device_key other;
    uint8_t opened[HSM_SESSION_KEY_MAX];
    struct bytes info = bytes_of("install 1", 9);
    struct hsm_wrap wrap = device_wrap(&device, &keys, info, 32);
    device_key_make(&other);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&other, &wrapped, info, 32, opened), 0);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("install 2", 9), 32, opened), 0);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, info, 32, opened), 32);
    device_key_free(&other);
}
END_TEST

START_TEST(two_wraps_never_share_an_ephemeral_key)
{
    struct hsm_wrapped first;
    struct hsm_wrapped second;
    struct fault fault;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &first, &fault), ERR_OK);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &second, &fault), ERR_OK);
    ck_assert_mem_ne(first.ephemeral_point, second.ephemeral_point, 65);
    ck_assert_mem_ne(first.key.bytes, second.key.bytes, 40);
}
END_TEST

START_TEST(a_point_off_the_curve_is_refused_and_costs_no_worker)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    device.point[64] ^= 1;
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "peer-point");
    device.point[64] ^= 1;
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

START_TEST(a_corrupted_session_key_is_refused_and_costs_no_worker)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    wrap.session_key.bytes[5] ^= 1;
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "wrapped-key-refused");
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

START_TEST(a_wrap_under_an_unknown_firmware_key_says_so)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    wrap.firmware_key.bytes[0] ^= 1;
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_HSM_KEY_MISSING);
}
END_TEST

START_TEST(session_keys_beyond_the_cache_still_wrap)
{
    struct rig_keys many[80]; /* more than a worker caches */
    uint8_t opened[80][HSM_SESSION_KEY_MAX];
    uint8_t again[HSM_SESSION_KEY_MAX];
    for (size_t i = 0; i < 80; i++) {
        hsm_rig_make_keys(&rig, 32, &many[i]);
        keys = many[i];
        ck_assert_uint_eq(wrap_and_open(bytes_of("i", 1), 32, opened[i]), 32);
    }
    for (size_t i = 0; i < 80; i++) {
        keys = many[i];
        ck_assert_uint_eq(wrap_and_open(bytes_of("i", 1), 32, again), 32);
        ck_assert_mem_eq(again, opened[i], 32);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("wrap");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_wrapped_key_opens_with_the_device_key_whatever_the_parameters);
    tcase_add_test(tests, a_wrapped_key_of_16_bytes_opens);
    tcase_add_test(tests, a_wrapped_key_opens_for_no_other_device_and_no_other_info);
    tcase_add_test(tests, two_wraps_never_share_an_ephemeral_key);
    tcase_add_test(tests, a_point_off_the_curve_is_refused_and_costs_no_worker);
    tcase_add_test(tests, a_corrupted_session_key_is_refused_and_costs_no_worker);
    tcase_add_test(tests, a_wrap_under_an_unknown_firmware_key_says_so);
    tcase_add_test(tests, session_keys_beyond_the_cache_still_wrap);
    return hsm_rig_run_tests(tests);
}
