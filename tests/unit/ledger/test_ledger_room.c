/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The reserve on the ledger's disk, by the room that the disk really has. */
#include <string.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

static struct ledger_room room(void)
{
    struct ledger_room room;
    ledger_room(world.ledger, &room);
    return room;
}

START_TEST(first_license_is_refused_when_the_reserve_is_reached)
{
    struct ledger_issued issued;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ledger_set_reserve(world.ledger, INT64_MAX / 4);
    ck_assert_int_eq(room().state, LEDGER_ROOM_SPENT);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, LEDGER_DISK_NEARLY_FULL);
    ck_assert_int_eq(world_usage(&world).charged, 1);
    /* What needs little goes on. */
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert(issued.is_repeat);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_SUCCEEDED), ERR_OK);
    ledger_set_reserve(world.ledger, 0);
    ck_assert_int_eq(room().state, LEDGER_ROOM_OK);
    ck_assert_int_eq(world_issue(&world, 2, &issued), ERR_OK);
}
END_TEST

START_TEST(twice_the_reserve_is_low_and_refuses_nothing)
{
    struct ledger_issued issued;
    ledger_set_reserve(world.ledger, room().free_bytes * 3 / 4);
    ck_assert_int_eq(room().state, LEDGER_ROOM_LOW);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
}
END_TEST

START_TEST(what_takes_room_is_permitted_down_to_the_reserve)
{
    ledger_set_reserve(world.ledger, room().free_bytes / 2);
    ck_assert_int_eq(ledger_room_permits(world.ledger, 0, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_room_permits(world.ledger, room().free_bytes / 4, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_room_permits(world.ledger, room().free_bytes * 3 / 4, &world.fault),
                     ERR_LEDGER_UNAVAILABLE);
    ck_assert_str_eq(world.fault.reason, LEDGER_DISK_NEARLY_FULL);
    ledger_set_reserve(world.ledger, INT64_MAX / 4);
    ck_assert_int_eq(ledger_room_permits(world.ledger, 0, &world.fault), ERR_LEDGER_UNAVAILABLE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room");
    TCase *tcase = tcase_create("room");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, first_license_is_refused_when_the_reserve_is_reached);
    tcase_add_test(tcase, twice_the_reserve_is_low_and_refuses_nothing);
    tcase_add_test(tcase, what_takes_room_is_permitted_down_to_the_reserve);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
