/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ST chips for tests, by docs/profiles/st-sfi.md and with libcrypto: the maker that signs their
 * certificates, a chip with its key, and what the chip does with a license.
 *
 *     struct st_maker *maker = st_maker_new();
 *     struct st_chip *chip = st_chip_new(maker, "45002001", false);
 *     st_anchors_new(… st_maker_pem(maker) …
 *     st_certificate_check(anchors, bytes_of(st_chip_certificate(chip), …
 *     st_chip_open(chip, &kdf, license, iv, key);
 *
 * Shares no code with the product. Whatever cannot be made fails the test. Threads: none.
 */
#ifndef TESTS_SUPPORT_ST_CHIP_H
#define TESTS_SUPPORT_ST_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define ST_CHIP_CERTIFICATE_BYTES 136
#define ST_CHIP_LICENSE_BYTES     136
#define ST_CHIP_POINT_BYTES       65
#define ST_CHIP_KEY_BYTES         16 /* also of an IV */

/* Who signs chips. */
struct st_maker;

struct st_maker *st_maker_new(void);
/* The maker whose private key is in that PEM file. */
struct st_maker *st_maker_read(const char *key_path);
/* NULL is allowed. */
void st_maker_free(struct st_maker *maker);
/* The public key in PEM, with a NUL; borrowed. */
const char *st_maker_pem(const struct st_maker *maker);
/* Signs a certificate again: bytes 0 to 71, or 8 to 71. */
void st_maker_sign(const struct st_maker *maker, uint8_t certificate[ST_CHIP_CERTIFICATE_BYTES],
                   bool signs_key_only);

struct st_chip;

/* A chip with a new key and that product ID, which is taken as it is. */
struct st_chip *st_chip_new(const struct st_maker *maker, const char *product_id,
                            bool signs_key_only);
/* NULL is allowed. */
void st_chip_free(struct st_chip *chip);
/* 136 bytes; borrowed. */
const uint8_t *st_chip_certificate(const struct st_chip *chip);
/* The public key, uncompressed; borrowed. */
const uint8_t *st_chip_point(const struct st_chip *chip);
/* SHA-256 of the SubjectPublicKeyInfo as libcrypto encodes it. */
struct sha256 st_chip_spki(const struct st_chip *chip);

/* How a product's key derivation is set. */
struct st_kdf {
    struct bytes shared_info;
    size_t key_offset;
    size_t iv_offset;
    size_t iv_bytes;
};

/* The reference values. */
struct st_kdf st_kdf_reference(void);

/*
 * The chip: opens a license. False when it does not authenticate. ret_iv is what the image's nonce
 * begins, ret_key the session key.
 */
bool st_chip_open(const struct st_chip *chip, const struct st_kdf *kdf,
                  const uint8_t license[ST_CHIP_LICENSE_BYTES], uint8_t ret_iv[ST_CHIP_KEY_BYTES],
                  uint8_t ret_key[ST_CHIP_KEY_BYTES]);

/*
 * The HSM: seals text (IV and key) for a point, with a new ephemeral key; aad stands before that
 * key. ret_sealed takes 16 bytes more than text, for the tag.
 */
void st_seal(const uint8_t peer[ST_CHIP_POINT_BYTES], const struct st_kdf *kdf, struct bytes aad,
             struct bytes text, uint8_t ret_ephemeral[ST_CHIP_POINT_BYTES], uint8_t *ret_sealed);

#endif
