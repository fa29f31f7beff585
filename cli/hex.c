/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reader of Intel HEX. Records are collected into runs of adjacent ones, in the file's order;
 * then the runs are sorted and joined. Owns no state between calls.
 */
#include "cli/hex.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX     255
#define RECORD_MIN   5 /* length, offset (2), type, checksum */
#define RECORD_MAX   (RECORD_MIN + DATA_MAX)
#define WINDOW       0x10000 /* bytes that the 16 bits of a record's offset reach */
#define RUNS_AT_ONCE 64

enum record_type {
    RECORD_DATA = 0,
    RECORD_END = 1,
    RECORD_SEGMENT = 2,
    RECORD_SEGMENT_START = 3,
    RECORD_LINEAR = 4,
    RECORD_LINEAR_START = 5
};

struct record {
    uint8_t type;
    uint16_t offset;
    const uint8_t *data;
    size_t length;
};

struct run {
    uint64_t address;
    size_t at; /* in the reader's content */
    size_t length;
};

struct reader {
    const char *name;
    struct bytes text; /* what is left of it */
    size_t line;
    uint64_t base; /* the upper address that holds now */
    bool is_ended;
    uint8_t *content; /* data in the file's order */
    size_t length;
    size_t content_size;
    struct run *runs;
    size_t run_count;
    struct failure *failure;
};

static enum error refuse(const struct reader *reader, const char *what)
{
    return failure_set_plain(reader->failure, ERR_BAD_REQUEST,
                             "%s is no good Intel HEX file: line %zu: %s", reader->name,
                             reader->line, what);
}

/* ---- records ---- */

static int digit_of(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1;
}

/* Takes the next line off the text, without its end. */
static struct bytes take_line(struct reader *reader)
{
    const uint8_t *end = memchr(reader->text.data, '\n', reader->text.length);
    size_t length = end != NULL ? (size_t)(end - reader->text.data) : reader->text.length;
    size_t taken = end != NULL ? length + 1 : length;
    struct bytes line = bytes_of(reader->text.data, length);
    reader->text = bytes_of(reader->text.data + taken, reader->text.length - taken);
    reader->line++;
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* The bytes of a line; NULL, or what is wrong with it. */
static const char *decode(struct bytes line, uint8_t out[RECORD_MAX], size_t *ret_length)
{
    uint8_t sum = 0;
    size_t count = line.length / 2; /* the colon is half a byte too much */
    if (line.length == 0 || line.data[0] != ':')
        return "it does not begin with a colon";
    if (line.length % 2 == 0 || count < RECORD_MIN || count > RECORD_MAX)
        return "its length is that of no record";
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(line.data[1 + 2 * i]);
        int low = digit_of(line.data[2 + 2 * i]);
        if (high < 0 || low < 0)
            return "it holds something that is no hex digit";
        out[i] = (uint8_t)(high * 16 + low);
        sum = (uint8_t)(sum + out[i]);
    }
    if (out[0] + RECORD_MIN != (int)count)
        return "it is shorter or longer than it says";
    if (sum != 0)
        return "its checksum is wrong";
    *ret_length = count;
    return NULL;
}

/* ---- what records say ---- */

static enum error add_run(struct reader *reader, uint64_t address, size_t length)
{
    if (reader->run_count % RUNS_AT_ONCE == 0) {
        struct run *runs =
            reallocarray(reader->runs, reader->run_count + RUNS_AT_ONCE, sizeof *runs);
        if (runs == NULL)
            return failure_set_memory(reader->failure);
        reader->runs = runs;
    }
    reader->runs[reader->run_count++] =
        (struct run){.address = address, .at = reader->length, .length = length};
    return ERR_OK;
}

static enum error add_data(struct reader *reader, const struct record *record)
{
    uint64_t address = reader->base + record->offset;
    struct run *last = reader->run_count > 0 ? &reader->runs[reader->run_count - 1] : NULL;
    enum error e = ERR_OK;
    if (record->offset + record->length > WINDOW)
        return refuse(reader, "its data runs over the end of its 64 KiB");
    if (record->length == 0)
        return ERR_OK;
    if (last != NULL && last->address + last->length == address)
        last->length += record->length;
    else
        e = add_run(reader, address, record->length);
    if (e != ERR_OK)
        return e;
    /* Two digits for each byte: the content is never longer than half of the text. */
    memcpy(reader->content + reader->length, record->data, record->length);
    reader->length += record->length;
    return ERR_OK;
}

static enum error set_base(struct reader *reader, const struct record *record)
{
    if (record->length != 2)
        return refuse(reader, "an upper address has two bytes");
    uint64_t value = (uint64_t)record->data[0] << 8 | record->data[1];
    reader->base = record->type == RECORD_SEGMENT ? value << 4 : value << 16;
    return ERR_OK;
}

