/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * st-sfi images for the tests of image/: from a plan through the HSM's encryption, or header by
 * header with any numbers. What cannot be made fails the test.
 */
#ifndef TESTS_UNIT_IMAGE_SFI_H
#define TESTS_UNIT_IMAGE_SFI_H

#include "image/st_sfi.h"
#include "support/st_sfi.h"

/* The key and nonce of every image here. */
extern const uint8_t SFI_KEY[ST_SFI_KEY_BYTES];
extern const uint8_t SFI_NONCE[ST_SFI_NONCE_BYTES];

/* A file in memory with that content, at its end; the caller closes it. */
int sfi_file(struct bytes content);
/* Everything in a file. */
struct st_sfi_text sfi_read(int fd);

/* Adds and must succeed. */
void sfi_add(struct st_sfi_plan *plan, enum st_sfi_type type, uint64_t address,
             struct bytes content);
/* The plan's records. */
struct st_sfi_text sfi_records(const struct st_sfi_plan *plan);
/* The plan's image. */
struct st_sfi_text sfi_image(const struct st_sfi_plan *plan);

/* st_sfi_check of exactly these bytes. */
enum error sfi_check(struct bytes image, struct st_sfi_summary *ret_summary, struct fault *fault);

/* An image by hand: an area's header as it shall be, with a tag and a content of its size. */
struct sfi_area {
    uint8_t type;
    uint32_t address;
    uint32_t size;
    uint8_t version; /* 0: 1 */
    uint16_t index;  /* 0: its place */
    uint16_t total;  /* 0: the count */
};

struct st_sfi_text sfi_build(const struct sfi_area *areas, size_t count);

#endif
