/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* JSON lines, or entries of the journal. What log_init sets is set once before threads start, but
 * for the level. */
#include "core/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/log_journal.h"

static const char *log_program = "?";
static atomic_int log_lowest = LOG_LEVEL_INFO;
static bool log_is_journal;

void log_init(const char *program, enum log_level level)
{
    log_program = program;
    log_set_level(level);
    log_is_journal = log_journal_is_stderr() && log_journal_is_reachable();
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_lowest, (int)level);
}

/* Invalid UTF-8 cannot be a JSON string: show its bytes. */
static json_t *text_or_hex(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    size_t length = strlen(text);
    char *hex = malloc(2 * length + 1);
    if (hex == NULL)
        return NULL;
    hex_encode(bytes_of(text, length), hex);
    value = json_sprintf("hex:%s", hex);
    free(hex);
    return value;
}

static void write_line(const json_t *line)
{
    /* ASCII only: a terminal obeys some control characters of Unicode too. */
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL)
        return;
    size_t length = strlen(text);
    text[length] = '\n'; /* the terminating NUL is not needed: one write, one line */
    (void)!write(STDERR_FILENO, text, length + 1);
    free(text);
}

static void write_json(enum log_level level, const char *event, const struct log_field *fields,
                       size_t count)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    char now[TIMESTAMP_SIZE];
    timestamp_format(clock_unix_ms(), now);
    json_t *line = json_pack("{ss ss ss ss}", "time", now, "level", levels[level], "program",
                             log_program, "event", event);
    if (line == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(line, fields[i].name,
                                  fields[i].text != NULL ? text_or_hex(fields[i].text)
                                                         : json_integer(fields[i].number));
    write_line(line);
    json_decref(line);
}

static bool send_to_journal(const struct log_event_parts *parts)
{
    struct log_entry entry = {0};
    bool is_sent = log_entry_build(parts, &entry) && log_entry_send(&entry);
    log_entry_clear(&entry);
    return is_sent;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    const struct log_event_parts parts = {
        .program = log_program, .level = level, .event = event, .fields = fields, .count = count};
    if ((int)level < atomic_load(&log_lowest))
        return;
    /* A journal that takes no entry may still take a line. */
    if (!log_is_journal || !send_to_journal(&parts))
        write_json(level, event, fields, count);
}

void log_fault(enum log_level level, const char *event, const struct fault *fault)
{
    log_event(level, event, LOG_TEXT("code", error_name(fault->code)),
              LOG_TEXT("reason", fault->reason), LOG_TEXT("detail", fault->detail),
              LOG_NUMBER("native", fault->native));
}
