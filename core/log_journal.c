/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Building fields, and libsystemd to send them. Owns no state. */
#include "core/log_journal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "core/bytes.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIXED_FIELDS   4 /* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, PROVISIOND_EVENT */

bool log_journal_is_stderr(void)
{
    struct stat info;
    char wanted[64];
    const char *stream = getenv("JOURNAL_STREAM");
    if (stream == NULL || fstat(STDERR_FILENO, &info) != 0)
        return false;
    (void)snprintf(wanted, sizeof wanted, "%ju:%ju", (uintmax_t)info.st_dev,
                   (uintmax_t)info.st_ino);
    return strcmp(stream, wanted) == 0;
}

bool log_journal_is_reachable(void)
{
    return access(JOURNAL_SOCKET, W_OK) == 0;
}

/* ---- values ---- */

static bool is_utf8(const char *text)
{
    json_t *value = json_string(text);
    json_decref(value);
    return value != NULL;
}

/* C0, DEL, and C1 in UTF-8: what a terminal would obey. */
static bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return true;
    }
    return false;
}

static void write_hex(FILE *out, const char *text)
{
    (void)fputs("hex:", out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        (void)fprintf(out, "%02x", *at);
}

static void write_value(FILE *out, const struct log_field *field)
{
    if (field->text == NULL)
        (void)fprintf(out, "%" PRId64, field->number);
    else if (is_utf8(field->text) && !has_control(field->text))
        (void)fputs(field->text, out);
    else
        write_hex(out, field->text);
}

/* ---- the sentence ---- */

/* Printable ASCII; dashes and underscores of a name become spaces. */
static void write_words(FILE *out, const char *name)
{
    for (const char *at = name; *at != '\0'; at++)
        (void)fputc(*at == '-' || *at == '_' ? ' ' : *at, out);
}

static void write_printable(FILE *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        (void)fputc(*at >= 0x20 && *at < 0x7f ? *at : '?', out);
}

/* NULL when there is none, or it is empty. */
static const char *text_of(const struct log_event_parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct log_field *field = &parts->fields[i];
        if (strcmp(field->name, name) == 0 && field->text != NULL && field->text[0] != '\0')
            return field->text;
    }
    return NULL;
}

/* Beside the sentence stand its cause in the system's words, and its word, by which the documents
 * know it. */
static void write_detail(FILE *out, const char *detail, const char *cause, const char *reason)
{
    write_printable(out, detail);
    if (cause != NULL) {
        (void)fputs(" Cause: ", out);
        write_printable(out, cause);
        (void)fputc('.', out);
    }
    if (reason == NULL)
        return;
    (void)fputs(" (", out);
    write_printable(out, reason);
    (void)fputc(')', out);
}

/* "status 201, route /v1/licenses"; what is empty is left out. */
static void write_fields(FILE *out, const struct log_event_parts *parts)
{
    const char *comma = "";
    for (size_t i = 0; i < parts->count; i++) {
        const struct log_field *field = &parts->fields[i];
        if (field->text != NULL && field->text[0] == '\0')
            continue;
        (void)fputs(comma, out);
        write_words(out, field->name);
        (void)fputc(' ', out);
        if (field->text != NULL)
            write_printable(out, field->text);
        else
            (void)fprintf(out, "%" PRId64, field->number);
        comma = ", ";
    }
    (void)fputc('.', out);
}

static void write_message(FILE *out, const struct log_event_parts *parts)
{
    const char *detail = text_of(parts, "detail");
    (void)fputs("MESSAGE=", out);
    (void)fputc(toupper((unsigned char)parts->event[0]), out);
    write_words(out, parts->event + 1);
    (void)fputs(": ", out);
    if (detail != NULL)
        write_detail(out, detail, text_of(parts, "cause"), text_of(parts, "reason"));
    else
        write_fields(out, parts);
}

/* ---- the entry ---- */

static void write_field(FILE *out, const struct log_field *field)
{
    (void)fputs("PROVISIOND_", out);
    for (const char *at = field->name; *at != '\0'; at++)
        (void)fputc(toupper((unsigned char)*at), out);
    (void)fputc('=', out);
    write_value(out, field);
}

static void write_nth(FILE *out, const struct log_event_parts *parts, size_t n)
{
    static const int priorities[] = {[LOG_LEVEL_DEBUG] = 7,
                                     [LOG_LEVEL_INFO] = 6,
                                     [LOG_LEVEL_WARNING] = 4,
                                     [LOG_LEVEL_ERROR] = 3}; /* syslog(3) */
    if (n == 0)
        write_message(out, parts);
    else if (n == 1)
        (void)fprintf(out, "PRIORITY=%d", priorities[parts->level]);
    else if (n == 2)
        (void)fprintf(out, "SYSLOG_IDENTIFIER=%s", parts->program);
    else if (n == 3)
        (void)fprintf(out, "PROVISIOND_EVENT=%s", parts->event);
    else
        write_field(out, &parts->fields[n - FIXED_FIELDS]);
}

static bool add_nth(struct log_entry *entry, const struct log_event_parts *parts, size_t n)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return false;
    write_nth(out, parts, n);
    if (fclose(out) != 0) {
        free(text);
        return false;
    }
    entry->fields[entry->count++] = (struct iovec){.iov_base = text, .iov_len = length};
    return true;
}

bool log_entry_build(const struct log_event_parts *parts, struct log_entry *ret_entry)
{
    struct log_entry entry = {.fields = calloc(FIXED_FIELDS + parts->count, sizeof *entry.fields)};
    if (entry.fields == NULL)
        return false;
    for (size_t n = 0; n < FIXED_FIELDS + parts->count; n++) {
        if (add_nth(&entry, parts, n))
            continue;
        log_entry_clear(&entry);
        return false;
    }
    *ret_entry = entry;
    return true;
}

void log_entry_clear(struct log_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++)
        free(entry->fields[i].iov_base);
    free(entry->fields);
    *entry = (struct log_entry){0};
}

bool log_entry_send(const struct log_entry *entry)
{
    return sd_journal_sendv(entry->fields, (int)entry->count) >= 0;
}
