/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The package in which a maker sends an image that was packed at home (docs/packing.md): an image
 * that is encrypted already, and its session key, wrapped for the HSM of one site.
 *
 * A head of three lines of text, then the encrypted image to the end of the file. The lines are a
 * magic word; compact JSON in exactly one form, which the reader demands; the SHA-256 of these two.
 * Nobody signs a package: its session key is wrapped with a shared info that holds everything else
 * that the head says, the digest of the image included, so that the key opens for what it was
 * packed for and for nothing else. Threads: pure functions.
 */
#ifndef HANDOVER_PACKAGE_H
#define HANDOVER_PACKAGE_H

#include "handover/handover.h"

#define PACKAGE_MAGIC      "provisiond-sealed-image/1"
#define PACKAGE_HEAD_MAX   2048 /* bytes of the head */
#define PACKAGE_INFO_BYTES (sizeof PACKAGE_MAGIC + SHA256_SIZE)
#define PACKAGE_KEK_BYTES  32

struct package {
    struct sha256 transport_key; /* SHA-256 of the site HSM's key's SubjectPublicKeyInfo */
    char product[HANDOVER_NAME_MAX + 1];
    char profile[HANDOVER_PROFILE_MAX + 1];
    char content[HANDOVER_CONTENT_MAX + 1]; /* form of content, always named */
    uint8_t authorities[SHA256_SIZE];       /* the first set that governs the product */
    size_t authorities_length;              /* 0: any product of the name; or SHA256_SIZE */
    struct sha256 image;                    /* of the encrypted image */
    int64_t size;                           /* bytes of it, at least 1 */
    int64_t made_unix_ms;
    char label[HANDOVER_NAME_MAX + 1]; /* UTF-8; "" when it has none */
    uint8_t iv[HANDOVER_IV_MAX];
    size_t iv_length;
    uint8_t tag[HANDOVER_TAG_BYTES];
    size_t tag_length;                   /* 0 or HANDOVER_TAG_BYTES */
    uint8_t point[HANDOVER_POINT_BYTES]; /* ephemeral */
    uint8_t key[HANDOVER_KEY_MAX];       /* the session key, wrapped for the HSM */
    size_t key_length;
};

/* The shared info of the wrap: the magic word with its NUL, then a SHA-256 of all that the package
 * says, but for point and key. */
void package_info(const struct package *package, uint8_t out[PACKAGE_INFO_BYTES]);

/* Writes the head's bytes. ERR_BAD_REQUEST ("label") unless that is UTF-8; ERR_INTERNAL. */
enum error package_write_head(const struct package *package, char out[PACKAGE_HEAD_MAX],
                              size_t *ret_length, struct fault *fault) MUST_USE;
/*
 * From the first bytes of a file: as many as it has, or PACKAGE_HEAD_MAX. *ret_length is that of
 * the head. ERR_BAD_REQUEST: "package-form" (not of this form), "package-cut" (it ends too early),
 * "package-damaged" (the third line is not the SHA-256 of the first two).
 */
enum error package_read_head(const char *bytes, size_t length, struct package *ret_package,
                             size_t *ret_length, struct fault *fault) MUST_USE;

#endif
