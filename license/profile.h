/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a profile is made of: its name, the size of its session key, what the device shows, its two
 * functions. One file per profile; license.c lists them. Private to license/. Threads: constant
 * data.
 */
#ifndef LICENSE_PROFILE_H
#define LICENSE_PROFILE_H

#include "license/license.h"

struct license_profile {
    char name[LICENSE_PROFILE_MAX];
    unsigned session_key_bytes;
    enum license_device device;
    bool exposes_session_key; /* to the memory of the HSM worker */
    enum error (*agreement)(const struct license_subject *subject,
                            struct license_agreement *ret_agreement);
    enum error (*encode)(const struct license_subject *subject,
                         const struct license_wrapped *wrapped, struct license *ret_license);
};

/* RFC 5652, 5083, 5753: docs/profiles/cms.md. */
extern const struct license_profile LICENSE_PROFILE_CMS;
/* ST's secure firmware install: docs/profiles/st-sfi.md. */
extern const struct license_profile LICENSE_PROFILE_ST_SFI;

#endif
