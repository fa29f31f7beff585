/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The take and answer steps (api/handler.h) of operations that show what the vault said.
 *
 * The vault client has one thread, which must not be held up by long lists: it keeps the reply as
 * bytes, and the event loop makes JSON of them. Which result is wanted and how it is written
 * stands in the handler. Threads: as api/handler.h says of each step.
 */
#ifndef API_REPLY_H
#define API_REPLY_H

#include <microhttpd.h>

#include "api/cursor.h"
#include "core/error.h"
#include "vault.pb-c.h"

struct json_writer;
struct request;

/* Keeps a reply whose result is the handler's. */
enum error reply_take(struct request *request, const Provisiond__StationReply *reply, int *file);
/* 200 with what the handler writes; 500 when the reply is unsound. */
enum MHD_Result reply_answer(struct request *request);

/* For a write step: next_cursor of the vault's "next", 0 when there is none. */
void write_next_number(struct json_writer *writer, enum cursor_list list, int64_t next);

#endif
