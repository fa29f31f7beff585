/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the tests of administration have in common: a folder, a vault that says what a test wants,
 * and what provctl printed. Threads: one per test, which has a process of its own.
 */
#ifndef TESTS_UNIT_CLI_ADMIN_CASE_H
#define TESTS_UNIT_CLI_ADMIN_CASE_H

#include <jansson.h>

#include "core/error.h"
#include "provctl.h"
#include "vault.h"

#define DIGEST_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

extern struct temp_dir dir;
extern struct vault_double vault;
extern struct provctl run;
/* The bytes of DIGEST_HEX. */
extern ProtobufCBinaryData digest;

void admin_case_set_up(void);
void admin_case_tear_down(void);

/* The vault answers to that operation with that result (named like the members of AdminReply). */
#define SAY(reply, OP, member, value)                                \
    do {                                                             \
        (reply)->result_case = PROVISIOND__ADMIN_REPLY__RESULT_##OP; \
        (reply)->member = (value);                                   \
        vault.replies[PROVISIOND__ADMIN_REQUEST__OP_##OP] = (reply); \
    } while (0)

/* The vault refuses every operation for which nothing else was said. */
void say_fault(enum error code, const char *reason, const char *detail);

#define ADMIN(...) PROVCTL(&dir, &run, __VA_ARGS__, "--socket", vault.socket)

/* It ended well, printed exactly that, and nothing on standard error. */
void claim_done(const char *output);
/* It ended with that code and with one line that has these words. */
void claim_failed(int exit, const char *words);
/* The output is that JSON, which is consumed. */
void claim_json(json_t *expected);

#endif
