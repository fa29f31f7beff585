/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Questions to the vault's admin socket, for the commands of administration.
 *
 * The socket comes from --socket, or else from the configuration file. The peer's credentials are
 * what the vault checks, so there is nothing to log in with. Threads: admin_ask may be called from
 * any one thread.
 */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "cli/arguments.h"
#include "cli/failure.h"
#include "core/bytes.h"
#include "vault/vault_client.h"

#define ADMIN_OPTIONS OPTION_SOCKET, OPTION_CONFIG

/* Frees *reply, for ADMIN_REPLY_AUTO. */
void admin_reply_free(Provisiond__AdminReply **reply);
#define ADMIN_REPLY_AUTO __attribute__((cleanup(admin_reply_free))) Provisiond__AdminReply *

/*
 * Asks and waits as long as this kind of question may take. file is a descriptor to send along, or
 * -1. *ret_reply holds the result that belongs to the request. request is borrowed.
 */
enum error admin_ask(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                     int file, Provisiond__AdminReply **ret_reply,
                     struct failure *failure) MUST_USE;

/*
 * Likewise for a question whose answer comes with a descriptor, which is the caller's to close; an
 * answer without one is a failure.
 */
enum error admin_fetch(const struct arguments *arguments, const Provisiond__AdminRequest *request,
                       Provisiond__AdminReply **ret_reply, int *ret_file,
                       struct failure *failure) MUST_USE;

/* Where the admin socket is, by the arguments. */
enum error admin_find_socket(const struct arguments *arguments, char out[], size_t size,
                             struct failure *failure) MUST_USE;

/* A digest of an answer; ERR_INTERNAL unless it is 32 bytes long. */
enum error admin_read_digest(ProtobufCBinaryData data, struct sha256 *ret_digest,
                             struct failure *failure) MUST_USE;

#endif
