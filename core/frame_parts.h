/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What frame.c and frame_stream.c share. Private to core/. Threads: pure but for the socket. */
#ifndef CORE_FRAME_PARTS_H
#define CORE_FRAME_PARTS_H

#include <sys/socket.h>

#include "core/frame.h"

/* Until the socket is ready; ERR_TIMEOUT, ERR_LINK_CLOSED. */
enum error frame_wait(int socket, short events, deadline_ms deadline) MUST_USE;

void frame_put_head(uint8_t out[FRAME_HEADER_BYTES], size_t length, uint64_t id);
/* ERR_BAD_REQUEST: empty; ERR_TOO_LARGE: more than max. */
enum error frame_get_head(const uint8_t head[FRAME_HEADER_BYTES], size_t max, size_t *ret_length,
                          uint64_t *ret_id) MUST_USE;

/* Sends all of it; changes *message. */
enum error frame_send_message(int socket, struct msghdr *message, deadline_ms deadline) MUST_USE;

/*
 * One recvmsg: at least one byte; descriptors go into frame, which the caller clears also when this
 * fails. ERR_TIMEOUT: nothing there, ask again; ERR_LINK_CLOSED, ERR_BAD_REQUEST (too many
 * descriptors).
 */
enum error frame_receive_some(int socket, uint8_t *out, size_t length, int flags,
                              struct frame *frame, size_t *ret_count) MUST_USE;

#endif
