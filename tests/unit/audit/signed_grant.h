/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed documents and their leaves: JSON written here, CMS by the openssl command with the keys of
 * the maker's officers. Whatever cannot be made fails the test. Threads: one.
 */
#ifndef TESTS_UNIT_AUDIT_SIGNED_GRANT_H
#define TESTS_UNIT_AUDIT_SIGNED_GRANT_H

#include "maker.h"

#define OFFICERS(a, b) (1U << (a) | 1U << (b)) /* a set of signers or authorities */

/* What stands in the document, and of `leaf` what stands in its leaf alone. */
struct signed_grant {
    const char *kind;
    const char *product;
    unsigned id;
    unsigned signers;   /* bits; 0: officers 0 and 1 */
    const char *site;   /* NULL: the maker's */
    const char *hsm;    /* NULL: the maker's */
    const char *issued; /* NULL: 2026-11-27T00:00:00Z */
    const char *not_before;
    const char *not_after;
    int64_t units;
    int64_t sequence;
    const char *lot;
    /* policy */
    const char *policy;   /* NULL: per-device */
    unsigned authorities; /* bits; 0: officers 0, 1 and 2 */
    unsigned threshold;   /* 0: 2 */
    int64_t attempts_max;
    /* override: digits of the roots */
    int64_t anchor_size, head_size;
    const char *anchor_root, *head_root;
    /* rebind: numbers of devices; the serial is the old one's */
    unsigned old_device, new_device;
    /* standby: digits of HSM and key */
    const char *standby, *transport_key;
    bool is_allowed;
    /* leaf */
    int64_t taken;
    int64_t quota;
};

/* Adds the signed document to the export; its digest in hex. */
void signed_grant_document(struct maker *maker, const struct signed_grant *grant,
                           char ret_digest[SHA256_HEX_SIZE]);
/* The leaf that tells of a document with that digest. Returns its index. */
size_t signed_grant_leaf(struct maker *maker, const struct signed_grant *grant,
                         const char *document);
/* Both. */
size_t signed_grant_add(struct maker *maker, const struct signed_grant *grant);

/* product-created and the first policy, which is grant. */
size_t signed_grant_product(struct maker *maker, const struct signed_grant *grant);

/* The digest of a set of officers. */
struct sha256 signed_grant_authorities(struct maker *maker, unsigned officers, unsigned threshold);
const char *signed_grant_officer_pem(struct maker *maker, unsigned officer);

#endif
