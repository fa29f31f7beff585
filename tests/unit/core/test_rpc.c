/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* One question at a time: answers, refusals, lost connections, hostile peers. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "link.h"

#define SHORT_MS 50
#define TRIES    1000

static struct link rpc;
static char answer[64];
/* Of one test; not on its stack, because the last callbacks come when it is torn down. */
static struct tally tally;

static void set_up(void)
{
    link_set_up(&rpc);
}

static void tear_down(void)
{
    link_tear_down(&rpc);
}

/* After a lost connection the first question may be the one that notices it. */
static void ask_until_answered(const char *text)
{
    enum error code = ERR_VAULT_UNAVAILABLE;
    for (int i = 0; i < TRIES && code == ERR_VAULT_UNAVAILABLE; i++) {
        code = link_ask(&rpc, text, answer);
        if (code != ERR_OK)
            (void)poll(NULL, 0, 5);
    }
    ck_assert_int_eq(code, ERR_OK);
    ck_assert_str_eq(answer, text);
}

static int connect_raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, rpc.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* True when the server ends this connection. */
static void claim_ended(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    char byte;
    ck_assert_int_eq(poll(&entry, 1, LINK_WAIT_MS), 1);
    ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(question_is_answered)
{
    link_serve(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_OK);
    ck_assert_str_eq(answer, "question");
}
END_TEST

START_TEST(nobody_there_is_unavailable_until_somebody_comes)
{
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_VAULT_UNAVAILABLE);
    link_serve(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_OK);
}
END_TEST

START_TEST(client_finds_a_restarted_server)
{
    for (int i = 0; i < 5; i++) {
        link_serve(&rpc);
        ask_until_answered("question");
        link_stop_serving(&rpc);
        ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_VAULT_UNAVAILABLE);
    }
}
END_TEST

START_TEST(answers_come_in_any_order)
{
    link_serve(&rpc);
    tally_ask(&rpc, &tally, LINK_HOLD, 10);
    struct rpc_call *first = link_take_held(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "second", answer), ERR_OK);
    ck_assert_uint_eq(tally.ended, 0);
    link_answer(first, "first");
    tally_wait(&tally, 1);
    ck_assert_uint_eq(tally.ok, 1);
}
END_TEST

START_TEST(question_without_an_answer_ends_at_its_deadline)
{
    struct frame frame;
    link_serve(&rpc);
    ck_assert_int_eq(
        rpc_client_call(rpc.client, bytes_of("h", 1), NULL, 0, deadline_in(SHORT_MS), &frame),
        ERR_TIMEOUT);
    link_answer(link_take_held(&rpc), "too late");
    ck_assert_int_eq(link_ask(&rpc, "next", answer), ERR_OK);
    ck_assert_str_eq(answer, "next");
}
END_TEST

START_TEST(half_an_answer_does_not_hold_up_the_deadline_for_ever)
{
    static const uint8_t half[] = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    struct frame frame;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, rpc.path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    tally_ask(&rpc, &tally, 'a', 1);
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_eq(write(fd, half, sizeof half), sizeof half);
    enum error code =
        rpc_client_call(rpc.client, bytes_of("a", 1), NULL, 0, deadline_in(SHORT_MS), &frame);
    ck_assert(code == ERR_TIMEOUT || code == ERR_VAULT_UNAVAILABLE);
    tally_wait(&tally, 1);
    ck_assert_uint_eq(tally.ok, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(listener), 0);
}
END_TEST

START_TEST(server_that_hangs_up_makes_open_questions_unavailable)
{
    link_serve(&rpc);
    tally_ask(&rpc, &tally, LINK_HOLD, 1);
    struct rpc_call *held = link_take_held(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "x", answer), ERR_VAULT_UNAVAILABLE);
    tally_wait(&tally, 1);
    ck_assert_uint_eq(tally.unavailable, 1);
    link_answer(held, "to nobody");
    ask_until_answered("again");
}
END_TEST

START_TEST(client_that_goes_ends_its_open_questions_once)
{
    link_serve(&rpc);
    for (int i = 0; i < 10; i++)
        tally_ask(&rpc, &tally, LINK_HOLD, 1);
    for (int i = 0; i < 10; i++)
        ck_assert(queue_push(rpc.held, link_take_held(&rpc)));
    rpc_client_free(rpc.client);
    rpc.client = NULL;
    ck_assert_uint_eq(tally.ended, 10);
    ck_assert_uint_eq(tally.unavailable, 10);
    link_stop_serving(&rpc);
    ck_assert_uint_eq(tally.ended, 10);
}
END_TEST

