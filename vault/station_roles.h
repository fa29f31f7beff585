/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the station socket can do, and who may: one table, which is the whole of it. What is not in
 * it does not happen, whatever provisiond says. Threads: immutable.
 */
#ifndef VAULT_STATION_ROLES_H
#define VAULT_STATION_ROLES_H

#include "vault/station_task.h"

struct station_row {
    const char *name; /* for the log */
    station_operation serve;
    Provisiond__StationRequest__OpCase op;
    unsigned roles; /* bits, 1 << enum ledger_role; 0: anybody, also without a key */
};

/* NULL: there is no such operation. */
const struct station_row *station_row_find(Provisiond__StationRequest__OpCase op);

bool station_role_may(const struct station_row *row, enum ledger_role role);

/* ERR_FORBIDDEN ("role-not-allowed") for a caller of that role; the detail says who may. */
enum error station_refuse_role(unsigned roles, enum ledger_role role, struct fault *fault);

#endif
