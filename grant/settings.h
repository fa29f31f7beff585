/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The settings of a policy as JSON. Threads: pure functions. Private to grant/. */
#ifndef GRANT_SETTINGS_H
#define GRANT_SETTINGS_H

#include "grant/grant.h"
#include "grant/members.h"

/* False with what is wrong in members, whose object has the settings' members. */
bool settings_read(struct members *members, struct grant_settings *settings);

#endif
