/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From one version of the schema to the next: constant texts. A step that was released is never
 * changed. Triggers are gone while steps run and are made anew behind the last one.
 */
#ifndef LEDGER_SQLITE_STEPS_H
#define LEDGER_SQLITE_STEPS_H

#include <stdint.h>

#define STEPS_FIRST_VERSION 3 /* the oldest that there is a way from */

/* The statements from that version to the next one; NULL when there is no such step. */
const char *step_from(int64_t version);

#endif
