/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of a listing keep their order and their bound. */
#include "vault/listing.h"

#include <check.h>

#include "support/run.h"

struct row {
    size_t number;
    char rest[40];
};

static struct listing *listing;
static struct fault fault;

static void set_up(void)
{
    listing = listing_new(sizeof(struct row));
    ck_assert_ptr_nonnull(listing);
}

static void tear_down(void)
{
    listing_free(listing);
}

static void add(size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct row *row = listing_add(listing);
        ck_assert_ptr_nonnull(row);
        ck_assert_uint_eq(row->number, 0); /* zeroed, also when it was another's place */
        row->number = first + i;
    }
}

static void expect(size_t first, size_t count)
{
    ck_assert_int_eq(listing_finish(listing, ERR_OK, &fault), ERR_OK);
    ck_assert_uint_eq(listing->count, count);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = listing->links[i];
        ck_assert_uint_eq(row->number, first + i);
        ck_assert_ptr_eq(listing_at(listing, i), row);
    }
}

START_TEST(empty_listing_is_one)
{
    expect(1, 0);
}
END_TEST

START_TEST(rows_are_linked_in_the_order_they_came)
{
    add(1, 100);
    expect(1, 100);
}
END_TEST

START_TEST(as_many_rows_as_there_may_be_are_kept)
{
    add(1, LISTING_ROWS_MAX);
    expect(1, LISTING_ROWS_MAX);
}
END_TEST

START_TEST(newest_rows_are_kept)
{
    add(1, LISTING_ROWS_MAX + 7);
    expect(8, LISTING_ROWS_MAX);
}
END_TEST

START_TEST(newest_rows_are_kept_of_many)
{
    add(1, 3 * LISTING_ROWS_MAX + 1);
    expect(2 * LISTING_ROWS_MAX + 2, LISTING_ROWS_MAX);
}
END_TEST

START_TEST(failed_reading_stays_failed)
{
    add(1, 3);
    (void)fault_set(&fault, ERR_LEDGER_UNAVAILABLE, "reason", "What happened.", 5);
    ck_assert_int_eq(listing_finish(listing, ERR_LEDGER_UNAVAILABLE, &fault),
                     ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(fault.reason, "reason");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        empty_listing_is_one,
        rows_are_linked_in_the_order_they_came,
        as_many_rows_as_there_may_be_are_kept,
        newest_rows_are_kept,
        newest_rows_are_kept_of_many,
        failed_reading_stays_failed,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "listing",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
