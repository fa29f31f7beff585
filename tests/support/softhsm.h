/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A real SoftHSM token of a test's own, in a temporary folder. Fails the test when it cannot be
 * made. SOFTHSM2_CONF is set for the process and its children; the folder's owner removes it all.
 */
#ifndef TESTS_SUPPORT_SOFTHSM_H
#define TESTS_SUPPORT_SOFTHSM_H

#include "support/temp_dir.h"

#define SOFTHSM_MODULE "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"
#define SOFTHSM_LABEL  "provisiond"
#define SOFTHSM_PIN    "1234-test-pin-5678"
#define SOFTHSM_SO_PIN "so-pin-8765"

struct softhsm {
    const char *module; /* path of the PKCS#11 module */
    const char *token;  /* CKA label */
    const char *pin;
    char tokens[TEMP_PATH_MAX];   /* the folder that holds the token's objects */
    char pin_file[TEMP_PATH_MAX]; /* holds the PIN and a newline */
};

/* Makes softhsm2.conf, an initialised token, and the PIN file inside dir. */
void softhsm_make(const struct temp_dir *dir, struct softhsm *ret);

/* Writes text to "<dir>/<name>", mode 0600, and its path to out. */
void softhsm_write_file(const struct temp_dir *dir, const char *name, const char *text,
                        char out[TEMP_PATH_MAX]);

#endif