START_TEST(too_many_open_questions_are_busy)
{
    link_serve(&rpc);
    for (int i = 0; i < RPC_OPEN_MAX; i++)
        tally_ask(&rpc, &tally, LINK_HOLD, 1);
    ck_assert_uint_eq(tally.ended, 0);
    ck_assert_int_eq(link_ask(&rpc, "one more", answer), ERR_BUSY);
    link_answer(link_take_held(&rpc), "one less");
    tally_wait(&tally, 1);
    ck_assert_int_eq(link_ask(&rpc, "one more", answer), ERR_OK);
}
END_TEST

START_TEST(stopped_server_takes_no_call_and_still_answers_open_ones)
{
    link_serve(&rpc);
    tally_ask(&rpc, &tally, LINK_HOLD, 1);
    struct rpc_call *held = link_take_held(&rpc);
    rpc_server_stop(rpc.server);
    unsigned handled = rpc.handled;
    ck_assert_int_ne(access(rpc.path, F_OK), 0);
    link_answer(held, "still");
    tally_wait(&tally, 1);
    ck_assert_uint_eq(tally.ok, 1);
    ck_assert_int_eq(link_ask(&rpc, "new", answer), ERR_VAULT_UNAVAILABLE);
    ck_assert_uint_eq(rpc.handled, handled);
}
END_TEST

START_TEST(descriptors_travel_both_ways)
{
    int ends[2];
    struct frame frame;
    rpc.accepts_fds = true;
    link_serve(&rpc);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(rpc_client_call(rpc.client, bytes_of("fd", 2), &ends[1], 1,
                                     deadline_in(LINK_WAIT_MS), &frame),
                     ERR_OK);
    ck_assert_uint_eq(frame.fd_count, 1);
    ck_assert_int_eq(write(frame.fds[0], "x", 1), 1);
    ck_assert_int_eq(read(ends[0], answer, sizeof answer), 1);
    frame_clear(&frame);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

START_TEST(descriptors_where_none_are_expected_end_the_connection)
{
    struct frame frame;
    int fd = STDIN_FILENO;
    link_serve(&rpc);
    ck_assert_int_eq(
        rpc_client_call(rpc.client, bytes_of("fd", 2), &fd, 1, deadline_in(LINK_WAIT_MS), &frame),
        ERR_VAULT_UNAVAILABLE);
    ck_assert_uint_eq(rpc.handled, 0);
    ask_until_answered("without");
}
END_TEST

START_TEST(request_beyond_the_limit_ends_the_connection)
{
    static uint8_t large[LINK_PAYLOAD_MAX + 1];
    struct frame frame;
    link_serve(&rpc);
    ck_assert_int_eq(rpc_client_call(rpc.client, bytes_of(large, sizeof large), NULL, 0,
                                     deadline_in(LINK_WAIT_MS), &frame),
                     ERR_VAULT_UNAVAILABLE);
    ck_assert_uint_eq(rpc.handled, 0);
    ask_until_answered("smaller");
}
END_TEST

START_TEST(answer_beyond_the_limit_ends_the_connection)
{
    static uint8_t large[LINK_PAYLOAD_MAX + 1];
    link_serve(&rpc);
    tally_ask(&rpc, &tally, LINK_HOLD, 1);
    rpc_reply(link_take_held(&rpc), bytes_of(large, sizeof large), NULL, 0);
    tally_wait(&tally, 1);
    ck_assert_uint_eq(tally.unavailable, 1);
}
END_TEST

START_TEST(peer_that_is_not_allowed_is_sent_away)
{
    rpc.allows_nobody = true;
    link_serve(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_VAULT_UNAVAILABLE);
    ck_assert_uint_eq(rpc.handled, 0);
}
END_TEST

START_TEST(garbage_ends_its_own_connection_only)
{
    static const char *const garbage[] = {"GET / HTTP/1.1\r\n\r\n",
                                          "\xff\xff\xff\xff\xff\xff\xff\xff"
                                          "\xff\xff\xff\xff"};
    link_serve(&rpc);
    ask_until_answered("before");
    int fd = connect_raw();
    ck_assert_int_gt(write(fd, garbage[_i], strlen(garbage[_i])), 0);
    claim_ended(fd);
    ck_assert_int_eq(link_ask(&rpc, "after", answer), ERR_OK);
}
END_TEST

START_TEST(silent_and_half_spoken_peers_do_not_disturb_others)
{
    link_serve(&rpc);
    int silent = connect_raw();
    int half = connect_raw();
    ck_assert_int_eq(write(half, "\0\0\0", 3), 3);
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_OK);
    link_stop_serving(&rpc);
    claim_ended(silent);
    claim_ended(half);
}
END_TEST

