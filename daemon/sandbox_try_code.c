/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Test builds only: programs and code that a program must not execute. */
#include "daemon/sandbox_try.h"

#ifdef PROVISIOND_CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_MAX_BYTES 256
#define PAGE_BYTES     4096

static const char PROGRAM[] = "/bin/true";

long try_execve(const char *about)
{
    char *const arguments[] = {(char *)(uintptr_t)PROGRAM, NULL};
    (void)about;
    return execve(PROGRAM, arguments, arguments + 1);
}

long try_execveat(const char *about)
{
    char *const arguments[] = {(char *)(uintptr_t)PROGRAM, NULL};
    (void)about;
    return syscall(SYS_execveat, AT_FDCWD, PROGRAM, arguments, arguments + 1, 0);
}

static int find_loader(struct dl_phdr_info *object, size_t size, void *context)
{
    const char **name = context;
    (void)size;
    if (object->dlpi_addr != getauxval(AT_BASE))
        return 0;
    *name = object->dlpi_name;
    return 1;
}

long try_execve_loader(const char *about)
{
    const char *loader = "";
    char *const arguments[] = {(char *)(uintptr_t) "ld.so", (char *)(uintptr_t)PROGRAM, NULL};
    (void)about;
    (void)dl_iterate_phdr(find_loader, &loader);
    return execve(loader, arguments, arguments + 2);
}

long try_writable_code(const char *about)
{
    (void)about;
    return mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

long try_made_code(const char *about)
{
    (void)about;
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC);
}

/* A page is written into the file, then mapped as code. */
static long map_as_code(int fd)
{
    static const char page[PAGE_BYTES];
    if (fd < 0 || write(fd, page, sizeof page) != (ssize_t)sizeof page)
        return -1;
    return mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

long try_memory_code(const char *about)
{
    (void)about;
    return map_as_code(memfd_create("trial", MFD_CLOEXEC));
}

long try_file_code(const char *about)
{
    char path[PATH_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s/trial-code", about);
    long result = map_as_code(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int reason = errno;
    (void)unlink(path);
    errno = reason;
    return result;
}

long try_patched_code(const char *about)
{
    (void)about;
    return open("/proc/self/mem", O_RDWR | O_CLOEXEC);
}

#endif
