/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a license is for, in one hash. Owns no state. */
#include "license/profile.h"

#include <string.h>

#define BINDING_MAX_BYTES 1024 /* of the hashed encoding; names have some hundred bytes at most */
#define LENGTH_BYTES      4

struct binding {
    uint8_t bytes[BINDING_MAX_BYTES];
    size_t length;
    bool is_full;
};

static void binding_add(struct binding *binding, struct bytes field)
{
    const size_t left = sizeof binding->bytes - binding->length;
    if (binding->is_full || left < LENGTH_BYTES || left - LENGTH_BYTES < field.length) {
        binding->is_full = true;
        return;
    }
    uint8_t *out = binding->bytes + binding->length;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        out[i] = (uint8_t)(field.length >> (24 - 8 * i));
    if (field.length > 0)
        memcpy(out + LENGTH_BYTES, field.data, field.length);
    binding->length += LENGTH_BYTES + field.length;
}

bool license_binding(const char *domain, const struct license_subject *subject,
                     struct sha256 *ret_binding)
{
    struct binding binding = {0};
    binding_add(&binding, bytes_of(domain, strlen(domain)));
    binding_add(&binding, bytes_of(subject->product, strlen(subject->product)));
    binding_add(&binding, bytes_of(subject->image.bytes, SHA256_SIZE));
    binding_add(&binding, bytes_of(subject->device_spki.bytes, SHA256_SIZE));
    binding_add(&binding, bytes_of(subject->device_serial, strlen(subject->device_serial)));
    if (binding.is_full)
        return false;
    *ret_binding = sha256_of(bytes_of(binding.bytes, binding.length));
    return true;
}
