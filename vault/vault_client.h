/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The asking side of provision-vault's two sockets, for provisiond and provctl.
 *
 * Requests and answers are the messages of vault.proto. The client connects on first use and again
 * after a loss; every question ends by its deadline. Threads: safe from any thread.
 */
#ifndef VAULT_VAULT_CLIENT_H
#define VAULT_VAULT_CLIENT_H

#include "core/clock.h"
#include "core/error.h"
#include "vault.pb-c.h"

#define VAULT_REQUEST_MAX_BYTES ((size_t)1088 * 1024)     /* a batch */
#define VAULT_REPLY_MAX_BYTES   ((size_t)3 * 1024 * 1024) /* a tile of the largest leaves */

struct vault_client;

/* Never connects. socket_path is copied: the station or the admin socket. */
enum error vault_client_new(const char *socket_path, struct vault_client **ret_client) MUST_USE;
/* Ends every open question with ERR_VAULT_UNAVAILABLE. NULL is allowed. */
void vault_client_free(struct vault_client *client);

/*
 * Called exactly once per question, on the client's thread: must not block. reply is NULL unless
 * the vault answered (fault->code is then the reply's own code); it is borrowed. file is the
 * descriptor that came along, -1 for none; the callback takes it over.
 */
typedef void (*vault_station_done)(void *context, const struct fault *fault,
                                   const Provisiond__StationReply *reply, int file);

/* Asks on the station socket. request is borrowed. */
void vault_station_send(struct vault_client *client, const Provisiond__StationRequest *request,
                        deadline_ms deadline, vault_station_done done, void *context);

/*
 * Asks on the admin socket and waits. file is a descriptor to send along, or -1. ERR_OK: *ret_reply
 * is the caller's, free it with vault_admin_reply_free, and so is the descriptor *ret_file that
 * came along, -1 for none; ret_file may be NULL. Otherwise *fault is filled, with the reply's own
 * fault when the vault answered one.
 */
enum error vault_admin_call(struct vault_client *client, const Provisiond__AdminRequest *request,
                            int file, deadline_ms deadline, Provisiond__AdminReply **ret_reply,
                            int *ret_file, struct fault *fault) MUST_USE;
void vault_admin_reply_free(Provisiond__AdminReply *reply);

#endif
