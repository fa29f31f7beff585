/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The list of profiles. Owns no state. */
#include "license/license.h"

#include <string.h>

#include "license/profile.h"

static const struct license_profile *const PROFILES[] = {&LICENSE_PROFILE_CMS,
                                                         &LICENSE_PROFILE_ST_SFI};

const struct license_profile *license_profile_find(const char *name)
{
    for (size_t i = 0; i < sizeof PROFILES / sizeof PROFILES[0]; i++) {
        if (strcmp(PROFILES[i]->name, name) == 0)
            return PROFILES[i];
    }
    return NULL;
}

const char *license_profile_name(const struct license_profile *profile)
{
    return profile->name;
}

unsigned license_session_key_bytes(const struct license_profile *profile)
{
    return profile->session_key_bytes;
}

enum license_device license_device_form(const struct license_profile *profile)
{
    return profile->device;
}

bool license_exposes_session_key(const struct license_profile *profile)
{
    return profile->exposes_session_key;
}

enum error license_agreement(const struct license_profile *profile,
                             const struct license_subject *subject,
                             struct license_agreement *ret_agreement)
{
    return profile->agreement(subject, ret_agreement);
}

enum error license_encode(const struct license_profile *profile,
                          const struct license_subject *subject,
                          const struct license_wrapped *wrapped, struct license *ret_license)
{
    return profile->encode(subject, wrapped, ret_license);
}
