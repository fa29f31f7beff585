/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the ledger accepts, checked before anything is queued: a text that is no UTF-8 or a value
 * outside its limits must never reach a row or a journal leaf. Pure functions; ERR_BAD_REQUEST.
 */
#ifndef LEDGER_VALID_H
#define LEDGER_VALID_H

#include "ledger/ledger.h"

#define LEDGER_BY_MAX     64 /* bytes of "who did it" */
#define LEDGER_REASON_MAX (FAULT_REASON_SIZE - 1)

/* True for a NUL-terminated text of at most max bytes of strict UTF-8 (RFC 3629) in an array of
 * max + 1 bytes. */
bool valid_text(const char *text, size_t max);
/* True for a text without control characters (C0, DEL). */
bool valid_is_visible(const char *text);
/* As name_is_valid, with a fault. */
enum error valid_name(const char *name, struct fault *fault) MUST_USE;
/* A name other than "latest" in any case, which stations say for the newest image; or "". */
enum error valid_alias(const char *alias, struct fault *fault) MUST_USE;
enum error valid_by(const char *by, struct fault *fault) MUST_USE;
/* Two who are named and not the same, or none. */
enum error valid_people(const struct ledger_people *people, struct fault *fault) MUST_USE;
/* Lists in their form, that fit a leaf together (scope.c). */
enum error valid_scope(const struct ledger_scope *scope, struct fault *fault) MUST_USE;
enum error valid_product(const struct ledger_product_new *product, struct fault *fault) MUST_USE;
enum error valid_image(const struct ledger_image *image, struct fault *fault) MUST_USE;
/* A product that local administration may change: ERR_FORBIDDEN ("product-governed"). */
enum error valid_local(const struct ledger_product *product, struct fault *fault) MUST_USE;
enum error valid_rebinding(const struct ledger_rebinding *rebinding, struct fault *fault) MUST_USE;
enum error valid_budget(const struct ledger_budget *budget, struct fault *fault) MUST_USE;
/* But for a policy's settings, which are a product's. */
enum error valid_grant(const struct ledger_grant *grant, struct fault *fault) MUST_USE;
enum error valid_device(const struct ledger_device *device, struct fault *fault) MUST_USE;
enum error valid_issue(const struct ledger_issue *issue, struct fault *fault) MUST_USE;
enum error valid_outcome(const struct ledger_outcome *outcome, struct fault *fault) MUST_USE;
bool valid_refusal(const struct ledger_refusal *refusal);

#endif
