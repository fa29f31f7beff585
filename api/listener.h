/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The listening socket: one that we make, or one that the service manager passed.
 *
 * Threads: pure functions over descriptors.
 */
#ifndef API_LISTENER_H
#define API_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/*
 * Listens at "address:port" with a numeric address ("127.0.0.1:0", "[::]:8443"; an IPv6 address
 * takes IPv4 clients too). ERR_CONFIG with a sentence otherwise.
 */
enum error listener_open(const char *address, int *ret_fd, struct fault *fault) MUST_USE;

/* Checks that fd is a listening stream socket, and makes it non-blocking. */
enum error listener_adopt(int fd, struct fault *fault) MUST_USE;

/* Whether fd listens at the port of that "address:port"; the addresses may differ in form. */
bool listener_is_at(int fd, const char *address);

/* The local port, 0 when fd has none. */
uint16_t listener_port(int fd);

#endif
