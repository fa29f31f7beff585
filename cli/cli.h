/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl: finds the command, parses its options, runs it, reports how it ended.
 *
 * Threads: main thread.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* The whole program; returns the exit code (cli/exit_code.h). argv is reordered. */
int cli_main(int argc, char **argv);

#endif
