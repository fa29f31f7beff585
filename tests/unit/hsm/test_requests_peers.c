/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Requests for the other kinds of keys, schemes and ciphers, as a hostile peer sends them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsm.pb-c.h"
#include "hsm_rig.h"
#include "peer.h"
#include "raw_link.h"

static struct hsm_rig rig;
static struct rig_keys keys;
static struct peer p384;
static struct peer x25519;
static struct peer rsa;
static int files[2];
static uint8_t zeros[2048];

static void set_up(void)
{
    hsm_rig_run(&rig);
    hsm_rig_make_keys(&rig, 32, &keys);
    peer_make(HSM_P384, &p384);
    peer_make(HSM_X25519, &x25519);
    peer_make_rsa(PEER_RSA_BITS, &rsa);
    files[0] = hsm_rig_make_file("clear", 5);
    files[1] = hsm_rig_make_file(NULL, 0);
}

static void tear_down(void)
{
    struct hsm_status status;
    struct fault fault;
    /* Whatever was sent: the master is there, and so are all its first workers. */
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-started"), rig.workers);
    (void)close(files[0]);
    (void)close(files[1]);
    peer_free(&p384);
    peer_free(&x25519);
    peer_free(&rsa);
    hsm_rig_remove(&rig);
}

/* ---- requests that are right ---- */

/* The messages that a request points into, and their bytes, which a test may spoil. */
static struct {
    Provisiond__HsmRequest request;
    Provisiond__HsmWrapRequest wrap;
    Provisiond__HsmSealRequest seal;
    Provisiond__HsmEncryptRequest encrypt;
    uint8_t point[HSM_POINT_MAX_BYTES];
    uint8_t spki[HSM_PEER_SPKI_MAX + 1];
} sent;

static ProtobufCBinaryData put_point(const struct peer *peer)
{
    memcpy(sent.point, peer->point, peer->point_length);
    return (ProtobufCBinaryData){peer->point_length, sent.point};
}

static ProtobufCBinaryData put_spki(void)
{
    memcpy(sent.spki, rsa.spki, rsa.spki_length);
    return (ProtobufCBinaryData){rsa.spki_length, sent.spki};
}

static void begin_wrap(void)
{
    provisiond__hsm_request__init(&sent.request);
    provisiond__hsm_wrap_request__init(&sent.wrap);
    sent.request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP;
    sent.request.wrap = &sent.wrap;
    sent.wrap.firmware_key_id = (ProtobufCBinaryData){16, keys.firmware_key.bytes};
    sent.wrap.wrapped_session_key = (ProtobufCBinaryData){40, keys.session_key.bytes};
}

static void make_p384_wrap(void)
{
    begin_wrap();
    sent.wrap.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P384;
    sent.wrap.peer_point = put_point(&p384);
    sent.wrap.kdf = PROVISIOND__HSM_KDF__HSM_KDF_HKDF_SHA512;
    sent.wrap.shared_info = (ProtobufCBinaryData){HSM_SHARED_INFO_MAX, zeros};
    sent.wrap.kek_bytes = 32;
    sent.wrap.key_wrap = PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES;
}

static void make_rsa_wrap(void)
{
    begin_wrap();
    sent.wrap.key_wrap = PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_RSA_OAEP;
    sent.wrap.peer_spki = put_spki();
}

static void begin_seal(void)
{
    provisiond__hsm_request__init(&sent.request);
    provisiond__hsm_seal_request__init(&sent.seal);
    sent.request.op_case = PROVISIOND__HSM_REQUEST__OP_SEAL;
    sent.request.seal = &sent.seal;
    sent.seal.firmware_key_id = (ProtobufCBinaryData){16, keys.firmware_key.bytes};
    sent.seal.wrapped_session_key = (ProtobufCBinaryData){40, keys.session_key.bytes};
}

static void make_hmac_seal(void)
{
    begin_seal();
    sent.seal.scheme = PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_ECIES_CTR_HMAC;
    sent.seal.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_X25519;
    sent.seal.peer_point = put_point(&x25519);
    sent.seal.kdf = PROVISIOND__HSM_KDF__HSM_KDF_HKDF_SHA512;
    sent.seal.shared_info = (ProtobufCBinaryData){HSM_SHARED_INFO_MAX, zeros};
    sent.seal.kek_bytes = 32;
    sent.seal.mac_bytes = 64;
}

static void make_rsa_seal(void)
{
    begin_seal();
    sent.seal.scheme = PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_RSA_OAEP_SHA256;
    sent.seal.peer_spki = put_spki();
}

static void make_encryption(void)
{
    provisiond__hsm_request__init(&sent.request);
    provisiond__hsm_encrypt_request__init(&sent.encrypt);
    sent.request.op_case = PROVISIOND__HSM_REQUEST__OP_ENCRYPT;
    sent.request.encrypt = &sent.encrypt;
    sent.encrypt.firmware_key_id = (ProtobufCBinaryData){16, keys.firmware_key.bytes};
    sent.encrypt.wrapped_session_key = (ProtobufCBinaryData){40, keys.session_key.bytes};
    sent.encrypt.cipher = PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_CTR;
    sent.encrypt.iv_bytes = 16;
}

