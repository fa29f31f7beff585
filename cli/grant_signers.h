/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How many of those who must sign a document have signed it, for a refusal that does not say. The
 * product's authorities are asked for where the document was refused. Threads: main thread.
 */
#ifndef CLI_GRANT_SIGNERS_H
#define CLI_GRANT_SIGNERS_H

#include "cli/arguments.h"
#include "cli/failure.h"
#include "core/bytes.h"

/*
 * Puts "1 of the 2 authorities that must sign it" into a failure of the check "too-few-signers".
 * What cannot be found out leaves it as it is.
 */
void grant_signers_explain(const struct arguments *arguments, bool is_rest, struct bytes document,
                           struct failure *failure);

#endif
