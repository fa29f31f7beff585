/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Strict JSON into fixed structs.
 *
 * A table of fields describes an object; what is not in it is refused, and so are a member twice, a
 * wrong type, a NUL, invalid UTF-8, a text that is empty or too long, deep nesting, and more values
 * than any request has (each costs memory many times its bytes). A failure names its place with a
 * path ("$.device.certificate_chain", "$.licenses[3].product"). Threads: pure functions.
 */
#ifndef API_JSON_READER_H
#define API_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "core/error.h"

#define JSON_PATH_SIZE 160

/* Where reading failed; "" when it did not. Holds names from the tables, and a member's name from
 * the input only when that is a plain name. */
struct json_path {
    char text[JSON_PATH_SIZE];
};

enum json_kind {
    JSON_FIELD_NAME,   /* name_is_valid (core/bytes.h) */
    JSON_FIELD_LINE,   /* no control characters */
    JSON_FIELD_LINES,  /* any text, with line breaks; too long is ERR_TOO_LARGE */
    JSON_FIELD_BASE64, /* bytes as strict base64; too many are ERR_TOO_LARGE */
    JSON_FIELD_OBJECT, /* another table, into the same struct */
};

struct json_field {
    const char *name;
    enum json_kind kind;
    bool is_required;
    size_t offset;                   /* of the array in the target */
    size_t size;                     /* of the array; a text has at most size - 1 bytes */
    size_t length_offset;            /* of base64: of the size_t that says how many bytes came */
    const char *too_large;           /* of lines and base64: the sentence for more */
    const struct json_field *fields; /* of an object; ends with a NULL name */
};

/* Rows of a table: a text, lines or bytes into target.member, an object into the same target. */
#define JSON_TEXT(json_name, json_kind, required, target, member)                    \
    {                                                                                \
        .name = (json_name), .kind = (json_kind), .is_required = (required),         \
        .offset = offsetof(target, member), .size = sizeof(((target *)NULL)->member) \
    }
#define JSON_LINES(json_name, required, target, member, sentence)                     \
    {                                                                                 \
        .name = (json_name), .kind = JSON_FIELD_LINES, .is_required = (required),     \
        .offset = offsetof(target, member), .size = sizeof(((target *)NULL)->member), \
        .too_large = (sentence)                                                       \
    }
#define JSON_BYTES(json_name, required, target, member, length_member, sentence)      \
    {                                                                                 \
        .name = (json_name), .kind = JSON_FIELD_BASE64, .is_required = (required),    \
        .offset = offsetof(target, member), .size = sizeof(((target *)NULL)->member), \
        .length_offset = offsetof(target, length_member), .too_large = (sentence)     \
    }
#define JSON_OBJECT_OF(json_name, required, table)                                 \
    {                                                                              \
        .name = (json_name), .kind = JSON_FIELD_OBJECT, .is_required = (required), \
        .fields = (table)                                                          \
    }

/* An object: its table, and what a table cannot say. */
struct json_form {
    const struct json_field *fields;
    size_t size; /* of the target, which is cleared before it is read: an absent text is "" */
    /* After the table. path is the object's place; a failure adds to it (json_path_add). */
    enum error (*check)(void *target, struct json_path *path, struct fault *fault);
};

/* Many objects of one form: {"name": [{…}, …]}. */
struct json_list {
    const char *name;
    size_t max; /* 1 to max objects */
    const struct json_form *form;
    void *target; /* each object is read into it, then taken */
    enum error (*take)(void *context, const void *target, struct fault *fault);
    void *context;
};

/*
 * Reads text, one JSON object, into *target. ERR_BAD_REQUEST or ERR_TOO_LARGE with *ret_path and
 * *fault; ERR_BUSY when memory is out.
 */
enum error json_read(struct bytes text, const struct json_form *form, void *target,
                     struct json_path *ret_path, struct fault *fault) MUST_USE;
/* The same for many; a failure may come after some were taken. */
enum error json_read_list(struct bytes text, const struct json_list *list,
                          struct json_path *ret_path, struct fault *fault) MUST_USE;
void json_path_add(struct json_path *path, const char *part);

/* Whether brackets outside strings are nested deeper than that; the text need not be JSON. */
bool json_is_deeper(struct bytes text, unsigned levels);

/* Whether a text holds an ASCII control character (U+0000 to U+001F, U+007F). */
bool text_has_control(struct bytes text);
bool text_is_utf8(struct bytes text);

#endif
