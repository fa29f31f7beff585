/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON out of what the vault said, each field checked as it is written.
 *
 * A writer begins with an empty object. Objects and arrays are opened and closed like brackets; in
 * an array the name is NULL. A field that breaks its limits makes the whole text unsound, and
 * nothing of it is sent. Threads: owned by one thread.
 */
#ifndef API_JSON_WRITER_H
#define API_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#define WRITER_DEPTH_MAX 6

struct json_writer {
    json_t *open[WRITER_DEPTH_MAX]; /* the root, which is the writer's, and what is open in it */
    unsigned depth;                 /* of them */
    bool is_unsound;                /* a field broke its limits */
    bool is_out_of_memory;
};

void json_writer_init(struct json_writer *writer);
void json_writer_clear(struct json_writer *writer);
/* The object, which is the caller's then. NULL: unsound, or memory is out. */
json_t *json_writer_take(struct json_writer *writer);

void write_object(struct json_writer *writer, const char *name);
void write_array(struct json_writer *writer, const char *name);
void write_end(struct json_writer *writer);

/* Notes that something is not as it must be. */
void write_unsound(struct json_writer *writer);

/* A name as core/bytes.h has it, of at most API_NAME_MAX_BYTES. */
void write_name(struct json_writer *writer, const char *name, const char *text);
/* One of the words; count of them. */
void write_word(struct json_writer *writer, const char *name, const char *text,
                const char *const *words, size_t count);
/* UTF-8 of at most max bytes without control characters, maybe empty. */
void write_line(struct json_writer *writer, const char *name, const char *text, size_t max);
/* The same, but an empty one is left out. */
void write_line_if_any(struct json_writer *writer, const char *name, const char *text, size_t max);
/* UTF-8 of 1 to max bytes, with line breaks. */
void write_lines(struct json_writer *writer, const char *name, const ProtobufCBinaryData *text,
                 size_t max);
void write_flag(struct json_writer *writer, const char *name, bool value);
/* Not negative. */
void write_count(struct json_writer *writer, const char *name, int64_t value);
/* Not before 1970. */
void write_time(struct json_writer *writer, const char *name, int64_t unix_ms);
/* 32 bytes, as hex or as "sha256:<hex>". */
void write_sha256(struct json_writer *writer, const char *name, const ProtobufCBinaryData *digest);
/* Lower-case hex digits; nothing when it is empty, and unsound above max bytes. */
void write_hex_if_any(struct json_writer *writer, const char *name, const ProtobufCBinaryData *data,
                      size_t max);
void write_image(struct json_writer *writer, const char *name, const ProtobufCBinaryData *digest);
/* 16 bytes, as prefix and UUID. */
void write_uuid(struct json_writer *writer, const char *name, const char *prefix,
                const ProtobufCBinaryData *id);
/* 1 to max bytes. */
void write_base64(struct json_writer *writer, const char *name, const ProtobufCBinaryData *data,
                  size_t max);
/* Takes value over; NULL counts as out of memory. */
void write_json(struct json_writer *writer, const char *name, json_t *value);

#endif
