/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The route table and its matcher. Owns no state. */
#include "api/route.h"

#include <string.h>

#include "api/api_limits.h"
#include "api/handler.h"

#define FOR_STATIONS  false
#define FOR_EVERYBODY true
#define NO_BODY       NULL

const struct route_body ROUTE_JSON = {
    .media_type = "application/json",
    .media_detail = "This path takes a body of the media type application/json only.",
    .max = API_BODY_MAX_BYTES,
    .max_detail = "The body is larger than " API_NUMBER_OF(API_BODY_MAX_BYTES) " bytes.",
};

const struct route_body ROUTE_FORM = {
    .media_type = "multipart/form-data",
    .media_detail = "This path takes a body of the media type multipart/form-data only.",
    .max = API_FORM_MAX_BYTES,
    .max_detail = "The form is larger than " API_NUMBER_OF(API_FORM_MAX_BYTES) " bytes.",
};

static const struct route ROUTES[] = {
    {"POST", "/v1/licenses", &LICENSE_HANDLER, FOR_STATIONS, &ROUTE_JSON},
    {"POST", "/v1/installs/{install_id}/outcome", &OUTCOME_HANDLER, FOR_STATIONS, &ROUTE_JSON},
    {"GET", "/v1/products/{product}/usage", &USAGE_HANDLER, FOR_STATIONS, NO_BODY},
    {"GET", "/v1/images/{digest}/content", &CONTENT_HANDLER, FOR_STATIONS, NO_BODY},
    {"POST", "/fw/sfi/{FwId}/get/license", &FW_LICENSE_HANDLER, FOR_STATIONS, &ROUTE_FORM},
    {"GET", "/fw/sfi/{FwId}/get/image", &FW_IMAGE_HANDLER, FOR_STATIONS, NO_BODY},
    {"GET", "/livez", &LIVE_HANDLER, FOR_EVERYBODY, NO_BODY},
    {"GET", "/readyz", &READY_HANDLER, FOR_STATIONS, NO_BODY},
};
#define ROUTE_COUNT (sizeof ROUTES / sizeof ROUTES[0])

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int route_next_byte(const char **at)
{
    int c = (unsigned char)*(*at)++;
    if (c != '%')
        return c;
    int high = hex_digit((*at)[0]);
    int low = high >= 0 ? hex_digit((*at)[1]) : -1;
    if (low < 0)
        return -1;
    *at += 2;
    return high * 16 + low;
}

/* The next character of a segment; -1 when it cannot belong to one. Moves *at. */
static int next_character(const char **at)
{
    int c = route_next_byte(at);
    return c > 0x20 && c < 0x7f && c != '/' ? c : -1;
}

static bool take_segment(const char **at, char out[ROUTE_SEGMENT_SIZE])
{
    size_t length = 0;
    while (**at != '/' && **at != '\0') {
        int c = next_character(at);
        if (c < 0 || length + 1 == ROUTE_SEGMENT_SIZE)
            return false;
        out[length++] = (char)c;
    }
    out[length] = '\0';
    return length > 0;
}

static bool matches(const char *pattern, const char *path, char segment[ROUTE_SEGMENT_SIZE])
{
    segment[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            if (!take_segment(&path, segment))
                return false;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static bool serves(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void add_allowed(const struct route *route, char allow[ROUTE_ALLOW_SIZE])
{
    if (allow[0] != '\0')
        strncat(allow, ", ", ROUTE_ALLOW_SIZE - strlen(allow) - 1);
    strncat(allow, strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method,
            ROUTE_ALLOW_SIZE - strlen(allow) - 1);
}

enum error route_find(const char *method, const char *path, struct route_match *ret_match,
                      struct fault *fault)
{
    char segment[ROUTE_SEGMENT_SIZE];
    memset(ret_match, 0, sizeof *ret_match);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!matches(ROUTES[i].pattern, path, segment))
            continue;
        if (serves(&ROUTES[i], method)) {
            ret_match->route = &ROUTES[i];
            memcpy(ret_match->segment, segment, sizeof segment);
            return ERR_OK;
        }
        add_allowed(&ROUTES[i], ret_match->allow);
    }
    if (ret_match->allow[0] != '\0')
        return fault_set(fault, ERR_METHOD_NOT_ALLOWED, "method",
                         "The path is served, but with other methods only.", 0);
    return fault_set(fault, ERR_ROUTE_UNKNOWN, "path", "No route of this server fits the path.", 0);
}

const struct route *route_table(size_t *ret_count)
{
    *ret_count = ROUTE_COUNT;
    return ROUTES;
}
