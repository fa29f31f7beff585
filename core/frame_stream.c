/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Two buffers, each with room for one frame of the largest size. Owns no socket. */
#include "core/frame_stream.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/frame_parts.h"

struct frame_stream {
    int socket;
    size_t max;  /* of a payload */
    size_t size; /* of each buffer */
    uint8_t *in; /* bytes from begin to end are read and not yet given */
    size_t begin;
    size_t end;
    uint8_t *out; /* out_length bytes wait for a flush */
    size_t out_length;
    struct frame came; /* descriptors that came, and belong to the frame that is given next */
    struct frame given;
};

enum error frame_stream_new(int socket, size_t max, struct frame_stream **ret_stream)
{
    size_t size = FRAME_HEADER_BYTES + max;
    struct frame_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return ERR_INTERNAL;
    *stream = (struct frame_stream){
        .socket = socket, .max = max, .size = size, .in = malloc(size), .out = malloc(size)};
    if (stream->in == NULL || stream->out == NULL) {
        frame_stream_free(stream);
        return ERR_INTERNAL;
    }
    *ret_stream = stream;
    return ERR_OK;
}

static void close_fds(struct frame *frame)
{
    frame->payload = NULL; /* it is a place in the buffer */
    frame_clear(frame);
}

void frame_stream_free(struct frame_stream *stream)
{
    if (stream == NULL)
        return;
    close_fds(&stream->came);
    close_fds(&stream->given);
    free(stream->in);
    free(stream->out);
    free(stream);
}

/* ---- receiving ---- */

bool frame_stream_has_more(const struct frame_stream *stream)
{
    return stream->end > stream->begin;
}

/* The frame at the buffer's begin; ERR_BUSY when it is not whole yet. */
static enum error take_frame(struct frame_stream *stream, struct frame *ret_frame)
{
    const size_t there = stream->end - stream->begin;
    uint8_t *head = stream->in + stream->begin;
    size_t length = 0;
    uint64_t id = 0;
    if (there < FRAME_HEADER_BYTES)
        return ERR_BUSY;
    enum error e = frame_get_head(head, stream->max, &length, &id);
    if (e != ERR_OK)
        return e;
    if (there - FRAME_HEADER_BYTES < length)
        return ERR_BUSY;
    *ret_frame = stream->came;
    ret_frame->id = id;
    ret_frame->payload = head + FRAME_HEADER_BYTES;
    ret_frame->length = length;
    stream->came = (struct frame){0};
    stream->begin += FRAME_HEADER_BYTES + length;
    return ERR_OK;
}

static void make_room(struct frame_stream *stream)
{
    if (stream->begin > 0)
        memmove(stream->in, stream->in + stream->begin, stream->end - stream->begin);
    stream->end -= stream->begin;
    stream->begin = 0;
}

/* A stream that waits for ever sleeps in recvmsg itself: that is one system call less. */
static enum error fill(struct frame_stream *stream, int wait_ms)
{
    size_t count = 0;
    enum error e = ERR_TIMEOUT;
    make_room(stream);
    while (e == ERR_TIMEOUT) {
        if (wait_ms >= 0)
            e = frame_wait(stream->socket, POLLIN, deadline_in(wait_ms));
        if (wait_ms >= 0 && e != ERR_OK)
            return e;
        e = frame_receive_some(stream->socket, stream->in + stream->end, stream->size - stream->end,
                               wait_ms < 0 ? 0 : MSG_DONTWAIT, &stream->came, &count);
    }
    stream->end += e == ERR_OK ? count : 0;
    return e;
}

enum error frame_stream_receive(struct frame_stream *stream, int wait_ms, int rest_ms,
                                struct frame *ret_frame)
{
    close_fds(&stream->given);
    enum error e = ERR_OK;
    if (!frame_stream_has_more(stream))
        e = fill(stream, wait_ms);
    if (e != ERR_OK)
        return e;
    deadline_ms deadline = deadline_in(rest_ms);
    while ((e = take_frame(stream, &stream->given)) == ERR_BUSY) {
        e = fill(stream, deadline_left_ms(deadline));
        if (e != ERR_OK)
            return e;
    }
    if (e == ERR_OK)
        *ret_frame = stream->given;
    return e;
}

/* ---- sending ---- */

enum error frame_stream_flush(struct frame_stream *stream, deadline_ms deadline)
{
    struct iovec part = {.iov_base = stream->out, .iov_len = stream->out_length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = stream->out_length > 0};
    stream->out_length = 0;
    return frame_send_message(stream->socket, &message, deadline);
}

enum error frame_stream_put(struct frame_stream *stream, uint64_t id, struct bytes payload,
                            deadline_ms deadline)
{
    assert(payload.length > 0 && payload.length <= stream->max);
    if (stream->size - stream->out_length < FRAME_HEADER_BYTES + payload.length) {
        enum error e = frame_stream_flush(stream, deadline);
        if (e != ERR_OK)
            return e;
    }
    uint8_t *out = stream->out + stream->out_length;
    frame_put_head(out, payload.length, id);
    memcpy(out + FRAME_HEADER_BYTES, payload.data, payload.length);
    stream->out_length += FRAME_HEADER_BYTES + payload.length;
    return ERR_OK;
}
