/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The libcrypto context in which a device's own certificate is parsed.
 *
 * For each public key that it meets, libcrypto looks through every decoder that its context has,
 * which costs more than to check the certificate's signature, and through every kind of key. This
 * context has one decoder, that of EC public keys, and that one kind of key; a certificate that has
 * another key, or that another key signed, is parsed again without it. All else is the default
 * provider's. Private to device/. Threads: safe
 * from any thread.
 */
#ifndef DEVICE_LEAF_CONTEXT_H
#define DEVICE_LEAF_CONTEXT_H

#include <openssl/types.h>

/* Made once and kept. NULL, the default context, when it cannot be made: slower, nothing else. */
OSSL_LIB_CTX *leaf_context(void);

#endif
