/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The PKCS#11 module of hsm_faults.h: a real module behind functions that look at the rules first.
 * It holds no lock while a rule acts, so that a call that hangs holds up nobody but its caller.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "support/hsm_faults.h"

#define DEFAULT_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define HANG_LOOK_MS   20
#define NO_HANDLE      0x5ca1ab1eUL
#define KIB            1024
#define NS_PER_S       1000000000LL
#define NS_PER_US      1000
#define GCM_TAG_BYTES  16
#define SLACK_NS       1000UL /* of timers; the default of 50 us is not the HSM's */

static CK_FUNCTION_LIST *real;
static struct hsm_faults *faults;
static unsigned losses_at_start; /* of this process's sessions */

/* ---- what a call meets ---- */

/* What is left to do when the real call was made. */
struct verdict {
    bool is_answered; /* with rv, and the real call is not made */
    bool is_late;     /* with rv, after the real call */
    bool has_no_handle;
    bool is_garbled;
    bool is_collected;
    CK_RV rv;
    CK_ATTRIBUTE_TYPE lie; /* of a garbled C_GetAttributeValue */
};

static void hang(void)
{
    while (atomic_load(&faults->rule_count) > 0)
        (void)poll(NULL, 0, HANG_LOOK_MS);
}

/* Kept for ever, and touched, so that it is resident; a sanitizer that looks for leaks finds it. */
static void leak(size_t kib)
{
    static struct leaked {
        struct leaked *next;
    } * all;
    struct leaked *memory = malloc(kib * KIB);
    if (memory == NULL)
        return;
    memset(memory, 1, kib * KIB);
    memory->next = all;
    all = memory;
}

static void act(const struct hsm_fault *rule, struct verdict *verdict)
{
    switch (rule->action) {
    case HSM_FAULT_RETURN:
        *verdict = (struct verdict){.is_answered = true, .rv = rule->value};
        break;
    case HSM_FAULT_LATE_RETURN:
        *verdict = (struct verdict){.is_late = true, .rv = rule->value};
        break;
    case HSM_FAULT_HANG:
        hang();
        break;
    case HSM_FAULT_STUCK:
        for (;;)
            (void)poll(NULL, 0, -1);
    case HSM_FAULT_CRASH:
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
        break;
    case HSM_FAULT_SLOW:
        (void)poll(NULL, 0, (int)rule->value);
        break;
    case HSM_FAULT_HANDLE:
        verdict->has_no_handle = true;
        break;
    case HSM_FAULT_COLLECT:
        verdict->is_collected = true;
        break;
    case HSM_FAULT_GARBLE:
        verdict->is_garbled = true;
        verdict->lie = rule->value;
        break;
    case HSM_FAULT_PRINT:
        (void)!write(STDOUT_FILENO, "half a line", sizeof "half a line" - 1);
        break;
    case HSM_FAULT_LEAK:
        leak(rule->value);
        break;
    default:
        break;
    }
}

static struct verdict consult(const char *function, bool is_of_session)
{
    struct verdict verdict = {0};
    for (unsigned i = 0; i < atomic_load(&faults->rule_count); i++) {
        const struct hsm_fault *rule = &faults->rules[i].rule;
        bool is_meant =
            rule->function[0] == '\0' ? is_of_session : strcmp(rule->function, function) == 0;
        if (!is_meant)
            continue;
        unsigned seen = atomic_fetch_add(&faults->rules[i].seen, 1);
        if (seen < rule->skip || seen - rule->skip >= rule->times)
            continue;
        atomic_fetch_add(&faults->rules[i].done, 1);
        act(rule, &verdict);
    }
    return verdict;
}

/* Sessions that were open when the token went are dead, also when it is back. */
static struct verdict consult_session(const char *function)
{
    unsigned token = atomic_load(&faults->token);
    if (token == HSM_TOKEN_GONE)
        return (struct verdict){.is_answered = true, .rv = CKR_DEVICE_REMOVED};
    if (atomic_load(&faults->losses) != losses_at_start)
        return (struct verdict){.is_answered = true, .rv = CKR_SESSION_HANDLE_INVALID};
    return consult(function, true);
}

/* ---- the model of a network HSM ---- */

