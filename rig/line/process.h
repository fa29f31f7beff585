/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Child processes of the line: started with pipes, dead when the line dies, reaped by it. Each has
 * a process group of its own: the Ctrl-C of a terminal is for the line alone.
 * Threads: one thread owns all of them (a child is killed when the thread that made it ends).
 */
#ifndef RIG_LINE_PROCESS_H
#define RIG_LINE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"

struct line_process {
    pid_t pid;  /* 0: none */
    int input;  /* to its standard input; -1 */
    int output; /* from its standard output, non-blocking; -1 */
};

#define LINE_PROCESS_NONE ((struct line_process){.pid = 0, .input = -1, .output = -1})

struct line_process_options {
    const char *const *argv; /* ends with NULL; argv[0] is a path */
    bool has_input;          /* a pipe; otherwise /dev/null */
    bool has_output;         /* a pipe; otherwise /dev/null */
    int error;               /* where its standard error goes; borrowed */
};

enum error line_process_start(const struct line_process_options *options,
                              struct line_process *ret_process) MUST_USE;
/* Closes the pipes and forgets the process, which was reaped. */
void line_process_clear(struct line_process *process);
/* Kills it and what it started, and reaps it; a process that is none is allowed. */
void line_process_kill(struct line_process *process);
/* Waits for its end; true when it was exit code 0. */
bool line_process_wait(struct line_process *process);

#endif
