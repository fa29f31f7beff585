/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Shell commands with the environment of a station. */
#include "examples/user.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

#define COMMANDS_MAX    3000
#define TOLD_TIMEOUT_MS 30000
#define POLL_MS         20

#define STATION                                                                              \
    "export DIR BIN RIG_IMAGE PROVCTL_URL=$RIG_URL PROVCTL_CA=$RIG_CA "                      \
    "PROVCTL_PRODUCT=$RIG_PRODUCT "                                                          \
    "PROVCTL_CERT=$RIG_STATION_CERT PROVCTL_KEY=$RIG_STATION_KEY PYTHONDONTWRITEBYTECODE=1 " \
    "TOOLS=$SOURCE/tests/examples/tools EXAMPLES=$SOURCE/docs/examples && "                  \
    "export PATH=$TOOLS:$BIN:$PATH && cd $DIR && { [ ! -e said ] || mv said last; } && "

__attribute__((format(printf, 2, 0))) static int run(const struct rig *rig, const char *format,
                                                     va_list arguments)
{
    char commands[COMMANDS_MAX];
    int length = vsnprintf(commands, sizeof commands, format, arguments);
    ck_assert_int_lt(length, COMMANDS_MAX);
    return rig_shell(rig, STATION "{ %s; } >said 2>&1", commands);
}

int user_runs(const struct rig *rig, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = run(rig, format, arguments);
    va_end(arguments);
    return status;
}

pid_t user_begins(const struct rig *rig, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ck_assert_int_eq(rig_shell(rig, ": >$DIR/said"), 0);
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(run(rig, format, arguments));
    va_end(arguments);
    return process;
}

int user_waits(pid_t process)
{
    int status = 0;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

bool user_was_told(const struct rig *rig, const char *text)
{
    return rig_shell(rig, "grep -qsF -- '%s' $DIR/said", text) == 0;
}

void user_waits_for(const struct rig *rig, const char *text)
{
    deadline_ms deadline = deadline_in(TOLD_TIMEOUT_MS);
    while (!user_was_told(rig, text)) {
        ck_assert_msg(deadline_left_ms(deadline) > 0, "never told: %s", text);
        (void)usleep(POLL_MS * 1000);
    }
}

void user_account_is(const struct rig *rig, const char *product, const char *figures)
{
    char query[256];
    (void)snprintf(query, sizeof query,
                   "SELECT used || ' ' || succeeded || ' ' || failed || ' ' || scrapped = '%s' "
                   "FROM product WHERE name = '%s'",
                   figures, product);
    ck_assert_msg(rig_query(rig, query) == 1, "the account of %s is not %s", product, figures);
}