static long long now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The place that is free first, from when it is: returns when the call is done. */
static long long take_place(long long latency_ns, unsigned parallel)
{
    for (;;) {
        unsigned first = 0;
        long long free_at = atomic_load(&faults->free_at_ns[0]);
        for (unsigned i = 1; i < parallel; i++) {
            long long other = atomic_load(&faults->free_at_ns[i]);
            first = other < free_at ? i : first;
            free_at = other < free_at ? other : free_at;
        }
        long long now = now_ns();
        long long done = (free_at > now ? free_at : now) + latency_ns;
        if (atomic_compare_exchange_strong(&faults->free_at_ns[first], &free_at, done))
            return done;
    }
}

static void travel(void)
{
    long long latency_ns = (long long)atomic_load(&faults->latency_us) * NS_PER_US;
    unsigned parallel = atomic_load(&faults->parallel);
    if (latency_ns == 0)
        return;
    long long done = parallel > 0 ? take_place(latency_ns, parallel) : now_ns() + latency_ns;
    const struct timespec until = {.tv_sec = done / NS_PER_S, .tv_nsec = done % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
    atomic_fetch_add(&faults->served, 1);
}

/* ---- functions ---- */

/* One that works in a session; key_work: it crosses the network to a key. */
#define SESSION_CALL(name, key_work, parameters, arguments)   \
    static CK_RV faulty_##name parameters                     \
    {                                                         \
        struct verdict verdict = consult_session("C_" #name); \
        if (verdict.is_answered)                              \
            return verdict.rv;                                \
        if (key_work)                                         \
            travel();                                         \
        CK_RV rv = real->C_##name arguments;                  \
        return verdict.is_late ? verdict.rv : rv;             \
    }

/* One whose last argument gets a handle. */
#define MAKING_CALL(name, key_work, parameters, arguments)    \
    static CK_RV faulty_##name parameters                     \
    {                                                         \
        struct verdict verdict = consult_session("C_" #name); \
        if (verdict.is_answered)                              \
            return verdict.rv;                                \
        if (key_work)                                         \
            travel();                                         \
        CK_RV rv = real->C_##name arguments;                  \
        if (rv == CKR_OK && verdict.has_no_handle)            \
            *handle = NO_HANDLE;                              \
        return verdict.is_late ? verdict.rv : rv;             \
    }

SESSION_CALL(CloseSession, false, (CK_SESSION_HANDLE session), (session))
SESSION_CALL(GetSessionInfo, false, (CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info),
             (session, info))
SESSION_CALL(DestroyObject, false, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object),
             (session, object))
SESSION_CALL(FindObjectsInit, false,
             (CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes, CK_ULONG count),
             (session, attributes, count))
SESSION_CALL(FindObjectsFinal, false, (CK_SESSION_HANDLE session), (session))
SESSION_CALL(GenerateRandom, false, (CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG length),
             (session, out, length))
SESSION_CALL(Encrypt, true,
             (CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out,
              CK_ULONG_PTR ret_length),
             (session, data, length, out, ret_length))
SESSION_CALL(SignInit, false,
             (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key),
             (session, mechanism, key))
SESSION_CALL(Sign, true,
             (CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out,
              CK_ULONG_PTR ret_length),
             (session, data, length, out, ret_length))
SESSION_CALL(GenerateKeyPair, true,
             (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public,
              CK_ULONG public_count, CK_ATTRIBUTE_PTR private, CK_ULONG private_count,
              CK_OBJECT_HANDLE_PTR ret_public, CK_OBJECT_HANDLE_PTR ret_private),
             (session, mechanism, public, public_count, private, private_count, ret_public,
              ret_private))
MAKING_CALL(GenerateKey, true,
            (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR attributes,
             CK_ULONG count, CK_OBJECT_HANDLE_PTR handle),
            (session, mechanism, attributes, count, handle))
MAKING_CALL(CreateObject, false,
            (CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
             CK_OBJECT_HANDLE_PTR handle),
            (session, attributes, count, handle))
MAKING_CALL(UnwrapKey, true,
            (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE kek,
             CK_BYTE_PTR wrapped, CK_ULONG length, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
             CK_OBJECT_HANDLE_PTR handle),
            (session, mechanism, kek, wrapped, length, attributes, count, handle))

/* ---- a message that is given at its end ---- */

static struct {
    CK_BYTE *data;
    CK_ULONG length;
    bool is_begun;
} collected;

/* What was collected of a message that nobody ended is gone. */
static CK_RV faulty_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_OBJECT_HANDLE key)
{
    struct verdict verdict = consult_session("C_EncryptInit");
    if (verdict.is_answered)
        return verdict.rv;
    collected.length = 0;
    collected.is_begun = false;
    CK_RV rv = real->C_EncryptInit(session, mechanism, key);
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV collect(CK_BYTE_PTR data, CK_ULONG length, CK_ULONG_PTR ret_length)
{
    CK_BYTE *longer = realloc(collected.data, collected.length + length + 1);
    if (longer == NULL)
        return CKR_DEVICE_MEMORY;
    memcpy(longer + collected.length, data, length);
    collected.data = longer;
    collected.length += length;
    collected.is_begun = true;
    *ret_length = 0;
    return CKR_OK;
}

static CK_RV give_collected(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR ret_length)
{
    CK_ULONG room = *ret_length;
    *ret_length = collected.length + GCM_TAG_BYTES;
    if (room < *ret_length)
        return CKR_BUFFER_TOO_SMALL; /* and the message goes on */
    CK_RV rv = real->C_Encrypt(session, collected.data, collected.length, out, ret_length);
    collected.length = 0;
    collected.is_begun = false;
    return rv;
}

static CK_RV faulty_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                                  CK_BYTE_PTR out, CK_ULONG_PTR ret_length)
{
    struct verdict verdict = consult_session("C_EncryptUpdate");
    if (verdict.is_answered)
        return verdict.rv;
    if (verdict.is_collected)
        return collect(data, length, ret_length);
    travel();
    CK_RV rv = real->C_EncryptUpdate(session, data, length, out, ret_length);
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out,
                                 CK_ULONG_PTR ret_length)
{
    struct verdict verdict = consult_session("C_EncryptFinal");
    if (verdict.is_answered)
        return verdict.rv;
    CK_RV rv = collected.is_begun ? give_collected(session, out, ret_length)
                                  : real->C_EncryptFinal(session, out, ret_length);
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                      CK_ATTRIBUTE_PTR attributes, CK_ULONG count)
{
    struct verdict verdict = consult_session("C_GetAttributeValue");
    if (verdict.is_answered)
        return verdict.rv;
    CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
    for (CK_ULONG i = 0; rv == CKR_OK && verdict.is_garbled && i < count; i++) {
        if (attributes[i].type == verdict.lie && attributes[i].ulValueLen == sizeof(CK_BBOOL))
            *(CK_BBOOL *)attributes[i].pValue ^= 1;
    }
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key, CK_BYTE_PTR out,
                            CK_ULONG_PTR ret_length)
{
    struct verdict verdict = consult_session("C_WrapKey");
    if (verdict.is_answered)
        return verdict.rv;
    travel();
    CK_RV rv = real->C_WrapKey(session, mechanism, kek, key, out, ret_length);
    if (rv == CKR_OK && verdict.is_garbled)
        out[0] ^= 1;
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR handle)
{
    struct verdict verdict = consult_session("C_DeriveKey");
    CK_ECDH1_DERIVE_PARAMS other = *(CK_ECDH1_DERIVE_PARAMS *)mechanism->pParameter;
    CK_MECHANISM garbled = {mechanism->mechanism, &other, sizeof other};
    if (verdict.is_answered)
        return verdict.rv;
    travel();
    other.shared_data_len /= 2;
    CK_RV rv = real->C_DeriveKey(session, verdict.is_garbled ? &garbled : mechanism, key,
                                 attributes, count, handle);
    if (rv == CKR_OK && verdict.has_no_handle)
        *handle = NO_HANDLE;
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects,
                                CK_ULONG max, CK_ULONG_PTR ret_count)
{
    struct verdict verdict = consult_session("C_FindObjects");
    if (verdict.is_answered)
        return verdict.rv;
    CK_RV rv = real->C_FindObjects(session, objects, max, ret_count);
    if (rv == CKR_OK && atomic_load(&faults->token) == HSM_TOKEN_OTHER)
        *ret_count = 0;
    for (CK_ULONG i = 0; rv == CKR_OK && verdict.has_no_handle && i < *ret_count; i++)
        objects[i] = NO_HANDLE + i;
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                          CK_ULONG length)
{
    atomic_fetch_add(&faults->logins, 1);
    struct verdict verdict = consult_session("C_Login");
    if (verdict.is_answered)
        return verdict.rv;
    CK_RV rv = real->C_Login(session, user, pin, length);
    return verdict.is_late ? verdict.rv : rv;
}

/* ---- slots ---- */

static CK_RV faulty_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                                CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session)
{
    struct verdict verdict = consult_session("C_OpenSession");
    if (verdict.is_answered)
        return verdict.rv;
    CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_GetSlotList(CK_BBOOL is_present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR ret_count)
{
    struct verdict verdict = consult("C_GetSlotList", false);
    if (verdict.is_answered)
        return verdict.rv;
    if (!is_present || atomic_load(&faults->token) != HSM_TOKEN_GONE)
        return real->C_GetSlotList(is_present, slots, ret_count);
    *ret_count = 0;
    return CKR_OK;
}

static CK_RV faulty_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
    CK_RV rv = real->C_GetSlotInfo(slot, info);
    if (rv == CKR_OK && atomic_load(&faults->token) == HSM_TOKEN_GONE)
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return rv;
}

