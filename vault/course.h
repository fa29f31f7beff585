/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One license request on its way through the recipe, alone or in a batch. Order of calls:
 * course_begin; course_make_license or course_make_licenses when it needs one; course_end; then the
 * ledger is given course->issue; course_note_refusal when one of them refused. Threads: a course
 * belongs to one thread.
 */
#ifndef VAULT_COURSE_H
#define VAULT_COURSE_H

#include "core/clock.h"
#include "device/device.h"
#include "license/license.h"
#include "vault/device_settings.h"
#include "vault/recipe.h"

#define COURSE_ANCHOR_TIMEOUT_MS 5000 /* as long as a wrap may take */

/* Set vault and request, zero the rest. */
struct course {
    struct vault *vault;
    const struct recipe_request *request;
    struct ledger_context context; /* the request's, with its line */
    struct ledger_product product;
    struct ledger_image image;
    const struct license_profile *profile; /* the product's; set with device */
    struct license_st_settings st;         /* of a product that has settings */
    bool has_st;
    struct device_settings settings; /* of a product with X.509 devices */
    bool is_genuine;                 /* the device proved its origin */
    bool needs_license;              /* the device has none of this image and may have one */
    struct device device;
    struct ledger_device identity;
    struct license_agreement agreement; /* of the license that is made */
    struct license license;
    struct ledger_issue issue;
};

/* Steps 2 to 4: product and image are known, enabled and the caller's, the device proves its origin
 * under the product's own anchors, and what the ledger says of it: sets needs_license. */
enum error course_begin(struct course *course, struct fault *fault) MUST_USE;
/* Step 5. */
enum error course_make_license(struct course *course, struct fault *fault) MUST_USE;

/* Of one course of many. */
struct course_outcome {
    struct course *course;
    size_t item;         /* the caller's */
    struct fault *fault; /* borrowed; filled when code is not ERR_OK */
    enum error code;
};
/* Step 5 of many: those that could not be asked for before the deadline are ERR_BUSY
 * (HSM_WRAPS_LATE). */
void course_make_licenses(struct vault *vault, struct course_outcome *outcomes, size_t count,
                          deadline_ms deadline);
/* Sets issue, which points into the course. */
void course_end(struct course *course);
/* So many milliseconds from now, or when whoever asked gives up. */
deadline_ms course_deadline(const struct recipe_request *request, int64_t timeout_ms);
/* Waits until the anchor covers another number of leaves than before; not more than half of the
 * vault's threads do. ERR_BUSY, or as notary_await_anchor. */
enum error course_await_anchor(struct vault *vault, int64_t before, deadline_ms deadline,
                               struct fault *fault) MUST_USE;
/* A refused identity goes to the journal. The subject was found. */
void course_note_refusal(const struct course *course, const struct fault *fault);

#endif
