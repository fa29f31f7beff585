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

#include "cli/batch_device.h"
#include "cli/file_input.h"

#define PEM_LENGTH (sizeof BATCH_PEM_END - 1)

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->devices[i].request);
    free(batch->devices);
    *batch = (struct batch){0};
}

/* ---- a folder ---- */

static int is_certificate(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > PEM_LENGTH &&
           strcmp(entry->d_name + length - PEM_LENGTH, BATCH_PEM_END) == 0;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum error read_certificate(const struct arguments *arguments, const char *path,
                                   struct batch *batch, struct failure *failure)
{
    char *pem = NULL;
    enum error e = file_input_read_pem(path, &pem, failure);
    if (e != ERR_OK)
        return e;
    json_t *request = json_pack("{s:{s:s}}", "device", "certificate_chain", pem);
    e = request != NULL ? batch_take_request(arguments, request, path, batch, failure)
                        : failure_set_memory(failure);
    json_decref(request);
    free(pem);
    return e;
}

static enum error add_certificate(const struct arguments *arguments, const char *file,
                                  struct batch *batch, struct failure *failure)
{
    char path[PATH_MAX];
    char name[NAME_MAX + 1];
    struct batch_device *device = batch_add_device(batch);
    if (device == NULL)
        return failure_set_memory(failure);
    strcpy(device->name, BATCH_NO_NAME);
    (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - PEM_LENGTH), file);
    if (snprintf(path, sizeof path, "%s/%s", batch->source, file) >= (int)sizeof path)
        return failure_set_usage(failure, "The path of %s is too long", file);
    enum error e = batch_set_name(device, name, path, failure);
    if (e == ERR_OK)
        e = read_certificate(arguments, path, batch, failure);
    return batch_keep_failure(batch, e, failure);
}

static enum error read_folder(const struct arguments *arguments, const char *folder,
                              struct batch *batch, struct failure *failure)
{
    struct dirent **entries = NULL;
    enum error e = arguments_demand(arguments, OPTIONS(OPTION_PRODUCT), failure);
    if (e != ERR_OK)
        return e;
    int count = scandir(folder, &entries, is_certificate, compare);
    if (count < 0)
        return failure_set_plain(failure, ERR_BAD_REQUEST, "%s cannot be read: %s", folder,
                                 strerror(errno));
    if (count > BATCH_DEVICES_MAX)
        e = failure_set_usage(failure, "%s has more than %d certificates", folder,
                              BATCH_DEVICES_MAX);
    for (int i = 0; i < count; i++) {
        if (e == ERR_OK)
            e = add_certificate(arguments, entries[i]->d_name, batch, failure);
        free(entries[i]);
    }
    free(entries);
    return e;
}

/* ---- lines of JSON ---- */

/* The member name is ours alone; without one the line's number stays the name. */
static enum error name_device(json_t *request, const char *where, struct batch_device *device,
                              struct failure *failure)
{
    const json_t *given = json_object_get(request, "name");
    if (given != NULL && !json_is_string(given))
        return failure_set_usage(failure, "%s: the name is no text", where);
    enum error e =
        given != NULL ? batch_set_name(device, json_string_value(given), where, failure) : ERR_OK;
    (void)json_object_del(request, "name");
    return e;
}

static enum error read_line(const struct arguments *arguments, const char *line, size_t number,
                            struct batch *batch, struct failure *failure)
{
    char where[BATCH_WHERE_MAX];
    struct batch_device *device = batch_add_device(batch);
    if (device == NULL)
        return failure_set_memory(failure);
    device->line = number;
    (void)snprintf(device->name, sizeof device->name, "%zu", number);
    batch_where(batch, device, where);
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    enum error e = json_is_object(request)
                       ? name_device(request, where, device, failure)
                       : failure_set_usage(failure, "%s: this is no JSON object", where);
    if (e == ERR_OK)
        e = batch_take_request(arguments, request, where, batch, failure);
    json_decref(request);
    return batch_keep_failure(batch, e, failure);
}

/* Reads over what is left of a line that did not fit. */
static void skip_line(FILE *file)
{
    int c = 0;
    do {
        c = getc(file);
    } while (c != EOF && c != '\n');
}

static enum error skip_long_line(FILE *file, size_t number, struct batch *batch,
                                 struct failure *failure)
{
    char where[BATCH_WHERE_MAX];
    struct batch_device *device = batch_add_device(batch);
    if (device == NULL)
        return failure_set_memory(failure);
    skip_line(file);
    device->line = number;
    (void)snprintf(device->name, sizeof device->name, "%zu", number);
    batch_where(batch, device, where);
    return batch_keep_failure(batch, failure_set_usage(failure, "%s: too long", where), failure);
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
        if (batch->count == BATCH_DEVICES_MAX)
            e = failure_set_usage(failure, "There are more than %d devices", BATCH_DEVICES_MAX);
        else if (length + 1 == BATCH_LINE_MAX)
            e = skip_long_line(file, number, batch, failure);
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

/* A device that is to be asked for, to be sorted by its name. */
struct named {
    const struct batch_device *device;
};

static int compare_names(const void *a, const void *b)
{
    const struct batch_device *left = ((const struct named *)a)->device;
    const struct batch_device *right = ((const struct named *)b)->device;
    const int order = strcmp(left->name, right->name);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static enum error find_twins(const struct batch *batch, struct named *list, size_t count,
                             struct failure *failure)
{
    char where[BATCH_WHERE_MAX];
    qsort(list, count, sizeof *list, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(list[i - 1].device->name, list[i].device->name) != 0)
            continue;
        batch_where(batch, list[i].device, where);
        return failure_set_usage(failure, "%s: the device of line %zu is called %s too", where,
                                 list[i - 1].device->line, list[i].device->name);
    }
    return ERR_OK;
}

/* A license of one name would take the place of the other's. */
static enum error check_names(const struct batch *batch, struct failure *failure)
{
    size_t count = 0;
    if (batch->count == 0)
        return failure_set_usage(
            failure, "%s has no device: NAME.pem in a folder, or lines of JSON", batch->source);
    struct named *list = calloc(batch->count, sizeof *list);
    if (list == NULL)
        return failure_set_memory(failure);
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->devices[i].is_done)
            list[count++].device = &batch->devices[i];
    }
    enum error e = find_twins(batch, list, count, failure);
    free(list);
    return e;
}

enum error batch_read(const struct arguments *arguments, const char *source,
                      struct batch *ret_batch, struct failure *failure)
{
    struct batch batch = {.source = source};
    struct stat info;
    bool is_folder = stat(source, &info) == 0 && S_ISDIR(info.st_mode);
    enum error e = is_folder ? read_folder(arguments, source, &batch, failure)
                             : read_file(arguments, source, &batch, failure);
    if (e == ERR_OK)
        e = check_names(&batch, failure);
    if (e == ERR_OK)
        *ret_batch = batch;
    else
        batch_clear(&batch);
    return e;
}
