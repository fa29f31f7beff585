/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* An image of a trial from the clear file to the device that opens it. Internal to hsm/. */
#ifndef HSM_TRIAL_IMAGE_H
#define HSM_TRIAL_IMAGE_H

#include "hsm/trial_probe.h"

/* A form of content, as in struct hsm_encryption. */
struct trial_form {
    enum hsm_cipher cipher;
    unsigned iv_bytes;
};
extern const struct trial_form TRIAL_GCM;

/*
 * Makes a firmware key, a session key and an image of so many bytes, encrypts it, makes the license
 * of a device of our own, opens that, and decrypts the image by it. ERR_UNSUPPORTED
 * ("image-differs"): what came out is another image; others as p11_encrypt and p11_wrap.
 */
enum error trial_image_opens(struct trial *trial, const struct trial_form *form, size_t length,
                             struct fault *fault) MUST_USE;

/* One whole encryption under keys that are there already; for speed. */
struct trial_image {
    struct hsm_key_id firmware_key;
    struct hsm_wrapped_key session_key;
    int clear_fd;
    int cipher_fd;
};
/* The files are in memory; closed by trial_image_clear, which allows a half-made one. */
enum error trial_image_new(struct trial *trial, const struct trial_form *form, size_t length,
                           struct trial_image *ret_image, struct fault *fault) MUST_USE;
enum error trial_image_encrypt(struct trial *trial, const struct trial_image *image,
                               const struct trial_form *form, struct hsm_content *ret_content,
                               struct fault *fault) MUST_USE;
void trial_image_clear(struct trial_image *image);

#endif
