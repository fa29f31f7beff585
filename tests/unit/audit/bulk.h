/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Valid exports of any length: what a line of stations leaves behind. Whatever cannot be made fails
 * the test. Threads: one.
 */
#ifndef TESTS_UNIT_AUDIT_BULK_H
#define TESTS_UNIT_AUDIT_BULK_H

#include <stdint.h>

#include "../journal/signer.h"
#include "support/temp_dir.h"

/*
 * Writes an export of count leaves (at least 16) to path, signed by signer: one local product; of
 * ten leaves six are licenses of new devices, one a repeat, three outcomes.
 */
void bulk_write(const struct signer *signer, const char *path, int64_t count);

#endif
