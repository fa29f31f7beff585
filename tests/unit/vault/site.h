/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A site with something to read: six licenses, two of them reported, two stations and two readers.
 * Widgets 0 and 1 are of lot A, 2 of lot B, 3 of none; gadgets 4 and 5 of lot A; 0 succeeded, 1
 * failed. All are of the station "first". Threads: one.
 */
#ifndef TESTS_UNIT_VAULT_SITE_H
#define TESTS_UNIT_VAULT_SITE_H

#include "vault_rig.h"

#define SITE_WIDGETS 4 /* licenses */
#define SITE_GADGETS 2
#define SITE_DEVICES (SITE_WIDGETS + SITE_GADGETS)
#define SITE_NOBODY  "gizmo" /* no product */

#define OP(name)     PROVISIOND__STATION_REQUEST__OP_##name

struct site {
    struct vault_rig rig;
    struct sha256 narrow;  /* an operator, "widget" only */
    struct sha256 auditor; /* narrowed to nothing */
    struct sha256 near;    /* a station, "widget" and "gadget" */
    struct sha256 far;     /* a station, "gadget" only */
    struct uuid installs[SITE_DEVICES];
    struct sha256 digests[SITE_DEVICES]; /* of the licenses */
    int64_t indexes[SITE_DEVICES];
};

extern struct site site;

void site_set_up(void);
void site_tear_down(void);

/* A literal where a message wants no const. */
char *site_text(const char *literal);

/* Each asks as the owner of that key; the caller frees the answer. */
Provisiond__StationReply *site_report(const struct sha256 *caller, size_t number,
                                      Provisiond__OutcomeResult result);
Provisiond__StationReply *site_read_product(const struct sha256 *caller, const char *name);
Provisiond__StationReply *site_read_images(const struct sha256 *caller, const char *product,
                                           struct sha256 *digest);
Provisiond__StationReply *site_read_stations(const struct sha256 *caller, const char *name,
                                             Provisiond__Role role);

/* A question for all installs, to be narrowed. */
Provisiond__InstallListRequest site_any_install(void);
Provisiond__StationReply *site_list(const struct sha256 *caller,
                                    Provisiond__InstallListRequest *asked);
/* How many it finds; must succeed. */
size_t site_count(const struct sha256 *caller, Provisiond__InstallListRequest *asked);

#endif
