/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that runs out on request: allocators of SQLite and jansson that count, and let the n-th
 * allocation fail. Threads: the counters are atomic.
 */
#ifndef TESTS_LEDGER_FAULT_MEMORY_H
#define TESTS_LEDGER_FAULT_MEMORY_H

#include <stdbool.h>

/* Puts them in; before the process uses SQLite for the first time. */
void fault_memory_register(void);
/* The n-th allocation from now fails; 0 ends it. */
void fault_memory_arm(long n);
/* Whether an armed failure has happened since. */
bool fault_memory_is_spent(void);

#endif
