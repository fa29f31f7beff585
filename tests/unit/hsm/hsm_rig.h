/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A provision-hsm process of a test's own: on a SoftHSM token, with a configuration, a socket and a
 * log in a temporary folder. PROVISIOND_BIN names the folder of the program.
 */
#ifndef TESTS_UNIT_HSM_HSM_RIG_H
#define TESTS_UNIT_HSM_HSM_RIG_H

#include <stddef.h>
#include <sys/types.h>

#include <check.h>

#include "hsm/hsm_client.h"
#include "support/softhsm.h"
#include "support/temp_dir.h"

#define RIG_WORKERS_MAX 8
#define RIG_WAIT_MS     30000 /* until something that must happen has happened */

struct hsm_rig {
    struct temp_dir dir;
    struct softhsm token;
    char config[TEMP_PATH_MAX];
    char socket[TEMP_PATH_MAX];
    char log[TEMP_PATH_MAX];
    pid_t master;
    struct hsm_client *client;
    /* set before hsm_rig_start to differ from the defaults */
    unsigned workers;
    unsigned recycle_after;
    unsigned recycle_mb;
    unsigned call_timeout_ms;
    const char *module;
    const char *module_arguments;
    const char *label;
    const char *state;
    const char *pin_file; /* NULL: no PIN is given */
};

/* Makes the folder and the token; nothing runs yet. */
void hsm_rig_make(struct hsm_rig *rig);
/* Starts provision-hsm and a client; does not wait for workers. */
void hsm_rig_start(struct hsm_rig *rig);
/* hsm_rig_make, hsm_rig_start, all workers ready. */
void hsm_rig_run(struct hsm_rig *rig);
/* Stops and removes everything; provision-hsm must leave with status 0 when it still runs. */
void hsm_rig_remove(struct hsm_rig *rig);

/* Waits until so many workers are ready. */
void hsm_rig_await_workers(struct hsm_rig *rig, unsigned ready);
/* Waits until hsm_status answers with this code, and returns the fault. */
struct fault hsm_rig_await_code(struct hsm_rig *rig, enum error code);
/* The master's child processes. */
size_t hsm_rig_workers(const struct hsm_rig *rig, pid_t workers[RIG_WORKERS_MAX]);
/* Waits until the process is gone. */
void hsm_rig_await_end(pid_t process);
/* How often the log has this event so far. */
unsigned hsm_rig_count_events(const struct hsm_rig *rig, const char *event);
/* Waits until the log has this event. */
void hsm_rig_await_event(const struct hsm_rig *rig, const char *event);
/* Kills the master as a power cut would. */
void hsm_rig_kill_master(struct hsm_rig *rig);

/* Waits for a master that has killed itself at a crash point; any other end fails the test. */
void hsm_rig_await_crash(struct hsm_rig *rig);

/* A firmware key and a session key under it. */
struct rig_keys {
    struct hsm_key_id firmware_key;
    struct hsm_wrapped_key session_key;
};
void hsm_rig_make_keys(struct hsm_rig *rig, unsigned key_bytes, struct rig_keys *ret_keys);

/* The encryption of one file under these keys, without additional data; borrows the descriptors. */
struct hsm_encryption hsm_rig_encryption(const struct rig_keys *keys, int clear_fd, int cipher_fd);
/* An unnamed file with this content, at offset 0; the caller closes it. */
int hsm_rig_make_file(const void *data, size_t length);

void hsm_rig_pause(int ms);

/* Runs the tests of one program; the result is its exit status. */
int hsm_rig_run_tests(TCase *tests);

#endif
