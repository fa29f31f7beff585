/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who is connected, and whose TLS handshake may begin.
 *
 * A handshake costs an event loop milliseconds, which everybody else in that loop waits for. So an
 * address has few of them unfinished at once, and so many a second; its other sockets wait here in
 * the order in which they came, and those of other addresses pass them by. The limits of
 * connections are kept here too, with those that wait: libmicrohttpd 0.9.75 counts a connection
 * when its event loop has begun with it, and stands still when it finds it to be one too many then.
 *
 * An address is an IPv4 address, or the first 64 bits of an IPv6 one: who has one of those has them
 * all.
 *
 * A socket: lobby_arrive; lobby_next hands it over; lobby_settle when its handshake is over, which
 * is taken for granted after LOBBY_HANDSHAKE_MS, so that silent clients do not hold up their
 * neighbours for long; lobby_leave before it is closed.
 *
 * Threads: safe from any thread but for lobby_new and lobby_free. Times are clock_monotonic_ms().
 */
#ifndef API_LOBBY_H
#define API_LOBBY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/error.h"

#define LOBBY_AT_ONCE      2   /* unfinished handshakes of one address */
#define LOBBY_BURST        8   /* handshakes that a rested address may begin without a pause */
#define LOBBY_HANDSHAKE_MS 100 /* how long one counts as unfinished at most */

#define LOBBY_KEY_SIZE     9 /* the family and the first 64 bits */

struct lobby;

struct lobby_options {
    unsigned connections;           /* in all, at least 1 */
    unsigned per_address;           /* at least 1 */
    unsigned handshakes_per_second; /* of one address, 1 to 100000 */
    int64_t patience_ms;            /* how long a socket may wait */
};

struct lobby_guest {
    int socket;
    struct sockaddr_storage address;
    socklen_t length;
};

enum lobby_refusal { LOBBY_WELCOME, LOBBY_FULL, LOBBY_ADDRESS_FULL, LOBBY_NO_MEMORY };

enum error lobby_new(const struct lobby_options *options, struct lobby **ret_lobby) MUST_USE;
/* NULL is allowed. */
void lobby_free(struct lobby *lobby);
/* Other limits from now on; who is here stays. */
void lobby_set_options(struct lobby *lobby, const struct lobby_options *options);

/* The guest waits from now on; after a refusal its socket is the caller's still. */
enum lobby_refusal lobby_arrive(struct lobby *lobby, const struct lobby_guest *guest,
                                int64_t now_ms) MUST_USE;

/* One whose handshake may begin, and counts as begun; the socket becomes the caller's. */
bool lobby_next(struct lobby *lobby, int64_t now_ms, struct lobby_guest *ret_guest) MUST_USE;
/* One who has waited for too long; forgotten, the socket becomes the caller's. */
bool lobby_next_overdue(struct lobby *lobby, int64_t now_ms,
                        struct lobby_guest *ret_guest) MUST_USE;
/* Milliseconds until one of the two may have somebody by the clock alone; -1: nobody waits. */
int lobby_pause_ms(struct lobby *lobby, int64_t now_ms) MUST_USE;
/* Readable when lobby_next may have somebody since a handshake ended; lobby_next drains it. */
int lobby_descriptor(const struct lobby *lobby);

/* Both allow a socket that is not known. */
void lobby_settle(struct lobby *lobby, int socket);
void lobby_leave(struct lobby *lobby, int socket);

/* The socket's client has had its first answer; until then it is a newcomer. A socket that is not
 * known is allowed. */
void lobby_greet(struct lobby *lobby, int socket);
unsigned lobby_newcomers(struct lobby *lobby);

/* Closes the sockets of those who wait. */
void lobby_dismiss(struct lobby *lobby);

/* How many wait. */
unsigned lobby_waiting(struct lobby *lobby);

/* What an address counts as. */
void lobby_key(const struct sockaddr *address, uint8_t ret_key[LOBBY_KEY_SIZE]);

#endif
