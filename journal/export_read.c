/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading an export: the file is mapped, and where its lines begin is kept, 8 bytes each. Immutable
 * after it was opened.
 */
#include "journal/export.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/export_form.h"

#define PROGRESS_LINES 65536

struct export_file {
    int fd; /* -1 once the lines are known */
    const uint8_t *data;
    size_t length;
    struct export_header header;
    uint64_t *lines; /* where documents and then leaves begin; one more marks the end */
};

/* Told about the progress of a reading. */
struct watcher {
    void (*tell)(void *context, uint64_t done, uint64_t all);
    void *context;
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the export.",
                     0);
}

/* ---- the file ---- */

static enum error file_fault(struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, "file",
                     "The file cannot be read: look at its name and its permissions.", errno);
}

static enum error open_file(const char *path, struct export_file *file, struct fault *fault)
{
    struct stat info;
    /* A pipe must not wait for its writer. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return file_fault(fault);
    if (!S_ISREG(info.st_mode) || info.st_size <= 0)
        return refuse(fault, "not-an-export", "The file is empty or no regular file.");
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (data == MAP_FAILED)
        return file_fault(fault);
    file->data = data;
    file->length = (size_t)info.st_size;
    return ERR_OK;
}

/* A file that still grows, or was cut, while its lines were counted. */
static enum error close_file(struct export_file *file, struct fault *fault)
{
    struct stat info;
    bool is_same = fstat(file->fd, &info) == 0 && (size_t)info.st_size == file->length;
    (void)close(file->fd);
    file->fd = -1;
    return is_same
               ? ERR_OK
               : fault_set(fault, ERR_CONFIG, "file-changed",
                           "The file changed while it was read: work on a copy of your own.", 0);
}

/* The line at *at without its newline, which is stepped over; false when none ends it. */
static bool take_line(const struct export_file *file, size_t *at, struct bytes *ret_line)
{
    const uint8_t *begin = file->data + *at;
    const uint8_t *end = *at < file->length ? memchr(begin, '\n', file->length - *at) : NULL;
    if (end == NULL)
        return false;
    *ret_line = bytes_of(begin, (size_t)(end - begin));
    *at += ret_line->length + 1;
    return true;
}

/* ---- the lines ---- */

static enum error read_header(struct export_file *file, size_t *at, struct fault *fault)
{
    struct bytes line;
    if (!take_line(file, at, &line) ||
        !bytes_equal(line, bytes_of(EXPORT_MAGIC, strlen(EXPORT_MAGIC))))
        return refuse(fault, "not-an-export",
                      "The file is no exported journal (provctl journal export makes one).");
    if (!take_line(file, at, &line))
        return refuse(fault, "export-cut", "The export ends within its header.");
    return export_header_parse(line, &file->header, fault);
}

static size_t line_count(const struct export_file *file)
{
    return (size_t)(file->header.documents + file->header.leaves);
}

static enum error find_line(struct export_file *file, size_t number, size_t *at,
                            struct fault *fault)
{
    struct bytes line;
    file->lines[number] = *at;
    if (!take_line(file, at, &line))
        return refuse(fault, "export-cut", "The export has fewer lines than its header says.");
    if (line.length == 0 || line.length > EXPORT_LINE_MAX)
        return refuse(fault, "export-line", "A line of the export is empty or too long.");
    return ERR_OK;
}

static enum error find_lines(struct export_file *file, size_t at, const struct watcher *watcher,
                             struct fault *fault)
{
    size_t count = line_count(file);
    if (count > file->length / 2) /* each line has a byte and a newline at least */
        return refuse(fault, "export-cut", "The export has fewer lines than its header says.");
    file->lines = malloc((count + 1) * sizeof *file->lines);
    if (file->lines == NULL)
        return out_of_memory(fault);
    for (size_t number = 0; number < count; number++) {
        enum error e = find_line(file, number, &at, fault);
        if (e != ERR_OK)
            return e;
        if (watcher->tell != NULL && (number + 1) % PROGRESS_LINES == 0)
            watcher->tell(watcher->context, at, file->length);
    }
    file->lines[count] = at;
    if (at != file->length)
        return refuse(fault, "export-long", "The export has more lines than its header says.");
    if (watcher->tell != NULL)
        watcher->tell(watcher->context, at, file->length);
    return ERR_OK;
}

/* ---- the reader ---- */

static enum error read_file(struct export_file *file, const char *path,
                            const struct watcher *watcher, struct fault *fault)
{
    size_t at = 0;
    enum error e = open_file(path, file, fault);
    if (e == ERR_OK)
        e = read_header(file, &at, fault);
    if (e == ERR_OK)
        e = find_lines(file, at, watcher, fault);
    return e == ERR_OK ? close_file(file, fault) : e;
}

enum error export_open(const char *path,
                       void (*on_progress)(void *context, uint64_t done, uint64_t all),
                       void *context, struct export_file **ret_file, struct fault *fault)
{
    const struct watcher watcher = {.tell = on_progress, .context = context};
    struct export_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return out_of_memory(fault);
    enum error e = read_file(file, path, &watcher, fault);
    if (e != ERR_OK) {
        export_close(file);
        return e;
    }
    *ret_file = file;
    return ERR_OK;
}

void export_close(struct export_file *file)
{
    if (file == NULL)
        return;
    if (file->fd >= 0)
        (void)close(file->fd);
    if (file->data != NULL)
        (void)munmap((void *)(uintptr_t)file->data, file->length);
    free(file->header.accounts);
    free(file->lines);
    free(file);
}

const struct export_header *export_header(const struct export_file *file)
{
    return &file->header;
}

static struct bytes line_at(const struct export_file *file, int64_t number)
{
    return bytes_of(file->data + file->lines[number],
                    (size_t)(file->lines[number + 1] - file->lines[number] - 1));
}

struct bytes export_leaf(const struct export_file *file, int64_t index)
{
    assert(index >= 0 && index < file->header.leaves);
    return line_at(file, file->header.documents + index);
}

/* The line as a text; NULL when there is no memory. */
static char *line_text(struct bytes line)
{
    char *text = malloc(line.length + 1);
    if (text != NULL) {
        memcpy(text, line.data, line.length);
        text[line.length] = '\0';
    }
    return text;
}

static enum error decode_line(struct bytes line, uint8_t *out, size_t *ret_length)
{
    char *text = line_text(line);
    if (text == NULL)
        return ERR_INTERNAL;
    enum error e = strlen(text) == line.length ? base64_decode(text, out, line.length, ret_length)
                                               : ERR_BAD_REQUEST;
    free(text);
    return e;
}

enum error export_document(const struct export_file *file, int64_t index, uint8_t **ret_data,
                           size_t *ret_length, struct fault *fault)
{
    assert(index >= 0 && index < file->header.documents);
    struct bytes line = line_at(file, index);
    uint8_t *data = malloc(line.length);
    enum error e = data != NULL ? decode_line(line, data, ret_length) : ERR_INTERNAL;
    if (e == ERR_OK) {
        *ret_data = data;
        return ERR_OK;
    }
    free(data);
    if (e == ERR_INTERNAL)
        return out_of_memory(fault);
    return refuse(fault, "export-document",
                  "A signed document in the export is no base64: make the export again.");
}
