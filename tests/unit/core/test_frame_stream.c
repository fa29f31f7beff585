/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Frames with buffers, against the plain ones of core/frame.h and a hostile other end. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "core/frame_stream.h"

#define PAYLOAD_MAX ((size_t)1000)
#define WAIT_MS     20000
#define SHORT_MS    20
#define MANY        50

static int ours;
static int theirs;
static struct frame_stream *stream;
static struct frame frame;

static void set_up(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    ck_assert_int_eq(frame_stream_new(ours, PAYLOAD_MAX, &stream), ERR_OK);
}

static void tear_down(void)
{
    frame_stream_free(stream);
    (void)close(ours);
    if (theirs >= 0)
        (void)close(theirs);
}

static enum error receive(void)
{
    return frame_stream_receive(stream, WAIT_MS, WAIT_MS, &frame);
}

static void send_text(uint64_t id, const char *text)
{
    ck_assert_int_eq(
        frame_send(theirs, id, bytes_of(text, strlen(text)), NULL, 0, deadline_in(WAIT_MS)),
        ERR_OK);
}

static void check_text(uint64_t id, const char *text)
{
    ck_assert_int_eq(receive(), ERR_OK);
    ck_assert_uint_eq(frame.id, id);
    ck_assert_uint_eq(frame.length, strlen(text));
    ck_assert_mem_eq(frame.payload, text, frame.length);
}

START_TEST(frames_that_came_together_are_given_one_by_one)
{
    send_text(1, "one");
    send_text(2, "two");
    send_text(UINT64_MAX, "three");
    ck_assert(!frame_stream_has_more(stream));
    check_text(1, "one");
    ck_assert(frame_stream_has_more(stream));
    check_text(2, "two");
    check_text(UINT64_MAX, "three");
    ck_assert(!frame_stream_has_more(stream));
    ck_assert_int_eq(frame_stream_receive(stream, SHORT_MS, WAIT_MS, &frame), ERR_TIMEOUT);
}
END_TEST

START_TEST(frames_that_are_put_go_at_the_flush_in_their_order)
{
    struct frame got;
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_int_eq(frame_stream_put(stream, i, bytes_of("text", 4), deadline_in(WAIT_MS)),
                         ERR_OK);
    ck_assert_int_eq(frame_receive(theirs, PAYLOAD_MAX, false, SHORT_MS, WAIT_MS, &got),
                     ERR_TIMEOUT);
    ck_assert_int_eq(frame_stream_flush(stream, deadline_in(WAIT_MS)), ERR_OK);
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(frame_receive(theirs, PAYLOAD_MAX, false, WAIT_MS, WAIT_MS, &got), ERR_OK);
        ck_assert_uint_eq(got.id, i);
        ck_assert_uint_eq(got.length, 4);
        frame_clear(&got);
    }
    ck_assert_int_eq(frame_stream_flush(stream, deadline_in(WAIT_MS)), ERR_OK); /* of nothing */
}
END_TEST

static void *put_many(void *argument)
{
    uint8_t text[PAYLOAD_MAX];
    struct frame_stream *other = argument;
    for (size_t i = 1; i <= MANY; i++) {
        memset(text, (int)i, sizeof text);
        ck_assert_int_eq(frame_stream_put(other, i, bytes_of(text, i * (PAYLOAD_MAX / MANY)),
                                          deadline_in(WAIT_MS)),
                         ERR_OK);
    }
    ck_assert_int_eq(frame_stream_flush(other, deadline_in(WAIT_MS)), ERR_OK);
    return NULL;
}

