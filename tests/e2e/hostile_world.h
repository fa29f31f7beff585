/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who sends hostile requests to a rig, and what they know of it: the routes of the contract, values
 * that exist for each of its parameters, devices. Threads: one thread makes it; reading is free.
 */
#ifndef TESTS_E2E_HOSTILE_WORLD_H
#define TESTS_E2E_HOSTILE_WORLD_H

#include "e2e/hostile_request.h"
#include "e2e/hostile_wire.h"

#define HOSTILE_IDENTITIES 9
#define HOSTILE_STATION    0 /* the identity that may do most */

struct hostile_site {
    /* One of each role, one not enrolled, one disabled, one of another CA, one without any. */
    struct hostile_identity identities[HOSTILE_IDENTITIES];
    struct hostile_world world;
    struct devices devices;
};

/* Licenses the first of that many devices. What cannot be made fails the test. */
void hostile_site_make(const struct rig *rig, size_t devices, struct hostile_site *ret_site);
void hostile_site_clear(struct hostile_site *site);

#endif
