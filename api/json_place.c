/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Follows brackets, names and commas; what the values are does not matter. Owns no state. */
#include "api/json_place.h"

#include <stdio.h>
#include <string.h>

#include "api/api_limits.h"

/* An object or array that is open. */
struct level {
    bool is_array;
    bool awaits_name; /* of an object: the next string is a name */
    size_t index;     /* of an array */
    struct bytes name;
};

struct place {
    struct level levels[API_JSON_DEPTH_MAX];
    unsigned depth;
};

static void enter(struct place *place, bool is_array)
{
    if (place->depth < API_JSON_DEPTH_MAX)
        place->levels[place->depth++] =
            (struct level){.is_array = is_array, .awaits_name = !is_array};
}

static void step(struct place *place, char c)
{
    if (c == '{' || c == '[')
        enter(place, c == '[');
    if (place->depth == 0)
        return;
    struct level *level = &place->levels[place->depth - 1];
    if (c == '}' || c == ']')
        place->depth--;
    if (c != ',')
        return;
    level->index++;
    level->awaits_name = !level->is_array;
}

/* The string whose opening quote stands at; its length without quotes. */
static size_t string_length(struct bytes text, size_t at)
{
    size_t length = 0;
    for (size_t i = at + 1; i < text.length && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\')
            i++;
        length = i - at;
    }
    return length;
}

static void note_string(struct place *place, const uint8_t *data, size_t length)
{
    if (place->depth == 0 || !place->levels[place->depth - 1].awaits_name)
        return;
    place->levels[place->depth - 1].name = bytes_of(data, length);
    place->levels[place->depth - 1].awaits_name = false;
}

/* False: the path ends here. */
static bool add_level(struct json_path *path, const struct level *level)
{
    char part[API_NAME_MAX_BYTES + 2];
    char name[API_NAME_MAX_BYTES + 1];
    if (level->is_array) {
        (void)snprintf(part, sizeof part, "[%zu]", level->index);
        json_path_add(path, part);
        return true;
    }
    if (level->name.length == 0 || level->name.length >= sizeof name)
        return false;
    memcpy(name, level->name.data, level->name.length);
    name[level->name.length] = '\0';
    if (!name_is_valid(name, API_NAME_MAX_BYTES))
        return false;
    (void)snprintf(part, sizeof part, ".%s", name);
    json_path_add(path, part);
    return true;
}

void json_place(struct bytes text, struct json_path *ret_path)
{
    struct place place = {.depth = 0};
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '"') {
            step(&place, (char)text.data[i]);
            continue;
        }
        size_t length = string_length(text, i);
        note_string(&place, text.data + i + 1, length);
        i += length + 1;
    }
    strcpy(ret_path->text, "$");
    for (unsigned i = 0; i < place.depth && add_level(ret_path, &place.levels[i]); i++)
        continue;
}
