/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The form of what the checkpoint key signs and of what is kept as an anchor (C2SP tlog-checkpoint
 * in a signed note). The HSM side reads it for itself: the master refuses every other form, a
 * worker compares sizes. Internal to hsm/. Threads: pure functions.
 */
#ifndef HSM_HSM_CHECKPOINT_H
#define HSM_HSM_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "hsm/hsm_client.h"

/* What the three lines at the head of a note say. */
struct hsm_checkpoint {
    int64_t size; /* leaves */
    struct sha256 root;
};

/* True when text is exactly three lines: an origin, a size, a root. */
bool hsm_checkpoint_is_body(struct bytes text);
/*
 * True when text is exactly the four lines that are signed of a backup: its kind and an origin, a
 * time, two digests. No text is both.
 */
bool hsm_checkpoint_is_backup(struct bytes text);
/* Of a journal, as it may stand in a statement: at most HSM_ORIGIN_MAX bytes. */
bool hsm_checkpoint_is_origin(const char *text);
/*
 * What a checkpoint key signs of its successor, with NUL; returns the length without it. Its first
 * line begins with a kind of its own, so that it is neither a body nor a backup's.
 */
struct hsm_key_statement {
    const char *origin; /* hsm_checkpoint_is_origin */
    unsigned generation;
    struct sha256 old_key;
    struct sha256 new_key;
};
size_t hsm_checkpoint_statement(const struct hsm_key_statement *statement,
                                char out[HSM_CHECKPOINT_BODY_MAX + 1]);
/*
 * False unless text is a body, an empty line and at least one signature line. Signatures are not
 * checked: whoever reads the anchor does that.
 */
bool hsm_checkpoint_read_note(struct bytes text, struct hsm_checkpoint *ret_checkpoint);

#endif
