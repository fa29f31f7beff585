/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Failing allocators. */
#include "fault_memory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <check.h>
#include <jansson.h>
#include <sqlite3.h>

static sqlite3_mem_methods below;
static atomic_long countdown;
static atomic_bool has_failed;

static bool is_failing(void)
{
    if (atomic_load(&countdown) <= 0 || atomic_fetch_sub(&countdown, 1) != 1)
        return false;
    atomic_store(&has_failed, true);
    return true;
}

static void *sqlite_malloc(int size)
{
    return is_failing() ? NULL : below.xMalloc(size);
}

static void *sqlite_realloc(void *memory, int size)
{
    return is_failing() ? NULL : below.xRealloc(memory, size);
}

static void *json_malloc_or_fail(size_t size)
{
    return is_failing() ? NULL : malloc(size);
}

void fault_memory_register(void)
{
    sqlite3_mem_methods failing;
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &below), SQLITE_OK);
    failing = below;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    json_set_alloc_funcs(json_malloc_or_fail, free);
}

void fault_memory_arm(long n)
{
    atomic_store(&has_failed, false);
    atomic_store(&countdown, n);
}

bool fault_memory_is_spent(void)
{
    return atomic_load(&has_failed);
}
