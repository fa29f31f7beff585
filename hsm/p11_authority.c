/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The digests of products' first authorities, one data object each, written once. Owns no state. */
#include "hsm/p11.h"

#include <stdio.h>
#include <string.h>

#define LABEL_PREFIX "provisiond-authority:"
#define LABEL_SIZE   (sizeof LABEL_PREFIX + HSM_PRODUCT_MAX)
#define FOUND_MAX    8

static void label_of(const char *product, char out[LABEL_SIZE])
{
    (void)snprintf(out, LABEL_SIZE, "%s%s", LABEL_PREFIX, product);
}

static enum error read_digest(struct p11 *p11, CK_OBJECT_HANDLE object, struct sha256 *ret_digest,
                              struct fault *fault)
{
    struct sha256 digest;
    size_t length = 0;
    enum error e = p11_read_data(p11, object, digest.bytes, SHA256_SIZE, &length, fault);
    if (e != ERR_OK && e != ERR_TOO_LARGE)
        return e;
    /* No authority set has this digest: a foreign object is found, and fits nothing. */
    *ret_digest = length == SHA256_SIZE ? digest : (struct sha256){{0}};
    return ERR_OK;
}

enum error p11_read_authority(struct p11 *p11, const char *product, bool *ret_is_kept,
                              struct sha256 *ret_digest, struct fault *fault)
{
    char label[LABEL_SIZE];
    CK_OBJECT_HANDLE handles[FOUND_MAX];
    struct p11_found found = {.handles = handles, .max = FOUND_MAX};
    struct sha256 kept = {{0}};
    struct sha256 digest = {{0}};
    label_of(product, label);
    enum error e = p11_require_data(p11, fault);
    if (e == ERR_OK)
        e = p11_find_data(p11, label, &found, fault);
    for (size_t i = 0; i < found.count && e == ERR_OK; i++) {
        e = read_digest(p11, handles[i], &digest, fault);
        if (i == 0)
            kept = digest;
        else if (!sha256_equal(&kept, &digest)) /* nobody can say which one is true */
            kept = (struct sha256){{0}};
    }
    if (e != ERR_OK)
        return e;
    *ret_is_kept = found.count > 0;
    *ret_digest = kept;
    return ERR_OK;
}

enum error p11_write_authority(struct p11 *p11, const char *product, const struct sha256 *digest,
                               struct fault *fault)
{
    char label[LABEL_SIZE];
    struct sha256 kept;
    bool is_kept = false;
    enum error e = p11_read_authority(p11, product, &is_kept, &kept, fault);
    if (e != ERR_OK)
        return e;
    if (is_kept && sha256_equal(&kept, digest)) {
        p11_make_durable(); /* whoever wrote it may have ended before this */
        return ERR_OK;
    }
    if (is_kept)
        return fault_set(fault, ERR_CONFLICT, "authority-kept",
                         "The token remembers other first authorities of a product of this name.",
                         0);
    label_of(product, label);
    return p11_create_data(p11, label, bytes_of(digest->bytes, SHA256_SIZE), false, fault);
}

/* ---- all of them ---- */

#define ALL_MAX (HSM_AUTHORITIES_MAX + FOUND_MAX) /* the anchors are among them */

static enum error add_label(struct p11 *p11, CK_OBJECT_HANDLE object,
                            struct hsm_authorities *authorities, struct fault *fault)
{
    const size_t prefix = sizeof LABEL_PREFIX - 1;
    char label[LABEL_SIZE];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, LABEL_SIZE - 1};
    CK_RV rv = p11_read(p11, object, &attribute);
    if (rv == CKR_BUFFER_TOO_SMALL)
        return ERR_OK; /* no product has such a name */
    if (rv != CKR_OK)
        return p11_fail(p11, rv, fault);
    label[attribute.ulValueLen] = '\0';
    if (strncmp(label, LABEL_PREFIX, prefix) != 0)
        return ERR_OK;
    if (authorities->count == HSM_AUTHORITIES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "authorities",
                         "The token remembers more authorities than can be listed.", 0);
    strcpy(authorities->products[authorities->count++], label + prefix);
    return ERR_OK;
}

enum error p11_list_authorities(struct p11 *p11, struct hsm_authorities *ret_authorities,
                                struct fault *fault)
{
    CK_OBJECT_HANDLE handles[ALL_MAX];
    struct p11_found found = {.handles = handles, .max = ALL_MAX};
    enum error e = p11_require_data(p11, fault);
    if (e == ERR_OK)
        e = p11_find_all_data(p11, &found, fault);
    ret_authorities->count = 0;
    for (size_t i = 0; i < found.count && e == ERR_OK; i++)
        e = add_label(p11, handles[i], ret_authorities, fault);
    if (e == ERR_OK && found.count == ALL_MAX)
        e = fault_set(fault, ERR_TOO_LARGE, "authorities",
                      "The token holds more data objects than can be listed.", 0);
    return e;
}
