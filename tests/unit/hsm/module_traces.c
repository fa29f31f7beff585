/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A PKCS#11 module for tests: NSS softokn, and each call of the functions that could show or bring
 * in key material is a line in the file that TEST_HSM_TRACE names.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define REAL_MODULE "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"

static CK_FUNCTION_LIST *real;

static void note(const char *what)
{
    const char *path = getenv("TEST_HSM_TRACE");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || write(fd, what, strlen(what)) != (ssize_t)strlen(what))
        abort();
    (void)close(fd);
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            CK_ATTRIBUTE_PTR attributes, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++)
        note(attributes[i].type == CKA_VALUE ? "C_GetAttributeValue(CKA_VALUE)\n"
                                             : "C_GetAttributeValue\n");
    return real->C_GetAttributeValue(session, object, attributes, count);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR object)
{
    note("C_CreateObject\n");
    return real->C_CreateObject(session, attributes, count, object);
}

static CK_RV begin_decryption(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key)
{
    note("C_DecryptInit\n");
    return real->C_DecryptInit(session, mechanism, key);
}

static CK_RV begin_digest(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism)
{
    note("C_DigestInit\n");
    return real->C_DigestInit(session, mechanism);
}

static CK_RV digest_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    note("C_DigestKey\n");
    return real->C_DigestKey(session, key);
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base,
                    CK_ATTRIBUTE_PTR attributes, CK_ULONG count, CK_OBJECT_HANDLE_PTR key)
{
    note("C_DeriveKey\n");
    return real->C_DeriveKey(session, mechanism, base, attributes, count, key);
}

static CK_RV wrap(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE kek,
                  CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
    note("C_WrapKey\n");
    return real->C_WrapKey(session, mechanism, kek, key, out, length);
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
    copy.C_GetAttributeValue = get_attributes;
    copy.C_CreateObject = create_object;
    copy.C_DecryptInit = begin_decryption;
    copy.C_DigestInit = begin_digest;
    copy.C_DigestKey = digest_key;
    copy.C_DeriveKey = derive;
    copy.C_WrapKey = wrap;
    *list = &copy;
    return CKR_OK;
}
