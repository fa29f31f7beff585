/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Named steps at which a test can kill the process as a power cut would (SIGKILL).
 *
 * Exists only in builds with PROVISIOND_CRASH_POINTS, never in a release: there it is nothing. The
 * environment chooses: PROVISIOND_CRASH_AT="label" or "label:N" (the N-th passing), and
 * PROVISIOND_CRASH_ONCE=FILE makes it happen only while FILE can be created, so that the restarted
 * program lives. With PROVISIOND_CRASH_HOW=hang the thread stops there for ever instead, with
 * PROVISIOND_CRASH_HOW=wait until somebody removes that FILE, and with PROVISIOND_CRASH_HOW=stop
 * the process does until it gets SIGCONT.
 */
#ifndef CORE_CRASH_POINT_H
#define CORE_CRASH_POINT_H

#ifdef PROVISIOND_CRASH_POINTS
void crash_point(const char *label);
#else
static inline void crash_point(const char *label)
{
    (void)label;
}
#endif

#endif
