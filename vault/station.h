/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The station socket: takes a StationRequest apart, checks every field as hostile, has it done, and
 * answers. Bytes that are no StationRequest end the connection. Threads: safe from any thread.
 */
#ifndef VAULT_STATION_H
#define VAULT_STATION_H

#include "core/rpc_server.h"

/* Serves one call and answers it; context is the struct vault. */
void station_serve(void *context, struct rpc_call *call);
/* Answers a call with ERR_BUSY: the queue is full. */
void station_refuse_busy(struct rpc_call *call);

#endif
