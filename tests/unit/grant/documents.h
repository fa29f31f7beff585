/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Documents as JSON, one good one of each kind, to be spoilt by tests. Threads: one per test. */
#ifndef TESTS_UNIT_GRANT_DOCUMENTS_H
#define TESTS_UNIT_GRANT_DOCUMENTS_H

#include <jansson.h>

#include "grant/grant.h"

#define DOCUMENT_ID  "0197c0de-0000-7000-8000-000000000001"
#define DOCUMENT_HSM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/*
 * A good document. certificates is who may sign after a policy (threshold: all of them); it is not
 * asked for with other kinds. The caller owns the result.
 */
json_t *document_new(enum grant_kind kind, const char *const *certificates, size_t count);

/* Sets the member at path ("units", "settings.profile") to a JSON value; NULL takes it away. */
void document_set(json_t *document, const char *path, const char *value);

/* The text as people write it, with indentation; the caller frees it. */
char *document_text(const json_t *document);

/* Reads the text of a document; the outputs are those of grant_read. */
enum error document_read(const json_t *document, struct grant *ret_grant, struct fault *fault);

#endif
