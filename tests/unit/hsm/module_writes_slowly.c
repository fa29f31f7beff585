/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A PKCS#11 module for tests: SoftHSM, but an object takes as long as a busy disk would need. */
#include <dlfcn.h>
#include <poll.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define WRITE_MS    1000

static CK_FUNCTION_LIST *real;

static CK_RV create_slowly(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR object)
{
    (void)poll(NULL, 0, WRITE_MS);
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
    copy.C_CreateObject = create_slowly;
    *list = &copy;
    return CKR_OK;
}
