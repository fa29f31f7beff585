/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a route does, in three steps on two threads.
 *
 * start (event loop) reads the request and either asks the vault (request_ask) or leaves it at
 * that; take (the vault client's thread) copies what is needed out of the vault's reply and must
 * not block; answer (event loop again) queues the response. A step that fails fills request->fault
 * and returns its code; the problem is then sent without further steps.
 */
#ifndef API_HANDLER_H
#define API_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "core/error.h"
#include "vault.pb-c.h"

struct json_writer;
struct request;

struct handler {
    enum error (*start)(struct request *request);
    /* reply has no fault. A descriptor that is kept is set to -1 in *file. */
    enum error (*take)(struct request *request, const Provisiond__StationReply *reply, int *file);
    /* The vault answered with a fault: says where in the request it lies. NULL where it cannot. */
    void (*locate)(struct request *request);
    enum MHD_Result (*answer)(struct request *request);
    uint32_t
        timeout_ms; /* for the vault's answer, when shorter than vault_timeout_ms; 0: no other */
    bool answers_faults; /* answer is called after a fault of start or take, too */
    /* With reply_take and reply_answer (api/reply.h): the result that is kept, and how it is
     * written. A fault of write fills request->fault. */
    int keeps; /* Provisiond__StationReply__ResultCase */
    enum error (*write)(struct request *request, const Provisiond__StationReply *reply,
                        struct json_writer *writer);
};

extern const struct handler LICENSE_HANDLER;
extern const struct handler BATCH_HANDLER;
extern const struct handler LICENSE_LIST_HANDLER;
extern const struct handler LICENSE_READ_HANDLER;
extern const struct handler RECEIPT_HANDLER;
extern const struct handler INSTALL_LIST_HANDLER;
extern const struct handler INSTALL_READ_HANDLER;
extern const struct handler OUTCOME_HANDLER;
extern const struct handler IMAGE_LIST_HANDLER;
extern const struct handler IMAGE_READ_HANDLER;
extern const struct handler CONTENT_HANDLER;
extern const struct handler PRODUCT_LIST_HANDLER;
extern const struct handler PRODUCT_READ_HANDLER;
extern const struct handler POLICY_HANDLER;
extern const struct handler USAGE_HANDLER;
extern const struct handler USAGE_LOTS_HANDLER;
extern const struct handler USAGE_DAYS_HANDLER;
extern const struct handler USAGE_STATIONS_HANDLER;
extern const struct handler GRANT_LIST_HANDLER;
extern const struct handler GRANT_READ_HANDLER;
extern const struct handler GRANT_HANDLER;
extern const struct handler STATION_LIST_HANDLER;
extern const struct handler STATION_READ_HANDLER;
extern const struct handler SELF_HANDLER;
extern const struct handler CHECKPOINT_HANDLER;
extern const struct handler TILE_HANDLER;
extern const struct handler KEY_HANDLER;
extern const struct handler FW_LICENSE_HANDLER;
extern const struct handler FW_IMAGE_HANDLER;
extern const struct handler PROBLEM_HANDLER;
extern const struct handler LIVE_HANDLER;
extern const struct handler READY_HANDLER;
extern const struct handler METRICS_HANDLER;

#endif
