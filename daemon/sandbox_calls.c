/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One table of calls by name, and the few rules that look at arguments. Owns no state. */
#include "daemon/sandbox_calls.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "core/rpc_client.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define OPTIMIZE_TREE   2 /* of libseccomp: a search tree instead of a list */

#ifdef __s390__
#define CLONE_FLAGS_ARGUMENT 1
#else
#define CLONE_FLAGS_ARGUMENT 0
#endif

#define MAPPED_WRITABLE_CODE ((scmp_datum_t)(PROT_WRITE | PROT_EXEC))

struct filter {
    scmp_filter_ctx context;
    unsigned what; /* CALLS_* */
};

/* No library that we use calls any of these: whoever does is an intruder. */
static const char *const HOSTILE[] = {"ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "pidfd_getfd",
                                      "kcmp",
                                      "mount",
                                      "umount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "open_tree",
                                      "move_mount",
                                      "fsopen",
                                      "fsconfig",
                                      "fsmount",
                                      "fspick",
                                      "mount_setattr",
                                      "unshare",
                                      "setns",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "bpf",
                                      "userfaultfd",
                                      "perf_event_open",
                                      "reboot",
                                      "swapon",
                                      "swapoff",
                                      "iopl",
                                      "ioperm",
                                      "open_by_handle_at",
                                      "lookup_dcookie",
                                      "acct"};

/* A library may ask whether it can. */
static const char *const UNWANTED[] = {
    "keyctl",         "add_key",         "request_key",       "setuid",        "setuid32",
    "setgid",         "setgid32",        "setreuid",          "setreuid32",    "setregid",
    "setregid32",     "setresuid",       "setresuid32",       "setresgid",     "setresgid32",
    "setfsuid",       "setfsuid32",      "setfsgid",          "setfsgid32",    "setgroups",
    "setgroups32",    "capset",          "personality",       "quotactl",      "quotactl_fd",
    "io_uring_setup", "io_uring_enter",  "io_uring_register", "fanotify_init", "syslog",
    "clock_settime",  "clock_settime64", "settimeofday",      "stime",         "sethostname",
    "setdomainname",  "vhangup"};

static const char *const EXECUTE[] = {"execve", "execveat"};

/* Of files that are in memory only, no mount says that they are not to be executed. */
static const char *const MEMORY_FILES[] = {"memfd_create", "memfd_secret"};

static const char *const REUSE[] = {"bind", "listen"};

static_assert(sizeof(struct sockaddr_in) >= RPC_ADDRESS_BYTES &&
                  sizeof(struct sockaddr_in6) >= RPC_ADDRESS_BYTES,
              "no address of a network is as short as that of the vault");

/* True also for a call that this architecture or this libseccomp does not know. */
static bool close_call(const struct filter *filter, uint32_t action, const char *name)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return true;
    return seccomp_rule_add(filter->context, action, call, 0) == 0;
}

static bool close_all(const struct filter *filter, uint32_t action, const char *const *names,
                      size_t count)
{
    bool is_closed = true;
    for (size_t i = 0; i < count; i++)
        is_closed = close_call(filter, action, names[i]) && is_closed;
    return is_closed;
}

static bool close_if(const struct filter *filter, int error, int call,
                     struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(filter->context, SCMP_ACT_ERRNO((unsigned)error), call, 1,
                                  &condition) == 0;
}

static bool close_namespaces(const struct filter *filter)
{
    static const unsigned kinds[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,   CLONE_NEWUSER,
                                     CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
    bool is_closed = true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        is_closed =
            close_if(filter, EPERM, SCMP_SYS(clone),
                     SCMP_CMP(CLONE_FLAGS_ARGUMENT, SCMP_CMP_MASKED_EQ, kinds[i], kinds[i])) &&
            is_closed;
    /* Its flags are in memory, where a filter cannot look. libc then takes clone. */
    return is_closed &&
           seccomp_rule_add(filter->context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool close_dumps(const struct filter *filter)
{
    return seccomp_rule_add(filter->context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 2,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE, 0),
                            SCMP_A1(SCMP_CMP_NE, 0, 0)) == 0;
}

static bool close_code(const struct filter *filter)
{
    return close_all(filter, SCMP_ACT_ERRNO(EPERM), MEMORY_FILES, COUNT_OF(MEMORY_FILES)) &&
           close_if(filter, EPERM, SCMP_SYS(mmap),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, MAPPED_WRITABLE_CODE, MAPPED_WRITABLE_CODE)) &&
           close_if(filter, EPERM, SCMP_SYS(mprotect),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) &&
           close_if(filter, EPERM, SCMP_SYS(pkey_mprotect),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) &&
           close_if(filter, EPERM, SCMP_SYS(shmat),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, SHM_EXEC, SHM_EXEC));
}

/* Where addresses are in memory, in sendmsg, the flag is what makes a connection of it. */
static bool close_reuse(const struct filter *filter)
{
    return close_all(filter, SCMP_ACT_ERRNO(EPERM), REUSE, COUNT_OF(REUSE)) &&
           close_if(filter, EPERM, SCMP_SYS(connect), SCMP_A2(SCMP_CMP_GE, RPC_ADDRESS_BYTES, 0)) &&
           close_if(filter, EPERM, SCMP_SYS(sendto), SCMP_A5(SCMP_CMP_NE, 0, 0)) &&
           close_if(filter, EPERM, SCMP_SYS(sendto),
                    SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN)) &&
           close_if(filter, EPERM, SCMP_SYS(sendmsg),
                    SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN)) &&
           close_if(filter, EPERM, SCMP_SYS(sendmmsg),
                    SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
}

static bool close_chosen(const struct filter *filter, uint32_t hostile)
{
    if ((filter->what & CALLS_NO_EXECUTE) != 0 &&
        !close_all(filter, hostile, EXECUTE, COUNT_OF(EXECUTE)))
        return false;
    if ((filter->what & CALLS_NO_NETWORK) != 0 &&
        !close_if(filter, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0)))
        return false;
    if ((filter->what & CALLS_NO_REUSE) != 0 && !close_reuse(filter))
        return false;
    return (filter->what & CALLS_NO_CODE) == 0 || close_code(filter);
}

static bool fill(const struct filter *filter)
{
    uint32_t hostile =
        (filter->what & CALLS_KILL) != 0 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
    /* An older kernel logs and searches less well; that is no reason not to start. */
    (void)seccomp_attr_set(filter->context, SCMP_FLTATR_CTL_LOG, 1);
    (void)seccomp_attr_set(filter->context, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE);
    return seccomp_attr_set(filter->context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
           close_all(filter, hostile, HOSTILE, COUNT_OF(HOSTILE)) &&
           close_all(filter, SCMP_ACT_ERRNO(EPERM), UNWANTED, COUNT_OF(UNWANTED)) &&
           close_namespaces(filter) && close_dumps(filter) && close_chosen(filter, hostile);
}

enum error calls_close(unsigned what, struct fault *fault)
{
    const struct filter filter = {.context = seccomp_init(SCMP_ACT_ALLOW), .what = what};
    int problem = filter.context == NULL ? -ENOMEM : 0;
    if (problem == 0 && !fill(&filter))
        problem = -EINVAL;
    if (problem == 0)
        problem = seccomp_load(filter.context);
    seccomp_release(filter.context);
    if (problem != 0)
        return fault_set(fault, ERR_INTERNAL, "sandbox-calls",
                         "System calls cannot be closed: start a kernel with seccomp filters, and "
                         "let the unit or the container allow seccomp.",
                         -problem);
    return ERR_OK;
}
