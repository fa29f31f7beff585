/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* JSON lines, or entries of the journal. What log_init sets is set once before threads start, but
 * for the level. */
#include "core/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/log_journal.h"

#define PLAIN_MAX   2048
#define NUMBER_SIZE 24

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

/* What each line begins with. */
struct head {
    char time[TIMESTAMP_SIZE];
    const char *level;
    const char *event;
};

static void write_json(const struct head *head, const struct log_field *fields, size_t count)
{
    json_t *line = json_pack("{ss ss ss ss}", "time", head->time, "level", head->level, "program",
                             log_program, "event", head->event);
    if (line == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(line, fields[i].name,
                                  fields[i].text != NULL ? text_or_hex(fields[i].text)
                                                         : json_integer(fields[i].number));
    write_line(line);
    json_decref(line);
}

/* ---- a line of plain texts ---- */

/* Nearly all are: they are written as they stand, for a tenth of what an object of them costs. */
struct plain {
    char text[PLAIN_MAX];
    size_t length;
    bool is_whole; /* all was plain and there was room */
};

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e || *text == '"' || *text == '\\')
            return false;
    }
    return true;
}

static void plain_add(struct plain *plain, const char *text)
{
    size_t length = strlen(text);
    if (length > sizeof plain->text - plain->length) {
        plain->is_whole = false;
        return;
    }
    memcpy(plain->text + plain->length, text, length);
    plain->length += length;
}

static void plain_add_name(struct plain *plain, const char *name)
{
    plain_add(plain, plain->length == 0 ? "{\"" : ",\"");
    plain_add(plain, name);
    plain_add(plain, "\":");
}

static void plain_add_text(struct plain *plain, const char *name, const char *text)
{
    plain->is_whole = plain->is_whole && is_plain(text);
    plain_add_name(plain, name);
    plain_add(plain, "\"");
    plain_add(plain, text);
    plain_add(plain, "\"");
}

static void plain_add_number(struct plain *plain, const char *name, int64_t number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    plain_add_name(plain, name);
    plain_add(plain, text);
}

/* False: it takes more than this. */
static bool write_plain(const struct head *head, const struct log_field *fields, size_t count)
{
    struct plain line;
    line.length = 0;
    line.is_whole = true;
    plain_add_text(&line, "time", head->time);
    plain_add_text(&line, "level", head->level);
    plain_add_text(&line, "program", log_program);
    plain_add_text(&line, "event", head->event);
    for (size_t i = 0; i < count && line.is_whole; i++) {
        if (fields[i].text != NULL)
            plain_add_text(&line, fields[i].name, fields[i].text);
        else
            plain_add_number(&line, fields[i].name, fields[i].number);
    }
    plain_add(&line, "}\n");
    if (line.is_whole)
        (void)!write(STDERR_FILENO, line.text, line.length);
    return line.is_whole;
}

static void write_text(enum log_level level, const char *event, const struct log_field *fields,
                       size_t count)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    struct head head = {.level = levels[level], .event = event};
    timestamp_format(clock_unix_ms(), head.time);
    if (!write_plain(&head, fields, count))
        write_json(&head, fields, count);
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
        write_text(level, event, fields, count);
}

void log_fault(enum log_level level, const char *event, const struct fault *fault)
{
    log_event(level, event, LOG_TEXT("code", error_name(fault->code)),
              LOG_TEXT("reason", fault->reason), LOG_TEXT("detail", fault->detail),
              LOG_NUMBER("native", fault->native));
}
