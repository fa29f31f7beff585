/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Frames over a socket pair, with a hostile other end. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "core/frame.h"

#define PAYLOAD_MAX ((size_t)1024)
#define WAIT_MS     5000
#define SHORT_MS    20
#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

static int ours;
static int theirs;
static struct frame frame;

static void set_up(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    frame = (struct frame){0};
}

static void tear_down(void)
{
    frame_clear(&frame);
    (void)close(ours);
    if (theirs >= 0)
        (void)close(theirs);
}

static void send_raw(const void *data, size_t length)
{
    ck_assert_int_eq(send(theirs, data, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void hang_up(void)
{
    ck_assert_int_eq(close(theirs), 0);
    theirs = -1;
}

static enum error receive(bool accepts_fds)
{
    return frame_receive(ours, PAYLOAD_MAX, accepts_fds, WAIT_MS, WAIT_MS, &frame);
}

static enum error send_text(const char *text, const int *fds, unsigned fd_count)
{
    return frame_send(theirs, 7, bytes_of(text, strlen(text)), fds, fd_count, deadline_in(WAIT_MS));
}

START_TEST(frame_arrives_as_it_was_sent)
{
    uint64_t id = 0x0123456789abcdef;
    ck_assert_int_eq(frame_send(theirs, id, bytes_of("hello", 5), NULL, 0, deadline_in(WAIT_MS)),
                     ERR_OK);
    ck_assert_int_eq(receive(false), ERR_OK);
    ck_assert_uint_eq(frame.id, id);
    ck_assert_uint_eq(frame.length, 5);
    ck_assert_mem_eq(frame.payload, "hello", 5);
    ck_assert_uint_eq(frame.fd_count, 0);
}
END_TEST

START_TEST(frames_keep_their_order_and_borders)
{
    static const char *const texts[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(send_text(texts[i], NULL, 0), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(receive(false), ERR_OK);
        ck_assert_uint_eq(frame.length, strlen(texts[i]));
        ck_assert_mem_eq(frame.payload, texts[i], frame.length);
        frame_clear(&frame);
    }
}
END_TEST

START_TEST(layout_is_big_endian_length_id_payload)
{
    static const uint8_t expected[] = {0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 'h', 'i'};
    uint8_t got[sizeof expected + 1];
    ck_assert_int_eq(send_text("hi", NULL, 0), ERR_OK);
    ck_assert_int_eq(recv(ours, got, sizeof got, 0), sizeof expected);
    ck_assert_mem_eq(got, expected, sizeof expected);
}
END_TEST

static void *send_large(void *payload)
{
    enum error code = frame_send(theirs, 1, bytes_of(payload, LARGE_BYTES), NULL, 0,
                                 deadline_in(6 * (int64_t)WAIT_MS));
    return code == ERR_OK ? payload : NULL;
}

START_TEST(frame_larger_than_the_socket_buffer_arrives_whole)
{
    pthread_t sender;
    void *result = NULL;
    uint8_t *payload = malloc(LARGE_BYTES);
    random_fill(payload, LARGE_BYTES);
    ck_assert_int_eq(pthread_create(&sender, NULL, send_large, payload), 0);
    ck_assert_int_eq(frame_receive(ours, LARGE_BYTES, false, 6 * WAIT_MS, 6 * WAIT_MS, &frame),
                     ERR_OK);
    ck_assert_int_eq(pthread_join(sender, &result), 0);
    ck_assert_ptr_eq(result, payload);
    ck_assert_mem_eq(frame.payload, payload, LARGE_BYTES);
    free(payload);
}
END_TEST

START_TEST(descriptors_arrive_open_and_are_owned_by_the_frame)
{
    int ends[2];
    char got[6] = {0};
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(send_text("fds", ends, 2), ERR_OK);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_eq(receive(true), ERR_OK);
    ck_assert_uint_eq(frame.fd_count, 2);
    ck_assert_int_eq(write(frame.fds[1], "hello", 5), 5);
    ck_assert_int_eq(read(frame.fds[0], got, 5), 5);
    ck_assert_str_eq(got, "hello");
    ck_assert_int_ne(fcntl(frame.fds[0], F_GETFD) & FD_CLOEXEC, 0);
    int first = frame.fds[0];
    frame_clear(&frame);
    ck_assert_int_eq(fcntl(first, F_GETFD), -1);
}
END_TEST

/* Equal before and after means that nothing stayed open. */
static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

START_TEST(descriptors_where_none_are_allowed_end_the_link_and_are_closed)
{
    unsigned before = open_descriptors();
    ck_assert_int_eq(send_text("fds", (int[]){theirs, ours}, 2), ERR_OK);
    ck_assert_int_eq(receive(false), ERR_BAD_REQUEST);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* As frame_send does it, with as many descriptors as the caller likes. */
static void send_fds_raw(const void *data, size_t length, size_t count)
{
    union {
        char bytes[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(header) + i * sizeof(int), &theirs, sizeof theirs);
    ck_assert_int_eq(sendmsg(theirs, &message, MSG_NOSIGNAL), (ssize_t)length);
}

START_TEST(more_descriptors_than_a_frame_holds_end_the_link_and_are_closed)
{
    static const uint8_t whole[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    unsigned before = open_descriptors();
    send_fds_raw(whole, sizeof whole, (size_t)_i);
    ck_assert_int_eq(receive(true), ERR_BAD_REQUEST);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* Two at the head and two more in the middle of the payload: each alone would be allowed. */
START_TEST(descriptors_in_several_portions_do_not_add_up_beyond_the_limit)
{
    static const uint8_t head[] = {0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    unsigned before = open_descriptors();
    send_fds_raw(head, sizeof head, 2);
    send_fds_raw("y", 1, 2);
    (void)!receive(true);
    ck_assert_uint_le(frame.fd_count, FRAME_FDS_MAX);
    frame_clear(&frame);
    ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

START_TEST(closed_link_is_told_apart_from_a_slow_one)
{
    ck_assert_int_eq(frame_receive(ours, PAYLOAD_MAX, false, SHORT_MS, SHORT_MS, &frame),
                     ERR_TIMEOUT);
    hang_up();
    ck_assert_int_eq(receive(false), ERR_LINK_CLOSED);
}
END_TEST

START_TEST(frame_cut_off_anywhere_is_a_closed_link)
{
    static const uint8_t whole[] = {0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 'a', 'b', 'c'};
    send_raw(whole, (size_t)_i);
    hang_up();
    ck_assert_int_eq(receive(false), ERR_LINK_CLOSED);
    ck_assert_ptr_null(frame.payload);
}
END_TEST

START_TEST(frame_that_never_ends_is_a_timeout)
{
    static const uint8_t begun[] = {0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 'a'};
    send_raw(begun, sizeof begun);
    ck_assert_int_eq(frame_receive(ours, PAYLOAD_MAX, false, WAIT_MS, SHORT_MS, &frame),
                     ERR_TIMEOUT);
}
END_TEST

START_TEST(empty_frame_is_a_bad_request)
{
    static const uint8_t empty[FRAME_HEADER_BYTES] = {0};
    send_raw(empty, sizeof empty);
    ck_assert_int_eq(receive(false), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(frame_beyond_the_limit_is_refused_by_its_length_alone)
{
    static const uint8_t heads[][FRAME_HEADER_BYTES] = {
        {0, 0, 4, 1}, {0xff, 0xff, 0xff, 0xff}, {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'}};
    send_raw(heads[_i], FRAME_HEADER_BYTES);
    ck_assert_int_eq(receive(false), ERR_TOO_LARGE);
}
END_TEST

START_TEST(longest_frame_is_allowed)
{
    static uint8_t payload[PAYLOAD_MAX];
    ck_assert_int_eq(
        frame_send(theirs, 1, bytes_of(payload, PAYLOAD_MAX), NULL, 0, deadline_in(WAIT_MS)),
        ERR_OK);
    ck_assert_int_eq(receive(false), ERR_OK);
    ck_assert_uint_eq(frame.length, PAYLOAD_MAX);
}
END_TEST

START_TEST(sending_to_nobody_ends_without_a_signal)
{
    struct bytes payload = bytes_of("x", 1);
    hang_up();
    ck_assert_int_eq(frame_send(ours, 1, payload, NULL, 0, deadline_in(WAIT_MS)), ERR_LINK_CLOSED);
}
END_TEST

START_TEST(sending_to_one_who_does_not_read_is_a_timeout)
{
    uint8_t *payload = calloc(1, LARGE_BYTES);
    ck_assert_int_eq(
        frame_send(ours, 1, bytes_of(payload, LARGE_BYTES), NULL, 0, deadline_in(SHORT_MS)),
        ERR_TIMEOUT);
    free(payload);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_test(all, frame_arrives_as_it_was_sent);
    tcase_add_test(all, frames_keep_their_order_and_borders);
    tcase_add_test(all, layout_is_big_endian_length_id_payload);
    tcase_add_test(all, frame_larger_than_the_socket_buffer_arrives_whole);
    tcase_add_test(all, descriptors_arrive_open_and_are_owned_by_the_frame);
    tcase_add_test(all, descriptors_where_none_are_allowed_end_the_link_and_are_closed);
    tcase_add_loop_test(all, more_descriptors_than_a_frame_holds_end_the_link_and_are_closed, 3,
                        10);
    tcase_add_test(all, descriptors_in_several_portions_do_not_add_up_beyond_the_limit);
    tcase_add_test(all, closed_link_is_told_apart_from_a_slow_one);
    tcase_add_loop_test(all, frame_cut_off_anywhere_is_a_closed_link, 1, 15);
    tcase_add_test(all, frame_that_never_ends_is_a_timeout);
    tcase_add_test(all, empty_frame_is_a_bad_request);
    tcase_add_loop_test(all, frame_beyond_the_limit_is_refused_by_its_length_alone, 0, 3);
    tcase_add_test(all, longest_frame_is_allowed);
    tcase_add_test(all, sending_to_nobody_ends_without_a_signal);
    tcase_add_test(all, sending_to_one_who_does_not_read_is_a_timeout);
}

int main(void)
{
    Suite *suite = suite_create("core frame");
    TCase *all = tcase_create("frame");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    add_tests(all);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
