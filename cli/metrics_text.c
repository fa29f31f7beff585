/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Samples of the text format. Owns no state. */
#include "cli/metrics_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES  4096
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"

/* Cuts a name off the front of *at; NULL when there is none. */
static char *take_name(char **at, char *end)
{
    char *name = *at;
    size_t length = strspn(name, NAME_CHARACTERS);
    if (length == 0)
        return NULL;
    *end = name[length];
    name[length] = '\0';
    *at = name + length + 1;
    return name;
}

/* The text up to the closing quote, its \\, \" and \n undone; *at is behind the quote. */
static char *take_quoted(char **at)
{
    char *text = *at;
    char *out = text;
    char *c = text;
    for (; *c != '"' && *c != '\0'; c++) {
        const bool is_escaped = *c == '\\' && c[1] != '\0';
        c += is_escaped;
        *out++ = *c;
        if (is_escaped && *c == 'n')
            out[-1] = '\n';
    }
    if (*c == '\0')
        return NULL;
    *out = '\0';
    *at = c + 1;
    return text;
}

/* name="value", and so on up to the brace. */
static bool take_labels(char **at, json_t *labels)
{
    char end = '\0';
    while (**at != '}') {
        char *name = take_name(at, &end);
        if (name == NULL || end != '=' || *(*at)++ != '"')
            return false;
        char *value = take_quoted(at);
        if (value == NULL || json_object_set_new(labels, name, json_string(value)) != 0)
            return false;
        *at += **at == ',';
    }
    (*at)++;
    return true;
}

static json_t *value_to_json(const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || (*end != '\0' && *end != ' '))
        return NULL;
    return isfinite(value) ? json_real(value) : json_string(text);
}

/* line is written to. NULL for what is no sample. */
static json_t *read_sample(char *line)
{
    json_t *labels = json_object();
    char *at = line;
    char end = '\0';
    char *name = take_name(&at, &end);
    bool is_good =
        name != NULL && labels != NULL && (end == ' ' || (end == '{' && take_labels(&at, labels)));
    json_t *value = is_good ? value_to_json(at + strspn(at, " ")) : NULL;
    json_t *sample =
        value != NULL ? json_pack("{s:s, s:O, s:O}", "name", name, "labels", labels, "value", value)
                      : NULL;
    json_decref(value);
    json_decref(labels);
    return sample;
}

enum error metrics_text_read(const char *text, json_t **ret_samples, struct failure *failure)
{
    char line[LINE_MAX_BYTES];
    json_t *samples = json_array();
    bool is_good = samples != NULL;
    while (*text != '\0' && is_good) {
        size_t length = strcspn(text, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (length > 0 && line[0] != '#')
            is_good =
                length < sizeof line && json_array_append_new(samples, read_sample(line)) == 0;
        text += length + (text[length] == '\n');
    }
    if (is_good) {
        *ret_samples = samples;
        return ERR_OK;
    }
    json_decref(samples);
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server's metrics cannot be understood. Are the versions equal?");
}
