/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Length-prefixed frames with file descriptors over Unix stream sockets. Owns no state. */
#include "core/frame_parts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define LENGTH_BYTES 4
#define ID_BYTES     8

static_assert(LENGTH_BYTES + ID_BYTES == FRAME_HEADER_BYTES, "the head is length and id");

union fd_control {
    char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
    struct cmsghdr align;
};

enum error frame_wait(int socket, short events, deadline_ms deadline)
{
    struct pollfd entry = {.fd = socket, .events = events};
    for (;;) {
        int left = deadline_left_ms(deadline);
        int n = poll(&entry, 1, left);
        if (n > 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return ERR_LINK_CLOSED;
        if (n == 0)
            return ERR_TIMEOUT;
    }
}

static void put_be(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get_be(const uint8_t *in, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | in[i];
    return value;
}

void frame_put_head(uint8_t out[FRAME_HEADER_BYTES], size_t length, uint64_t id)
{
    put_be(out, length, LENGTH_BYTES);
    put_be(out + LENGTH_BYTES, id, ID_BYTES);
}

enum error frame_get_head(const uint8_t head[FRAME_HEADER_BYTES], size_t max, size_t *ret_length,
                          uint64_t *ret_id)
{
    size_t length = (size_t)get_be(head, LENGTH_BYTES);
    if (length == 0)
        return ERR_BAD_REQUEST;
    if (length > max)
        return ERR_TOO_LARGE;
    *ret_length = length;
    *ret_id = get_be(head + LENGTH_BYTES, ID_BYTES);
    return ERR_OK;
}

static void attach_fds(struct msghdr *message, union fd_control *control, const int *fds,
                       unsigned fd_count)
{
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
}

static void skip_sent(struct msghdr *message, size_t sent)
{
    message->msg_control = NULL; /* the descriptors went with the first byte */
    message->msg_controllen = 0;
    while (message->msg_iovlen > 0 && sent >= message->msg_iov->iov_len) {
        sent -= message->msg_iov->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
        message->msg_iov->iov_base = (uint8_t *)message->msg_iov->iov_base + sent;
        message->msg_iov->iov_len -= sent;
    }
}

enum error frame_send_message(int socket, struct msghdr *message, deadline_ms deadline)
{
    while (message->msg_iovlen > 0) {
        ssize_t n = sendmsg(socket, message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            skip_sent(message, (size_t)n);
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            enum error e = frame_wait(socket, POLLOUT, deadline);
            if (e != ERR_OK)
                return e;
        } else if (errno != EINTR) {
            return ERR_LINK_CLOSED;
        }
    }
    return ERR_OK;
}

enum error frame_send(int socket, uint64_t id, struct bytes payload, const int *fds,
                      unsigned fd_count, deadline_ms deadline)
{
    uint8_t head[FRAME_HEADER_BYTES];
    union fd_control control = {0};
    assert(payload.length > 0 && payload.length <= UINT32_MAX && fd_count <= FRAME_FDS_MAX);
    frame_put_head(head, payload.length, id);
    struct iovec parts[2] = {
        {.iov_base = head, .iov_len = sizeof head},
        {.iov_base = (void *)(uintptr_t)payload.data, .iov_len = payload.length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (fd_count > 0)
        attach_fds(&message, &control, fds, fd_count);
    return frame_send_message(socket, &message, deadline);
}

static void take_fds(struct msghdr *message, struct frame *frame)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
            if (frame->fd_count < FRAME_FDS_MAX)
                frame->fds[frame->fd_count++] = fd;
            else
                (void)close(fd);
        }
    }
}

enum error frame_receive_some(int socket, uint8_t *out, size_t length, int flags,
                              struct frame *frame, size_t *ret_count)
{
    union fd_control control;
    struct iovec part = {.iov_base = out, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_TIMEOUT : ERR_LINK_CLOSED;
    if (n == 0)
        return ERR_LINK_CLOSED;
    take_fds(&message, frame);
    *ret_count = (size_t)n;
    return message.msg_flags & MSG_CTRUNC ? ERR_BAD_REQUEST : ERR_OK;
}

/* Reads exactly length bytes; descriptors that ride along are collected into frame. */
static enum error receive_exactly(int socket, uint8_t *out, size_t length, struct frame *frame,
                                  deadline_ms deadline)
{
    while (length > 0) {
        size_t n = 0;
        enum error e = frame_receive_some(socket, out, length, MSG_DONTWAIT, frame, &n);
        if (e == ERR_OK) {
            out += n;
            length -= n;
            continue;
        }
        if (e == ERR_TIMEOUT)
            e = frame_wait(socket, POLLIN, deadline);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* Until the socket is readable; idle_ms negative: for ever. */
static enum error wait_for_first_byte(int socket, int idle_ms)
{
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    if (idle_ms >= 0)
        return frame_wait(socket, POLLIN, deadline_in(idle_ms));
    while (poll(&entry, 1, -1) < 0) {
        if (errno != EINTR)
            return ERR_LINK_CLOSED;
    }
    return ERR_OK;
}

/* Looks before it waits, and who waits for ever sleeps in recvmsg: that is one system call less. */
static enum error receive_first(int socket, uint8_t head[FRAME_HEADER_BYTES], int idle_ms,
                                struct frame *frame, size_t *ret_count)
{
    int flags = idle_ms < 0 ? 0 : MSG_DONTWAIT;
    enum error e = frame_receive_some(socket, head, FRAME_HEADER_BYTES, flags, frame, ret_count);
    while (e == ERR_TIMEOUT) {
        e = wait_for_first_byte(socket, idle_ms);
        if (e != ERR_OK)
            return e;
        e = frame_receive_some(socket, head, FRAME_HEADER_BYTES, flags, frame, ret_count);
    }
    return e;
}

static enum error receive_frame(int socket, size_t max, int idle_ms, int rest_ms,
                                struct frame *frame)
{
    uint8_t head[FRAME_HEADER_BYTES];
    size_t there = 0;
    size_t length = 0;
    enum error e = receive_first(socket, head, idle_ms, frame, &there);
    deadline_ms deadline = deadline_in(rest_ms);
    if (e == ERR_OK)
        e = receive_exactly(socket, head + there, sizeof head - there, frame, deadline);
    if (e == ERR_OK)
        e = frame_get_head(head, max, &length, &frame->id);
    if (e != ERR_OK)
        return e;
    frame->payload = malloc(length);
    if (frame->payload == NULL)
        return ERR_INTERNAL;
    frame->length = length;
    return receive_exactly(socket, frame->payload, length, frame, deadline);
}

enum error frame_receive(int socket, size_t max, bool accepts_fds, int idle_ms, int rest_ms,
                         struct frame *ret_frame)
{
    struct frame frame = {0};
    enum error e = receive_frame(socket, max, idle_ms, rest_ms, &frame);
    if (e == ERR_OK && frame.fd_count > 0 && !accepts_fds)
        e = ERR_BAD_REQUEST;
    if (e != ERR_OK) {
        frame_clear(&frame);
        return e;
    }
    *ret_frame = frame;
    return ERR_OK;
}

void frame_clear(struct frame *frame)
{
    free(frame->payload);
    for (unsigned i = 0; i < frame->fd_count; i++)
        (void)close(frame->fds[i]);
    *frame = (struct frame){0};
}
