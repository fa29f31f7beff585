/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What commands print on standard output beside tables: JSON objects on one line.
 *
 * Text from elsewhere that is not UTF-8 is escaped before it becomes JSON. Threads: any one thread.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

#include <jansson.h>

#include "cli/failure.h"
#include "core/bytes.h"

/* A JSON string, as it is or escaped; NULL when memory is out. */
json_t *output_text(const char *text);
/* "sha256:<hex>" of a digest. */
json_t *output_digest(const struct sha256 *digest);
/* Prints value, which is consumed, on one line. NULL means that it could not be made. */
enum error output_json(json_t *value, struct failure *failure) MUST_USE;
/* Prints a JSON text that a server sent, once more and on one line; not JSON: ERR_INTERNAL. */
enum error output_json_body(struct bytes body, struct failure *failure) MUST_USE;
/* Tells a person on standard error that a list is empty: "There are no products yet." */
void output_note_empty(size_t count, const char *things);

/* "Only 2000 stations are shown": the server cuts a list that it tells as a whole there. */
void output_note_cut(size_t count, const char *things);

#endif
