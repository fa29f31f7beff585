/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The anchor's reach and the clock, as licenses meet them. Owns no state. */
#include "ledger/gate.h"

#include "ledger/handle.h"
#include "ledger/journal.h"

void ledger_set_anchored(struct ledger *ledger, int64_t size, int64_t unanchored_max)
{
    const struct change_anchored anchored = {.size = size, .unanchored_max = unanchored_max};
    committer_set_anchored(ledger->committer, &anchored);
}

int64_t ledger_behind_ms(struct ledger *ledger)
{
    int64_t behind_ms = committer_newest_unix_ms(ledger->committer) - clock_unix_ms();
    return behind_ms > 0 ? behind_ms : 0;
}

enum error ledger_clock_fault(struct fault *fault)
{
    return fault_set(fault, ERR_CLOCK_SET_BACK, "clock-set-back",
                     "The clock is behind the newest leaf of the journal: set it right "
                     "(`timedatectl`). No new license is issued until then.",
                     0);
}

enum error gate_license(const struct change_context *context, struct fault *fault)
{
    if (context->wall_unix_ms + LEDGER_CLOCK_TOLERANCE_MS >= context->memory.newest_unix_ms)
        return ERR_OK;
    return ledger_clock_fault(fault);
}

enum error gate_first_license(struct change_context *context, struct fault *fault)
{
    const struct change_anchored *anchored = &context->anchored;
    int64_t size = 0;
    if (anchored->size == LEDGER_NO_ANCHOR)
        return ERR_OK;
    enum error e = journal_size(context, &size, fault);
    if (e != ERR_OK)
        return e;
    if (context->memory.barrier <= anchored->size &&
        size - anchored->size < anchored->unanchored_max)
        return ERR_OK;
    return fault_set(fault, ERR_BUSY, LEDGER_AWAITS_ANCHOR,
                     "New licenses wait until the HSM's anchor covers the journal: ask again.", 0);
}