/* ---- what is wrong with them ---- */

static void spoil_wrap_x25519(void)
{
    sent.wrap.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_X25519;
    sent.wrap.peer_point = put_point(&x25519);
}
static void spoil_wrap_curve(void)
{
    sent.wrap.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P256; /* of a point on P-384 */
}
static void spoil_wrap_kdf(void)
{
    sent.wrap.kdf = 6;
}
static void spoil_wrap_negative_kdf(void)
{
    sent.wrap.kdf = (Provisiond__HsmKdf)-1;
}
static void spoil_wrap_point_off_curve(void)
{
    sent.point[60] ^= 1;
}
static void spoil_wrap_with_spki(void)
{
    sent.wrap.peer_spki = put_spki();
}
static void spoil_wrap_info(void)
{
    sent.wrap.shared_info.len++;
}
static void spoil_rsa_with_point(void)
{
    sent.wrap.peer_point = put_point(&p384);
}
static void spoil_rsa_with_curve(void)
{
    sent.wrap.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P256;
}
static void spoil_rsa_with_kdf(void)
{
    sent.wrap.kdf = PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256;
}
static void spoil_rsa_with_info(void)
{
    sent.wrap.shared_info = (ProtobufCBinaryData){1, zeros};
}
static void spoil_rsa_with_kek(void)
{
    sent.wrap.kek_bytes = 32;
}
static void spoil_rsa_without_spki(void)
{
    sent.wrap.peer_spki.len = 0;
}
static void spoil_rsa_long_spki(void)
{
    sent.wrap.peer_spki.len = HSM_PEER_SPKI_MAX + 1;
}
static void spoil_rsa_zero_spki(void)
{
    memset(sent.spki, 0, sizeof sent.spki);
}
static void spoil_rsa_key_wrap(void)
{
    sent.wrap.key_wrap = 4;
}
static void spoil_seal_point_length(void)
{
    sent.seal.peer_point.len = 31;
}
static void spoil_seal_small_order(void)
{
    memset(sent.point, 0, sizeof sent.point);
}
static void spoil_seal_p384(void)
{
    sent.seal.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P384;
    sent.seal.peer_point = put_point(&p384);
}
static void spoil_seal_kdf(void)
{
    sent.seal.kdf = PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256;
}
static void spoil_seal_mac(void)
{
    sent.seal.mac_bytes = UINT32_MAX;
}
static void spoil_seal_kek(void)
{
    sent.seal.kek_bytes = 0;
}
static void spoil_seal_prefix(void)
{
    sent.seal.prefix = (ProtobufCBinaryData){1, zeros};
}
static void spoil_seal_layout(void)
{
    sent.seal.kdf_iv_bytes = 12;
}
static void spoil_seal_with_spki(void)
{
    sent.seal.peer_spki = put_spki();
}
static void spoil_rsa_seal_with_point(void)
{
    sent.seal.peer_point = put_point(&x25519);
}
static void spoil_rsa_seal_with_mac(void)
{
    sent.seal.mac_bytes = 32;
}
static void spoil_rsa_seal_with_aad(void)
{
    sent.seal.aad = (ProtobufCBinaryData){1, zeros};
}
static void spoil_rsa_seal_spki(void)
{
    sent.spki[30] ^= 0xff; /* the modulus has other bytes: that is a key, too */
    sent.spki[2] ^= 0xff;  /* the length has not */
}
static void spoil_cipher(void)
{
    sent.encrypt.cipher = 5;
}
static void spoil_no_cipher(void)
{
    sent.encrypt.cipher = 0;
}
static void spoil_iv_bytes(void)
{
    sent.encrypt.iv_bytes = 12;
}
static void spoil_gcm_iv_bytes(void)
{
    sent.encrypt.cipher = PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM;
    sent.encrypt.iv_bytes = 17;
}
static void spoil_records_iv_bytes(void)
{
    sent.encrypt.cipher = PROVISIOND__HSM_CIPHER__HSM_CIPHER_AES_GCM_RECORDS;
}
static void spoil_ctr_aad(void)
{
    sent.encrypt.aad = (ProtobufCBinaryData){1, zeros};
}
static void spoil_ctr_tag(void)
{
    sent.encrypt.tag_appended = 1;
}
static void spoil_length(void)
{
    sent.encrypt.length = UINT64_MAX;
}
static void spoil_short(void)
{
    sent.encrypt.length = 6;
}

