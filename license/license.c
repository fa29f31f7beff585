/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The list of profiles. Owns no state. */
#include "license/license.h"

#include <string.h>

#include "license/profile.h"

static const struct license_profile *const PROFILES[] = {
    &LICENSE_PROFILE_CMS,     &LICENSE_PROFILE_SUIT, &LICENSE_PROFILE_MCUBOOT,
    &LICENSE_PROFILE_ESP_RSA, &LICENSE_PROFILE_JWE,  &LICENSE_PROFILE_ST_SFI};

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

const struct license_content *license_content_find(const struct license_profile *profile,
                                                   const char *name)
{
    for (size_t i = 0; i < profile->content_count; i++) {
        if (name[0] == '\0' || strcmp(profile->contents[i].name, name) == 0)
            return &profile->contents[i];
    }
    return NULL;
}

bool license_serves(const struct license_profile *profile, enum license_key key)
{
    return (profile->keys & LICENSE_KEY_BIT(key)) != 0;
}

enum license_device license_device_form(const struct license_profile *profile)
{
    return profile->device;
}

bool license_exposes_session_key(const struct license_profile *profile)
{
    return profile->exposes_session_key;
}

/* What is the same for every profile: the key is one of its own, the content too, and its IV and
 * tag have their sizes. */
static bool is_served(const struct license_profile *profile, const struct license_subject *subject)
{
    const struct license_content *content = subject->content;
    return license_serves(profile, subject->device_key) && content != NULL &&
           license_content_find(profile, content->name) == content &&
           subject->content_iv.length == content->iv_bytes &&
           subject->content_tag.length == content->tag_bytes;
}

enum error license_agreement(const struct license_profile *profile,
                             const struct license_subject *subject,
                             struct license_agreement *ret_agreement)
{
    return is_served(profile, subject) ? profile->agreement(subject, ret_agreement)
                                       : ERR_UNSUPPORTED;
}

enum error license_encode(const struct license_profile *profile,
                          const struct license_subject *subject,
                          const struct license_wrapped *wrapped, struct license *ret_license)
{
    return is_served(profile, subject) ? profile->encode(subject, wrapped, ret_license)
                                       : ERR_UNSUPPORTED;
}
