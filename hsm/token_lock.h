/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One writer of the token at a time, over all worker processes of one master.
 *
 * SoftHSM's processes learn of each other's new objects by a counter in a file; a process that
 * writes counts on from what it finds there, and so never looks for what another one wrote since it
 * last looked. A worker that starts, and one that makes or destroys a token object, therefore holds
 * this lock, and looks for objects before it writes. Other modules need none of this, and lose
 * nothing by it.
 *
 * The lock is a record lock (fcntl(2)) on a pipe that workers inherit: the kernel opens it when its
 * holder ends. A pipe, because it has no name, and nothing that is written there can be executed.
 * Waiting has no limit of its own: a master ends workers that are late.
 */
#ifndef HSM_TOKEN_LOCK_H
#define HSM_TOKEN_LOCK_H

#include "core/error.h"

/* The master's: makes the pipe, close-on-exec. The caller closes *ret_fd. ERR_INTERNAL with errno.
 */
enum error token_lock_new(int *ret_fd, struct fault *fault) MUST_USE;

/* The worker's: not recursive. ERR_INTERNAL ("token-lock") with errno. */
enum error token_lock_take(int fd, struct fault *fault) MUST_USE;
void token_lock_leave(int fd);

#endif
