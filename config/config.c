/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The strict reader. inih splits lines into sections, keys and values; the lines are handed to it
 * one by one from a buffer, so that this file knows their numbers and refuses what inih would
 * forgive: lines cut in two, continued lines, text behind a section, sections nobody knows.
 * inih's options are process-wide: config_load runs on the main thread alone.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "config/keys.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024)
#define LINE_MAX_BYTES 510 /* inih wants 3 more */
#define QUOTE_MAX      60  /* bytes of the file that a problem quotes */
#define WHAT_MAX       320
#define PATH_SHOWN     160 /* of a longer path the end */

struct reader {
    const char *path;
    const char *next; /* the rest of the file */
    unsigned line;    /* the newest line given to inih, from 1 */
    struct config *config;
    unsigned seen[CONFIG_KEYS_COUNT]; /* the line of each key, 0 when absent */
    char *problem;                    /* "" until the first one */
};

/* Always false; the first problem stays. */
__attribute__((format(printf, 2, 3))) static bool complain(struct reader *reader,
                                                           const char *format, ...)
{
    char what[WHAT_MAX];
    va_list arguments;
    if (reader->problem[0] != '\0')
        return false;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    size_t length = strlen(reader->path);
    size_t cut = length > PATH_SHOWN ? length - PATH_SHOWN : 0;
    (void)snprintf(reader->problem, CONFIG_PROBLEM_MAX, "%s%s:%u: %s", cut > 0 ? "..." : "",
                   reader->path + cut, reader->line, what);
    return false;
}

/* ---- lines ---- */

static bool line_is_printable(struct reader *reader, const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return complain(reader, "control characters are not allowed");
    }
    return true;
}

/* inih reports a section only with its first key, and ignores what stands behind the bracket. */
static bool section_is_allowed(struct reader *reader, const char *line, size_t length)
{
    char name[QUOTE_MAX];
    const char *end = memchr(line, ']', length);
    if (end == NULL)
        return complain(reader, "a section ends in `]`");
    (void)snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
    if (strspn(end + 1, " \t") != length - (size_t)(end + 1 - line))
        return complain(reader, "text behind a section; put comments on lines of their own");
    if (config_section_is_known(name))
        return true;
    const char *meant = config_key_suggest(NULL, name);
    if (meant != NULL)
        return complain(reader, "unknown section [%s]; did you mean [%s]?", name, meant);
    return complain(reader, "unknown section [%s]; there are hsm, vault, api and log", name);
}

static bool line_is_allowed(struct reader *reader, const char *line, size_t length)
{
    if (length > LINE_MAX_BYTES)
        return complain(reader, "the line is longer than %d bytes", LINE_MAX_BYTES);
    if (!line_is_printable(reader, line, length))
        return false;
    size_t blank = 0;
    while (blank < length && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    if (blank < length && line[blank] == '[')
        return section_is_allowed(reader, line + blank, length - blank);
    return true;
}

/* The fgets of inih: one whole line without its end, or NULL at the end and at a problem. */
static char *next_line(char *out, int size, void *stream)
{
    struct reader *reader = stream;
    if (*reader->next == '\0' || reader->problem[0] != '\0')
        return NULL;
    const char *line = reader->next;
    size_t length = strcspn(line, "\n");
    reader->next = line + length + (line[length] == '\n' ? 1 : 0);
    reader->line++;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    /* Dropped here and not in inih, because a section may stand right behind the mark. */
    size_t mark = reader->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (!line_is_allowed(reader, line + mark, length - mark))
        return NULL;
    (void)snprintf(out, (size_t)size, "%.*s\n", (int)(length - mark), line + mark);
    return out;
}

/* ---- keys ---- */

static bool complain_of_key(struct reader *reader, const char *section, const char *name)
{
    const char *meant = config_key_suggest(section, name);
    if (section[0] == '\0')
        return complain(reader, "`%.*s` stands before the first [section]", QUOTE_MAX, name);
    if (meant != NULL)
        return complain(reader, "unknown key `%.*s` in [%s]; did you mean `%s`?", QUOTE_MAX, name,
                        section, meant);
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        if (strcmp(CONFIG_KEYS[i].name, name) == 0)
            return complain(reader, "unknown key `%s` in [%s]; it belongs to [%s]", name, section,
                            CONFIG_KEYS[i].section);
    }
    return complain(reader, "unknown key `%.*s` in [%s]", QUOTE_MAX, name, section);
}

