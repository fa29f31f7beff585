/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The route table and its matcher. Owns no state. */
#include "api/route.h"

#include <string.h>

#include "api/api_limits.h"
#include "api/handler.h"

#define FOR_CALLERS   false /* with a certificate; what each may do, the vault decides */
#define FOR_EVERYBODY true
#define NO_BODY       NULL

const struct route_body ROUTE_JSON = {
    .media_types = {"application/json"},
    .media_detail = "This path takes a body of the media type application/json only.",
    .max = API_BODY_MAX_BYTES,
    .max_detail = "The body is larger than " API_NUMBER_OF(API_BODY_MAX_BYTES) " bytes.",
};

const struct route_body ROUTE_BATCH = {
    .media_types = {"application/json"},
    .media_detail = "This path takes a body of the media type application/json only.",
    .max = API_BATCH_MAX_BYTES,
    .max_detail = "The body is larger than " API_NUMBER_OF(API_BATCH_MAX_BYTES) " bytes.",
};

const struct route_body ROUTE_FORM = {
    .media_types = {"multipart/form-data"},
    .media_detail = "This path takes a body of the media type multipart/form-data only.",
    .max = API_FORM_MAX_BYTES,
    .max_detail = "The form is larger than " API_NUMBER_OF(API_FORM_MAX_BYTES) " bytes.",
};

/* The type says what it is, the bytes say in which form: DER, PEM or S/MIME. */
const struct route_body ROUTE_DOCUMENT = {
    .media_types = {"application/cms", "application/pkcs7-mime", "application/x-pkcs7-mime"},
    .media_detail = "This path takes a signed document as it is in its file, of the media type "
                    "application/cms.",
    .max = API_DOCUMENT_MAX_BYTES,
    .max_detail =
        "The signed document is larger than " API_NUMBER_OF(API_DOCUMENT_MAX_BYTES) " bytes.",
};

#define READ(path, operation, handler)                               \
    {                                                                \
        "GET", (path), (operation), &(handler), FOR_CALLERS, NO_BODY \
    }
#define WRITE(path, operation, handler, body)                         \
    {                                                                 \
        "POST", (path), (operation), &(handler), FOR_CALLERS, &(body) \
    }

