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
#include "api/rate.h"
#include "api/route.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "vault.pb-c.h"

#define USAGE_COUNTS     13
#define USAGE_AGES       4

#define TRACEPARENT_SIZE 56 /* version 00 of W3C trace context, with NUL */

struct api;

enum license_form { LICENSE_NO_FORM, LICENSE_JSON, LICENSE_OCTETS, LICENSE_IMAGE };

struct license_result {
    enum license_form form;  /* set by start */
    uint64_t image_tail_at;  /* LICENSE_IMAGE: so much of request->file, then request->kept */
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
    bool has_receipt; /* the three are set by start */
    char install[64]; /* "ins-<uuid>" */
    char result[16];
    bool is_proven;
    bool is_scrap_drawn;
    int64_t attempt;
};

struct content_result {
    bool is_named;                       /* asked for by an alias, which may come to mean another */
    char etag[IMAGE_REFERENCE_SIZE + 2]; /* with its quotes; "" before a name is resolved */
    uint64_t size;
};

struct ready_result {
    char hsm[FAULT_REASON_SIZE];
    char ledger[FAULT_REASON_SIZE];
    char anchor[FAULT_REASON_SIZE];
    char detail[FAULT_DETAIL_SIZE];
};

struct usage_result {
    int64_t counts[USAGE_COUNTS]; /* as handle_usage.c lists them */
    int64_t ages[USAGE_AGES];
    bool is_governed;
    char policy[API_NAME_SIZE];
    char anchor[FAULT_REASON_SIZE];
};

struct tile_result { /* set by start */
    bool is_entries;
    unsigned width;
};

struct grant_result {
    char kind[16];
    struct uuid id;
    char product[API_NAME_SIZE];
    int64_t units;
    int64_t taken;
    int64_t granted;
    int64_t remaining;
    int64_t sequence;
    int64_t journal_index;
    struct sha256 signers[API_SIGNERS_MAX];
    size_t signer_count;
};

struct batch_result { /* set by start */
    size_t count;
    const char *shown[API_BATCH_MAX]; /* the member by which each device shows itself; literals */
};

enum request_step { REQUEST_RECEIVING, REQUEST_WAITING, REQUEST_ANSWERED };

struct request {
    struct api *api;
    struct MHD_Connection *connection;
    struct caller *caller; /* the connection's */
    atomic_uint references;
    enum request_step step;
    int64_t started_us;

    struct route_match match;
    const char *method; /* a literal */
    char id[API_REQUEST_ID_MAX + 1];
    char traceparent[TRACEPARENT_SIZE]; /* "" when none came */

    uint8_t *body; /* NULL until its first byte came, and after the start step */
    size_t body_length;
    size_t body_room;  /* taken from api->bodies */
    uint64_t received; /* bytes of the body, kept or dropped */
    size_t paid;       /* as so many requests so far; with is_metered */

    struct fault fault;
    struct json_path path;       /* of a wrong body or query */
    struct rate_refusal refusal; /* by api->rate */
    bool is_metered;             /* counts in api->rate until it is completed */
    bool is_tiresome;            /* the last of too many from where nobody is known */
    bool is_started;             /* the handler's start step has run */
    bool has_done_penance;
    bool shows_check;       /* the fault's reason is the member "check", whatever its code */
    struct sha256 meter;    /* as whose request it counts; with is_metered */
    char content_range[40]; /* with ERR_RANGE: the header's value */
    union {
        struct license_result license;
        struct outcome_result outcome;
        struct usage_result usage;
        struct content_result content;
        struct ready_result ready;
        struct tile_result tile;
        struct grant_result grant;
        struct batch_result batch;
        struct bytes page; /* of a problem's meaning; set by start */
    } result;
    int file;   /* of an image, -1 when none */
    void *kept; /* what take keeps that is large; NULL when nothing */
    size_t kept_length;
    unsigned status;              /* what was answered; 0: nothing yet */
    struct request *next_penance; /* both guarded by the penance's lock */
    deadline_ms penance_until;
};

/* A request with one reference, its id and trace read from the headers. NULL: memory is out. */
struct request *request_new(struct api *api, struct MHD_Connection *connection,
                            struct caller *caller, const char *method);
void request_release(struct request *request);

/*
 * Counts the request against what its caller may ask; then, once it shows to be as dear as so many
 * requests in all, what of them was not counted yet: a batch has many licenses, a list many rows.
 * ERR_RATE_LIMITED or ERR_BUSY.
 */
enum error request_meter(struct request *request) MUST_USE;
enum error request_meter_as(struct request *request, size_t requests) MUST_USE;

/* As the header says, which libmicrohttpd has checked; chunked bodies have none: 0. */
uint64_t request_content_length(const struct request *request);
/* Keeps or drops bytes of the body; a fault that is set before or here makes it drop the rest.
 * ERR_BUSY when all bodies together are too large. */
void request_keep_body(struct request *request, const char *data, size_t length);
/* Nobody needs it any more. */
void request_drop_body(struct request *request);

/*
 * Asks the vault for the request's caller and suspends the connection until it answers. message is
 * borrowed; its caller and id are filled in here. Nothing may touch the request afterwards.
 * ERR_VAULT_UNAVAILABLE without asking when the program stops.
 */
enum error request_ask(struct request *request, Provisiond__StationRequest *message) MUST_USE;

/* A take step's answer to a reply that is not what was asked for. */
enum error request_refuse_reply(struct request *request);
enum error request_refuse_memory(struct request *request);
/* For a take step: copies data, not empty, into request->kept. ERR_BUSY when memory is out. */
enum error request_keep_reply(struct request *request, struct bytes data) MUST_USE;

/* A request header's value, NULL when absent. */
const char *request_header(const struct request *request, const char *name);
bool request_is_head(const struct request *request);

/* The one log line of a request. is_complete: the answer left whole. */
void request_log(const struct request *request, bool is_complete);

#endif
