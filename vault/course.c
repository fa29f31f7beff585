/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The steps of the recipe; the numbers are those of docs/ARCHITECTURE.md. No lock and no database
 * transaction is held across the HSM call. Owns no state.
 */
#include "vault/course.h"

#include <assert.h>
#include <string.h>

#include "core/clock.h"
#include "core/crash_point.h"
#include "vault/catalogue.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/notary.h"
#include "vault/product_make.h"
#include "vault/scope.h"

static_assert(DEVICE_SERIAL_MAX_BYTES <= LEDGER_SERIAL_MAX, "a device's serial fits the ledger");
static_assert(LICENSE_MAX_BYTES <= LEDGER_LICENSE_MAX, "a license fits the ledger");
static_assert(LICENSE_SHARED_INFO_MAX <= HSM_SHARED_INFO_MAX, "a profile's info fits the HSM");
static_assert(LEDGER_WRAPPED_KEY_MAX <= HSM_WRAPPED_KEY_MAX, "a stored key fits the HSM");
static_assert(DEVICE_POINT_MAX_BYTES <= HSM_POINT_MAX_BYTES, "a device's point fits the HSM");
static_assert(DEVICE_POINT_MAX_BYTES <= LEDGER_POINT_MAX, "a device's point fits the ledger");

/* An alias names product and image. */
static enum error find_names(const struct course *course, struct ledger_alias *names,
                             struct fault *fault)
{
    const struct recipe_request *request = course->request;
    if (request->alias != NULL)
        return ledger_alias_get(course->vault->ledger, request->alias, names, fault);
    strcpy(names->product, request->product);
    if (request->image != NULL)
        names->digest = *request->image;
    return ERR_OK;
}

/* Whether the caller may ask for this product on this line. */
static enum error check_scope(struct course *course, const char *product, struct fault *fault)
{
    enum error e = scope_check_product(course->request->caller, product, fault);
    course->context = course->request->context;
    if (e == ERR_OK)
        e = scope_take_line(course->request->caller, &course->context, fault);
    return e;
}

/* Step 2, first half: product and image are known, enabled and the caller's. */
enum error course_find_subject(struct course *course, struct fault *fault)
{
    const struct recipe_request *request = course->request;
    struct ledger_alias names;
    bool is_latest = request->alias == NULL && request->image == NULL;
    enum error e = find_names(course, &names, fault);
    if (e == ERR_OK)
        e = check_scope(course, names.product, fault);
    if (e == ERR_OK)
        e = catalogue_subject(course->vault->catalogue, names.product,
                              is_latest ? NULL : &names.digest, &course->product, &course->image,
                              fault);
    if (e == ERR_OK)
        e = notary_permits(course->vault->notary, fault);
    if (e == ERR_OK)
        e = governance_permits(course->vault->governance, course->product.id, course->product.name,
                               fault);
    return e;
}

static void take_settings(struct course *course, const struct product_options *options)
{
    course->profile = license_profile_find(course->product.profile); /* the cache found it too */
    course->has_st = options != NULL;
    if (options != NULL)
        course->st = options->license;
}

/* Step 2, second half: the device proves its origin under the product's own anchors. */
enum error course_check_device(struct course *course, struct fault *fault)
{
    struct product_anchors *anchors = NULL;
    enum error e = product_cache_get(course->vault->products, course->vault->ledger,
                                     &course->product, &anchors, fault);
    if (e == ERR_OK)
        e = product_anchors_check(anchors, &course->request->proof, clock_unix_ms(),
                                  &course->device, fault);
    if (e == ERR_OK) {
        take_settings(course, product_anchors_options(anchors));
        course->identity.spki = course->device.spki;
        strcpy(course->identity.serial, course->device.serial);
        memcpy(course->identity.point, course->device.point, course->device.point_length);
        course->identity.point_length = course->device.point_length;
        course->identity.can_sign = course->device.can_sign;
    }
    course->is_genuine = e == ERR_OK;
    product_anchors_put(anchors);
    return e;
}

static struct license_subject subject_of(const struct course *course)
{
    const struct device *device = &course->device;
    const struct ledger_image *image = &course->image;
    return (struct license_subject){
        .product = course->product.name,
        .image = image->digest,
        .device_key = LICENSE_P256,
        .content = license_content_find(course->profile, ""),
        .device_spki = device->spki,
        .device_serial = device->serial,
        .device_issuer = bytes_of(device->issuer, device->issuer_length),
        .certificate_serial =
            bytes_of(device->certificate_serial, device->certificate_serial_length),
        .content_iv = bytes_of(image->iv, image->iv_length),
        .content_tag = bytes_of(image->tag, sizeof image->tag),
        .st = course->has_st ? &course->st : NULL,
    };
}

