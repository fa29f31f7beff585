/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device of any kind that opens what an HSM wrapped or sealed for it: in libcrypto alone and
 * written apart from the product. X9.63, Concat and HKDF are made of their hashes here.
 */
#ifndef TESTS_UNIT_HSM_PEER_H
#define TESTS_UNIT_HSM_PEER_H

#include <openssl/evp.h>

#include "hsm/hsm_client.h"
#include "hsm_rig.h"

#define PEER_RSA_BITS 2048

struct peer {
    EVP_PKEY *key;
    uint8_t point[HSM_POINT_MAX_BYTES]; /* length 0 with RSA */
    size_t point_length;
    uint8_t spki[HSM_PEER_SPKI_MAX];
    size_t spki_length;
};

/* peer_free frees both. */
void peer_make(enum hsm_curve curve, struct peer *ret_peer);
void peer_make_rsa(unsigned bits, struct peer *ret_peer);
void peer_free(struct peer *peer);

/* Requests for this peer, under keys; they borrow the peer. */
struct hsm_wrap peer_wrap(const struct peer *peer, const struct rig_keys *keys,
                          enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes);
struct hsm_wrap peer_rsa_wrap(const struct peer *peer, const struct rig_keys *keys,
                              enum hsm_key_wrap key_wrap);
/* HSM_ECIES_CTR_HMAC. */
struct hsm_seal peer_seal(const struct peer *peer, const struct rig_keys *keys,
                          enum hsm_curve curve, enum hsm_kdf kdf, unsigned kek_bytes);
struct hsm_seal peer_rsa_seal(const struct peer *peer, const struct rig_keys *keys);

/* The length of the session key that is in out then; 0: it does not open. asked says how. */
size_t peer_open(const struct peer *peer, const struct hsm_wrap *asked,
                 const struct hsm_wrapped *wrapped, uint8_t out[HSM_SESSION_KEY_MAX]);
size_t peer_open_seal(const struct peer *peer, const struct hsm_seal *asked,
                      const struct hsm_sealed *sealed, uint8_t out[HSM_SESSION_KEY_MAX]);

#endif
