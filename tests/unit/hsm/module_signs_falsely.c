/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A PKCS#11 module for tests: SoftHSM, but one bit of every signature is wrong. */
#include <dlfcn.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;

static CK_RV sign_falsely(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                          CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = real->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_OK && signature != NULL)
        signature[*signature_length - 1] ^= 1;
    return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    static CK_FUNCTION_LIST copy;
    CK_C_GetFunctionList get = NULL;
    void *library = dlopen(REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK)
        return CKR_FUNCTION_FAILED;
    copy = *real;
    copy.C_Sign = sign_falsely;
    *list = &copy;
    return CKR_OK;
}
