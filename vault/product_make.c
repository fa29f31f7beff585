/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The checks of a product's settings, and its firmware key. Owns no state. */
#include "vault/product_make.h"

#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "ledger/ledger.h"
#include "license/license.h"
#include "vault/product_options.h"

/* The prefix by which the HSM's audit knows a firmware key. */
static const char FIRMWARE_KEY_LABEL[] = "provisiond-fk:";

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* The anchors parse as what the profile's devices are signed by; options NULL: X.509. */
static enum error check_anchors(struct bytes pem, const struct product_options *options,
                                struct fault *fault)
{
    struct device_anchors *anchors = NULL;
    struct st_anchors *st_anchors = NULL;
    if (pem.length > LEDGER_ANCHORS_MAX)
        return refuse(fault, "anchors", "Trust anchors are at most 64 KiB of PEM.");
    enum error e = options == NULL ? device_anchors_new(pem, NULL, &anchors, fault)
                                   : st_anchors_new(pem, &options->device, &st_anchors, fault);
    if (e == ERR_OK) {
        device_anchors_free(anchors);
        st_anchors_free(st_anchors);
    }
    return e;
}

enum error product_wish_check(const struct product_wish *wish, struct fault *fault)
{
    struct product_options options;
    const struct license_profile *profile = license_profile_find(wish->profile);
    if (profile == NULL)
        return refuse(fault, "profile", "There is no such license profile; try cms or st-sfi.");
    bool needs_options = license_device_form(profile) == LICENSE_ST_DEVICE;
    if (needs_options != (wish->options[0] != '\0'))
        return refuse(fault, "st",
                      needs_options ? "The profile st-sfi needs a product ID."
                                    : "Only the profile st-sfi has ST settings.");
    if (license_exposes_session_key(profile) && !wish->allows_key_exposure)
        return refuse(fault, "exposure-not-allowed",
                      "This profile brings the session key into the HSM worker's memory for each "
                      "license; the product must allow it (--allow-session-key-exposure).");
    enum error e = needs_options ? product_options_parse(wish->options, &options, fault) : ERR_OK;
    if (e == ERR_OK)
        e = check_anchors(wish->anchors, needs_options ? &options : NULL, fault);
    return e;
}

struct hsm_key_id product_firmware_key_id(const char *product)
{
    char text[sizeof FIRMWARE_KEY_LABEL + LEDGER_NAME_MAX];
    struct hsm_key_id id;
    int length = snprintf(text, sizeof text, "%s%s", FIRMWARE_KEY_LABEL, product);
    struct sha256 digest = sha256_of(bytes_of(text, (size_t)length));
    memcpy(id.bytes, digest.bytes, sizeof id.bytes);
    return id;
}

/* The label is for people; the key is found by its id. */
enum error product_firmware_key_make(struct hsm_client *hsm, const char *product,
                                     struct fault *fault)
{
    char label[HSM_LABEL_MAX_BYTES + 1];
    const struct hsm_key_id id = product_firmware_key_id(product);
    (void)snprintf(label, sizeof label, "%s%.*s", FIRMWARE_KEY_LABEL,
                   (int)(sizeof label - sizeof FIRMWARE_KEY_LABEL), product);
    return hsm_generate_firmware_key(hsm, &id, label, fault);
}
