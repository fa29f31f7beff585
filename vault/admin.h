/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The admin socket: takes an AdminRequest apart, checks every field, has it done, and answers.
 * Bytes that are no AdminRequest end the connection. Threads: safe from any thread.
 */
#ifndef VAULT_ADMIN_H
#define VAULT_ADMIN_H

#include "core/rpc_server.h"

/* Serves one call and answers it; context is the struct vault. */
void admin_serve(void *context, struct rpc_call *call);
/* Answers a call with ERR_BUSY: the queue is full. */
void admin_refuse_busy(struct rpc_call *call);

#endif
