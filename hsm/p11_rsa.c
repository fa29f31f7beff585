/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Wrapping a session key for an RSA key, in the token: the public key is a session object for the
 * one C_WrapKey. Which ways the token has is found out at the first wrap, by a key of our own. The
 * findings are in struct p11.
 */
#include "hsm/p11.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define MODULUS_MIN_BITS   2048
#define MODULUS_MAX_BITS   4096
#define EXPONENT_MAX_BITS  64
#define EXPONENT_MAX_BYTES (EXPONENT_MAX_BITS / 8)
#define EXPONENT_MIN       3
#define DRY_KEY_BYTES      32
#define DRY_EXPONENT       65537

#define COUNT(array)       (sizeof(array) / sizeof((array)[0]))

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

#define YES(type)              \
    {                          \
        type, &yes, sizeof yes \
    }
#define NO(type)             \
    {                        \
        type, &no, sizeof no \
    }

static void free_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
    *key = NULL;
}

static void free_pkey_context(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void free_builder(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

static void free_parameters(OSSL_PARAM **parameters)
{
    OSSL_PARAM_free(*parameters);
}

static void free_number(BIGNUM **number)
{
    BN_free(*number);
}

#define PKEY_AUTO         __attribute__((cleanup(free_pkey))) EVP_PKEY
#define PKEY_CONTEXT_AUTO __attribute__((cleanup(free_pkey_context))) EVP_PKEY_CTX
#define NUMBER_AUTO       __attribute__((cleanup(free_number))) BIGNUM
#define BUILDER_AUTO      __attribute__((cleanup(free_builder))) OSSL_PARAM_BLD
#define PARAMETERS_AUTO   __attribute__((cleanup(free_parameters))) OSSL_PARAM

static enum error fail_libcrypto(struct fault *fault)
{
    ERR_clear_error();
    return fault_set(fault, ERR_INTERNAL, "libcrypto", "A libcrypto operation failed.", 0);
}

/* ---- the peer's key ---- */

struct public_key {
    uint8_t modulus[HSM_PEER_KEY_MAX];
    size_t modulus_length;
    uint8_t exponent[EXPONENT_MAX_BYTES];
    size_t exponent_length;
};

/* Big-endian, without leading zeros. */
static bool take_number(const EVP_PKEY *key, const char *name, uint8_t *out, size_t size,
                        size_t *ret_length)
{
    NUMBER_AUTO *number = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1 || !BN_is_odd(number) ||
        (size_t)BN_num_bytes(number) > size)
        return false;
    *ret_length = (size_t)BN_bn2bin(number, out);
    return true;
}

static bool take_public_key(const EVP_PKEY *key, struct public_key *ret_key)
{
    const int bits = EVP_PKEY_get_bits(key);
    return bits >= MODULUS_MIN_BITS && bits <= MODULUS_MAX_BITS &&
           take_number(key, OSSL_PKEY_PARAM_RSA_N, ret_key->modulus, sizeof ret_key->modulus,
                       &ret_key->modulus_length) &&
           take_number(key, OSSL_PKEY_PARAM_RSA_E, ret_key->exponent, sizeof ret_key->exponent,
                       &ret_key->exponent_length) &&
           (ret_key->exponent_length > 1 || ret_key->exponent[0] >= EXPONENT_MIN);
}

enum error p11_rsa_parse(struct bytes spki, void **ret_key, struct fault *fault)
{
    struct public_key ignored;
    const uint8_t *at = spki.data;
    PKEY_AUTO *key = d2i_PUBKEY(NULL, &at, (long)spki.length);
    bool is_good = key != NULL && at == spki.data + spki.length && EVP_PKEY_is_a(key, "RSA") == 1 &&
                   take_public_key(key, &ignored);
    ERR_clear_error();
    if (!is_good)
        return fault_set(fault, ERR_BAD_REQUEST, "peer-spki",
                         "The peer's key is not an RSA key of 2048 to 4096 bits with an odd "
                         "exponent of at most 64 bits.",
                         0);
    *ret_key = key;
    key = NULL;
    return ERR_OK;
}

static enum error import_public_key(struct p11 *p11, const EVP_PKEY *peer,
                                    CK_OBJECT_HANDLE *ret_key, struct fault *fault)
{
    struct public_key key;
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    if (!take_public_key(peer, &key))
        return fail_libcrypto(fault);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               NO(CKA_TOKEN),
                               NO(CKA_PRIVATE),
                               YES(CKA_WRAP),
                               NO(CKA_ENCRYPT),
                               NO(CKA_VERIFY),
                               {CKA_MODULUS, key.modulus, key.modulus_length},
                               {CKA_PUBLIC_EXPONENT, key.exponent, key.exponent_length}};
    CK_RV rv = p11->call->C_CreateObject(p11->session, template, COUNT(template), ret_key);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

/* ---- one wrap ---- */

static const struct {
    CK_MECHANISM_TYPE mechanism;
    enum hsm_hash hash; /* 0: none */
    int padding;        /* libcrypto's name of it */
    CK_RSA_PKCS_OAEP_PARAMS oaep;
} WAYS[P11_RSA_WAYS] = {
    [P11_OAEP_SHA256] = {CKM_RSA_PKCS_OAEP,
                         HSM_SHA256,
                         RSA_PKCS1_OAEP_PADDING,
                         {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0}},
    [P11_OAEP_SHA1] = {CKM_RSA_PKCS_OAEP,
                       HSM_SHA1,
                       RSA_PKCS1_OAEP_PADDING,
                       {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0}},
    [P11_PKCS1] = {CKM_RSA_PKCS, 0, RSA_PKCS1_PADDING, {0, 0, 0, NULL, 0}},
};

static enum error wrap_under(struct p11 *p11, enum p11_rsa_way way, CK_OBJECT_HANDLE public_key,
                             CK_OBJECT_HANDLE session_key, struct hsm_peer_key *ret_key,
                             struct fault *fault)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = WAYS[way].oaep;
    CK_MECHANISM mechanism = {WAYS[way].mechanism, NULL, 0};
    CK_ULONG length = sizeof ret_key->bytes;
    if (WAYS[way].hash != 0) {
        mechanism.pParameter = &oaep;
        mechanism.ulParameterLen = sizeof oaep;
    }
    CK_RV rv = p11->call->C_WrapKey(p11->session, &mechanism, public_key, session_key,
                                    ret_key->bytes, &length);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    ret_key->length = length;
    return ERR_OK;
}

