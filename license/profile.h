/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a profile is made of: its name, the keys of devices that it serves, the forms of its
 * content, what the device shows, its two functions. One file per profile; license.c lists them.
 * Private to license/. Threads: constant data.
 */
#ifndef LICENSE_PROFILE_H
#define LICENSE_PROFILE_H

#include "license/license.h"

#define LICENSE_KEY_BIT(key) (1U << (key))

struct license_profile {
    char name[LICENSE_PROFILE_MAX];
    unsigned keys; /* LICENSE_KEY_BIT of each that it serves */
    enum license_device device;
    bool exposes_session_key;               /* to the memory of the HSM worker */
    const struct license_content *contents; /* the first one is the default */
    size_t content_count;
    enum error (*agreement)(const struct license_subject *subject,
                            struct license_agreement *ret_agreement);
    enum error (*encode)(const struct license_subject *subject,
                         const struct license_wrapped *wrapped, struct license *ret_license);
};

/* RFC 5652, 5083, 5753: docs/profiles/cms.md. */
extern const struct license_profile LICENSE_PROFILE_CMS;
/* ST's secure firmware install: docs/profiles/st-sfi.md. */
extern const struct license_profile LICENSE_PROFILE_ST_SFI;
/* COSE_Encrypt of IETF SUIT (RFC 9052, RFC 9053): docs/profiles/suit.md. */
extern const struct license_profile LICENSE_PROFILE_SUIT;
/* The encryption TLVs of MCUboot images: docs/profiles/mcuboot.md. */
extern const struct license_profile LICENSE_PROFILE_MCUBOOT;
/* RFC 7516, RFC 7518: docs/profiles/jwe.md. */
extern const struct license_profile LICENSE_PROFILE_JWE;
/* Espressif's pre-encrypted images: docs/profiles/esp-rsa.md. */
extern const struct license_profile LICENSE_PROFILE_ESP_RSA;

/*
 * SHA-256 of what a license is for: domain, product, image, device, serial, each with its length
 * before it (docs/profiles/cms.md, "The binding"). False when the names are absurdly long.
 */
bool license_binding(const char *domain, const struct license_subject *subject,
                     struct sha256 *ret_binding) MUST_USE;

#endif
