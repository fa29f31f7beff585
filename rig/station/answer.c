/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Strict reading of the service's JSON. Owns no state. */
#include "rig/station/answer.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#define TYPE_PREFIX "/problems/"
#define PROFILE     "st-sfi"

bool station_word_is_valid(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < STATION_WORD_SIZE && text[length] == '\0';
}

static json_t *load_object(struct bytes body)
{
    if (body.length > STATION_ANSWER_MAX_BYTES)
        return NULL;
    json_t *json = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

/* ---- licenses ---- */

static bool read_bytes(const json_t *object, struct station_license *license)
{
    size_t length = 0;
    return base64_decode(text_of(object, "license"), license->license, STATION_LICENSE_BYTES,
                         &length) == ERR_OK &&
           length == STATION_LICENSE_BYTES;
}

static bool read_count(const json_t *object, const char *member, int64_t *ret_count)
{
    const json_t *number = json_object_get(object, member);
    if (!json_is_integer(number) || json_integer_value(number) < 0)
        return false;
    *ret_count = json_integer_value(number);
    return true;
}

static bool read_license(const json_t *object, struct station_license *license)
{
    struct uuid id;
    int64_t attempt = 0;
    const char *install_id = text_of(object, "install_id");
    const json_t *charged = json_object_get(object, "charged");
    if (!uuid_parse(install_id, "ins-", &id) || !json_is_boolean(charged) ||
        strcmp(text_of(object, "profile"), PROFILE) != 0 ||
        !image_reference_parse(text_of(object, "image"), &license->image) ||
        !read_bytes(object, license) || !read_count(object, "remaining", &license->remaining) ||
        !read_count(object, "attempt", &attempt) || attempt < 1)
        return false;
    (void)snprintf(license->install_id, sizeof license->install_id, "%s", install_id);
    license->is_charged = json_boolean_value(charged);
    license->is_repeat = attempt > 1;
    return true;
}

enum error station_answer_license(struct bytes body, struct station_license *ret_license)
{
    struct station_license license = {.remaining = 0};
    json_t *object = load_object(body);
    bool is_read = object != NULL && read_license(object, &license);
    json_decref(object);
    if (!is_read)
        return ERR_BAD_REQUEST;
    *ret_license = license;
    return ERR_OK;
}

/* ---- refusals ---- */

static bool status_is_retryable(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

void station_answer_problem(long status, struct bytes body, struct station_problem *ret_problem)
{
    struct station_problem problem = {.is_retryable = status_is_retryable(status)};
    json_t *object = load_object(body);
    const char *type = strstr(text_of(object, "type"), TYPE_PREFIX); /* a full URI is allowed */
    const char *name = type != NULL ? type + sizeof TYPE_PREFIX - 1 : "";
    const char *check = text_of(object, "check");
    const json_t *retryable = json_object_get(object, "retryable");
    if (station_word_is_valid(name))
        (void)snprintf(problem.name, sizeof problem.name, "%s", name);
    else
        (void)snprintf(problem.name, sizeof problem.name, "http-%ld", status);
    if (station_word_is_valid(check))
        (void)snprintf(problem.check, sizeof problem.check, "%s", check);
    if (json_is_boolean(retryable))
        problem.is_retryable = json_boolean_value(retryable);
    json_decref(object);
    *ret_problem = problem;
}

/* ---- the account ---- */

enum error station_answer_usage(struct bytes body, struct station_usage *ret_usage)
{
    struct station_usage usage = {.granted = 0};
    json_t *object = load_object(body);
    bool is_read = object != NULL && read_count(object, "granted", &usage.granted) &&
                   read_count(object, "charged", &usage.charged) &&
                   read_count(object, "remaining", &usage.remaining) &&
                   read_count(object, "succeeded", &usage.succeeded) &&
                   read_count(object, "failed", &usage.failed) &&
                   read_count(object, "scrapped", &usage.scrapped) &&
                   read_count(object, "unreported", &usage.unreported);
    json_decref(object);
    if (!is_read)
        return ERR_BAD_REQUEST;
    *ret_usage = usage;
    return ERR_OK;
}
