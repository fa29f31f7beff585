/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 5 of the recipe: the session key, wrapped for a device inside the HSM, in the profile's
 * bytes. No lock and no database transaction is held across the HSM call. Owns no state.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/crash_point.h"
#include "vault/course.h"
#include "vault/hsm_watch.h"
#include "vault/product_make.h"

static_assert(LICENSE_SHARED_INFO_MAX <= HSM_SHARED_INFO_MAX, "a profile's info fits the HSM");
static_assert(LEDGER_WRAPPED_KEY_MAX <= HSM_WRAPPED_KEY_MAX, "a stored key fits the HSM");
static_assert(DEVICE_KEY_MAX_BYTES <= HSM_PEER_SPKI_MAX, "a device's key fits the HSM");
static_assert(LICENSE_PREFIX_MAX <= HSM_SEAL_PREFIX_MAX, "a profile's prefix fits the HSM");
static_assert(LICENSE_AAD_MAX <= HSM_SEAL_AAD_MAX, "a profile's additional data fits the HSM");

static struct license_subject subject_of(const struct course *course)
{
    const struct device *device = &course->device;
    const struct ledger_image *image = &course->image;
    return (struct license_subject){
        .product = course->product.name,
        .image = image->digest,
        .device_key = device_settings_key(device->key_type),
        .content = license_content_find(course->profile, image->content),
        .device_spki = device->spki,
        .device_serial = device->serial,
        .device_issuer = bytes_of(device->issuer, device->issuer_length),
        .certificate_serial =
            bytes_of(device->certificate_serial, device->certificate_serial_length),
        .content_iv = bytes_of(image->iv, image->iv_length),
        .content_tag = bytes_of(image->tag, image->tag_length),
        .st = course->has_st ? &course->st : NULL,
        .uses_kw256 = course->settings.uses_kw256,
        .uses_sha512 = course->settings.uses_sha512,
    };
}

/* From the name that governance.c has checked; the row could say another since. The generation is
 * the image's own: one that was read before a rotation is wrapped by the key of before. */
static struct hsm_key_id firmware_key_of(const struct course *course)
{
    return product_firmware_key_id(course->product.name, course->image.generation);
}

static struct hsm_wrapped_key session_key_of(const struct course *course)
{
    struct hsm_wrapped_key key = {.length = course->image.session_key_length};
    memcpy(key.bytes, course->image.session_key, key.length);
    return key;
}

static enum hsm_curve curve_of(const struct license_agreement *agreement)
{
    switch (agreement->key) {
    case LICENSE_P384:
        return HSM_P384;
    case LICENSE_X25519:
        return HSM_X25519;
    case LICENSE_P256:
    case LICENSE_RSA: /* and has no curve */
    default:
        return HSM_P256;
    }
}

static enum hsm_kdf kdf_of(const struct license_agreement *agreement)
{
    switch (agreement->kdf) {
    case LICENSE_X963_SHA384:
        return HSM_X963_SHA384;
    case LICENSE_HKDF_SHA256:
        return HSM_HKDF_SHA256;
    case LICENSE_HKDF_SHA512:
        return HSM_HKDF_SHA512;
    case LICENSE_CONCAT_SHA256:
        return HSM_CONCAT_SHA256;
    case LICENSE_X963_SHA256:
    default:
        return HSM_X963_SHA256;
    }
}

/* True when the HSM does it as a wrap, and false for a seal. */
static bool is_wrap(const struct course *course)
{
    enum license_wrap wrap = course->agreement.wrap;
    return wrap == LICENSE_AES_KEY_WRAP || wrap == LICENSE_RSA_OAEP || wrap == LICENSE_RSA_PKCS1;
}

/* For an RSA key there is nothing to agree upon. */
static struct hsm_wrap rsa_wrap_of(const struct course *course)
{
    return (struct hsm_wrap){
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .key_wrap = course->agreement.wrap == LICENSE_RSA_OAEP ? HSM_RSA_OAEP : HSM_RSA_PKCS1,
        .peer_spki = bytes_of(course->device.key, course->device.key_length),
    };
}

static struct hsm_wrap wrap_of(const struct course *course)
{
    const struct license_agreement *agreement = &course->agreement;
    if (agreement->wrap != LICENSE_AES_KEY_WRAP)
        return rsa_wrap_of(course);
    return (struct hsm_wrap){
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .key_wrap = HSM_AES_KEY_WRAP,
        .curve = curve_of(agreement),
        .peer_point = bytes_of(course->device.point, course->device.point_length),
        .kdf = kdf_of(agreement),
        .shared_info = bytes_of(agreement->shared_info, agreement->shared_info_length),
        .kek_bytes = agreement->kek_bytes,
    };
}

static struct hsm_seal oaep_seal_of(const struct course *course)
{
    return (struct hsm_seal){
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .scheme = HSM_SEAL_OAEP_SHA256,
        .peer_spki = bytes_of(course->device.key, course->device.key_length),
    };
}

