/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The two ends of an st-sfi image that the product never sees: the HSM that encrypts records into
 * an image, and the chip that opens one. Written a second time from docs/profiles/st-sfi.md and
 * hsm/hsm.proto with libcrypto; shares no code with image/. What must not happen fails the test.
 */
#ifndef TESTS_SUPPORT_ST_SFI_H
#define TESTS_SUPPORT_ST_SFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"

#define ST_SFI_KEY_BYTES   16
#define ST_SFI_NONCE_BYTES 12

/* Bytes on the heap; free(data). */
struct st_sfi_text {
    uint8_t *data;
    size_t length;
};

/* What the HSM makes of records (HSM_CIPHER_AES_GCM_RECORDS); records of another form fail. */
struct st_sfi_text st_sfi_encrypt_records(struct bytes records, const uint8_t key[ST_SFI_KEY_BYTES],
                                          const uint8_t nonce[ST_SFI_NONCE_BYTES]);

/* One area as the chip sees it. */
struct st_sfi_part {
    unsigned type;
    uint32_t address;
    struct bytes content; /* in clear; part of struct st_sfi_opened */
};

struct st_sfi_opened {
    struct st_sfi_part *parts;
    size_t count;
    uint8_t *text;
};

/* False when a part is missing or does not authenticate; then nothing is to be cleared. */
bool st_sfi_open(struct bytes image, const uint8_t key[ST_SFI_KEY_BYTES],
                 const uint8_t nonce[ST_SFI_NONCE_BYTES], struct st_sfi_opened *ret_opened);
void st_sfi_opened_clear(struct st_sfi_opened *opened);

#endif
