/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may ask provisiond: stations, operators, auditors, administrators and metrics callers.
 *
 * Their commands are the same but for the first word, which says the role. Whether the vault or
 * provisiond told about a principal, it is the API's JSON object here: name, role, enabled, keys
 * [{key, added_at}], products [], lines []. Threads: main thread.
 */
#ifndef CLI_PRINCIPAL_H
#define CLI_PRINCIPAL_H

#include <jansson.h>

#include "cli/admin.h"

struct principal_role {
    const char *word;   /* the first of the command, and the role in the API */
    const char *title;  /* begins a sentence: "Station" */
    const char *things; /* "stations" */
    const char *member; /* of JSON, that holds a list of them */
    Provisiond__Role role;
};

/* The role that the first word of the command names. */
const struct principal_role *principal_role_of(const struct arguments *arguments);

/* A PEM certificate's key is enrolled, with what --product and --line narrow it to. */
enum error principal_enrol(const struct arguments *arguments, const char *certificate,
                           struct sha256 *ret_key, struct failure *failure) MUST_USE;

/*
 * A warning on standard error for each --product that is not there: it may come later, or be
 * misspelt. Silent when the vault does not say.
 */
void principal_warn_products(const struct arguments *arguments);

/* An array of the principals that the vault knows in this role: of that name, or all for "". */
enum error principal_ask_vault(const struct arguments *arguments, const char *name,
                               json_t **ret_principals, struct failure *failure) MUST_USE;

/* ERR_INTERNAL with the member that is not what it must be. */
enum error principal_check(const json_t *principal, struct failure *failure) MUST_USE;

/* "meter, pump", or otherwise for an empty array of texts. Cut when it does not fit. */
void principal_join(const json_t *texts, const char *otherwise, char *out, size_t size);

/* Checked principals as a table; of keys, and of long lists of names, what fits. */
enum error principal_print_list(const json_t *principals, const char *things,
                                struct failure *failure) MUST_USE;
/* One checked principal as a page. */
enum error principal_print(const json_t *principal, struct failure *failure) MUST_USE;

#endif
