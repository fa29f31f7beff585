/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event as an entry of systemd's journal.
 *
 * MESSAGE is a sentence for a person, PRIORITY the level, SYSLOG_IDENTIFIER the program; the event
 * is PROVISIOND_EVENT, and each field of it PROVISIOND_<NAME>. Private to core/. Threads: values
 * and pure functions; sending is safe from any thread.
 */
#ifndef CORE_LOG_JOURNAL_H
#define CORE_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/uio.h>

#include "core/log.h"

struct log_entry {
    struct iovec *fields; /* each "NAME=value", without NUL, on the heap */
    size_t count;
};

/* What an entry is made of; borrowed. */
struct log_event_parts {
    const char *program;
    enum log_level level;
    const char *event;
    const struct log_field *fields;
    size_t count;
};

/* Whether standard error is the journal's stream, as JOURNAL_STREAM says. */
bool log_journal_is_stderr(void);

/* Whether the journal has a socket here: libsystemd drops entries in silence where it has none. */
bool log_journal_is_reachable(void);

/* False when memory is out. */
bool log_entry_build(const struct log_event_parts *parts, struct log_entry *ret_entry);
/* An empty entry is allowed. */
void log_entry_clear(struct log_entry *entry);

/* False when the journal did not take it. */
bool log_entry_send(const struct log_entry *entry);

#endif
