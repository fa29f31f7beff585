/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a JSON text can be made into that a reader must refuse. Threads: one per text. */
#ifndef TESTS_E2E_HOSTILE_JSON_H
#define TESTS_E2E_HOSTILE_JSON_H

#include "e2e/hostile_text.h"

/* One change, to any text that is not empty; it need not be JSON. */
void hostile_json_attack(struct dice *dice, struct text *text);

#endif
