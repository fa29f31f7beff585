/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Devices from a folder or from lines of JSON. Owns no state. */
#include "cli/batch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cli/file_input.h"
#include "cli/license_request.h"

#define PEM_END    ".pem"
#define PEM_LENGTH (sizeof PEM_END - 1)
#define FIRST_ROOM 64

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->devices[i].request);
    free(batch->devices);
    *batch = (struct batch){0};
}

/* ---- one device ---- */

static struct batch_device *add_device(struct batch *batch)
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

static enum error set_name(struct batch_device *device, const char *name, const char *where,
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
        return failure_set_usage(failure, "%s names no product; give --product NAME", where);
    if (!json_is_string(json_object_get(request, "image")) ||
        !json_is_object(json_object_get(request, "device")))
        return failure_set_usage(failure, "%s has no device, or an image that is no text", where);
    return ERR_OK;
}

/* The request of the newest device; it is borrowed. */
static enum error take_request(const struct arguments *arguments, json_t *request,
                               const char *where, struct batch *batch, struct failure *failure)
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
    if (device->length > BATCH_LINE_MAX || batch->bytes > BATCH_BYTES_MAX)
        return failure_set_usage(failure, "%s is too long, or all devices together are", where);
    return ERR_OK;
}

/* ---- a folder ---- */

static int is_certificate(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > PEM_LENGTH &&
           strcmp(entry->d_name + length - PEM_LENGTH, PEM_END) == 0;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum error read_certificate(const struct arguments *arguments, const char *folder,
                                   const char *file, struct batch *batch, struct failure *failure)
{
    char path[PATH_MAX];
    char name[NAME_MAX + 1];
    char *pem = NULL;
    struct batch_device *device = add_device(batch);
    if (device == NULL)
        return failure_set_memory(failure);
    (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - PEM_LENGTH), file);
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return failure_set_usage(failure, "The path of %s is too long", file);
    enum error e = set_name(device, name, path, failure);
    if (e == ERR_OK)
        e = file_input_read_pem(path, &pem, failure);
    if (e != ERR_OK)
        return e;
    json_t *request = json_pack("{s:{s:s}}", "device", "certificate_chain", pem);
    e = request != NULL ? take_request(arguments, request, path, batch, failure)
                        : failure_set_memory(failure);
    json_decref(request);
    free(pem);
    return e;
}

static enum error read_folder(const struct arguments *arguments, const char *folder,
                              struct batch *batch, struct failure *failure)
{
    struct dirent **entries = NULL;
    enum error e = ERR_OK;
    int count = scandir(folder, &entries, is_certificate, compare);
    if (count < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", folder,
                                 strerror(errno));
    if (count > BATCH_DEVICES_MAX)
        e = failure_set_usage(failure, "%s has more than %d certificates", folder,
                              BATCH_DEVICES_MAX);
    for (int i = 0; i < count; i++) {
        if (e == ERR_OK)
            e = read_certificate(arguments, folder, entries[i]->d_name, batch, failure);
        free(entries[i]);
    }
    free(entries);
    return e;
}

/* ---- lines of JSON ---- */

/* The member name is ours alone; without one the line's number is the name. */
static enum error name_device(json_t *request, const char *where, size_t number,
                              struct batch_device *device, struct failure *failure)
{
    char name[32];
    const json_t *given = json_object_get(request, "name");
    (void)snprintf(name, sizeof name, "%zu", number);
    if (given != NULL && !json_is_string(given))
        return failure_set_usage(failure, "%s: the name is no text", where);
    enum error e =
        set_name(device, given != NULL ? json_string_value(given) : name, where, failure);
    (void)json_object_del(request, "name");
    return e;
}

static enum error read_line(const struct arguments *arguments, const char *line, size_t number,
                            struct batch *batch, struct failure *failure)
{
    char where[32];
    struct batch_device *device = add_device(batch);
    if (device == NULL)
        return failure_set_memory(failure);
    (void)snprintf(where, sizeof where, "Line %zu", number);
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    enum error e = json_is_object(request)
                       ? name_device(request, where, number, device, failure)
                       : failure_set_usage(failure, "%s is no JSON object", where);
    if (e == ERR_OK)
        e = take_request(arguments, request, where, batch, failure);
    json_decref(request);
    return e;
}

static enum error read_lines(const struct arguments *arguments, FILE *file, struct batch *batch,
                             struct failure *failure)
{
    enum error e = ERR_OK;
    size_t number = 0;
    char *line = malloc(BATCH_LINE_MAX);
    if (line == NULL)
        return failure_set_memory(failure);
    while (e == ERR_OK && fgets(line, (int)BATCH_LINE_MAX, file) != NULL) {
        size_t length = strlen(line);
        number++;
        if (length + 1 == BATCH_LINE_MAX)
            e = failure_set_usage(failure, "Line %zu is too long", number);
        else if (batch->count == BATCH_DEVICES_MAX)
            e = failure_set_usage(failure, "There are more than %d devices", BATCH_DEVICES_MAX);
        else if (line[strspn(line, " \t\r\n")] != '\0')
            e = read_line(arguments, line, number, batch, failure);
    }
    free(line);
    if (e == ERR_OK && ferror(file))
        e = failure_set_plain(failure, ERR_BAD_REQUEST, "The lines cannot be read: %s",
                              strerror(errno));
    return e;
}

static enum error read_file(const struct arguments *arguments, const char *source,
                            struct batch *batch, struct failure *failure)
{
    if (strcmp(source, "-") == 0)
        return read_lines(arguments, stdin, batch, failure);
    FILE *file = fopen(source, "re");
    if (file == NULL)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", source,
                                 strerror(errno));
    enum error e = read_lines(arguments, file, batch, failure);
    (void)fclose(file);
    return e;
}

/* ---- all of them ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A license of one name would take the place of the other's. */
static enum error check_names(const struct batch *batch, const char *source,
                              struct failure *failure)
{
    enum error e = ERR_OK;
    if (batch->count == 0)
        return failure_set_usage(
            failure, "%s has no device: NAME.pem in a folder, or lines of JSON", source);
    const char **names = calloc(batch->count, sizeof *names);
    if (names == NULL)
        return failure_set_memory(failure);
    for (size_t i = 0; i < batch->count; i++)
        names[i] = batch->devices[i].name;
    qsort(names, batch->count, sizeof *names, compare_names);
    for (size_t i = 1; i < batch->count && e == ERR_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            e = failure_set_usage(failure, "Two devices are called %s", names[i]);
    }
    free(names);
    return e;
}

enum error batch_read(const struct arguments *arguments, const char *source,
                      struct batch *ret_batch, struct failure *failure)
{
    struct batch batch = {0};
    struct stat info;
    bool is_folder = stat(source, &info) == 0 && S_ISDIR(info.st_mode);
    enum error e = is_folder ? read_folder(arguments, source, &batch, failure)
                             : read_file(arguments, source, &batch, failure);
    if (e == ERR_OK)
        e = check_names(&batch, source, failure);
    if (e == ERR_OK)
        *ret_batch = batch;
    else
        batch_clear(&batch);
    return e;
}
