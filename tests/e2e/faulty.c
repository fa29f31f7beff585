/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* MODULE_FAULTS is the module's path. */
#include "e2e/faulty.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define QUOTA    10000000
#define LINE_MAX 2048

void faulty_set_up(struct faulty *faulty)
{
    char path[TEMP_PATH_MAX + 8];
    http_init();
    rig_up(&faulty->rig, QUOTA);
    (void)snprintf(path, sizeof path, "%s/faults", faulty->rig.dir);
    faulty->faults = hsm_faults_new(path);
}

void faulty_tear_down(struct faulty *faulty)
{
    hsm_faults_clear(faulty->faults);
    rig_check_invariants(&faulty->rig);
    rig_down(&faulty->rig);
    hsm_faults_free(faulty->faults);
}

void faulty_configure(struct faulty *faulty, const char *module, const char *lines)
{
    rig_kill(&faulty->rig, RIG_HSM, SIGTERM);
    ck_assert_int_eq(rig_shell(&faulty->rig,
                               "sed -i -e 's|^module = .*|module = %s|' -e 's|^token = .*|&\\n%s|' "
                               "$RIG_CONFIG",
                               module, lines),
                     0);
}

void faulty_begin(struct faulty *faulty, const char *lines)
{
    faulty_configure(faulty, MODULE_FAULTS, lines);
    rig_start(&faulty->rig, RIG_HSM, NULL);
    rig_wait_ready(&faulty->rig);
    faulty->steady = steady_new(&faulty->rig);
}

void faulty_add(struct faulty *faulty, const char *function, enum hsm_fault_action action,
                uint32_t value, uint32_t times)
{
    struct hsm_fault fault = {.times = times, .action = action, .value = value};
    ck_assert_uint_lt(strlen(function), sizeof fault.function);
    strcpy(fault.function, function);
    hsm_faults_add(faulty->faults, &fault);
}

void faulty_drive(struct faulty *faulty, deadline_ms end, const char *reason)
{
    ck_assert_msg(deadline_left_ms(end) > 0, "still: %s; the HSM: %s", reason,
                  steady_view(faulty->steady)->hsm);
    steady_drive(faulty->steady);
}

void faulty_await_workers(struct faulty *faulty, unsigned workers)
{
    const struct steady_view *view = steady_view(faulty->steady);
    size_t scrapes = view->scrapes;
    FAULTY_DRIVE_WHILE(faulty, view->scrapes < scrapes + 2 || view->idle + view->busy < workers);
    ck_assert_uint_eq(view->starting, 0);
}

unsigned faulty_count_lines(const struct faulty *faulty, const char *text)
{
    char path[TEMP_PATH_MAX + 32];
    char line[LINE_MAX];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "%s/log/provision-hsm.log", faulty->rig.dir);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    return count;
}
