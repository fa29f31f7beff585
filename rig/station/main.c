/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rig-station: what a programming station does, through the public REST API only.
 *
 * The main thread reads the seats from standard input and watches for signals; the benches have
 * threads of their own (station_floor.h).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <curl/curl.h>

#include "rig/station/control.h"
#include "rig/station/floor.h"
#include "rig/station/options.h"

#define INPUT_BYTES    4096
#define FULL_PAUSE_MS  50
#define EXIT_FAILED    1
#define EXIT_QUOTA     10
#define EXIT_TRY_AGAIN 20
#define EXIT_USAGE     64

/* Seats as they come in, cut into lines. */
struct input {
    char text[INPUT_BYTES];
    size_t length;
    bool is_ended;
};

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* "NAME SOCKETPATH" */
static bool read_seat(char *line, struct station_seat *ret_seat)
{
    char *space = strchr(line, ' ');
    if (space == NULL)
        return false;
    *space = '\0';
    const char *path = space + 1;
    size_t length = strlen(path);
    if (!name_is_valid(line, STATION_CHIP_NAME_SIZE - 1) || length == 0 ||
        length >= STATION_CHIP_PATH_SIZE)
        return false;
    memcpy(ret_seat->name, line, strlen(line) + 1);
    memcpy(ret_seat->path, path, length + 1);
    return true;
}

static void take_line(struct station_floor *floor, char *line)
{
    struct station_seat seat;
    if (!read_seat(line, &seat)) {
        (void)fprintf(stderr, "rig-station: a line is not NAME SOCKETPATH\n");
        return;
    }
    while (!station_floor_seat(floor, &seat)) {
        if (!station_control_pause(FULL_PAUSE_MS))
            return;
    }
}

static void take_lines(struct station_floor *floor, struct input *input)
{
    char *begin = input->text;
    char *end = NULL;
    while ((end = memchr(begin, '\n', input->length - (size_t)(begin - input->text))) != NULL) {
        *end = '\0';
        take_line(floor, begin);
        begin = end + 1;
    }
    input->length -= (size_t)(begin - input->text);
    memmove(input->text, begin, input->length);
}

static void read_input(struct station_floor *floor, struct input *input)
{
    ssize_t n = read(STDIN_FILENO, input->text + input->length, sizeof input->text - input->length);
    if (n > 0) {
        input->length += (size_t)n;
        take_lines(floor, input);
    }
    bool is_broken = n < 0 && errno != EINTR && errno != EAGAIN;
    if (n == 0 || is_broken || input->length == sizeof input->text) {
        input->is_ended = true;
        station_floor_close(floor);
    }
}

/* Until every bench has ended: after the end of the input, or when the station shall stop. */
static void run(struct station_floor *floor, int signals)
{
    struct input input = {.length = 0};
    struct pollfd fds[] = {{.fd = station_floor_fd(floor), .events = POLLIN},
                           {.fd = signals, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(fds, sizeof fds / sizeof fds[0], -1) > 0 || errno == EINTR) {
        if (fds[0].revents != 0)
            return;
        if (fds[1].revents != 0) {
            station_control_stop();
            station_floor_close(floor);
            fds[1].fd = -1;
            fds[2].fd = -1;
        } else if (fds[2].revents != 0) {
            read_input(floor, &input);
            if (input.is_ended)
                fds[2].fd = -1;
        }
    }
}

static int exit_code_of(const struct station_tally *tally)
{
    if (tally->ends[STATION_UNREACHABLE] > 0)
        return EXIT_TRY_AGAIN;
    if (tally->ends[STATION_QUOTA_SPENT] > 0)
        return EXIT_QUOTA;
    return tally->ends[STATION_FAILED] > 0 ? EXIT_FAILED : 0;
}

int main(int argc, char **argv)
{
    struct station_options options;
    struct station_floor *floor = NULL;
    struct station_tally tally;
    struct fault fault = {.code = ERR_OK};
    if (!station_options_read(argc, argv, &options))
        return EXIT_USAGE;
    int signals = open_signals();
    if (signals < 0 || station_control_init(options.die_at_step) != ERR_OK ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "rig-station: it cannot be set up\n");
        return EXIT_FAILED;
    }
    if (station_floor_new(&options, &floor, &fault) != ERR_OK) {
        (void)fprintf(stderr, "rig-station: %s (%s)\n", fault.detail, fault.reason);
        return EXIT_FAILED;
    }
    run(floor, signals);
    station_floor_free(floor, &tally);
    (void)printf("steps %lu\n", station_control_steps());
    curl_global_cleanup();
    (void)close(signals);
    return exit_code_of(&tally);
}