START_TEST(more_connections_than_allowed_are_sent_away)
{
    int fds[RPC_CONNECTIONS_MAX];
    link_serve(&rpc);
    for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++)
        fds[i] = connect_raw();
    claim_ended(connect_raw());
    for (size_t i = 0; i < RPC_CONNECTIONS_MAX; i++)
        ck_assert_int_eq(close(fds[i]), 0);
    ask_until_answered("room again");
}
END_TEST

START_TEST(socket_file_has_its_mode_and_an_old_one_is_replaced)
{
    struct stat info;
    link_serve(&rpc);
    ck_assert_int_eq(stat(rpc.path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    struct rpc_server *old = rpc.server;
    link_serve(&rpc);
    ck_assert_int_eq(link_ask(&rpc, "question", answer), ERR_OK);
    rpc_server_free(old);
}
END_TEST

START_TEST(file_that_is_no_socket_is_not_removed)
{
    struct fault fault = {0};
    struct rpc_server_options options = {.path = rpc.path, .mode = 0600};
    int fd = open(rpc.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(rpc_server_new(&options, &rpc.server, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "socket-bind");
    ck_assert_int_eq(access(rpc.path, F_OK), 0);
}
END_TEST

START_TEST(socket_path_that_does_not_fit_is_a_configuration_error)
{
    char path[200];
    struct fault fault = {0};
    struct rpc_server_options server = {.path = path, .mode = 0600};
    struct rpc_client_options client = {.path = path};
    struct rpc_client *made = NULL;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    ck_assert_int_eq(rpc_server_new(&server, &rpc.server, &fault), ERR_CONFIG);
    ck_assert_str_eq(fault.reason, "socket-path");
    ck_assert_int_eq(rpc_client_new(&client, &made), ERR_CONFIG);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, question_is_answered);
    tcase_add_test(all, nobody_there_is_unavailable_until_somebody_comes);
    tcase_add_test(all, client_finds_a_restarted_server);
    tcase_add_test(all, answers_come_in_any_order);
    tcase_add_test(all, question_without_an_answer_ends_at_its_deadline);
    tcase_add_test(all, half_an_answer_does_not_hold_up_the_deadline_for_ever);
    tcase_add_test(all, server_that_hangs_up_makes_open_questions_unavailable);
    tcase_add_test(all, client_that_goes_ends_its_open_questions_once);
    tcase_add_test(all, too_many_open_questions_are_busy);
    tcase_add_test(all, stopped_server_takes_no_call_and_still_answers_open_ones);
    tcase_add_test(all, descriptors_travel_both_ways);
    tcase_add_test(all, descriptors_where_none_are_expected_end_the_connection);
    tcase_add_test(all, request_beyond_the_limit_ends_the_connection);
    tcase_add_test(all, answer_beyond_the_limit_ends_the_connection);
    tcase_add_test(all, peer_that_is_not_allowed_is_sent_away);
    tcase_add_loop_test(all, garbage_ends_its_own_connection_only, 0, 2);
    tcase_add_test(all, silent_and_half_spoken_peers_do_not_disturb_others);
    tcase_add_test(all, more_connections_than_allowed_are_sent_away);
    tcase_add_test(all, socket_file_has_its_mode_and_an_old_one_is_replaced);
    tcase_add_test(all, file_that_is_no_socket_is_not_removed);
    tcase_add_test(all, socket_path_that_does_not_fit_is_a_configuration_error);
}

int main(void)
{
    Suite *suite = suite_create("core rpc");
    TCase *all = tcase_create("rpc");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
