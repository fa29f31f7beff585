/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames: how messages travel over the Unix stream sockets between the programs.
 *
 *     length  4 bytes, big-endian: payload bytes, 1 to the link's own maximum
 *     id      8 bytes, big-endian: chosen by the asking side, repeated in the answer
 *     payload one protobuf message
 *
 * Up to FRAME_FDS_MAX file descriptors may ride on the first byte (SCM_RIGHTS). The reader treats
 * everything as hostile: a length outside the limits, or descriptors where none are expected, ends
 * the connection. Threads: one reader and one writer at a time per socket.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"

#define FRAME_HEADER_BYTES 12
#define FRAME_FDS_MAX      2

struct frame {
    uint64_t id;
    uint8_t *payload; /* heap */
    size_t length;
    int fds[FRAME_FDS_MAX]; /* owned; valid up to fd_count */
    unsigned fd_count;
};

/*
 * Sends one frame whole. fds are borrowed (the kernel duplicates them). ERR_TIMEOUT or
 * ERR_LINK_CLOSED leave the stream unusable: close it.
 */
enum error frame_send(int socket, uint64_t id, struct bytes payload, const int *fds,
                      unsigned fd_count, deadline_ms deadline) MUST_USE;

/*
 * Receives one frame of at most max payload bytes. Waits idle_ms for its first byte (negative: for
 * ever) and then at most rest_ms for the rest. ERR_TIMEOUT, ERR_LINK_CLOSED (also on a clean end),
 * ERR_TOO_LARGE, ERR_BAD_REQUEST (empty, or descriptors that accepts_fds does not allow). Clear
 * *ret_frame with frame_clear.
 */
enum error frame_receive(int socket, size_t max, bool accepts_fds, int idle_ms, int rest_ms,
                         struct frame *ret_frame) MUST_USE;

/* Frees the payload, closes the descriptors, leaves an empty frame. */
void frame_clear(struct frame *frame);

#endif
