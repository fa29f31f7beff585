/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One end of a link with a buffer for each way: frames (core/frame.h) that came together are read
 * with one system call, and those that are put are sent with one. As hostile to what comes as
 * frame_receive.
 *
 *     frame_stream_new; any put, flush and receive; frame_stream_free.
 *
 * Never for a link that a secret passes: the buffers are not wiped. Threads: owned by one.
 */
#ifndef CORE_FRAME_STREAM_H
#define CORE_FRAME_STREAM_H

#include "core/frame.h"

struct frame_stream;

/* Frames of at most max payload bytes. The socket stays the caller's. ERR_INTERNAL: no memory. */
enum error frame_stream_new(int socket, size_t max, struct frame_stream **ret_stream) MUST_USE;
/* NULL is allowed. */
void frame_stream_free(struct frame_stream *stream);

/*
 * The next frame. Payload and descriptors are the stream's until the next receive. Descriptors ride
 * on frames that are sent alone, with nothing before and behind them on the way. Waits wait_ms for
 * the first byte (negative: for ever) and then at most rest_ms for the rest. Errors of
 * frame_receive; all but ERR_TIMEOUT before the first byte leave the stream unusable.
 */
enum error frame_stream_receive(struct frame_stream *stream, int wait_ms, int rest_ms,
                                struct frame *ret_frame) MUST_USE;
/* True when a byte was read that no frame has been given of. */
bool frame_stream_has_more(const struct frame_stream *stream);

/* Keeps a frame for the next flush; sends what is there first when there is no room. */
enum error frame_stream_put(struct frame_stream *stream, uint64_t id, struct bytes payload,
                            deadline_ms deadline) MUST_USE;
/* ERR_TIMEOUT or ERR_LINK_CLOSED leave the stream unusable. */
enum error frame_stream_flush(struct frame_stream *stream, deadline_ms deadline) MUST_USE;

#endif
