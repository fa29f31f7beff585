/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may open a Unix socket: decisions on SO_PEERCRED beyond the socket file's mode.
 *
 * Root and the program's own user are always allowed (they could trace it anyway). Names are looked
 * up at each connection, so that a user made later counts. Threads: safe from any thread.
 */
#ifndef CORE_PEER_H
#define CORE_PEER_H

#include <stdbool.h>

#include "core/rpc_server.h"

/* Root, the own user, or the user of that name ("" names nobody). */
bool peer_is_user(const struct rpc_peer *peer, const char *user);
/* Root, the own user, or a member of the group of that name ("" names nobody). */
bool peer_is_in_group(const struct rpc_peer *peer, const char *group);

#endif
