/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a place in a JSON text lies, as a path.
 *
 * For what the parser finds itself and tells as a number of bytes only. Threads: pure functions.
 */
#ifndef API_JSON_PLACE_H
#define API_JSON_PLACE_H

#include "api/json_reader.h"
#include "core/bytes.h"

/*
 * Writes the path of the member or item at the end of text, the beginning of a JSON text that is
 * nested at most API_JSON_DEPTH_MAX deep. A name that is not plain ends the path before it.
 */
void json_place(struct bytes text, struct json_path *ret_path);

#endif
