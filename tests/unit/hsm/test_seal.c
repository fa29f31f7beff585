/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A sealed session key reaches a device, and nobody else; every bit of a seal counts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_key.h"
#include "hsm_rig.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;
static uint8_t session_key[HSM_SESSION_KEY_MAX]; /* as a wrap gives it to the device */
static uint8_t filler[512];

static void take_keys(unsigned key_bytes)
{
    struct hsm_wrapped wrapped;
    struct fault fault;
    hsm_rig_make_keys(&rig, key_bytes, &keys);
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("i", 1), 32, session_key),
                      key_bytes);
}

static void set_up(void)
{
    hsm_rig_run(&rig);
    device_key_make(&device);
    take_keys(16);
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (uint8_t)(i * 5 + 3);
}

/* Whatever was asked for, no worker was lost. */
static void tear_down(void)
{
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

/* As the profile st-sfi asks: 16 bytes before the key, 24 bytes of additional data. */
static struct hsm_seal make_seal(void)
{
    struct hsm_seal seal = device_seal(&device, &keys, bytes_of(filler, 29));
    seal.prefix = bytes_of(filler + 100, 16);
    seal.aad = bytes_of(filler + 200, 24);
    return seal;
}

static void seal_well(const struct hsm_seal *seal, struct hsm_sealed *ret_sealed)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_seal_key(rig.client, seal, ret_sealed, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

static void check_seal(const struct hsm_seal *seal, size_t key_bytes)
{
    struct hsm_sealed sealed;
    uint8_t text[HSM_SEALED_MAX];
    seal_well(seal, &sealed);
    ck_assert_uint_eq(sealed.ephemeral_length, 65);
    ck_assert_uint_eq(sealed.length, seal->prefix.length + key_bytes + HSM_GCM_TAG_BYTES);
    ck_assert_uint_eq(device_seal_open(&device, &sealed, seal, text),
                      seal->prefix.length + key_bytes);
    if (seal->prefix.length > 0)
        ck_assert_mem_eq(text, seal->prefix.data, seal->prefix.length);
    ck_assert_mem_eq(text + seal->prefix.length, session_key, key_bytes);
}

static const struct hsm_seal_layout layouts[] = {
    {0, 16, 12}, {0, 16, 16}, {0, 20, 12}, {0, 17, 13}, {16, 0, 12},
    {16, 0, 16}, {16, 4, 12}, {12, 0, 12}, {4, 20, 12}, {14, 0, 14},
};

START_TEST(a_seal_opens_to_the_key_of_a_wrap_whatever_the_layout)
{
    struct hsm_seal seal = make_seal();
    seal.layout = layouts[_i];
    check_seal(&seal, 16);
}
END_TEST

START_TEST(a_seal_opens_whatever_the_lengths)
{
    static const size_t lengths[][3] = {
        {0, 0, 0}, {HSM_SHARED_INFO_MAX, HSM_SEAL_PREFIX_MAX, HSM_SEAL_AAD_MAX}, {1, 1, 1}};
    for (unsigned key_bytes = 16; key_bytes <= 32; key_bytes += 16) {
        take_keys(key_bytes);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct hsm_seal seal = make_seal();
            seal.shared_info = bytes_of(filler, lengths[i][0]);
            seal.prefix = bytes_of(filler, lengths[i][1]);
            seal.aad = bytes_of(filler, lengths[i][2]);
            check_seal(&seal, key_bytes);
        }
    }
}
END_TEST

START_TEST(the_key_of_a_seal_decrypts_the_image)
{
    struct hsm_content content;
    struct hsm_sealed sealed;
    struct fault fault = {0};
    uint8_t text[HSM_SEALED_MAX];
    uint8_t cipher[sizeof filler];
    uint8_t clear[sizeof filler];
    int in = hsm_rig_make_file(filler, sizeof filler);
    int out = hsm_rig_make_file(NULL, 0);
    struct hsm_seal seal = make_seal();
    struct hsm_encryption encryption = hsm_rig_encryption(&keys, in, out);
    ck_assert_int_eq(hsm_encrypt(rig.client, &encryption, &content, &fault), ERR_OK);
    ck_assert_int_eq(pread(out, cipher, sizeof cipher, 0), sizeof cipher);
    seal_well(&seal, &sealed);
    ck_assert_uint_eq(device_seal_open(&device, &sealed, &seal, text), 32);
    ck_assert(device_decrypt(bytes_of(text + 16, 16), &content, bytes_of(NULL, 0),
                             bytes_of(cipher, sizeof cipher), clear));
    ck_assert_mem_eq(clear, filler, sizeof filler);
    (void)close(in);
    (void)close(out);
}
END_TEST

/* ---- nobody else ---- */

START_TEST(a_flipped_bit_anywhere_keeps_a_seal_shut)
{
    struct hsm_sealed sealed;
    uint8_t text[HSM_SEALED_MAX];
    uint8_t aad[24];
    struct hsm_seal seal = make_seal();
    seal_well(&seal, &sealed);
    for (size_t bit = 0; bit < sealed.length * 8; bit++) {
        struct hsm_sealed changed = sealed;
        changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_uint_eq(device_seal_open(&device, &changed, &seal, text), 0);
    }
    /* X and Y; the form before them is not authenticated, and OpenSSL knows others than 0x04. */
    for (size_t bit = 8; bit < sealed.ephemeral_length * 8; bit++) {
        struct hsm_sealed changed = sealed;
        changed.ephemeral_point[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_uint_eq(device_seal_open(&device, &changed, &seal, text), 0);
    }
    for (size_t bit = 0; bit < sizeof aad * 8; bit++) {
        struct hsm_seal changed = seal;
        memcpy(aad, seal.aad.data, sizeof aad);
        aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        changed.aad = bytes_of(aad, sizeof aad);
        ck_assert_uint_eq(device_seal_open(&device, &sealed, &changed, text), 0);
    }
    ck_assert_uint_eq(device_seal_open(&device, &sealed, &seal, text), 32);
}
END_TEST

START_TEST(a_seal_opens_for_no_other_device_info_or_layout)
{
    struct hsm_sealed sealed;
    struct device_key other;
    uint8_t text[HSM_SEALED_MAX];
    struct hsm_seal seal = make_seal();
    struct hsm_seal changed = seal;
    device_key_make(&other);
    seal_well(&seal, &sealed);
    ck_assert_uint_eq(device_seal_open(&other, &sealed, &seal, text), 0);
    changed.shared_info.length--;
    ck_assert_uint_eq(device_seal_open(&device, &sealed, &changed, text), 0);
    changed = seal;
    changed.layout.iv_offset++;
    ck_assert_uint_eq(device_seal_open(&device, &sealed, &changed, text), 0);
    device_key_free(&other);
}
END_TEST

START_TEST(two_seals_share_nothing)
{
    struct hsm_sealed first;
    struct hsm_sealed second;
    struct hsm_seal seal = make_seal();
    seal_well(&seal, &first);
    seal_well(&seal, &second);
    ck_assert_mem_ne(first.ephemeral_point, second.ephemeral_point, 65);
    ck_assert_mem_ne(first.bytes, second.bytes, 16);
    ck_assert_mem_ne(first.bytes + 16, second.bytes + 16, 16);
}
END_TEST

/* ---- refusals ---- */

static void check_refusal(const struct hsm_seal *seal, enum error code, const char *reason)
{
    struct hsm_sealed sealed;
    struct fault fault = {0};
    ck_assert_int_eq(hsm_seal_key(rig.client, seal, &sealed, &fault), code);
    ck_assert_str_eq(fault.reason, reason);
}

START_TEST(a_point_off_the_curve_is_refused)
{
    struct hsm_seal seal = make_seal();
    device.point[64] ^= 1;
    check_refusal(&seal, ERR_BAD_REQUEST, "peer-point");
    device.point[64] ^= 1;
    check_seal(&seal, 16);
}
END_TEST

START_TEST(a_corrupted_session_key_is_refused)
{
    struct hsm_seal seal = make_seal();
    seal.session_key.bytes[5] ^= 1;
    check_refusal(&seal, ERR_BAD_REQUEST, "wrapped-key-refused");
    seal.session_key.bytes[5] ^= 1;
    check_seal(&seal, 16);
}
END_TEST

START_TEST(a_seal_under_an_unknown_firmware_key_says_so)
{
    struct hsm_seal seal = make_seal();
    seal.firmware_key.bytes[0] ^= 1;
    check_refusal(&seal, ERR_HSM_KEY_MISSING, "firmware-key-missing");
}
END_TEST

START_TEST(lengths_beyond_the_limits_never_leave_the_client)
{
    struct hsm_seal seal = make_seal();
    seal.prefix = bytes_of(filler, HSM_SEAL_PREFIX_MAX + 1);
    check_refusal(&seal, ERR_BAD_REQUEST, "argument");
    seal = make_seal();
    seal.aad = bytes_of(filler, HSM_SEAL_AAD_MAX + 1);
    check_refusal(&seal, ERR_BAD_REQUEST, "argument");
    seal = make_seal();
    seal.shared_info = bytes_of(filler, HSM_SHARED_INFO_MAX + 1);
    check_refusal(&seal, ERR_BAD_REQUEST, "argument");
    seal = make_seal();
    seal.session_key.length = 0;
    check_refusal(&seal, ERR_BAD_REQUEST, "argument");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("seal");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_seal_opens_to_the_key_of_a_wrap_whatever_the_layout, 0,
                        (int)(sizeof layouts / sizeof layouts[0]));
    tcase_add_test(tests, a_seal_opens_whatever_the_lengths);
    tcase_add_test(tests, the_key_of_a_seal_decrypts_the_image);
    tcase_add_test(tests, a_flipped_bit_anywhere_keeps_a_seal_shut);
    tcase_add_test(tests, a_seal_opens_for_no_other_device_info_or_layout);
    tcase_add_test(tests, two_seals_share_nothing);
    tcase_add_test(tests, a_point_off_the_curve_is_refused);
    tcase_add_test(tests, a_corrupted_session_key_is_refused);
    tcase_add_test(tests, a_seal_under_an_unknown_firmware_key_says_so);
    tcase_add_test(tests, lengths_beyond_the_limits_never_leave_the_client);
    return hsm_rig_run_tests(tests);
}