static struct hsm_seal ctr_seal_of(const struct course *course)
{
    const struct license_agreement *agreement = &course->agreement;
    return (struct hsm_seal){
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .scheme = HSM_ECIES_CTR_HMAC,
        .curve = curve_of(agreement),
        .peer_point = bytes_of(course->device.point, course->device.point_length),
        .kdf = kdf_of(agreement),
        .shared_info = bytes_of(agreement->shared_info, agreement->shared_info_length),
        .kek_bytes = agreement->kek_bytes,
        .mac_bytes = agreement->mac_bytes,
    };
}

static struct hsm_seal seal_of(const struct course *course)
{
    const struct license_agreement *agreement = &course->agreement;
    if (agreement->wrap == LICENSE_RSA_OAEP_SHA256)
        return oaep_seal_of(course);
    if (agreement->wrap == LICENSE_ECIES_CTR_HMAC)
        return ctr_seal_of(course);
    return (struct hsm_seal){
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .scheme = HSM_ECIES_AES128_GCM,
        .curve = curve_of(agreement),
        .peer_point = bytes_of(course->device.point, course->device.point_length),
        .kdf = kdf_of(agreement),
        .shared_info = bytes_of(agreement->shared_info, agreement->shared_info_length),
        .layout = {.key_offset = agreement->kdf_key_offset,
                   .iv_offset = agreement->kdf_iv_offset,
                   .iv_bytes = agreement->kdf_iv_bytes},
        .prefix = bytes_of(agreement->prefix, agreement->prefix_length),
        .aad = bytes_of(agreement->aad, agreement->aad_length),
    };
}

/* ---- before and after the HSM ---- */

/* How the key must be wrapped, and whether the HSM is asked at all. */
static enum error agree(struct course *course, struct fault *fault)
{
    const struct license_subject subject = subject_of(course);
    enum error e = license_agreement(course->profile, &subject, &course->agreement);
    if (e != ERR_OK)
        return fault_set(fault, e, "agreement", "The profile cannot serve this device.", 0);
    return hsm_watch_permits(course->vault->watch, fault);
}

static enum error encode(struct course *course, const struct license_wrapped *wrapped,
                         struct fault *fault)
{
    const struct license_subject subject = subject_of(course);
    enum error e = license_encode(course->profile, &subject, wrapped, &course->license);
    if (e == ERR_UNSUPPORTED)
        return fault_set(
            fault, ERR_DEVICE_NOT_GENUINE, "rsa-size",
            "The profile's licenses have room for RSA keys of one size alone, and this "
            "device's is of another (docs/profiles/).",
            0);
    if (e != ERR_OK)
        return fault_set(fault, e, "encode", "The license cannot be encoded.", 0);
    return ERR_OK;
}

static enum error encode_wrapped(struct course *course, const struct hsm_wrapped *wrapped,
                                 struct fault *fault)
{
    const struct license_wrapped parts = {
        .ephemeral_point = bytes_of(wrapped->ephemeral_point, wrapped->ephemeral_length),
        .wrapped_key = bytes_of(wrapped->key.bytes, wrapped->key.length),
        .oaep_hash = wrapped->oaep_hash == HSM_SHA1 ? LICENSE_SHA1 : LICENSE_SHA256};
    return encode(course, &parts, fault);
}

static enum error encode_sealed(struct course *course, const struct hsm_sealed *sealed,
                                struct fault *fault)
{
    const struct license_wrapped parts = {
        .ephemeral_point = bytes_of(sealed->ephemeral_point, sealed->ephemeral_length),
        .wrapped_key = bytes_of(sealed->bytes, sealed->length)};
    return encode(course, &parts, fault);
}

static int64_t begin_call(void)
{
    crash_point("vault.before-wrap");
    return clock_monotonic_us();
}

/* Wraps that were asked for together have an equal share in how long that took. */
static void end_call(struct vault *vault, int64_t began_us, size_t wraps)
{
    int64_t each_us = (clock_monotonic_us() - began_us) / (int64_t)wraps;
    for (size_t i = 0; i < wraps; i++)
        histogram_note(&vault->hsm_calls, each_us);
    crash_point("vault.after-wrap");
}

/* What whoever asked for the license is told of it, and the watch. */
static enum error pass_on(struct vault *vault, struct fault *fault)
{
    if (fault->code == ERR_TIMEOUT) /* a wrap leaves nothing behind: the outcome is known */
        (void)fault_set(fault, ERR_HSM_UNAVAILABLE, "hsm-hung", "The HSM did not answer in time.",
                        0);
    if (fault->code == ERR_BAD_REQUEST) /* of the vault's, whose data are at fault; the station's
                                         * was good */
        fault->code = ERR_INTERNAL;
    if (fault->code == ERR_HSM_UNAVAILABLE)
        hsm_watch_note(vault->watch, fault);
    return fault->code;
}

/* A key that was retired, and is destroyed since the image was read, has a successor: the image is
 * read once more. */
