/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a PKCS#11 return value means here: the one table of the room.
 *
 * Threads: pure functions. CK_RV is spelled unsigned long, so that the master can use the names
 * without PKCS#11's types.
 */
#ifndef HSM_CKR_H
#define HSM_CKR_H

#include "core/error.h"

enum ckr_action {
    CKR_ANSWER,  /* tell the asking side; the worker is fine */
    CKR_FORGET,  /* a cached handle is stale: forget all, find the keys again, try once more */
    CKR_REPLACE, /* session, login or module is lost: only a new worker helps */
    CKR_GIVE_UP  /* the PIN: nobody tries again until an operator restarts the program */
};

struct ckr_meaning {
    enum error code;
    enum ckr_action action;
    const char *reason;
    const char *detail;
};

/* "CKR_DEVICE_ERROR"; "CKR_VENDOR_DEFINED" or "CKR_UNKNOWN" for what the table does not know. */
const char *ckr_name(unsigned long rv);

/* The values that the table knows, in its order. */
#define CKR_VALUES_END ((unsigned long)-1)
/* CKR_VALUES_END after the last one. */
unsigned long ckr_value(unsigned index);

/* Never NULL; an unknown value means "replace me". rv is not CKR_OK. */
const struct ckr_meaning *ckr_meaning(unsigned long rv);

/* What it says of a module, and what to do: one to three sentences for a person who tries one.
 * Never NULL. In ckr_words.c. */
const char *ckr_words(unsigned long rv);

#endif
