/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The three system calls of Landlock, which libc does not have. Owns no state. */
#include "daemon/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ABI_WITH_MOVE     2 /* until then nothing is moved between folders */
#define ABI_WITH_TRUNCATE 3
#define ABI_WITH_NETWORK  4

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* What the kernel's newer headers have: connect and bind TCP sockets. */
#define ACCESS_NETWORK ((1ULL << 0) | (1ULL << 1))

/* struct landlock_ruleset_attr as of ABI 4; an older kernel wants what it does not know to be 0. */
struct ruleset_attribute {
    uint64_t files;
    uint64_t network;
};

#define ACCESS_READ   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_APPEND ((uint64_t)LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ACCESS_WRITE                                               \
    (ACCESS_READ | ACCESS_APPEND | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define ACCESS_SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Devices, pipes and symbolic links: nobody makes these. */
#define ACCESS_OTHER                                                                               \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
     LANDLOCK_ACCESS_FS_MAKE_SYM)
/* What means something for a path that is no folder. */
#define ACCESS_OF_FILES (ACCESS_APPEND | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

static uint64_t access_of(unsigned uses)
{
    static const uint64_t accesses[] = {ACCESS_READ,
                                        ACCESS_WRITE,
                                        ACCESS_APPEND,
                                        ACCESS_SOCKETS,
                                        LANDLOCK_ACCESS_FS_EXECUTE,
                                        LANDLOCK_ACCESS_FS_REFER};
    uint64_t access = 0;
    for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++) {
        if ((uses & (1U << i)) != 0)
            access |= accesses[i];
    }
    return access;
}

/* A rule about an access that this kernel does not know would be refused as a whole. */
static uint64_t known_access(long abi)
{
    uint64_t access = UINT64_MAX;
    if (abi < ABI_WITH_MOVE)
        access &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
    if (abi < ABI_WITH_TRUNCATE)
        access &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
    return access;
}

static void descriptor_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
#define DESCRIPTOR_AUTO __attribute__((cleanup(descriptor_close))) int

static bool add_rule(int ruleset, const struct files_rule *rule, uint64_t closed)
{
    struct stat info;
    DESCRIPTOR_AUTO path = open(rule->path, O_PATH | O_CLOEXEC);
    if (path < 0)
        return true; /* what is not there needs no rule, and may not be used */
    if (fstat(path, &info) != 0)
        return false;
    uint64_t access = access_of(rule->uses) & closed;
    if (!S_ISDIR(info.st_mode))
        access &= ACCESS_OF_FILES;
    const struct landlock_path_beneath_attr attribute = {.allowed_access = access,
                                                         .parent_fd = path};
    return access == 0 ||
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attribute, 0) == 0;
}

static enum error fail(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "sandbox-files",
                     "The process cannot be kept from other files, though the kernel has Landlock: "
                     "let the unit or the container allow its three system calls.",
                     errno);
}

enum error files_close(unsigned closed, const struct files_rule *rules, size_t count,
                       bool *ret_is_closed, struct fault *fault)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        *ret_is_closed = false;
        return ERR_OK;
    }
    uint64_t access = access_of(closed) | (closed == FILES_ALL ? ACCESS_OTHER : 0);
    bool has_network = (closed & FILES_NETWORK) != 0 && abi >= ABI_WITH_NETWORK;
    const struct ruleset_attribute attribute = {.files = access & known_access(abi),
                                                .network = has_network ? ACCESS_NETWORK : 0};
    DESCRIPTOR_AUTO ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attribute, sizeof attribute, 0);
    if (ruleset < 0)
        return fail(fault);
    for (size_t i = 0; i < count; i++) {
        if (!add_rule(ruleset, &rules[i], attribute.files))
            return fail(fault);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return fail(fault);
    *ret_is_closed = true;
    return ERR_OK;
}
