/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What to do about a refusal, by its code and reason word: more exact than the advice of the code
 * alone (cli/failure.h). The same word may mean different things under two codes. Threads: pure
 * functions.
 */
#ifndef CLI_ADVICE_H
#define CLI_ADVICE_H

#include "core/error.h"

/* A sentence; NULL when nothing more exact is known than the code's own advice. */
const char *advice_for(enum error code, const char *reason);

#endif
