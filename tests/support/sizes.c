/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The environment variable PROVISIOND_TEST_SIZES is "long" or anything else. */
#include "support/sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t test_size(const char *what, size_t short_size, size_t full_size)
{
    const char *sizes = getenv("PROVISIOND_TEST_SIZES");
    size_t size = sizes != NULL && strcmp(sizes, "long") == 0 ? full_size : short_size;
    printf("size: %s: %zu (full: %zu)\n", what, size, full_size);
    (void)fflush(stdout);
    return size;
}
