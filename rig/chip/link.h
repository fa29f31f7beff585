/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The line between a programmer and a chip: frames on a Unix stream socket, as on a serial line.
 * docs/reference-chip.md describes the protocol; this file knows frames, and the words of it.
 *
 *     0x7f | code, u8 | length, u16 little endian | payload | check, u8
 *
 * code is a command, or in a reply CHIP_ACK or CHIP_NACK; check is the XOR of all bytes from code
 * to the payload's end. One request is under way at a time. Order of calls for a programmer:
 * chip_link_connect, chip_link_request as often as needed, close(2). Bytes that are no frame leave
 * the stream unusable: close it. Threads: one user per socket at a time.
 */
#ifndef RIG_CHIP_LINK_H
#define RIG_CHIP_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"

#define CHIP_PAYLOAD_MAX_BYTES  4096
#define CHIP_SENTENCE_MAX_BYTES 100 /* of a refusal, without NUL */

enum chip_command {
    CHIP_STATUS = 0x01,
    CHIP_CERTIFICATE = 0x02,
    CHIP_LICENSE = 0x03,
    CHIP_HEADER = 0x04,
    CHIP_AREA = 0x05,
    CHIP_DATA = 0x06,
    CHIP_READ = 0x07,
    CHIP_RESET = 0x08,
    CHIP_X509 = 0x09,
    CHIP_CMS_LICENSE = 0x0a,
    CHIP_CMS_DATA = 0x0b,
    CHIP_CMS_END = 0x0c
};

enum chip_reply { CHIP_ACK = 0x79, CHIP_NACK = 0x1f };

/* Why a chip says no. */
enum chip_error {
    CHIP_BAD_FRAME = 1,
    CHIP_BAD_COMMAND = 2,
    CHIP_WRONG_PHASE = 3,
    CHIP_LICENSE_REFUSED = 4,
    CHIP_HEADER_REFUSED = 5,
    CHIP_AREA_REFUSED = 6, /* type, order, index, total, geometry */
    CHIP_TAG_MISMATCH = 7,
    CHIP_FLASH_VERIFY = 8,
    CHIP_DEBUG_CLOSED = 9,
    CHIP_AREA_UNSUPPORTED = 10,
    CHIP_TOO_LARGE = 11,
    CHIP_OUT_OF_ORDER = 12, /* a command that the install does not expect now */
    CHIP_ADDRESS = 13
};

enum chip_phase { CHIP_OPEN = 0, CHIP_INSTALLING = 1, CHIP_CLOSED = 2 };

#define CHIP_CERTIFICATE_BYTES  136
#define CHIP_LICENSE_BYTES      136
#define CHIP_HEADER_BYTES       28
#define CHIP_AREA_HEADER_BYTES  30
#define CHIP_TAG_BYTES          16
#define CHIP_READ_REQUEST_BYTES 6                    /* u32 address, u16 length */
#define CHIP_STATUS_BYTES       (3 + CHIP_TAG_BYTES) /* phase, note, debug port, tag */
#define CHIP_FLASH_ADDRESS      UINT32_C(0x08000000)
#define CHIP_EXTERNAL_ADDRESS   UINT32_C(0x90000000)
#define CHIP_MEMORY_BYTES       0x80000 /* of each of the two */

/* One frame, in either direction. */
struct chip_frame {
    uint8_t code;
    size_t length;
    uint8_t payload[CHIP_PAYLOAD_MAX_BYTES];
};

/* What a CHIP_NACK says. */
struct chip_refusal {
    uint8_t error; /* enum chip_error, or a number that this program does not know */
    char sentence[CHIP_SENTENCE_MAX_BYTES + 1]; /* printable ASCII; "" when there is none */
};

/* Connects to a chip's socket. ERR_LINK_CLOSED: nobody listens there; ERR_CONFIG: no such path. */
enum error chip_link_connect(const char *path, int *ret_socket) MUST_USE;

/*
 * Sends one frame whole; payload.length is at most CHIP_PAYLOAD_MAX_BYTES. ERR_TIMEOUT or
 * ERR_LINK_CLOSED: close the socket.
 */
enum error chip_link_send(int socket, uint8_t code, struct bytes payload,
                          deadline_ms deadline) MUST_USE;

/*
 * Receives one frame whole. ERR_TIMEOUT, ERR_LINK_CLOSED (also on a clean end), ERR_TOO_LARGE (the
 * length field), ERR_BAD_REQUEST (first byte or check): close the socket.
 */
enum error chip_link_receive(int socket, deadline_ms deadline,
                             struct chip_frame *ret_frame) MUST_USE;

/*
 * Asks and waits for the reply, which is a CHIP_ACK or a CHIP_NACK (chip_link_refusal): both are
 * ERR_OK. ERR_BAD_REQUEST also for a reply that is neither, the others as above.
 */
enum error chip_link_request(int socket, enum chip_command command, struct bytes payload,
                             deadline_ms deadline, struct chip_frame *ret_reply) MUST_USE;

/* Reads a CHIP_NACK. What is not printable in its sentence becomes '?', what is too long is cut. */
struct chip_refusal chip_link_refusal(const struct chip_frame *reply);

/* The stable name of an error ("license-refused"); "unknown" for a foreign number. */
const char *chip_error_name(uint8_t error);
/* "open", "installing", "closed"; "unknown" for a foreign number. */
const char *chip_phase_name(uint8_t phase);

/* Numbers as the chip's protocol, certificate, image and license have them. */
uint16_t chip_get_u16(const uint8_t *in);
uint32_t chip_get_u32(const uint8_t *in);
void chip_put_u16(uint8_t *out, uint16_t value);
void chip_put_u32(uint8_t *out, uint32_t value);

#endif
