/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The strict reader over jansson. jansson refuses duplicates, NULs and invalid UTF-8; depth and
 * values are counted before it parses, because its own limits are 2048 and none.
 */
#include "api/json_reader.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "api/api_limits.h"
#include "api/json_place.h"

/* One reading under way: the path is the place where it is now. */
struct reader {
    struct json_path *path;
    struct fault *fault;
};

static void json_release(json_t **json)
{
    json_decref(*json);
}
#define JSON_AUTO __attribute__((cleanup(json_release))) json_t

static enum error refuse(struct reader *reader, const char *reason, const char *detail)
{
    return fault_set(reader->fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- the path ---- */

static size_t path_enter(struct reader *reader, const char *name)
{
    size_t length = strlen(reader->path->text);
    (void)snprintf(reader->path->text + length, JSON_PATH_SIZE - length, ".%s", name);
    return length;
}

void json_path_add(struct json_path *path, const char *part)
{
    size_t length = strlen(path->text);
    (void)snprintf(path->text + length, JSON_PATH_SIZE - length, "%s", part);
}

static void path_leave(struct reader *reader, size_t length)
{
    reader->path->text[length] = '\0';
}

/* ---- fields ---- */

static enum error read_object(struct reader *reader, json_t *object,
                              const struct json_field *fields, void *target);

bool text_has_control(struct bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return true;
    }
    return false;
}

bool text_is_utf8(struct bytes text)
{
    JSON_AUTO *json = json_stringn((const char *)text.data, text.length);
    return json != NULL;
}

static enum error check_text(struct reader *reader, const struct json_field *field,
                             const char *text)
{
    size_t length = strlen(text);
    if (length == 0)
        return refuse(reader, "empty-text", "The text is empty.");
    if (length >= field->size && field->kind == JSON_FIELD_LINES)
        return fault_set(reader->fault, ERR_TOO_LARGE, "text-too-large", field->too_large, 0);
    if (length >= field->size)
        return refuse(reader, "text-too-long", "The text is longer than allowed.");
    if (field->kind == JSON_FIELD_NAME && !name_is_valid(text, field->size - 1))
        return refuse(reader, "not-a-name",
                      "The text is not a name: letters, digits, dot, dash and underscore, the "
                      "first a letter or digit.");
    if (field->kind == JSON_FIELD_LINE && text_has_control(bytes_of(text, length)))
        return refuse(reader, "control-character", "The text holds a control character.");
    return ERR_OK;
}

static enum error decode_text(struct reader *reader, const struct json_field *field,
                              const char *text, void *target)
{
    size_t length = 0;
    if (*text == '\0')
        return refuse(reader, "empty-text", "The text is empty.");
    switch (base64_decode(text, (uint8_t *)target + field->offset, field->size, &length)) {
    case ERR_OK:
        memcpy((char *)target + field->length_offset, &length, sizeof length);
        return ERR_OK;
    case ERR_TOO_LARGE:
        return fault_set(reader->fault, ERR_TOO_LARGE, "bytes-too-large", field->too_large, 0);
    case ERR_BAD_REQUEST:
        return refuse(reader, "not-base64",
                      "The text is not base64: the standard alphabet, with padding and without "
                      "line breaks.");
    default:
        return fault_set(reader->fault, ERR_BUSY, "memory", "The server is out of memory.", 0);
    }
}

static enum error read_text(struct reader *reader, json_t *value, const struct json_field *field,
                            void *target)
{
    if (!json_is_string(value))
        return refuse(reader, "wrong-type", "A text is expected here.");
    const char *text = json_string_value(value);
    if (field->kind == JSON_FIELD_BASE64)
        return decode_text(reader, field, text, target);
    enum error e = check_text(reader, field, text);
    if (e == ERR_OK)
        memcpy((char *)target + field->offset, text, strlen(text) + 1);
    return e;
}

static enum error read_field(struct reader *reader, json_t *object, const struct json_field *field,
                             void *target)
{
    json_t *value = json_object_get(object, field->name);
    size_t outer = path_enter(reader, field->name);
    enum error e = ERR_OK;
    if (value == NULL && field->is_required)
        e = refuse(reader, "member-missing", "A required member is missing.");
    else if (value != NULL && field->kind == JSON_FIELD_OBJECT)
        e = read_object(reader, value, field->fields, target);
    else if (value != NULL)
        e = read_text(reader, value, field, target);
    if (e == ERR_OK)
        path_leave(reader, outer); /* a failure keeps its place */
    return e;
}

static bool is_listed(const struct json_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0)
            return true;
    }
    return false;
}

static enum error refuse_unknown(struct reader *reader, json_t *object,
                                 const struct json_field *fields)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (is_listed(fields, name))
            continue;
        if (name_is_valid(name, API_NAME_MAX_BYTES))
            (void)path_enter(reader, name);
        return refuse(reader, "unknown-member", "The object has a member that is not known.");
    }
    return ERR_OK;
}

static enum error read_object(struct reader *reader, json_t *object,
                              const struct json_field *fields, void *target)
{
    if (!json_is_object(object))
        return refuse(reader, "wrong-type", "An object is expected here.");
    enum error e = refuse_unknown(reader, object, fields);
    for (; fields->name != NULL && e == ERR_OK; fields++)
        e = read_field(reader, object, fields, target);
    return e;
}

