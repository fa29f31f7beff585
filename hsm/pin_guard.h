/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How often the PIN may still be spent: a token locks after a few wrong ones. Internal to hsm/.
 *
 * A refused PIN is tried once, by whichever worker came first; neither another worker nor another
 * start of the program tries it again until an operator has put it right and removed the file
 * PIN_GUARD_FILE from [hsm] state. A login that was lost without an answer (the HSM, the program or
 * the power went) may have counted as a wrong PIN too: it is tried twice at most, by one program,
 * and of a PIN that was never accepted in however many starts. So is one that the module answers
 * with another value than a refusal, unless the PIN was accepted before. The file says "accepted",
 * "refused" or how many tries of the latter kind there were, and nothing of the PIN. Tries are
 * counted before the PIN leaves the master, so that no end of the program can lose one.
 *
 * Threads: safe from any thread; one login at a time (pool_enter_start).
 */
#ifndef HSM_PIN_GUARD_H
#define HSM_PIN_GUARD_H

#include <stdbool.h>

#include "core/error.h"

#define PIN_GUARD_FILE "pin-state"

struct pin_guard;

/* folder is borrowed for the guard's life. */
enum error pin_guard_new(const char *folder, struct pin_guard **ret_guard) MUST_USE;
/* NULL is allowed. */
void pin_guard_free(struct pin_guard *guard);

/*
 * Before a worker is given the PIN. ERR_HSM_PIN_REFUSED ("pin-refused-before",
 * "pin-not-confirmed"): it may not be. ERR_HSM_UNAVAILABLE ("pin-state-unusable"): the file cannot
 * be read or written.
 */
enum error pin_guard_enter(struct pin_guard *guard, struct fault *fault) MUST_USE;
/* The token accepted the PIN: it counts no more. */
void pin_guard_confirm(struct pin_guard *guard);
/*
 * The start that was entered has failed with *fault; was_tried: C_Login was called. Returns the
 * code that *fault has then: a second lost login makes it ERR_HSM_PIN_REFUSED
 * ("pin-not-confirmed").
 */
enum error pin_guard_fail(struct pin_guard *guard, bool was_tried, struct fault *fault) MUST_USE;

#endif