static enum error wrap_for(struct p11 *p11, enum p11_rsa_way way, const EVP_PKEY *peer,
                           CK_OBJECT_HANDLE session_key, struct hsm_peer_key *ret_key,
                           struct fault *fault)
{
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    enum error e = import_public_key(p11, peer, &public_key, fault);
    if (e == ERR_OK)
        e = wrap_under(p11, way, public_key, session_key, ret_key, fault);
    p11_destroy(p11, &public_key);
    if (e == ERR_OK && ret_key->length != (size_t)EVP_PKEY_get_size(peer))
        e = fault_set(fault, ERR_INTERNAL, "wrapped-length",
                      "The token wrapped a key into another size than the modulus.", 0);
    return e;
}

/* ---- a key of our own, whose private part anybody may know ---- */

struct numbers {
    BN_CTX *context; /* owns the others */
    BIGNUM *p;
    BIGNUM *q;
    BIGNUM *n;
    BIGNUM *e;
    BIGNUM *d;
};

/* The product of two well-known primes, and d of e: no time goes into looking for primes, which
 * would take longer than a call may. */
static bool fill_numbers(struct numbers *numbers)
{
    BN_CTX *context = numbers->context;
    numbers->n = BN_CTX_get(context);
    numbers->e = BN_CTX_get(context);
    numbers->d = BN_CTX_get(context);
    BIGNUM *order = BN_CTX_get(context);
    return order != NULL && BN_set_word(numbers->e, DRY_EXPONENT) == 1 &&
           BN_mul(numbers->n, numbers->p, numbers->q, context) == 1 &&
           BN_sub_word(numbers->p, 1) == 1 && BN_sub_word(numbers->q, 1) == 1 &&
           BN_mul(order, numbers->p, numbers->q, context) == 1 &&
           BN_mod_inverse(numbers->d, numbers->e, order, context) != NULL;
}

static EVP_PKEY *key_of(const struct numbers *numbers)
{
    EVP_PKEY *key = NULL;
    BUILDER_AUTO *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, numbers->n) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, numbers->e) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, numbers->d) != 1)
        return NULL;
    PARAMETERS_AUTO *parameters = OSSL_PARAM_BLD_to_param(builder);
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) != 1)
        return NULL;
    return key;
}

static EVP_PKEY *make_own_key(void)
{
    EVP_PKEY *key = NULL;
    NUMBER_AUTO *p = BN_get_rfc2409_prime_768(NULL);
    NUMBER_AUTO *q = BN_get_rfc3526_prime_1536(NULL);
    struct numbers numbers = {.context = BN_CTX_new(), .p = p, .q = q};
    if (numbers.context == NULL)
        return NULL;
    BN_CTX_start(numbers.context);
    if (p != NULL && q != NULL && fill_numbers(&numbers))
        key = key_of(&numbers);
    BN_CTX_end(numbers.context);
    BN_CTX_free(numbers.context);
    return key;
}

