/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes into messages, with a bound on what they become: two bytes of a repeated field can unfold
 * into hundreds. Threads: pure functions.
 */
#ifndef VAULT_MESSAGE_H
#define VAULT_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "core/bytes.h"

#define MESSAGE_MAX_BYTES ((size_t)4 * 1024 * 1024) /* that a request may become */

/*
 * The message, freed by protobuf-c's free_unpacked without an allocator; NULL when the bytes are
 * none or would become more than max. *ret_bytes: what was allocated for it.
 */
ProtobufCMessage *message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bytes packed,
                                 size_t max, size_t *ret_bytes);

#endif
