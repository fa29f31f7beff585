/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A license's receipt as GET /v1/licenses/{license_id}/receipt answers: the leaf, its place, the
 * proof that it is in the tree, and the checkpoint. Private to audit/. Threads: pure functions.
 */
#ifndef AUDIT_RECEIPT_H
#define AUDIT_RECEIPT_H

#include "audit/leaf.h"
#include "journal/checkpoint.h"
#include "journal/tree.h"

struct receipt {
    char leaf[LEAF_SIZE_MAX];
    size_t leaf_length;
    int64_t index;
    int64_t size; /* of the tree */
    struct tree_proof proof;
    char checkpoint[CHECKPOINT_NOTE_MAX];
};

/* False when json is no receipt; unknown members are allowed. Nothing is proven by that. */
bool receipt_read(struct bytes json, struct receipt *ret_receipt) MUST_USE;

#endif
