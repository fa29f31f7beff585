/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Devices of each kind open what was wrapped or sealed for them, and no other device does: with
 * SoftHSM (host mode) and with NSS softokn (token mode, where it has the KDF).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hsm_rig.h"
#include "peer.h"
#include "support/hsm_faults.h"
#include "token.h"

enum token_kind { SOFTHSM, NSS, TOKENS };

static struct hsm_rig rig;
static struct rig_keys keys;
static char parameters[256];

/* Made once for all tests: that takes long. */
static struct peer rsa_peer;
static struct peer rsa_other;
static struct peer rsa_large;

static void make_rsa_peers(void)
{
    peer_make_rsa(PEER_RSA_BITS, &rsa_peer);
    peer_make_rsa(PEER_RSA_BITS, &rsa_other);
    peer_make_rsa(3072, &rsa_large);
}

static void free_rsa_peers(void)
{
    peer_free(&rsa_peer);
    peer_free(&rsa_other);
    peer_free(&rsa_large);
}

static void begin(int token)
{
    char folder[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    if (token == NSS) {
        temp_dir_path(&rig.dir, "nss", folder);
        ck_assert_int_eq(mkdir(folder, 0700), 0);
        token_make_nss(folder, parameters, sizeof parameters);
        rig.module = TOKEN_NSS_MODULE;
        rig.module_arguments = parameters;
        rig.label = TOKEN_NSS_LABEL;
        rig.pin_file = NULL;
    }
    rig.workers = 1;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_rig_make_keys(&rig, 32, &keys);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

static void wrap(const struct hsm_wrap *asked, struct hsm_wrapped *ret_wrapped)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_wrap_key(rig.client, asked, ret_wrapped, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

static void seal(const struct hsm_seal *asked, struct hsm_sealed *ret_sealed)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_seal_key(rig.client, asked, ret_sealed, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

/* The session key, by the wrap that has been there from the first. */
static void learn_session_key(uint8_t out[HSM_SESSION_KEY_MAX])
{
    struct peer peer;
    struct hsm_wrapped wrapped;
    peer_make(HSM_P256, &peer);
    const struct hsm_wrap asked = peer_wrap(&peer, &keys, HSM_P256, HSM_X963_SHA256, 32);
    wrap(&asked, &wrapped);
    ck_assert_uint_eq(peer_open(&peer, &asked, &wrapped, out), keys.session_key.length - 8);
    peer_free(&peer);
}

/* ---- agreements ---- */

/* NSS has each KDF but Concat, which PKCS#11 has no name for. */
static enum hsm_mode expected_mode(int token, enum hsm_kdf kdf)
{
    return token == NSS && kdf != HSM_CONCAT_SHA256 ? HSM_TOKEN_MODE : HSM_HOST_MODE;
}

static void check_agreement(int token, enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes)
{
    struct peer peer;
    struct peer other;
    struct hsm_wrapped wrapped;
    uint8_t expected[HSM_SESSION_KEY_MAX];
    uint8_t opened[HSM_SESSION_KEY_MAX];
    learn_session_key(expected);
    peer_make(curve, &peer);
    peer_make(curve, &other);
    struct hsm_wrap asked = peer_wrap(&peer, &keys, curve, kdf, kek_bytes);
    wrap(&asked, &wrapped);
    ck_assert_msg(wrapped.mode == expected_mode(token, kdf), "curve %d kdf %d mode %d", curve, kdf,
                  wrapped.mode);
    ck_assert_uint_eq(peer_open(&peer, &asked, &wrapped, opened), 32);
    ck_assert_mem_eq(opened, expected, 32);
    ck_assert_uint_eq(peer_open(&other, &asked, &wrapped, opened), 0);
    asked.shared_info.length--;
    ck_assert_uint_eq(peer_open(&peer, &asked, &wrapped, opened), 0);
    peer_free(&peer);
    peer_free(&other);
}

START_TEST(a_key_opens_for_its_device_alone_by_each_curve_and_kdf)
{
    begin(_i);
    for (enum hsm_curve curve = HSM_P256; curve <= HSM_P384; curve++) {
        for (enum hsm_kdf kdf = HSM_X963_SHA256; kdf <= HSM_CONCAT_SHA256; kdf++) {
            check_agreement(_i, curve, kdf, 16);
            check_agreement(_i, curve, kdf, 32);
        }
    }
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

/* ---- RSA ---- */

static void check_rsa(const struct peer *peer, const struct peer *other, enum hsm_key_wrap key_wrap,
                      enum hsm_hash hash)
{
    struct hsm_wrapped wrapped;
    uint8_t expected[HSM_SESSION_KEY_MAX];
    uint8_t opened[HSM_SESSION_KEY_MAX];
    const struct hsm_wrap asked = peer_rsa_wrap(peer, &keys, key_wrap);
    learn_session_key(expected);
    wrap(&asked, &wrapped);
    ck_assert_int_eq(wrapped.mode, HSM_TOKEN_MODE);
    ck_assert_int_eq(wrapped.oaep_hash, hash);
    ck_assert_uint_eq(wrapped.ephemeral_length, 0);
    ck_assert_uint_eq(wrapped.key.length, (size_t)EVP_PKEY_get_size(peer->key));
    ck_assert_uint_eq(peer_open(peer, &asked, &wrapped, opened), keys.session_key.length - 8);
    ck_assert_mem_eq(opened, expected, keys.session_key.length - 8);
    ck_assert_uint_eq(peer_open(other, &asked, &wrapped, opened), 0);
}

START_TEST(a_key_opens_for_its_rsa_device_alone)
{
    const enum hsm_hash hash = _i == NSS ? HSM_SHA256 : HSM_SHA1;
    begin(_i);
    check_rsa(&rsa_peer, &rsa_other, HSM_RSA_OAEP, hash);
    check_rsa(&rsa_peer, &rsa_other, HSM_RSA_PKCS1, 0);
    hsm_rig_make_keys(&rig, 16, &keys);
    check_rsa(&rsa_large, &rsa_other, HSM_RSA_OAEP, hash);
    check_rsa(&rsa_large, &rsa_other, HSM_RSA_PKCS1, 0);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

/* A module that answers what it lacks as a lost token would is asked with the other hash. */
START_TEST(an_oaep_that_fails_in_any_way_is_tried_with_the_other_hash)
{
    char path[TEMP_PATH_MAX];
    begin(NSS);
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    ck_assert_int_eq(setenv(HSM_FAULTS_REAL, TOKEN_NSS_MODULE, 1), 0);
    rig.module = MODULE_FAULTS;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_rig_make_keys(&rig, 32, &keys);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_WrapKey",
                                               .skip = 1, /* of learn_session_key */
                                               .times = 1,
                                               .action = HSM_FAULT_RETURN,
                                               .value = CKR_GENERAL_ERROR});
    check_rsa(&rsa_peer, &rsa_other, HSM_RSA_OAEP, HSM_SHA1);
    check_rsa(&rsa_peer, &rsa_other, HSM_RSA_OAEP, HSM_SHA1); /* for as long as the worker lives */
    ck_assert_uint_eq(hsm_faults_done(faults), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    hsm_faults_free(faults);
}
END_TEST

/* A dry run opens what the token gives: a wrap that no device could open is not used. */
START_TEST(an_rsa_wrap_that_no_device_could_open_is_unsupported)
{
    char path[TEMP_PATH_MAX];
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    begin(SOFTHSM);
    hsm_rig_kill_master(&rig);
    temp_dir_path(&rig.dir, "faults", path);
    struct hsm_faults *faults = hsm_faults_new(path);
    rig.module = MODULE_FAULTS;
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_faults_add(faults, &(struct hsm_fault){.function = "C_WrapKey",
                                               .times = HSM_FAULTS_ALWAYS,
                                               .action = HSM_FAULT_GARBLE});
    const struct hsm_wrap asked = peer_rsa_wrap(&rsa_peer, &keys, HSM_RSA_OAEP);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &asked, &wrapped, &fault), ERR_UNSUPPORTED);
    ck_assert_str_eq(fault.reason, "unsupported-by-token");
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
    hsm_faults_free(faults);
}
END_TEST

/* ---- seals ---- */

static void check_seal(const struct hsm_seal *asked, const struct peer *peer,
                       const struct peer *other)
{
    struct hsm_sealed sealed;
    uint8_t expected[HSM_SESSION_KEY_MAX];
    uint8_t opened[HSM_SESSION_KEY_MAX];
    const size_t key_bytes = keys.session_key.length - 8;
    learn_session_key(expected);
    seal(asked, &sealed);
    ck_assert_uint_eq(peer_open_seal(peer, asked, &sealed, opened), key_bytes);
    ck_assert_mem_eq(opened, expected, key_bytes);
    ck_assert_uint_eq(peer_open_seal(other, asked, &sealed, opened), 0);
    sealed.bytes[sealed.length - 1] ^= 1;
    ck_assert_uint_eq(peer_open_seal(peer, asked, &sealed, opened), 0);
}

static void check_ecies(enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes)
{
    struct peer peer;
    struct peer other;
    hsm_rig_make_keys(&rig, kek_bytes, &keys);
    peer_make(curve, &peer);
    peer_make(curve, &other);
    const struct hsm_seal asked = peer_seal(&peer, &keys, curve, kdf, kek_bytes);
    check_seal(&asked, &peer, &other);
    peer_free(&peer);
    peer_free(&other);
}

START_TEST(a_sealed_key_opens_for_its_device_alone)
{
    begin(_i);
    check_ecies(HSM_P256, HSM_HKDF_SHA256, 16);
    check_ecies(HSM_P256, HSM_HKDF_SHA256, 32);
    check_ecies(HSM_X25519, HSM_HKDF_SHA256, 16);
    check_ecies(HSM_X25519, HSM_HKDF_SHA512, 16);
    check_ecies(HSM_X25519, HSM_HKDF_SHA512, 32);
    const struct hsm_seal asked = peer_rsa_seal(&rsa_peer, &keys);
    check_seal(&asked, &rsa_peer, &rsa_other);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

/* ---- what is no key ---- */

static void check_refused(const struct hsm_wrap *asked, const char *reason)
{
    struct hsm_wrapped wrapped;
    struct fault fault = {0};
    ck_assert_int_eq(hsm_wrap_key(rig.client, asked, &wrapped, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
}

static void check_point_refused(enum hsm_kdf kdf)
{
    struct peer peer;
    peer_make(HSM_P384, &peer);
    peer.point[40] ^= 1;
    const struct hsm_wrap asked = peer_wrap(&peer, &keys, HSM_P384, kdf, 32);
    check_refused(&asked, "peer-point");
    peer_free(&peer);
}

static void check_spki_refused(struct peer *peer)
{
    struct hsm_sealed sealed;
    struct fault fault = {0};
    for (enum hsm_key_wrap key_wrap = HSM_RSA_OAEP; key_wrap <= HSM_RSA_PKCS1; key_wrap++) {
        const struct hsm_wrap asked = peer_rsa_wrap(peer, &keys, key_wrap);
        check_refused(&asked, "peer-spki");
    }
    const struct hsm_seal asked = peer_rsa_seal(peer, &keys);
    ck_assert_int_eq(hsm_seal_key(rig.client, &asked, &sealed, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "peer-spki");
}

static void check_rsa_bits_refused(unsigned bits)
{
    struct peer peer;
    peer_make_rsa(bits, &peer);
    check_spki_refused(&peer);
    peer_free(&peer);
}

/* Its SubjectPublicKeyInfo, with one byte of it turned. */
static void check_rsa_byte_refused(const struct peer *peer, size_t at)
{
    struct peer changed = *peer;
    changed.spki[at] ^= 1;
    check_spki_refused(&changed);
}

START_TEST(a_key_that_is_none_is_refused_and_costs_no_worker)
{
    struct peer peer;
    begin(_i);
    check_point_refused(HSM_X963_SHA384);
    check_point_refused(HSM_HKDF_SHA256);
    check_point_refused(HSM_CONCAT_SHA256);
    check_rsa_bits_refused(2040);
    check_rsa_bits_refused(1024);
    peer = rsa_peer;
    check_rsa_byte_refused(&peer, 1);                                /* the outer length */
    check_rsa_byte_refused(&peer, peer.spki_length - 1);             /* the exponent is even */
    check_rsa_byte_refused(&peer, peer.spki_length - 1 - 2 - 2 - 1); /* the modulus is even */
    peer.spki_length++;                                              /* a byte behind its end */
    check_spki_refused(&peer);
    peer_make(HSM_P384, &peer); /* another kind of key, long enough to be looked at */
    peer.spki_length = 300;
    check_spki_refused(&peer);
    peer_free(&peer);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

/* RFC 7748 §6.1; the last ones are the first ones plus the field's prime. */
START_TEST(a_point_of_small_order_is_refused_and_costs_no_worker)
{
    static const uint8_t points[][32] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
         0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
         0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
        {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
         0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
         0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    struct peer peer;
    struct hsm_sealed sealed;
    begin(_i);
    peer_make(HSM_X25519, &peer);
    struct hsm_seal asked = peer_seal(&peer, &keys, HSM_X25519, HSM_HKDF_SHA256, 32);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct fault fault = {0};
        asked.peer_point = bytes_of(points[i], sizeof points[i]);
        ck_assert_int_eq(hsm_seal_key(rig.client, &asked, &sealed, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "peer-point");
    }
    peer_free(&peer);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("peers");
    tcase_add_unchecked_fixture(tests, make_rsa_peers, free_rsa_peers);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, a_key_opens_for_its_device_alone_by_each_curve_and_kdf, 0, TOKENS);
    tcase_add_loop_test(tests, a_key_opens_for_its_rsa_device_alone, 0, TOKENS);
    tcase_add_test(tests, an_oaep_that_fails_in_any_way_is_tried_with_the_other_hash);
    tcase_add_test(tests, an_rsa_wrap_that_no_device_could_open_is_unsupported);
    tcase_add_loop_test(tests, a_sealed_key_opens_for_its_device_alone, 0, TOKENS);
    tcase_add_loop_test(tests, a_key_that_is_none_is_refused_and_costs_no_worker, 0, TOKENS);
    tcase_add_loop_test(tests, a_point_of_small_order_is_refused_and_costs_no_worker, 0, 1);
    return hsm_rig_run_tests(tests);
}
