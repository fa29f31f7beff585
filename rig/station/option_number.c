/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers on a command line. Owns no state. */
#include "rig/station/option_number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool option_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    if (text == NULL)
        return true;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0')
        return false;
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (errno != 0 || value < min || value > max)
        return false;
    *number = value;
    return true;
}