static bool key_is_read(struct reader *reader, const char *section, const char *name,
                        const char *value)
{
    char why[CONFIG_WHY_MAX];
    const struct config_key *key = config_key_find(section, name);
    if (key == NULL)
        return complain_of_key(reader, section, name);
    unsigned *seen = &reader->seen[key - CONFIG_KEYS];
    if (*seen != 0)
        return complain(reader, "`%s` stands here a second time; the first is in line %u", name,
                        *seen);
    *seen = reader->line;
    if (!config_value_read(key, value, reader->config, why))
        return complain(reader, "`%s` = `%.*s`: %s", name, QUOTE_MAX, value, why);
    return true;
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
    return key_is_read(user, section, name, value) ? 1 : 0;
}

static bool defaults_are_set(struct reader *reader)
{
    char why[CONFIG_WHY_MAX];
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        const struct config_key *key = &CONFIG_KEYS[i];
        if (key->preset != NULL && !config_value_read(key, key->preset, reader->config, why))
            return complain(reader, "the default of `%s` %s", key->name, why);
    }
    return true;
}

static bool required_are_there(struct reader *reader, enum config_program program)
{
    static const char *const names[] = {[CONFIG_HSM] = "provision-hsm",
                                        [CONFIG_VAULT] = "provision-vault",
                                        [CONFIG_API] = "provisiond",
                                        [CONFIG_CLI] = "provctl"};
    for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
        const struct config_key *key = &CONFIG_KEYS[i];
        if ((key->required_by & CONFIG_BIT(program)) != 0 && reader->seen[i] == 0)
            return complain(reader, "`%s` is missing in [%s]; %s needs it", key->name, key->section,
                            names[program]);
    }
    return true;
}

/* ---- the file ---- */

static ssize_t read_all(int fd, char *out, size_t max)
{
    size_t length = 0;
    while (length < max) {
        ssize_t n = read(fd, out + length, max - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

/* The whole file with a NUL behind it; the caller frees it. NULL and a problem otherwise. */
static char *file_read(struct reader *reader)
{
    char *text = malloc(FILE_MAX_BYTES + 2);
    int fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 || text == NULL ? -1 : read_all(fd, text, FILE_MAX_BYTES + 1);
    if (length < 0)
        (void)complain(reader, "cannot be read: %s", strerror(errno));
    else if ((size_t)length > FILE_MAX_BYTES)
        (void)complain(reader, "the file is longer than %zu bytes", FILE_MAX_BYTES);
    else if (memchr(text, 0, (size_t)length) != NULL)
        (void)complain(reader, "the file contains a NUL byte; is it text?");
    else
        text[length] = '\0';
    if (fd >= 0)
        (void)close(fd);
    if (reader->problem[0] == '\0')
        return text;
    free(text);
    return NULL;
}

static bool text_is_read(struct reader *reader, const char *text)
{
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_stop_on_first_error = true;
    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = LINE_MAX_BYTES + 3;
    reader->next = text;
    int line = ini_parse_stream(next_line, reader, handle_key, reader);
    if (line < 0)
        return complain(reader, "out of memory");
    if (line > 0)
        return complain(reader, "neither a [section], a `key = value` nor a comment");
    return reader->problem[0] == '\0';
}

enum error config_load(const char *path, enum config_program program, struct config *ret_config,
                       char problem[CONFIG_PROBLEM_MAX])
{
    struct config config = {0};
    struct reader reader = {.path = path, .config = &config, .problem = problem};
    problem[0] = '\0';
    char *text = file_read(&reader);
    bool is_good = text != NULL && defaults_are_set(&reader) && text_is_read(&reader, text) &&
                   required_are_there(&reader, program);
    free(text);
    if (!is_good)
        return ERR_CONFIG;
    *ret_config = config;
    return ERR_OK;
}

/* ---- two of them ---- */

static bool is_same(const struct config_key *key, const struct config *a, const struct config *b)
{
    const char *in_a = (const char *)a + key->offset;
    const char *in_b = (const char *)b + key->offset;
    if (key->type == CONFIG_NUMBER)
        return memcmp(in_a, in_b, sizeof(unsigned)) == 0;
    if (key->type == CONFIG_LEVEL)
        return memcmp(in_a, in_b, sizeof(enum log_level)) == 0;
    return strcmp(in_a, in_b) == 0;
}

void config_restart_keys(const struct config *running, const struct config *fresh,
                         enum config_program program, char keys[CONFIG_PROBLEM_MAX])
{
    size_t length = 0;
    keys[0] = '\0';
    for (size_t i = 0; i < CONFIG_KEYS_COUNT && length < CONFIG_PROBLEM_MAX; i++) {
        const struct config_key *key = &CONFIG_KEYS[i];
        if ((key->restarts & CONFIG_BIT(program)) != 0 && !is_same(key, running, fresh))
            length += (size_t)snprintf(keys + length, CONFIG_PROBLEM_MAX - length, "%s[%s] %s",
                                       length > 0 ? ", " : "", key->section, key->name);
    }
}
