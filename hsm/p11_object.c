/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Finding, reading and destroying objects. Owns no state. */
#include "hsm/p11.h"

enum error p11_find(struct p11 *p11, CK_ATTRIBUTE *template, CK_ULONG count,
                    struct p11_found *found, struct fault *fault)
{
    found->count = 0;
    CK_RV rv = p11->call->C_FindObjectsInit(p11->session, template, count);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    while (rv == CKR_OK && found->count < found->max) {
        CK_ULONG n = 0;
        rv = p11->call->C_FindObjects(p11->session, found->handles + found->count,
                                      (CK_ULONG)(found->max - found->count), &n);
        if (n == 0)
            break;
        found->count += n;
    }
    CK_RV end = p11->call->C_FindObjectsFinal(p11->session);
    if (rv != CKR_OK || end != CKR_OK)
        return p11_fail(p11, rv != CKR_OK ? rv : end, fault);
    return ERR_OK;
}

void p11_destroy(struct p11 *p11, CK_OBJECT_HANDLE *object)
{
    if (*object != CK_INVALID_HANDLE)
        (void)p11->call->C_DestroyObject(p11->session, *object);
    *object = CK_INVALID_HANDLE;
}

CK_RV p11_read(struct p11 *p11, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
    CK_ULONG size = attribute->ulValueLen;
    CK_RV rv = p11->call->C_GetAttributeValue(p11->session, object, attribute, 1);
    if (rv == CKR_OK && attribute->ulValueLen > size)
        return CKR_ATTRIBUTE_TYPE_INVALID; /* "unavailable" without saying so in rv */
    return rv;
}

enum error p11_random(struct p11 *p11, uint8_t *out, size_t length, struct fault *fault)
{
    CK_RV rv = p11->call->C_GenerateRandom(p11->session, out, (CK_ULONG)length);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

/* CKR_GENERAL_ERROR is what NSS says to attributes that it cannot store. */
bool p11_is_attribute_refusal(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
           rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_READ_ONLY ||
           rv == CKR_ARGUMENTS_BAD || rv == CKR_GENERAL_ERROR;
}
