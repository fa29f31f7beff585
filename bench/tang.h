/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * tang, the key service in C that is nearest to the product, as Debian's package serves it: a
 * process per connection. The package leaves that to systemd (tangd.socket, Accept=true), here it
 * is systemd-socket-activate(1) that accepts and starts the same program, without what a unit costs
 * beside. An exchange is POST /rec/<thumbprint> with a new key, as clevis asks on each unlock:
 * plain HTTP, one ECDH on P-521, no certificate, nothing counted and nothing kept.
 */
#ifndef BENCH_TANG_H
#define BENCH_TANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/rig.h"

struct tang_result {
    size_t exchanges;
    int64_t took_us;
    int64_t cpu_us; /* of the server's processes */
};

/* kept: a client asks again on the connection that it has, which no client of tang does. False:
 * tang is not installed (Debian: tang-common, jose, systemd). Anything that fails fails the test.
 */
bool tang_run(const struct rig *rig, size_t count, bool is_kept, struct tang_result *ret_result);

#endif
