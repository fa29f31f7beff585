/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The factory floor of the end-to-end tests: a rig per test, and devices that come down the line.
 */
#ifndef TESTS_E2E_FLOOR_H
#define TESTS_E2E_FLOOR_H

#include <check.h>

#include "support/http.h"
#include "support/rig.h"

#define FLOOR_PEM_MAX 8192

/* A device with its key and certificate, also as files DIR/NAME.key and DIR/NAME.pem. */
struct floor_device {
    char name[48];
    char pem[FLOOR_PEM_MAX];
};

/* What a device's certificate shall be; zero is a genuine P-256 device of the rig's maker. */
struct floor_options {
    const char *serial;     /* subject serialNumber; NULL: the name; "" for none */
    const char *same_key;   /* NAME of a device whose key is used again; NULL for a new key */
    const char *ca;         /* path without .pem/.key of another CA; NULL: the rig's device CA */
    const char *key_usage;  /* NULL: "critical,keyAgreement" */
    const char *key_params; /* openssl genpkey arguments; NULL: P-256 */
    const char *dates;      /* openssl x509 arguments; NULL: "-days 3650" */
};

/* Makes a device with the openssl command, as its maker would. */
void floor_device_make(const struct rig *rig, const char *name, const struct floor_options *options,
                       struct floor_device *ret_device);
/* Many genuine devices, quicker: NAME is "PREFIX-i". */
void floor_devices_make(const struct rig *rig, const char *prefix, size_t count,
                        struct floor_device *ret_devices);

/*
 * Whether openssl opens the license (base64) with the device's key, to the rig's firmware: 1 opened
 * and equal, 0 refused. Anything else fails the test.
 */
int floor_opens(const struct rig *rig, const char *license_base64, const char *device_name);

#endif
