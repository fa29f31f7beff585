/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Looks at the ledger's disk once a second and logs when it becomes low, nearly full, or well
 * again. What happens then is the ledger's (ledger_set_reserve). Threads: one of its own.
 */
#ifndef VAULT_DISK_WATCH_H
#define VAULT_DISK_WATCH_H

#include "ledger/ledger.h"

struct disk_watch;

/* The ledger is borrowed until disk_watch_free. */
enum error disk_watch_new(struct ledger *ledger, struct disk_watch **ret_watch) MUST_USE;
/* NULL is allowed. */
void disk_watch_free(struct disk_watch *watch);

/* "ok", "disk-low" or "disk-nearly-full". */
const char *disk_word(enum ledger_room_state state);
/* ERR_OK, or the word as a fault, now. */
enum error disk_fault(struct ledger *ledger, struct fault *fault) MUST_USE;

#endif
