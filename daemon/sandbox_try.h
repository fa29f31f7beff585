/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What sandbox_trial.c tries beside its own: sockets and code. Test builds only, main thread only.
 * Each returns 0 or more when it could be done, else -1 with errno; `about` is what comes after the
 * word's colon.
 */
#ifndef DAEMON_SANDBOX_TRY_H
#define DAEMON_SANDBOX_TRY_H

#ifdef PROVISIOND_CRASH_POINTS

/* about: a port on this machine where somebody listens */
long try_connect(const char *about);
/* about: the path of a Unix socket */
long try_connect_unix(const char *about);
long try_socket_inet6(const char *about);
long try_socket_netlink(const char *about);
/* The program's own listening socket as another: connected, by two ways, or bound anew. When it can
 * be done, nobody listens there any more. */
long try_reconnect(const char *about);
long try_fastopen(const char *about);
long try_fastopen_message(const char *about);
long try_rebind(const char *about);
long try_relisten(const char *about);

long try_execve(const char *about);
long try_execveat(const char *about);
/* A program by way of the dynamic loader. */
long try_execve_loader(const char *about);
long try_writable_code(const char *about);
long try_made_code(const char *about);
/* Code in a file of memory, in a file that is written in the folder `about`, and in its own text.
 */
long try_memory_code(const char *about);
long try_file_code(const char *about);
long try_patched_code(const char *about);

#endif
#endif
