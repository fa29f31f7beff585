/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* RLIMIT_NOFILE. Owns no state. */
#include "daemon/descriptors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "core/rpc_client.h"

#define PER_CONNECTION 2
#define SPARE          256 /* the vault, files, event loops, the watchdog */

static enum error refuse(unsigned connections, rlim_t wanted, rlim_t allowed, struct fault *fault)
{
    char detail[FAULT_DETAIL_SIZE];
    rlim_t enough = allowed > SPARE ? (allowed - SPARE) / PER_CONNECTION : 0;
    (void)snprintf(detail, sizeof detail,
                   "[api] connections = %u needs %ju descriptors, and this process may have %ju: "
                   "set it to %ju at most, or raise LimitNOFILE= of the unit (ulimit -n in a "
                   "shell).",
                   connections, (uintmax_t)wanted, (uintmax_t)allowed, (uintmax_t)enough);
    return fault_set(fault, ERR_CONFIG, "few-descriptors", detail, 0);
}

enum error descriptors_provide(unsigned connections, struct fault *fault)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections * PER_CONNECTION + SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fault_set(fault, ERR_INTERNAL, "descriptors",
                         "The limit of descriptors cannot be read.", errno);
    rlim_t allowed = limit.rlim_max < RPC_DESCRIPTORS_MAX ? limit.rlim_max : RPC_DESCRIPTORS_MAX;
    if (wanted > allowed)
        return refuse(connections, wanted, allowed, fault);
    if (limit.rlim_cur >= wanted && limit.rlim_cur <= allowed)
        return ERR_OK;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fault_set(fault, ERR_INTERNAL, "descriptors",
                         "The limit of descriptors cannot be raised.", errno);
    return ERR_OK;
}
