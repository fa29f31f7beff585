/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What went wrong, for the one who typed the command: a meaning, one sentence, what to do.
 *
 * Unlike a struct fault, a failure may quote names, paths and a server's words: it never leaves
 * this process but as one line on standard error (escaped) and, with --json, as one object.
 * Threads: a value, owned by one thread.
 */
#ifndef CLI_FAILURE_H
#define CLI_FAILURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "cli/exit_code.h"
#include "core/error.h"

#define FAILURE_WHAT_MAX       512
#define FAILURE_REQUEST_ID_MAX 65
#define FAILURE_PLACE_MAX      101

struct failure {
    enum error code;
    enum exit_code exit;
    char what[FAILURE_WHAT_MAX];   /* raw; escaped when it is printed */
    char advice[FAILURE_WHAT_MAX]; /* raw too; "" for none */
    char request_id[FAILURE_REQUEST_ID_MAX];
    char path[FAILURE_PLACE_MAX];  /* which member of a request a server refused; "" */
    char check[FAILURE_PLACE_MAX]; /* which check a device did not pass; "" */
    bool is_retryable;             /* the same request may succeed later */
    int64_t retry_after_s;         /* when, as the server said; 0: it did not */
    bool is_told;                  /* the command printed its own JSON object: no other follows */
};

/* Fills *failure, exit code and advice by the code's rows, and returns code. */
enum error failure_set(struct failure *failure, enum error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As failure_set without advice: for a sentence that says already what to do. */
enum error failure_set_plain(struct failure *failure, enum error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The command line is wrong: exit code 64. Returns ERR_BAD_REQUEST. */
enum error failure_set_usage(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* ERR_INTERNAL for lack of memory. */
enum error failure_set_memory(struct failure *failure);
/* The vault's own words. Returns the fault's code. */
enum error failure_from_fault(struct failure *failure, const struct fault *fault);

/* The server's Retry-After, put into the advice in words; 0 seconds change nothing. */
void failure_set_retry_after(struct failure *failure, int64_t seconds);

/* "provctl: <what happened>. <what to do> (request <id>)" */
void failure_print(const struct failure *failure, FILE *out);
/*
 * {"error":{"code","message","advice","check","path","retryable","retry_after","request_id","exit"}}
 * on one line; check, path and request_id are "" when they do not apply, and retry_after is null.
 */
void failure_print_json(const struct failure *failure, FILE *out);

/* {"code", ...} as in the object above; NULL when memory is out. */
json_t *failure_to_json(const struct failure *failure);

/* A sentence that says what code means, and what the asking side can do; for when nobody said. */
const char *failure_sentence(enum error code);
const char *failure_advice(enum error code);

#endif
