/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state. */
#include "hsm/state_room.h"

#include <stdint.h>
#include <sys/statvfs.h>

#define ROOM_MIN_BYTES (UINT64_C(8) * 1024 * 1024) /* an object is a kilobyte; others write, too \
                                                    */

enum error state_room_check(const char *folder, struct fault *fault)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= ROOM_MIN_BYTES)
        return ERR_OK;
    return fault_set(fault, ERR_HSM_UNAVAILABLE, "hsm-disk-full",
                     "The disk of [hsm] state has less than 8 MiB left, and a token in files would "
                     "lose what is written to it: make room there. Nothing was written.",
                     0);
}
