/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* By indentation, as the file is kept: two spaces before a path, four before a method. */
#include "e2e/hostile_routes.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#define LINE_MAX_BYTES 512

/* Whether the line is INDENT NAME ":" with that many spaces; writes the name. */
static bool take_key(const char *line, size_t indent, char *ret_name, size_t size)
{
    size_t end = strcspn(line, "\n");
    if (strspn(line, " ") != indent || end < indent + 2 || line[end - 1] != ':')
        return false;
    (void)snprintf(ret_name, size, "%.*s", (int)(end - indent - 1), line + indent);
    return true;
}

static bool is_method(const char *name)
{
    static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(name, methods[i]) == 0)
            return true;
    }
    return false;
}

size_t hostile_routes_read(const char *file, struct hostile_route ret_routes[HOSTILE_ROUTES_MAX])
{
    char line[LINE_MAX_BYTES];
    char name[HOSTILE_PATH_MAX];
    char path[HOSTILE_PATH_MAX] = "";
    size_t count = 0;
    FILE *stream = fopen(file, "re");
    ck_assert_msg(stream != NULL, "%s cannot be read", file);
    while (fgets(line, sizeof line, stream) != NULL) {
        if (take_key(line, 2, name, sizeof name) && name[0] == '/')
            (void)snprintf(path, sizeof path, "%s", name);
        if (!take_key(line, 4, name, sizeof name) || !is_method(name) || path[0] == '\0')
            continue;
        ck_assert_uint_lt(count, HOSTILE_ROUTES_MAX);
        struct hostile_route *route = &ret_routes[count++];
        (void)snprintf(route->path, sizeof route->path, "%s", path);
        for (size_t i = 0; i < sizeof route->method; i++)
            route->method[i] = (char)toupper((unsigned char)name[i]);
        route->method[sizeof route->method - 1] = '\0';
    }
    (void)fclose(stream);
    ck_assert_uint_gt(count, 0);
    return count;
}
