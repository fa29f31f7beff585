/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What cannot be taken back is asked for with a word that nobody types by accident. Threads: one.
 */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli/arguments.h"
#include "cli/failure.h"

struct confirmation {
    const char *meaning; /* what it comes to, in whole lines */
    const char *word;
    const char *kept; /* "nothing was destroyed" */
};

/* Asks on standard error, reads standard input; --yes asks nobody. ERR_BAD_REQUEST: another word,
 * or none. */
enum error confirm(const struct arguments *arguments, const struct confirmation *confirmation,
                   struct failure *failure) MUST_USE;

#endif
