/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The station socket: takes a StationRequest apart, checks every field as hostile, has it done, and
 * answers. Bytes that are no StationRequest end the connection. Threads: safe from any thread.
 */
#ifndef VAULT_STATION_H
#define VAULT_STATION_H

#include "core/rpc_server.h"

/* For work_pool_options: callers take turns by their keys. context is the struct vault. */
void *station_read(const struct rpc_call *call, struct sha256 *ret_key, size_t *ret_bytes);
void station_serve(void *context, struct rpc_call *call, void *message, int64_t wait_us);
void station_refuse(void *context, struct rpc_call *call, void *message, const struct fault *why);

#endif
