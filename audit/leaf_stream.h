/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * All leaves of an export in their order, read and hashed on all cores.
 *
 * Chunks of leaves are read by several threads ahead of the caller, who gets leaf after leaf in his
 * own thread; how many threads there are shows in nothing but the time. A few chunks are held at
 * once, however long the log is. Private to audit/. Threads: leaf_stream_run makes and joins its
 * own.
 */
#ifndef AUDIT_LEAF_STREAM_H
#define AUDIT_LEAF_STREAM_H

#include <stdint.h>

#include "audit/leaf.h"
#include "audit/log_tree.h"
#include "journal/export.h"

struct leaf_stream {
    const struct export_file *file;
    unsigned threads;      /* 0: one for each core */
    struct log_tree *tree; /* its tiles are set; NULL: nothing is hashed */
    bool checks_receipts;  /* of devices */
    /* Gets each leaf, borrowed for the call. An error ends the run. */
    enum error (*take)(void *context, const struct leaf *leaf, struct fault *fault);
    /* Told now and then how many leaves were taken; may be NULL. */
    void (*on_progress)(void *context, uint64_t done, uint64_t all);
    void *context; /* of take */
    void *progress_context;
};

/* ERR_INTERNAL ("memory") or what take returned. */
enum error leaf_stream_run(const struct leaf_stream *stream, struct fault *fault) MUST_USE;

#endif
