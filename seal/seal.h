/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Images that are packed at home: on the maker's own machine, with no HSM and no service.
 *
 * A seal is one session key, drawn from libcrypto's generator, for one image. seal_encrypt is the
 * pack_encrypt (pack/pack.h) that makes and uses it, once; seal_wrap then wraps it for the
 * transport key of the HSM that is to have it; seal_clear forgets it. The key lies in the secure
 * heap (core/secret.h, whose secret_heap_init comes first) and in libcrypto's context of the one
 * encryption, and is nowhere else in clear. Threads: a seal belongs to one thread.
 */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include "core/bytes.h"
#include "core/secret.h"
#include "pack/pack.h"

#define SEAL_POINT_BYTES 65 /* uncompressed P-256 */
#define SEAL_KEY_MAX     40 /* a wrapped session key: 24 or 40 bytes */

struct seal {
    struct secret session_key; /* empty before seal_encrypt */
};

#define SEAL_AUTO __attribute__((cleanup(seal_clear))) struct seal

/*
 * A pack_encrypt whose context is a struct seal. ERR_CONFLICT ("seal-used") the second time;
 * ERR_BAD_REQUEST ("records"): the file is no sequence of records, and was to be one; ERR_CONFIG
 * with errno when a file cannot be read ("clear-unreadable") or written ("cipher-unwritable");
 * ERR_INTERNAL.
 */
enum error seal_encrypt(void *context, const struct pack_message *message,
                        struct pack_result *ret_result, struct fault *fault) MUST_USE;

struct seal_wrapped {
    uint8_t point[SEAL_POINT_BYTES]; /* ephemeral */
    uint8_t key[SEAL_KEY_MAX];
    size_t key_length;
};

/* ERR_BAD_REQUEST ("transport-key") unless the DER is the public key of a point on P-256. */
enum error seal_check_peer(struct bytes spki, struct fault *fault) MUST_USE;
/*
 * The session key for the peer: ephemeral ECDH on P-256, the X9.63 KDF with SHA-256 and that shared
 * info, AES-256 key wrap (RFC 3394); HsmImportRequest of hsm/hsm.proto is the other end. Errors as
 * seal_check_peer; ERR_INTERNAL.
 */
enum error seal_wrap(const struct seal *seal, struct bytes spki, struct bytes shared_info,
                     struct seal_wrapped *ret_wrapped, struct fault *fault) MUST_USE;

/* Cleanses the key. {0} is allowed. */
void seal_clear(struct seal *seal);

#endif
