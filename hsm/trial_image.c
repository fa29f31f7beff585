/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Probes of a trial: images, encrypted by the service's own code and decrypted in libcrypto with
 * the key that a device takes out of its license. All keys and images are made up.
 */
#include "hsm/trial_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define KEK_BYTES        32
#define PARTS_BYTES      ((size_t)200 * 1000) /* more than one part of 64 KiB, and no multiple */
#define WHOLE_MAX        ((size_t)16 * 1024 * 1024)
#define LARGE_BYTES      (WHOLE_MAX + 1)
#define RECORD_BYTES     4096
#define RECORD_AAD_BYTES 4
#define RECORD_HEAD      8
#define FORM_BYTES       ((size_t)5003) /* no multiple of a block */
#define BLOCK_BYTES      16

const struct trial_form TRIAL_GCM = {HSM_AES_GCM, HSM_GCM_IV_BYTES};

static const uint8_t INFO[] = "provisiond-check";

static void free_cipher_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

#define CIPHER_CONTEXT_AUTO __attribute__((cleanup(free_cipher_context))) EVP_CIPHER_CTX
#define IMAGE_AUTO          __attribute__((cleanup(trial_image_clear))) struct trial_image

/* ---- the files ---- */

static enum error fail_file(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "image-file",
                     "A file in memory cannot be made for the trial: is memory short?", errno);
}

/* Any bytes but zeros, so that a place that was left out is seen. */
static void fill(uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(i * 31 + (i >> 8) + 1);
}

/* One record: lengths, additional data, text (hsm.proto). */
static size_t frame_record(uint8_t *out, size_t length)
{
    const uint8_t head[RECORD_HEAD] = {RECORD_AAD_BYTES,       0, 0, 0, (uint8_t)length,
                                       (uint8_t)(length >> 8), 0, 0};
    memmove(out + sizeof head + RECORD_AAD_BYTES, out, length);
    memcpy(out, head, sizeof head);
    memset(out + sizeof head, 'a', RECORD_AAD_BYTES);
    return sizeof head + RECORD_AAD_BYTES + length;
}

static enum error make_files(struct trial_image *image, const struct trial_form *form,
                             size_t length, struct fault *fault)
{
    const size_t room = length + RECORD_HEAD + RECORD_AAD_BYTES;
    uint8_t *clear = malloc(room);
    image->clear_fd = memfd_create("provisiond-check", MFD_CLOEXEC);
    image->cipher_fd = memfd_create("provisiond-check", MFD_CLOEXEC);
    bool is_made = clear != NULL && image->clear_fd >= 0 && image->cipher_fd >= 0;
    if (is_made) {
        fill(clear, length);
        size_t total = form->cipher == HSM_AES_GCM_RECORDS ? frame_record(clear, length) : length;
        is_made = write(image->clear_fd, clear, total) == (ssize_t)total;
    }
    free(clear);
    return is_made ? ERR_OK : fail_file(fault);
}

void trial_image_clear(struct trial_image *image)
{
    if (image->clear_fd >= 0)
        (void)close(image->clear_fd);
    if (image->cipher_fd >= 0)
        (void)close(image->cipher_fd);
    image->clear_fd = image->cipher_fd = -1;
}

enum error trial_image_new(struct trial *trial, const struct trial_form *form, size_t length,
                           struct trial_image *ret_image, struct fault *fault)
{
    IMAGE_AUTO image = {.clear_fd = -1, .cipher_fd = -1};
    enum error e = make_files(&image, form, length, fault);
    if (e == ERR_OK)
        e = trial_make_firmware_key(trial, &image.firmware_key, fault);
    if (e == ERR_OK)
        e = p11_generate_session_key(&trial->p11, &image.firmware_key, HSM_SESSION_KEY_MAX,
                                     &image.session_key, fault);
    if (e != ERR_OK)
        return e;
    *ret_image = image;
    image.clear_fd = image.cipher_fd = -1;
    return ERR_OK;
}

enum error trial_image_encrypt(struct trial *trial, const struct trial_image *image,
                               const struct trial_form *form, struct hsm_content *ret_content,
                               struct fault *fault)
{
    const struct p11_encryption encryption = {
        .firmware_key = image->firmware_key,
        .wrapped_session_key = bytes_of(image->session_key.bytes, image->session_key.length),
        .cipher = form->cipher,
        .aad = bytes_of(INFO, form->cipher == HSM_AES_GCM ? sizeof INFO : 0),
        .iv_bytes = form->iv_bytes,
        .clear_fd = image->clear_fd,
        .cipher_fd = image->cipher_fd};
    if (lseek(image->clear_fd, 0, SEEK_SET) != 0 || lseek(image->cipher_fd, 0, SEEK_SET) != 0)
        return fail_file(fault);
    return p11_encrypt(&trial->p11, &encryption, ret_content, fault);
}

