/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Making and adopting the listening socket. Owns no state. */
#include "api/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_HOST_SIZE 64
#define LISTEN_PORT_SIZE 8
#define DECIMAL          10

/* "host:port" or "[host]:port". */
static bool split_address(const char *address, char host[LISTEN_HOST_SIZE],
                          char port[LISTEN_PORT_SIZE])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) >= LISTEN_PORT_SIZE)
        return false;
    const char *first = address;
    size_t length = (size_t)(colon - address);
    if (length >= 2 && *first == '[' && colon[-1] == ']') {
        first++;
        length -= 2;
    }
    if (length == 0 || length >= LISTEN_HOST_SIZE)
        return false;
    memcpy(host, first, length);
    host[length] = '\0';
    strcpy(port, colon + 1);
    return true;
}

static bool listen_at(int fd, const struct addrinfo *place)
{
    const int on = 1;
    const int off = 0;
    if (place->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd, place->ai_addr, place->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
}

static enum error refuse_place(struct fault *fault, int reason)
{
    const char *detail =
        "Listening at [api] listen failed: correct the address, or choose another port.";
    if (reason == EADDRINUSE)
        detail = "The port of [api] listen is in use by another program: end that one (`ss -ltnp` "
                 "names it) or choose another port.";
    else if (reason == EADDRNOTAVAIL)
        detail = "The address of [api] listen is not one of this machine: correct it, or take "
                 "[::] for all.";
    else if (reason == EACCES)
        detail = "This user may not listen at the port of [api] listen: choose one above 1023, or "
                 "let the socket unit listen.";
    return fault_set(fault, ERR_CONFIG, "listen", detail, reason);
}

static enum error open_place(const struct addrinfo *place, int *ret_fd, struct fault *fault)
{
    int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && listen_at(fd, place)) {
        *ret_fd = fd;
        return ERR_OK;
    }
    int reason = errno;
    if (fd >= 0)
        (void)close(fd);
    return refuse_place(fault, reason);
}

enum error listener_open(const char *address, int *ret_fd, struct fault *fault)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *places = NULL;
    char host[LISTEN_HOST_SIZE];
    char port[LISTEN_PORT_SIZE];
    if (!split_address(address, host, port) || getaddrinfo(host, port, &hints, &places) != 0)
        return fault_set(fault, ERR_CONFIG, "listen-address",
                         "[api] listen is not \"address:port\" with a numeric address: write it as "
                         "10.0.0.5:8443 or [::]:8443.",
                         0);
    enum error e = open_place(places, ret_fd, fault);
    freeaddrinfo(places);
    return e;
}

enum error listener_adopt(int fd, struct fault *fault)
{
    int is_listening = 0;
    int type = 0;
    socklen_t size = sizeof is_listening;
    socklen_t type_size = sizeof type;
    int flags = fcntl(fd, F_GETFL);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || is_listening == 0 ||
        type != SOCK_STREAM || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return fault_set(
            fault, ERR_CONFIG, "passed-socket",
            "The socket that was passed is no listening stream socket: provisiond.socket must have "
            "one ListenStream= with a port, and no Accept=.",
            errno);
    return ERR_OK;
}

bool listener_is_at(int fd, const char *address)
{
    char host[LISTEN_HOST_SIZE];
    char port[LISTEN_PORT_SIZE];
    return split_address(address, host, port) &&
           strtoul(port, NULL, DECIMAL) == (unsigned long)listener_port(fd);
}

uint16_t listener_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}
