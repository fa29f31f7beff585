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

#include <microhttpd.h>

#include "core/bytes.h"
#include "core/error.h"
#include "vault.pb-c.h"

struct request;

/* ---- licenses (api/handle_license.c): result.license, with wants_octets and device_path set ----
 */

enum error license_ask(struct request *request, Provisiond__LicenseRequest *license) MUST_USE;
enum error license_take(struct request *request, const Provisiond__StationReply *reply, int *file);
void license_locate(struct request *request);
enum MHD_Result license_answer(struct request *request);

/* ---- images (api/handle_content.c): result.content, with etag or is_named set ---- */

enum error content_ask(struct request *request, Provisiond__ImageContentRequest *content) MUST_USE;
enum error content_take(struct request *request, const Provisiond__StationReply *reply, int *file);
enum MHD_Result content_answer(struct request *request);

/* ---- the journal (api/handle_journal.c) ---- */

/* Whether bytes of the vault can be a checkpoint: UTF-8 in whole lines, within their limit. */
bool checkpoint_is_sound(struct bytes note);

#endif
