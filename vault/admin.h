/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The admin socket: takes an AdminRequest apart, checks every field, has it done, and answers.
 * Bytes that are no AdminRequest end the connection. Threads: safe from any thread.
 */
#ifndef VAULT_ADMIN_H
#define VAULT_ADMIN_H

#include "core/rpc_server.h"

/* For work_pool_options; context is the struct vault. */
void *admin_read(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes);
void admin_serve(void *context, struct rpc_call *call, void *message, int64_t wait_us);
void admin_refuse(void *context, struct rpc_call *call, void *message, const struct fault *why);

#endif
