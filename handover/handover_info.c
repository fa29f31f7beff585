/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What a session key is bound to. Owns no state. */
#include "handover/handover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024

/*
 * One value a line. None of them has a line end in it but the label, which is the last one: no two
 * headers and images make the same text. A form of content that is not the profile's default stands
 * before the IV, with a colon between: no IV has one. So do authorities behind the profile.
 */
static size_t make_text(const struct handover_header *header, const struct handover_image *image,
                        char text[TEXT_MAX])
{
    char hsm[SHA256_HEX_SIZE];
    char standby[SHA256_HEX_SIZE];
    char transport[SHA256_HEX_SIZE];
    char digest[SHA256_HEX_SIZE];
    char authorities[2 * HANDOVER_AUTHORITIES_MAX + 1];
    char iv[2 * HANDOVER_IV_MAX + 1];
    char tag[2 * HANDOVER_TAG_BYTES + 1];
    hex_encode(bytes_of(header->hsm.bytes, SHA256_SIZE), hsm);
    hex_encode(bytes_of(header->standby.bytes, SHA256_SIZE), standby);
    hex_encode(bytes_of(header->transport_key.bytes, SHA256_SIZE), transport);
    hex_encode(bytes_of(image->digest.bytes, SHA256_SIZE), digest);
    hex_encode(bytes_of(header->authorities, header->authorities_length), authorities);
    hex_encode(bytes_of(image->iv, image->iv_length), iv);
    hex_encode(bytes_of(image->tag, image->tag_length), tag);
    int length = snprintf(text, TEXT_MAX,
                          "%s\n%s\n%s\n%s\n%s%s%s\n%" PRId64 "\n%" PRId64 "\n%s\n%" PRId64
                          "\n%" PRId64 "\n%d\n%s%s%s\n%s\n%s\n%s\n",
                          hsm, standby, transport, header->product, header->profile,
                          authorities[0] != '\0' ? ":" : "", authorities, header->images,
                          header->made_unix_ms, digest, image->size, image->created_unix_ms,
                          image->is_enabled, image->content, image->content[0] != '\0' ? ":" : "",
                          iv, tag, image->alias, image->label);
    return (size_t)length;
}

void handover_info(const struct handover_header *header, const struct handover_image *image,
                   uint8_t out[HANDOVER_INFO_BYTES])
{
    char text[TEXT_MAX];
    size_t length = make_text(header, image, text);
    const struct sha256 digest = sha256_of(bytes_of(text, length));
    memcpy(out, HANDOVER_MAGIC, sizeof HANDOVER_MAGIC);
    memcpy(out + sizeof HANDOVER_MAGIC, digest.bytes, SHA256_SIZE);
}
