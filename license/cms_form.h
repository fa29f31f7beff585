/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The DER of a cms license: AuthEnvelopedData (RFC 5083) or EnvelopedData (RFC 5652 §6) with one
 * recipient and detached content. Private to license/. Threads: pure functions.
 */
#ifndef LICENSE_CMS_FORM_H
#define LICENSE_CMS_FORM_H

#include "license/license.h"

/* Views are borrowed. */
struct cms_form {
    enum license_key key;
    enum license_cipher cipher;
    struct bytes iv;
    struct bytes tag;    /* LICENSE_AES_GCM */
    struct bytes issuer; /* DER Name */
    struct bytes serial; /* DER INTEGER content octets, at most CMS_SERIAL_MAX_BYTES */
    struct bytes encrypted_key;
    struct bytes point;          /* key agreement: the ephemeral key */
    struct bytes ukm;            /* key agreement */
    enum license_hash oaep_hash; /* LICENSE_RSA */
};

#define CMS_SERIAL_MAX_BYTES 32 /* of the certificate's serial number; RFC 5280 allows 20 */

/* ERR_TOO_LARGE beyond LICENSE_MAX_BYTES. */
enum error cms_form_encode(const struct cms_form *form, struct license *ret_license) MUST_USE;

/*
 * ECC-CMS-SharedInfo (RFC 5753 §7.2) of AES-256 key wrap, into out of LICENSE_SHARED_INFO_MAX
 * bytes; ERR_INTERNAL when it does not fit.
 */
enum error cms_form_shared_info(struct bytes ukm, uint8_t *out, size_t *ret_length) MUST_USE;

#endif
