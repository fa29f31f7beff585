/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An HSM that misbehaves on demand: what a test tells the PKCS#11 module module_faults.c to do. The
 * module is SoftHSM but for the rules that stand in a shared file, which TEST_HSM_FAULTS names and
 * which every process that loads the module sees at once. TEST_HSM_MODULE names another module than
 * SoftHSM.
 *
 *     struct hsm_faults *faults = hsm_faults_new(path);   (sets TEST_HSM_FAULTS)
 *     hsm_faults_add(faults, &(struct hsm_fault){.function = "C_WrapKey", .times = 1,
 *                                                .action = HSM_FAULT_RETURN,
 *                                                .value = CKR_DEVICE_ERROR});
 *     ... hsm_faults_clear(faults) ... hsm_faults_free(faults);
 *
 * Rules count calls of all processes together. Threads and processes: safe.
 */
#ifndef TESTS_SUPPORT_HSM_FAULTS_H
#define TESTS_SUPPORT_HSM_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

#define HSM_FAULTS_VARIABLE    "TEST_HSM_FAULTS"
#define HSM_FAULTS_REAL        "TEST_HSM_MODULE"
#define HSM_FAULTS_MAX         8
#define HSM_MODEL_PARALLEL_MAX 256
#define HSM_FAULT_NAME_BYTES   32
#define HSM_FAULTS_ALWAYS      UINT32_MAX

enum hsm_fault_action {
    HSM_FAULT_NONE,
    HSM_FAULT_RETURN,      /* value is the CK_RV; nothing is done */
    HSM_FAULT_LATE_RETURN, /* the same, after the real call was done */
    HSM_FAULT_HANG,        /* until the process is killed, or the rule is cleared */
    HSM_FAULT_STUCK,       /* until the process is killed, though the HSM be well again */
    HSM_FAULT_CRASH,       /* by SIGSEGV, before the real call */
    HSM_FAULT_SLOW,        /* value milliseconds, then the real call */
    HSM_FAULT_HANDLE,      /* the real call, and a handle that is none for what it made or found */
    HSM_FAULT_LEAK,        /* value KiB more for ever, then the real call */
    HSM_FAULT_COLLECT,     /* C_EncryptUpdate: gives nothing; C_EncryptFinal gives all */
    HSM_FAULT_PRINT,       /* half a line on standard output, then the real call */
    HSM_FAULT_GARBLE,      /* C_DeriveKey: by other shared data; C_WrapKey: a bit of the result;
                              C_GetAttributeValue: the flag of the type `value`, turned */
};

/* What happens in one function. */
struct hsm_fault {
    char function[HSM_FAULT_NAME_BYTES]; /* "C_WrapKey"; empty: in every function but C_Initialize,
                                            C_Finalize and those of slots */
    uint32_t skip;                       /* calls that go well before */
    uint32_t times;                      /* then so many that do not; HSM_FAULTS_ALWAYS */
    uint32_t action;                     /* enum hsm_fault_action */
    uint32_t value;
};

/* What the module says of the token. */
enum hsm_token_state {
    HSM_TOKEN_PRESENT,
    HSM_TOKEN_GONE,  /* no slot has a token; sessions and their objects are lost */
    HSM_TOKEN_OTHER, /* another serial number, and none of the keys and data */
};

/* The file, mapped shared. */
struct hsm_faults {
    atomic_uint token;  /* enum hsm_token_state */
    atomic_uint losses; /* how often the token went: sessions end with it */
    atomic_uint logins; /* calls of C_Login, as a token would count them */
    struct {
        struct hsm_fault rule;
        atomic_uint seen; /* calls that it was asked about */
        atomic_uint done; /* calls in which it acted */
    } rules[HSM_FAULTS_MAX];
    atomic_uint rule_count;
    /* A model of a network HSM: each call that works with a key takes that long, so many at once,
     * the others in a queue. It works on by itself: the next one in the queue begins when the one
     * before it ends, not when its caller wakes up. */
    atomic_uint latency_us;
    atomic_uint parallel;                            /* 0: as many as there are */
    atomic_llong free_at_ns[HSM_MODEL_PARALLEL_MAX]; /* CLOCK_MONOTONIC, of each place */
    atomic_ulong served;                             /* calls that the model let through */
};

/* Makes the file and sets the variable; fails the test when it cannot. */
struct hsm_faults *hsm_faults_new(const char *path);
void hsm_faults_add(struct hsm_faults *faults, const struct hsm_fault *fault);
/* A network HSM of that latency and so many calls at once, at most HSM_MODEL_PARALLEL_MAX (0: no
 * bound); latency 0: none. */
void hsm_faults_set_model(struct hsm_faults *faults, unsigned latency_us, unsigned parallel);
void hsm_faults_set_token(struct hsm_faults *faults, enum hsm_token_state state);
/* All rules; the token is present again. */
void hsm_faults_clear(struct hsm_faults *faults);
/* How often the rules acted since they were made. */
unsigned hsm_faults_done(const struct hsm_faults *faults);
/* NULL is allowed. */
void hsm_faults_free(struct hsm_faults *faults);

#endif
