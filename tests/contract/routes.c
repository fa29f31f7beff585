/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints the server's route table for matrix.py: method, pattern, operationId, who may come (public
 * or certificate), and the media types of the body.
 */
#include <stdio.h>

#include "api/route.h"

static void print_route(const struct route *route)
{
    (void)printf("%s %s %s %s", route->method, route->pattern, route->operation,
                 route->is_public ? "public" : "certificate");
    for (size_t i = 0; route->body != NULL && i < ROUTE_TYPES_MAX; i++) {
        if (route->body->media_types[i] != NULL)
            (void)printf(" %s", route->body->media_types[i]);
    }
    (void)printf("\n");
}

int main(void)
{
    size_t count = 0;
    const struct route *routes = route_table(&count);
    for (size_t i = 0; i < count; i++)
        print_route(&routes[i]);
    return ferror(stdout) != 0;
}
