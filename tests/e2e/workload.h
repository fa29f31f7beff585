/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line that works as it should: new devices of the rig's product, one after the other over a few
 * kept connections, until each has its license. Each is one request to all three programs.
 */
#ifndef TESTS_E2E_WORKLOAD_H
#define TESTS_E2E_WORKLOAD_H

#include <stddef.h>

#include "support/rig.h"

/* Adds the units that it takes. Another refusal than "later" fails the test. */
void workload_license(const struct rig *rig, const char *prefix, size_t count);

#endif