/* ---- what the token can do ---- */

/* EXPOSURE: of a throw-away key. */
static bool opens(EVP_PKEY *own, enum p11_rsa_way way, const struct hsm_peer_key *wrapped)
{
    SECRET_AUTO key = {0};
    size_t length = SECRET_MAX_BYTES;
    const EVP_MD *hash = WAYS[way].hash == HSM_SHA256 ? EVP_sha256() : EVP_sha1();
    PKEY_CONTEXT_AUTO *context = EVP_PKEY_CTX_new(own, NULL);
    bool is_ready = context != NULL && secret_new(SECRET_MAX_BYTES, &key) == ERR_OK &&
                    EVP_PKEY_decrypt_init(context) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(context, WAYS[way].padding) == 1;
    if (is_ready && WAYS[way].hash != 0)
        is_ready = EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
                   EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1;
    bool is_open =
        is_ready &&
        EVP_PKEY_decrypt(context, key.bytes, &length, wrapped->bytes, wrapped->length) == 1 &&
        length == DRY_KEY_BYTES;
    ERR_clear_error();
    return is_open;
}

static enum error run_dry(struct p11 *p11, enum p11_rsa_way way, struct fault *fault)
{
    struct hsm_peer_key wrapped;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    PKEY_AUTO *own = make_own_key();
    if (own == NULL)
        return fail_libcrypto(fault);
    enum error e = p11_make_session_key(p11, DRY_KEY_BYTES, &key, fault);
    if (e == ERR_OK)
        e = wrap_for(p11, way, own, key, &wrapped, fault);
    p11_destroy(p11, &key);
    if (e == ERR_OK && !opens(own, way, &wrapped))
        e = fault_set(fault, ERR_UNSUPPORTED, "unsupported-by-token",
                      "The token wraps keys for RSA in a way that no device could open.", 0);
    return e;
}

/* Whether the token has that way, found out once. */
static enum error try_way(struct p11 *p11, enum p11_rsa_way way, struct fault *fault)
{
    enum p11_ability *ability = &p11->rsa_abilities[way];
    if (*ability == P11_CAN)
        return ERR_OK;
    if (*ability == P11_CANNOT)
        return fault_set(fault, ERR_UNSUPPORTED, "unsupported-by-token",
                         "The token has no such wrap for RSA keys.", 0);
    enum error e = run_dry(p11, way, fault);
    if (e == ERR_OK || e == ERR_UNSUPPORTED)
        *ability = e == ERR_OK ? P11_CAN : P11_CANNOT;
    return e;
}

static enum error find_oaep(struct p11 *p11, enum p11_rsa_way *ret_way, struct fault *fault)
{
    *ret_way = P11_OAEP_SHA256;
    if (try_way(p11, P11_OAEP_SHA256, fault) == ERR_OK)
        return ERR_OK;
    /* Whatever the refusal was, the other hash's dry run tells a lost token from a poor one. */
    p11->is_unfit = p11->is_stale = false;
    *ret_way = P11_OAEP_SHA1;
    enum error e = try_way(p11, P11_OAEP_SHA1, fault);
    if (e == ERR_OK)
        p11->rsa_abilities[P11_OAEP_SHA256] = P11_CANNOT;
    return e;
}

enum error p11_rsa_wrap(struct p11 *p11, const struct hsm_wrap *wrap,
                        struct hsm_wrapped *ret_wrapped, struct fault *fault)
{
    PKEY_AUTO *peer = NULL;
    void *parsed = NULL;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum p11_rsa_way way = P11_PKCS1;
    struct hsm_wrapped wrapped = {.mode = HSM_TOKEN_MODE};
    const struct bytes stored = bytes_of(wrap->session_key.bytes, wrap->session_key.length);
    enum error e = p11_rsa_parse(wrap->peer_spki, &parsed, fault);
    peer = parsed;
    if (e == ERR_OK)
        e = wrap->key_wrap == HSM_RSA_OAEP ? find_oaep(p11, &way, fault) : try_way(p11, way, fault);
    if (e == ERR_OK)
        e = p11_get_session_key(p11, &wrap->firmware_key, stored, &key, fault);
    if (e == ERR_OK)
        e = wrap_for(p11, way, peer, key, &wrapped.key, fault);
    if (e != ERR_OK)
        return e;
    wrapped.oaep_hash = WAYS[way].hash;
    *ret_wrapped = wrapped;
    return ERR_OK;
}
