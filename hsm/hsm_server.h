/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The master of provision-hsm: the socket, the check of every request, and one keeper per worker.
 *
 * It loads no module. While the token cannot be reached every request is refused at once with the
 * reason, and service returns by itself; only a refused PIN needs an operator and a restart.
 *
 * Order of calls: hsm_server_new after daemon_start; hsm_server_free. Threads: both from main.
 */
#ifndef HSM_HSM_SERVER_H
#define HSM_HSM_SERVER_H

#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"

struct hsm_server;

/*
 * Serves at config->socket to root, the own user and config->client_user, and begins to start
 * workers; does not wait for them. config and pin are borrowed until hsm_server_free; an empty pin
 * is for tokens that ask for none. ERR_CONFIG when the socket cannot be made.
 */
enum error hsm_server_new(const struct config_hsm *config, const struct secret *pin,
                          struct hsm_server **ret_server, struct fault *fault) MUST_USE;

/* Whether the module's file is there and can be read; loads nothing. ERR_CONFIG. */
enum error hsm_check(const struct config_hsm *config, struct fault *fault) MUST_USE;
/* Whether the folder that systemd gave, if it did, can be written. ERR_CONFIG ("state-folder"). */
enum error hsm_check_state(struct fault *fault) MUST_USE;

/*
 * Whether the vault is served: asks the master's socket for its status, as the vault would. Any
 * answer will do: a token that is away is no reason to start anew. ERR_HSM_UNAVAILABLE or
 * ERR_TIMEOUT otherwise.
 */
enum error hsm_probe(const char *socket, deadline_ms deadline, struct fault *fault) MUST_USE;

/* Refuses what waits, ends the workers, frees. NULL is allowed. */
void hsm_server_free(struct hsm_server *server);

#endif
