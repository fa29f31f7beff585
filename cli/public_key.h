/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A public key that the vault names, as people keep it: PEM. Threads: one. */
#ifndef CLI_PUBLIC_KEY_H
#define CLI_PUBLIC_KEY_H

#include <openssl/bio.h>

#include "cli/failure.h"
#include "cli/file_output.h"
#include "vault/vault_client.h"

/*
 * From DER (SubjectPublicKeyInfo) into memory, through libcrypto; *ret_pem is borrowed from memory,
 * of which NULL is a failure. ERR_INTERNAL: it is no public key.
 */
enum error public_key_read(ProtobufCBinaryData der, BIO *memory, struct bytes *ret_pem,
                           struct failure *failure) MUST_USE;
/* The same into a file: what is no public key is not written. */
enum error public_key_write(struct file_output *output, ProtobufCBinaryData der,
                            struct failure *failure) MUST_USE;

#endif
