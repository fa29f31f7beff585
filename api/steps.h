/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Steps (api/handler.h) that routes share: those of /v1 with the drop-in routes of /fw, and
 * receipts with the journal.
 *
 * A start step sets its members of request->result, then asks; the other steps are the same for
 * both. Threads: as api/handler.h says of each step.
 */
#ifndef API_STEPS_H
#define API_STEPS_H

#include <stdbool.h>

#include <jansson.h>
#include <microhttpd.h>

#include "core/bytes.h"
#include "core/error.h"
#include "vault.pb-c.h"

struct license_body;
struct license_result;
struct request;

/* ---- licenses (api/handle_license.c): result.license, with form and device_path set ---- */

/* Points license, with its context, at body's members. */
void license_fill(struct license_body *body, Provisiond__LicenseRequest *license,
                  Provisiond__LicenseContext *context);
enum error license_ask(struct request *request, Provisiond__LicenseRequest *license) MUST_USE;
enum error license_take(struct request *request, const Provisiond__StationReply *reply, int *file);
void license_locate(struct request *request);
enum MHD_Result license_answer(struct request *request);

/* false: a field breaks its limits. */
bool license_read(const Provisiond__LicenseReply *reply, struct license_result *result);
unsigned license_status(const struct license_result *result);
/* NULL when memory is out. */
json_t *license_json(const struct license_result *result);

/* ---- images (api/handle_content.c): result.content, with etag or is_named set ---- */

/* The digest that the path names. ERR_IMAGE_UNKNOWN. */
enum error image_of_path(struct request *request, struct sha256 *ret_digest) MUST_USE;
enum error content_ask(struct request *request, Provisiond__ImageContentRequest *content) MUST_USE;
enum error content_take(struct request *request, const Provisiond__StationReply *reply, int *file);
enum MHD_Result content_answer(struct request *request);

/* ---- the journal (api/handle_journal.c) ---- */

/* Whether bytes of the vault can be a checkpoint: UTF-8 in whole lines, within their limit. */
bool checkpoint_is_sound(struct bytes note);

#endif
