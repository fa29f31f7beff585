/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a person sees while the line runs: on a terminal a picture that is drawn again in place,
 * elsewhere a line of progress now and then.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "rig/line/state.h"

#define PICTURE_MS  200
#define PROGRESS_MS 2000
#define WIDTH_MAX   160
#define CELL_WIDTH  15
#define CELLS_MAX   48
#define BAR_WIDTH   30
#define QUOTA_SIZE  96

#define BOLD        "\033[1m"
#define GREEN       "\033[32m"
#define YELLOW      "\033[33m"
#define RED         "\033[31m"
#define OFF         "\033[0m"
#define CLEAR       "\033[K" /* to the end of the line */

/* The picture under way. One per process: there is one standard output. */
static unsigned lines_drawn;
static int64_t last_ms;

static unsigned terminal_width(void)
{
    struct winsize size = {.ws_col = 0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return 80;
    return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

/* One line of the picture, cut to the terminal; colour may be "". */
static void __attribute__((format(printf, 2, 3))) draw(const char *colour, const char *format, ...)
{
    char text[WIDTH_MAX * 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)printf("%s%.*s%s" CLEAR "\n", colour, (int)terminal_width() - 1, text,
                 colour[0] != '\0' ? OFF : "");
    lines_drawn++;
}

static double seconds_of(const struct line *line)
{
    int64_t end = line->end_ms != 0 ? line->end_ms : clock_monotonic_ms();
    return (double)(end - line->start_ms) / 1000.0;
}

static double chips_per_second(const struct line *line)
{
    double seconds = seconds_of(line);
    return seconds > 0 ? line->counts.fates[LINE_SUCCEEDED] / seconds : 0;
}

/* ---- the sockets ---- */

static const char *step_of(const struct line_slot *slot, char out[8])
{
    static const struct {
        const char *event;
        const char *word;
    } words[] = {{"seated", "ask"}, {"licensed", "lic"}, {"retrying", "retry"},
                 {"power", "off"},  {"reported", "rep"}, {"", "boot"}};
    if (slot->state == SLOT_EMPTY)
        return "-";
    if (slot->state == SLOT_MAKING)
        return "new";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(slot->step, words[i].event) == 0)
            return words[i].word;
    }
    (void)snprintf(out, 8, "%u%%", slot->percent);
    return out;
}

/* "chip-0042" is shown as 0042; the strangers keep a little of their name. */
static void format_cell(const struct line *line, unsigned index, char out[CELL_WIDTH + 1])
{
    char step[8];
    const struct line_slot *slot = &line->slots[index];
    const char *name = slot->state == SLOT_EMPTY ? "" : line->chips[slot->chip].name;
    if (strncmp(name, "chip-", 5) == 0)
        name += 5;
    (void)snprintf(out, CELL_WIDTH + 1, "%02u %-5.5s %-6.6s", index + 1, name, step_of(slot, step));
}

static void draw_sockets(const struct line *line)
{
    char row[WIDTH_MAX * 2] = "";
    char cell[CELL_WIDTH + 1];
    size_t length = 0;
    unsigned per_row = (terminal_width() - 1) / CELL_WIDTH;
    unsigned count = line->options.sockets < CELLS_MAX ? line->options.sockets : CELLS_MAX;
    for (unsigned i = 0; i < count; i++) {
        format_cell(line, i, cell);
        length += (size_t)snprintf(row + length, sizeof row - length, "%-*s", CELL_WIDTH, cell);
        if ((i + 1) % per_row == 0 || i + 1 == count) {
            draw("", "  %s", row);
            length = 0;
        }
    }
    if (line->options.sockets > count)
        draw("", "  ... %u more socket%s", line->options.sockets - count,
             line->options.sockets - count == 1 ? "" : "s");
}

/* ---- the picture ---- */

static void format_bar(const struct line *line, char out[BAR_WIDTH + 1])
{
    size_t full = (size_t)line->counts.fates[LINE_SUCCEEDED] * BAR_WIDTH / line->options.chips;
    memset(out, '.', BAR_WIDTH);
    memset(out, '#', full < BAR_WIDTH ? full : BAR_WIDTH);
    out[BAR_WIDTH] = '\0';
}

/* What was charged is what is no longer left: events may have died with their station. */
static void format_quota(const struct line *line, char out[QUOTA_SIZE])
{
    if (line->remaining < 0)
        (void)snprintf(out, QUOTA_SIZE, "? left");
    else if (line->granted < line->remaining)
        (void)snprintf(out, QUOTA_SIZE, "%" PRId64 " left", line->remaining);
    else
        (void)snprintf(out, QUOTA_SIZE, "%" PRId64 " of %" PRId64 " charged, %" PRId64 " left",
                       line->granted - line->remaining, line->granted, line->remaining);
}

static const char *colour_of_event(const char *event)
{
    if (strstr(event, " succeeded") != NULL)
        return GREEN;
    if (strstr(event, " failed") != NULL)
        return RED;
    return strstr(event, " licensed") != NULL ? "" : YELLOW;
}

static void draw_events(const struct line *line)
{
    size_t count = line->event_count < LINE_EVENTS_KEPT ? line->event_count : LINE_EVENTS_KEPT;
    for (size_t i = 0; i < count; i++) {
        const char *event = line->events[(line->event_count - count + i) % LINE_EVENTS_KEPT];
        draw(colour_of_event(event), "    %s", event);
    }
}

static void draw_picture(const struct line *line)
{
    char bar[BAR_WIDTH + 1];
    char quota[QUOTA_SIZE];
    const struct line_counts *c = &line->counts;
    format_bar(line, bar);
    format_quota(line, quota);
    if (lines_drawn > 0)
        (void)printf("\033[%uA", lines_drawn);
    lines_drawn = 0;
    draw(BOLD, "factory line: %s, %u sockets", line->options.product, line->options.sockets);
    draw("", "  [%s] %u of %u installed   %.1f chips/s   %.1f s", bar, c->fates[LINE_SUCCEEDED],
         line->options.chips, chips_per_second(line), seconds_of(line));
    draw_sockets(line);
    draw("", "  quota: %s   waiting for quota: %u", quota, c->fates[LINE_NO_QUOTA]);
    draw("", "  faults: power cuts %u, cables pulled %u, station kills %u -> more tries %u",
         c->power_cuts, c->cable_pulls, c->kills, c->retries);
    draw("", "  set aside: %u   failed: %u", c->fates[LINE_ASIDE], c->fates[LINE_FAILED]);
    draw_events(line);
    (void)printf("\033[J"); /* what a longer picture left below */
}

static void print_progress(const struct line *line)
{
    char quota[QUOTA_SIZE];
    const struct line_counts *c = &line->counts;
    format_quota(line, quota);
    (void)printf("%6.1f s  %u of %u installed, %u in sockets, %u aside, %u failed, %u waiting for "
                 "quota; quota %s; power cuts %u, cables %u, kills %u\n",
                 seconds_of(line), c->fates[LINE_SUCCEEDED], line->options.chips,
                 c->fates[LINE_IN_SOCKET], c->fates[LINE_ASIDE], c->fates[LINE_FAILED],
                 c->fates[LINE_NO_QUOTA], quota, c->power_cuts, c->cable_pulls, c->kills);
}

void line_view_show(struct line *line, bool is_last)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    int64_t now = clock_monotonic_ms();
    if (!is_last && now - last_ms < (is_terminal ? PICTURE_MS : PROGRESS_MS))
        return;
    last_ms = now;
    if (is_terminal)
        draw_picture(line);
    else
        print_progress(line);
    (void)fflush(stdout);
}

void line_complain(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "rig-line: %s\n", text);
}
