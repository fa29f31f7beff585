/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The signed documents of an export, found by their digests: each leaf of the type grant names one,
 * and each must be named. Private to audit/. Threads: one.
 */
#ifndef AUDIT_DOCUMENTS_H
#define AUDIT_DOCUMENTS_H

#include <stdint.h>

#include "audit/findings.h"
#include "audit/index.h"
#include "audit/pool.h"
#include "grant/signed_document.h"
#include "journal/export.h"

struct documents {
    const struct export_file *file;
    struct pool records;
    struct index digests;
    struct index ids; /* of those that counted */
};

/* Reads all of them; those that are no base64 are found. documents is cleared also on failure. */
enum error documents_read(struct documents *documents, const struct export_file *file,
                          struct findings *findings, struct fault *fault) MUST_USE;
void documents_clear(struct documents *documents);

/* The number of the document with that digest, from 0; POOL_NONE. */
uint32_t documents_find(const struct documents *documents, const struct sha256 *digest);
/* Opens it; the caller frees it. ERR_INTERNAL, or why it cannot be read. */
enum error documents_open(const struct documents *documents, uint32_t number,
                          struct signed_document **ret_document, struct fault *fault) MUST_USE;
/*
 * Notes that a leaf named it, and its id, which counts once: *ret_was_used when the document or
 * another one with that id was named before.
 */
enum error documents_use(struct documents *documents, uint32_t number, const struct uuid *id,
                         bool *ret_was_used, struct fault *fault) MUST_USE;
/* Finds those that no leaf named. */
void documents_find_unused(const struct documents *documents, struct findings *findings);

#endif
