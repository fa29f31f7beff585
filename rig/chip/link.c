/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Frames of the chip's line, read as hostile bytes. Owns no state. */
#include "rig/chip/link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 10
#define FRAME_START       0x7f
#define FRAME_HEAD_BYTES  4 /* start, code, length */

/* ---- numbers and names ---- */

uint16_t chip_get_u16(const uint8_t *in)
{
    return (uint16_t)(in[0] | in[1] << 8);
}

uint32_t chip_get_u32(const uint8_t *in)
{
    return chip_get_u16(in) | (uint32_t)chip_get_u16(in + 2) << 16;
}

void chip_put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
}

void chip_put_u32(uint8_t *out, uint32_t value)
{
    chip_put_u16(out, (uint16_t)value);
    chip_put_u16(out + 2, (uint16_t)(value >> 16));
}

const char *chip_error_name(uint8_t error)
{
    static const char *const names[] = {
        [CHIP_BAD_FRAME] = "bad-frame",
        [CHIP_BAD_COMMAND] = "bad-command",
        [CHIP_WRONG_PHASE] = "wrong-phase",
        [CHIP_LICENSE_REFUSED] = "license-refused",
        [CHIP_HEADER_REFUSED] = "header-refused",
        [CHIP_AREA_REFUSED] = "area-refused",
        [CHIP_TAG_MISMATCH] = "tag-mismatch",
        [CHIP_FLASH_VERIFY] = "flash-verify",
        [CHIP_DEBUG_CLOSED] = "debug-closed",
        [CHIP_AREA_UNSUPPORTED] = "area-unsupported",
        [CHIP_TOO_LARGE] = "too-large",
        [CHIP_OUT_OF_ORDER] = "out-of-order",
        [CHIP_ADDRESS] = "address",
    };
    bool is_known = error < sizeof names / sizeof names[0] && names[error] != NULL;
    return is_known ? names[error] : "unknown";
}

const char *chip_phase_name(uint8_t phase)
{
    static const char *const names[] = {
        [CHIP_OPEN] = "open", [CHIP_INSTALLING] = "installing", [CHIP_CLOSED] = "closed"};
    return phase < sizeof names / sizeof names[0] ? names[phase] : "unknown";
}

/* ---- bytes ---- */

static enum error wait_for(int socket, short events, deadline_ms deadline)
{
    struct pollfd entry = {.fd = socket, .events = events};
    for (;;) {
        int n = poll(&entry, 1, deadline_left_ms(deadline));
        if (n > 0)
            return ERR_OK;
        if (n == 0)
            return ERR_TIMEOUT;
        if (errno != EINTR)
            return ERR_LINK_CLOSED;
    }
}

static enum error send_all(int socket, struct bytes data, deadline_ms deadline)
{
    while (data.length > 0) {
        ssize_t n = send(socket, data.data, data.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            data = bytes_of(data.data + n, data.length - (size_t)n);
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            enum error e = wait_for(socket, POLLOUT, deadline);
            if (e != ERR_OK)
                return e;
        } else if (errno != EINTR) {
            return ERR_LINK_CLOSED;
        }
    }
    return ERR_OK;
}

static enum error receive_all(int socket, uint8_t *out, size_t length, deadline_ms deadline)
{
    while (length > 0) {
        ssize_t n = recv(socket, out, length, MSG_DONTWAIT);
        if (n > 0) {
            out += n;
            length -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            enum error e = wait_for(socket, POLLIN, deadline);
            if (e != ERR_OK)
                return e;
        } else {
            return ERR_LINK_CLOSED;
        }
    }
    return ERR_OK;
}

/* ---- frames ---- */

static uint8_t check_of(struct bytes data)
{
    uint8_t check = 0;
    for (size_t i = 0; i < data.length; i++)
        check ^= data.data[i];
    return check;
}

enum error chip_link_connect(const char *path, int *ret_socket)
{
    /* A full backlog must not hold the caller: connect(2) on this kind of socket waits for room. */
    const struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ERR_CONFIG;
    strcpy(address.sun_path, path);
    int link = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link < 0)
        return ERR_INTERNAL;
    if (setsockopt(link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(link, (const struct sockaddr *)&address, sizeof address) != 0) {
        enum error e = errno == ENOENT || errno == ENOTDIR ? ERR_CONFIG : ERR_LINK_CLOSED;
        (void)close(link);
        return e;
    }
    *ret_socket = link;
    return ERR_OK;
}

enum error chip_link_send(int socket, uint8_t code, struct bytes payload, deadline_ms deadline)
{
    uint8_t frame[FRAME_HEAD_BYTES + CHIP_PAYLOAD_MAX_BYTES + 1] = {FRAME_START, code};
    assert(payload.length <= CHIP_PAYLOAD_MAX_BYTES);
    chip_put_u16(frame + 2, (uint16_t)payload.length);
    if (payload.length > 0)
        memcpy(frame + FRAME_HEAD_BYTES, payload.data, payload.length);
    size_t end = FRAME_HEAD_BYTES + payload.length;
    frame[end] = check_of(bytes_of(frame + 1, end - 1));
    return send_all(socket, bytes_of(frame, end + 1), deadline);
}

enum error chip_link_receive(int socket, deadline_ms deadline, struct chip_frame *ret_frame)
{
    uint8_t head[FRAME_HEAD_BYTES];
    uint8_t body[CHIP_PAYLOAD_MAX_BYTES + 1];
    enum error e = receive_all(socket, head, 1, deadline);
    if (e == ERR_OK && head[0] != FRAME_START)
        e = ERR_BAD_REQUEST;
    if (e == ERR_OK)
        e = receive_all(socket, head + 1, sizeof head - 1, deadline);
    if (e != ERR_OK)
        return e;
    size_t length = chip_get_u16(head + 2);
    if (length > CHIP_PAYLOAD_MAX_BYTES)
        return ERR_TOO_LARGE;
    e = receive_all(socket, body, length + 1, deadline);
    if (e != ERR_OK)
        return e;
    uint8_t check = check_of(bytes_of(head + 1, sizeof head - 1));
    if ((check ^ check_of(bytes_of(body, length))) != body[length])
        return ERR_BAD_REQUEST;
    ret_frame->code = head[1];
    ret_frame->length = length;
    memcpy(ret_frame->payload, body, length);
    return ERR_OK;
}

enum error chip_link_request(int socket, enum chip_command command, struct bytes payload,
                             deadline_ms deadline, struct chip_frame *ret_reply)
{
    enum error e = chip_link_send(socket, (uint8_t)command, payload, deadline);
    if (e == ERR_OK)
        e = chip_link_receive(socket, deadline, ret_reply);
    if (e == ERR_OK && ret_reply->code != CHIP_ACK && ret_reply->code != CHIP_NACK)
        e = ERR_BAD_REQUEST;
    return e;
}

struct chip_refusal chip_link_refusal(const struct chip_frame *reply)
{
    struct chip_refusal refusal = {0};
    if (reply->length == 0)
        return refusal;
    refusal.error = reply->payload[0];
    for (size_t i = 0; i + 1 < reply->length && i < CHIP_SENTENCE_MAX_BYTES; i++) {
        char c = (char)reply->payload[i + 1];
        bool is_printable = c >= ' ' && c <= '~';
        refusal.sentence[i] = '?';
        if (is_printable)
            refusal.sentence[i] = c;
    }
    return refusal;
}