static CK_RV faulty_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    struct verdict verdict = consult("C_GetTokenInfo", false);
    if (verdict.is_answered)
        return verdict.rv;
    if (atomic_load(&faults->token) == HSM_TOKEN_GONE)
        return CKR_TOKEN_NOT_PRESENT;
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && atomic_load(&faults->token) == HSM_TOKEN_OTHER)
        memset(info->serialNumber, 'f', sizeof info->serialNumber);
    return verdict.is_late ? verdict.rv : rv;
}

static CK_RV faulty_Initialize(CK_VOID_PTR arguments)
{
    struct verdict verdict = consult("C_Initialize", false);
    losses_at_start = atomic_load(&faults->losses);
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    return verdict.is_answered ? verdict.rv : real->C_Initialize(arguments);
}

/* ---- the list ---- */

static CK_FUNCTION_LIST *faulty_list(void)
{
    static CK_FUNCTION_LIST list;
    list = *real;
    list.C_Initialize = faulty_Initialize;
    list.C_GetSlotList = faulty_GetSlotList;
    list.C_GetSlotInfo = faulty_GetSlotInfo;
    list.C_GetTokenInfo = faulty_GetTokenInfo;
    list.C_OpenSession = faulty_OpenSession;
    list.C_CloseSession = faulty_CloseSession;
    list.C_GetSessionInfo = faulty_GetSessionInfo;
    list.C_Login = faulty_Login;
    list.C_CreateObject = faulty_CreateObject;
    list.C_DestroyObject = faulty_DestroyObject;
    list.C_GetAttributeValue = faulty_GetAttributeValue;
    list.C_FindObjectsInit = faulty_FindObjectsInit;
    list.C_FindObjects = faulty_FindObjects;
    list.C_FindObjectsFinal = faulty_FindObjectsFinal;
    list.C_EncryptInit = faulty_EncryptInit;
    list.C_Encrypt = faulty_Encrypt;
    list.C_EncryptUpdate = faulty_EncryptUpdate;
    list.C_EncryptFinal = faulty_EncryptFinal;
    list.C_SignInit = faulty_SignInit;
    list.C_Sign = faulty_Sign;
    list.C_GenerateKey = faulty_GenerateKey;
    list.C_GenerateKeyPair = faulty_GenerateKeyPair;
    list.C_WrapKey = faulty_WrapKey;
    list.C_UnwrapKey = faulty_UnwrapKey;
    list.C_DeriveKey = faulty_DeriveKey;
    list.C_GenerateRandom = faulty_GenerateRandom;
    return &list;
}

static struct hsm_faults *map_faults(void)
{
    const char *path = getenv(HSM_FAULTS_VARIABLE);
    int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return NULL;
    void *map = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    return map != MAP_FAILED ? map : NULL;
}

static CK_FUNCTION_LIST *load_real(void)
{
    const char *path = getenv(HSM_FAULTS_REAL);
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *list = NULL;
    void *library = dlopen(path != NULL ? path : DEFAULT_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    return get != NULL && get(&list) == CKR_OK ? list : NULL;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    if (faults == NULL)
        faults = map_faults();
    if (real == NULL)
        real = load_real();
    if (faults == NULL || real == NULL)
        return CKR_FUNCTION_FAILED;
    *list = faulty_list();
    return CKR_OK;
}
