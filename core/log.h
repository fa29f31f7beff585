/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One structured line per event on standard error, as a JSON object: time, level, program, event,
 * then the given fields. Where standard error is systemd's journal, an entry with fields instead
 * (core/log_journal.h). Used at the edges only (a finished request, a start, a lost worker):
 * libraries return faults instead. Text is escaped by the JSON library; text that is not UTF-8 is
 * shown as hex. Never pass a secret. Threads: safe from any thread after log_init.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct log_field {
    const char *name; /* a literal of [a-z0-9_] */
    const char *text; /* NULL: the field is a number */
    int64_t number;
};

#define LOG_TEXT(field_name, value)   ((struct log_field){.name = (field_name), .text = (value)})
#define LOG_NUMBER(field_name, value) ((struct log_field){.name = (field_name), .number = (value)})

/*
 * program is a literal. Lines below level are dropped. Looks at JOURNAL_STREAM. Call before any
 * thread starts.
 */
void log_init(const char *program, enum log_level level);

/* Another level, from now on; safe from any thread. */
void log_set_level(enum log_level level);

/* log_event(LOG_LEVEL_INFO, "request", LOG_TEXT("route", r), LOG_NUMBER("status", 201)); */
#define log_event(level, event, ...)                                     \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__}, \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* The event of a fault: code, reason, detail and native number become fields. */
void log_fault(enum log_level level, const char *event, const struct fault *fault);

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);

#endif
