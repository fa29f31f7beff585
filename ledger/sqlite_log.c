/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two bytes of a database's header that say whether it has a log (SQLite's file format, "file
 * format version numbers"). SQLite changes them when there is no log and only then, so a log beside
 * a file that says it has none is of another file. Owns no state.
 */
#include "ledger/sqlite_log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSIONS_AT 18
#define WITHOUT_LOG 1

static bool has_log(const char *path)
{
    char log[PATH_MAX];
    struct stat info;
    int length = snprintf(log, sizeof log, "%s-wal", path);
    return length < PATH_MAX && stat(log, &info) == 0 && info.st_size > 0;
}

enum error log_check(const char *path, struct fault *fault)
{
    unsigned char versions[2] = {0};
    if (!has_log(path))
        return ERR_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file >= 0 ? pread(file, versions, sizeof versions, VERSIONS_AT) : 0;
    if (file >= 0)
        (void)close(file);
    if (n < (ssize_t)sizeof versions)
        return fault_set(fault, ERR_CONFIG, "log-without-ledger",
                         "The ledger is missing, and its log (the same name with -wal) is there: "
                         "put the ledger back beside it, or move the log away as well.",
                         0);
    if (versions[0] == WITHOUT_LOG && versions[1] == WITHOUT_LOG)
        return fault_set(fault, ERR_CONFIG, "log-of-another",
                         "The log beside the ledger (the same name with -wal) is of another "
                         "ledger: move it away, and the one with -shm.",
                         0);
    return ERR_OK;
}

bool log_forbid(const char *path)
{
    static const unsigned char VERSIONS[2] = {WITHOUT_LOG, WITHOUT_LOG};
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written =
        file >= 0 && pwrite(file, VERSIONS, sizeof VERSIONS, VERSIONS_AT) == sizeof VERSIONS;
    if (file >= 0)
        (void)close(file);
    return is_written;
}
