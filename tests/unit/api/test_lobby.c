/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who may begin a handshake, by a clock that the test holds; and over TLS, from two addresses. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/lobby.h"
#include "call.h"
#include "caught_log.h"
#include "core/clock.h"
#include "edge_suites.h"
#include "front.h"
#include "wire.h"

#define NOW         1000000
#define PER_ADDRESS 20
#define ALL         50
#define PER_SECOND  100
#define COST_MS     (1000 / PER_SECOND)
#define PATIENCE_MS 5000
#define FIRST       100 /* numbers of sockets: the lobby does not touch them */

static struct lobby *lobby;
static int next_socket;

static void open_lobby(void)
{
    const struct lobby_options options = {.connections = ALL,
                                          .per_address = PER_ADDRESS,
                                          .handshakes_per_second = PER_SECOND,
                                          .patience_ms = PATIENCE_MS};
    ck_assert_int_eq(lobby_new(&options, &lobby), ERR_OK);
    next_socket = FIRST;
}

static void close_lobby(void)
{
    lobby_free(lobby);
}

static struct lobby_guest guest_from(const char *address)
{
    struct lobby_guest guest = {.socket = next_socket++};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&guest.address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&guest.address;
    bool is_v6 = strchr(address, ':') != NULL;
    guest.address.ss_family = is_v6 ? AF_INET6 : AF_INET;
    guest.length = is_v6 ? sizeof *v6 : sizeof *v4;
    ck_assert_int_eq(inet_pton(guest.address.ss_family, address,
                               is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr),
                     1);
    return guest;
}

/* Returns its socket. */
static int arrive(const char *address, int64_t now_ms)
{
    struct lobby_guest guest = guest_from(address);
    ck_assert_int_eq(lobby_arrive(lobby, &guest, now_ms), LOBBY_WELCOME);
    return guest.socket;
}

static void arrive_many(const char *address, unsigned count, int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++)
        (void)arrive(address, now_ms);
}

static enum lobby_refusal knock(const char *address, int64_t now_ms)
{
    struct lobby_guest guest = guest_from(address);
    return lobby_arrive(lobby, &guest, now_ms);
}

/* The socket that may begin, -1 for none. */
static int next(int64_t now_ms)
{
    struct lobby_guest guest;
    return lobby_next(lobby, now_ms, &guest) ? guest.socket : -1;
}

START_TEST(an_address_has_two_handshakes_at_once_and_the_others_wait_in_their_order)
{
    arrive_many("192.0.2.1", 4, NOW);
    ck_assert_int_eq(next(NOW), FIRST);
    ck_assert_int_eq(next(NOW), FIRST + 1);
    ck_assert_int_eq(next(NOW), -1);
    ck_assert_uint_eq(lobby_waiting(lobby), 2);
    lobby_settle(lobby, FIRST + 1);
    ck_assert_int_eq(next(NOW), FIRST + 2);
    ck_assert_int_eq(next(NOW), -1);
    lobby_leave(lobby, FIRST);
    ck_assert_int_eq(next(NOW), FIRST + 3);
    ck_assert_uint_eq(lobby_waiting(lobby), 0);
}
END_TEST

START_TEST(other_addresses_pass_by_those_who_wait)
{
    arrive_many("192.0.2.1", 10, NOW);
    int other = arrive("192.0.2.2", NOW);
    ck_assert_int_eq(next(NOW), FIRST);
    ck_assert_int_eq(next(NOW), FIRST + 1);
    ck_assert_int_eq(next(NOW), other);
    ck_assert_int_eq(next(NOW), -1);
}
END_TEST

START_TEST(a_handshake_that_ends_twice_gives_back_one_place)
{
    arrive_many("192.0.2.1", 5, NOW);
    (void)next(NOW);
    (void)next(NOW);
    lobby_settle(lobby, FIRST);
    lobby_settle(lobby, FIRST);
    lobby_leave(lobby, FIRST);
    lobby_leave(lobby, FIRST);
    lobby_settle(lobby, -1);
    lobby_leave(lobby, 1 << 20);
    ck_assert_int_eq(next(NOW), FIRST + 2);
    ck_assert_int_eq(next(NOW), -1);
}
END_TEST

