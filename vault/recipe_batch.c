/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many licenses of one caller: each goes through the steps of course.h, those that need the HSM
 * together; then all are committed together, in their order. Owns no state.
 */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "vault/course.h"
#include "vault/notary.h"

#define BATCH_TIMEOUT_MS 5000 /* until all licenses are made */
#define PREPARE_SHARE    2    /* of what is left until the answer is due; the rest is to commit */

struct batch {
    struct vault *vault;
    size_t count;
    struct course *courses;          /* owned */
    struct ledger_batch_item *items; /* owned; issue NULL: settled, its fault or answer stands */
    struct course_outcome *outcomes; /* owned; of those that need a license */
};

static void batch_clear(struct batch *batch)
{
    free(batch->courses);
    free(batch->items);
    free(batch->outcomes);
}

static bool batch_init(struct batch *batch, struct vault *vault,
                       const struct recipe_request *requests, size_t count)
{
    *batch = (struct batch){.vault = vault, .count = count};
    batch->courses = calloc(count, sizeof *batch->courses);
    batch->items = calloc(count, sizeof *batch->items);
    batch->outcomes = calloc(count, sizeof *batch->outcomes);
    if (batch->courses == NULL || batch->items == NULL || batch->outcomes == NULL) {
        batch_clear(batch);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        batch->courses[i].vault = vault;
        batch->courses[i].request = &requests[i];
    }
    return true;
}

/* ---- steps 2 to 5: what needs the HSM asks it together ---- */

/* So that whoever asked still hears of those that are made. */
static deadline_ms prepare_deadline(const struct batch *batch)
{
    const struct recipe_request *request = batch->courses[0].request;
    deadline_ms half = deadline_in(deadline_left_ms(request->deadline) / PREPARE_SHARE);
    deadline_ms longest = course_deadline(request, BATCH_TIMEOUT_MS);
    return half < longest ? half : longest;
}

static enum error fail_late(struct fault *fault)
{
    return fault_set(fault, ERR_BUSY, "batch-late",
                     "The licenses before this one took too long: ask again for those that are "
                     "left.",
                     0);
}

/* The result is how many need a license: those are in batch->outcomes. */
static size_t begin_all(struct batch *batch, deadline_ms deadline)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct ledger_batch_item *item = &batch->items[i];
        struct course *course = &batch->courses[i];
        item->code = deadline_left_ms(deadline) > 0 ? course_begin(course, &item->fault)
                                                    : fail_late(&item->fault);
        if (item->code == ERR_OK && course->needs_license)
            batch->outcomes[count++] =
                (struct course_outcome){.course = course, .item = i, .fault = &item->fault};
    }
    return count;
}

static void take_outcome(struct batch *batch, const struct course_outcome *outcome)
{
    struct ledger_batch_item *item = &batch->items[outcome->item];
    item->code = outcome->code;
    if (item->code == ERR_BUSY && strcmp(item->fault.reason, HSM_WRAPS_LATE) == 0)
        item->code = fail_late(&item->fault);
}

static void prepare_all(struct batch *batch)
{
    deadline_ms deadline = prepare_deadline(batch);
    size_t count = begin_all(batch, deadline);
    if (count > 0)
        course_make_licenses(batch->vault, batch->outcomes, count, deadline);
    for (size_t i = 0; i < count; i++)
        take_outcome(batch, &batch->outcomes[i]);
    for (size_t i = 0; i < batch->count; i++) {
        struct ledger_batch_item *item = &batch->items[i];
        if (item->code == ERR_OK) {
            course_end(&batch->courses[i]);
            item->issue = &batch->courses[i].issue;
        } else {
            course_note_refusal(&batch->courses[i], &item->fault);
        }
    }
}

/* ---- step 6, together ---- */

static bool awaits_anchor(const struct ledger_batch_item *item)
{
    return item->code == ERR_BUSY && strcmp(item->fault.reason, LEDGER_AWAITS_ANCHOR) == 0;
}