/* What came back from the HSM, of either way of wrapping. */
struct wrapped_key {
    uint8_t ephemeral_point[HSM_POINT_MAX_BYTES];
    size_t ephemeral_length;
    uint8_t bytes[HSM_SEALED_MAX];
    size_t length;
};

static_assert(HSM_WRAPPED_KEY_MAX <= HSM_SEALED_MAX, "a wrapped key fits");
static_assert(LICENSE_PREFIX_MAX <= HSM_SEAL_PREFIX_MAX, "a profile's prefix fits the HSM");
static_assert(LICENSE_AAD_MAX <= HSM_SEAL_AAD_MAX, "a profile's additional data fits the HSM");

/* From the name that governance.c has checked; the row could say another since. */
static struct hsm_key_id firmware_key_of(const struct course *course)
{
    return product_firmware_key_id(course->product.name);
}

static struct hsm_wrapped_key session_key_of(const struct course *course)
{
    struct hsm_wrapped_key key = {.length = course->image.session_key_length};
    memcpy(key.bytes, course->image.session_key, key.length);
    return key;
}

static enum error wrap(struct course *course, const struct license_agreement *agreement,
                       struct wrapped_key *ret_wrapped, struct fault *fault)
{
    struct hsm_wrapped wrapped;
    const struct hsm_wrap question = {
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .curve = HSM_P256,
        .peer_point = bytes_of(course->device.point, course->device.point_length),
        .kdf = HSM_X963_SHA256,
        .shared_info = bytes_of(agreement->shared_info, agreement->shared_info_length),
        .kek_bytes = agreement->kek_bytes,
    };
    enum error e = hsm_wrap_key(course->vault->hsm, &question, &wrapped, fault);
    if (e != ERR_OK)
        return e;
    memcpy(ret_wrapped->ephemeral_point, wrapped.ephemeral_point, wrapped.ephemeral_length);
    ret_wrapped->ephemeral_length = wrapped.ephemeral_length;
    memcpy(ret_wrapped->bytes, wrapped.key.bytes, wrapped.key.length);
    ret_wrapped->length = wrapped.key.length;
    return ERR_OK;
}

/* The way that exposes the session key to the HSM worker: only for products that allow it. */
static enum error seal(struct course *course, const struct license_agreement *agreement,
                       struct wrapped_key *ret_wrapped, struct fault *fault)
{
    struct hsm_sealed sealed;
    const struct hsm_seal question = {
        .firmware_key = firmware_key_of(course),
        .session_key = session_key_of(course),
        .curve = HSM_P256,
        .peer_point = bytes_of(course->device.point, course->device.point_length),
        .kdf = HSM_X963_SHA256,
        .shared_info = bytes_of(agreement->shared_info, agreement->shared_info_length),
        .layout = {.key_offset = agreement->kdf_key_offset,
                   .iv_offset = agreement->kdf_iv_offset,
                   .iv_bytes = agreement->kdf_iv_bytes},
        .prefix = bytes_of(agreement->prefix, agreement->prefix_length),
        .aad = bytes_of(agreement->aad, agreement->aad_length),
    };
    if (!course->product.allows_key_exposure)
        return fault_set(fault, ERR_UNSUPPORTED, "exposure-not-allowed",
                         "The profile exposes session keys to the HSM worker, and the product does "
                         "not allow it.",
                         0);
    enum error e = hsm_seal_key(course->vault->hsm, &question, &sealed, fault);
    if (e != ERR_OK)
        return e;
    memcpy(ret_wrapped->ephemeral_point, sealed.ephemeral_point, sealed.ephemeral_length);
    ret_wrapped->ephemeral_length = sealed.ephemeral_length;
    memcpy(ret_wrapped->bytes, sealed.bytes, sealed.length);
    ret_wrapped->length = sealed.length;
    return ERR_OK;
}

