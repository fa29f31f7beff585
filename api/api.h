/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The front end: stations speak HTTPS and JSON to it, it speaks to the vault for them.
 *
 * It checks who calls (a client certificate under config->api.client_ca), reads the request into
 * fixed structs, asks the vault's station socket one question, and turns the answer into HTTP. It
 * holds no key but its own TLS key, no list of stations and no database: what a station may do, the
 * vault decides. The vault may be absent at start and come back at any time; requests meanwhile are
 * answered with a problem.
 *
 * Order of calls: api_new, …, api_free. Threads: both from one thread, with the stop signals
 * blocked before api_new; inside, one event loop per core.
 */
#ifndef API_API_H
#define API_API_H

#include <stdint.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"

struct api;

/*
 * Loads certificate, key and client CA, listens and serves. listen_fd is a bound, listening stream
 * socket to use (it is taken over, also on failure), or -1 to listen at config->api.listen. config
 * is borrowed until api_free. ERR_CONFIG with a sentence when the files or the address cannot be
 * used.
 */
enum error api_new(const struct config *config, int listen_fd, struct api **ret_api,
                   struct fault *fault) MUST_USE;

/*
 * Takes over another configuration while requests go on: the files of [api] and every limit but
 * those that config_restart_keys names. ERR_CONFIG with a sentence when a file cannot be used; then
 * everything stays as it was. config is borrowed for the call. From one thread, not beside
 * api_free.
 */
enum error api_reload(struct api *api, const struct config *config, struct fault *fault) MUST_USE;

/* Reads the files of [api] as api_new would, and nothing else. */
enum error api_check(const struct config *config, struct fault *fault) MUST_USE;

/* The TCP port that is served; what port 0 became. */
uint16_t api_port(const struct api *api);

/*
 * Whether stations are served: a connection of its own asks for /livez, through the acceptor and
 * one event loop; the next call asks the next loop. No limit of [api] stands in its way. Then the
 * link to the vault must end a question, answered or not. ERR_TIMEOUT when one of them did not.
 * From one thread at a time.
 */
enum error api_probe(struct api *api, deadline_ms deadline, struct fault *fault) MUST_USE;

/*
 * Accepts nobody any more, answers who has connected and asked nothing yet, if he asks within a
 * second; then refuses new questions, lets the requests under way finish for a while, then ends
 * them with a problem and frees; the listening socket is closed last. NULL is allowed.
 */
void api_free(struct api *api);

#endif
