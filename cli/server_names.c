/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A server's names. Owns no state. */
#include "cli/server_names.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HOST_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."

static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* What stands in a certificate without a meaning of its own there. */
static bool is_host(const char *name)
{
    return strspn(name, HOST_CHARACTERS) == strlen(name) && strchr("-.", name[0]) == NULL;
}

static bool add_name(const char *name, struct server_names *names)
{
    const bool is_number = is_address(name);
    if (!is_number && !is_host(name))
        return false;
    if (names->count == 0)
        (void)snprintf(names->first, sizeof names->first, "%s", name);
    size_t used = strlen(names->alternatives);
    (void)snprintf(names->alternatives + used, sizeof names->alternatives - used, "%s%s:%s",
                   names->count == 0 ? "" : ",", is_number ? "IP" : "DNS", name);
    names->count++;
    return true;
}

enum error server_names_parse(const char *list, struct server_names *ret_names,
                              struct failure *failure)
{
    struct server_names names = {.count = 0};
    const char *rest = list;
    bool is_good = true;
    while (is_good && rest != NULL) {
        char name[ISSUER_NAME_MAX + 1];
        const char *comma = strchr(rest, ',');
        size_t length = comma != NULL ? (size_t)(comma - rest) : strlen(rest);
        is_good = length > 0 && length <= ISSUER_NAME_MAX && names.count < SERVER_NAMES_MAX;
        (void)snprintf(name, sizeof name, "%.*s", is_good ? (int)length : 0, rest);
        is_good = is_good && add_name(name, &names);
        rest = comma != NULL ? comma + 1 : NULL;
    }
    if (!is_good)
        return failure_set_usage(failure,
                                 "The server's names are host names and addresses with commas "
                                 "between them, at most %d of at most %d bytes: "
                                 "prov.example,10.0.0.5",
                                 SERVER_NAMES_MAX, ISSUER_NAME_MAX);
    *ret_names = names;
    return ERR_OK;
}
