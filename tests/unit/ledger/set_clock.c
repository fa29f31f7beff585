/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The linker puts __wrap_clock_unix_ms in the place of clock_unix_ms. */
#include "set_clock.h"

#include <stdatomic.h>

int64_t __real_clock_unix_ms(void);
int64_t __wrap_clock_unix_ms(void);

static _Atomic int64_t shift_ms;
static _Atomic int64_t stopped_at;

int64_t __wrap_clock_unix_ms(void)
{
    int64_t stopped = atomic_load(&stopped_at);
    return stopped != 0 ? stopped : __real_clock_unix_ms() + atomic_load(&shift_ms);
}

void set_clock_shift(int64_t ms)
{
    atomic_store(&shift_ms, ms);
}

void set_clock_stop(int64_t unix_ms)
{
    atomic_store(&stopped_at, unix_ms);
}
