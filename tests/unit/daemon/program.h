/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A folder with a configuration that is right, and the programs run on it. Threads: one.
 *
 * program_set_up makes certificates, a folder for the ledger and the configuration of struct site;
 * a test changes a member, writes it, and runs a program.
 */
#ifndef TESTS_UNIT_DAEMON_PROGRAM_H
#define TESTS_UNIT_DAEMON_PROGRAM_H

#include "support/temp_dir.h"

#define PROGRAM_OUTPUT_MAX 16384

/* The values of the configuration; paths without a slash in front are in the folder. */
struct site {
    const char *module; /* NULL: the key is left out */
    const char *ledger;
    const char *images;
    const char *listen;
    const char *certificate;
    const char *key;
    const char *client_ca;
    const char *more; /* lines at the end, in the section [api] */
};

extern struct temp_dir program_dir;
extern struct site site;
/* What the newest run printed, on both streams. */
extern char program_output[PROGRAM_OUTPUT_MAX];

void program_set_up(void);
void program_tear_down(void);
void program_write_site(void);

/*
 * Runs a shell command in the folder, where $BIN has the programs, "conf" is the configuration and
 * $AS_NOBODY runs what follows as a user who is not root; returns its exit status.
 */
int program_run(const char *command);
/* How often the text is in what was printed. */
unsigned program_count(const char *text);

#endif
