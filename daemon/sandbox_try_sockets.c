/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Test builds only: sockets that a program must not have, and other uses of the one that it has. */
#include "daemon/sandbox_try.h"

#ifdef PROVISIOND_CRASH_POINTS

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define DESCRIPTORS_TRIED 256

static bool get_option(int fd, int option, int *ret_value)
{
    socklen_t size = sizeof *ret_value;
    return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) == 0;
}

/* The socket of a network at which the program listens; -1 with ENOTSOCK: none. */
static int listening_socket(int *ret_family)
{
    for (int fd = 0; fd < DESCRIPTORS_TRIED; fd++) {
        int is_listening = 0;
        if (get_option(fd, SO_ACCEPTCONN, &is_listening) && is_listening != 0 &&
            get_option(fd, SO_DOMAIN, ret_family) && *ret_family != AF_UNIX)
            return fd;
    }
    errno = ENOTSOCK;
    return -1;
}

/* A port of this machine, in the family of the socket. */
struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address;
    socklen_t size;
};

static struct place place_of(int family, const char *port)
{
    const in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));
    struct place place = {.address.four = {.sin_family = AF_INET,
                                           .sin_port = number,
                                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                          .size = sizeof place.address.four};
    if (family == AF_INET6)
        place = (struct place){.address.six = {.sin6_family = AF_INET6,
                                               .sin6_port = number,
                                               .sin6_addr = IN6ADDR_LOOPBACK_INIT},
                               .size = sizeof place.address.six};
    return place;
}

long try_connect(const char *about)
{
    const struct place place = place_of(AF_INET, about);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : connect(fd, &place.address.any, place.size);
}

/* As the link to the vault does: with an address as short as that. */
long try_connect_unix(const char *about)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int place = open(about, O_PATH | O_CLOEXEC);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "/dev/fd/%d", place);
    return fd < 0 || place < 0
               ? -1
               : connect(fd, (struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length));
}

long try_socket_inet6(const char *about)
{
    (void)about;
    return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

long try_socket_netlink(const char *about)
{
    (void)about;
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

/* Whoever is refused before that finds it listening still, and leaves it so. */
static bool is_refused(long result)
{
    return result == 0 || errno == EPERM || errno == EACCES;
}

/* A socket that has listened is non-blocking: that a connection is under way is what was wanted. */
static long connect_again(int fd, const struct place *place)
{
    long result = connect(fd, &place->address.any, place->size);
    if (is_refused(result))
        return result;
    (void)shutdown(fd, SHUT_RDWR);
    result = connect(fd, &place->address.any, place->size);
    return result == 0 || errno == EINPROGRESS || errno == ECONNREFUSED ? 0 : -1;
}

long try_reconnect(const char *about)
{
    int family = 0;
    int fd = listening_socket(&family);
    const struct place place = place_of(family, about);
    return fd < 0 ? -1 : connect_again(fd, &place);
}

long try_fastopen(const char *about)
{
    int family = 0;
    int fd = listening_socket(&family);
    const struct place place = place_of(family, about);
    return fd < 0
               ? -1
               : sendto(fd, about, 1, MSG_FASTOPEN | MSG_NOSIGNAL, &place.address.any, place.size);
}

long try_fastopen_message(const char *about)
{
    int family = 0;
    int fd = listening_socket(&family);
    struct place place = place_of(family, about);
    const struct msghdr message = {.msg_name = &place.address, .msg_namelen = place.size};
    return fd < 0 ? -1 : sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL);
}

long try_rebind(const char *about)
{
    int family = 0;
    int fd = listening_socket(&family);
    const struct place place = place_of(family, "0");
    (void)about;
    return fd < 0 ? -1 : bind(fd, &place.address.any, place.size);
}

long try_relisten(const char *about)
{
    int family = 0;
    int fd = listening_socket(&family);
    (void)about;
    return fd < 0 ? -1 : listen(fd, 1);
}

#endif
