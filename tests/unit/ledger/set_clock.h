/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A clock that a test sets. The program is linked with --wrap=clock_unix_ms, so that the product
 * needs no switch for it. Threads: atomic.
 */
#ifndef TESTS_LEDGER_SET_CLOCK_H
#define TESTS_LEDGER_SET_CLOCK_H

#include <stdint.h>

/* From now on the clock is that much ahead of the real one; 0 is the beginning. */
void set_clock_shift(int64_t ms);
/* From now on it stands still at that time; 0: it goes again, with its shift. */
void set_clock_stop(int64_t unix_ms);

#endif
