/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reads one value by the type of its key. Owns no state. */
#include "config/keys.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX_DIGITS 10
#define PORT_MAX          65535

/* Always false, so that a refusal is one line. */
__attribute__((format(printf, 2, 3))) static bool refuse(char why[CONFIG_WHY_MAX],
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, CONFIG_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool digits_read(const char *text, uint64_t *ret_number)
{
    size_t length = strlen(text);
    if (length == 0 || length > NUMBER_MAX_DIGITS || strspn(text, "0123456789") != length)
        return false;
    *ret_number = strtoull(text, NULL, 10);
    return true;
}

static bool number_read(const struct config_key *key, const char *value, void *place, char *why)
{
    uint64_t number = 0;
    if (!digits_read(value, &number) || number < key->min || number > key->max)
        return refuse(why, "must be a whole number from %u to %u", key->min, key->max);
    unsigned fits = (unsigned)number;
    memcpy(place, &fits, sizeof fits);
    return true;
}

static bool level_read(const char *value, void *place, char *why)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};
    for (enum log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
        if (strcmp(value, words[level]) == 0) {
            memcpy(place, &level, sizeof level);
            return true;
        }
    }
    return refuse(why, "must be debug, info, warning or error");
}

static bool strictness_read(const char *value, void *place, char *why)
{
    enum config_sandbox sandbox = CONFIG_SANDBOX_STRICT;
    if (strcmp(value, "module") == 0)
        sandbox = CONFIG_SANDBOX_MODULE;
    else if (strcmp(value, "strict") != 0)
        return refuse(why, "must be strict or module");
    memcpy(place, &sandbox, sizeof sandbox);
    return true;
}

/* "# like this" or "; like this" behind a value is part of the value, which nobody wants. */
static bool has_comment(const char *value)
{
    return strstr(value, " #") != NULL || strstr(value, " ;") != NULL ||
           strstr(value, "\t#") != NULL || strstr(value, "\t;") != NULL;
}

static bool is_name(const char *value)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return value[strspn(value, allowed)] == '\0' && value[0] != '.' && value[0] != '-';
}

/* host:port or [v6]:port; whether the host exists is found out when it is bound. */
static bool is_listen(const char *value)
{
    uint64_t port = 0;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || !digits_read(colon + 1, &port) || port > PORT_MAX)
        return false;
    size_t length = (size_t)(colon - value);
    bool is_bracketed = length > 2 && value[0] == '[' && colon[-1] == ']';
    const char *host = is_bracketed ? value + 1 : value;
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    static const char v6[] = "0123456789abcdefABCDEF:.";
    return strspn(host, is_bracketed ? v6 : name) == length - (is_bracketed ? 2 : 0);
}

static bool text_is_allowed(const struct config_key *key, const char *value, char *why)
{
    size_t length = strlen(value);
    if (length < key->min)
        return refuse(why, "must not be empty");
    if (length > key->max)
        return refuse(why, "is longer than %u bytes", key->max);
    if (key->type != CONFIG_TEXT && has_comment(value))
        return refuse(why, "ends in a comment; put comments on lines of their own");
    if (key->type == CONFIG_PATH && length > 0 && value[0] != '/')
        return refuse(why, "must be an absolute path");
    if (key->type == CONFIG_NAME && !is_name(value))
        return refuse(why, "must be letters, digits, `.`, `_` and `-` only");
    if (key->type == CONFIG_LISTEN && !is_listen(value))
        return refuse(why, "must be address:port, with an IPv6 address in brackets");
    return true;
}

bool config_value_read(const struct config_key *key, const char *value, struct config *config,
                       char why[CONFIG_WHY_MAX])
{
    char *place = (char *)config + key->offset;
    if (key->type == CONFIG_NUMBER)
        return number_read(key, value, place, why);
    if (key->type == CONFIG_LEVEL)
        return level_read(value, place, why);
    if (key->type == CONFIG_STRICTNESS)
        return strictness_read(value, place, why);
    if (!text_is_allowed(key, value, why))
        return false;
    memcpy(place, value, strlen(value) + 1);
    return true;
}
