/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the file does not say is the default. */
#include "limits.h"

#include <signal.h>

#include <check.h>

void limits_restore(struct rig *rig)
{
    ck_assert_int_eq(
        rig_shell(rig,
                  "sed -i -e '/^connections/d' -e '/^handshakes/d' -e '/^request/d' $RIG_CONFIG"),
        0);
    rig_kill(rig, RIG_API, SIGTERM);
    rig_start(rig, RIG_API, NULL);
    rig_wait_ready(rig);
}
