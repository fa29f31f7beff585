/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opens licenses of the rig's product by the hundred, in this process and by libcrypto alone: as
 * floor_opens, without a process for each. Threads: one.
 */
#ifndef TESTS_E2E_OPENER_H
#define TESTS_E2E_OPENER_H

#include <stdbool.h>

#include "support/pki.h"
#include "support/rig.h"

struct opener;

/* Reads the rig's image and the firmware that it was made of. */
struct opener *opener_new(const struct rig *rig);
void opener_free(struct opener *opener);
/* Whether the license (base64) opens with the device's key, and the image with it to the firmware.
 */
bool opener_opens(struct opener *opener, const char *license_base64, const struct pki *device);

#endif
