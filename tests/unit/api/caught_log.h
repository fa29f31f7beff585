/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The log of this process, caught in a file of front.dir. Threads: one. */
#ifndef TESTS_UNIT_API_CAUGHT_LOG_H
#define TESTS_UNIT_API_CAUGHT_LOG_H

/* After front_configure. */
void caught_log_start(void);
void caught_log_stop(void);

/* How many lines of that event there are. */
unsigned caught_log_count(const char *event);
/* The last line of that event; valid until the next use. Fails the test when there is none. */
const char *caught_log_last(const char *event);

#endif
