/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A PKCS#11 module for tests: SoftHSM, but its process dies in C_Login. Each login is noted as one
 * byte in the file that TEST_LOGINS names, as a token would count it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_RV die_in_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                          CK_ULONG length)
{
    int file = open(getenv("TEST_LOGINS"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    (void)session;
    (void)user;
    (void)pin;
    (void)length;
    (void)!write(file, "x", 1);
    _exit(1);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    static CK_FUNCTION_LIST copy;
    CK_FUNCTION_LIST *real = NULL;
    CK_C_GetFunctionList get = NULL;
    void *library = dlopen(REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK)
        return CKR_FUNCTION_FAILED;
    copy = *real;
    copy.C_Login = die_in_login;
    *list = &copy;
    return CKR_OK;
}