START_TEST(more_frames_than_the_buffers_hold_arrive_as_they_were_put)
{
    pthread_t thread;
    struct frame_stream *other = NULL;
    ck_assert_int_eq(frame_stream_new(theirs, PAYLOAD_MAX, &other), ERR_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, put_many, other), 0);
    for (size_t i = 1; i <= MANY; i++) {
        ck_assert_int_eq(receive(), ERR_OK);
        ck_assert_uint_eq(frame.id, i);
        ck_assert_uint_eq(frame.length, i * (PAYLOAD_MAX / MANY));
        for (size_t k = 0; k < frame.length; k++)
            ck_assert_uint_eq(frame.payload[k], i);
    }
    (void)pthread_join(thread, NULL);
    frame_stream_free(other);
}
END_TEST

static void *send_slowly(void *argument)
{
    static const uint8_t bytes[] = {0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 'a', 'b', 'c'};
    (void)argument;
    for (size_t i = 0; i < sizeof bytes; i++)
        ck_assert_int_eq(send(theirs, bytes + i, 1, MSG_NOSIGNAL), 1);
    return NULL;
}

START_TEST(a_frame_that_comes_in_pieces_is_given_whole)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, send_slowly, NULL), 0);
    ck_assert_int_eq(frame_stream_receive(stream, -1, WAIT_MS, &frame), ERR_OK);
    ck_assert_uint_eq(frame.id, 9);
    ck_assert_uint_eq(frame.length, 3);
    ck_assert_mem_eq(frame.payload, "abc", 3);
    (void)pthread_join(thread, NULL);
}
END_TEST

START_TEST(half_a_frame_is_waited_for_until_its_deadline)
{
    static const uint8_t half[] = {0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 'a'};
    ck_assert_int_eq(send(theirs, half, sizeof half, MSG_NOSIGNAL), sizeof half);
    ck_assert_int_eq(frame_stream_receive(stream, WAIT_MS, SHORT_MS, &frame), ERR_TIMEOUT);
    ck_assert(frame_stream_has_more(stream));
}
END_TEST

START_TEST(lengths_out_of_limits_and_an_end_are_refused)
{
    static const struct {
        uint8_t head[FRAME_HEADER_BYTES];
        enum error expected;
    } heads[] = {{{0}, ERR_BAD_REQUEST},
                 {{0, 0, (PAYLOAD_MAX + 1) >> 8, (PAYLOAD_MAX + 1) & 0xff}, ERR_TOO_LARGE},
                 {{0xff, 0xff, 0xff, 0xff}, ERR_TOO_LARGE},
                 {{0, 0, 0, 1}, ERR_LINK_CLOSED}};
    ck_assert_int_eq(send(theirs, heads[_i].head, FRAME_HEADER_BYTES, MSG_NOSIGNAL),
                     FRAME_HEADER_BYTES);
    (void)close(theirs);
    theirs = -1;
    ck_assert_int_eq(receive(), heads[_i].expected);
}
END_TEST

START_TEST(descriptors_are_the_streams_until_the_next_frame)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(frame_send(theirs, 1, bytes_of("with", 4), fds, 2, deadline_in(WAIT_MS)),
                     ERR_OK);
    check_text(1, "with");
    ck_assert_uint_eq(frame.fd_count, 2);
    int given = frame.fds[0];
    ck_assert_int_ge(fcntl(given, F_GETFD), 0);
    send_text(2, "without");
    check_text(2, "without");
    ck_assert_uint_eq(frame.fd_count, 0);
    ck_assert_int_lt(fcntl(given, F_GETFD), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame_stream");
    TCase *tests = tcase_create("frame_stream");
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, frames_that_came_together_are_given_one_by_one);
    tcase_add_test(tests, frames_that_are_put_go_at_the_flush_in_their_order);
    tcase_add_test(tests, more_frames_than_the_buffers_hold_arrive_as_they_were_put);
    tcase_add_test(tests, a_frame_that_comes_in_pieces_is_given_whole);
    tcase_add_test(tests, half_a_frame_is_waited_for_until_its_deadline);
    tcase_add_loop_test(tests, lengths_out_of_limits_and_an_end_are_refused, 0, 4);
    tcase_add_test(tests, descriptors_are_the_streams_until_the_next_frame);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