/* ---- the device ---- */

/* The session key out of a license that was made for a device of our own. */
static enum error take_key(struct trial *trial, const struct trial_image *image,
                           struct secret *ret_key, struct fault *fault)
{
    struct p11_device device = {.key = NULL};
    struct hsm_wrapped wrapped;
    enum error e = p11_device_new(HSM_P256, &device, fault);
    const struct p11_agreement agreement = {.curve = HSM_P256,
                                            .kdf = HSM_X963_SHA256,
                                            .peer_point =
                                                bytes_of(device.point, device.point_length),
                                            .shared_info = bytes_of(INFO, sizeof INFO),
                                            .kdf_bytes = KEK_BYTES};
    const struct hsm_wrap wrap = {.firmware_key = image->firmware_key,
                                  .session_key = image->session_key,
                                  .key_wrap = HSM_AES_KEY_WRAP,
                                  .curve = HSM_P256,
                                  .peer_point = agreement.peer_point,
                                  .kdf = HSM_X963_SHA256,
                                  .shared_info = agreement.shared_info,
                                  .kek_bytes = KEK_BYTES};
    if (e == ERR_OK)
        e = p11_wrap(&trial->p11, &wrap, &wrapped, fault);
    if (e == ERR_OK && !p11_device_takes(&device, &agreement, &wrapped, ret_key))
        e = fault_set(
            fault, ERR_UNSUPPORTED, "license-closed",
            "The module made a license that no device could open: its KDF or its key wrap "
            "is another than the standard's.",
            0);
    p11_device_free(&device);
    return e;
}

static const EVP_CIPHER *cipher_of(const struct trial_form *form)
{
    if (form->cipher == HSM_AES_CBC)
        return EVP_aes_256_cbc();
    return form->cipher == HSM_AES_CTR ? EVP_aes_256_ctr() : EVP_aes_256_gcm();
}

/* GCM's additional data and, before the end, its tag. */
static bool take_aad(EVP_CIPHER_CTX *context, struct bytes aad)
{
    int length = 0;
    return EVP_DecryptUpdate(context, NULL, &length, aad.data, (int)aad.length) == 1;
}

static bool take_tag(EVP_CIPHER_CTX *context, const struct hsm_content *content)
{
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, HSM_GCM_TAG_BYTES,
                               (void *)(uintptr_t)content->tag) == 1;
}

/* out has room for as much as there is of cipher. */
static bool decrypt(const struct trial_form *form, const struct secret *key,
                    const struct hsm_content *content, struct bytes aad, struct bytes cipher,
                    uint8_t *out)
{
    int length = 0;
    const bool has_tag = content->tag_length > 0;
    const OSSL_PARAM iv_length[] = {
        OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_IVLEN, (size_t[]){content->iv_length}),
        OSSL_PARAM_construct_end()};
    CIPHER_CONTEXT_AUTO *context = EVP_CIPHER_CTX_new();
    bool is_good = context != NULL && key->length == HSM_SESSION_KEY_MAX &&
                   EVP_DecryptInit_ex2(context, cipher_of(form), key->bytes, content->iv,
                                       has_tag ? iv_length : NULL) == 1 &&
                   (!has_tag || take_aad(context, aad)) &&
                   EVP_DecryptUpdate(context, out, &length, cipher.data, (int)cipher.length) == 1 &&
                   (!has_tag || take_tag(context, content)) &&
                   EVP_DecryptFinal_ex(context, out + length, &length) == 1;
    ERR_clear_error();
    return is_good;
}

/* CBC is padded to whole blocks. */
static size_t cipher_bytes(const struct trial_form *form, size_t length)
{
    return form->cipher == HSM_AES_CBC ? (length / BLOCK_BYTES + 1) * BLOCK_BYTES : length;
}

