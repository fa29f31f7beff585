/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A rig's token, opened by a process of the bench itself: once per process, before anything else
 * loads the module. What fails fails the test. */
#ifndef BENCH_RIG_TOKEN_H
#define BENCH_RIG_TOKEN_H

#include <stdbool.h>

#include "support/rig.h"
#include "unit/hsm/token.h"

void rig_token_open(const struct rig *rig, struct token *token);
/* An AES-256 key as a session object with this one use. */
CK_OBJECT_HANDLE rig_token_make_key(struct token *token, CK_ATTRIBUTE_TYPE use,
                                    bool is_extractable);

#endif
