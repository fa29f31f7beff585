/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A vault's admin socket that says what a test wants, over the real framing. It keeps the last
 * request. Threads: the test reads the request after provctl has ended.
 */
#ifndef TESTS_UNIT_CLI_VAULT_H
#define TESTS_UNIT_CLI_VAULT_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/rpc_server.h"
#include "support/temp_dir.h"
#include "vault.pb-c.h"

#define VAULT_OPS_MAX 64 /* one more than the largest number of an operation */

struct vault_double {
    struct rpc_server *server;
    char socket[TEMP_PATH_MAX];
    const Provisiond__AdminReply *reply; /* NULL: garbage is said, or it hangs up */
    /* What is said to an operation; where there is none, reply. */
    const Provisiond__AdminReply *replies[VAULT_OPS_MAX];
    const char *content; /* written into the descriptor that came along; NULL: nothing is */
    bool is_hanging_up;
    void (*before)(struct vault_double *vault); /* called with each request before its answer */
    Provisiond__AdminRequest *request;          /* the last; freed by vault_stop */
    unsigned request_count;
    char file[65536];   /* the first bytes of the descriptor that came along */
    size_t file_length; /* 0 when none did */
    bool is_waiting;    /* answers only after may_answer was posted */
    sem_t may_answer;
};

void vault_start(struct vault_double *vault, const struct temp_dir *dir);
void vault_stop(struct vault_double *vault);

#endif
