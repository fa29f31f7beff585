/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file in which the session keys of one product go to a standby HSM (docs/standby.md).
 *
 * Lines of text: a magic word; a header; one line for each image; the SHA-256 of all lines before.
 * Header and images are compact JSON in exactly one form, which the reader demands. Nobody signs
 * the file: each session key is wrapped with a shared info that holds everything else that its line
 * and the header say of it, so that a key opens for what it was exported for and for nothing else.
 *
 * Writing: handover_write_header, handover_write_image as often as it says, handover_write_end.
 * Reading likewise. Memory does not grow with the file. Threads: a file belongs to one thread.
 */
#ifndef HANDOVER_HANDOVER_H
#define HANDOVER_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/bytes.h"
#include "core/error.h"

#define HANDOVER_MAGIC           "provisiond-session-keys/1"
#define HANDOVER_NAME_MAX        64
#define HANDOVER_PROFILE_MAX     15
#define HANDOVER_IMAGES_MAX      16384
#define HANDOVER_LINE_MAX        1536 /* bytes of a line, without its end */
#define HANDOVER_FILE_MAX        ((int64_t)(HANDOVER_IMAGES_MAX + 3) * (HANDOVER_LINE_MAX + 1))
#define HANDOVER_POINT_BYTES     65 /* uncompressed P-256 */
#define HANDOVER_KEY_MAX         40 /* a wrapped session key: 24 or 40 bytes */
#define HANDOVER_IV_MAX          16
#define HANDOVER_CONTENT_MAX     15 /* bytes of the name of a form of content */
#define HANDOVER_TAG_BYTES       16
#define HANDOVER_AUTHORITIES_MAX ((size_t)2 * SHA256_SIZE)
#define HANDOVER_INFO_BYTES      (sizeof HANDOVER_MAGIC + SHA256_SIZE)
#define HANDOVER_KEK_BYTES       32

struct handover_header {
    struct sha256 hsm;           /* where the session keys come from: its identity */
    struct sha256 standby;       /* what they are wrapped for: its identity */
    struct sha256 transport_key; /* SHA-256 of the standby's key's SubjectPublicKeyInfo */
    char product[HANDOVER_NAME_MAX + 1];
    char profile[HANDOVER_PROFILE_MAX + 1];
    int64_t images; /* lines that follow, at most HANDOVER_IMAGES_MAX */
    int64_t made_unix_ms;
    /* Digests of the sets of authorities of which one must be the first that governs the product at
     * the standby: SHA256_SIZE bytes each, one or two; none: the product is a local one. */
    uint8_t authorities[HANDOVER_AUTHORITIES_MAX];
    size_t authorities_length;
};

struct handover_image {
    struct sha256 digest; /* of the encrypted content */
    int64_t size;         /* bytes of it */
    int64_t created_unix_ms;
    bool is_enabled;
    char label[HANDOVER_NAME_MAX + 1]; /* UTF-8; "" when it has none */
    char alias[HANDOVER_NAME_MAX + 1]; /* "" when it has none */
    uint8_t iv[HANDOVER_IV_MAX];
    size_t iv_length;
    uint8_t tag[HANDOVER_TAG_BYTES];
    size_t tag_length;                      /* 0 or HANDOVER_TAG_BYTES */
    char content[HANDOVER_CONTENT_MAX + 1]; /* form of content; "": the profile's default */
    uint8_t point[HANDOVER_POINT_BYTES];    /* ephemeral */
    uint8_t key[HANDOVER_KEY_MAX];          /* the session key, wrapped for the standby */
    size_t key_length;
};

/* The shared info of an image's wrap: the magic word with its NUL, then a SHA-256 of all that
 * header and image say, but for point and key. */
void handover_info(const struct handover_header *header, const struct handover_image *image,
                   uint8_t out[HANDOVER_INFO_BYTES]);

struct handover_file {
    FILE *stream; /* borrowed */
    void *hash;   /* of the lines so far; libcrypto's */
    int64_t lines;
    int64_t images; /* that the header says */
};

/* Frees what a file holds, at any time; {0} is allowed. The stream stays open. */
void handover_file_clear(struct handover_file *file);

/* ERR_BAD_REQUEST ("keys-file") with errno; ERR_INTERNAL. file->stream is set by the caller. */
enum error handover_write_header(struct handover_file *file, const struct handover_header *header,
                                 struct fault *fault) MUST_USE;
enum error handover_write_image(struct handover_file *file, const struct handover_image *image,
                                struct fault *fault) MUST_USE;
/* *ret_digest is that of the whole file. */
enum error handover_write_end(struct handover_file *file, struct sha256 *ret_digest,
                              struct fault *fault) MUST_USE;

/*
 * ERR_BAD_REQUEST, with the number of the line: "keys-file-form" (not of this form),
 * "keys-file-cut" (it ends too early), "keys-file-long" (it goes on), "keys-file-damaged" (the last
 * line is not the SHA-256 of those before); ERR_TOO_LARGE ("keys-file-images").
 */
enum error handover_read_header(struct handover_file *file, struct handover_header *ret_header,
                                struct fault *fault) MUST_USE;
enum error handover_read_image(struct handover_file *file, struct handover_image *ret_image,
                               struct fault *fault) MUST_USE;
enum error handover_read_end(struct handover_file *file, struct sha256 *ret_digest,
                             struct fault *fault) MUST_USE;

#endif
