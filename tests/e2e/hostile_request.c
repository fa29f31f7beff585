/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Method, path, headers and body are damaged each for itself, then the whole. */
#include "e2e/hostile_request.h"

#include <stdlib.h>
#include <string.h>

#include "e2e/hostile_json.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define HEADERS_LONG   40000   /* above api.header_max_bytes */
#define BODY_LONG      1200000 /* above api.batch_max_bytes */
#define BATCH_MAX      6
#define ST_CERTIFICATE 136
#define DOCUMENT_MAX   3000
#define BOUNDARY       "XYZ"
#define HEADERS_MANY   400

struct parts {
    struct text method;
    struct text path;
    struct text headers; /* each with its line end */
    struct text body;
    bool is_length_told; /* by this file, not by a hostile header */
};

/* ---- as a station would send it ---- */

static const char *value_of(const struct hostile_world *world, const char *name, size_t length)
{
    for (size_t i = 0; world->values[i].name != NULL; i++) {
        if (strlen(world->values[i].name) == length &&
            memcmp(world->values[i].name, name, length) == 0)
            return world->values[i].value;
    }
    return "x";
}

static const char *const BAD_VALUES[] = {
    "..",
    "%2e%2e%2f",
    "%00",
    "%",
    "%zz",
    "-1",
    "99999999999999999999",
    "sha256:",
    "lic-",
    "'--",
    "\xff\xfe",
    "{}",
    "a%2fb",
    "%c0%af",
    "0",
    "\xe2\x80\xae",
    "ins-00000000-0000-0000-0000-000000000000",
    "sha256:zz",
    "x000/001.p/999",
    "latest",
    "0/000",
    "entries/000.p/257",
};

static void fill_path(const struct hostile_world *world, struct dice *dice, const char *pattern,
                      struct text *path)
{
    while (*pattern != '\0') {
        size_t plain = strcspn(pattern, "{");
        text_add(path, pattern, plain);
        pattern += plain;
        size_t name = strcspn(pattern, "}") + (*pattern == '{');
        if (*pattern == '\0')
            break;
        const char *value = dice_in_100(dice, 25) ? BAD_VALUES[dice_roll(dice, COUNT(BAD_VALUES))]
                                                  : value_of(world, pattern, name);
        text_print(path, "%s", value);
        pattern += name;
    }
}

static void add_device(const struct hostile_world *world, struct dice *dice, struct text *body)
{
    text_print(body, "%s", world->devices->bodies[dice_roll(dice, world->devices->count)]);
}

static void make_batch(const struct hostile_world *world, struct dice *dice, struct text *body)
{
    size_t count = 1 + dice_roll(dice, BATCH_MAX);
    text_print(body, "{\"licenses\":[");
    for (size_t i = 0; i < count; i++) {
        text_print(body, i == 0 ? "" : ",");
        add_device(world, dice, body);
    }
    text_print(body, "]}");
}

