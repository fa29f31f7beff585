/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Asks in another thread. Owns no state. */
#include "cli/admin_work.h"

void admin_work_ask(void *context)
{
    struct admin_work *work = context;
    work->result =
        admin_ask(work->arguments, work->request, work->file, &work->reply, work->failure);
}
