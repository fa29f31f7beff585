/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl's main. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "cli/exit_code.h"

/*
 * No core file of ours and of objcopy, which we start: both hold firmware in clear. The limit is
 * inherited; one byte is too little for a file, and of a kernel that hands cores to a program only
 * this value keeps them back (0 does not). That the process may not be dumped ends at exec, which
 * lets objcopy open its descriptors under /proc/self as an ordinary user.
 */
static bool forbid_core_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0)
        return false;
    rlim_t most = limit.rlim_max < 1 ? limit.rlim_max : 1;
    limit = (struct rlimit){.rlim_cur = most, .rlim_max = most};
    return setrlimit(RLIMIT_CORE, &limit) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

int main(int argc, char **argv)
{
    if (!forbid_core_files()) {
        (void)fputs("provctl: core files cannot be turned off\n", stderr);
        return EXIT_CODE_OTHER;
    }
    return cli_main(argc, argv);
}