static enum error take_record(struct reader *reader, const struct record *record)
{
    switch (record->type) {
    case RECORD_DATA:
        return add_data(reader, record);
    case RECORD_END:
        reader->is_ended = true;
        return record->length == 0 ? ERR_OK : refuse(reader, "the end record holds data");
    case RECORD_SEGMENT:
    case RECORD_LINEAR:
        return set_base(reader, record);
    case RECORD_SEGMENT_START:
    case RECORD_LINEAR_START:
        return record->length == 4 ? ERR_OK : refuse(reader, "a start address has four bytes");
    default:
        return refuse(reader, "its type is none of 00 to 05");
    }
}

static enum error read_line(struct reader *reader)
{
    uint8_t bytes[RECORD_MAX];
    size_t length = 0;
    struct bytes line = take_line(reader);
    if (reader->is_ended)
        return line.length == 0 ? ERR_OK : refuse(reader, "it stands behind the end record");
    const char *problem = decode(line, bytes, &length);
    if (problem != NULL)
        return refuse(reader, problem);
    const struct record record = {.type = bytes[3],
                                  .offset = (uint16_t)(bytes[1] << 8 | bytes[2]),
                                  .data = bytes + 4,
                                  .length = bytes[0]};
    enum error e = take_record(reader, &record);
    explicit_bzero(bytes, sizeof bytes);
    return e;
}

static enum error read_lines(struct reader *reader)
{
    enum error e = ERR_OK;
    while (e == ERR_OK && reader->text.length > 0)
        e = read_line(reader);
    if (e == ERR_OK && !reader->is_ended)
        e = failure_set_plain(reader->failure, ERR_BAD_REQUEST,
                              "%s is cut off: its Intel HEX has no end record", reader->name);
    if (e == ERR_OK && reader->run_count == 0)
        e = failure_set_plain(reader->failure, ERR_BAD_REQUEST, "%s holds no data", reader->name);
    return e;
}

/* ---- segments ---- */

static int compare_runs(const void *left, const void *right)
{
    const struct run *a = left;
    const struct run *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->at < b->at ? -1 : 1; /* never the same run */
}

/* Whether address, at or behind end, lies in the block that end breaks off in. */
static bool continues(uint64_t end, uint64_t address, uint32_t block)
{
    uint64_t block_end = (end + block - 1) / block * block;
    return address == end || (address > end && address < block_end);
}

/* Joins the sorted runs. The caller made room: a gap within a block is less than a block. */
static void join_runs(const struct reader *reader, uint32_t block, struct hex_image *image)
{
    struct hex_segment *last = NULL;
    size_t length = 0;
    for (size_t i = 0; i < reader->run_count; i++) {
        const struct run *run = &reader->runs[i];
        uint64_t end = last != NULL ? last->address + last->content.length : 0;
        if (last != NULL && continues(end, run->address, block)) {
            size_t gap = (size_t)(run->address - end);
            memset(image->content + length, HEX_GAP, gap);
            length += gap;
            last->content.length += gap;
        } else {
            last = &image->segments[image->count++];
            *last = (struct hex_segment){.address = run->address,
                                         .content = bytes_of(image->content + length, 0)};
        }
        memcpy(image->content + length, reader->content + run->at, run->length);
        length += run->length;
        last->content.length += run->length;
    }
}

static enum error make_image(struct reader *reader, uint32_t block, struct hex_image *ret_image)
{
    struct hex_image image = {.content_size = reader->length + reader->run_count * block};
    qsort(reader->runs, reader->run_count, sizeof reader->runs[0], compare_runs);
    image.content = malloc(image.content_size);
    image.segments = calloc(reader->run_count, sizeof image.segments[0]);
    if (image.content == NULL || image.segments == NULL) {
        hex_image_clear(&image);
        return failure_set_memory(reader->failure);
    }
    join_runs(reader, block, &image);
    *ret_image = image;
    return ERR_OK;
}

enum error hex_read(const char *name, struct bytes text, uint32_t block,
                    struct hex_image *ret_image, struct failure *failure)
{
    struct reader reader = {
        .name = name, .text = text, .content_size = text.length / 2 + 1, .failure = failure};
    reader.content = malloc(reader.content_size);
    if (reader.content == NULL)
        return failure_set_memory(failure);
    enum error e = read_lines(&reader);
    if (e == ERR_OK)
        e = make_image(&reader, block, ret_image);
    explicit_bzero(reader.content, reader.length);
    free(reader.content);
    free(reader.runs);
    return e;
}

void hex_image_clear(struct hex_image *image)
{
    if (image->content != NULL)
        explicit_bzero(image->content, image->content_size);
    free(image->content);
    free(image->segments);
    *image = (struct hex_image){0};
}