/* Of records the one that there is: additional data, tag, ciphertext. */
static bool is_image(const struct trial_image *image, const struct trial_form *form, size_t length,
                     const struct secret *key, const struct hsm_content *content)
{
    const size_t before =
        form->cipher == HSM_AES_GCM_RECORDS ? RECORD_AAD_BYTES + HSM_GCM_TAG_BYTES : 0;
    const size_t size = cipher_bytes(form, length);
    uint8_t *made = malloc(before + size);
    uint8_t *opened = malloc(size);
    uint8_t *wanted = malloc(length);
    bool is_good = made != NULL && opened != NULL && wanted != NULL &&
                   pread(image->cipher_fd, made, before + size, 0) == (ssize_t)(before + size);
    if (is_good) {
        struct bytes aad =
            before > 0 ? bytes_of(made, RECORD_AAD_BYTES) : bytes_of(INFO, sizeof INFO);
        fill(wanted, length);
        is_good = decrypt(form, key, content, aad, bytes_of(made + before, size), opened) &&
                  memcmp(opened, wanted, length) == 0;
    }
    free(made);
    free(opened);
    free(wanted);
    return is_good;
}

enum error trial_image_opens(struct trial *trial, const struct trial_form *form, size_t length,
                             struct fault *fault)
{
    SECRET_AUTO key = {0};
    IMAGE_AUTO image = {.clear_fd = -1, .cipher_fd = -1};
    struct hsm_content content = {.length = 0};
    enum error e = trial_image_new(trial, form, length, &image, fault);
    if (e == ERR_OK)
        e = trial_image_encrypt(trial, &image, form, &content, fault);
    if (e == ERR_OK)
        e = take_key(trial, &image, &key, fault);
    if (e == ERR_OK && !is_image(&image, form, length, &key, &content))
        e = fault_set(
            fault, ERR_UNSUPPORTED, "image-differs",
            "The device that opened its license could not decrypt the image: the module's "
            "mode of AES is another than the standard's, or it used another key.",
            0);
    return e;
}

/* ---- the probes ---- */

static void say_opens(struct trial *trial, const struct trial_form *form, size_t length,
                      const char *finding)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    if (trial_image_opens(trial, form, length, &fault) != ERR_OK)
        trial_say_fault(trial, &fault);
    else
        trial_say(trial, TRIAL_WORKS, "", "", "%s", finding);
    trial_close(trial);
}

void trial_image_records(struct trial *trial)
{
    static const struct trial_form RECORDS = {.cipher = HSM_AES_GCM_RECORDS};
    say_opens(trial, &RECORDS, RECORD_BYTES, "CKM_AES_GCM in one piece");
}

void trial_image_parts(struct trial *trial)
{
    say_opens(trial, &TRIAL_GCM, PARTS_BYTES, "200 kB encrypted and opened");
}

void trial_image_cbc(struct trial *trial)
{
    static const struct trial_form CBC = {HSM_AES_CBC, HSM_IV_MAX};
    say_opens(trial, &CBC, FORM_BYTES, "CKM_AES_CBC_PAD, encrypted and opened");
}

void trial_image_ctr(struct trial *trial)
{
    static const struct trial_form CTR = {HSM_AES_CTR, HSM_IV_MAX};
    say_opens(trial, &CTR, FORM_BYTES, "CKM_AES_CTR, encrypted and opened");
}

void trial_image_gcm16(struct trial *trial)
{
    static const struct trial_form GCM16 = {HSM_AES_GCM, HSM_IV_MAX};
    say_opens(trial, &GCM16, FORM_BYTES, "CKM_AES_GCM, an IV of 16 bytes");
}

void trial_image_large(struct trial *trial)
{
    struct fault fault = {0};
    if (!trial_begin(trial))
        return;
    enum error e = trial_image_opens(trial, &TRIAL_GCM, LARGE_BYTES, &fault);
    const bool is_limited = e != ERR_OK && strcmp(fault.reason, "image-too-large-for-token") == 0;
    if (is_limited)
        e = trial_image_opens(trial, &TRIAL_GCM, WHOLE_MAX, &fault);
    if (e != ERR_OK) {
        trial_say_fault(trial, &fault);
    } else if (!is_limited) {
        trial_say(trial, TRIAL_WORKS, "", "", "in parts: of any size");
    } else {
        trial_say(trial, TRIAL_LIMITED, "images-16-mib",
                  "The module encrypts in one piece alone, which provisiond does up to 16 MiB. "
                  "Images of st-sfi have no such limit.",
                  "cms images up to 16 MiB");
    }
    trial_close(trial);
}
