/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Room on the disk of [hsm] state, where a module that keeps its token in files has them as a rule.
 * SoftHSM does not notice when a file could not be written: the process that made a key goes on
 * with it, and for every other one, and after a restart, it never was. Session keys that were
 * wrapped by it would be lost. Threads: safe from any.
 */
#ifndef HSM_STATE_ROOM_H
#define HSM_STATE_ROOM_H

#include "core/error.h"

/* ERR_HSM_UNAVAILABLE ("hsm-disk-full"): too little. A folder that cannot be asked is no reason. */
enum error state_room_check(const char *folder, struct fault *fault) MUST_USE;

#endif
