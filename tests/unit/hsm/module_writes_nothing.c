/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A PKCS#11 module for tests: SoftHSM, but no token object can be made, as on a read-only disk. */
#include <dlfcn.h>
#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;

static bool is_for_token(const CK_ATTRIBUTE *template, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        if (template[i].type == CKA_TOKEN)
            return *(const CK_BBOOL *)template[i].pValue == CK_TRUE;
    }
    return false;
}

static CK_RV create(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                    CK_OBJECT_HANDLE_PTR object)
{
    if (is_for_token(template, count))
        return CKR_GENERAL_ERROR;
    return real->C_CreateObject(session, template, count, object);
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
    copy.C_CreateObject = create;
    *list = &copy;
    return CKR_OK;
}
