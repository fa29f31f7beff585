/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The steps of the recipe but the fifth; the numbers are those of docs/ARCHITECTURE.md. Owns no
 * state.
 */
#include "vault/course.h"

#include <assert.h>
#include <string.h>

#include "core/clock.h"
#include "device/raw_key.h"
#include "vault/catalogue.h"
#include "vault/governance.h"
#include "vault/notary.h"
#include "vault/scope.h"

static_assert(DEVICE_SERIAL_MAX_BYTES <= LEDGER_SERIAL_MAX, "a device's serial fits the ledger");
static_assert(LICENSE_MAX_BYTES <= LEDGER_LICENSE_MAX, "a license fits the ledger");
static_assert(DEVICE_POINT_MAX_BYTES <= LEDGER_POINT_MAX, "a device's point fits the ledger");

/* Whose licenses are parts of images: device_image.h. */
#define SPLICED_PROFILE "mcuboot"

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

/* Before anything is charged. */
static enum error check_form(const struct course *course, struct fault *fault)
{
    if (!course->request->wants_image || strcmp(course->product.profile, SPLICED_PROFILE) == 0)
        return ERR_OK;
    return fault_set(fault, ERR_NOT_ACCEPTABLE, "no-device-image",
                     "Devices of this product have no image of their own: their license and the "
                     "image that all of them share are two things.",
                     0);
}

/* Step 2, first half: product and image are known, enabled and the caller's. */
static enum error find_subject(struct course *course, struct fault *fault)
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
        e = check_form(course, fault);
    if (e == ERR_OK)
        e = notary_permits(course->vault->notary, fault);
    if (e == ERR_OK)
        e = governance_permits(course->vault->governance, course->product.id, course->product.name,
                               fault);
    return e;
}

static void take_settings(struct course *course, const struct product_anchors *anchors)
{
    const struct product_options *options = product_anchors_options(anchors);
    const struct device_settings *settings = product_anchors_settings(anchors);
    course->profile = license_profile_find(course->product.profile); /* the cache found it too */
    course->has_st = options != NULL;
    if (options != NULL)
        course->st = options->license;
    if (settings != NULL)
        course->settings = *settings;
}

/* A raw key is genuine when a list of a signer that still counts names it, which also gives it its
 * serial number. */
static enum error check_listed(struct course *course, const struct list_signers *signers,
                               struct fault *fault)
{
    struct ledger_listed listed;
    bool is_listed = false;
    enum error e = ledger_listed_get(course->vault->ledger, course->product.id,
                                     &course->device.spki, &is_listed, &listed, fault);
    if (e != ERR_OK)
        return e;
    if (!is_listed)
        return raw_key_not_listed(fault);
    if (!list_signers_have(signers, &listed.signer))
        return raw_key_signer_dropped(fault);
    strcpy(course->device.serial, listed.serial);
    return ERR_OK;
}

/* Step 2, second half: the device proves its origin under the product's own anchors. */
static enum error check_device(struct course *course, struct fault *fault)
{
    struct product_anchors *anchors = NULL;
    enum error e = product_cache_get(course->vault->products, course->vault->ledger,
                                     &course->product, &anchors, fault);
    if (e == ERR_OK)
        e = product_anchors_check(anchors, &course->request->proof, clock_unix_ms(),
                                  &course->device, fault);
    if (e == ERR_OK && product_anchors_signers(anchors) != NULL)
        e = check_listed(course, product_anchors_signers(anchors), fault);
    if (e == ERR_OK) {
        take_settings(course, anchors);
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

enum error course_begin(struct course *course, struct fault *fault)
{
    enum ledger_standing standing;
    enum error e = find_subject(course, fault);
    if (e == ERR_OK)
        e = check_device(course, fault);
    if (e == ERR_OK)
        e = ledger_standing(course->vault->ledger, course->product.id, course->image.id,
                            course->request->caller->id, &course->identity, &standing, fault);
    if (e == ERR_OK)
        course->needs_license = standing == LEDGER_MAY_ISSUE;
    return e;
}

void course_end(struct course *course)
{
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
