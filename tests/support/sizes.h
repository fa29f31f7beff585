/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Sizes of long tests: short by default, full with `./dev test --long`, always printed. */
#ifndef TESTS_SUPPORT_SIZES_H
#define TESTS_SUPPORT_SIZES_H

#include <stddef.h>

/* The size to run, after it was printed as "size: WHAT: N (full: FULL)". */
size_t test_size(const char *what, size_t short_size, size_t full_size);

#endif
