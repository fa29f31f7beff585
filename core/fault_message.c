/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Faults on the wire. Owns no state. */
#include "core/fault_message.h"

#include <stddef.h>

void fault_to_message(const struct fault *fault, Provisiond__FaultMessage *message)
{
    provisiond__fault_message__init(message);
    message->code = (uint32_t)fault->code;
    message->native = fault->native;
    message->reason = (char *)(uintptr_t)fault->reason;
    message->detail = (char *)(uintptr_t)fault->detail;
    message->until_unix_ms = fault->until_unix_ms;
}

enum error fault_from_message(const Provisiond__FaultMessage *message, struct fault *fault)
{
    *fault = (struct fault){0};
    if (message == NULL || message->code == ERR_OK)
        return ERR_OK;
    if (!error_is_known((long)message->code))
        return fault_set(fault, ERR_INTERNAL, "unknown-code",
                         "The other program answered with an unknown code; are the versions equal?",
                         (long)message->code);
    (void)fault_set(fault, (enum error)message->code, message->reason, message->detail,
                    (long)message->native);
    fault_set_until(fault, message->until_unix_ms);
    return fault->code;
}
