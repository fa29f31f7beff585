/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Landlock: from a call of files_close on, the calling thread and all that it starts use files only
 * as the rules say. What is open stays open. It can be narrowed again and never widened.
 *
 * Also, whoever is inside can read or trace no process outside. Threads: call before any starts.
 */
#ifndef DAEMON_SANDBOX_FILES_H
#define DAEMON_SANDBOX_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

#define FILES_READ    1U  /* files and folders below the path */
#define FILES_WRITE   2U  /* the same, and make, change, rename and remove files and folders */
#define FILES_APPEND  4U  /* write what is there, make nothing: devices */
#define FILES_SOCKETS 8U  /* make and remove sockets */
#define FILES_EXECUTE 16U /* execute */
#define FILES_MOVE    32U /* rename and link from one folder to another */
#define FILES_NETWORK 64U /* connect and bind TCP sockets, from Linux 6.7 on: no rule opens it */
#define FILES_ALL     127U

struct files_rule {
    const char *path; /* "" and what is not there are left out */
    unsigned uses;    /* FILES_* */
};

/*
 * Closes the uses of `closed` everywhere but where a rule opens them. *ret_is_closed is false, and
 * nothing happened, when this kernel has no Landlock.
 */
enum error files_close(unsigned closed, const struct files_rule *rules, size_t count,
                       bool *ret_is_closed, struct fault *fault) MUST_USE;

#endif
