/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The test's side of the shared file. Rules are complete before they are counted. */
#include "support/hsm_faults.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

struct hsm_faults *hsm_faults_new(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, sizeof(struct hsm_faults)), 0);
    struct hsm_faults *faults =
        mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ck_assert_ptr_ne(faults, MAP_FAILED);
    (void)close(file);
    ck_assert_int_eq(setenv(HSM_FAULTS_VARIABLE, path, 1), 0);
    return faults;
}

void hsm_faults_add(struct hsm_faults *faults, const struct hsm_fault *fault)
{
    unsigned place = atomic_load(&faults->rule_count);
    ck_assert_uint_lt(place, HSM_FAULTS_MAX);
    faults->rules[place].rule = *fault;
    atomic_store(&faults->rules[place].seen, 0);
    atomic_store(&faults->rules[place].done, 0);
    atomic_store(&faults->rule_count, place + 1);
}

void hsm_faults_set_model(struct hsm_faults *faults, unsigned latency_us, unsigned parallel)
{
    ck_assert_uint_le(parallel, HSM_MODEL_PARALLEL_MAX);
    atomic_store(&faults->parallel, parallel);
    atomic_store(&faults->latency_us, latency_us);
}

void hsm_faults_set_token(struct hsm_faults *faults, enum hsm_token_state state)
{
    if (state != HSM_TOKEN_PRESENT)
        atomic_fetch_add(&faults->losses, 1);
    atomic_store(&faults->token, state);
}

void hsm_faults_clear(struct hsm_faults *faults)
{
    atomic_store(&faults->rule_count, 0);
    atomic_store(&faults->token, HSM_TOKEN_PRESENT);
}

unsigned hsm_faults_done(const struct hsm_faults *faults)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < atomic_load(&faults->rule_count); i++)
        sum += atomic_load(&faults->rules[i].done);
    return sum;
}

void hsm_faults_free(struct hsm_faults *faults)
{
    if (faults == NULL)
        return;
    (void)munmap(faults, sizeof *faults);
    (void)unsetenv(HSM_FAULTS_VARIABLE);
}
