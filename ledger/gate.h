/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a license waits for beside the rules of metering: the anchor in the HSM and the clock
 * (docs/JOURNAL.md, "The anchor"). Writer thread, inside a change.
 */
#ifndef LEDGER_GATE_H
#define LEDGER_GATE_H

#include "ledger/change.h"

/* A first license: ERR_LEDGER_UNAVAILABLE (LEDGER_DISK_NEARLY_FULL). */
enum error gate_room(const struct change_context *context, struct fault *fault) MUST_USE;
/* Any license: ERR_CLOCK_SET_BACK. */
enum error gate_license(const struct change_context *context, struct fault *fault) MUST_USE;
/* A first license, whose leaf is the next: ERR_BUSY (LEDGER_AWAITS_ANCHOR). */
enum error gate_first_license(struct change_context *context, struct fault *fault) MUST_USE;

#endif
