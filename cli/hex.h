/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel HEX, read strictly: the text of a file becomes pieces of memory with their addresses.
 *
 * Every line is a record with a right checksum, the last one is the end record. Data (00) and the
 * two kinds of upper addresses (02, 04) count; where a program starts (03, 05) does not. Records
 * may come in any order. Threads: a struct hex_image belongs to one thread.
 */
#ifndef CLI_HEX_H
#define CLI_HEX_H

#include "cli/failure.h"
#include "core/bytes.h"

#define HEX_GAP 0xff /* what fills a gap inside a block: erased flash */

struct hex_segment {
    uint64_t address; /* its end may be 2^32 */
    struct bytes content;
};

/* Sorted by address, longest possible. Two segments overlap when the file says so. */
struct hex_image {
    struct hex_segment *segments;
    size_t count;
    uint8_t *content; /* of all segments */
    size_t content_size;
};

/*
 * Reads text, the content of the file called name. Two records whose gap lies within one aligned
 * block of that many bytes (a power of two; 1: none) become one segment. ERR_BAD_REQUEST with the
 * line and what is wrong there. Clear with hex_image_clear, which also cleanses.
 */
enum error hex_read(const char *name, struct bytes text, uint32_t block,
                    struct hex_image *ret_image, struct failure *failure) MUST_USE;
void hex_image_clear(struct hex_image *image);

#endif
