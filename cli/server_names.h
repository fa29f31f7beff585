/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names by which a server is reached, as they stand in its certificate: "HOST[,HOST...]" with
 * host names, IPv4 and IPv6 addresses. Threads: a value.
 */
#ifndef CLI_SERVER_NAMES_H
#define CLI_SERVER_NAMES_H

#include "cli/failure.h"
#include "cli/issuer.h"

#define SERVER_NAMES_MAX 16
/* "DNS:" or "IP:", the name, and what parts it from the next one. */
#define SERVER_NAMES_SIZE (SERVER_NAMES_MAX * (sizeof "DNS:," - 1 + ISSUER_NAME_MAX) + 1)

struct server_names {
    char first[ISSUER_NAME_MAX + 1];
    char alternatives[SERVER_NAMES_SIZE]; /* "DNS:a.example,IP:10.0.0.5" */
    size_t count;
};

/* A usage failure that quotes what is no name. */
enum error server_names_parse(const char *list, struct server_names *ret_names,
                              struct failure *failure) MUST_USE;

#endif
