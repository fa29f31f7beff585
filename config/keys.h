/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one table of configuration keys, and how a value is read into its place.
 *
 * Private to config/ and its tests. Defaults are texts of the table and go through the same reader
 * as the file's values. Threads: constant data and pure functions.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define CONFIG_WHY_MAX 160 /* bytes of "what is wrong with this value", with NUL */

enum config_type {
    CONFIG_NUMBER,     /* decimal, min to max */
    CONFIG_TEXT,       /* min to max bytes of anything printable */
    CONFIG_PATH,       /* absolute; min to max bytes */
    CONFIG_NAME,       /* [A-Za-z0-9._-], not first '.' or '-'; min to max bytes */
    CONFIG_LISTEN,     /* address:port, IPv6 in brackets; min to max bytes */
    CONFIG_LEVEL,      /* a word of enum log_level */
    CONFIG_STRICTNESS, /* a word of enum config_sandbox */
};

struct config_key {
    const char *section;
    const char *name;
    enum config_type type;
    unsigned offset;      /* into struct config */
    unsigned min;         /* a value for numbers, bytes without NUL for all else */
    unsigned max;         /* the same */
    const char *preset;   /* the default; NULL when the key has none */
    unsigned required_by; /* CONFIG_BIT of each program that cannot start without it */
    unsigned restarts;    /* CONFIG_BIT of each that takes a change of it at a start only */
};

#define CONFIG_BIT(program) (1U << (program))
#define CONFIG_KEYS_COUNT   46

extern const struct config_key CONFIG_KEYS[CONFIG_KEYS_COUNT];

/* The key, or NULL. */
const struct config_key *config_key_find(const char *section, const char *name);
bool config_section_is_known(const char *section);

/*
 * The known name that the writer of an unknown one most likely meant, or NULL: among the names of
 * section, or among the sections when section is NULL.
 */
const char *config_key_suggest(const char *section, const char *name);

/* Reads value into its place in *config; false and a reason in why when it is not allowed. */
bool config_value_read(const struct config_key *key, const char *value, struct config *config,
                       char why[CONFIG_WHY_MAX]);

#endif