static const struct route ROUTES[] = {
    WRITE("/v1/licenses", "createLicense", LICENSE_HANDLER, ROUTE_JSON),
    READ("/v1/licenses", "listLicenses", LICENSE_LIST_HANDLER),
    WRITE("/v1/licenses/batch", "createLicenses", BATCH_HANDLER, ROUTE_BATCH),
    READ("/v1/licenses/{license_id}", "readLicense", LICENSE_READ_HANDLER),
    READ("/v1/licenses/{license_id}/receipt", "readReceipt", RECEIPT_HANDLER),
    READ("/v1/installs", "listInstalls", INSTALL_LIST_HANDLER),
    READ("/v1/installs/{install_id}", "readInstall", INSTALL_READ_HANDLER),
    WRITE("/v1/installs/{install_id}/outcome", "reportOutcome", OUTCOME_HANDLER, ROUTE_JSON),
    READ("/v1/images", "listImages", IMAGE_LIST_HANDLER),
    READ("/v1/images/{digest}", "readImage", IMAGE_READ_HANDLER),
    READ("/v1/images/{digest}/content", "readImageContent", CONTENT_HANDLER),
    READ("/v1/products", "listProducts", PRODUCT_LIST_HANDLER),
    READ("/v1/products/{product}", "readProduct", PRODUCT_READ_HANDLER),
    READ("/v1/products/{product}/policy", "readPolicy", POLICY_HANDLER),
    READ("/v1/products/{product}/usage", "readUsage", USAGE_HANDLER),
    READ("/v1/products/{product}/usage/lots", "readUsageByLot", USAGE_LOTS_HANDLER),
    READ("/v1/products/{product}/usage/days", "readUsageByDay", USAGE_DAYS_HANDLER),
    READ("/v1/products/{product}/usage/stations", "readUsageByStation", USAGE_STATIONS_HANDLER),
    READ("/v1/grants", "listGrants", GRANT_LIST_HANDLER),
    WRITE("/v1/grants", "applyGrant", GRANT_HANDLER, ROUTE_DOCUMENT),
    READ("/v1/grants/{grant_id}", "readGrant", GRANT_READ_HANDLER),
    READ("/v1/stations", "listStations", STATION_LIST_HANDLER),
    READ("/v1/stations/{station}", "readStation", STATION_READ_HANDLER),
    READ("/v1/self", "readSelf", SELF_HANDLER),
    READ("/v1/journal/checkpoint", "readCheckpoint", CHECKPOINT_HANDLER),
    READ("/v1/journal/tile/{+tile}", "readTile", TILE_HANDLER),
    READ("/v1/journal/key", "readJournalKey", KEY_HANDLER),
    WRITE("/fw/sfi/{FwId}/get/license", "createLicenseByAlias", FW_LICENSE_HANDLER, ROUTE_FORM),
    READ("/fw/sfi/{FwId}/get/image", "readImageByAlias", FW_IMAGE_HANDLER),
    READ("/problems/{problem}", "readProblem", PROBLEM_HANDLER),
    READ("/metrics", "readMetrics", METRICS_HANDLER),
    {"GET", "/livez", "readLive", &LIVE_HANDLER, FOR_EVERYBODY, NO_BODY},
    READ("/readyz", "readReady", READY_HANDLER),
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

static bool take_segment(const char **at, char *out, size_t size)
{
    size_t length = 0;
    while (**at != '/' && **at != '\0') {
        int c = next_character(at);
        if (c < 0 || length + 1 == size)
            return false;
        out[length++] = (char)c;
    }
    out[length] = '\0';
    return length > 0;
}

/* Segment after segment, so that an escaped slash is none and no segment is empty. */
static bool take_rest(const char **at, char out[ROUTE_SEGMENT_SIZE])
{
    size_t length = 0;
    while (take_segment(at, out + length, ROUTE_SEGMENT_SIZE - length)) {
        length += strlen(out + length);
        if (**at == '\0')
            return true;
        if (length + 1 == ROUTE_SEGMENT_SIZE)
            return false;
        out[length++] = *(*at)++;
    }
    return false;
}

static bool take(const char *pattern, const char **at, char out[ROUTE_SEGMENT_SIZE])
{
    return pattern[1] == '+' ? take_rest(at, out) : take_segment(at, out, ROUTE_SEGMENT_SIZE);
}

static bool matches(const char *pattern, const char *path, char segment[ROUTE_SEGMENT_SIZE])
{
    segment[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            if (!take(pattern, &path, segment))
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

static bool is_literal(const struct route *route)
{
    return strchr(route->pattern, '{') == NULL;
}

/* Looks among the literal patterns, or among the others. True when one fits the path. */
static bool find_among(bool are_literal, const char *method, const char *path,
                       struct route_match *match)
{
    char segment[ROUTE_SEGMENT_SIZE];
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (is_literal(&ROUTES[i]) != are_literal || !matches(ROUTES[i].pattern, path, segment))
            continue;
        if (serves(&ROUTES[i], method)) {
            match->route = &ROUTES[i];
            match->allow[0] = '\0';
            memcpy(match->segment, segment, sizeof segment);
            return true;
        }
        add_allowed(&ROUTES[i], match->allow);
    }
    return match->allow[0] != '\0';
}

enum error route_find(const char *method, const char *path, struct route_match *ret_match,
                      struct fault *fault)
{
    memset(ret_match, 0, sizeof *ret_match);
    if (!find_among(true, method, path, ret_match) && !find_among(false, method, path, ret_match))
        return fault_set(fault, ERR_ROUTE_UNKNOWN, "path", "No route of this server fits the path.",
                         0);
    if (ret_match->route == NULL)
        return fault_set(fault, ERR_METHOD_NOT_ALLOWED, "method",
                         "The path is served, but with other methods only.", 0);
    return ERR_OK;
}

const struct route *route_table(size_t *ret_count)
{
    *ret_count = ROUTE_COUNT;
    return ROUTES;
}