static const struct wrong {
    void (*make)(void);
    const char *reason;
    void (*spoil)(void);
} wrongs[] = {
    {make_p384_wrap, "curve", spoil_wrap_x25519},
    {make_p384_wrap, "peer-point", spoil_wrap_curve},
    {make_p384_wrap, "kdf", spoil_wrap_kdf},
    {make_p384_wrap, "kdf", spoil_wrap_negative_kdf},
    {make_p384_wrap, "peer-point", spoil_wrap_point_off_curve},
    {make_p384_wrap, "peer-spki", spoil_wrap_with_spki},
    {make_p384_wrap, "shared-info", spoil_wrap_info},
    {make_rsa_wrap, "agreement", spoil_rsa_with_point},
    {make_rsa_wrap, "agreement", spoil_rsa_with_curve},
    {make_rsa_wrap, "agreement", spoil_rsa_with_kdf},
    {make_rsa_wrap, "agreement", spoil_rsa_with_info},
    {make_rsa_wrap, "kek-bytes", spoil_rsa_with_kek},
    {make_rsa_wrap, "peer-spki", spoil_rsa_without_spki},
    {make_rsa_wrap, "peer-spki", spoil_rsa_long_spki},
    {make_rsa_wrap, "peer-spki", spoil_rsa_zero_spki},
    {make_rsa_wrap, "key-wrap", spoil_rsa_key_wrap},
    {make_hmac_seal, "peer-point", spoil_seal_point_length},
    {make_hmac_seal, "peer-point", spoil_seal_small_order},
    {make_hmac_seal, "curve", spoil_seal_p384},
    {make_hmac_seal, "kdf", spoil_seal_kdf},
    {make_hmac_seal, "mac-bytes", spoil_seal_mac},
    {make_hmac_seal, "kek-bytes", spoil_seal_kek},
    {make_hmac_seal, "seal-layout", spoil_seal_prefix},
    {make_hmac_seal, "seal-layout", spoil_seal_layout},
    {make_hmac_seal, "peer-spki", spoil_seal_with_spki},
    {make_rsa_seal, "agreement", spoil_rsa_seal_with_point},
    {make_rsa_seal, "mac-bytes", spoil_rsa_seal_with_mac},
    {make_rsa_seal, "seal-layout", spoil_rsa_seal_with_aad},
    {make_rsa_seal, "peer-spki", spoil_rsa_seal_spki},
    {make_encryption, "cipher", spoil_cipher},
    {make_encryption, "cipher", spoil_no_cipher},
    {make_encryption, "iv-bytes", spoil_iv_bytes},
    {make_encryption, "iv-bytes", spoil_gcm_iv_bytes},
    {make_encryption, "iv-bytes", spoil_records_iv_bytes},
    {make_encryption, "aad", spoil_ctr_aad},
    {make_encryption, "aad", spoil_ctr_tag},
    {make_encryption, "length", spoil_length},
    {make_encryption, "clear-short", spoil_short},
};

#define WRONGS (sizeof wrongs / sizeof wrongs[0])

static enum error ask(struct fault *fault)
{
    uint8_t payload[RAW_REQUEST_MAX];
    const bool has_files = sent.request.op_case == PROVISIOND__HSM_REQUEST__OP_ENCRYPT;
    const size_t length = raw_pack(&sent.request, payload);
    ck_assert_int_eq(lseek(files[0], 0, SEEK_SET), 0);
    *fault = (struct fault){0};
    return raw_ask(&rig, bytes_of(payload, length), files, has_files ? 2 : 0, fault);
}

START_TEST(a_request_that_is_wrong_in_one_place_is_refused_for_that_reason)
{
    struct fault fault;
    for (size_t i = 0; i < WRONGS; i++) {
        wrongs[i].make();
        ck_assert_msg(ask(&fault) == ERR_OK, "%zu: %s", i, fault.reason);
        wrongs[i].make();
        wrongs[i].spoil();
        ck_assert_msg(ask(&fault) == ERR_BAD_REQUEST, "%zu %s: %s", i, wrongs[i].reason,
                      fault.reason);
        ck_assert_str_eq(fault.reason, wrongs[i].reason);
    }
}
END_TEST

/* A changed modulus may be a key as well; a token that says no to it is not lost. */
START_TEST(mutated_requests_never_cost_a_worker)
{
    static void (*const makers[])(void) = {make_p384_wrap, make_rsa_wrap, make_hmac_seal,
                                           make_rsa_seal};
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    srandom(44);
    for (size_t i = 0; i < 400; i++) {
        makers[i % 4]();
        size_t length = raw_pack(&sent.request, payload);
        payload[(size_t)random() % length] ^= (uint8_t)(1 + random() % 255);
        enum error e = raw_ask(&rig, bytes_of(payload, length), NULL, 0, &fault);
        ck_assert_int_ne(e, ERR_HSM_UNAVAILABLE);
        ck_assert_int_ne(e, ERR_INTERNAL);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("requests for peers");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_request_that_is_wrong_in_one_place_is_refused_for_that_reason);
    tcase_add_test(tests, mutated_requests_never_cost_a_worker);
    return hsm_rig_run_tests(tests);
}