static void settle(struct batch *batch, size_t index)
{
    struct ledger_batch_item *item = &batch->items[index];
    item->issue = NULL;
    if (item->code == ERR_OK)
        notary_note(batch->vault->notary, item->issued.journal_index + 1);
    else
        course_note_refusal(&batch->courses[index], &item->fault);
}

/* True when some are left, which wait for the anchor. */
static bool settle_all(struct batch *batch)
{
    bool is_left = false;
    for (size_t i = 0; i < batch->count; i++) {
        struct ledger_batch_item *item = &batch->items[i];
        if (item->issue != NULL && !awaits_anchor(item))
            settle(batch, i);
        is_left = is_left || item->issue != NULL;
    }
    return is_left;
}

/* What is left shares this fate. */
static void fail_all(struct batch *batch, const struct fault *fault)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct ledger_batch_item *item = &batch->items[i];
        if (item->issue == NULL)
            continue;
        item->issue = NULL;
        item->code = fault->code;
        item->fault = *fault;
    }
}

static bool has_issues(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].issue != NULL)
            return true;
    }
    return false;
}

/* As for one: first licenses wait while too much of the journal is without an anchor, and those
 * that do so are given again, in their order. */
static void commit_all(struct batch *batch)
{
    struct fault fault;
    deadline_ms deadline = course_deadline(batch->courses[0].request, COURSE_ANCHOR_TIMEOUT_MS);
    enum error e = ERR_OK;
    bool is_left = has_issues(batch);
    while (is_left && e == ERR_OK) {
        int64_t anchored = notary_anchored_size(batch->vault->notary);
        e = ledger_issue_batch(batch->vault->ledger, batch->items, batch->count, &fault);
        if (e == ERR_OK)
            is_left = settle_all(batch);
        if (e == ERR_OK && is_left)
            e = course_await_anchor(batch->vault, anchored, deadline, &fault);
    }
    if (e != ERR_OK)
        fail_all(batch, &fault);
}

static void take_result(struct batch *batch, size_t index, struct recipe_result *ret_result)
{
    const struct ledger_batch_item *item = &batch->items[index];
    const struct course *course = &batch->courses[index];
    *ret_result = (struct recipe_result){.fault = item->fault};
    if (item->code != ERR_OK)
        return;
    ret_result->fault = (struct fault){0};
    ret_result->answer.issued = item->issued;
    ret_result->answer.image = course->image.digest;
    strcpy(ret_result->answer.profile, course->product.profile);
}

static enum error enter(struct vault *vault, int64_t principal_id, struct fault *fault)
{
    switch (turns_enter(&vault->batches, principal_id)) {
    case TURNS_TAKEN:
        return ERR_OK;
    case TURNS_FULL:
        return fault_set(fault, ERR_BUSY, "many-batches",
                         "Many batches are being made already: ask again.", 0);
    default:
        return fault_set(fault, ERR_BUSY, "callers-batches",
                         "Batches of this caller are being made already: send the next one when "
                         "the answer has come.",
                         0);
    }
}

static enum error make(struct vault *vault, const struct recipe_request *requests, size_t count,
                       struct recipe_result *ret_results, struct fault *fault)
{
    struct batch batch;
    if (!batch_init(&batch, vault, requests, count))
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    prepare_all(&batch);
    commit_all(&batch);
    for (size_t i = 0; i < count; i++)
        take_result(&batch, i, &ret_results[i]);
    batch_clear(&batch);
    return ERR_OK;
}

enum error recipe_license_batch(struct vault *vault, const struct recipe_request *requests,
                                size_t count, struct recipe_result *ret_results,
                                struct fault *fault)
{
    int64_t principal_id = requests[0].caller->id;
    enum error e = enter(vault, principal_id, fault);
    if (e != ERR_OK)
        return e;
    e = make(vault, requests, count, ret_results, fault);
    turns_leave(&vault->batches, principal_id);
    return e;
}
