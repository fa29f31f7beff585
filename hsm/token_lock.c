/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Owns no state: a lock belongs to the process that took it. */
#include "hsm/token_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FD_MIN 16 /* above the descriptors that a worker is given under fixed numbers */

enum error token_lock_new(int *ret_fd, struct fault *fault)
{
    int ends[2];
    int fd = -1;
    int problem = pipe2(ends, O_CLOEXEC) != 0 ? errno : 0;
    if (problem == 0) {
        fd = fcntl(ends[1], F_DUPFD_CLOEXEC, FD_MIN); /* only what can be written can be locked */
        problem = fd < 0 ? errno : 0;
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
    if (problem != 0)
        return fault_set(fault, ERR_INTERNAL, "token-lock",
                         "The token's lock cannot be made: raise the unit's LimitNOFILE=.",
                         problem);
    *ret_fd = fd;
    return ERR_OK;
}

enum error token_lock_take(int fd, struct fault *fault)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_SETLKW, &whole) != 0) {
        if (errno != EINTR)
            return fault_set(fault, ERR_INTERNAL, "token-lock", "The token's lock cannot be taken.",
                             errno);
    }
    return ERR_OK;
}

void token_lock_leave(int fd)
{
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    (void)fcntl(fd, F_SETLK, &whole);
}
