/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One license: the steps of course.h, then the commit. Owns no state. */
#include "vault/recipe.h"

#include <string.h>

#include "core/clock.h"
#include "vault/course.h"
#include "vault/notary.h"

enum error recipe_find_image(struct ledger *ledger, const char *product,
                             const struct sha256 *digest, struct ledger_product *ret_product,
                             struct ledger_image *ret_image, struct fault *fault)
{
    enum error e = ledger_product_get(ledger, product, ret_product, fault);
    if (e != ERR_OK)
        return e;
    if (!ret_product->is_enabled)
        return fault_set(fault, ERR_PRODUCT_UNKNOWN, "product-disabled", "The product is disabled.",
                         0);
    return ledger_image_get(ledger, ret_product->id, digest, ret_image, fault);
}

/* A first license waits while too much of the journal is without an anchor. */
static enum error issue_anchored(struct course *course, struct ledger_issued *ret_issued,
                                 struct fault *fault)
{
    struct vault *vault = course->vault;
    deadline_ms deadline = course_deadline(course->request, COURSE_ANCHOR_TIMEOUT_MS);
    for (;;) {
        int64_t anchored = notary_anchored_size(vault->notary);
        enum error e = ledger_issue(vault->ledger, &course->issue, ret_issued, fault);
        if (e != ERR_BUSY || strcmp(fault->reason, LEDGER_AWAITS_ANCHOR) != 0)
            return e;
        e = course_await_anchor(vault, anchored, deadline, fault);
        if (e != ERR_OK)
            return e;
    }
}

/* Step 6: who loses a race for the same device gets the stored bytes here. */
static enum error commit(struct course *course, struct ledger_issued *ret_issued,
                         struct fault *fault)
{
    enum error e = issue_anchored(course, ret_issued, fault);
    if (e == ERR_OK)
        notary_note(course->vault->notary, ret_issued->journal_index + 1);
    return e;
}

enum error recipe_license(struct vault *vault, const struct recipe_request *request,
                          struct recipe_answer *ret_answer, struct fault *fault)
{
    struct course course = {.vault = vault, .request = request};
    enum error e = course_begin(&course, fault);
    if (e == ERR_OK && course.needs_license)
        e = course_make_license(&course, fault);
    if (e == ERR_OK) {
        course_end(&course);
        e = commit(&course, &ret_answer->issued, fault);
    }
    if (e != ERR_OK) {
        course_note_refusal(&course, fault);
        return e;
    }
    ret_answer->image = course.image.digest;
    strcpy(ret_answer->profile, course.product.profile);
    return ERR_OK;
}