static bool has_newer_key(struct course *course)
{
    struct ledger_image image;
    if (ledger_image_get(course->vault->ledger, course->product.id, &course->image.digest, &image,
                         NULL) != ERR_OK ||
        image.generation <= course->image.generation)
        return false;
    course->image = image;
    return true;
}

/* ---- one license ---- */

static enum error wrap(struct course *course, struct fault *fault)
{
    struct hsm_wrapped wrapped;
    const struct hsm_wrap question = wrap_of(course);
    int64_t began_us = begin_call();
    enum error e = hsm_wrap_key(course->vault->hsm, &question, &wrapped, fault);
    end_call(course->vault, began_us, 1);
    return e == ERR_OK ? encode_wrapped(course, &wrapped, fault) : pass_on(course->vault, fault);
}

/* The way that exposes the session key to the HSM worker: only for products that allow it. */
static enum error seal(struct course *course, struct fault *fault)
{
    struct hsm_sealed sealed;
    const struct hsm_seal question = seal_of(course);
    if (!course->product.allows_key_exposure)
        return fault_set(fault, ERR_UNSUPPORTED, "exposure-not-allowed",
                         "The profile exposes session keys to the HSM worker, and the product does "
                         "not allow it.",
                         0);
    int64_t began_us = begin_call();
    enum error e = hsm_seal_key(course->vault->hsm, &question, &sealed, fault);
    end_call(course->vault, began_us, 1);
    return e == ERR_OK ? encode_sealed(course, &sealed, fault) : pass_on(course->vault, fault);
}

static enum error wrap_or_seal(struct course *course, struct fault *fault)
{
    return is_wrap(course) ? wrap(course, fault) : seal(course, fault);
}

/* e is what the first try came to. */
static enum error under_newest_key(struct course *course, enum error e, struct fault *fault)
{
    return e == ERR_HSM_KEY_MISSING && has_newer_key(course) ? wrap_or_seal(course, fault) : e;
}

enum error course_make_license(struct course *course, struct fault *fault)
{
    enum error e = agree(course, fault);
    return e == ERR_OK ? under_newest_key(course, wrap_or_seal(course, fault), fault) : e;
}

/* ---- many licenses ---- */

/* The courses that wait for a wrap, and what is asked for them. */
struct wraps {
    struct course_outcome **outcomes;
    struct hsm_wrap *questions;
    struct hsm_wrap_result *results;
    size_t count;
};

static void wraps_clear(struct wraps *wraps)
{
    free(wraps->outcomes);
    free(wraps->questions);
    free(wraps->results);
}

static bool wraps_init(struct wraps *wraps, size_t max)
{
    *wraps = (struct wraps){.outcomes = calloc(max, sizeof(struct course_outcome *)),
                            .questions = calloc(max, sizeof *wraps->questions),
                            .results = calloc(max, sizeof *wraps->results)};
    if (wraps->outcomes != NULL && wraps->questions != NULL && wraps->results != NULL)
        return true;
    wraps_clear(wraps);
    return false;
}

/* A seal is asked for at once: there is no batch of those. */
static void begin(struct wraps *wraps, struct course_outcome *outcome)
{
    struct course *course = outcome->course;
    enum error e = agree(course, outcome->fault);
    if (e == ERR_OK && is_wrap(course)) {
        wraps->outcomes[wraps->count] = outcome;
        wraps->questions[wraps->count++] = wrap_of(course);
    } else if (e == ERR_OK) {
        e = under_newest_key(course, seal(course, outcome->fault), outcome->fault);
    }
    outcome->code = e;
}

static void end(struct course_outcome *outcome, struct hsm_wrap_result *result)
{
    if (result->fault.code == ERR_OK) {
        outcome->code = encode_wrapped(outcome->course, &result->wrapped, outcome->fault);
        return;
    }
    if (result->fault.code == ERR_HSM_KEY_MISSING && has_newer_key(outcome->course)) {
        outcome->code = wrap(outcome->course, outcome->fault);
        return;
    }
    outcome->code = pass_on(outcome->course->vault, &result->fault);
    *outcome->fault = result->fault;
}

void course_make_licenses(struct vault *vault, struct course_outcome *outcomes, size_t count,
                          deadline_ms deadline)
{
    struct wraps wraps;
    if (!wraps_init(&wraps, count)) {
        for (size_t i = 0; i < count; i++)
            outcomes[i].code =
                fault_set(outcomes[i].fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
        return;
    }
    for (size_t i = 0; i < count; i++)
        begin(&wraps, &outcomes[i]);
    if (wraps.count > 0) {
        int64_t began_us = begin_call();
        hsm_wrap_keys(vault->hsm, wraps.questions, wraps.count, deadline, wraps.results);
        end_call(vault, began_us, wraps.count);
    }
    for (size_t i = 0; i < wraps.count; i++)
        end(wraps.outcomes[i], &wraps.results[i]);
    wraps_clear(&wraps);
}
