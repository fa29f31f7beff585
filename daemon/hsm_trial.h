/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `provision-hsm --trial`: tries a module and serves nobody; `provctl hsm check` executes it.
 * Threads: main thread.
 */
#ifndef DAEMON_HSM_TRIAL_H
#define DAEMON_HSM_TRIAL_H

#define HSM_TRIAL_OPTION "--trial"

/* All that follows the option on the command line; returns main's exit status. */
int hsm_trial_main(int argc, char **argv);

#endif
