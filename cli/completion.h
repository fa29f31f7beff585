/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The completion script for bash, made from the tables of commands and options: provctl
 * --completion bash prints it, and the build installs what it prints. Threads: main thread.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdio.h>

void completion_print_bash(FILE *out);

#endif
