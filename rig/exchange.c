/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One line of JSON per exchange, appended. Owns no state. */
#include "rig/exchange.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#define FOLDER_VARIABLE "PROVISIOND_EXCHANGES"
#define BINARY_MAX      4096 /* of other bytes than text, only so many are worth keeping */

/* As object[name] when it is text; few other bytes as object[name_base64], many not at all. */
static bool set_bytes(json_t *object, const char *name, struct bytes data)
{
    char other[64];
    char *encoded = NULL;
    json_t *text = json_stringn((const char *)data.data, data.length);
    if (text != NULL)
        return json_object_set_new(object, name, text) == 0;
    if (data.length > BINARY_MAX)
        return true;
    if (base64_encode(data, &encoded) != ERR_OK)
        return false;
    (void)snprintf(other, sizeof other, "%s_base64", name);
    bool is_set = json_object_set_new(object, other, json_string(encoded)) == 0;
    free(encoded);
    return is_set;
}

static bool fill(json_t *object, const struct exchange *exchange)
{
    return set_bytes(object, "method", bytes_of(exchange->method, strlen(exchange->method))) &&
           set_bytes(object, "path", bytes_of(exchange->path, strlen(exchange->path))) &&
           set_bytes(object, "headers", exchange->headers) &&
           (exchange->request.data == NULL || set_bytes(object, "request", exchange->request)) &&
           (exchange->body.data == NULL || set_bytes(object, "body", exchange->body));
}

/* In one write, so that threads do not mix their lines. */
static bool append_line(const char *folder, const json_t *object)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%ld.jsonl", folder, (long)getpid());
    char *line = json_dumps(object, JSON_COMPACT);
    if (line == NULL || n <= 0 || n >= (int)sizeof path) {
        free(line);
        return false;
    }
    size_t length = strlen(line);
    line[length] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && write(fd, line, length + 1) == (ssize_t)length + 1;
    if (fd >= 0)
        (void)close(fd);
    free(line);
    return is_written;
}

bool exchange_keep(const struct exchange *exchange)
{
    const char *folder = getenv(FOLDER_VARIABLE);
    if (folder == NULL || exchange->status == 0)
        return true;
    json_t *object = json_pack("{si sI sb}", "status", (int)exchange->status, "length",
                               (json_int_t)exchange->length, "is_raw", exchange->is_raw);
    bool is_kept = object != NULL && fill(object, exchange) && append_line(folder, object);
    json_decref(object);
    return is_kept;
}