static void make_form(struct dice *dice, struct text *body)
{
    text_print(body, "--" BOUNDARY "\r\nContent-Disposition: form-data; "
                     "name=\"dev_certificate_file\"\r\n\r\n");
    text_random(body, dice, ST_CERTIFICATE);
    text_print(body, "\r\n--" BOUNDARY "--\r\n");
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void make_body(const struct hostile_world *world, struct dice *dice, const char *path,
                      struct parts *parts)
{
    static const char *const results[] = {"succeeded", "failed", "scrapped"};
    const char *type = "application/json";
    if (ends_with(path, "/batch")) {
        make_batch(world, dice, &parts->body);
    } else if (ends_with(path, "/outcome")) {
        text_print(&parts->body, "{\"result\":\"%s\",\"code\":\"E42\",\"detail\":\"why\"}",
                   results[dice_roll(dice, COUNT(results))]);
    } else if (ends_with(path, "/grants")) {
        text_random(&parts->body, dice, 1 + dice_roll(dice, DOCUMENT_MAX));
        type = "application/cms";
    } else if (ends_with(path, "/get/license")) {
        make_form(dice, &parts->body);
        type = "multipart/form-data; boundary=" BOUNDARY;
    } else {
        add_device(world, dice, &parts->body);
    }
    text_print(&parts->headers, "Content-Type: %s\r\n", type);
}

/* Every second request has a body: there is more to be done with those. */
static const struct hostile_route *choose_route(const struct hostile_world *world,
                                                struct dice *dice)
{
    bool has_body = dice_in_100(dice, 50);
    const struct hostile_route *route = NULL;
    do
        route = &world->routes[dice_roll(dice, world->route_count)];
    while (has_body && strcmp(route->method, "POST") != 0);
    return route;
}

static void make_parts(const struct hostile_world *world, struct dice *dice, struct parts *parts)
{
    const struct hostile_route *route = choose_route(world, dice);
    *parts = (struct parts){.is_length_told = true};
    text_print(&parts->method, "%s", route->method);
    fill_path(world, dice, route->path, &parts->path);
    text_print(&parts->headers, "Host: localhost\r\n");
    if (strcmp(route->method, "POST") == 0)
        make_body(world, dice, route->path, parts);
}

/* ---- what is made of it ---- */

static void attack_method(struct dice *dice, struct parts *parts)
{
    static const char *const methods[] = {"",      "TRACE", "CONNECT", "OPTIONS", "PUT", "DELETE",
                                          "PATCH", "get",   "G ET",    "POST",    "GET", "HEAD",
                                          "PRI",   "\x80",  "GET\t",   "PROPFIND"};
    text_clear(&parts->method);
    if (dice_in_100(dice, 10))
        text_fill(&parts->method, 'M', 1 + dice_roll(dice, HEADERS_LONG));
    else
        text_print(&parts->method, "%s", methods[dice_roll(dice, COUNT(methods))]);
}

static void attack_path(struct dice *dice, struct parts *parts)
{
    static const char *const queries[] = {
        "?limit=-1",
        "?limit=0",
        "?limit=257",
        "?limit=99999999999999999999",
        "?cursor=%00",
        "?cursor=AAAA",
        "?cursor=AQ",
        "?limit=1&limit=1",
        "?since=2026-13-99T99:99:99.999Z",
        "?until=now",
        "?result=nothing",
        "?device=zz",
        "?product=%ff",
        "?a=b&a=c",
        "?",
        "?=&=&",
        "?user=%0d%0aSet-Cookie:%20x",
        "?lot=%27%20OR%201=1--",
        "#fragment",
        "?%",
    };
    static const char *const forms[] = {"*",
                                        "",
                                        "//",
                                        "/../../etc/passwd",
                                        "http://localhost/livez",
                                        "/%2e%2e/%2e%2e/",
                                        "/v1",
                                        "/./v1/self",
                                        "/v1//self",
                                        "\\",
                                        "/fw/sfi/",
                                        "/\x01",
                                        "/\xff\xff",
                                        "/problems/../livez"};
    switch (dice_roll(dice, 4)) {
    case 0:
        text_print(&parts->path, "%s", queries[dice_roll(dice, COUNT(queries))]);
        break;
    case 1:
        text_clear(&parts->path);
        text_print(&parts->path, "%s", forms[dice_roll(dice, COUNT(forms))]);
        break;
    case 2:
        text_print(&parts->path, dice_in_100(dice, 50) ? "?cursor=" : "/");
        text_fill(&parts->path, 'A', 1 + dice_roll(dice, HEADERS_LONG));
        break;
    default:
        text_damage(&parts->path, dice);
        break;
    }
}

static void add_many_headers(struct dice *dice, struct parts *parts)
{
    for (size_t i = 1 + dice_roll(dice, HEADERS_MANY); i > 0; i--)
        text_print(&parts->headers, "X-%zu: %zu\r\n", i, i);
}

static const char *const HEADERS[] = {
    "X-Request-Id: \r\n",
    "X-Request-Id: a b\r\n",
    "X-Request-Id: ../../x\r\nX-Request-Id: y\r\n",
    "Traceparent: 00-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-0000000000000000-01\r\n",
    "Traceparent: ff-0\r\n",
    "Range: bytes=99999999999999999999-\r\n",
    "Range: bytes=-0\r\n",
    "Range: bytes=5-1\r\n",
    "Range: bytes=0-0,1-1,2-2\r\n",
    "Range: lines=1-2\r\n",
    "If-Range: \"x\r\n",
    "If-None-Match: *\r\n",
    "Accept: ,;;q=9,*\r\n",
    "Accept: image/png\r\n",
    "Accept-Encoding: gzip;q=nan\r\n",
    "Expect: 100-continue\r\n",
    "Expect: a-pony\r\n",
    "Host: other\r\n",
    "Host: \r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Connection: close, keep-alive\r\n",
    "Content-Type: text/xml\r\n",
    "Content-Type: application/json; charset=utf-16\r\n",
    "Content-Type: multipart/form-data\r\n",
    "Content-Type: multipart/form-data; boundary=\"\r\n",
    "Content-Encoding: gzip\r\n",
    "no colon here\r\n",
    ": no name\r\n",
    "Name with blanks: x\r\n",
    " folded: x\r\n",
    "\tx\r\n",
    "X: \x01\x02\x7f\r\n",
    "X: \xff\xfe\r\n",
    "X: a\rb\r\n",
    "X: a\nY: b\n",
    "Cookie: a=b; c\r\n",
    "Authorization: Basic Og==\r\n",
    "X-Forwarded-For: 127.0.0.1\r\n",
    "Provision-Role: admin\r\n",
    "Idempotency-Key: \"\r\n",
};

/* Two opinions on where the body ends: what request smuggling is made of. */
static const char *const LENGTHS[] = {
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length: 0x10\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: \r\n",
    "Content-Length: 1e3\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 2000000\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: x\r\n",
    "Content-Length: +4\r\n",
    "",
};

static void attack_headers(struct dice *dice, struct parts *parts)
{
    switch (dice_roll(dice, 6)) {
    case 0:
        text_print(&parts->headers, "%s: ", dice_in_100(dice, 50) ? "X-Request-Id" : "X");
        text_fill(&parts->headers, 'h', 1 + dice_roll(dice, HEADERS_LONG));
        text_print(&parts->headers, "\r\n");
        break;
    case 1:
        add_many_headers(dice, parts);
        break;
    case 2:
        text_damage(&parts->headers, dice);
        break;
    case 3:
        text_print(&parts->headers, "%s", LENGTHS[dice_roll(dice, COUNT(LENGTHS))]);
        parts->is_length_told = false;
        break;
    default:
        text_print(&parts->headers, "%s", HEADERS[dice_roll(dice, COUNT(HEADERS))]);
        break;
    }
}

static void attack_body(struct dice *dice, struct parts *parts)
{
    if (dice_in_100(dice, 3))
        text_fill(&parts->body, dice_in_100(dice, 50) ? ' ' : 'b', dice_roll(dice, BODY_LONG));
    else if (parts->body.length == 0 || dice_in_100(dice, 25))
        text_random(&parts->body, dice, dice_roll(dice, DOCUMENT_MAX));
    else
        hostile_json_attack(dice, &parts->body);
}

static void attack_parts(struct dice *dice, struct parts *parts)
{
    for (size_t i = 1 + dice_roll(dice, 3); i > 0; i--) {
        size_t what = dice_roll(dice, 100);
        if (what < 10)
            attack_method(dice, parts);
        else if (what < 30)
            attack_path(dice, parts);
        else if (what < 55)
            attack_headers(dice, parts);
        else
            attack_body(dice, parts);
    }
}

/* ---- as it goes over the wire ---- */

static void write_request(struct dice *dice, bool is_good, struct parts *parts, struct text *out)
{
    static const char *const versions[] = {"HTTP/1.0", "HTTP/9.9",          "HTTP/0.9",
                                           "http/1.1", "HTTP/1.1 x",        "HTTP/",
                                           "",         "HTTP/1.99999999999"};
    const char *version =
        is_good || dice_in_100(dice, 95) ? "HTTP/1.1" : versions[dice_roll(dice, COUNT(versions))];
    text_add(out, parts->method.data, parts->method.length);
    text_print(out, " ");
    text_add(out, parts->path.length > 0 ? parts->path.data : "", parts->path.length);
    text_print(out, " %s\r\n", version);
    text_add(out, parts->headers.data, parts->headers.length);
    if (parts->is_length_told && parts->body.length > 0)
        text_print(out, "Content-Length: %zu\r\n", parts->body.length);
    text_print(out, "\r\n");
    if (parts->body.length > 0)
        text_add(out, parts->body.data, parts->body.length);
}

static enum hostile_way choose_way(struct dice *dice)
{
    size_t what = dice_roll(dice, 100);
    if (what < 66)
        return HOSTILE_WHOLE;
    static const enum hostile_way others[] = {
        HOSTILE_TRUNCATED,  HOSTILE_TRUNCATED, HOSTILE_STALLED,     HOSTILE_SLOW,
        HOSTILE_BROKEN_TLS, HOSTILE_CLEAR,     HOSTILE_TLS_GARBAGE, HOSTILE_SILENT};
    return others[dice_roll(dice, COUNT(others))];
}

/* The first bytes of a TLS record that holds a ClientHello of about that length, then noise. */
static void make_tls_garbage(struct dice *dice, struct text *out)
{
    static const unsigned char hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01,
                                          0x00, 0x01, 0xfc, 0x03, 0x03};
    text_clear(out);
    if (dice_in_100(dice, 70))
        text_add(out, hello, sizeof hello);
    text_random(out, dice, 1 + dice_roll(dice, DOCUMENT_MAX));
    if (dice_in_100(dice, 50))
        text_damage(out, dice);
}

void hostile_request_make(const struct hostile_world *world, struct dice *dice,
                          struct hostile_request *ret_request)
{
    struct parts parts;
    bool is_good = dice_in_100(dice, 10);
    struct hostile_request request = {.is_complete = true};
    make_parts(world, dice, &parts);
    if (!is_good)
        attack_parts(dice, &parts);
    write_request(dice, is_good, &parts, &request.bytes);
    request.is_complete = parts.is_length_told;
    if (!is_good && dice_in_100(dice, 15)) {
        text_damage(&request.bytes, dice);
        request.is_complete = false;
    }
    request.way = is_good ? HOSTILE_WHOLE : choose_way(dice);
    request.is_untouched = is_good;
    if (request.way == HOSTILE_TLS_GARBAGE)
        make_tls_garbage(dice, &request.bytes);
    request.cut = dice_roll(dice, request.bytes.length + 1);
    text_clear(&parts.method);
    text_clear(&parts.path);
    text_clear(&parts.headers);
    text_clear(&parts.body);
    *ret_request = request;
}

void hostile_request_clear(struct hostile_request *request)
{
    text_clear(&request->bytes);
}
