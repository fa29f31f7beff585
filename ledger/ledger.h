/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The ledger: products and their quotas, images, devices, installs, principals, and the journal.
 *
 * One writer thread commits for all that wait, in groups: each change is durable (one transaction,
 * one fsync per group) before the call that asked for it returns, together with its journal leaf.
 * Nothing may be released on the strength of a call that has not returned ERR_OK. Readers see
 * committed state only. The database enforces on its own that a device is charged at most once
 * per product (policy per-device) and that used never exceeds quota.
 *
 * Order of calls: ledger_open, ledger_initialise once in its life, everything else, ledger_close
 * (after the last call returned). Threads: the handle is safe from any thread; calls that change
 * something wait for their group commit, at most LEDGER_COMMIT_TIMEOUT_MS.
 *
 * Every call may return ERR_LEDGER_UNAVAILABLE (native: SQLite's extended code: full disk, I/O
 * error, locked) and ERR_INTERNAL (memory). After ERR_TIMEOUT the change may still happen: ask
 * again, the answer will then tell. *fault, where there is one, is filled on failure.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

/* One page for each subject; this one has the ledger's life. */
#include "ledger/ledger_administer.h"
#include "ledger/ledger_document.h"
#include "ledger/ledger_journal.h"
#include "ledger/ledger_key.h"
#include "ledger/ledger_list.h"
#include "ledger/ledger_meter.h"
#include "ledger/ledger_read.h"
#include "ledger/ledger_types.h"

/* ---- life ---- */

/*
 * Opens the database at path and makes it when it does not exist. Refuses (ERR_CONFIG) a database
 * of a newer schema ("schema-newer"), and one whose WAL mode or synchronous=FULL does not read back
 * as set. One of an older schema is brought to this one on a copy, and kept under another name
 * (ledger/sqlite_migrate.h; "migration-failed"); one that is too old is refused ("schema-older").
 * Appends a "start" leaf that says whether the last stop was clean.
 */
enum error ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault) MUST_USE;
/* Appends the "stop" leaf; only reading, ledger_checkpoint_set and ledger_close may follow. */
enum error ledger_stop(struct ledger *ledger, struct fault *fault) MUST_USE;
/* Commits what waits, appends a "stop" leaf unless ledger_stop did, closes. NULL is allowed. */
void ledger_close(struct ledger *ledger);

/*
 * Binds the ledger to a site name and an HSM; the leaf names the people who were there (NULL: it
 * was no ceremony). Again with
 * the same site and HSM: ERR_OK, and nothing is written; others: ERR_CONFLICT.
 */
enum error ledger_initialise(struct ledger *ledger, const char *site,
                             const struct sha256 *hsm_identity, const struct ledger_people *people,
                             struct fault *fault) MUST_USE;
enum error ledger_info(struct ledger *ledger, struct ledger_info *ret_info,
                       struct fault *fault) MUST_USE;

/*
 * Room on the ledger's disk. With less than the reserve free (0: none is kept, as at first) first
 * licenses are ERR_LEDGER_UNAVAILABLE (LEDGER_DISK_NEARLY_FULL), so that outcomes and licenses that
 * were issued before still have the rest. Looked at for each group commit.
 */
enum ledger_room_state {
    LEDGER_ROOM_OK = 0,
    LEDGER_ROOM_LOW = 1,  /* less than twice the reserve */
    LEDGER_ROOM_SPENT = 2 /* less than the reserve */
};
struct ledger_room {
    enum ledger_room_state state;
    int64_t free_bytes; /* for this user; INT64_MAX: not known */
    int64_t reserve_bytes;
};
void ledger_set_reserve(struct ledger *ledger, int64_t bytes);
void ledger_room(struct ledger *ledger, struct ledger_room *ret_room);
/* For what else would take room: ERR_LEDGER_UNAVAILABLE (LEDGER_DISK_NEARLY_FULL) when so many
 * bytes more would leave less than the reserve. */
enum error ledger_room_permits(struct ledger *ledger, int64_t bytes, struct fault *fault) MUST_USE;
/* The refusal. */
enum error ledger_room_fault(struct fault *fault);

/*
 * How far the clock is behind the newest leaf now; 0: it is not. With more than
 * LEDGER_CLOCK_TOLERANCE_MS every license is ERR_CLOCK_SET_BACK.
 */
int64_t ledger_behind_ms(struct ledger *ledger);
/* The refusal. */
enum error ledger_clock_fault(struct fault *fault);

#endif
