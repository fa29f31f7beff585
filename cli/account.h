/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The account of a product: where its units came from and where they are.
 *
 *     granted = accepted - revoked + scrap drawn
 *     granted = remaining + charged
 *     charged = succeeded + failed + scrapped + unreported
 *
 * It is printed so that a reader can add it up, and added up here as well. Threads: main thread.
 */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include <jansson.h>

#include "cli/answer.h"
#include "cli/arguments.h"
#include "cli/failure.h"

#define ACCOUNT_LOCAL    "local: this site's administrator decides"
#define ACCOUNT_GOVERNED "governed: documents signed by its authorities decide"

/* Asks the vault's admin socket. */
enum error account_ask_vault(const struct arguments *arguments, const char *product,
                             struct answer_usage *ret_usage, struct failure *failure) MUST_USE;

/* Asks provisiond. */
enum error account_ask_server(const struct arguments *arguments, const char *product,
                              struct answer_usage *ret_usage, struct failure *failure) MUST_USE;

/* ERR_INTERNAL, with what is wrong, when the account does not add up. */
enum error account_check(const struct answer_usage *usage, struct failure *failure) MUST_USE;

/* What one unit pays for, in words; the word itself when it is not known. */
const char *account_explain_policy(const char *policy);

/* As a page for people; one that does not add up is printed and then is a failure. */
enum error account_print(const char *product, const struct answer_usage *usage,
                         struct failure *failure) MUST_USE;
/* The members of GET /v1/products/{product}/usage; NULL when memory is out. */
json_t *account_to_json(const struct answer_usage *usage);

#endif
