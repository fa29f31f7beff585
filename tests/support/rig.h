/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A whole factory for an end-to-end test: the rig of `./dev rig up` in a folder of the test's own,
 * whose programs can be killed and started again, with a step to crash at if wanted. A failure to
 * set up fails the test. Threads: one thread sets up and kills; reading the fields is free.
 */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/temp_dir.h"

#define RIG_VALUE_MAX 256

enum rig_program { RIG_HSM, RIG_VAULT, RIG_API, RIG_PROGRAMS };

struct rig {
    struct temp_dir temp;
    char dir[TEMP_PATH_MAX];
    char url[RIG_VALUE_MAX];
    char ca[RIG_VALUE_MAX];
    char station_cert[RIG_VALUE_MAX];
    char station_key[RIG_VALUE_MAX];
    char device_ca_cert[RIG_VALUE_MAX];
    char device_ca_key[RIG_VALUE_MAX];
    char product[RIG_VALUE_MAX];
    char image[RIG_VALUE_MAX];
    char image_file[RIG_VALUE_MAX];
    char firmware[RIG_VALUE_MAX];
    char st_product[RIG_VALUE_MAX];
    char st_product_id[RIG_VALUE_MAX];
    char st_ca_key[RIG_VALUE_MAX];
    char st_image[RIG_VALUE_MAX];
    char st_image_file[RIG_VALUE_MAX];
    char st_fwid[RIG_VALUE_MAX];
    char config[RIG_VALUE_MAX];
    char ledger[RIG_VALUE_MAX];
    char vault_socket[RIG_VALUE_MAX];
    pid_t pids[RIG_PROGRAMS];
    int listener; /* keeps the port between two lives of provisiond; -1 before the first restart */
};

void rig_up(struct rig *rig, int64_t quota);
/* The same with a product "rig-governed" whose maker has signed that many units. */
void rig_up_governed(struct rig *rig, int64_t quota, int64_t governed);
/* The same with a product of each profile: RIG_CMS_PRODUCT and so on (rig/rig.sh). */
void rig_up_profiles(struct rig *rig, int64_t quota);
/* Stops the programs in the order of a shutdown and removes the folder. */
void rig_down(struct rig *rig);

/* Sends the signal and waits until the program is gone. */
void rig_kill(struct rig *rig, enum rig_program program, int signal);
/*
 * Starts a program that is not running and returns when it is. crash_at is a crash point's name, as
 * PROVISIOND_CRASH_AT takes it, or NULL; the program then dies there once.
 */
void rig_start(struct rig *rig, enum rig_program program, const char *crash_at);
bool rig_is_running(const struct rig *rig, enum rig_program program);
/* Waits until the program has died; fails the test after 20 seconds. */
void rig_wait_for_death(struct rig *rig, enum rig_program program);
/* Waits until GET /readyz says 200; fails the test after 30 seconds. */
void rig_wait_ready(const struct rig *rig);

/* Runs a shell command with the rig's environment file and $BIN, $DIR and $SOURCE set; returns its
 * exit status. */
int rig_shell(const struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A value of the rig's environment file that struct rig does not have. */
void rig_value(const struct rig *rig, const char *name, char ret_value[RIG_VALUE_MAX]);

/* The number that a query on the ledger gives; opened read-only beside the running vault. */
int64_t rig_query(const struct rig *rig, const char *sql);

/*
 * The invariants of design §6 as the ledger must show them at any time: one charge per licensed
 * device, used = charges <= quota, one license leaf per install, a journal without gaps, and the
 * account in balance. While all three programs run, the exported journal is verified, too.
 */
void rig_check_invariants(const struct rig *rig);

#endif
