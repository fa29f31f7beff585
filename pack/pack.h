/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How the images of a profile are made: which parts of a firmware are encrypted, with what, and
 * what stands around it. Who encrypts is the caller's: the HSM on the site, or libcrypto on the
 * maker's own machine (seal/). This room moves descriptors, and of an MCUboot image the parts that
 * stay clear. Threads: no state.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "license/license.h"

#define PACK_TAG_BYTES 16

struct pack_format;

/* The images of a profile, which bear its name; NULL when this build makes none. Static. */
const struct pack_format *pack_format_find(const char *profile);
/* A sentence for whoever asked for another format. */
const char *pack_format_wanted(const struct pack_format *format);
/* Whether an encrypted image is one of the format. Errors are its reader's. */
enum error pack_format_check(const struct pack_format *format, int fd, uint64_t size,
                             struct fault *fault) MUST_USE;

/* What is to be encrypted, from the clear file's present offset to the other's. */
struct pack_message {
    const struct license_content *content;
    bool has_records; /* a sequence of messages (HSM_AES_GCM_RECORDS of hsm/hsm.proto) */
    bool appends_tag; /* behind the ciphertext */
    uint64_t length;  /* bytes of the clear file; 0: to its end */
    int clear_fd;
    int cipher_fd;
};

struct pack_result {
    uint8_t iv[LICENSE_CONTENT_IV_MAX];
    size_t iv_length;
    uint8_t tag[PACK_TAG_BYTES];
    size_t tag_length;
    uint64_t length; /* bytes that were read */
};

/* Encrypts under a session key that is made for this one message and is never used again. */
typedef enum error (*pack_encrypt)(void *context, const struct pack_message *message,
                                   struct pack_result *ret_result, struct fault *fault);

/* One firmware on its way; descriptors and texts are the caller's. */
struct pack_making {
    const struct license_profile *profile;
    const struct pack_format *format;
    const char *content; /* the form of content that was asked for; "" for the profile's default */
    int clear_fd;        /* a regular file, from its present offset */
    uint64_t clear_length;
    int cipher_fd; /* an empty one */
    pack_encrypt encrypt;
    void *context; /* encrypt's */
};

/* An image that was made. */
struct packed {
    const struct license_content *content; /* static */
    struct pack_result result;
};

/*
 * Encrypts the firmware as the format has it. ERR_BAD_REQUEST: "content" (the profile has no such
 * form, or an MCUboot image another one), "firmware" (the file changed meanwhile), or as
 * mcuboot_read; and what encrypt says.
 */
enum error pack_image(const struct pack_making *making, struct packed *ret_packed,
                      struct fault *fault) MUST_USE;

#endif
