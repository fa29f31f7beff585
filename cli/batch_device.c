/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One device of a batch: its place, its name, its request. Owns no state. */
#include "cli/batch_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/license_request.h"

#define FIRST_ROOM 64

struct batch_device *batch_add_device(struct batch *batch)
{
    /* Doubles at each power of two. */
    if (batch->count == 0 ||
        (batch->count >= FIRST_ROOM && (batch->count & (batch->count - 1)) == 0)) {
        size_t room = batch->count == 0 ? FIRST_ROOM : 2 * batch->count;
        struct batch_device *devices = reallocarray(batch->devices, room, sizeof *devices);
        if (devices == NULL)
            return NULL;
        batch->devices = devices;
    }
    batch->devices[batch->count] = (struct batch_device){.request = NULL};
    return &batch->devices[batch->count++];
}

/* Names a line as compilers do. */
static void format_line(const char *source, size_t line, char out[BATCH_WHERE_MAX])
{
    (void)snprintf(out, BATCH_WHERE_MAX, "%.280s:%zu",
                   strcmp(source, "-") == 0 ? "standard input" : source, line);
}

void batch_where(const struct batch *batch, const struct batch_device *device,
                 char out[BATCH_WHERE_MAX])
{
    if (device->line > 0)
        format_line(batch->source, device->line, out);
    else
        (void)snprintf(out, BATCH_WHERE_MAX, "%.240s/%s" BATCH_PEM_END, batch->source,
                       device->name);
}

/* What is wrong with one device is its own, and no reason to ask for none of the others. */
enum error batch_keep_failure(struct batch *batch, enum error e, const struct failure *failure)
{
    struct batch_device *device = &batch->devices[batch->count - 1];
    if (e == ERR_OK || e == ERR_INTERNAL || batch->bytes > BATCH_BYTES_MAX)
        return e;
    device->is_done = true;
    device->failure = *failure;
    device->failure.exit = EXIT_CODE_OTHER; /* the command line is not what is wrong */
    return ERR_OK;
}

enum error batch_set_name(struct batch_device *device, const char *name, const char *where,
                          struct failure *failure)
{
    if (!name_is_valid(name, BATCH_NAME_MAX))
        return failure_set_usage(failure,
                                 "%s: \"%.100s\" is no name for a device: 1 to %d of A-Z a-z 0-9 . "
                                 "_ -, the first a letter or a digit",
                                 where, name, BATCH_NAME_MAX);
    (void)snprintf(device->name, sizeof device->name, "%s", name);
    return ERR_OK;
}

/* A member that the request leaves to the options; value is consumed. */
static void complete(json_t *request, const char *member, json_t *value)
{
    if (json_object_get(request, member) == NULL && value != NULL)
        (void)json_object_set(request, member, value);
    json_decref(value);
}

static enum error complete_request(const struct arguments *arguments, json_t *request,
                                   const char *where, struct failure *failure)
{
    const char *product = arguments_get(arguments, OPTION_PRODUCT);
    json_t *context = license_context(arguments);
    if (context == NULL)
        return failure_set_usage(failure, "An option's text is not UTF-8");
    if (json_object_size(context) > 0)
        complete(request, "context", json_incref(context));
    json_decref(context);
    if (product != NULL)
        complete(request, "product", json_string(product));
    complete(request, "image", json_string(arguments_get_or(arguments, OPTION_IMAGE, "latest")));
    if (!json_is_string(json_object_get(request, "product")))
        return failure_set_usage(failure, "%s: there is no product; give --product NAME", where);
    if (!json_is_string(json_object_get(request, "image")) ||
        !json_is_object(json_object_get(request, "device")))
        return failure_set_usage(failure, "%s: there is no device, or an image that is no text",
                                 where);
    return ERR_OK;
}

/* The request of the newest device; it is borrowed. */
enum error batch_take_request(const struct arguments *arguments, json_t *request, const char *where,
                              struct batch *batch, struct failure *failure)
{
    struct batch_device *device = &batch->devices[batch->count - 1];
    enum error e = complete_request(arguments, request, where, failure);
    if (e != ERR_OK)
        return e;
    (void)snprintf(device->image, sizeof device->image, "%s",
                   json_string_value(json_object_get(request, "image")));
    device->request = json_dumps(request, JSON_COMPACT);
    if (device->request == NULL)
        return failure_set_memory(failure);
    device->length = strlen(device->request);
    batch->bytes += device->length;
    if (batch->bytes > BATCH_BYTES_MAX)
        return failure_set_usage(failure, "%s: all devices together are too long", where);
    return device->length <= BATCH_LINE_MAX ? ERR_OK
                                            : failure_set_usage(failure, "%s: too long", where);
}
