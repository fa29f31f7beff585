/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RFC 6962 §2.1 word for word: recursive, over all leaves, with nothing stored but results that
 * were computed before. The leaves are leaf_log_entry's, at most REFERENCE_MAX. Threads: one.
 */
#ifndef TESTS_UNIT_JOURNAL_REFERENCE_H
#define TESTS_UNIT_JOURNAL_REFERENCE_H

#include <stdint.h>

#include "journal/tree.h"

#define REFERENCE_MAX 700

/* MTH(D[first:end]). */
struct sha256 reference_root(int64_t first, int64_t end);
/* PATH(m, D[n]) and PROOF(m, D[n]). */
void reference_path(int64_t m, int64_t n, struct tree_proof *ret_proof);
void reference_proof(int64_t m, int64_t n, struct tree_proof *ret_proof);

#endif
