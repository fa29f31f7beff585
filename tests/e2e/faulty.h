/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A rig whose HSM misbehaves on demand (support/hsm_faults.h) under a steady load (steady.h). One
 * per test. Threads: one.
 */
#ifndef TESTS_E2E_FAULTY_H
#define TESTS_E2E_FAULTY_H

#include "core/clock.h"
#include "e2e/floor.h"
#include "e2e/steady.h"
#include "support/hsm_faults.h"

#define FAULTY_PATIENCE_MS 60000

struct faulty {
    struct rig rig;
    struct hsm_faults *faults;
    struct steady *steady;
};

/* The rig as it always is; its HSM is well, and there is no load. */
void faulty_set_up(struct faulty *faulty);
/* Checks the rig's invariants, too. */
void faulty_tear_down(struct faulty *faulty);

/* provision-hsm stops, and its configuration has this module and these lines ("a = 1\\nb = 2"). */
void faulty_configure(struct faulty *faulty, const char *module, const char *lines);
/* The same with the module that misbehaves; it starts, and the load begins. */
void faulty_begin(struct faulty *faulty, const char *lines);

void faulty_add(struct faulty *faulty, const char *function, enum hsm_fault_action action,
                uint32_t value, uint32_t times);
/* Works on while it is so; a minute of that fails the test. */
#define FAULTY_DRIVE_WHILE(faulty, condition)                          \
    do {                                                               \
        deadline_ms end_of_patience = deadline_in(FAULTY_PATIENCE_MS); \
        while (condition)                                              \
            faulty_drive((faulty), end_of_patience, #condition);       \
    } while (false)
void faulty_drive(struct faulty *faulty, deadline_ms end, const char *reason);

/* Works on until so many workers serve by the metrics, and no other is missing. */
void faulty_await_workers(struct faulty *faulty, unsigned workers);
/* How many lines of provision-hsm's log have this text. */
unsigned faulty_count_lines(const struct faulty *faulty, const char *text);

#endif
