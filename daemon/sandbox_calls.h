/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * seccomp: system calls that a process and all that it starts cannot use any more. A list of what
 * is closed, so that libraries of another version go on; the unit's own filter is the list of what
 * is open.
 *
 * Threads: call before any starts. Each call closes more, none opens anything.
 */
#ifndef DAEMON_SANDBOX_CALLS_H
#define DAEMON_SANDBOX_CALLS_H

#include "core/error.h"

/* Always closed: tracing and reading other processes, mounts, namespaces, kernel modules, bpf,
 * perf, userfaultfd, io_uring, keyrings, changes of user, clock and dumpability. Beside that: */
#define CALLS_NO_EXECUTE 1U /* no program is executed */
#define CALLS_NO_NETWORK 2U /* sockets are AF_UNIX; others do not exist (EAFNOSUPPORT) */
#define CALLS_NO_CODE                                                         \
    4U /* no memory becomes executable after it was writable; no memory files \
          (what is written into a file can be mapped: mounts are to forbid it) */
#define CALLS_NO_REUSE                                                       \
    16U /* a socket that is there, of a network too, is not made another: no \
           bind, no listen, no connect but with an address shorter than      \
           RPC_ADDRESS_BYTES, which no network has */
#define CALLS_KILL                                                             \
    8U /* what only an intruder tries ends the process at once (SIGSYS) and is \
          logged by the kernel; without it, it is EPERM, as all else is */

enum error calls_close(unsigned what, struct fault *fault) MUST_USE;

#endif
