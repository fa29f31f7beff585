/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The sandbox that a program puts itself into, under systemd and elsewhere: what is closed for it
 * is the table in docs/THREATS.md. System calls are closed with seccomp, files with Landlock where
 * the kernel has it (an info line says where not).
 *
 * Order of calls: after daemon_start, with the configuration read and the listening socket open,
 * before anything that starts a thread. Nothing leads out again. Builds that are instrumented (the
 * sanitizers read memory as a debugger does, coverage writes files) go without it.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdbool.h>

#include "config/config.h"
#include "core/error.h"

/* provisiond: reads its configuration and its certificates, writes nothing. */
enum error sandbox_enter_api(const char *config_path, const struct config *config,
                             struct fault *fault) MUST_USE;

/* provision-vault: writes where ledger, images and its sockets are. */
enum error sandbox_enter_vault(const char *config_path, const struct config *config,
                               struct fault *fault) MUST_USE;

/*
 * provision-hsm's master. Its workers, with the vendor's module, inherit all of it. By its name it
 * executes itself and what lies beside the dynamic loader, nothing else; with hsm.sandbox = module,
 * a module may use the network, helper programs and code that it makes.
 */
enum error sandbox_enter_hsm(enum config_sandbox strictness, struct fault *fault) MUST_USE;

/* A worker, before it loads the module; nothing is executed any more, but with `module`. */
enum error sandbox_enter_worker(enum config_sandbox strictness, struct fault *fault) MUST_USE;

#endif
