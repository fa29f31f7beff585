/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The replies of vault_peer.h to lists, sums and batches.
 *
 * A word (the request's id) that is none of those named here gets the sound reply; "spoil-<what>"
 * breaks one field of it. Threads: pure but for the call.
 */
#ifndef TESTS_UNIT_API_PEER_READS_H
#define TESTS_UNIT_API_PEER_READS_H

#include <stdbool.h>

#include "core/rpc_server.h"
#include "vault.pb-c.h"

#define PEER_TIME_MS INT64_C(1795770867123) /* 2026-11-27T09:14:27.123Z */

/*
 * Installs: two (or the one that was asked for), with "next" 17; "last-page": without; "plain":
 *   unreported, with no text that may be left out; "nothing": none.
 * Images: two; "nothing". Products: two; "nothing"; "spent" (granted is charged).
 * Grants: two, with "next" 9, or one with its document. Principals: two, or one.
 * Usage: rows of the keys "", "A" and "B", as far as the limit goes.
 * A batch: each product says what comes of it, as vault_peer.h lists; "fewer", "more": one result.
 *
 * False for an operation of another kind.
 */
bool peer_send_read(struct rpc_call *call, const Provisiond__StationRequest *request,
                    const char *word);

#endif
