/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A second process beside a probe's own, for what concerns two. It is a fork of this program, so
 * that the texts of a fault are at the same place in both. The trial's deadline ends both.
 */
#include "hsm/trial_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct step_end {
    enum error code;
    int64_t number;
    struct fault fault;
};

static _Noreturn void serve(struct trial *trial, trial_step step, int link)
{
    int asked = 0;
    while (recv(link, &asked, sizeof asked, 0) == sizeof asked) {
        struct step_end end = {.code = ERR_OK};
        end.code = step(trial, asked, &end.number, &end.fault);
        if (send(link, &end, sizeof end, MSG_NOSIGNAL) != sizeof end)
            break;
    }
    trial_close(trial);
    _exit(EXIT_SUCCESS);
}

bool trial_helper_start(struct trial *trial, trial_step step, struct trial_helper *ret_helper)
{
    int ends[2] = {-1, -1};
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
        pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        serve(trial, step, ends[1]);
    }
    if (pid < 0) {
        trial_say(trial, TRIAL_NO, "process",
                  "A second process cannot be started: is a limit of processes reached?", "%s",
                  strerror(errno));
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    (void)close(ends[1]);
    *ret_helper = (struct trial_helper){.pid = pid, .link = ends[0]};
    return true;
}

void trial_helper_ask(const struct trial_helper *helper, int step)
{
    (void)send(helper->link, &step, sizeof step, MSG_NOSIGNAL);
}

enum error trial_helper_answer(const struct trial_helper *helper, int64_t *ret_number,
                               struct fault *fault)
{
    struct step_end end;
    if (recv(helper->link, &end, sizeof end, 0) != sizeof end)
        return fault_set(fault, ERR_LINK_CLOSED, "second-process-ended",
                         "The module ended the second process that used it at the same time.", 0);
    if (end.code != ERR_OK)
        *fault = end.fault;
    *ret_number = end.number;
    return end.code;
}

enum error trial_helper_do(const struct trial_helper *helper, int step, struct fault *fault)
{
    int64_t number = 0;
    trial_helper_ask(helper, step);
    return trial_helper_answer(helper, &number, fault);
}

void trial_helper_end(struct trial_helper *helper)
{
    (void)shutdown(helper->link, SHUT_RDWR); /* helpers that came later have copies of it */
    (void)close(helper->link);
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
