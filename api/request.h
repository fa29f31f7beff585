/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One HTTP request from its headers to its last byte.
 *
 * Two sides hold it: libmicrohttpd's callbacks, and the vault's callback while a question is under
 * way. Each holds a reference; the last one frees. While the vault is asked the connection is
 * suspended: fault and result belong to the vault's callback then, everything to the event loop
 * otherwise.
 */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "api/body.h"
#include "api/caller.h"
#include "api/api_limits.h"
#include "api/route.h"
#include "core/bytes.h"
#include "vault.pb-c.h"

#define TRACEPARENT_SIZE 56 /* version 00 of W3C trace context, with NUL */

struct api;

struct license_result {
    bool wants_octets;       /* set by start */
    const char *device_path; /* set by start: where the request shows the device; a literal */
    bool is_charged;
    bool is_repeat;
    struct uuid install;
    struct sha256 image;
    char profile[API_NAME_SIZE];
    int64_t attempt;
    int64_t remaining;
    int64_t journal_index;
    uint8_t license[API_LICENSE_MAX_BYTES];
    size_t license_length;
};

struct outcome_result {
    char install[64]; /* "ins-<uuid>" */
    char result[16];
};

struct content_result {
    bool is_named;                       /* asked for by an alias, which may come to mean another */
    char etag[IMAGE_REFERENCE_SIZE + 2]; /* with its quotes; "" before a name is resolved */
    uint64_t size;
};

struct ready_result {
    char hsm[FAULT_REASON_SIZE];
    char ledger[FAULT_REASON_SIZE];
    char hsm_detail[FAULT_DETAIL_SIZE];
};

struct usage_result {
    int64_t granted;
    int64_t charged;
    int64_t remaining;
    int64_t licensed;
    int64_t succeeded;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
};

enum request_step { REQUEST_RECEIVING, REQUEST_WAITING, REQUEST_ANSWERED };

struct request {
    struct api *api;
    struct MHD_Connection *connection;
    struct caller *caller; /* the connection's */
    atomic_uint references;
    int64_t started_us;
    enum request_step step;

    struct route_match match;
    const char *method; /* a literal */
    char id[API_REQUEST_ID_MAX + 1];
    char traceparent[TRACEPARENT_SIZE]; /* "" when none came */

    uint8_t *body; /* NULL until its first byte came */
    size_t body_length;
    uint64_t received; /* bytes of the body, kept or dropped */

    struct fault fault;
    struct json_path path;  /* of a wrong body or query */
    char content_range[40]; /* with ERR_RANGE: the header's value */
    union {
        struct license_result license;
        struct outcome_result outcome;
        struct usage_result usage;
        struct content_result content;
        struct ready_result ready;
    } result;
    int file;        /* of an image, -1 when none */
    unsigned status; /* what was answered; 0: nothing yet */
};

/* A request with one reference, its id and trace read from the headers. NULL: memory is out. */
struct request *request_new(struct api *api, struct MHD_Connection *connection,
                            struct caller *caller, const char *method);
void request_release(struct request *request);

/* Keeps or drops bytes of the body; a fault that is set before or here makes it drop the rest. */
void request_keep_body(struct request *request, const char *data, size_t length);

/*
 * Asks the vault for the request's caller and suspends the connection until it answers. message is
 * borrowed; its caller and id are filled in here. Nothing may touch the request afterwards.
 * ERR_VAULT_UNAVAILABLE without asking when the program stops.
 */
enum error request_ask(struct request *request, Provisiond__StationRequest *message) MUST_USE;

/* A take step's answer to a reply that is not what was asked for. */
enum error request_refuse_reply(struct request *request);

/* A request header's value, NULL when absent. */
const char *request_header(const struct request *request, const char *name);
bool request_is_head(const struct request *request);

/* The one log line of a request. is_complete: the answer left whole. */
void request_log(const struct request *request, bool is_complete);

#endif
