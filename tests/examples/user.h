/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A person with a shell in front of a rig, who runs the examples as they stand: $EXAMPLES is
 * docs/examples, the station's PROVCTL_* are set for the product of boards, the stand-ins for
 * programmers' tools come first in PATH, and the folder is the rig's, $DIR.
 * Threads: one thread; a command in the background is a process of its own.
 */
#ifndef TESTS_EXAMPLES_USER_H
#define TESTS_EXAMPLES_USER_H

#include <check.h>

#include "support/rig.h"

/* Runs shell commands and returns their exit status; what they print is in $DIR/said, and what
 * the commands before them printed in $DIR/last. */
int user_runs(const struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same in the background; user_waits gives the exit status. */
pid_t user_begins(const struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int user_waits(pid_t process);

/* Whether the last commands printed that. */
bool user_was_told(const struct rig *rig, const char *text);
/* Waits until a command in the background has printed that; fails the test after 30 seconds. */
void user_waits_for(const struct rig *rig, const char *text);

/* Runs commands that must end with that status; shows what they printed otherwise. */
#define user_expects(rig, status, ...)                  \
    do {                                                \
        int user_status_ = user_runs(rig, __VA_ARGS__); \
        if (user_status_ != (status))                   \
            (void)rig_shell(rig, "cat $DIR/said >&2");  \
        ck_assert_int_eq(user_status_, (status));       \
    } while (0)

/* Fails the test when the last commands did not print that. */
#define user_must_be_told(rig, text)                          \
    do {                                                      \
        bool user_is_told_ = user_was_told(rig, text);        \
        if (!user_is_told_)                                   \
            (void)rig_shell(rig, "cat $DIR/said >&2");        \
        ck_assert_msg(user_is_told_, "not told: %s", (text)); \
    } while (0)

/* A product's units: "charged succeeded failed scrapped". Fails the test when they are others. */
void user_account_is(const struct rig *rig, const char *product, const char *figures);

#endif