static enum error ask_hsm(struct course *course, const struct license_agreement *agreement,
                          struct wrapped_key *ret_wrapped, struct fault *fault)
{
    if (agreement->key != LICENSE_P256 || agreement->kdf != LICENSE_X963_SHA256)
        return fault_set(fault, ERR_UNSUPPORTED, "agreement", "This HSM cannot do this profile.",
                         0);
    crash_point("vault.before-wrap");
    int64_t began_us = clock_monotonic_us();
    enum error e = agreement->wrap == LICENSE_AES_KEY_WRAP
                       ? wrap(course, agreement, ret_wrapped, fault)
                       : seal(course, agreement, ret_wrapped, fault);
    histogram_note(&course->vault->hsm_calls, clock_monotonic_us() - began_us);
    crash_point("vault.after-wrap");
    if (e == ERR_TIMEOUT) /* a wrap leaves nothing behind: the outcome is known */
        e = fault_set(fault, ERR_HSM_UNAVAILABLE, "hsm-hung", "The HSM did not answer in time.", 0);
    if (e == ERR_HSM_UNAVAILABLE)
        hsm_watch_note(course->vault->watch, fault);
    return e;
}

/* Step 5: the session key, wrapped for this device inside the HSM, in the profile's bytes. */
static enum error make_license(struct course *course, struct fault *fault)
{
    struct license_agreement agreement;
    struct wrapped_key wrapped;
    const struct license_subject subject = subject_of(course);
    enum error e = license_agreement(course->profile, &subject, &agreement);
    if (e != ERR_OK)
        return fault_set(fault, e, "agreement", "The profile cannot serve this device.", 0);
    e = hsm_watch_permits(course->vault->watch, fault);
    if (e == ERR_OK)
        e = ask_hsm(course, &agreement, &wrapped, fault);
    if (e != ERR_OK)
        return e;
    const struct license_wrapped parts = {
        .ephemeral_point = bytes_of(wrapped.ephemeral_point, wrapped.ephemeral_length),
        .wrapped_key = bytes_of(wrapped.bytes, wrapped.length)};
    e = license_encode(course->profile, &subject, &parts, &course->license);
    if (e != ERR_OK)
        return fault_set(fault, e, "encode", "The license cannot be encoded.", 0);
    return ERR_OK;
}

enum error course_prepare(struct course *course, struct fault *fault)
{
    enum ledger_standing standing;
    enum error e =
        ledger_standing(course->vault->ledger, course->product.id, course->image.id,
                        course->request->caller->id, &course->identity, &standing, fault);
    if (e == ERR_OK && standing == LEDGER_MAY_ISSUE)
        e = make_license(course, fault);
    if (e != ERR_OK)
        return e;
    course->issue = (struct ledger_issue){
        .product_id = course->product.id,
        .image_id = course->image.id,
        .principal_id = course->request->caller->id,
        .asked_with = course->request->caller->key,
        .device = course->identity,
        .license = bytes_of(course->license.bytes, course->license.length),
        .context = course->context,
        .deadline = course->request->deadline,
    };
    return ERR_OK;
}

deadline_ms course_deadline(const struct recipe_request *request, int64_t timeout_ms)
{
    deadline_ms deadline = deadline_in(timeout_ms);
    return deadline < request->deadline ? deadline : request->deadline;
}

/* Half of the threads may wait for the HSM: the others answer what needs no anchor. */
enum error course_await_anchor(struct vault *vault, int64_t before, deadline_ms deadline,
                               struct fault *fault)
{
    enum error e = ERR_BUSY;
    if (atomic_fetch_add(&vault->anchor_waiters, 1) < (vault->config->vault.threads + 1) / 2)
        e = notary_await_anchor(vault->notary, before, deadline, fault);
    else
        (void)fault_set(fault, ERR_BUSY, LEDGER_AWAITS_ANCHOR,
                        "Many new licenses wait for the HSM's anchor already: ask again.", 0);
    (void)atomic_fetch_sub(&vault->anchor_waiters, 1);
    return e;
}

void course_note_refusal(const struct course *course, const struct fault *fault)
{
    const struct ledger_refusal refusal = {
        .product = course->product.name,
        .principal_id = course->request->caller->id,
        .code = fault->code,
        .reason = fault->reason,
        .device = course->is_genuine ? &course->identity : NULL,
    };
    if (fault->code == ERR_DEVICE_NOT_GENUINE || fault->code == ERR_DEVICE_IDENTITY_CONFLICT ||
        fault->code == ERR_DEVICE_SCRAPPED)
        ledger_refusal_note(course->vault->ledger, &refusal);
}
