/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looks at the ledger's disk and at the clock once a second, and logs when the one becomes low,
 * nearly full, or well again, and the other is set back or right again. What happens then is the
 * ledger's (ledger_set_reserve, ledger_behind_ms). Threads: one of its own.
 */
#ifndef VAULT_LEDGER_WATCH_H
#define VAULT_LEDGER_WATCH_H

#include "ledger/ledger.h"

struct ledger_watch;

/* The first look is told before ledger_watch_free returns. The ledger is borrowed until then. */
enum error ledger_watch_new(struct ledger *ledger, struct ledger_watch **ret_watch) MUST_USE;
/* NULL is allowed. */
void ledger_watch_free(struct ledger_watch *watch);

/* "ok", "disk-low" or "disk-nearly-full". */
const char *ledger_watch_room(enum ledger_room_state state);
/* ERR_OK, or "clock-set-back" or the word of the room as a fault, now. */
enum error ledger_watch_fault(struct ledger *ledger, struct fault *fault) MUST_USE;

#endif
