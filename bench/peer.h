/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What somebody could write in an afternoon instead of the product: a process per license. That is
 * `openssl cms -encrypt` to the device's certificate and one login to the same token by
 * `pkcs11-tool`, which is less than a license needs: nothing is checked, counted or kept. The time
 * of a shell that calls them is not counted.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>

#include "stations.h"
#include "support/rig.h"

/* CPU time in microseconds of one license by processes of its own, over `count` of them. */
double peer_process_cpu_us(const struct rig *rig, const struct devices *devices, size_t count);

#endif
