/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A datagram socket in a folder of its own. */
#include "support/manager.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "core/clock.h"

void manager_open(struct manager *manager, int64_t watchdog_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[TEMP_PATH_MAX];
    char interval_us[24];
    temp_dir_make(&manager->dir);
    temp_dir_path(&manager->dir, "notify", path);
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    strcpy(address.sun_path, path);
    manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(manager->socket, 0);
    ck_assert_int_eq(bind(manager->socket, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
    (void)unsetenv("WATCHDOG_PID");
    (void)unsetenv("WATCHDOG_USEC");
    if (watchdog_ms == 0)
        return;
    (void)snprintf(interval_us, sizeof interval_us, "%" PRId64, watchdog_ms * 1000);
    ck_assert_int_eq(setenv("WATCHDOG_USEC", interval_us, 1), 0);
}

void manager_close(struct manager *manager)
{
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)close(manager->socket);
    temp_dir_remove(&manager->dir);
}

bool manager_hears(struct manager *manager, const char *text, int64_t timeout_ms)
{
    struct pollfd entry = {.fd = manager->socket, .events = POLLIN};
    deadline_ms deadline = deadline_in(timeout_ms);
    while (poll(&entry, 1, deadline_left_ms(deadline)) > 0) {
        ssize_t got = recv(manager->socket, manager->text, sizeof manager->text - 1, 0);
        ck_assert_int_ge(got, 0);
        manager->text[got] = '\0';
        if (strstr(manager->text, text) != NULL)
            return true;
    }
    return false;
}

void manager_forget(struct manager *manager)
{
    while (recv(manager->socket, manager->text, sizeof manager->text, MSG_DONTWAIT) >= 0)
        continue;
}
