/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A question to the vault that takes long, as work of a second thread while the first shows how far
 * it is (cli/progress.h). Threads: one at a time.
 */
#ifndef CLI_ADMIN_WORK_H
#define CLI_ADMIN_WORK_H

#include "cli/admin.h"

struct admin_work {
    const struct arguments *arguments;
    const Provisiond__AdminRequest *request;
    int file; /* to send along, or -1 */
    struct failure *failure;
    enum error result;             /* set by the work */
    Provisiond__AdminReply *reply; /* likewise when it is ERR_OK; the caller frees it */
};

/* admin_ask, of a struct admin_work. */
void admin_work_ask(void *context);

#endif
