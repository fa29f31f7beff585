/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rig-token-init MODULE LABEL < PIN-FILE
 *
 * Makes an empty token for the rig, with the PIN (also the security officer's: this is a rig) read
 * from standard input: the tools that come with SoftHSM and OpenSC take it on their command line,
 * where every user of the machine can read it. Initialises the first uninitialised slot.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "core/secret.h"

#define LABEL_BYTES 32 /* CK_TOKEN_INFO.label: padded with blanks, no NUL */

static CK_FUNCTION_LIST *load(const char *module)
{
    CK_FUNCTION_LIST *functions = NULL;
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = NULL;
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&functions) != CKR_OK)
        return NULL;
    return functions;
}

static bool find_empty_slot(CK_FUNCTION_LIST *p11, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = sizeof slots / sizeof slots[0];
    if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
            *ret_slot = slots[i];
            return true;
        }
    }
    return false;
}

static CK_RV set_user_pin(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, const struct secret *pin)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    if (rv == CKR_OK)
        rv = p11->C_Login(session, CKU_SO, pin->bytes, pin->length);
    if (rv == CKR_OK)
        rv = p11->C_InitPIN(session, pin->bytes, pin->length);
    return rv;
}

static CK_RV make_token(CK_FUNCTION_LIST *p11, const char *label, const struct secret *pin)
{
    CK_SLOT_ID slot = 0;
    CK_UTF8CHAR padded[LABEL_BYTES];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strnlen(label, sizeof padded));
    CK_RV rv = p11->C_Initialize(NULL);
    if (rv == CKR_OK && !find_empty_slot(p11, &slot))
        rv = CKR_TOKEN_NOT_PRESENT;
    if (rv == CKR_OK)
        rv = p11->C_InitToken(slot, pin->bytes, pin->length, padded);
    if (rv == CKR_OK)
        rv = set_user_pin(p11, slot, pin);
    (void)p11->C_Finalize(NULL);
    return rv;
}

int main(int argc, char **argv)
{
    struct fault fault = {0};
    SECRET_AUTO pin = {0};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: rig-token-init MODULE LABEL < PIN-FILE\n");
        return 64;
    }
    if (secret_heap_init(&fault) != ERR_OK || secret_read_pin(0, &pin, &fault) != ERR_OK) {
        (void)fprintf(stderr, "rig-token-init: %s\n", fault.detail);
        return EXIT_FAILURE;
    }
    CK_FUNCTION_LIST *p11 = load(argv[1]);
    CK_RV rv = p11 == NULL ? CKR_FUNCTION_FAILED : make_token(p11, argv[2], &pin);
    if (rv != CKR_OK)
        (void)fprintf(stderr, "rig-token-init: the token cannot be made (0x%lx)\n", rv);
    return rv == CKR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
