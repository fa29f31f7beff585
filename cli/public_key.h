/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A public key that the vault names, as a file for people: PEM. Threads: one. */
#ifndef CLI_PUBLIC_KEY_H
#define CLI_PUBLIC_KEY_H

#include "cli/failure.h"
#include "cli/file_output.h"
#include "vault/vault_client.h"

/* From DER (SubjectPublicKeyInfo), through libcrypto: what is no public key is not written. */
enum error public_key_write(struct file_output *output, ProtobufCBinaryData der,
                            struct failure *failure) MUST_USE;

#endif
