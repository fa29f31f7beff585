/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A rig's token, opened by a process of the bench itself: once per process, before anything else
 * loads the module. What fails fails the test. */
#ifndef BENCH_RIG_TOKEN_H
#define BENCH_RIG_TOKEN_H

#include <stdbool.h>

#include "support/rig.h"
#include "unit/hsm/token.h"

#define RIG_TOKEN_PIN_MAX 64

/* The PIN, and the environment in which the rig's SoftHSM finds its token. */
void rig_token_prepare(const struct rig *rig, char ret_pin[RIG_TOKEN_PIN_MAX]);
void rig_token_open(const struct rig *rig, struct token *token);
/* An AES-256 key as a session object with this one use. */
CK_OBJECT_HANDLE rig_token_make_key(struct token *token, CK_ATTRIBUTE_TYPE use,
                                    bool is_extractable);

#endif