START_TEST(silent_clients_hold_their_neighbours_up_for_a_moment_only)
{
    arrive_many("192.0.2.1", 3, NOW);
    (void)next(NOW);
    (void)next(NOW);
    ck_assert_int_eq(lobby_pause_ms(lobby, NOW), LOBBY_HANDSHAKE_MS);
    ck_assert_int_eq(next(NOW + LOBBY_HANDSHAKE_MS - 1), -1);
    ck_assert_int_eq(next(NOW + LOBBY_HANDSHAKE_MS), FIRST + 2);
    ck_assert_int_eq(lobby_pause_ms(lobby, NOW + LOBBY_HANDSHAKE_MS), -1);
}
END_TEST

START_TEST(an_address_begins_so_many_handshakes_a_second)
{
    arrive_many("192.0.2.1", LOBBY_BURST + 2, NOW);
    for (int i = 0; i < LOBBY_BURST; i++) {
        ck_assert_int_eq(next(NOW), FIRST + i);
        lobby_settle(lobby, FIRST + i);
    }
    ck_assert_int_eq(next(NOW), -1);
    ck_assert_int_eq(lobby_pause_ms(lobby, NOW), COST_MS);
    ck_assert_int_eq(next(NOW + COST_MS), FIRST + LOBBY_BURST);
    lobby_settle(lobby, FIRST + LOBBY_BURST);
    ck_assert_int_eq(next(NOW + COST_MS), -1);
    ck_assert_int_eq(next(NOW + 2 * COST_MS), FIRST + LOBBY_BURST + 1);
}
END_TEST

START_TEST(who_closes_and_connects_again_is_paced_all_the_same)
{
    for (int i = 0; i < LOBBY_BURST; i++) {
        int socket = arrive("192.0.2.1", NOW);
        ck_assert_int_eq(next(NOW), socket);
        lobby_leave(lobby, socket);
    }
    (void)arrive("192.0.2.1", NOW);
    ck_assert_int_eq(next(NOW), -1);
}
END_TEST

START_TEST(who_waits_counts_in_the_limits_and_who_left_does_not)
{
    arrive_many("192.0.2.1", PER_ADDRESS, NOW);
    ck_assert_int_eq(knock("192.0.2.1", NOW), LOBBY_ADDRESS_FULL);
    lobby_leave(lobby, FIRST);
    ck_assert_int_eq(knock("192.0.2.1", NOW), LOBBY_WELCOME);
    arrive_many("192.0.2.2", PER_ADDRESS, NOW);
    arrive_many("192.0.2.3", ALL - 2 * PER_ADDRESS, NOW);
    ck_assert_int_eq(knock("192.0.2.4", NOW), LOBBY_FULL);
    lobby_leave(lobby, FIRST + 1);
    ck_assert_int_eq(knock("192.0.2.4", NOW), LOBBY_WELCOME);
}
END_TEST

START_TEST(who_had_no_answer_yet_is_a_newcomer)
{
    int first = arrive("192.0.2.1", NOW);
    int second = arrive("192.0.2.1", NOW);
    lobby_greet(lobby, first);
    lobby_greet(lobby, first);
    ck_assert_uint_eq(lobby_newcomers(lobby), 1);
    lobby_leave(lobby, first);
    ck_assert_uint_eq(lobby_newcomers(lobby), 1);
    lobby_leave(lobby, second);
    ck_assert_uint_eq(lobby_newcomers(lobby), 0);
}
END_TEST

