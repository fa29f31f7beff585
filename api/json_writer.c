/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Writing JSON. Everything that is written hangs in the root at once. */
#include "api/json_writer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_limits.h"
#include "api/json_reader.h"
#include "core/bytes.h"
#include "core/clock.h"

#define WRITER_HEX_MAX 32 /* bytes */
#define ID_SIZE        48 /* a prefix and a UUID */

void json_writer_init(struct json_writer *writer)
{
    memset(writer, 0, sizeof *writer);
    writer->open[0] = json_object();
    writer->depth = 1;
    writer->is_out_of_memory = writer->open[0] == NULL;
}

void json_writer_clear(struct json_writer *writer)
{
    json_decref(writer->open[0]);
    writer->open[0] = NULL;
}

json_t *json_writer_take(struct json_writer *writer)
{
    assert(writer->depth == 1);
    if (writer->is_unsound || writer->is_out_of_memory)
        json_writer_clear(writer);
    json_t *root = writer->open[0];
    writer->open[0] = NULL;
    return root;
}

/* ---- brackets ---- */

void write_json(struct json_writer *writer, const char *name, json_t *value)
{
    json_t *into = writer->open[writer->depth - 1];
    int failed =
        name != NULL ? json_object_set_new(into, name, value) : json_array_append_new(into, value);
    if (failed != 0)
        writer->is_out_of_memory = true;
}

/* value hangs in what is open; without memory nothing does, and nothing more is written. */
static void open_value(struct json_writer *writer, const char *name, json_t *value)
{
    assert(writer->depth < WRITER_DEPTH_MAX);
    write_json(writer, name, value);
    writer->open[writer->depth++] = writer->is_out_of_memory ? NULL : value;
}

void write_object(struct json_writer *writer, const char *name)
{
    open_value(writer, name, json_object());
}

void write_array(struct json_writer *writer, const char *name)
{
    open_value(writer, name, json_array());
}

void write_end(struct json_writer *writer)
{
    assert(writer->depth > 1);
    writer->depth--;
}

/* ---- fields ---- */

void write_unsound(struct json_writer *writer)
{
    writer->is_unsound = true;
}

static void write_text_if(struct json_writer *writer, bool is_sound, const char *name,
                          const char *text)
{
    if (is_sound)
        write_json(writer, name, json_string(text));
    else
        write_unsound(writer);
}

void write_name(struct json_writer *writer, const char *name, const char *text)
{
    write_text_if(writer, name_is_valid(text, API_NAME_MAX_BYTES), name, text);
}

void write_word(struct json_writer *writer, const char *name, const char *text,
                const char *const *words, size_t count)
{
    bool is_known = false;
    for (size_t i = 0; i < count; i++)
        is_known = is_known || strcmp(text, words[i]) == 0;
    write_text_if(writer, is_known, name, text);
}

void write_line(struct json_writer *writer, const char *name, const char *text, size_t max)
{
    struct bytes line = bytes_of(text, strlen(text));
    write_text_if(writer, line.length <= max && !text_has_control(line) && text_is_utf8(line), name,
                  text);
}

void write_line_if_any(struct json_writer *writer, const char *name, const char *text, size_t max)
{
    if (text[0] != '\0')
        write_line(writer, name, text, max);
}

void write_lines(struct json_writer *writer, const char *name, const ProtobufCBinaryData *text,
                 size_t max)
{
    if (text->len == 0 || text->len > max || memchr(text->data, '\0', text->len) != NULL ||
        !text_is_utf8(bytes_of(text->data, text->len)))
        write_unsound(writer);
    else
        write_json(writer, name, json_stringn((const char *)text->data, text->len));
}

void write_flag(struct json_writer *writer, const char *name, bool value)
{
    write_json(writer, name, json_boolean(value));
}

void write_count(struct json_writer *writer, const char *name, int64_t value)
{
    if (value < 0)
        write_unsound(writer);
    else
        write_json(writer, name, json_integer((json_int_t)value));
}

void write_time(struct json_writer *writer, const char *name, int64_t unix_ms)
{
    char text[TIMESTAMP_SIZE] = "";
    int64_t parsed = 0;
    if (unix_ms >= 0)
        timestamp_format(unix_ms, text);
    write_text_if(writer, timestamp_parse(text, &parsed), name, text);
}

void write_sha256(struct json_writer *writer, const char *name, const ProtobufCBinaryData *digest)
{
    char text[SHA256_HEX_SIZE] = "";
    if (digest->len == SHA256_SIZE)
        hex_encode(bytes_of(digest->data, SHA256_SIZE), text);
    write_text_if(writer, digest->len == SHA256_SIZE, name, text);
}

void write_hex_if_any(struct json_writer *writer, const char *name, const ProtobufCBinaryData *data,
                      size_t max)
{
    char text[2 * WRITER_HEX_MAX + 1] = "";
    bool is_sound = max <= WRITER_HEX_MAX && data->len <= max;
    if (data->len == 0)
        return;
    if (is_sound)
        hex_encode(bytes_of(data->data, data->len), text);
    write_text_if(writer, is_sound, name, text);
}

void write_image(struct json_writer *writer, const char *name, const ProtobufCBinaryData *digest)
{
    char text[IMAGE_REFERENCE_SIZE] = "";
    struct sha256 image;
    if (digest->len == SHA256_SIZE) {
        memcpy(image.bytes, digest->data, SHA256_SIZE);
        image_reference_format(&image, text);
    }
    write_text_if(writer, digest->len == SHA256_SIZE, name, text);
}

void write_uuid(struct json_writer *writer, const char *name, const char *prefix,
                const ProtobufCBinaryData *id)
{
    char text[ID_SIZE] = "";
    struct uuid uuid;
    if (id->len == UUID_SIZE) {
        memcpy(uuid.bytes, id->data, UUID_SIZE);
        uuid_format(&uuid, prefix, text, sizeof text);
    }
    write_text_if(writer, id->len == UUID_SIZE, name, text);
}

void write_base64(struct json_writer *writer, const char *name, const ProtobufCBinaryData *data,
                  size_t max)
{
    char *text = NULL;
    if (data->len == 0 || data->len > max) {
        write_unsound(writer);
        return;
    }
    bool is_encoded = base64_encode(bytes_of(data->data, data->len), &text) == ERR_OK;
    write_json(writer, name, is_encoded ? json_string(text) : NULL);
    free(text);
}
