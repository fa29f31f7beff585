/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The order of a reconciliation, and its rows and flags as texts. */
#include "audit/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/canonical.h"
#include "audit/leaf_stream.h"
#include "audit/reconcile_part.h"
#include "core/clock.h"

/* ---- following the leaves ---- */

static enum error add_granted(struct reconciliation *reconciliation, const struct leaf *leaf,
                              int64_t units, struct fault *fault)
{
    uint32_t row = 0;
    if (units == 0)
        return ERR_OK;
    enum error e =
        reconcile_find_row(reconciliation, leaf_text(leaf, FIELD_PRODUCT),
                           leaf_text(leaf, FIELD_LOT), leaf->time_unix_ms / DAY_MS, &row, fault);
    if (e == ERR_OK)
        reconcile_row_at(reconciliation, row)->sums.granted += units;
    return e;
}

/* Units that the leaf grants, less those that it takes away. */
static int64_t units_of(const struct leaf *leaf)
{
    if (leaf->type == LEAF_PRODUCT_CREATED)
        return leaf_number(leaf, FIELD_QUOTA);
    if (leaf->type == LEAF_QUOTA_ADDED ||
        (leaf->type == LEAF_GRANT && leaf_text_is(leaf, FIELD_KIND, "install")))
        return leaf_number(leaf, FIELD_UNITS);
    if (leaf->type == LEAF_GRANT && leaf_text_is(leaf, FIELD_KIND, "revoke"))
        return -leaf_number(leaf, FIELD_TAKEN);
    return 0;
}

static enum error take_leaf(void *context, const struct leaf *leaf, struct fault *fault)
{
    struct reconciliation *reconciliation = context;
    enum error e = replay_leaf(&reconciliation->replay, leaf, fault);
    return e == ERR_OK ? add_granted(reconciliation, leaf, units_of(leaf), fault) : e;
}

static enum error read_leaves(struct reconciliation *reconciliation, struct fault *fault)
{
    const struct reconcile_request *request = &reconciliation->request;
    const struct leaf_stream stream = {.file = reconciliation->file,
                                       .threads = request->threads,
                                       .take = take_leaf,
                                       .on_progress = request->on_progress,
                                       .context = reconciliation,
                                       .progress_context = request->progress_context};
    enum error e = leaf_stream_run(&stream, fault);
    int64_t made = export_header(reconciliation->file)->made_unix_ms;
    int64_t last = reconciliation->report.last_unix_ms;
    reconciliation->made_unix_ms = made > last ? made : last;
    return e;
}

/* ---- life ---- */

static enum error check_limits(const struct reconcile_request *request, struct fault *fault)
{
    bool is_right =
        request->unreported_hours >= 0 && request->unreported_hours <= RECONCILE_HOURS_MAX &&
        request->reissue_percent >= 0 && request->reissue_percent <= RECONCILE_PERCENT_MAX &&
        request->shift_begin >= 0 && request->shift_begin < RECONCILE_DAY_MINUTES &&
        request->shift_end >= 0 && request->shift_end <= RECONCILE_DAY_MINUTES;
    return is_right ? ERR_OK
                    : fault_set(fault, ERR_BAD_REQUEST, "reconcile-limits",
                                "Hours, per cent or the shift are out of their limits.", 0);
}

static enum error run(struct reconciliation *reconciliation, struct fault *fault)
{
    const struct reconcile_request *request = &reconciliation->request;
    enum error e = check_limits(request, fault);
    if (e == ERR_OK)
        e = shipped_read(request->mes_path, &reconciliation->shipped, fault);
    if (e == ERR_OK)
        e = export_open(request->export_path, NULL, NULL, &reconciliation->file, fault);
    if (e != ERR_OK)
        return e;
    reconciliation->replay.file = reconciliation->file;
    e = read_leaves(reconciliation, fault);
    if (e == ERR_OK)
        e = reconcile_installs(reconciliation, fault);
    if (e == ERR_OK)
        e = reconcile_devices(reconciliation, fault);
    if (e == ERR_OK)
        e = reconcile_shipped(reconciliation, fault);
    if (e == ERR_OK)
        e = reconcile_sort_rows(reconciliation, fault);
    return e == ERR_OK ? reconcile_rates(reconciliation, fault) : e;
}

enum error audit_reconcile(const struct reconcile_request *request,
                           struct reconciliation **ret_reconciliation, struct fault *fault)
{
    struct reconciliation *reconciliation = calloc(1, sizeof *reconciliation);
    if (reconciliation == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.",
                         0);
    reconciliation->request = *request;
    reconciliation->rows.record_size = sizeof(struct row);
    replay_init(&reconciliation->replay, NULL, NULL, &reconciliation->report);
    enum error e = run(reconciliation, fault);
    if (e != ERR_OK) {
        reconciliation_free(reconciliation);
        return e;
    }
    *ret_reconciliation = reconciliation;
    return ERR_OK;
}

void reconciliation_free(struct reconciliation *reconciliation)
{
    if (reconciliation == NULL)
        return;
    for (int kind = 0; kind < RECONCILE_KINDS; kind++)
        free(reconciliation->lists[kind].flags);
    free(reconciliation->order);
    free(reconciliation->install_rows);
    free(reconciliation->counts);
    index_clear(&reconciliation->row_keys);
    pool_clear(&reconciliation->rows);
    replay_clear(&reconciliation->replay);
    audit_report_clear(&reconciliation->report);
    shipped_clear(&reconciliation->shipped);
    export_close(reconciliation->file);
    free(reconciliation);
}

int64_t reconciliation_made_unix_ms(const struct reconciliation *reconciliation)
{
    return reconciliation->made_unix_ms;
}
