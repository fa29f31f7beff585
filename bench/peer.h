/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What somebody could take instead of the product, measured beside it. A process per license:
 * `openssl cms -encrypt` to the device's certificate and one login to the same token by
 * `pkcs11-tool`, which is less than a license needs. tang, the key service nearest to this one: one
 * recovery (an ECDH) per request, served as Debian's package does, by a process per connection.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "stations.h"
#include "support/rig.h"

/* CPU time in microseconds of one license by processes of its own, over `count` of them. */
double peer_process_cpu_us(const struct rig *rig, const struct devices *devices, size_t count);

/* Recoveries per second over `count` of them; false: tang, jose or socat is not installed. */
bool peer_tang_per_s(const struct rig *rig, size_t count, double *ret_per_s);

#endif