START_TEST(the_first_64_bits_are_an_ipv6_address_and_a_mapped_one_is_ipv4)
{
    arrive_many("2001:db8:0:1::1", PER_ADDRESS, NOW);
    ck_assert_int_eq(knock("2001:db8:0:1:ffff::2", NOW), LOBBY_ADDRESS_FULL);
    ck_assert_int_eq(knock("2001:db8:0:2::1", NOW), LOBBY_WELCOME);
    arrive_many("::ffff:192.0.2.1", PER_ADDRESS - 1, NOW);
    ck_assert_int_eq(knock("::ffff:192.0.2.2", NOW), LOBBY_WELCOME);
    ck_assert_int_eq(knock("192.0.2.1", NOW), LOBBY_WELCOME);
    ck_assert_int_eq(knock("::ffff:192.0.2.1", NOW), LOBBY_ADDRESS_FULL);
}
END_TEST

START_TEST(nobody_waits_for_longer_than_patience)
{
    struct lobby_guest guest;
    arrive_many("192.0.2.1", 3, NOW);
    (void)next(NOW);
    (void)next(NOW);
    ck_assert(!lobby_next_overdue(lobby, NOW + PATIENCE_MS - 1, &guest));
    ck_assert(lobby_next_overdue(lobby, NOW + PATIENCE_MS, &guest));
    ck_assert_int_eq(guest.socket, FIRST + 2);
    ck_assert(!lobby_next_overdue(lobby, NOW + PATIENCE_MS, &guest));
    ck_assert_uint_eq(lobby_waiting(lobby), 0);
}
END_TEST

START_TEST(a_socket_that_was_closed_without_a_word_is_forgotten_when_its_number_comes_back)
{
    arrive_many("192.0.2.1", PER_ADDRESS, NOW);
    next_socket = FIRST;
    arrive_many("192.0.2.2", PER_ADDRESS, NOW);
    ck_assert_int_eq(knock("192.0.2.1", NOW), LOBBY_WELCOME);
}
END_TEST

/* ---- over TLS ---- */

#define FEW    3

#define SILENT 5
/* Half of what CALL_MANY_MAX handshakes take when none of them is seen to end. */
#define UNPACED_MS ((int64_t)CALL_MANY_MAX / LOBBY_AT_ONCE / 2 * LOBBY_HANDSHAKE_MS)
#define ATTEMPTS   8

static void start(void)
{
    front_configure();
    front.config.api.handshakes_per_second = 1000;
    front_start_api();
    front_start_vault();
}

static long readyz_from(const char *address)
{
    return call_status(&(struct call){.path = "/readyz", .address = address});
}

START_TEST(handshakes_of_another_address_do_not_wait_for_silent_neighbours)
{
    struct wire *silent[SILENT];
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = wire_connect();
    struct calls *waiting = calls_start(&(struct call){.path = "/readyz"}, 1);
    ck_assert_uint_eq(calls_pump(waiting), 1);
    ck_assert_int_eq(readyz_from("127.0.0.2"), 200);
    ck_assert_uint_eq(calls_count(waiting, 200), 0); /* behind two pairs of silent ones */
    while (calls_pump(waiting) > 0)
        continue;
    ck_assert_uint_eq(calls_count(waiting, 200), 1);
    calls_free(waiting);
    for (size_t i = 0; i < SILENT; i++)
        wire_close(silent[i]);
}
END_TEST

static int64_t shake_many(void)
{
    int64_t begun = clock_monotonic_ms();
    struct calls *calls = calls_start(&(struct call){.path = "/readyz"}, CALL_MANY_MAX);
    while (calls_pump(calls) > 0)
        continue;
    ck_assert_uint_eq(calls_count(calls, 200), CALL_MANY_MAX);
    calls_free(calls);
    return clock_monotonic_ms() - begun;
}

/* If places came back by their age alone, no attempt could be so fast; a slow machine has several.
 */
START_TEST(a_handshake_that_ended_makes_room_at_once)
{
    int attempts = 0;
    while (shake_many() >= UNPACED_MS)
        ck_assert_int_lt(++attempts, ATTEMPTS);
}
END_TEST

