/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data objects. Where the token has private ones, only those count: they need the login to be made
 * and to be read, so nobody plants one without the PIN. Owns no state.
 */
#include "hsm/p11.h"

#include <string.h>

#include "hsm/ckr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROBES_MAX   8

static const char PROBE_LABEL[] = "provisiond-probe";
static char application[] = "provisiond";
static CK_BBOOL yes = CK_TRUE; /* PKCS#11 wants non-const pointers; nobody writes to these */
static CK_OBJECT_CLASS data_class = CKO_DATA;

enum error p11_require_data(const struct p11 *p11, struct fault *fault)
{
    if (!p11->keeps_data)
        return fault_set(fault, ERR_UNSUPPORTED, "no-data-objects",
                         "This token keeps no data objects, so it can remember neither anchor nor "
                         "authorities.",
                         0);
    return ERR_OK;
}

enum error p11_find_data(struct p11 *p11, const char *label, struct p11_found *found,
                         struct fault *fault)
{
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &data_class, sizeof data_class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &p11->is_data_private, sizeof p11->is_data_private},
                               {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    return p11_find(p11, template, COUNT(template), found, fault);
}

enum error p11_find_all_data(struct p11 *p11, struct p11_found *found, struct fault *fault)
{
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &data_class, sizeof data_class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &p11->is_data_private, sizeof p11->is_data_private},
                               {CKA_APPLICATION, application, sizeof application - 1}};
    return p11_find(p11, template, COUNT(template), found, fault);
}

/* Not every token lets a data object say whether it can be changed. */
static CK_RV create(struct p11 *p11, const char *label, struct bytes value, bool is_modifiable,
                    CK_OBJECT_HANDLE *ret_object)
{
    CK_BBOOL modifiable = is_modifiable ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &data_class, sizeof data_class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &p11->is_data_private, sizeof p11->is_data_private},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_APPLICATION, application, sizeof application - 1},
        {CKA_VALUE, (void *)(uintptr_t)value.data, value.length},
        {CKA_MODIFIABLE, &modifiable, sizeof modifiable},
    };
    CK_RV rv = p11->call->C_CreateObject(p11->session, template, COUNT(template), ret_object);
    if (p11_is_attribute_refusal(rv))
        rv = p11->call->C_CreateObject(p11->session, template, COUNT(template) - 1, ret_object);
    return rv;
}

enum error p11_create_data(struct p11 *p11, const char *label, struct bytes value,
                           bool is_modifiable, struct fault *fault)
{
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_RV rv = create(p11, label, value, is_modifiable, &made);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    p11_make_durable();
    return ERR_OK;
}

enum error p11_read_data(struct p11 *p11, CK_OBJECT_HANDLE object, void *out, size_t size,
                         size_t *ret_length, struct fault *fault)
{
    CK_ATTRIBUTE attribute = {CKA_VALUE, out, size};
    CK_RV rv = p11_read(p11, object, &attribute);
    if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID)
        return fault_set(fault, ERR_TOO_LARGE, "data-object",
                         "A data object of the token has no value, or too long a one.", (long)rv);
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    *ret_length = attribute.ulValueLen;
    return ERR_OK;
}

/* ---- whether the token has them ---- */

static const char *probe_label(const struct p11 *p11)
{
    return p11->probe_label != NULL ? p11->probe_label : PROBE_LABEL;
}

/* What a worker left that ended in the middle of a probe. */
static enum error clear_probes(struct p11 *p11, struct fault *fault)
{
    CK_OBJECT_HANDLE handles[PROBES_MAX];
    struct p11_found found = {.handles = handles, .max = PROBES_MAX};
    enum error e = p11_find_data(p11, probe_label(p11), &found, fault);
    for (size_t i = 0; i < found.count && e == ERR_OK; i++)
        p11_destroy(p11, &handles[i]);
    return e;
}

/* Anything of ours but what a probe left. Such a token keeps data objects, whatever it answers now:
 * it may be read-only or full for a while, and would be taken for one that has no anchor. */
static enum error find_ours(struct p11 *p11, bool *ret_is_found, struct fault *fault)
{
    CK_OBJECT_HANDLE handles[1];
    struct p11_found found = {.handles = handles, .max = 1};
    enum error e = clear_probes(p11, fault);
    if (e == ERR_OK)
        e = p11_find_all_data(p11, &found, fault);
    if (e == ERR_OK)
        *ret_is_found = found.count > 0;
    return e;
}

static bool is_refusal(CK_RV rv)
{
    return ckr_meaning(rv)->code == ERR_UNSUPPORTED || p11_is_attribute_refusal(rv);
}

static enum error probe(struct p11 *p11, struct fault *fault)
{
    static const uint8_t VALUE[] = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum error e = find_ours(p11, &p11->keeps_data, fault);
    if (e != ERR_OK || p11->keeps_data)
        return e;
    CK_RV rv = create(p11, probe_label(p11), bytes_of(VALUE, sizeof VALUE), true, &object);
    p11->keeps_data = rv == CKR_OK;
    p11_destroy(p11, &object);
    return rv == CKR_OK || is_refusal(rv) ? ERR_OK : p11_fail(p11, rv, fault);
}

enum error p11_probe_data(struct p11 *p11, struct fault *fault)
{
    p11->is_data_private = CK_TRUE;
    enum error e = probe(p11, fault);
    if (e != ERR_OK || p11->keeps_data)
        return e;
    p11->is_data_private = CK_FALSE;
    return probe(p11, fault);
}
