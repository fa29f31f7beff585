/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Many records, and the way from a key to each. */
#include <check.h>

#include "audit/index.h"
#include "audit/pool.h"
#include "support/run.h"
#include "support/sizes.h"

struct record {
    uint64_t key;
    uint32_t number;
};

static struct pool pool;
static struct index numbers;
static struct fault fault;

static bool has_key(const void *owner, uint32_t number, const void *key)
{
    const struct record *record = pool_at(owner, number);
    return record->key == *(const uint64_t *)key;
}

static void set_up(void)
{
    pool = (struct pool){.record_size = sizeof(struct record)};
    index_init(&numbers, has_key);
}

static void tear_down(void)
{
    index_clear(&numbers);
    pool_clear(&pool);
}

static uint64_t hash_of(uint64_t key)
{
    return index_hash(&numbers, 0, bytes_of(&key, sizeof key));
}

static uint32_t find(uint64_t key)
{
    return index_find(&numbers, &pool, hash_of(key), &key);
}

static void add(uint64_t key)
{
    uint32_t number = 0;
    ck_assert_int_eq(pool_add(&pool, &number, &fault), ERR_OK);
    struct record *record = pool_at(&pool, number);
    ck_assert_uint_eq(record->key, 0);
    *record = (struct record){.key = key, .number = number};
    ck_assert_int_eq(index_put(&numbers, &pool, hash_of(key), &key, number, &fault), ERR_OK);
}

START_TEST(nothing_is_found_in_an_empty_index)
{
    ck_assert_uint_eq(find(7), POOL_NONE);
}
END_TEST

START_TEST(each_record_keeps_its_place_and_is_found)
{
    uint64_t count = test_size("records of a pool", 20000, 3000000);
    for (uint64_t i = 0; i < count; i++)
        add(1 + i * 0x9e3779b97f4a7c15U);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = 1 + i * 0x9e3779b97f4a7c15U;
        const struct record *record = pool_at(&pool, (uint32_t)i);
        ck_assert_uint_eq(record->key, key);
        ck_assert_uint_eq(record->number, i);
        ck_assert_uint_eq(find(key), i);
        ck_assert_uint_eq(find(key + 1), POOL_NONE);
    }
}
END_TEST

START_TEST(a_key_may_get_another_number)
{
    uint64_t key = 5;
    add(5);
    add(6);
    ck_assert_int_eq(index_put(&numbers, &pool, hash_of(key), &key, 0, &fault), ERR_OK);
    ck_assert_uint_eq(find(5), 0);
    ck_assert_uint_eq(numbers.count, 2);
}
END_TEST

/* Keys whose parts meet elsewhere are others. */
START_TEST(hash_knows_where_parts_end)
{
    uint64_t one =
        index_hash(&numbers, index_hash(&numbers, 0, bytes_of("ab", 2)), bytes_of("c", 1));
    uint64_t two =
        index_hash(&numbers, index_hash(&numbers, 0, bytes_of("a", 1)), bytes_of("bc", 2));
    ck_assert_uint_ne(one, two);
    ck_assert_uint_ne(index_hash(&numbers, 0, bytes_of("a\0", 2)),
                      index_hash(&numbers, 0, bytes_of("a", 1)));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_is_found_in_an_empty_index,
        each_record_keeps_its_place_and_is_found,
        a_key_may_get_another_number,
        hash_knows_where_parts_end,
        NULL,
    };
    return run_suite(&(struct run_case){"pool", set_up, tear_down, 120, tests});
}
