/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Every operation of api/openapi.yaml, so that a new route is attacked without anybody's doing. */
#ifndef TESTS_E2E_HOSTILE_ROUTES_H
#define TESTS_E2E_HOSTILE_ROUTES_H

#include <stddef.h>

#define HOSTILE_ROUTES_MAX 128
#define HOSTILE_PATH_MAX   128

struct hostile_route {
    char method[8];
    char path[HOSTILE_PATH_MAX]; /* "/v1/licenses/{license_id}" */
};

/* Fails the test when the file cannot be read or has none. Returns their number. */
size_t hostile_routes_read(const char *file, struct hostile_route ret_routes[HOSTILE_ROUTES_MAX]);

#endif
