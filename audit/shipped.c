/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Columns are found by the header's names; unknown ones are passed over. */
#include "audit/shipped.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/canonical.h"
#include "audit/csv.h"
#include "core/clock.h"

#define TEXT_BYTES  64
#define RAW_SIZE    (6 * TEXT_BYTES + 1)
#define DAY_MS      INT64_C(86400000)
#define DATE_LENGTH 10 /* "2026-11-27" */

enum column { COLUMN_PRODUCT, COLUMN_SERIAL, COLUMN_DEVICE, COLUMN_LOT, COLUMN_SHIPPED, COLUMNS };

static const char *const COLUMN_NAMES[COLUMNS] = {"product", "serial", "device", "lot", "shipped"};

struct reading {
    struct shipped *shipped;
    struct csv csv;
    struct csv_record record;
    int places[COLUMNS]; /* -1: not in the file */
    size_t width;        /* fields of the header */
    struct fault *fault;
};

static enum error refuse(const struct reading *reading, const char *reason, const char *detail)
{
    return fault_set(reading->fault, ERR_BAD_REQUEST, reason, detail, reading->record.line);
}

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the file.", 0);
}

/* ---- the file ---- */

static enum error file_fault(struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, "mes-file",
                     "The file cannot be read: look at its name and its permissions.", errno);
}

static enum error read_stream(FILE *file, size_t size, struct shipped *shipped, size_t *ret_length,
                              struct fault *fault)
{
    shipped->text = malloc(size + 1);
    if (shipped->text == NULL)
        return out_of_memory(fault);
    *ret_length = fread(shipped->text, 1, size, file);
    return ferror(file) == 0 ? ERR_OK : file_fault(fault);
}

static enum error read_file(const char *path, struct shipped *shipped, size_t *ret_length,
                            struct fault *fault)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return file_fault(fault);
    enum error e = ERR_OK;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        errno = EINVAL;
        e = file_fault(fault);
    } else if ((size_t)info.st_size > SHIPPED_FILE_MAX) {
        e = fault_set(fault, ERR_TOO_LARGE, "mes-file", "The file is larger than 512 MiB.", 0);
    } else {
        e = read_stream(file, (size_t)info.st_size, shipped, ret_length, fault);
    }
    (void)fclose(file);
    return e;
}

/* ---- the header ---- */

/* Names may be in capitals, and have spaces around them. */
static bool is_named(struct bytes field, const char *name)
{
    size_t length = strlen(name);
    while (field.length > 0 && field.data[0] == ' ')
        field = bytes_of(field.data + 1, field.length - 1);
    while (field.length > 0 && field.data[field.length - 1] == ' ')
        field.length--;
    return field.length == length && strncasecmp((const char *)field.data, name, length) == 0;
}

static enum error find_column(struct reading *reading, int column)
{
    reading->places[column] = -1;
    for (size_t i = 0; i < reading->record.count; i++) {
        if (!is_named(reading->record.fields[i], COLUMN_NAMES[column]))
            continue;
        if (reading->places[column] >= 0)
            return refuse(reading, "mes-header", "A column is there twice.");
        reading->places[column] = (int)i;
    }
    return ERR_OK;
}

static bool is_separated_by(const struct csv_record *record, char separator)
{
    return record->count == 1 && record->fields[0].length > 0 &&
           memchr(record->fields[0].data, separator, record->fields[0].length) != NULL;
}

static enum error check_header(const struct reading *reading)
{
    const int *places = reading->places;
    if (is_separated_by(&reading->record, ';') || is_separated_by(&reading->record, '\t'))
        return refuse(reading, "mes-header",
                      "The columns are not separated by commas: save the file as "
                      "comma-separated values.");
    if (places[COLUMN_PRODUCT] < 0)
        return refuse(reading, "mes-header", "The header has no column product.");
    if (places[COLUMN_SERIAL] < 0 && places[COLUMN_DEVICE] < 0)
        return refuse(reading, "mes-header", "The header has neither a column serial nor device.");
    if (places[COLUMN_SHIPPED] < 0)
        return refuse(reading, "mes-header", "The header has no column shipped.");
    return ERR_OK;
}

static enum error read_header(struct reading *reading)
{
    bool has_record = false;
    enum error e = csv_next(&reading->csv, &reading->record, &has_record, reading->fault);
    if (e == ERR_OK && !has_record) {
        reading->record.line = 1;
        e = refuse(reading, "mes-header", "The file is empty: its first line names its columns.");
    }
    for (int column = 0; column < COLUMNS && e == ERR_OK; column++)
        e = find_column(reading, column);
    reading->width = reading->record.count;
    return e == ERR_OK ? check_header(reading) : e;
}

/* ---- texts ---- */

static enum error keep_text(struct reading *reading, const char *raw, struct bytes *ret_raw)
{
    struct shipped *shipped = reading->shipped;
    char **texts = realloc(shipped->texts, (shipped->text_count + 1) * sizeof *texts);
    if (texts == NULL)
        return out_of_memory(reading->fault);
    shipped->texts = texts;
    texts[shipped->text_count] = strdup(raw);
    if (texts[shipped->text_count] == NULL)
        return out_of_memory(reading->fault);
    *ret_raw = bytes_of(texts[shipped->text_count++], strlen(raw));
    return ERR_OK;
}