/* ---- the text ---- */

/* Counts brackets outside strings; whether they match is the parser's affair. */
bool json_is_deeper(struct bytes text, unsigned levels)
{
    unsigned depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < text.length; i++) {
        char c = (char)text.data[i];
        if (is_in_string && c == '\\')
            i++;
        else if (c == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string && (c == '{' || c == '[') && ++depth > levels)
            return true;
        else if (!is_in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

/* Each value follows a comma or an opening bracket. */
static bool has_too_many_values(struct bytes text)
{
    size_t count = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < text.length && count <= API_JSON_VALUES_MAX; i++) {
        char c = (char)text.data[i];
        if (is_in_string && c == '\\')
            i++;
        else if (c == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string && (c == ',' || c == '{' || c == '['))
            count++;
    }
    return count > API_JSON_VALUES_MAX;
}

static enum error refuse_syntax(struct reader *reader, struct bytes text, const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key: /* found right behind the name */
        if (error->position > 0 && (size_t)error->position <= text.length)
            json_place(bytes_of(text.data, (size_t)error->position), reader->path);
        return refuse(reader, "duplicate-member", "An object names a member twice.");
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return refuse(reader, "null-character", "A text holds the character U+0000.");
    case json_error_invalid_utf8:
        return refuse(reader, "invalid-utf-8", "The body is not UTF-8.");
    default:
        return refuse(reader, "not-json", "The body is not one JSON value.");
    }
}

/* The text's one value; NULL after a refusal. */
static json_t *parse(struct reader *reader, struct bytes text)
{
    json_error_t error;
    strcpy(reader->path->text, "$");
    if (json_is_deeper(text, API_JSON_DEPTH_MAX)) {
        (void)refuse(
            reader, "too-deep",
            "The JSON is nested deeper than " API_NUMBER_OF(API_JSON_DEPTH_MAX) " levels.");
        return NULL;
    }
    if (has_too_many_values(text)) {
        (void)refuse(reader, "too-many-values",
                     "The JSON has more than " API_NUMBER_OF(
                         API_JSON_VALUES_MAX) " commas and opening brackets.");
        return NULL;
    }
    json_t *root = json_loadb(text.length > 0 ? (const char *)text.data : "", text.length,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL)
        (void)refuse_syntax(reader, text, &error);
    return root;
}

static enum error read_form(struct reader *reader, json_t *object, const struct json_form *form,
                            void *target)
{
    memset(target, 0, form->size);
    enum error e = read_object(reader, object, form->fields, target);
    if (e == ERR_OK && form->check != NULL)
        e = form->check(target, reader->path, reader->fault);
    return e;
}

enum error json_read(struct bytes text, const struct json_form *form, void *target,
                     struct json_path *ret_path, struct fault *fault)
{
    struct reader reader = {.path = ret_path, .fault = fault};
    JSON_AUTO *root = parse(&reader, text);
    if (root == NULL)
        return ERR_BAD_REQUEST;
    enum error e = read_form(&reader, root, form, target);
    if (e == ERR_OK)
        ret_path->text[0] = '\0';
    return e;
}

/* ---- many objects ---- */

static enum error read_items(struct reader *reader, json_t *array, const struct json_list *list)
{
    size_t outer = strlen(reader->path->text);
    size_t index;
    json_t *item;
    enum error e = ERR_OK;
    json_array_foreach(array, index, item)
    {
        (void)snprintf(reader->path->text + outer, JSON_PATH_SIZE - outer, "[%zu]", index);
        e = read_form(reader, item, list->form, list->target);
        if (e == ERR_OK)
            e = list->take(list->context, list->target, reader->fault);
        if (e != ERR_OK)
            break;
    }
    return e;
}

static enum error read_list(struct reader *reader, json_t *root, const struct json_list *list)
{
    const struct json_field only[] = {{.name = list->name}, {0}};
    if (!json_is_object(root))
        return refuse(reader, "wrong-type", "An object is expected here.");
    enum error e = refuse_unknown(reader, root, only);
    if (e != ERR_OK)
        return e;
    json_t *array = json_object_get(root, list->name);
    (void)path_enter(reader, list->name);
    if (array == NULL)
        return refuse(reader, "member-missing", "A required member is missing.");
    if (!json_is_array(array))
        return refuse(reader, "wrong-type", "An array is expected here.");
    if (json_array_size(array) == 0)
        return refuse(reader, "empty-list", "The array is empty.");
    if (json_array_size(array) > list->max)
        return refuse(reader, "too-many-items", "The array has more items than allowed.");
    return read_items(reader, array, list);
}

enum error json_read_list(struct bytes text, const struct json_list *list,
                          struct json_path *ret_path, struct fault *fault)
{
    struct reader reader = {.path = ret_path, .fault = fault};
    JSON_AUTO *root = parse(&reader, text);
    if (root == NULL)
        return ERR_BAD_REQUEST;
    enum error e = read_list(&reader, root, list);
    if (e == ERR_OK)
        ret_path->text[0] = '\0';
    return e;
}
