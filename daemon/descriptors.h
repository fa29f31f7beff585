/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many descriptors provisiond may have, against how many its connections may need.
 *
 * Each connection may hold its socket and an image's descriptor; beside them some are kept for
 * everything else, the watchdog's questions included, so that a flood that has taken every
 * connection leaves those that can be answered. Threads: main thread only.
 */
#ifndef DAEMON_DESCRIPTORS_H
#define DAEMON_DESCRIPTORS_H

#include "core/error.h"

/*
 * Raises the process's limit where so many connections want it, and lowers one above
 * RPC_DESCRIPTORS_MAX. ERR_CONFIG ("few-descriptors") when the hard limit, or that one, is too low.
 */
enum error descriptors_provide(unsigned connections, struct fault *fault) MUST_USE;

#endif
