/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Lines as texts, there and back. Private to handover/. Threads: pure functions. */
#ifndef HANDOVER_FORM_H
#define HANDOVER_FORM_H

#include "handover/handover.h"

/* The one form of a line; the caller frees it. NULL: no memory, or a text that is not UTF-8. */
char *form_of_header(const struct handover_header *header) MUST_USE;
char *form_of_image(const struct handover_image *image) MUST_USE;

/* False unless the line is exactly what the functions above make of *ret_header or *ret_image. */
bool form_read_header(const char *line, struct handover_header *ret_header) MUST_USE;
bool form_read_image(const char *line, struct handover_image *ret_image) MUST_USE;

/* Adds a line with its end to the hash; false for lack of memory. */
bool form_hash_line(struct handover_file *file, const char *line) MUST_USE;
/* The hash of the lines so far, which goes on. */
bool form_hash_so_far(const struct handover_file *file, struct sha256 *ret_digest) MUST_USE;

#endif