START_TEST(a_handshake_that_waits_for_its_client_keeps_no_processor_busy)
{
    struct wire *wire = wire_connect();
    ck_assert(wire_send(wire, "\x16\x03\x01\x02")); /* a record begins */
    (void)usleep(2000 * LOBBY_HANDSHAKE_MS);
    clock_t before = clock();
    (void)sleep(1);
    ck_assert_int_lt(clock() - before, CLOCKS_PER_SEC / 4); /* of this process, provisiond in it */
    ck_assert(!wire_is_cut(wire));
    wire_close(wire);
}
END_TEST

START_TEST(a_stop_sends_away_who_waits)
{
    struct wire *silent[SILENT];
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = wire_connect();
    api_free(front.api);
    front.api = NULL;
    for (size_t i = 0; i < SILENT; i++) {
        (void)wire_time_until_cut(silent[i], NULL);
        wire_close(silent[i]);
    }
}
END_TEST

/* ---- the log ---- */

static void start_few(void)
{
    front_configure();
    caught_log_start();
    front.config.api.connections = 2 * FEW;
    front.config.api.connections_per_address = FEW;
    front_start_api();
}

static void stop_few(void)
{
    front_stop();
    caught_log_stop();
}

START_TEST(connections_that_are_refused_are_told_with_address_and_limit_once_a_second)
{
    struct wire *wires[FEW];
    for (size_t i = 0; i < FEW; i++)
        wires[i] = wire_connect();
    int64_t begun = clock_monotonic_ms();
    while (clock_monotonic_ms() - begun < 1500) {
        struct wire *surplus = wire_connect();
        (void)wire_time_until_cut(surplus, NULL);
        wire_close(surplus);
    }
    unsigned lines = caught_log_count("connection-refused");
    ck_assert_uint_ge(lines, 2);
    ck_assert_uint_le(lines, 1 + (unsigned)((clock_monotonic_ms() - begun) / 1000));
    const char *line = caught_log_last("connection-refused");
    ck_assert_ptr_nonnull(strstr(line, "\"peer\":\"127.0.0.1\""));
    ck_assert_ptr_nonnull(strstr(line, "\"limit\":\"connections_per_address\""));
    for (size_t i = 0; i < FEW; i++)
        wire_close(wires[i]);
}
END_TEST

Suite *lobby_suite(void)
{
    Suite *suite = suite_create("api/lobby");
    TCase *tcase = tcase_create("lobby");
    tcase_add_checked_fixture(tcase, open_lobby, close_lobby);
    tcase_add_test(tcase, an_address_has_two_handshakes_at_once_and_the_others_wait_in_their_order);
    tcase_add_test(tcase, other_addresses_pass_by_those_who_wait);
    tcase_add_test(tcase, a_handshake_that_ends_twice_gives_back_one_place);
    tcase_add_test(tcase, silent_clients_hold_their_neighbours_up_for_a_moment_only);
    tcase_add_test(tcase, an_address_begins_so_many_handshakes_a_second);
    tcase_add_test(tcase, who_closes_and_connects_again_is_paced_all_the_same);
    tcase_add_test(tcase, who_waits_counts_in_the_limits_and_who_left_does_not);
    tcase_add_test(tcase, who_had_no_answer_yet_is_a_newcomer);
    tcase_add_test(tcase, the_first_64_bits_are_an_ipv6_address_and_a_mapped_one_is_ipv4);
    tcase_add_test(tcase, nobody_waits_for_longer_than_patience);
    tcase_add_test(tcase,
                   a_socket_that_was_closed_without_a_word_is_forgotten_when_its_number_comes_back);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("tls");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start, front_stop);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, handshakes_of_another_address_do_not_wait_for_silent_neighbours);
    tcase_add_test(tcase, a_handshake_that_ended_makes_room_at_once);
    tcase_add_test(tcase, a_handshake_that_waits_for_its_client_keeps_no_processor_busy);
    tcase_add_test(tcase, a_stop_sends_away_who_waits);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("log");
    tcase_add_unchecked_fixture(tcase, front_make_pki, front_remove_pki);
    tcase_add_checked_fixture(tcase, start_few, stop_few);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase,
                   connections_that_are_refused_are_told_with_address_and_limit_once_a_second);
    suite_add_tcase(suite, tcase);
    return suite;
}
