/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The factory line as a whole: its chips, its sockets, its station, and what happened so far.
 *
 * One struct, owned by the main thread; the line_*.c files are the acts upon it. A chip waits, is
 * made, is put into a socket (its process runs there: power on), is announced to the station, and
 * leaves the socket with the station's last word on it.
 */
#ifndef RIG_LINE_STATE_H
#define RIG_LINE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rig/line/options.h"
#include "rig/line/process.h"
#include "rig/station/answer.h"
#include "rig/station/event.h"

#define LINE_PATH_MAX    512
#define LINE_SOCKET_MAX  101 /* bytes of a socket's path, with NUL */
#define LINE_NAME_SIZE   24
#define LINE_EXTRAS_MAX  3 /* the clone, the other maker's chip, the other family's chip */
#define LINE_EVENTS_KEPT 5 /* for the picture */
#define LINE_KILLS_MAX   16
#define LINE_CAUSE_SIZE  200

enum line_kind { LINE_GENUINE, LINE_CLONE, LINE_OTHER_MAKER, LINE_OTHER_FAMILY };

enum line_fate {
    LINE_WAITING,
    LINE_IN_SOCKET,
    LINE_SUCCEEDED,
    LINE_FAILED,
    LINE_ASIDE,
    LINE_NO_QUOTA,
    LINE_FATES
};

struct line_chip {
    char name[LINE_NAME_SIZE];
    enum line_kind kind;
    enum line_fate fate;
    size_t original;           /* of a clone */
    unsigned long cut_at_step; /* power; 0: never. Used once */
    unsigned long cut_link_at_step;
    bool is_made;
    bool is_licensed; /* the station had a license for it */
    bool is_closed;   /* what its state says in the end */
    bool holds_firmware;
    bool is_erased;
    char reason[STATION_WORD_SIZE]; /* of failed and aside */
};

enum line_slot_state { SLOT_EMPTY, SLOT_MAKING, SLOT_BOOTING, SLOT_READY };

struct line_slot {
    enum line_slot_state state;
    size_t chip;
    bool is_announced;
    int64_t announced_ms;        /* when, on the monotonic clock */
    struct line_process process; /* rig-chip */
    unsigned percent;
    char path[LINE_SOCKET_MAX];
    char step[STATION_WORD_SIZE]; /* the station's last event, for the picture */
};

struct line_station {
    struct line_process process;
    char text[4096]; /* of its output, not yet a line */
    size_t length;
    bool is_closing; /* told that no more chips come */
    int exit_code;   /* of the last one that ended by itself */
};

struct line_counts {
    unsigned fates[LINE_FATES];
    unsigned power_cuts;
    unsigned cable_pulls;
    unsigned kills;
    unsigned retries;
    unsigned long events;
};

struct line {
    struct line_options options;
    char dir[LINE_PATH_MAX];
    char socket_dir[LINE_PATH_MAX];
    bool has_own_socket_dir; /* outside of dir, because dir is too long */
    int log;                 /* standard error of the children */
    size_t chip_count;
    struct line_chip *chips;
    struct line_slot slots[LINE_SOCKETS_MAX];
    struct line_station station;
    struct line_counts counts;
    struct line_process helper; /* --on-quota-spent */
    bool is_helper_used;
    int64_t helped_ms; /* when it ended well; 0 */
    bool is_held;      /* no quota: nothing more is seated */
    bool is_broken;    /* cannot go on; cause says why */
    bool is_interrupted;
    bool is_disk_full; /* dir's, when it broke or in the end */
    char cause[LINE_CAUSE_SIZE];
    unsigned long kill_at[LINE_KILLS_MAX]; /* number of events, rising */
    size_t kill_count;
    size_t kills_done;
    int64_t granted;   /* units, as the service said last; -1 */
    int64_t remaining; /* units, as the last license or the service said; -1 */
    int64_t start_ms;
    int64_t end_ms;
    struct station_usage before;
    struct station_usage after;
    char events[LINE_EVENTS_KEPT][STATION_EVENT_MAX];
    size_t event_count;
};

/* ---- roster.c: the chips, and the faults that they will meet ---- */
enum error line_roster_make(struct line *line) MUST_USE;

/* ---- slot.c: chips in sockets ---- */
/* Puts waiting chips into empty sockets. */
void line_slot_fill(struct line *line);
/* A child of that slot has ended; status as of waitpid(2). */
void line_slot_ended(struct line *line, struct line_slot *slot, int status);
/* Reads what the chip says: that it listens. */
void line_slot_read(struct line *line, struct line_slot *slot);
/* Power off; the chip is out of the socket. */
void line_slot_empty(struct line *line, struct line_slot *slot);
struct line_slot *line_slot_of_chip(struct line *line, const char *name);
unsigned line_slot_busy(const struct line *line);

/* ---- station.c: the station and its events ---- */
void line_station_start(struct line *line);
void line_station_announce(struct line *line, struct line_slot *slot);
void line_station_read(struct line *line);
/* The process has ended; it is started again unless the line is at its end. */
void line_station_ended(struct line *line, int status);
/* No more chips: lets it end. */
void line_station_close(struct line *line);

/* ---- run.c ---- */
void line_run(struct line *line);
/* Whether nothing is left to do. */
bool line_is_finished(const struct line *line);

/* ---- view.c ---- */
/* The picture or a line of progress, when it is time. */
void line_view_show(struct line *line, bool is_last);

/* ---- account.c ---- */
/* Reads the account of the product, asking for so long. False after a complaint. */
bool line_account_read(const struct line *line, int64_t retry_ms, struct station_usage *ret_usage);
/*
 * Looks into every chip and prints the closing account. True when all of it holds. An interrupted
 * line (is_interrupted, also when that happens here) prints none.
 */
bool line_account_close(struct line *line);

/* "rig-line: TEXT" on standard error (view.c). */
void line_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- break.c ---- */

/* Not even a short file can be written: the log may be empty for the same reason. */
bool line_disk_is_full(const struct line *line);
/*
 * The line cannot go on; the first cause counts. What is known of it is added: that the disk is
 * full, or else the last line of the log (break.c).
 */
void line_break(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
