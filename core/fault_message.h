/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A struct fault to and from its message (fault.proto). The reader is strict: an unknown code
 * becomes ERR_INTERNAL, long texts are cut. Threads: pure functions.
 */
#ifndef CORE_FAULT_MESSAGE_H
#define CORE_FAULT_MESSAGE_H

#include "core/error.h"
#include "fault.pb-c.h"

/* Points *message at fault's texts; fault must outlive it. fault->code ERR_OK is allowed. */
void fault_to_message(const struct fault *fault, Provisiond__FaultMessage *message);

/* Fills *fault and returns its code; a missing message (NULL) is success. */
enum error fault_from_message(const Provisiond__FaultMessage *message, struct fault *fault);

#endif
