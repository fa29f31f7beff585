/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A service manager as far as a program sees it: the socket that its notifications go to
 * (sd_notify(3)), and a watchdog's interval.
 *
 * manager_open sets the environment for the programs that are started afterwards. Threads: one.
 */
#ifndef TESTS_SUPPORT_MANAGER_H
#define TESTS_SUPPORT_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "support/temp_dir.h"

#define MANAGER_TEXT_MAX 1024

struct manager {
    struct temp_dir dir;
    int socket;
    char text[MANAGER_TEXT_MAX]; /* the newest notification */
};

/* watchdog_ms: 0 for a manager that asks for no signs of life. */
void manager_open(struct manager *manager, int64_t watchdog_ms);
void manager_close(struct manager *manager);

/* Waits for a notification that contains the text; false after timeout_ms. What comes before it is
 * dropped. */
bool manager_hears(struct manager *manager, const char *text, int64_t timeout_ms);
/* Drops what has come. */
void manager_forget(struct manager *manager);

#endif
