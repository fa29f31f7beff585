/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A chip with power: boots, serves one programmer at a time, and reboots when it is told to.
 * Threads: one chip per process, in its only thread.
 */
#ifndef RIG_CHIP_RUN_H
#define RIG_CHIP_RUN_H

#include "core/error.h"
#include "rig/chip/license.h"
#include "rig/chip/state.h"

struct chip_setup {
    const char *folder;
    const char *socket; /* an old socket file there is replaced */
    struct chip_rom rom;
    struct chip_power power;
    bool is_worn; /* one byte of flash is, at worn */
    struct chip_place worn;
};

/*
 * Serves until SIGTERM or SIGINT. Prints "ready phase=P note=N" after each boot, and "steps N" at
 * each connection's end and when it stops. ERR_CONFIG when there is no chip, or no socket.
 */
enum error chip_run(const struct chip_setup *setup, struct fault *fault) MUST_USE;

#endif