/* A text as leaves have it; most are the same bytes there and are borrowed from the file. */
static enum error make_raw(struct reading *reading, struct bytes field, struct bytes *ret_raw)
{
    char text[TEXT_BYTES + 1];
    char raw[RAW_SIZE];
    *ret_raw = field;
    if (field.length > TEXT_BYTES || memchr(field.data, '\0', field.length) != NULL)
        return refuse(reading, "mes-text", "A product, serial or lot is longer than 64 bytes.");
    memcpy(text, field.data, field.length);
    text[field.length] = '\0';
    if (!canonical_encode(text, raw, sizeof raw))
        return refuse(reading, "mes-text", "A text is not UTF-8: save the file in that encoding.");
    return strcmp(text, raw) == 0 ? ERR_OK : keep_text(reading, raw, ret_raw);
}

static struct bytes field_of(const struct reading *reading, enum column column)
{
    int place = reading->places[column];
    return place < 0 ? bytes_of("", 0) : reading->record.fields[place];
}

/* ---- a record ---- */

static enum error read_product(struct reading *reading, struct shipped_device *device)
{
    struct bytes field = field_of(reading, COLUMN_PRODUCT);
    if (field.length == 0)
        return refuse(reading, "mes-product", "The product is missing.");
    return make_raw(reading, field, &device->product);
}

static enum error read_identity(struct reading *reading, struct shipped_device *device)
{
    struct bytes key = field_of(reading, COLUMN_DEVICE);
    struct bytes serial = field_of(reading, COLUMN_SERIAL);
    char hex[SHA256_HEX_SIZE];
    if (key.length == 0 && serial.length == 0)
        return refuse(reading, "mes-device", "The device is missing: neither serial nor device.");
    if (key.length > 0) {
        (void)snprintf(hex, sizeof hex, "%.*s", (int)(key.length < 64 ? key.length : 64),
                       (const char *)key.data);
        for (char *c = hex; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        if (key.length != SHA256_HEX_SIZE - 1 || !hex_decode(hex, device->key.bytes, SHA256_SIZE))
            return refuse(reading, "mes-device",
                          "A device is the SHA-256 of its key, 64 hex digits.");
        device->has_key = true;
    }
    return make_raw(reading, serial, &device->serial);
}

/* A day, or a time in UTC. */
static bool parse_day(struct bytes field, int64_t *ret_day)
{
    char text[TIMESTAMP_SIZE + sizeof "T00:00:00Z"];
    int64_t unix_ms = 0;
    if (field.length < DATE_LENGTH || field.length >= TIMESTAMP_SIZE)
        return false;
    (void)snprintf(text, sizeof text, "%.*s%s", (int)field.length, (const char *)field.data,
                   field.length == DATE_LENGTH ? "T00:00:00Z" : "");
    if (!timestamp_parse(text, &unix_ms))
        return false;
    *ret_day = unix_ms / DAY_MS;
    return true;
}

static enum error read_device(struct reading *reading, struct shipped_device *device)
{
    if (reading->record.count != reading->width)
        return refuse(reading, "mes-columns",
                      "The line has more or fewer columns than the header.");
    device->line = reading->record.line;
    enum error e = read_product(reading, device);
    if (e == ERR_OK)
        e = read_identity(reading, device);
    if (e == ERR_OK)
        e = make_raw(reading, field_of(reading, COLUMN_LOT), &device->lot);
    if (e == ERR_OK && !parse_day(field_of(reading, COLUMN_SHIPPED), &device->day))
        e = refuse(reading, "mes-shipped",
                   "The day of shipping is no date like 2026-11-27, and no time in UTC like "
                   "2026-11-27T10:00:00Z.");
    return e;
}

/* The list doubles when the number of its devices is a power of two. */
static enum error add_device(struct shipped *shipped, const struct shipped_device *device,
                             struct fault *fault)
{
    size_t count = shipped->count;
    if ((count & (count - 1)) == 0) {
        struct shipped_device *devices =
            realloc(shipped->devices, (count == 0 ? 1 : 2 * count) * sizeof *devices);
        if (devices == NULL)
            return out_of_memory(fault);
        shipped->devices = devices;
    }
    shipped->devices[shipped->count++] = *device;
    return ERR_OK;
}

static enum error read_devices(struct reading *reading)
{
    bool has_record = true;
    while (has_record) {
        struct shipped_device device = {.has_key = false};
        enum error e = csv_next(&reading->csv, &reading->record, &has_record, reading->fault);
        if (e == ERR_OK && has_record)
            e = read_device(reading, &device);
        if (e == ERR_OK && has_record)
            e = add_device(reading->shipped, &device, reading->fault);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum error shipped_read(const char *path, struct shipped *ret_shipped, struct fault *fault)
{
    struct reading reading = {.shipped = ret_shipped, .fault = fault};
    size_t length = 0;
    *ret_shipped = (struct shipped){.count = 0};
    enum error e = read_file(path, ret_shipped, &length, fault);
    if (e != ERR_OK)
        return e;
    csv_init(&reading.csv, ret_shipped->text, length);
    e = read_header(&reading);
    return e == ERR_OK ? read_devices(&reading) : e;
}

void shipped_clear(struct shipped *shipped)
{
    for (size_t i = 0; i < shipped->text_count; i++)
        free(shipped->texts[i]);
    free(shipped->texts);
    free(shipped->devices);
    free(shipped->text);
    *shipped = (struct shipped){.count = 0};
}
