/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One root and its anchors for every test of device/, and the check in one line. */
#ifndef TESTS_UNIT_DEVICE_FIXTURE_H
#define TESTS_UNIT_DEVICE_FIXTURE_H

#include "device/device.h"
#include "support/pki.h"

/* "Factory Root", made before each test. */
extern struct pki *root;
extern struct device_anchors *anchors;
/* What the newest check_* filled in. */
extern struct device device;
extern struct fault fault;

void fixture_set_up(void);
void fixture_tear_down(void);

struct bytes text_bytes(const char *text);
/* Anchors of one certificate; fails the test when they are refused. */
struct device_anchors *anchors_of(const struct pki *pki);

/* device_check now. */
enum error check_text(const char *pem);
/* Makes a device under issuer, and checks it alone under the fixture's anchors. */
enum error check_options(const struct pki *issuer, const struct pki_options *options);
/* Claims that the device is refused with exactly that reason. */
void refused(enum error code, const char *reason);

#endif
